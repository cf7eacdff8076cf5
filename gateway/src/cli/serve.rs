//! `weir serve`: the host's daemon.

use super::{CliError, Result};
use crate::app::{Daemon, End};
use crate::capture;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::ExitCode;

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration; /etc/weir/weir.toml where none is given
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
    /// Take over from the daemon that runs: its sockets, its jobs and its running totals
    #[arg(long)]
    take_over: bool,
    /// Start nothing: end the jobs that a daemon which is gone has left refused, and take its hooks away
    #[arg(long, conflicts_with = "take_over")]
    clear: bool,
    /// Say nothing of its own on the standard error but errors
    #[arg(long, short)]
    quiet: bool,
}

pub(super) fn serve(arguments: &Arguments) -> Result {
    let config = super::load(arguments.config.as_deref())?;
    crate::telemetry::start(&config.log);
    if !nix::unistd::geteuid().is_root() {
        return Err(CliError::new("`weir serve` attaches kernel hooks and needs root: start it as a system service"));
    }
    if arguments.clear {
        return clear(&config.host.name);
    }
    crate::launch::OpenFiles::raise().map_err(CliError::new)?;
    let say = |line: String| {
        // A closed standard error must not end the daemon.
        let _said = arguments.quiet || writeln!(std::io::stderr(), "weir: {line}").is_ok();
    };
    // The whole chain: what failed, and what that came from.
    let started = if arguments.take_over { Daemon::take_over(config) } else { Daemon::start(config) };
    let daemon = started.map_err(|error| CliError::new(format!("{error:#}")))?;
    say(format!("serving, {}", daemon.describe()));
    match daemon.run().map_err(CliError::new)? {
        End::Stopped(summary) => say(format!("stopped: {summary}")),
        End::TakenOver(summary) => say(format!("taken over by another daemon: {summary}")),
    }
    Ok(ExitCode::SUCCESS)
}

/// Ends the jobs of a daemon that is gone, then takes its hooks away.
fn clear(name: &str) -> Result {
    let pins = std::path::Path::new(capture::PINS).join(name);
    if let Some(pid) = capture::gateway_of(&pins) {
        return Err(CliError::new(format!("the daemon runs (process {pid}): stop it first")));
    }
    let swept = capture::sweep_named(name);
    match swept.failed.as_slice() {
        [] => super::print(&format!("{} cleared", crate::telemetry::count(swept.cleared.len(), "gateway", "gateways")))?,
        [(path, why), ..] => return Err(CliError::new(format!("{} can't be cleared: {why}", path.display()))),
    }
    Ok(ExitCode::SUCCESS)
}
