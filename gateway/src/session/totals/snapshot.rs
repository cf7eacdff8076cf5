//! Running totals as one gateway hands them to the next: quotas go on where they stood.

use super::hour::Hour;
use super::tally::{Counts, Tally};
use super::{MOST, Totals, entry, minute};
use gateway_core::model::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

/// Every run's and every workload's totals at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Seconds since minutes are counted.
    pub age_seconds: u64,
    runs: BTreeMap<RunId, Counts>,
    workloads: BTreeMap<String, HourSnapshot>,
}

/// A workload's last hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct HourSnapshot {
    pub(super) counts: Counts,
    /// The minutes that are remembered, and where the counts stood when each began.
    pub(super) starts: Vec<(u64, Counts)>,
}

impl Totals {
    /// Totals whose minutes are counted since so long.
    #[must_use]
    pub fn aged(age: Duration) -> Self {
        let now = super::Instant::now();
        // A host that has run for less than its gateway has a wrong clock: hours begin anew then.
        Self { began: now.checked_sub(age).unwrap_or(now), ..Self::default() }
    }

    /// What has been counted so far.
    #[must_use]
    pub fn snapshot(&self) -> Snapshot {
        let runs = self.runs.lock().unwrap_or_else(PoisonError::into_inner);
        let runs = runs.iter().map(|(run, tally)| (*run, tally.counts())).collect();
        let workloads = self.workloads.lock().unwrap_or_else(PoisonError::into_inner);
        let workloads = workloads.iter().map(|(name, hour)| (name.clone(), hour.snapshot())).collect();
        Snapshot { age_seconds: self.began.elapsed().as_secs(), runs, workloads }
    }

    /// Goes on where another gateway's totals stood. Nothing may have been counted yet.
    pub fn restore(&self, snapshot: &Snapshot) {
        let minute = minute(self.began);
        for (run, counts) in snapshot.runs.iter().take(MOST) {
            let tally = entry(&self.runs, *run, &self.other_runs, |_| false);
            tally.add(*counts);
            tally.used.fetch_max(minute, Ordering::Relaxed);
        }
        for (name, hour) in snapshot.workloads.iter().take(MOST) {
            let own = self.hour(name);
            own.restore(hour);
            own.tally.used.fetch_max(minute, Ordering::Relaxed);
        }
    }

    /// Adds what another gateway has counted between two moments.
    pub fn add_since(&self, before: &Snapshot, after: &Snapshot) {
        let minute = minute(self.began);
        for (run, counts) in &after.runs {
            let more = counts.since(before.runs.get(run).copied().unwrap_or_default());
            if more != Counts::default() {
                let tally: Arc<Tally> = entry(&self.runs, *run, &self.other_runs, |_| false);
                tally.add(more);
            }
        }
        for (name, hour) in &after.workloads {
            let before = before.workloads.get(name).map(|hour| hour.counts).unwrap_or_default();
            let more = hour.counts.since(before);
            if more != Counts::default() {
                self.hour(name).add(minute, more);
            }
        }
    }

    fn hour(&self, name: &str) -> Arc<Hour> {
        entry(&self.workloads, name.to_owned(), &self.other_workloads, |_| false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(rows: u64) -> Counts {
        Counts { rows, ..Counts::default() }
    }

    #[test]
    fn totals_go_on_at_the_next_gateway() {
        let (first, run) = (Totals::aged(Duration::from_secs(30 * 60)), RunId::from_number(7));
        entry(&first.runs, run, &first.other_runs, |_| false).add(counts(10));
        first.hour("w").add(1, counts(4));
        first.hour("w").add(30, counts(5));
        let handed = first.snapshot();
        let text = serde_json::to_string(&handed).unwrap();
        assert_eq!(serde_json::from_str::<Snapshot>(&text).unwrap(), handed);

        let next = Totals::aged(Duration::from_secs(handed.age_seconds));
        next.restore(&handed);
        assert_eq!(next.snapshot().runs, handed.runs);
        assert_eq!(next.hour("w").counts(31).rows, 9);
        assert_eq!(next.hour("w").counts(62).rows, 5, "what is older than an hour is forgotten there as here");

        // The first one's last sessions are still at work.
        entry(&first.runs, run, &first.other_runs, |_| false).add(counts(1));
        first.hour("w").add(31, counts(1));
        next.add_since(&handed, &first.snapshot());
        assert_eq!((next.snapshot().runs[&run], next.hour("w").counts(32).rows), (counts(11), 10));
    }
}
