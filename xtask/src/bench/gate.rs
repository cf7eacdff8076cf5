//! `cargo xtask bench gate`: instructions of five fixed workloads, held against those that are kept. What else the machine does
//! changes none of them, so that a slower forward path is seen on any machine.

use crate::run::{root, run, target, tell};
use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Whether to keep what is counted.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Keep what is counted now, instead of holding it against what is kept.
    #[arg(long)]
    write: bool,
}

/// What is counted, and how often the work is done.
const WORKLOADS: [(&str, u32); 5] = [("forward", 500), ("inspect", 50), ("decide", 2000), ("mask", 500), ("record", 20)];
/// The most that a count may be above or below the one that is kept.
const MARGIN: f64 = 0.03;
const KEPT: &str = "docs/results/bench-gate.json";

/// Counts the development build, which is there wherever tests were run.
pub(crate) fn gate(options: &Options) -> anyhow::Result<()> {
    // Not of one package alone: then it would be another build of what it depends on than that of the tests.
    run("build", "cargo", &["build", "--locked", "--example", "gate"])?;
    let program = target().join("debug/examples/gate");
    let mut counted = Map::new();
    for (name, times) in WORKLOADS {
        // What it takes to begin is in both.
        let (none, all) = (instructions(&program, name, 0)?, instructions(&program, name, times)?);
        ensure!(all > none, "{name}: the work takes no instructions");
        counted.insert(name.to_owned(), json!((all - none) / u64::from(times)));
    }
    let place = root().join(KEPT);
    if options.write {
        let report = json!({
            "instructions": counted,
            "settings": {
                "build": "debug", "margin": MARGIN, "compiler": compiler()?,
                "what": "instructions for one time each, counted by callgrind: those of a run less those of its beginning",
            },
        });
        return fs::write(&place, format!("{report:#}\n")).with_context(|| place.display().to_string());
    }
    let kept: Value = serde_json::from_str(&fs::read_to_string(&place).with_context(|| place.display().to_string())?)?;
    let by = kept.pointer("/settings/compiler").and_then(Value::as_str).unwrap_or_default();
    if by != compiler()? {
        tell(&format!(
            "gate: NOT HELD, what is kept was counted of what {by} made; `cargo xtask bench gate --write` keeps this one's"
        ));
        return Ok(());
    }
    let mut beyond = Vec::new();
    for (name, now) in &counted {
        let number = |value: Option<&Value>| value.and_then(Value::as_f64).with_context(|| format!("{KEPT} has no {name}"));
        let (now, before) = (number(Some(now))?, number(kept.pointer(&format!("/instructions/{name}")))?);
        let line = format!("{name}: {now:.0} instructions, {before:.0} before ({:+.1} %)", (now / before - 1.0) * 100.0);
        tell(&line);
        if (now / before - 1.0).abs() > MARGIN {
            beyond.push(line);
        }
    }
    if !beyond.is_empty() {
        bail!(
            "more than {} % away from what is kept: {}; if it is meant, `cargo xtask bench gate --write`",
            MARGIN * 100.0,
            beyond.join("; ")
        );
    }
    Ok(())
}

/// What callgrind counts of one run.
fn instructions(program: &Path, workload: &str, times: u32) -> anyhow::Result<u64> {
    let out: PathBuf = std::env::temp_dir().join(format!("weir-gate-{}", std::process::id()));
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["--tool=callgrind", &format!("--callgrind-out-file={}", out.display())]);
    let output = valgrind.arg(program).args([workload, &times.to_string()]).output();
    let output = output.context("callgrind counts instructions: scripts/setup installs it (valgrind)")?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    fs::remove_file(&out).ok();
    ensure!(output.status.success(), "{workload}: {}\n{said}", output.status);
    let collected = said.lines().find_map(|line| line.split_once("Collected :")?.1.split_whitespace().next()?.parse().ok());
    collected.with_context(|| format!("{workload}: callgrind says nothing of instructions\n{said}"))
}

fn compiler() -> anyhow::Result<String> {
    let output = Command::new("rustc").arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
