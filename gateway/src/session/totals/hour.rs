//! A workload's last hour: what was counted in it, without a lock and without a list of events.

use super::snapshot::HourSnapshot;
use super::tally::{Counters, Counts, Tally};
use std::sync::atomic::{AtomicU64, Ordering};

/// Minutes that count.
const WINDOW: u64 = 60;
/// Minutes whose beginnings are kept: more than count, so that none is overwritten while it is read.
const KEPT: usize = 64;

/// Counts since ever, and where they stood when each of the last minutes began. What the last hour
/// had is the difference: of 60 minutes and the part of one, never of less than an hour.
#[derive(Debug)]
pub(super) struct Hour {
    pub(super) tally: Tally,
    starts: [Start; KEPT],
}

/// Where the counts stood when a minute began.
#[derive(Debug, Default)]
struct Start {
    /// The minute, from 1; 0 for none.
    minute: AtomicU64,
    counters: Counters,
}

impl Default for Hour {
    fn default() -> Self {
        Self { tally: Tally::default(), starts: std::array::from_fn(|_| Start::default()) }
    }
}

impl Hour {
    /// Adds what was counted in `minute`, which counts from 1 and never goes back.
    pub(super) fn add(&self, minute: u64, counts: Counts) {
        self.enter(minute);
        self.tally.add(counts);
    }

    /// What was counted in the hour that `minute` ends.
    pub(super) fn counts(&self, minute: u64) -> Counts {
        let since = minute.saturating_sub(WINDOW).max(1);
        let first = self.starts.iter().filter_map(|start| Some((start.within(since, minute)?, start)));
        // A minute in which nothing happened has no beginning: the next one's is the same.
        let Some((_, start)) = first.min_by_key(|(minute, _)| *minute) else { return Counts::default() };
        let began = start.counters.counts();
        let now = self.tally.counts();
        now.since(began)
    }

    /// The hour as it stands.
    pub(super) fn snapshot(&self) -> HourSnapshot {
        let starts = self.starts.iter().filter_map(|start| {
            let minute = Some(start.minute.load(Ordering::Acquire)).filter(|minute| *minute > 0);
            Some((minute?, start.counters.counts()))
        });
        HourSnapshot { starts: starts.collect(), counts: self.tally.counts() }
    }

    /// Takes over an hour that was counted elsewhere, in the same minutes.
    pub(super) fn restore(&self, hour: &HourSnapshot) {
        for (minute, counts) in &hour.starts {
            let place = usize::try_from(minute % KEPT as u64).unwrap_or_default();
            if let Some(start) = self.starts.get(place) {
                start.counters.store(*counts);
                start.minute.store(*minute, Ordering::Release);
            }
        }
        self.tally.add(hour.counts);
    }

    /// Notes where the counts stand if `minute` is new. Two that find it new at once write nearly the
    /// same; the minute is written last, so that whoever sees it sees the counts too.
    fn enter(&self, minute: u64) {
        let place = usize::try_from(minute % KEPT as u64).unwrap_or_default();
        let Some(start) = self.starts.get(place).filter(|start| start.minute.load(Ordering::Acquire) != minute) else { return };
        start.counters.store(self.tally.counts());
        start.minute.store(minute, Ordering::Release);
    }
}

impl Start {
    fn within(&self, since: u64, until: u64) -> Option<u64> {
        Some(self.minute.load(Ordering::Acquire)).filter(|minute| (since..=until).contains(minute))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a list of everything that ever happened.
        #[test]
        fn the_window_is_an_hour_and_the_part_of_a_minute(steps in prop::collection::vec((0u64..90, 1u64..1000), 1..200)) {
            let hour = Hour::default();
            let mut minute = 1;
            let mut events = Vec::new();
            for (pause, rows) in steps {
                minute += pause;
                hour.add(minute, Counts { rows, ..Counts::default() });
                events.push((minute, rows));
                let expected: u64 = events.iter().filter(|(at, _)| at + WINDOW >= minute).map(|(_, rows)| rows).sum();
                prop_assert_eq!(hour.counts(minute).rows, expected);
            }
            prop_assert_eq!(hour.counts(minute + WINDOW + 1).rows, 0);
        }
    }
}
