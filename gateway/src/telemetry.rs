//! The operator's log, and the words of what people are told. The record never rides on it.

use std::io::{IsTerminal, Write};
use tracing_subscriber::EnvFilter;

/// Starts logging to the standard error at the configured level; `WEIR_LOG` overrides it.
pub fn start(level: &str) {
    let filter = EnvFilter::try_from_env("WEIR_LOG").unwrap_or_else(|_unset| EnvFilter::new(level));
    // It logs the statements that it reads, with what is in them.
    let filter = match "sqlparser=warn".parse() {
        Ok(quiet) => filter.add_directive(quiet),
        Err(_) => filter,
    };
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

/// Tells whoever reads the job's log that something of it was refused; on GitHub as an annotation too.
pub fn tell_job(line: &str) {
    say(line, "error");
}

/// Tells whoever reads the job's log something that is no refusal.
pub fn inform_job(line: &str) {
    say(line, "notice");
}

fn say(line: &str, level: &str) {
    let mut out = std::io::stderr().lock();
    // A closed standard error must not end a session.
    let mut told = writeln!(out, "weir: {line}").is_ok();
    if std::env::var_os("GITHUB_ACTIONS").is_some_and(|value| value == "true") {
        told &= writeln!(out, "::{level}::weir: {}", line.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")).is_ok();
    }
    if !told {
        tracing::debug!("nobody reads the job's log");
    }
}

/// This host's name, as records, events and identities have it.
#[must_use]
pub fn host_name() -> String {
    let host = nix::unistd::gethostname().ok().and_then(|name| name.into_string().ok());
    host.filter(|name| !name.is_empty()).unwrap_or_else(|| "localhost".to_owned())
}

/// `1 row`, `2 rows`.
pub fn count(number: impl TryInto<u64>, one: &str, more: &str) -> String {
    // What does not fit is more than one.
    let number = number.try_into().unwrap_or(u64::MAX);
    format!("{number} {}", if number == 1 { one } else { more })
}

/// A time in its largest whole unit: `45 s`, `30 min`, `2 h`, `7 d`.
#[must_use]
pub fn duration(time: std::time::Duration) -> String {
    let seconds = time.as_secs();
    let (each, unit) = [(86_400, "d"), (3600, "h"), (60, "min")]
        .into_iter()
        .find(|(each, _)| seconds >= *each && seconds.is_multiple_of(*each))
        .unwrap_or((1, "s"));
    format!("{} {unit}", seconds / each)
}
