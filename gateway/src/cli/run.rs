//! `weir run`: one job under a gateway of its own.

use super::containers;
use super::run_launch::Launch;
use super::{CliError, Result, run_daemon};
use crate::app::{Gateway, Start};
use crate::capture;
use crate::launch::{self, Cgroup, Exception, JobUser, Launcher, OpenFiles, Privileges};
use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

/// How long sessions that are still open when the job ends may take to end.
const DRAIN: Duration = Duration::from_secs(3);

#[derive(clap::Args)]
pub(super) struct Arguments {
    #[command(subcommand)]
    view: Option<super::runs::View>,
    /// The configuration; /etc/weir/weir.toml where none is given, observe mode where that isn't there
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Run the job as this user (name or number)
    #[arg(long, value_name = "USER")]
    pub(super) uid: Option<String>,
    #[command(flatten)]
    pub(super) containers: containers::ContainerArguments,
    /// How much of the host the job gets
    #[arg(long, value_enum, value_name = "none|confined|host", default_value_t = Privileges::None)]
    pub(super) privileges: Privileges,
    /// An exception from that: namespaces, io-uring, abstract-sockets, inherited-sockets, socket=PATH, device=PATH
    #[arg(long, value_name = "WHAT")]
    pub(super) allow: Vec<Exception>,
    /// Keep what a confined job writes below this folder
    #[arg(long, value_name = "PATH")]
    pub(super) keep: Vec<PathBuf>,
    /// Keep all that a confined job writes, to the host's own programs and settings too
    #[arg(long)]
    pub(super) keep_writes: bool,
    /// Say nothing of its own on the standard error but errors
    #[arg(long, short)]
    pub(super) quiet: bool,
    /// The job and its arguments
    #[arg(last = true, required = true, value_name = "CMD")]
    pub(super) command: Vec<OsString>,
}

pub(super) fn run(mut arguments: Arguments) -> Result {
    if let Some(view) = arguments.view.take() {
        return super::runs::view(view);
    }
    let root = nix::unistd::geteuid().is_root();
    if !root {
        run_daemon::check_for_user(&arguments)?;
    }
    let config = super::load(arguments.config.as_deref())?;
    crate::telemetry::start(&config.log);
    if let Some(joined) = run_daemon::join(&config.host.socket, &arguments.command)? {
        return run_daemon::run(&joined, &config, arguments);
    }
    if !root {
        let hint = "try `sudo weir run …`, or have root start the daemon, `weir serve`";
        return Err(CliError::new(format!("no daemon runs here, and a gateway of its own needs root: {hint}")));
    }
    let state_dir = config.state_dir.clone();
    // Before there is another thread, since threads inherit it: a signal that comes early waits for the job.
    let launcher = Launcher::new().map_err(CliError::new)?;
    let user = arguments.user()?;
    let open_files = OpenFiles::raise().map_err(CliError::new)?;
    let home = own_cgroup()?;
    sweep(&home);
    for (path, reason) in capture::sweep("run-").failed {
        tracing::warn!(path = %path.display(), reason, "what a killed gateway left in the kernel stays there");
    }
    let containers = std::mem::take(&mut arguments.containers).asked()?;
    let gateway_cgroup = Cgroup::create(home.join(format!("weir-{}", std::process::id()))).map_err(CliError::new)?;
    let run = Gateway::new_run();
    let job_cgroup = Cgroup::create(gateway_cgroup.path().join(run.to_string())).map_err(CliError::new)?;
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
    let environment = gateway.job_environment(run);
    // Docker's API for the job is in a folder of the gateway's.
    let adopted =
        environment.iter().filter(|(name, _)| name == "DOCKER_HOST").filter_map(|(_, value)| value.strip_prefix("unix://"));
    let shown = gateway.job_files().into_iter().chain(adopted.map(PathBuf::from)).collect();
    let launch = Launch {
        launcher,
        user,
        open_files,
        shown,
        environment,
        withheld: gateway.secret_variables(),
        private: gateway.private_files(),
        state_dir: state_dir.clone(),
    };
    let quiet = arguments.quiet;
    let ended = launch.run(&job_cgroup, arguments);
    let summary = gateway.stop(DRAIN);
    if let Err(error) = super::runs::append_to_page(&state_dir, run) {
        // The job's own status is not to depend on a page about it.
        say(&error.to_string());
    }
    if !quiet {
        say(&format!("run {run} ended: {summary}"));
    }
    ended.map(|ended| ExitCode::from(ended.code))
}

impl Arguments {
    /// The user that the job is to run as.
    pub(super) fn user(&self) -> Result<Option<JobUser>> {
        let find = |uid| JobUser::find(uid, self.privileges);
        self.uid.as_deref().map(find).transpose().map_err(CliError::new)
    }
}

/// Ends what gateways and launchers that were killed have left below `home`.
pub(super) fn sweep(home: &Path) {
    let swept = launch::sweep(home);
    if swept > 0 {
        say(&format!("ended {swept} processes of jobs whose gateway had been killed"));
    }
}

/// This process's own cgroup: a job below it stays in its unit, by name and for its limits.
pub(super) fn own_cgroup() -> Result<PathBuf> {
    let mount = capture::cgroup2_mount().map_err(CliError::new)?;
    let text = std::fs::read_to_string("/proc/self/cgroup").map_err(CliError::new)?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    Ok(mount.join(path))
}

/// A line of the gateway's own in the job's log.
pub(super) fn say(line: &str) {
    // A closed standard error must not end the job.
    let _said = writeln!(std::io::stderr(), "weir: {line}").is_ok();
}
