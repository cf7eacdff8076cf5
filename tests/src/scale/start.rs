//! What `weir run` adds to the time of a job that does nothing, where the host's daemon runs.

use super::gateway::{Server, weir};
use crate::control_speed::quantile;
use crate::{Daemon, binary};
use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Instant;

/// Milliseconds of the job alone and under weir, one after the other each time.
pub(super) fn measure(server: &Server, times: usize) -> anyhow::Result<Value> {
    let daemon = Daemon::start(weir(server, "")?, "");
    let config = daemon.weir.config().display().to_string();
    let weir = binary().display().to_string();
    let under = [weir.as_str(), "run", "--quiet", "--config", &config, "--", "true"];
    let (mut alone, mut with) = (Vec::new(), Vec::new());
    // The first of each warms caches up.
    for number in 0..=times {
        for (command, took) in [(&["true"][..], &mut alone), (&under[..], &mut with)] {
            let mut shell = daemon.shell(r#"exec "$@""#, command);
            let began = Instant::now();
            let status = shell.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status()?;
            let elapsed = began.elapsed().as_secs_f64() * 1e3;
            ensure!(status.success(), "{command:?}: {status}");
            if number > 0 {
                took.push(elapsed);
            }
        }
    }
    let of = |times: &[f64]| quantile(times, 50).context("nothing was begun");
    let (alone_ms, with_ms) = (of(&alone)?, of(&with)?);
    Ok(
        json!({ "true_ms": alone_ms, "weir_run_ms": with_ms, "overhead_ms": with_ms - alone_ms, "rounds_ms": { "true": alone, "weir_run": with } }),
    )
}
