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
    /// Since which minute the first was looked for last, and which it is, so that a decision does not look at all of them; 0 where it
    /// is not known.
    first: AtomicU64,
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
        Self { tally: Tally::default(), starts: std::array::from_fn(|_| Start::default()), first: AtomicU64::new(0) }
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
        let Some(start) = self.first(since, minute) else { return Counts::default() };
        let began = start.counters.counts();
        let now = self.tally.counts();
        now.since(began)
    }

    /// The beginning of the first minute of these in which anything was counted.
    fn first(&self, since: u64, until: u64) -> Option<&Start> {
        // Minutes are only added behind it: it is the first until the hour has gone past it.
        let (asked, known) = unpacked(self.first.load(Ordering::Acquire));
        let is_it = |start: &&Start| known > 0 && asked <= since && start.within(since, until) == Some(known);
        if let Some(start) = self.start(known).filter(is_it) {
            return Some(start);
        }
        let starts = self.starts.iter().filter_map(|start| Some((start.within(since, until)?, start)));
        // A minute in which nothing happened has no beginning: the next one's is the same.
        let (minute, start) = starts.min_by_key(|(minute, _)| *minute)?;
        self.first.store(packed(since, minute), Ordering::Release);
        Some(start)
    }

    fn start(&self, minute: u64) -> Option<&Start> {
        self.starts.get(usize::try_from(minute % KEPT as u64).unwrap_or_default())
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
            if let Some(start) = self.start(*minute) {
                start.counters.store(*counts);
                start.minute.store(*minute, Ordering::Release);
            }
        }
        self.first.store(0, Ordering::Release);
        self.tally.add(hour.counts);
    }

    /// Notes where the counts stand if `minute` is new. Two that find it new at once write nearly the
    /// same; the minute is written last, so that whoever sees it sees the counts too.
    fn enter(&self, minute: u64) {
        let Some(start) = self.start(minute).filter(|start| start.minute.load(Ordering::Acquire) != minute) else { return };
        start.counters.store(self.tally.counts());
        start.minute.store(minute, Ordering::Release);
    }
}

/// Two minutes in one number: there are less than 2^32 of them in any gateway's life.
const fn packed(since: u64, minute: u64) -> u64 {
    since << 32 | minute
}

const fn unpacked(both: u64) -> (u64, u64) {
    (both >> 32, both & 0xffff_ffff)
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
