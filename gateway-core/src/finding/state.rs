//! What was seen of each workload: kept across restarts, and of a size that has a limit.

use super::baseline::Measure;
use super::groups::Groups;
use super::rule::Of;
use super::runs::Runs;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;

/// Workloads that are remembered; the one that was not seen for the longest time is forgotten first.
const WORKLOADS: usize = 1024;
/// Things of one sort that are remembered of a workload.
const THINGS: usize = 1024;
/// Counts that run at once.
const COUNTS: usize = 4096;
/// Sessions by hour of the day, above which older ones count half.
const SESSIONS: u32 = 10_000;

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    pub(super) workloads: BTreeMap<String, Workload>,
    pub(super) counts: BTreeMap<String, Count>,
    pub(super) groups: Groups,
    pub(super) runs: Runs,
}

/// What was seen of one workload.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Workload {
    pub(super) since: Timestamp,
    pub(super) last: Timestamp,
    pub(super) measures: BTreeMap<Of, Measure>,
    pub(super) things: BTreeMap<Of, Things>,
    /// Sessions by the hour of the day in which they began.
    hours: Vec<u32>,
    /// The best grade by which it was known, from 1.
    pub(super) grade: u8,
}

/// Names that were seen, by their hashes: which they are is in the records.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Things {
    pub(super) since: Timestamp,
    /// In order.
    seen: Vec<u64>,
}

/// How often something was seen since a time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Count {
    pub(super) since: Timestamp,
    pub(super) seen: u64,
}

impl State {
    /// Since when a workload is watched.
    #[must_use]
    pub fn since(&self, workload: &str) -> Option<Timestamp> {
        self.workloads.get(workload).map(|workload| workload.since)
    }

    /// The workloads that are remembered, with since when each is watched.
    pub fn workloads(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.workloads.iter().map(|(name, workload)| (name.as_str(), workload.since))
    }

    /// The workload's, which begins now where it is new.
    pub(super) fn of(&mut self, name: &str, at: Timestamp) -> &mut Workload {
        if self.workloads.len() >= WORKLOADS && !self.workloads.contains_key(name) {
            let oldest = self.workloads.iter().min_by_key(|(_, workload)| workload.last).map(|(name, _)| name.clone());
            self.workloads.remove(&oldest.unwrap_or_default());
        }
        let workload = self.workloads.entry(name.to_owned()).or_insert_with(|| Workload { since: at, ..Workload::default() });
        workload.last = workload.last.max(at);
        workload
    }

    /// Counts within a window that begins with the first; how many it are now.
    pub(super) fn counted(&mut self, key: String, at: Timestamp, window_ns: u64) -> u64 {
        if self.counts.len() >= COUNTS && !self.counts.contains_key(&key) {
            let oldest = self.counts.iter().min_by_key(|(_, count)| count.since).map(|(key, _)| key.clone());
            self.counts.remove(&oldest.unwrap_or_default());
        }
        let count = self.counts.entry(key).or_insert(Count { since: at, seen: 0 });
        if at.0 > count.since.0.saturating_add(window_ns) {
            *count = Count { since: at, seen: 0 };
        }
        count.seen += 1;
        count.seen
    }
}

impl Workload {
    /// The things of this sort, watched from now on where they are new.
    pub(super) fn things(&mut self, of: Of, at: Timestamp) -> &mut Things {
        self.things.entry(of).or_insert_with(|| Things { since: at, seen: Vec::new() })
    }

    /// Of all sessions, the share that began in this hour or in one beside it; none where there are too few.
    pub(super) fn share(&self, hour: usize) -> Option<(f64, u32)> {
        let all: u32 = self.hours.iter().sum();
        let of = |hour: usize| self.hours.get(hour % 24).copied().unwrap_or_default();
        let near = of(hour + 23) + of(hour) + of(hour + 1);
        (all >= 5).then(|| (f64::from(near) / f64::from(all), all))
    }

    /// A session began in this hour of the day.
    pub(super) fn began(&mut self, hour: usize) {
        self.hours.resize(24, 0);
        if self.hours.iter().sum::<u32>() >= SESSIONS {
            self.hours.iter_mut().for_each(|count| *count /= 2);
        }
        if let Some(count) = self.hours.get_mut(hour) {
            *count += 1;
        }
    }
}

impl Things {
    /// Whether it was seen before.
    pub(super) fn knows(&self, name: &str) -> bool {
        self.seen.binary_search(&hash(name)).is_ok()
    }

    /// It is known from now on, where there is room: what is not stays new.
    pub(super) fn learn(&mut self, name: &str) {
        let hash = hash(name);
        if let Err(place) = self.seen.binary_search(&hash)
            && self.seen.len() < THINGS
        {
            self.seen.insert(place, hash);
        }
    }
}

fn hash(name: &str) -> u64 {
    let digest = Sha256::digest(name.as_bytes());
    digest.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
}
