//! `cargo xtask bench all`: every figure of docs/performance.md in one report.

use super::fairness::fairness;
use super::syscalls::syscalls;
use super::{hook, mask, postgres};
use crate::run::{run, target, tell};
use anyhow::Context as _;
use clap::Args;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf, absolute};

/// Where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: PathBuf,
    /// Seconds of each measurement of the ways, and of fairness [default: 5].
    #[arg(long)]
    seconds: Option<u32>,
    /// One short round of everything: that it works, not how fast. Takes debug builds.
    #[arg(long)]
    quick: bool,
}

/// Figures that stand at the report's top, and in which part they are.
const TOP: [(&str, &str); 6] = [
    ("fairness_p99", "fairness"),
    ("run_overhead_ms", "scale"),
    ("memory", "scale"),
    ("syscalls_per_round_trip", "syscalls"),
    ("allocations_per_message", "allocations"),
    ("decision_us", "decision"),
];

/// Measures one part after another: each is a run of its own, and says on what.
pub(super) fn all(options: &Options) -> anyhow::Result<()> {
    let (json, quick) = (absolute(&options.json)?, options.quick);
    let folder = super::folder::Folder::make()?;
    let place = |name: &str| folder.0.join(format!("{name}.json"));
    let read = |name: &str| -> anyhow::Result<Value> { Ok(serde_json::from_str(&fs::read_to_string(place(name))?)?) };
    tell("== the ways to one Postgres ==");
    postgres::postgres(&postgres::Options::to(&place("postgres"), options.seconds, quick))?;
    tell("== masking ==");
    mask::mask(&mask::Options::copies(&place("mask"), quick))?;
    tell("== the hook ==");
    hook::hook(&hook::Options::to(&place("hook"), quick))?;
    let mut parts = Map::new();
    for name in ["mask", "hook"] {
        parts.insert(name.to_owned(), read(name)?);
    }
    tell("== fairness ==");
    parts.insert("fairness".to_owned(), fairness(options.seconds, quick)?);
    tell("== system calls ==");
    parts.insert("syscalls".to_owned(), syscalls(quick)?);
    tell("== allocations ==");
    parts.insert("allocations".to_owned(), allocations(quick)?);
    tell("== decisions ==");
    parts.insert("decision".to_owned(), decision(&place("decision"), quick)?);
    tell("== many sessions ==");
    parts.insert("scale".to_owned(), scale(&place("scale"), quick)?);
    let Value::Object(mut report) = read("postgres")? else { anyhow::bail!("the report of the ways is no object") };
    let of = |part: &str, pointer: &str| -> anyhow::Result<Value> {
        let found = parts.get(part).and_then(|part| part.pointer(pointer)).filter(|value| !value.is_null());
        found.cloned().with_context(|| format!("{part} has no {pointer}"))
    };
    for (name, part) in TOP {
        report.insert(name.to_owned(), of(part, &format!("/{name}"))?);
    }
    report.insert("hook_outside_vs_none".to_owned(), of("hook", "/summary/ratios/connect_outside_vs_no_hook")?);
    let masked = of("mask", "/ratios/copy_mask_vs_unmasked")?;
    if let Some(Value::Object(ratios)) = report.get_mut("ratios") {
        ratios.insert("copy_masked_vs_unmasked".to_owned(), masked);
    }
    report.extend(parts);
    tell(&format!("{:#}", summary(&report)));
    fs::write(&json, format!("{:#}\n", Value::Object(report))).with_context(|| json.display().to_string())
}

/// What a reader looks for first.
fn summary(report: &Map<String, Value>) -> Value {
    let names = TOP.into_iter().map(|(name, _)| name).chain(["ratios", "hook_outside_vs_none"]);
    names.filter_map(|name| Some((name.to_owned(), report.get(name)?.clone()))).collect::<Map<_, _>>().into()
}

/// What the forward path allocates for a message, as its own test counts.
fn allocations(quick: bool) -> anyhow::Result<Value> {
    let build: &[&str] = if quick { &[] } else { &["--release"] };
    let test =
        ["test", "--quiet", "--locked", "-p", "gateway", "--test", "forward_path", "--", "--nocapture", "--test-threads", "1"];
    let (head, tail) = test.split_at(3);
    let said = crate::run::output("cargo", &[head, build, tail].concat())?;
    let mut counted = Vec::new();
    for line in said.lines() {
        if let Some((allocations, rest)) = line.split_once(" allocations in ")
            && let Some(trips) = rest.split(' ').next()
        {
            let allocations: f64 = allocations.rsplit(' ').next().unwrap_or_default().parse()?;
            counted.push((allocations, trips.parse::<f64>()?));
        }
    }
    let worst = counted.iter().map(|(allocations, trips)| allocations / (trips * MESSAGES)).reduce(f64::max);
    let worst = worst.with_context(|| format!("the test counts nothing:\n{said}"))?;
    tell(&format!("{worst:.5} for each message"));
    Ok(json!({
        "allocations_per_message": worst,
        "counted": counted.iter().map(|(allocations, trips)| json!({ "allocations": allocations, "round_trips": trips })).collect::<Vec<_>>(),
        "settings": { "messages_a_round_trip": MESSAGES, "what": "Bind, Execute, Sync and the four that answer them, recording on; one of the two is judged at each execution" },
    }))
}

/// Of a round trip of that test: Bind, Execute, Sync; BindComplete, DataRow, CommandComplete, ReadyForQuery.
const MESSAGES: f64 = 7.0;

fn decision(report: &Path, quick: bool) -> anyhow::Result<Value> {
    let build: &[&str] = if quick { &[] } else { &["--release"] };
    let example = ["build", "--locked", "-p", "gateway", "--example", "decision_speed"];
    run("build decision_speed", "cargo", &[&example[..], build].concat())?;
    let folder = target().join(if quick { "debug" } else { "release" });
    run("decisions", &folder.join("examples/decision_speed").to_string_lossy(), &["--json", &report.to_string_lossy()])?;
    Ok(serde_json::from_str(&fs::read_to_string(report)?)?)
}

fn scale(report: &Path, quick: bool) -> anyhow::Result<Value> {
    let build: &[&str] = if quick { &[] } else { &["--release"] };
    run("build weir", "cargo", &[&["build", "--locked", "-p", "gateway"], build].concat())?;
    run("build weir-scale", "cargo", &[&["build", "--locked", "-p", "weir-tests", "--bin", "weir-scale"], build].concat())?;
    let folder = target().join(if quick { "debug" } else { "release" });
    let place = report.to_string_lossy();
    let quickly: &[&str] = if quick { &["--quick"] } else { &[] };
    let program = folder.join("weir-scale").to_string_lossy().into_owned();
    run("scale", &program, &[&["measure", "--json", &*place], quickly].concat())?;
    Ok(serde_json::from_str(&fs::read_to_string(report)?)?)
}
