//! Starts other programs, and tells the reader what runs and for how long.

use anyhow::{Context as _, bail};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Instant;

/// Runs `program` in the workspace's root under a heading; any exit status but 0 is an error.
pub(crate) fn run(title: &str, program: &str, arguments: &[&str]) -> anyhow::Result<()> {
    tell(&format!("== {title}: {program} {} ==", arguments.join(" ")));
    let started = Instant::now();
    let status =
        Command::new(program).args(arguments).current_dir(root()).status().with_context(|| format!("can't start `{program}`"))?;
    let seconds = started.elapsed().as_secs();
    if !status.success() {
        bail!("{title} failed after {seconds} s ({status})");
    }
    tell(&format!("== {title}: ok in {seconds} s =="));
    Ok(())
}

/// The same, and what it wrote to its standard output.
pub(crate) fn output(program: &str, arguments: &[&str]) -> anyhow::Result<String> {
    tell(&format!("== {program} {} ==", arguments.join(" ")));
    let mut command = Command::new(program);
    command.args(arguments).current_dir(root()).stdin(Stdio::null()).stderr(Stdio::inherit());
    let output = command.output().with_context(|| format!("can't start `{program}`"))?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    if !output.status.success() {
        bail!("{program} failed ({})\n{said}", output.status);
    }
    Ok(said)
}

/// Whether `program arguments…` can be started and succeeds.
pub(crate) fn present(program: &str, arguments: &[&str]) -> bool {
    let mut command = Command::new(program);
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

/// The workspace's root.
pub(crate) fn root() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own).to_owned()
}

/// cargo's own folder for what it makes.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// One line to the reader. A closed pipe is no reason to stop a check.
pub(crate) fn tell(line: &str) {
    writeln!(std::io::stderr(), "{line}").ok();
}
