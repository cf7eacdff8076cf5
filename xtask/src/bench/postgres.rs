//! `cargo xtask bench postgres`: rounds of all measures over all ways, side by side.

use super::figure::Figure;
use super::machine;
use super::measure::Measure;
use super::report::{RATIO, Sample, results};
use super::stage::{Size, Stage};
use crate::run::{run, target, tell};
use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::time::Instant;

/// How much to measure, and where the report goes.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Rounds [default: 7].
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of each measurement [default: 5].
    #[arg(long)]
    seconds: Option<u32>,
    /// Megabytes of the COPY [default: 1000].
    #[arg(long)]
    size: Option<u64>,
    /// Only this measure.
    #[arg(long)]
    only: Option<String>,
    /// One short round of everything: that it works, not how fast. Takes a debug build.
    #[arg(long)]
    quick: bool,
}

impl Options {
    /// A run whose report goes there.
    pub(super) fn to(json: &Path, seconds: Option<u32>, quick: bool) -> Self {
        Self { json: Some(json.to_owned()), seconds, quick, ..Self::default() }
    }
}

/// The short round of everything, for `cargo xtask ci`.
pub(crate) fn quick() -> anyhow::Result<()> {
    postgres(&Options { quick: true, ..Options::default() })
}

pub(super) fn postgres(options: &Options) -> anyhow::Result<()> {
    let json = options.json.as_deref().map(absolute).transpose()?;
    let (rounds, seconds, megabytes, scale) = if options.quick { (1, 1, 20, 1) } else { (7, 5, 1000, 10) };
    let (rounds, seconds) = (options.rounds.unwrap_or(rounds), options.seconds.unwrap_or(seconds));
    let size = Size { scale, megabytes: options.size.unwrap_or(megabytes) };
    let only = |measure: &Measure| options.only.as_deref().is_none_or(|name| measure.name() == name);
    let measures: Vec<Measure> = Measure::ALL.into_iter().filter(only).collect();
    ensure!(!measures.is_empty(), "--only names none of {}", Measure::ALL.map(Measure::name).join(", "));
    let (weir, built) = weir(options.quick)?;
    let mut machine = machine::machine();
    let stage = Stage::set(&weir, &size)?;
    let samples = samples(&stage, &measures, rounds, seconds)?;
    if let Value::Object(machine) = &mut machine {
        machine.insert("load_after".to_owned(), json!(machine::load()));
    }
    let settings = json!({
        "rounds": rounds,
        "seconds": seconds,
        "clients": clients(),
        "scale": size.scale,
        "copy_bytes": stage.copy_bytes,
        "policies": stage.policies,
        "mode": "enforce",
        "recording": "results = first:100, on_failure = stop, flush_ms = 200 (the defaults)",
        "weir_build": built,
        "versions": machine::versions(&weir),
        "units": units(),
        "ratio": RATIO,
    });
    drop(stage);
    let results = results(&samples);
    summary(&results);
    if options.only.is_none() {
        complete(&results)?;
    }
    json.map_or(Ok(()), |file| write(&file, machine, settings, results))
}

/// Round by round, measure by measure, way by way: what is compared shares a moment.
fn samples(stage: &Stage, measures: &[Measure], rounds: usize, seconds: u32) -> anyhow::Result<Vec<Sample>> {
    let mut samples = Vec::new();
    let started = Instant::now();
    for round in 0..rounds {
        for measure in measures {
            let mut line = format!("{:>4} s, round {}/{rounds}, {}:", started.elapsed().as_secs(), round + 1, measure.name());
            for way in measure.order(round) {
                let values = measure.take(stage, way, seconds).with_context(|| format!("{}, {}", measure.name(), way.name()))?;
                line.push_str(&format!(" {} {:.0}", way.name(), values.first().copied().unwrap_or_default()));
                samples.extend(measure.figures().iter().zip(values).map(|(&figure, value)| Sample { round, figure, way, value }));
            }
            tell(&line);
        }
    }
    Ok(samples)
}

/// The program and which build it is: the one that WEIR_BINARY names, or a fresh one.
pub(super) fn weir(quick: bool) -> anyhow::Result<(PathBuf, &'static str)> {
    if let Some(named) = std::env::var_os("WEIR_BINARY") {
        return Ok((absolute(named)?, "named by WEIR_BINARY, of whatever commit"));
    }
    let target = target();
    let (options, build): (&[&str], _) = if quick { (&[], "debug") } else { (&["--release"], "release") };
    run("build", "cargo", &[&["build", "--locked", "-p", "gateway"], options].concat())?;
    Ok((absolute(target.join(build).join("weir"))?, build))
}

fn clients() -> Value {
    json!({
        "select_prepared_16": "pgbench -S -M prepared -c 16 -j 2",
        "tpcb_16": "pgbench -c 16 -j 2, in a database of its own",
        "latency_1": "pgbench -S -M prepared -c 1, the median of its log of transactions",
        "latency_1_simple": "pgbench -S -M simple -c 1, the same",
        "connect_query_close": "pgbench -S -C -c 4 -j 2",
        "connect_query_close_scram": "the same, as a role that the server asks for SCRAM-SHA-256",
        "copy_out_1gb": "psql, COPY … TO STDOUT, to /dev/null",
    })
}

fn units() -> Map<String, Value> {
    Figure::ALL.map(|figure| (figure.name().to_owned(), json!(figure.unit()))).into_iter().collect()
}

/// Every ratio is there, and says something.
fn complete(results: &Map<String, Value>) -> anyhow::Result<()> {
    for figure in Figure::COMPARED {
        for peer in figure.peers() {
            let name = format!("{}_vs_{}", figure.name(), peer.name());
            let ratio = results.get("ratios").and_then(|ratios| ratios.get(&name)?.as_f64());
            ensure!(ratio.is_some_and(|ratio| ratio > 0.0), "{name} was not measured");
        }
    }
    Ok(())
}

fn summary(results: &Map<String, Value>) {
    for name in ["medians", "ratios"] {
        if let Some(Value::Object(rows)) = results.get(name) {
            tell(&format!("== {name} =="));
            rows.iter().for_each(|(row, value)| tell(&format!("{row}: {value}")));
        }
    }
}

fn write(file: &Path, machine: Value, settings: Value, results: Map<String, Value>) -> anyhow::Result<()> {
    let mut report = Map::new();
    report.insert("machine".to_owned(), machine);
    report.insert("settings".to_owned(), settings);
    report.extend(results);
    fs::write(file, format!("{:#}\n", Value::Object(report))).with_context(|| file.display().to_string())
}
