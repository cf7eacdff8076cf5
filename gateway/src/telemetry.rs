//! The operator's log. The record never rides on it.

use std::io::IsTerminal;
use tracing_subscriber::EnvFilter;

/// Starts logging to the standard error at the configured level; `WEIR_LOG` overrides it.
pub fn start(level: &str) {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_unset| EnvFilter::new(level));
    let started = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stderr().is_terminal())
        .with_writer(std::io::stderr)
        .with_target(false)
        .try_init();
    if started.is_err() {
        // A test in the same process has started it already.
        tracing::debug!("the log was started before");
    }
}
