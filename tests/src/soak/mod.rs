//! A soak: jobs that start and die, a daemon that is killed and taken over, and a target that counts what reaches it.
//!
//! What counts is one figure: connections that a target has seen and no record has.

mod daemon;
mod destination;
mod jobs;
mod target;

pub use jobs::dial;

use crate::bypass::World;
use crate::cgroup2_mount;
use crate::chance::Chance;
use anyhow::Context as _;
use daemon::{Daemon, Home};
use jobs::Jobs;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::{Duration, Instant};
use target::Target;

/// How long and how much.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seconds in which jobs start.
    pub seconds: u64,
    /// Jobs a second.
    pub rate: u32,
    /// What chance begins with: the same seed is the same order of deaths.
    pub seed: u64,
}

/// Between two deaths of the daemon, in seconds: at least, and how much more at most.
const BETWEEN: (u64, u64) = (4, 6);
/// The last part of the time belongs to one daemon.
const LAST: Duration = Duration::from_secs(8);

/// What a record that is being written is called among the descriptors.
const RECORD: &str = "record";

/// What a daemon holds at a moment at which it has no session.
#[derive(Clone, Debug)]
struct Held {
    /// By what they are open on.
    descriptors: Tally,
    /// By map.
    map_entries: Tally,
    anonymous_kb: i64,
}

/// How many of each there are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Tally(BTreeMap<String, i64>);

/// Runs it. `program` is the program that jobs are.
///
/// # Errors
/// Where the daemon does not start, or can't be asked for its records.
pub fn soak(options: Options, program: &Path) -> anyhow::Result<Value> {
    let world = World::create();
    let attach = cgroup2_mount().join(format!("weir-soak-{}", std::process::id()));
    std::fs::create_dir(&attach).context("root may make a cgroup")?;
    let home = Home::create(&attach, &world)?;
    let target = Target::start(&world);
    let mut daemon = Daemon::start(&home)?;
    let first = daemon.settled()?;
    let mut jobs = Jobs::new(&world, &attach, program, options.rate);
    let mut chance = Chance(options.seed | 1);
    let (mut kills, mut take_overs) = (0_u32, 0_u32);
    let begun = Instant::now();
    let whole = Duration::from_secs(options.seconds);
    let mut next = begun + Duration::from_secs(BETWEEN.0);
    while begun.elapsed() < whole {
        jobs.tick(&mut chance)?;
        if Instant::now() < next || begun.elapsed() + LAST > whole {
            continue;
        }
        if chance.below(10) < 6 {
            daemon.kill()?;
            // Jobs go on without a gateway for as long as it takes.
            let until = Instant::now() + Duration::from_millis(chance.below(1500));
            while Instant::now() < until {
                jobs.tick(&mut chance)?;
            }
            daemon = Daemon::start_while(&home, || jobs.tick(&mut chance))?;
            kills += 1;
        } else {
            daemon = daemon.taken_over(&home, || jobs.tick(&mut chance))?;
            take_overs += 1;
        }
        next = Instant::now() + Duration::from_secs(BETWEEN.0 + chance.below(BETWEEN.1));
    }
    let started = jobs.end()?;
    let last = daemon.settled()?;
    daemon.stop()?;
    let recorded = home.recorded()?;
    let reached = target.reached();
    let unrecorded: Vec<u32> = reached.iter().copied().filter(|number| !recorded.contains(number)).collect();
    drop(jobs);
    std::fs::remove_dir(&attach).context("the cgroup is empty")?;
    Ok(json!({
        "summary": {
            "seconds": options.seconds,
            "jobs": started.jobs,
            "gateway_kills": kills,
            "take_overs": take_overs,
            "connections_tried": started.connections,
            "connections_at_target": reached.len(),
            "connections_recorded": recorded.len(),
            "unrecorded": unrecorded.len(),
            "leaked_fds": leaked(&first.descriptors, &last.descriptors),
            "map_growth": last.map_entries.all() - first.map_entries.all(),
            "rss_anon_growth_kb": last.anonymous_kb - first.anonymous_kb,
        },
        "changed": {
            "descriptors": last.descriptors.since(&first.descriptors),
            "map_entries": last.map_entries.since(&first.map_entries),
        },
        "unrecorded": unrecorded.iter().take(100).map(|&number| destination::of(number).to_string()).collect::<Vec<_>>(),
        "settings": { "build": if cfg!(debug_assertions) { "debug" } else { "release" }, "jobs_per_second": options.rate, "seed": options.seed, "killed_jobs": started.killed },
        "machine": crate::machine(),
    }))
}

/// What is not as it has to be. Neither maps nor descriptors may grow at all, though the last daemon is another process than
/// the first and has come by adoption or take-over; memory has a little room, as the allocator keeps some.
#[must_use]
pub fn faults(report: &Value) -> Vec<String> {
    let summary = &report["summary"];
    let mut faults = Vec::new();
    for (name, most) in [("unrecorded", 0), ("leaked_fds", 0), ("map_growth", 0), ("rss_anon_growth_kb", 16_384)] {
        let value = summary[name].as_i64().unwrap_or(i64::MAX);
        if value > most {
            faults.push(format!("{name} is {value}, and may be {most}"));
        }
    }
    let at_target = summary["connections_at_target"].as_u64().unwrap_or(0);
    if at_target < summary["connections_tried"].as_u64().unwrap_or(0) / 4 {
        faults.push(format!("only {at_target} connections got through: that shows nothing"));
    }
    faults
}

/// Descriptors that the last daemon has and the first had not. One that has had something to find has its own record
/// open, from the first finding to its end: one, however many there are. Refusals while none ran are such.
fn leaked(first: &Tally, last: &Tally) -> i64 {
    let records = |tally: &Tally| tally.0.get(RECORD).copied().unwrap_or(0);
    let beyond = |tally: &Tally| tally.all() - records(tally).min(1);
    beyond(last) - beyond(first)
}

impl Tally {
    fn add(&mut self, name: String, count: i64) {
        *self.0.entry(name).or_default() += count;
    }

    fn all(&self) -> i64 {
        self.0.values().sum()
    }

    /// What is more, or less, than it was `before`, by name.
    fn since(&self, before: &Self) -> BTreeMap<String, i64> {
        let names: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let count = |tally: &Self, name: &String| tally.0.get(name).copied().unwrap_or(0);
        let changed = names.into_iter().map(|name| (name.clone(), count(self, name) - count(before, name)));
        changed.filter(|(_, change)| *change != 0).collect()
    }
}
