//! Starting the job's init: in the job's cgroup before its first instruction, as process 1 of a pid namespace.

#![expect(unsafe_code, reason = "what happens between fork and exec has no safe wrapper")]

use super::options::{Allowed, Privileges};
use super::plan::Plan;
use super::supervise::forwarded;
use super::terminal::{self, Standing};
use super::user::JobUser;
use super::{LaunchError, Result, descriptors, init, seccomp};
use nix::sched::{CloneFlags, unshare};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{PipeReader, PipeWriter};
use std::os::fd::AsRawFd as _;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

/// What to run, as whom, where, and cut off from what.
pub struct Job {
    /// The program and its arguments.
    pub command: Vec<OsString>,
    /// The cgroup that it is born in.
    pub cgroup: PathBuf,
    /// Variables set on top of the caller's.
    pub environment: Vec<(String, String)>,
    /// Variables that it does not get: those that hold the gateway's secrets.
    pub withheld: Vec<String>,
    /// The user to run as.
    pub user: Option<JobUser>,
    /// The limits of open files that it gets: those of its caller, not the gateway's.
    pub open_files: OpenFiles,
    /// How much of the host it gets.
    pub privileges: Privileges,
    /// The exceptions from that.
    pub allowed: Allowed,
    /// The gateway's own files and folders, which it does not see.
    pub private: Vec<PathBuf>,
    /// Folders of the gateway's that it does see.
    pub shown: Vec<PathBuf>,
    /// Folders in which what a confined job writes stays, further to those in which it works.
    pub kept: Vec<PathBuf>,
    /// Where what a confined job writes elsewhere goes. Without it, all of it stays.
    pub scratch: Option<PathBuf>,
    /// Whether what io_uring makes is watched.
    pub uring_watched: bool,
}

/// A soft and a hard limit of open files.
#[derive(Clone, Copy, Debug)]
pub struct OpenFiles {
    soft: u64,
    hard: u64,
}

impl OpenFiles {
    /// Lets this process have as many files as it may, since a session takes three; gives back what it had.
    ///
    /// # Errors
    /// Where the system refuses.
    pub fn raise() -> Result<Self> {
        let failed = |errno| LaunchError::system("the limit of open files can't be raised", errno);
        let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(failed)?;
        setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(failed)?;
        Ok(Self { soft, hard })
    }
}

/// A started init, and the two pipes to it.
pub(super) struct Started {
    pub(super) child: Child,
    /// Its end ends the job.
    pub(super) life: PipeWriter,
    /// What init has to tell.
    pub(super) report: PipeReader,
    pub(super) standing: Standing,
}

impl Job {
    /// One line on what the job gets, and what it does not.
    pub(super) fn describe(&self) -> String {
        if self.privileges == Privileges::Host {
            return "privileges host: nothing is cut but inherited descriptors; a job that is root can leave by many ways"
                .to_owned();
        }
        let scopes = if super::scopes::available() { "Landlock scopes" } else { "no Landlock scopes (kernel 6.12)" };
        let rights = match self.privileges {
            Privileges::None => "no privileges to be had",
            Privileges::Confined | Privileges::Host => "root inside without the host's",
        };
        let uring = match (self.uring_watched, self.allowed.io_uring) {
            (true, _) => "io_uring watched",
            (false, true) => "io_uring unwatched, as allowed",
            (false, false) => "io_uring refused",
        };
        let writes = match (self.privileges, &self.scratch) {
            (Privileges::None | Privileges::Host, _) => "",
            (Privileges::Confined, Some(_)) => "; what it writes to the host's own folders is discarded (--keep PATH)",
            (Privileges::Confined, None) => "; what it writes to the host's own folders stays, as asked for",
        };
        let namespaces = if self.allowed.namespaces { "; its own namespaces, as allowed" } else { "" };
        let name = self.privileges.name();
        format!("privileges {name}: {rights}; pid, mount and IPC namespaces, seccomp, {scopes}; {uring}{namespaces}{writes}")
    }

    fn plan(&self, standing: Standing) -> Result<Plan> {
        let directory = std::env::current_dir().map_err(|error| LaunchError::system("the working directory is gone", error))?;
        Ok(Plan {
            privileges: self.privileges,
            allowed: self.allowed.clone(),
            uring_watched: self.uring_watched,
            user: self.user.clone(),
            directory,
            open_files: (self.open_files.soft, self.open_files.hard),
            private: self.private.clone(),
            shown: self.shown.clone(),
            kept: self.kept.clone(),
            scratch: self.scratch.clone(),
            cgroup: self.cgroup.clone(),
            takes_terminal: standing == Standing::Interactive,
            own_group: standing != Standing::Shared,
        })
    }

    /// Starts it. The calling thread can't start another afterwards, and its end is the job's.
    pub(super) fn start(&self) -> Result<Started> {
        descriptors::check_standard_streams(&self.allowed)?;
        let cut = self.privileges != Privileges::Host;
        if cut && !seccomp::available() {
            let why = "it has no filters (CONFIG_SECCOMP_FILTER)".to_owned();
            return Err(LaunchError::Kernel { what: "seccomp", why });
        }
        let standing = terminal::standing();
        let plan = self.plan(standing)?.write()?;
        let pipes = || std::io::pipe().map_err(|error| LaunchError::system("a pipe can't be made", error));
        let ((life_end, life), (report, report_end)) = (pipes()?, pipes()?);
        let procs = self.cgroup.join("cgroup.procs");
        let procs = OpenOptions::new().write(true).open(&procs);
        let procs = procs.map_err(|error| LaunchError::system(format!("{} can't be opened", self.cgroup.display()), error))?;
        let inherited = [plan.as_raw_fd(), life_end.as_raw_fd(), report_end.as_raw_fd()];
        let mut command = Command::new("/proc/self/exe");
        command.arg0("weir").arg(init::ARGUMENT).args(inherited.map(|descriptor| descriptor.to_string())).args(&self.command);
        for name in &self.withheld {
            command.env_remove(name);
        }
        command.envs(self.environment.iter().map(|(name, value)| (name, value)));
        if let Some(user) = &self.user {
            command.envs(user.environment());
        }
        if cut {
            std::fs::create_dir_all(super::masks::RUN).map_err(|error| LaunchError::sight(super::masks::RUN, error))?;
            unshare(CloneFlags::CLONE_NEWPID).map_err(|errno| LaunchError::system("a pid namespace can't be made", errno))?;
        }
        let (descriptor, signals) = (procs.as_raw_fd(), forwarded());
        // SAFETY: between fork and exec only async-signal-safe system calls are made, on memory that was laid out before.
        unsafe {
            command.pre_exec(move || {
                if libc::write(descriptor, b"0\n".as_ptr().cast(), 2) != 2 {
                    return Err(std::io::Error::last_os_error());
                }
                // What it is sent before it listens waits.
                signals.thread_block()?;
                // Without its gateway the job has no way out but past it. Where there is no pid namespace, init's own
                // end would end nobody else's: it hears by its pipe, and ends the cgroup.
                if cut {
                    nix::sys::prctl::set_pdeathsig(nix::sys::signal::Signal::SIGKILL)?;
                }
                descriptors::close_at_exec()?;
                for descriptor in inherited {
                    if libc::fcntl(descriptor, libc::F_SETFD, 0) != 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                }
                Ok(())
            });
        }
        let child = command.spawn().map_err(|error| LaunchError::system("the job's init can't be started", error))?;
        Ok(Started { child, life, report, standing })
    }
}

/// The program's name, for messages.
pub(super) fn program(command: &[OsString]) -> std::path::Display<'_> {
    command.first().map_or_else(|| Path::new(""), Path::new).display()
}
