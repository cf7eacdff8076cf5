//! `cargo xtask bench mask`: what masking costs a job, where weir has one core; what detectors take, beside Presidio.

mod page;
mod stage;
mod texts;

use super::machine;
use super::report::median;
use crate::run::tell;
use anyhow::{Context as _, ensure};
use clap::Args;
use serde_json::{Map, Value, json};
use stage::{Measure, Stage, Way};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use texts::Texts;

pub(super) use page::table;

/// How much to measure, and where the report goes.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Rounds [default: 7].
    #[arg(long)]
    rounds: Option<usize>,
    /// Seconds of each measurement that is no COPY [default: 4].
    #[arg(long)]
    seconds: Option<u32>,
    /// Rows of the COPY [default: 1000000].
    #[arg(long)]
    rows: Option<u64>,
    /// Only this measure, and no texts.
    #[arg(long)]
    only: Option<String>,
    /// One short round of everything but Presidio: that it works, not how fast. Takes a debug build.
    #[arg(long)]
    quick: bool,
}

impl Options {
    /// COPY alone, whose report goes there.
    pub(super) fn copies(json: &Path, quick: bool) -> Self {
        Self { json: Some(json.to_owned()), only: Some(Measure::Copy.name().to_owned()), quick, ..Self::default() }
    }
}

/// The short round, for `cargo xtask ci`.
pub(crate) fn quick() -> anyhow::Result<()> {
    mask(&Options { quick: true, ..Options::default() })
}

pub(super) fn mask(options: &Options) -> anyhow::Result<()> {
    let json = options.json.as_deref().map(absolute).transpose()?;
    let (rounds, seconds, rows) = if options.quick { (1, 1, 20_000) } else { (7, 4, 1_000_000) };
    let (rounds, seconds) = (options.rounds.unwrap_or(rounds), options.seconds.unwrap_or(seconds));
    let rows = options.rows.unwrap_or(rows);
    ensure!(rounds > 0 && seconds > 0 && rows >= 10_000, "too little to measure");
    let (weir, built) = super::postgres::weir(options.quick)?;
    let mut machine = machine::machine();
    let only = |measure: &Measure| options.only.as_deref().is_none_or(|name| measure.name() == name);
    let measures: Vec<Measure> = Measure::ALL.into_iter().filter(only).collect();
    ensure!(!measures.is_empty(), "--only names none of {}", Measure::ALL.map(Measure::name).join(", "));
    let texts = if options.quick || options.only.is_some() { None } else { Some(Texts::make()?) };
    let stage = Stage::set(&weir, rows)?;
    let mut measured = Vec::new();
    for round in 0..rounds {
        let mut values = Map::new();
        for &measure in &measures {
            for way in Way::order(round) {
                let value = stage.take(measure, way, seconds).with_context(|| format!("{}, {}", measure.name(), way.name()))?;
                values.insert(format!("{}_{}", measure.name(), way.name()), json!(value.round()));
            }
        }
        if let Some(texts) = &texts {
            values.extend(texts.take(round)?);
        }
        tell(&format!("round {}/{rounds}: {}", round + 1, Value::Object(values.clone())));
        measured.push(values);
    }
    if let Value::Object(machine) = &mut machine {
        machine.insert("load_after".to_owned(), json!(machine::load()));
    }
    let report = report(&measured, machine, settings(&stage, texts.as_ref(), (rounds, seconds, rows), built));
    tell(&format!("{:#}", report["ratios"]));
    json.map_or(Ok(()), |file| fs::write(&file, format!("{report:#}\n")).with_context(|| file.display().to_string()))
}

fn settings(stage: &Stage, texts: Option<&Texts>, (rounds, seconds, rows): (usize, u32, u64), built: &str) -> Value {
    json!({
        "rounds": rounds,
        "seconds": seconds,
        "rows": rows,
        "row": "five columns, about 75 bytes; e-mail by pseudonym (HMAC-SHA-256), ssn by partial, last 4",
        "text": "about 130 bytes, of six sentences in turn, half of which have a value; five detectors",
        "policies": stage.policies,
        "mode": "enforce",
        "recording": "results = first:100, on_failure = stop, flush_ms = 200 (the defaults)",
        "cores": "server and client share one, weir has one of its own; *_shared: all three share one",
        "weir_build": built,
        "units": Measure::ALL.map(|measure| (measure.name().to_owned(), json!(measure.unit()))).into_iter().collect::<Map<_, _>>(),
        "texts": texts.map(Texts::settings),
        "ratio": "the median over rounds of a way against `unmasked` in the same round: weir before a target without classes",
    })
}

/// Medians, and the medians of the rounds' own ratios.
fn report(rounds: &[Map<String, Value>], machine: Value, settings: Value) -> Value {
    let mut ratios = Map::new();
    for measure in Measure::ALL {
        for way in [Way::Masked, Way::Revealed] {
            let names = (format!("{}_{}", measure.name(), way.name()), format!("{}_unmasked", measure.name()));
            let label = if way == Way::Masked { "mask" } else { "reveal" };
            if let Some(ratio) = ratio(rounds, &names.0, &names.1) {
                ratios.insert(format!("{}_{label}_vs_unmasked", measure.name()), json!(rounded(ratio)));
            }
        }
    }
    if let Some(ratio) = ratio(rounds, "detect_rows_weir", "detect_rows_presidio") {
        ratios.insert("detect_rows_vs_presidio".to_owned(), json!(rounded(ratio)));
    }
    let names: std::collections::BTreeSet<&String> = rounds.iter().flat_map(Map::keys).collect();
    let medians: Map<String, Value> =
        names.into_iter().map(|name| (name.clone(), json!(median(&values(rounds, name)).map(rounded)))).collect();
    json!({
        "ratios": ratios,
        "detect_mb_per_s": medians.get("detect_mb_per_s"),
        "medians": medians,
        "settings": settings,
        "machine": machine,
        "rounds": rounds,
    })
}

/// A figure's values, a round each.
fn values(rounds: &[Map<String, Value>], name: &str) -> Vec<f64> {
    rounds.iter().filter_map(|round| round.get(name)?.as_f64()).collect()
}

/// The median of the rounds' own ratios.
fn ratio(rounds: &[Map<String, Value>], one: &str, other: &str) -> Option<f64> {
    let of = |round: &Map<String, Value>| Some(round.get(one)?.as_f64()? / round.get(other)?.as_f64()?);
    median(&rounds.iter().filter_map(of).collect::<Vec<_>>())
}

fn rounded(value: f64) -> f64 {
    (value * 1000.0).round() / 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_own() {
        let round = |unmasked: f64, masked: f64| {
            let mut round = Map::new();
            round.insert("column_unmasked".to_owned(), json!(unmasked));
            round.insert("column_masked".to_owned(), json!(masked));
            round.insert("detect_mb_per_s".to_owned(), json!(masked));
            round
        };
        let report = report(&[round(10.0, 9.0), round(20.0, 10.0), round(10.0, 8.0)], json!({}), json!({}));
        assert_eq!(report["ratios"]["column_mask_vs_unmasked"], 0.8);
        assert_eq!(report["ratios"].get("copy_mask_vs_unmasked"), None);
        assert_eq!(report["detect_mb_per_s"], 9.0);
    }
}
