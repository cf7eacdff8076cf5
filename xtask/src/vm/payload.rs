//! What the guest is given: weir, the test programs, the hooks as they are in `deploy/`, and the checks themselves.

use crate::run::{root, run, target, tell};
use anyhow::{Context as _, ensure};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Two folders that the guest sees.
pub(super) struct Shared {
    /// What it runs; it can't write there.
    pub(super) payload: PathBuf,
    /// What it found.
    pub(super) results: PathBuf,
}

pub(super) fn payload(place: &Path, only: Option<&str>) -> anyhow::Result<Shared> {
    let shared = Shared { payload: place.join("payload"), results: place.join("results") };
    for folder in [&shared.payload, &shared.results] {
        if folder.exists() {
            fs::remove_dir_all(folder)?;
        }
        fs::create_dir_all(folder)?;
    }
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    let built = built();
    program(&built.join("weir"), &shared.payload.join("weir"))?;
    program(&test_program("capture")?, &shared.payload.join("capture"))?;
    if root().join("tests/src/bin/bypass.rs").exists() {
        run("build bypass", "cargo", &["build", "--locked", "-p", "weir-tests", "--bin", "weir-bypass"])?;
        program(&built.join("weir-bypass"), &shared.payload.join("weir-bypass"))?;
    }
    copy(&root().join("deploy"), &shared.payload.join("deploy"))?;
    copy(&root().join("xtask/src/vm/guest"), &shared.payload.join("guest"))?;
    fs::write(shared.payload.join("only"), only.unwrap_or_default())?;
    Ok(shared)
}

fn built() -> PathBuf {
    let target = target();
    root().join(target).join("debug")
}

/// Copies a program without what only a debugger needs: an emulated disk is slow.
fn program(from: &Path, to: &Path) -> anyhow::Result<()> {
    let done = Command::new("strip").arg("--strip-debug").arg("-o").arg(to).arg(from).status().context("can't start strip")?;
    ensure!(done.success(), "cannot copy {} to {}", from.display(), to.display());
    Ok(())
}

/// Where cargo has put this integration test of the gateway.
fn test_program(name: &str) -> anyhow::Result<PathBuf> {
    tell(&format!("== build tests: {name} =="));
    let output = Command::new("cargo")
        .args(["test", "--locked", "-p", "gateway", "--test", name, "--no-run", "--message-format=json-render-diagnostics"])
        .current_dir(root())
        .stderr(Stdio::inherit())
        .output()
        .context("can't start cargo")?;
    ensure!(output.status.success(), "the test {name} does not build");
    let messages = String::from_utf8_lossy(&output.stdout);
    let mut found = messages.lines().filter_map(|line| {
        let message: Value = serde_json::from_str(line).ok()?;
        let own = message.pointer("/target/name")? == name;
        own.then(|| message.get("executable")?.as_str().map(PathBuf::from)).flatten()
    });
    found.next_back().with_context(|| format!("cargo names no program for the test {name}"))
}

fn copy(from: &Path, to: &Path) -> anyhow::Result<()> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(done.success(), "cannot copy {}", from.display());
    Ok(())
}
