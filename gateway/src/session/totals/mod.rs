//! Running totals of sessions, runs and workloads, and how many sessions are at work on a target.

mod hour;
mod meter;
mod snapshot;
mod tally;

pub use meter::{Meter, Slot};
pub use snapshot::Snapshot;

use crate::session::moment;
use gateway_core::model::ids::RunId;
use gateway_core::model::principal::Principal;
use hour::Hour;
use std::collections::HashMap;
use std::hash::Hash;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use tally::Tally;
use tokio::time::Instant;

/// Runs, and workloads, that are counted apart. All beyond share one tally: too much is counted, never too little.
const MOST: usize = 16_384;
/// Minutes for which a run is remembered that has no session.
const RUN_KEPT: u64 = 24 * 60;
/// Minutes for which a workload is.
const WORKLOAD_KEPT: u64 = 61;

/// The totals of one gateway. They live as long as it does.
pub struct Totals {
    began: Instant,
    runs: Mutex<HashMap<RunId, Arc<Tally>>>,
    workloads: Mutex<HashMap<String, Arc<Hour>>>,
    targets: Mutex<HashMap<String, Arc<AtomicU64>>>,
    other_runs: Arc<Tally>,
    other_workloads: Arc<Hour>,
    refused: AtomicU64,
}

impl Default for Totals {
    fn default() -> Self {
        Self {
            began: Instant::now(),
            runs: Mutex::default(),
            workloads: Mutex::default(),
            targets: Mutex::default(),
            other_runs: Arc::default(),
            other_workloads: Arc::default(),
            refused: AtomicU64::new(0),
        }
    }
}

impl Totals {
    /// A meter for a session that begins.
    pub fn meter(&self, principal: &Principal) -> Meter {
        let minute = minute(self.began);
        let run = entry(&self.runs, principal.run, &self.other_runs, |tally| idle(tally, minute, RUN_KEPT));
        let name = principal.workload.0.clone();
        let hour = entry(&self.workloads, name, &self.other_workloads, |hour| idle(&hour.tally, minute, WORKLOAD_KEPT));
        run.used.fetch_max(minute, Ordering::Relaxed);
        hour.tally.used.fetch_max(minute, Ordering::Relaxed);
        Meter::new(self.began, run, hour)
    }

    /// A statement was refused.
    pub fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// How many were.
    pub fn statements_refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }

    /// A place among the `most` sessions that may be at work on `target` at once; none where all are taken.
    pub fn slot(&self, target: &str, most: u64) -> Option<Slot> {
        let mut targets = self.targets.lock().unwrap_or_else(PoisonError::into_inner);
        let taken = match targets.get(target) {
            Some(taken) => Arc::clone(taken),
            // As many as the configuration has targets.
            None => Arc::clone(targets.entry(target.to_owned()).or_default()),
        };
        Slot::take(taken, most)
    }
}

/// Minutes since the gateway began, from 1.
fn minute(began: Instant) -> u64 {
    1 + moment::instant().saturating_duration_since(began).as_secs() / 60
}

fn idle(tally: &Tally, minute: u64, kept: u64) -> bool {
    minute.saturating_sub(tally.used.load(Ordering::Relaxed)) > kept
}

/// The entry of `key`, made where there is room; the common one where there is none.
fn entry<K: Hash + Eq, V: Default>(
    table: &Mutex<HashMap<K, Arc<V>>>,
    key: K,
    common: &Arc<V>,
    idle: impl Fn(&V) -> bool,
) -> Arc<V> {
    let mut table = table.lock().unwrap_or_else(PoisonError::into_inner);
    if table.len() >= MOST && !table.contains_key(&key) {
        table.retain(|_, entry| Arc::strong_count(entry) > 1 || !idle(entry));
        if table.len() >= MOST {
            return Arc::clone(common);
        }
    }
    Arc::clone(table.entry(key).or_default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::model::principal::{Grade, Process, WorkloadId};

    fn principal(run: u64, workload: &str) -> Principal {
        Principal {
            workload: WorkloadId(workload.to_owned()),
            name: None,
            owner: None,
            grade: Grade::Kernel,
            run: RunId::from_number(run),
            process: Process::default(),
            claims: None,
            attested: None,
            attestation_failure: None,
            person: None,
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_session_a_run_and_an_hour_count_what_is_theirs() {
        let totals = Totals::default();
        let (mut one, mut two, mut other) =
            (totals.meter(&principal(1, "a")), totals.meter(&principal(1, "a")), totals.meter(&principal(2, "a")));
        one.count(10, 1000);
        one.count(15, 1500);
        two.count(1, 100);
        other.count(7, 70);
        one.begin(2);
        let seen = one.totals(0);
        assert_eq!((seen.session.rows, seen.run.rows, seen.hour.rows), (15, 16, 23));
        assert_eq!((seen.session.bytes, seen.run.bytes, seen.hour.bytes), (1500, 1600, 1670));
        assert_eq!((seen.session.statements, seen.session.concurrent, seen.run.concurrent), (2, 1, 1));
        let next = two.totals(1);
        assert_eq!((next.session.statements, next.session.concurrent, next.run.concurrent), (1, 1, 2));
        tokio::time::advance(std::time::Duration::from_secs(3)).await;
        one.idle();
        assert_eq!((one.totals(0).session.seconds, two.totals(0).run.seconds), (3, 3));
        tokio::time::advance(std::time::Duration::from_secs(62 * 60)).await;
        let later = one.totals(0);
        assert_eq!((later.run.rows, later.hour.rows, later.hour.seconds), (16, 0, 0));
        one.begin(1);
        drop(one);
        assert_eq!(two.totals(1).run.concurrent, 1, "a session that is gone is not at work");
    }

    #[test]
    fn a_full_table_counts_too_much_rather_than_too_little() {
        let totals = Totals::default();
        for run in 0..MOST as u64 {
            totals.meter(&principal(run, &format!("w{run}"))).count(1, 0);
        }
        let (mut late, later) = (totals.meter(&principal(1 << 40, "late")), totals.meter(&principal(1 << 41, "later")));
        late.count(5, 0);
        assert_eq!((later.totals(0).run.rows, later.totals(0).hour.rows), (5, 5));
        assert_eq!(totals.meter(&principal(7, "w7")).totals(0).run.rows, 1);
    }

    #[test]
    fn a_target_has_so_many_places() {
        let totals = Totals::default();
        let first = totals.slot("t", 2);
        let second = totals.slot("t", 2);
        assert!(first.is_some() && second.is_some() && totals.slot("t", 2).is_none() && totals.slot("u", 1).is_some());
        drop(first);
        assert!(totals.slot("t", 2).is_some());
    }
}
