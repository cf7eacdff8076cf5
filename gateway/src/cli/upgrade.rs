//! `weir upgrade`: starts this binary as the daemon that takes over from the one that runs, and waits until it serves.

use super::{CliError, Result, block_on, print};
use crate::api::client;
use hyper::Method;
use std::os::unix::process::CommandExt as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

/// How long the next daemon may take until it serves.
const PATIENCE: Duration = Duration::from_secs(150);
/// How often it is looked for.
const EVERY: Duration = Duration::from_millis(50);

#[derive(clap::Args)]
pub(super) struct Arguments {
    /// The configuration; /etc/weir/weir.toml where none is given
    #[arg(long, env = "WEIR_CONFIG", value_name = "FILE")]
    config: Option<PathBuf>,
}

pub(super) fn upgrade(arguments: &Arguments) -> Result {
    let config = super::load(arguments.config.as_deref())?;
    let socket = config.host.socket;
    let serving = || block_on(async { client::ask_daemon(&socket, Method::GET, "/healthz", None).await.map_err(CliError::new) });
    serving()?;
    let program = std::env::current_exe().map_err(|error| CliError::new(format!("this program can't be found: {error}")))?;
    let mut next = Command::new(program);
    // Whoever waits for the end of this one's output is not to wait for the daemon's.
    next.args(["serve", "--take-over"]).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    if let Some(file) = &arguments.config {
        next.arg("--config").arg(file);
    }
    let mut next = next.spawn().map_err(|error| CliError::new(format!("the next daemon can't be started: {error}")))?;
    let begun = Instant::now();
    while begun.elapsed() < PATIENCE {
        if let Ok(Some(status)) = next.try_wait() {
            return Err(CliError::new(format!(
                "the next daemon ended ({status}), and the one that ran goes on; its log says why"
            )));
        }
        let health = serving().ok();
        let pid = health.as_ref().and_then(|health| health.get("pid")?.as_u64());
        if pid == Some(next.id().into()) {
            let version = health.as_ref().and_then(|health| health.get("version")?.as_str()).unwrap_or("?");
            print(&format!("process {} of version {version} serves; the one before drains", next.id()))?;
            return Ok(ExitCode::SUCCESS);
        }
        std::thread::sleep(EVERY);
    }
    let _ended = next.kill().is_ok();
    Err(CliError::new(format!("the next daemon did not serve within {} s: it was ended", PATIENCE.as_secs())))
}
