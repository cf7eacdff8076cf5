//! Gateways die while jobs work: by SIGKILL, or with the power of the disk that their records are on. What a job was answered is
//! held against the record that the next gateway closes.
//!
//! What counts: the records are whole; what was answered before the stated window is in them; and what is missing is a record's
//! end, with no gap before it.

mod job;
mod lane;
mod point;
mod stall;

pub use job::job;

use crate::chance::Chance;
use crate::power::Names;
use crate::{Postgres, machine};
use anyhow::{Context as _, bail};
use lane::{Lane, Setting};
use point::Came;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::mpsc;
use std::thread;

/// How many, and what chance begins with.
#[derive(Clone, Debug)]
pub struct Options {
    /// Points: gateways die once at each.
    pub points: u32,
    /// The same seed is the same order of settings and moments.
    pub seed: u64,
    /// Disks that are worked on at a time.
    pub lanes: u32,
    /// A disk and its state are used for so many points, then a new one is begun.
    pub points_a_lane: u32,
    /// `record.sync_ms` of the lanes, in turn; none is what weir has by default. With 0 nothing at all may be lost.
    pub sync_ms: Vec<Option<u64>>,
}

impl Default for Options {
    fn default() -> Self {
        Self { points: 500, seed: 1, lanes: 4, points_a_lane: 10, sync_ms: vec![None, Some(200), Some(0)] }
    }
}

/// Has gateways die so often; `program` is this suite's own, which jobs run. `tell` hears of each point.
///
/// # Errors
/// Where a point could not be set up: that shows nothing.
pub fn crash(options: &Options, program: &Path, mut tell: impl FnMut(&str)) -> anyhow::Result<Value> {
    let server = Postgres::builder().setting("max_connections = 300").start();
    let (came, all) = mpsc::channel();
    let mut points = thread::scope(|scope| {
        for worker in 0..options.lanes.max(1) {
            let (came, server) = (came.clone(), &server);
            scope.spawn(move || {
                if let Err(error) = work(options, worker, server, program, &came) {
                    came.send(Err(error)).ok();
                }
            });
        }
        drop(came);
        let mut points = Vec::new();
        for one in all {
            let came: Came = one?;
            points.push(came);
            if let Some(came) = points.last() {
                tell(&format!("{}/{} {}", points.len(), options.points, came.tell()));
            }
        }
        anyhow::Ok(points)
    })?;
    points.sort_by_key(|came| came.number);
    if points.len() != options.points as usize {
        bail!("{} of {} points were tried", points.len(), options.points);
    }
    Ok(report(options, &points))
}

/// One worker's lanes, one after the other.
fn work(
    options: &Options,
    worker: u32,
    server: &Postgres,
    program: &Path,
    came: &mpsc::Sender<anyhow::Result<Came>>,
) -> anyhow::Result<()> {
    let lanes = options.points.div_ceil(options.points_a_lane);
    for number in (worker..lanes).step_by(options.lanes.max(1) as usize) {
        let mut chance = Chance::of(options.seed, u64::from(number));
        // Each of these with both kinds of disks, in turn.
        let names = if number % 2 == 0 { Names::Journaled } else { Names::Strict };
        let sync_ms = options.sync_ms.get(number as usize / 2 % options.sync_ms.len().max(1)).copied().flatten();
        let setting = Setting::by_chance(sync_ms, names, &mut chance);
        let mut lane = Lane::begin(server, setting, program).with_context(|| format!("lane {number}: {setting:?}"))?;
        let first = number * options.points_a_lane;
        for point in first..options.points.min(first + options.points_a_lane) {
            let one = lane.point(point + 1, &mut chance).with_context(|| format!("point {}: {setting:?}", point + 1));
            if one.as_ref().is_ok_and(|came| came.verify.is_some()) {
                // What is wrong stays wrong: the next point shall be judged by itself.
                lane = Lane::begin(server, setting, program)?;
            }
            // Nobody listens any more where another lane has failed.
            if came.send(one).is_err() {
                return Ok(());
            }
        }
    }
    Ok(())
}

fn report(options: &Options, points: &[Came]) -> Value {
    let sum = |of: &dyn Fn(&Came) -> u64| points.iter().map(of).sum::<u64>();
    let powerless = points.iter().filter(|came| came.how.cuts_power()).count();
    let durable = points.iter().filter(|came| came.setting.sync_ms == Some(0)).count();
    json!({
        "summary": {
            "kills": points.len(),
            "acknowledged_lost_bytes": sum(&|came| came.lost.beyond.bytes),
            "bytes_at_risk": points.iter().map(|came| came.lost.within.bytes).max(),
            "verify_failures": sum(&|came| u64::from(came.verify.is_some())),
            "gaps": sum(&|came| came.lost.gaps),
            "jobs_that_outlived": sum(&|came| came.outlived.len() as u64),
            "power_cuts": powerless,
            "durable_before_forward": durable,
            "acknowledged": sum(&|came| came.lost.acknowledged),
            "points_that_lost": points.iter().filter(|came| came.lost.within.statements > 0).count(),
        },
        "stated": {
            "window_ms": "twice record.flush_ms, and one sync of the disk, after a kill; record.sync_ms besides after a power cut; none with record.sync_ms = 0",
            "bytes": "the window's, at most 4 MiB and one batch for a session",
        },
        "points": points.iter().map(Came::row).collect::<Vec<_>>(),
        "settings": {
            "seed": options.seed, "lanes": options.lanes, "sync_ms": options.sync_ms,
            "build": if cfg!(debug_assertions) { "debug" } else { "release" },
        },
        "machine": machine(),
    })
}

/// What is not as it has to be.
#[must_use]
pub fn faults(report: &Value) -> Vec<String> {
    let summary = &report["summary"];
    let mut faults: Vec<_> = ["acknowledged_lost_bytes", "verify_failures", "gaps", "jobs_that_outlived"]
        .into_iter()
        .filter(|name| summary[*name].as_u64() != Some(0))
        .map(|name| format!("{name} is {}", summary[name]))
        .collect();
    let number = |name: &str| summary[name].as_u64().unwrap_or(0);
    if number("acknowledged") == 0 {
        faults.push("no statement was answered: nothing was tried".to_owned());
    }
    if number("kills") >= 50 && number("points_that_lost") * 20 < number("kills") {
        faults.push("next to nothing was lost within the window: the cuts don't cut".to_owned());
    }
    faults
}
