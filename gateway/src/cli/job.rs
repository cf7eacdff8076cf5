//! The job's process: born in its cgroup, with its privileges cut, and waited for.

#![expect(unsafe_code, reason = "what happens between fork and exec has no safe wrapper")]

use super::{CliError, Result};
use crate::capture;
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::os::fd::AsRawFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// What to run, as whom and where.
pub(super) struct Job<'a> {
    /// The program and its arguments.
    pub(super) command: &'a [OsString],
    /// The cgroup that it is born in.
    pub(super) cgroup: &'a Path,
    /// Variables set on top of the caller's.
    pub(super) environment: Vec<(String, String)>,
    /// Variables that it does not get: those that hold the gateway's secrets.
    pub(super) withheld: Vec<String>,
    /// The user to run as.
    pub(super) user: Option<nix::unistd::User>,
    /// The limits of open files that it gets: those of its caller, not the gateway's.
    pub(super) open_files: OpenFiles,
}

/// A soft and a hard limit of open files.
#[derive(Clone, Copy)]
pub(super) struct OpenFiles {
    soft: u64,
    hard: u64,
}

impl OpenFiles {
    /// Lets this process have as many files as it may, since a session takes three; gives back what it had.
    pub(super) fn raise() -> Result<Self> {
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(CliError::new)?;
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(CliError::new)?;
        Ok(Self { soft, hard })
    }
}

/// Starts the job. It is inside its cgroup before its first instruction.
pub(super) fn spawn(job: &Job<'_>) -> Result<Child> {
    let (program, arguments) = job.command.split_first().ok_or_else(|| CliError::new("nothing to run"))?;
    let procs = job.cgroup.join("cgroup.procs");
    let procs = OpenOptions::new()
        .write(true)
        .open(&procs)
        .map_err(|error| CliError::new(format!("cannot open {}: {error}", procs.display())))?;
    let mut command = Command::new(program);
    command.args(arguments);
    for name in &job.withheld {
        command.env_remove(name);
    }
    command.envs(job.environment.iter().map(|(name, value)| (name, value)));
    if let Some(user) = &job.user {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
        command.env("HOME", &user.dir).env("USER", &user.name).env("LOGNAME", &user.name);
    }
    let descriptor = procs.as_raw_fd();
    let open_files = job.open_files;
    // SAFETY: between fork and exec only async-signal-safe system calls are made: write, setrlimit, prctl and
    // close_range, on memory that was laid out before the fork.
    unsafe {
        command.pre_exec(move || {
            if libc::write(descriptor, b"0\n".as_ptr().cast(), 2) != 2 {
                return Err(std::io::Error::last_os_error());
            }
            setrlimit(Resource::RLIMIT_NOFILE, open_files.soft, open_files.hard)?;
            if libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // Without its gateway the job has no way out but past it.
            if libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL, 0, 0, 0) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            // An inherited socket would be a way round; marking them is enough, exec closes them.
            let flags = libc::CLOSE_RANGE_CLOEXEC as libc::c_int;
            if libc::syscall(libc::SYS_close_range, 3, libc::c_uint::MAX, flags) != 0 {
                return Err(std::io::Error::last_os_error());
            }
            Ok(())
        });
    }
    command.spawn().map_err(|error| CliError::new(format!("cannot start `{}`: {error}", Path::new(program).display())))
}

/// Removes what gateways that were killed have left below `parent`: their jobs' cgroups, with the
/// processes in them, which nobody intercepts any more. Says how many processes were ended.
pub(super) fn sweep(parent: &Path) -> usize {
    let mut ended = 0;
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("weir-")?.parse::<u32>().ok());
        if let Some(pid) = pid
            && !Path::new("/proc").join(pid.to_string()).exists()
        {
            ended += remove_left(&entry.path());
            let routes = capture::remove_left_routes(pid);
            tracing::info!(pid, routes, "swept what a killed gateway left");
            // It is there only where a target had weir's own certificates.
            let _removed = std::fs::remove_dir_all(format!("/run/weir/trust-{pid}")).is_ok();
        }
    }
    ended
}

/// Ends what runs in a dead gateway's cgroup and removes it.
fn remove_left(path: &Path) -> usize {
    let below = std::fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let jobs: Vec<_> = below.map(|entry| Cgroup { path: entry.path() }).collect();
    let whole = Cgroup { path: path.to_owned() };
    let ended = jobs.iter().map(Cgroup::processes).sum::<usize>() + whole.processes();
    if ended > 0 {
        whole.kill();
    }
    // The jobs' cgroups go first.
    drop(jobs);
    ended
}

/// A cgroup that is removed, with whatever still runs in it, when dropped.
pub(super) struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes a cgroup, whose parent must exist.
    pub(super) fn create(path: PathBuf) -> Result<Self> {
        std::fs::create_dir(&path)
            .map_err(|error| CliError::new(format!("cannot make the cgroup {}: {error}. Are you root?", path.display())))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// How many processes are in it.
    pub(super) fn processes(&self) -> usize {
        std::fs::read_to_string(self.path.join("cgroup.procs")).map_or(0, |text| text.lines().count())
    }

    /// Kills every process in it and waits, for two seconds at most, until they are gone.
    pub(super) fn kill(&self) {
        if let Err(error) = std::fs::write(self.path.join("cgroup.kill"), "1") {
            tracing::warn!(%error, cgroup = %self.path.display(), "cannot kill what is left in the cgroup");
        }
        for _ in 0..200 {
            if self.processes() == 0 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.processes() > 0 {
            self.kill();
        }
        if let Err(error) = std::fs::remove_dir(&self.path) {
            tracing::warn!(%error, cgroup = %self.path.display(), "cannot remove the cgroup");
        }
    }
}
