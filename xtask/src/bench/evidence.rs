//! `cargo xtask bench evidence`: what a statement costs on the disk, how fast records are written and checked, and how fast the
//! index lists and searches a million sessions.

use super::machine;
use super::stage::{Role, Size, Stage};
use super::way::Way;
use crate::run::{run, tell};
use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Value, json};
use std::fs;
use std::path::{PathBuf, absolute};

/// Where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Rounds of writing and checking [default: 5].
    #[arg(long)]
    rounds: Option<u32>,
    /// Sessions in the index [default: 1000000].
    #[arg(long)]
    sessions: Option<u32>,
}

/// What clients do through weir while it records, and what of pgbench each is.
const WORK: [(&str, &[&str]); 3] = [
    ("select_prepared", &["-S", "-M", "prepared", "-c", "4", "-j", "2", "-t", "10000"]),
    ("select_simple", &["-S", "-M", "simple", "-c", "4", "-j", "2", "-t", "10000"]),
    ("connect_query_close", &["-S", "-C", "-c", "4", "-j", "2", "-t", "250"]),
];

/// Builds the release build, which is what users have, and measures it.
pub(super) fn evidence(options: &Options) -> anyhow::Result<()> {
    let json = options.json.as_deref().map(absolute).transpose()?;
    let (weir, built) = super::postgres::weir(false)?;
    run("build examples", "cargo", &["build", "--locked", "--release", "-p", "gateway", "--examples"])?;
    let machine = machine::machine();
    let stage = Stage::set(&weir, &Size { scale: 1, megabytes: 1 })?;
    let state = stage.state_dir();
    let mut costs = Vec::new();
    for (name, arguments) in WORK {
        let recorded = || anyhow::Ok((stage.recorded("statements")?, stage.recorded("bytes")?));
        let before = recorded()?;
        stage.client(Way::Weir, Role::Trusted, "pgbench", &[&["-n"], arguments].concat())?;
        let after = recorded()?;
        let (statements, bytes) = (after.0 - before.0, after.1 - before.1);
        ensure!(statements > 0, "{name}: nothing was recorded");
        let each = bytes as f64 / statements as f64;
        tell(&format!("{name}: {statements} statements, {each:.1} bytes each on the disk"));
        costs.push((name, json!({ "statements": statements, "bytes": bytes, "bytes_per_statement": each })));
    }
    let speed = example("evidence_speed", &["--from", &state.to_string_lossy()], ("--rounds", options.rounds))?;
    let index = example("index_speed", &[], ("--sessions", options.sessions))?;
    let of = |report: &Value, name: &str| report.get(name).cloned().with_context(|| format!("no {name}"));
    let report = json!({
        "write_frames_per_s": of(&speed, "write_frames_per_s")?,
        "write_mb_per_s": of(&speed, "write_mb_per_s")?,
        "verify_mb_per_s": of(&speed, "verify_mb_per_s")?,
        "prove_ms": of(&speed, "prove_ms")?,
        "list_1m_ms": of(&index, "list_1m_ms")?,
        "search_1m_ms": of(&index, "search_1m_ms")?,
        "bytes_per_statement": costs.first().and_then(|(_, cost)| cost.get("bytes_per_statement").cloned()),
        "statements": costs.into_iter().map(|(name, cost)| (name.to_owned(), cost)).collect::<serde_json::Map<_, _>>(),
        "evidence": speed,
        "index": index,
        "settings": {
            "write": "a core's: processor time of all threads, who makes the frames among them; default settings, until the record is closed",
            "verify": "records in the page cache, all processors",
            "list_1m_ms, search_1m_ms": "the slowest answer of all questions and rounds",
            "bytes_per_statement": "pgbench -S, prepared, results counted: decision, parameters, completion; compressed, with hashes",
            "weir_build": built,
        },
        "machine": machine,
    });
    json.map_or(Ok(()), |file| fs::write(&file, format!("{report:#}\n")).with_context(|| file.display().to_string()))
}

/// Runs one of the gateway's examples and reads its report.
fn example(name: &str, arguments: &[&str], (option, number): (&str, Option<u32>)) -> anyhow::Result<Value> {
    let report = std::env::temp_dir().join(format!("weir-{name}-{}.json", std::process::id()));
    let place = report.to_string_lossy().into_owned();
    let number = number.map(|number| number.to_string());
    let mut all = vec!["--json", &place];
    all.extend_from_slice(arguments);
    all.extend(number.iter().flat_map(|number| [option, number.as_str()]));
    run(name, &format!("target/release/examples/{name}"), &all)?;
    let text = fs::read_to_string(&report).with_context(|| place.clone())?;
    fs::remove_file(&report)?;
    Ok(serde_json::from_str(&text)?)
}
