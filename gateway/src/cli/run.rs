//! `weir run`: one job under a gateway of its own.

use super::containers;
use super::{CliError, Result, run_daemon};
use crate::app::{Gateway, Start};
use crate::capture;
use crate::launch::{self, Cgroup, Exception, Job, JobUser, Launcher, OpenFiles, Privileges, Scratch, UringWatch};
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
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
    config: Option<PathBuf>,
    /// Run the job as this user (name or number)
    #[arg(long, value_name = "USER")]
    uid: Option<String>,
    #[command(flatten)]
    containers: containers::ContainerArguments,
    /// How much of the host the job gets
    #[arg(long, value_enum, value_name = "none|confined|host", default_value_t = Privileges::None)]
    privileges: Privileges,
    /// An exception from that: namespaces, io-uring, abstract-sockets, inherited-sockets, socket=PATH, device=PATH
    #[arg(long, value_name = "WHAT")]
    allow: Vec<Exception>,
    /// Keep what a confined job writes below this folder
    #[arg(long, value_name = "PATH")]
    keep: Vec<PathBuf>,
    /// Keep all that a confined job writes, to the host's own programs and settings too
    #[arg(long)]
    keep_writes: bool,
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
    let state_dir = config.state_dir.clone();
    if let Some(joined) = run_daemon::join(&config.host.socket, &arguments.command)? {
        if arguments.privileges == Privileges::Confined {
            return Err(CliError::new(
                "a daemon runs here, whose jobs keep their caller's privileges: `--privileges confined` needs a gateway of the job's own",
            ));
        }
        if !arguments.quiet {
            say(&joined.describe());
            say("privileges: the caller's; what the daemon's jobs start as is not cut further");
        }
        let user = arguments.uid.as_deref().map(user).transpose()?;
        return Err(joined.exec(&arguments.command, user.as_ref()));
    }
    if !nix::unistd::geteuid().is_root() {
        let hint = "try `sudo weir run …`, or have root start the daemon, `weir serve`";
        return Err(CliError::new(format!("no daemon runs here, and a gateway of its own needs root: {hint}")));
    }
    // Before there is another thread, since threads inherit it: a signal that comes early waits for the job.
    let launcher = Launcher::new().map_err(CliError::new)?;
    let user = arguments.uid.as_deref().map(|uid| JobUser::find(uid, arguments.privileges)).transpose().map_err(CliError::new)?;
    let open_files = OpenFiles::raise().map_err(CliError::new)?;
    let home = own_cgroup()?;
    let swept = launch::sweep(&home);
    if swept > 0 {
        say(&format!("ended {swept} processes of jobs whose gateway had been killed"));
    }
    for (path, reason) in capture::sweep("run-").failed {
        tracing::warn!(path = %path.display(), reason, "what a killed gateway left in the kernel stays there");
    }
    let containers = arguments.containers.asked()?;
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
    let watch = || capture::cgroup_id(job_cgroup.path()).map_err(|error| error.to_string()).and_then(UringWatch::start);
    let uring = if arguments.privileges == Privileges::Host { Err("nothing is cut".to_owned()) } else { watch() };
    if let Err(why) = &uring
        && arguments.privileges != Privileges::Host
        && !arguments.quiet
    {
        say(&format!("what io_uring makes can't be watched here ({why}): jobs get none unless --allow io-uring"));
    }
    let mut private = gateway.private_files();
    private.extend(arguments.config);
    let layered = arguments.privileges == Privileges::Confined && !arguments.keep_writes;
    let scratch = layered.then(|| Scratch::make(&state_dir)).transpose().map_err(CliError::new)?;
    let environment = gateway.job_environment(run);
    // Docker's API for the job is in a folder of the gateway's.
    let adopted =
        environment.iter().filter(|(name, _)| name == "DOCKER_HOST").filter_map(|(_, value)| value.strip_prefix("unix://"));
    let shown = gateway.job_files().into_iter().chain(adopted.map(PathBuf::from)).collect();
    let job = Job {
        command: arguments.command,
        cgroup: job_cgroup.path().to_owned(),
        environment,
        withheld: gateway.secret_variables(),
        user,
        open_files,
        privileges: arguments.privileges,
        allowed: arguments.allow.into_iter().collect(),
        private,
        shown,
        kept: arguments.keep,
        scratch: scratch.as_ref().map(|scratch| scratch.path().to_owned()),
        uring_watched: uring.is_ok(),
    };
    if !arguments.quiet {
        say(&launcher.describe(&job));
    }
    let ended = launcher.run(&job, &job_cgroup).map_err(CliError::new);
    if let Ok(ended) = &ended
        && ended.left > 0
    {
        if !arguments.quiet {
            say(&format!("the job has ended and left {} processes behind; they are ended with it", ended.left));
        }
        job_cgroup.kill();
    }
    let killed = uring.as_ref().map_or(0, UringWatch::killed);
    if killed > 0 {
        say(&format!("{killed} times io_uring was to make a socket of a family that is refused; the process was ended"));
    }
    if let Some(scratch) = scratch
        && !arguments.quiet
        && ended.is_ok()
    {
        let files = scratch.files();
        if files > 0 {
            say(&format!("what the job wrote to the host's own folders is discarded: {files} files"));
        }
    }
    let summary = gateway.stop(DRAIN);
    if let Err(error) = super::runs::append_to_page(&state_dir, run) {
        // The job's own status is not to depend on a page about it.
        say(&error.to_string());
    }
    if !arguments.quiet {
        say(&format!("run {run} ended: {summary}"));
    }
    ended.map(|ended| ExitCode::from(ended.code))
}

/// This process's own cgroup: a job below it stays in its unit, by name and for its limits.
fn own_cgroup() -> Result<PathBuf> {
    let mount = capture::cgroup2_mount().map_err(CliError::new)?;
    let text = std::fs::read_to_string("/proc/self/cgroup").map_err(CliError::new)?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::/")).unwrap_or_default();
    Ok(mount.join(path))
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
