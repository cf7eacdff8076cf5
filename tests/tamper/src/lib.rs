//! What can be done to a store of evidence, by chance and by craft: whether weir finds each of it, and says where it is.
//!
//! Each alteration is tried by itself, on a store of real sessions, and the store is checked as `weir audit verify` does it.

mod alter;
mod blocks;
mod crafted;
mod judge;
mod place;
mod random;
mod store;

use alter::{Bench, Judged};
use anyhow::Context as _;
use place::{Finding, Place};
use serde_json::{Value, json};
use std::sync::Mutex;
use std::thread;
use store::Stores;
use weir_tests::{Chance, machine};

/// How many, and what chance begins with.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Alterations by chance; those by craft are all tried always.
    pub random: u32,
    /// The same seed is the same alterations of the same store. No two stores have the same bytes.
    pub seed: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self { random: 10_000, seed: 1 }
    }
}

/// So many alterations are tried before a store is checked as it was.
const ROUND: u32 = 500;
/// So many that were missed, misplaced or false are told in the report.
const TOLD: usize = 200;

/// What came of all.
#[derive(Default)]
struct Tally {
    random: u64,
    missed: Vec<Judged>,
    misplaced: Vec<Judged>,
    untouched: u64,
    false_alarms: Vec<(&'static str, Finding)>,
}

/// Tries all; `tell` hears how far it is.
///
/// # Errors
/// Where a store can't be made or altered.
pub fn tamper(options: Options, tell: impl Fn(&str) + Sync) -> anyhow::Result<Value> {
    let stores = Stores::build().context("build the stores")?;
    let tally = Mutex::new(Tally::default());
    let lock = || tally.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    for base in stores.all() {
        let found = Bench::new(base)?.findings(std::slice::from_ref(&base.checkpoint));
        let mut tally = lock();
        tally.untouched += 1;
        tally.false_alarms.extend(found.into_iter().map(|found| (base.name, found)));
    }
    let crafted = crafted::all(&stores).context("craft alterations")?;
    let mut rows = Vec::new();
    for (base, alteration) in crafted {
        anyhow::ensure!(alteration.alters(base), "{} alters nothing", alteration.what);
        let judged = Bench::new(base)?.judge(alteration)?;
        rows.push(row(&judged));
        lock().count(judged);
    }
    tell(&format!("{} crafted", rows.len()));
    let rounds: Vec<u32> = (0..options.random.div_ceil(ROUND)).collect();
    let next = Mutex::new(rounds.into_iter());
    thread::scope(|scope| {
        let workers = (0..thread::available_parallelism().map_or(1, usize::from)).map(|_| {
            scope.spawn(|| {
                loop {
                    let Some(round) = next.lock().unwrap_or_else(std::sync::PoisonError::into_inner).next() else { break };
                    let count = ROUND.min(options.random - round * ROUND);
                    let came = by_chance(&stores, options.seed, round, count)?;
                    let mut tally = lock();
                    tally.add(came);
                    tell(&format!("{}/{} by chance", tally.random, options.random));
                }
                anyhow::Ok(())
            })
        });
        let workers: Vec<_> = workers.collect();
        workers.into_iter().try_for_each(|worker| worker.join().map_err(|_panicked| anyhow::anyhow!("a worker panicked"))?)
    })?;
    let tally = tally.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    Ok(report(options, &tally, &rows))
}

/// A round on one store: three of four on that of records.
fn by_chance(stores: &Stores, seed: u64, round: u32, count: u32) -> anyhow::Result<Tally> {
    let base = if round % 4 == 3 { &stores.log } else { &stores.records };
    let bench = Bench::new(base)?;
    let mut chance = Chance::of(seed, u64::from(round));
    let mut tally = Tally::default();
    for _ in 0..count {
        let judged = bench.judge(random::one(base, &mut chance)?)?;
        tally.random += 1;
        tally.count(judged);
    }
    let found = bench.findings(std::slice::from_ref(&base.checkpoint));
    tally.untouched += 1;
    tally.false_alarms.extend(found.into_iter().map(|found| (base.name, found)));
    Ok(tally)
}

impl Tally {
    fn count(&mut self, judged: Judged) {
        if judged.missed() {
            self.missed.push(judged);
        } else if judged.misplaced() {
            self.misplaced.push(judged);
        }
    }

    fn add(&mut self, other: Self) {
        self.random += other.random;
        self.missed.extend(other.missed);
        self.misplaced.extend(other.misplaced);
        self.untouched += other.untouched;
        self.false_alarms.extend(other.false_alarms);
    }
}

fn report(options: Options, tally: &Tally, crafted: &[Value]) -> Value {
    let told = |all: &[Judged]| all.iter().take(TOLD).map(row).collect::<Vec<_>>();
    let alarms: Vec<Value> = tally
        .false_alarms
        .iter()
        .take(TOLD)
        .map(|(store, found)| json!({ "store": store, "place": found.place.to_string(), "what": found.what }))
        .collect();
    json!({
        "summary": {
            "alterations": tally.random + crafted.len() as u64,
            "missed": tally.missed.len(),
            "misplaced": tally.misplaced.len(),
            "false_alarms": tally.false_alarms.len(),
            "random": tally.random,
            "crafted": crafted.len(),
            "untouched": tally.untouched,
        },
        "crafted": crafted,
        "missed": told(&tally.missed),
        "misplaced": told(&tally.misplaced),
        "false_alarms": alarms,
        "settings": { "seed": options.seed, "build": if cfg!(debug_assertions) { "debug" } else { "release" } },
        "machine": machine(),
    })
}

fn row(judged: &Judged) -> Value {
    let places = |places: &Vec<Place>| places.iter().take(4).map(ToString::to_string).collect::<Vec<_>>();
    let told = judged.findings.iter().take(6).map(|found| json!({ "place": found.place.to_string(), "what": found.what }));
    let verdict = match (judged.missed(), judged.misplaced()) {
        (true, _) => "missed",
        (false, true) => "misplaced",
        (false, false) => "found",
    };
    json!({
        "alteration": judged.what,
        "store": judged.store,
        "verdict": verdict,
        "expected": judged.expected.iter().map(places).collect::<Vec<_>>(),
        "told": told.collect::<Vec<_>>(),
    })
}

/// What is not as it has to be.
#[must_use]
pub fn faults(report: &Value) -> Vec<String> {
    let summary = &report["summary"];
    let mut faults: Vec<_> = ["missed", "misplaced", "false_alarms"]
        .into_iter()
        .filter(|name| summary[*name].as_u64() != Some(0))
        .map(|name| format!("{name} is {}", summary[name]))
        .collect();
    for row in ["missed", "misplaced"].into_iter().flat_map(|name| report[name].as_array().into_iter().flatten()).take(40) {
        faults.push(format!("{}: {} ({})", row["verdict"], row["alteration"], row["store"]));
    }
    faults
}
