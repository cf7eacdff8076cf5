//! `cargo xtask regress`: PostgreSQL's own regression and isolation suites, once directly and once
//! through `weir run` with everything permitted. What a test prints has to be the same to the byte.

mod recorded;
mod row;
pub(crate) mod server;
mod suite;

use crate::machine;
use crate::run::{root, run, target, tell};
use crate::sql_corpus::{fetch, place};
use anyhow::{Context as _, bail};
use clap::Args;
use row::{Row, Verdict};
use serde_json::{Map, Value, json};
use std::fs;
use std::path::{Path, PathBuf, absolute};
use std::process::Command;
use suite::{Ground, Run, Suite, Way};

/// Which suites run, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Another schedule for the regression suite, which then runs alone.
    #[arg(long)]
    schedule: Option<PathBuf>,
    /// So many tests of each suite, chosen by the seed; what they build on may not be among them.
    #[arg(long, conflicts_with = "schedule")]
    count: Option<usize>,
    /// Chooses which.
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// A test whose outputs differ is run so often, both ways, before it counts as different: some print
/// what hangs on timing.
const ATTEMPTS: usize = 3;
/// So many tests of each suite are quick enough for every change.
const SLICE: usize = 8;

pub(crate) fn regress(options: &Options) -> anyhow::Result<()> {
    let weir = weir()?;
    regress_with(options, &weir)
}

/// A few tests of each suite, against the program that the tests before it have built. Where the suites' sources are
/// not there yet they come from this host's mirror; where they can't, this fails.
pub(crate) fn slice_of_it() -> anyhow::Result<()> {
    let options = Options { json: None, schedule: None, count: Some(SLICE), seed: 0 };
    regress_with(&options, &built()?)
}

fn regress_with(options: &Options, weir: &Path) -> anyhow::Result<()> {
    let sources = fetch(&place())?;
    let kept = root().join("target/regress");
    let schedule = options.schedule.as_deref().map(absolute).transpose()?;
    let json = options.json.as_deref().map(absolute).transpose()?;
    let suites: &[Suite] = if schedule.is_some() { &[Suite::Regression] } else { &Suite::ALL };
    // As it is now: the suites run for minutes.
    let machine = machine::machine();
    let (mut rows, mut runs) = (Vec::new(), Map::new());
    for &suite in suites {
        let mut ground = Ground::lay(&sources, &kept, weir, schedule.as_deref())?;
        if let Some(count) = options.count {
            let some = slice(ground.tests(suite)?, count, options.seed);
            ground.only(&some)?;
        }
        let (found, run) = compare(&mut ground, suite)?;
        rows.extend(found);
        runs.insert(suite.name().to_owned(), run);
    }
    let version = Command::new(weir).arg("--version").output()?;
    let head = json!({
        "machine": machine,
        "weir": String::from_utf8_lossy(&version.stdout).trim(),
        "runs": runs,
    });
    report(&rows, head, json.as_deref())
}

/// The program: the one that WEIR_BINARY names, or a fresh build.
fn weir() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("WEIR_BINARY") {
        return Ok(absolute(named)?);
    }
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    built()
}

fn built() -> anyhow::Result<PathBuf> {
    let target = target();
    Ok(absolute(target.join("debug/weir"))?)
}

/// Runs the suite both ways, and what differs again; what its first two runs were is told beside the rows.
fn compare(ground: &mut Ground, suite: Suite) -> anyhow::Result<(Vec<Row>, Value)> {
    let (direct, through) = (ground.run(suite, Way::Direct, 1)?, ground.run(suite, Way::Weir, 1)?);
    let tests = ground.tests(suite)?;
    let row = |ground: &Ground, test: &String, attempt, direct: &Run, through: &Run| {
        let expected = [direct, through].iter().all(|run| run.content.get(test).copied().unwrap_or_default());
        Row::of(ground, suite, test, attempt, expected)
    };
    let mut rows = tests.iter().map(|test| row(ground, test, 1, &direct, &through)).collect::<anyhow::Result<Vec<_>>>()?;
    for attempt in 2..=ATTEMPTS {
        let again: Vec<_> = rows.iter().filter(|row| row.verdict == Verdict::Different).map(|row| row.test.clone()).collect();
        if again.is_empty() {
            break;
        }
        // Those of the other suite build on each other.
        if suite == Suite::Isolation {
            ground.only(&again)?;
        }
        let (direct, through) = (ground.run(suite, Way::Direct, attempt)?, ground.run(suite, Way::Weir, attempt)?);
        for before in rows.iter_mut().filter(|row| row.verdict == Verdict::Different) {
            let now = row(ground, &before.test, attempt, &direct, &through)?;
            before.again(ground, &now);
        }
    }
    let run = json!({
        "tests": tests.len(),
        "seconds_direct": tenths(direct.seconds),
        "seconds_weir": tenths(through.seconds),
        "record": through.recorded.map(|recorded| recorded.json()),
    });
    Ok((rows, run))
}

/// `count` of the tests in their order, the first always: it makes what others use.
fn slice(tests: Vec<String>, count: usize, seed: u64) -> Vec<String> {
    // Knuth's multiplier (The Art of Computer Programming, volume 2, 3.3.4) spreads seed and place.
    let key = |place: usize| (place as u64 + 1).wrapping_mul(2 * seed + 1).wrapping_mul(6_364_136_223_846_793_005) >> 16;
    let mut places: Vec<usize> = (1..tests.len()).collect();
    places.sort_by_key(|place| key(*place));
    places.truncate(count.saturating_sub(1));
    tests.into_iter().enumerate().filter(|(place, _)| *place == 0 || places.contains(place)).map(|(_, test)| test).collect()
}

fn tenths(seconds: f64) -> f64 {
    (seconds * 10.0).round() / 10.0
}

fn report(rows: &[Row], mut report: Value, json: Option<&Path>) -> anyhow::Result<()> {
    for row in rows.iter().filter(|row| row.verdict != Verdict::Same || row.attempts > 1) {
        tell(&row.to_string());
    }
    let summary = summary(rows);
    if let Some(file) = json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        if let Some(fields) = report.as_object_mut() {
            fields.insert("summary".to_owned(), summary.clone());
            fields.insert("rows".to_owned(), rows.into());
        }
        fs::write(file, format!("{report:#}\n")).with_context(|| file.display().to_string())?;
    }
    tell(&summary.to_string());
    if rows.is_empty() || rows.iter().any(|row| row.verdict == Verdict::Different) {
        bail!("weir makes a difference, or nothing ran");
    }
    Ok(())
}

fn summary(rows: &[Row]) -> Value {
    let count = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    json!({
        "tests": rows.len(),
        "same": count(Verdict::Same),
        "explained": count(Verdict::Explained),
        "different": count(Verdict::Different),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slice_is_the_same_for_the_same_seed_and_keeps_the_order() {
        let tests: Vec<_> = (0..200).map(|number| format!("{number:03}")).collect();
        let some = |seed| slice(tests.clone(), 8, seed);
        assert_eq!(some(7), some(7));
        assert_ne!(some(7), some(8));
        assert_eq!((some(7).len(), some(7).is_sorted(), some(7)[0].as_str()), (8, true, "000"));
        assert_eq!(slice(tests.clone(), 500, 1), tests);
    }
}
