//! `weir run`: one job under a gateway of its own.

use super::containers;
use super::job::{self, Cgroup, Job, OpenFiles};
use super::{CliError, Result, run_daemon};
use crate::app::{Gateway, Start};
use crate::capture;
use nix::sys::signal::Signal;
use std::ffi::OsString;
use std::io::Write;
use std::os::unix::process::ExitStatusExt;
use std::path::PathBuf;
use std::process::{Child, ExitCode, ExitStatus};
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// How long sessions that are still open when the job ends may take to end.
const DRAIN: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    view: Option<super::runs::View>,
    /// The configuration; /etc/weir/weir.toml where none is given, observe mode where that isn't there
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Run the job as this user (name or number)
    #[arg(long, value_name = "USER")]
    uid: Option<String>,
    #[command(flatten)]
    containers: containers::ContainerArguments,
    /// Say nothing of its own on the standard error but errors
    #[arg(long, short)]
    quiet: bool,
    /// The job and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    command: Vec<OsString>,
}

pub(super) fn run(mut arguments: Arguments) -> Result {
    if let Some(view) = arguments.view.take() {
        return super::runs::view(view);
    }
    let config = super::load(arguments.config.as_deref())?;
    crate::telemetry::start(&config.log);
    let user = arguments.uid.as_deref().map(user).transpose()?;
    if let Some(joined) = run_daemon::join(&config.host.socket, &arguments.command)? {
        if !arguments.quiet {
            say(&joined.describe());
        }
        return Err(joined.exec(&arguments.command, user.as_ref()));
    }
    if !nix::unistd::geteuid().is_root() {
        let hint = "try `sudo weir run …`, or have root start the daemon, `weir serve`";
        return Err(CliError::new(format!("no daemon runs here, and a gateway of its own needs root: {hint}")));
    }
    let open_files = OpenFiles::raise()?;
    let home = own_cgroup()?;
    let swept = job::sweep(&home);
    if swept > 0 {
        say(&format!("ended {swept} processes of jobs whose gateway had been killed"));
    }
    for (path, reason) in capture::sweep("run-").failed {
        tracing::warn!(path = %path.display(), reason, "what a killed gateway left in the kernel stays there");
    }
    let containers = arguments.containers.asked()?;
    let gateway_cgroup = Cgroup::create(home.join(format!("weir-{}", std::process::id())))?;
    let run = Gateway::new_run();
    let job_cgroup = Cgroup::create(gateway_cgroup.path().join(run.to_string()))?;
    let state_dir = config.state_dir.clone();
    let attach = gateway_cgroup.path().to_owned();
    let start = Start { config, attach, pins: capture::private_pins(), host: None, inherited: None };
    let mut gateway = Gateway::start(start).map_err(|error| CliError::new(format!("{error:#}")))?;
    gateway.attest_by_own_environment(run);
    gateway.add_job(job_cgroup.path(), run).map_err(CliError::new)?;
    if let Some(containers) = containers {
        gateway.give_containers(containers, run, job_cgroup.path()).map_err(CliError::new)?;
    }
    if !arguments.quiet {
        say(&format!("run {run}, {}; scope: the job's own cgroup", gateway.describe()));
    }
    let job = Job {
        command: &arguments.command,
        cgroup: job_cgroup.path(),
        environment: gateway.job_environment(run),
        withheld: gateway.secret_variables(),
        user,
        open_files,
    };
    let ended = job::spawn(&job).and_then(wait);
    let left = job_cgroup.processes();
    if left > 0 {
        if !arguments.quiet {
            say(&format!("the job has ended and left {left} processes behind; they are ended with it"));
        }
        job_cgroup.kill();
    }
    let summary = gateway.stop(DRAIN);
    if let Err(error) = super::runs::append_to_page(&state_dir, run) {
        // The job's own status is not to depend on a page about it.
        say(&error.to_string());
    }
    if !arguments.quiet {
        say(&format!("run {run} ended: {summary}"));
    }
    ended.map(exit_code)
}

/// The last signal that another process sent to this one, and that the job has not had yet.
static SIGNAL: AtomicI32 = AtomicI32::new(0);

/// Remembers a signal. One from the terminal has reached the job too: it is not to have it twice.
extern "C" fn remember(signal: libc::c_int, info: *mut libc::siginfo_t, _context: *mut libc::c_void) {
    #[expect(unsafe_code, reason = "the kernel hands a pointer")]
    // SAFETY: with SA_SIGINFO the kernel passes a valid siginfo.
    let from_process = unsafe { (*info).si_code } <= 0;
    if from_process {
        SIGNAL.store(signal, Ordering::Relaxed);
    }
}

/// Waits for the job, and passes on the signals that this process is sent meanwhile.
fn wait(mut child: Child) -> Result<ExitStatus> {
    for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT] {
        let action = nix::sys::signal::SigAction::new(
            nix::sys::signal::SigHandler::SigAction(remember),
            nix::sys::signal::SaFlags::SA_SIGINFO,
            nix::sys::signal::SigSet::empty(),
        );
        #[expect(unsafe_code, reason = "a handler runs between any two instructions")]
        // SAFETY: the handler reads what it was passed and does one atomic store.
        unsafe { nix::sys::signal::sigaction(signal, &action) }.map_err(CliError::new)?;
    }
    let pid = nix::unistd::Pid::from_raw(i32::try_from(child.id()).map_err(CliError::new)?);
    loop {
        // Waits without reaping, so that a signal can't reach a pid that was given away.
        let waited = nix::sys::wait::waitid(
            nix::sys::wait::Id::Pid(pid),
            nix::sys::wait::WaitPidFlag::WEXITED | nix::sys::wait::WaitPidFlag::WNOWAIT,
        );
        match waited {
            Ok(_) => return child.wait().map_err(CliError::new),
            Err(nix::errno::Errno::EINTR) => {
                let signal = SIGNAL.swap(0, Ordering::Relaxed);
                if let Ok(signal) = Signal::try_from(signal)
                    && let Err(error) = nix::sys::signal::kill(pid, signal)
                {
                    tracing::warn!(%error, %signal, "cannot pass the signal on to the job");
                }
            }
            Err(error) => return Err(CliError::new(format!("cannot wait for the job: {error}"))),
        }
    }
}

/// This process's own cgroup: a job below it stays in its unit, by name and for its limits.
fn own_cgroup() -> Result<PathBuf> {
    let mount = capture::cgroup2_mount().map_err(CliError::new)?;
    let text = std::fs::read_to_string("/proc/self/cgroup").map_err(CliError::new)?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    Ok(mount.join(path))
}

/// The job's own status; 128 and the signal's number where a signal ended it, as shells say it.
fn exit_code(status: ExitStatus) -> ExitCode {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
    ExitCode::from(u8::try_from(code).unwrap_or(1))
}

fn user(text: &str) -> Result<nix::unistd::User> {
    let found = match text.parse::<u32>() {
        Ok(uid) => nix::unistd::User::from_uid(uid.into()),
        Err(_) => nix::unistd::User::from_name(text),
    };
    found.map_err(CliError::new)?.ok_or_else(|| CliError::new(format!("no user `{text}` on this host")))
}

/// A line of the gateway's own in the job's log.
fn say(line: &str) {
    // A closed standard error must not end the job.
    let _said = writeln!(std::io::stderr(), "weir: {line}").is_ok();
}
