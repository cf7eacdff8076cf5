//! A session's way to its totals: it adds what is new, and reads all three.

use super::hour::Hour;
use super::minute;
use super::tally::{Counts, Tally};
use crate::session::moment;
use gateway_core::policy;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::time::Instant;

/// Rows and bytes of a result that others hear of before it is over.
const ROWS: u64 = 100;
const BYTES: u64 = 64 << 10;

/// The meter of one session.
#[derive(Debug)]
pub struct Meter {
    began: Instant,
    session: Counts,
    /// What is not yet counted beyond the session.
    unshared: Counts,
    run: Arc<Tally>,
    hour: Arc<Hour>,
    /// Rows and bytes as the relay last had them.
    seen: (u64, u64),
    /// Since when the server has worked, as far as that is not counted yet.
    busy: Option<Instant>,
}

impl Meter {
    pub(super) const fn new(began: Instant, run: Arc<Tally>, hour: Arc<Hour>) -> Self {
        let session = Counts { connections: 1, ..Counts::NONE };
        Self { began, session, unshared: Counts::NONE, run, hour, seen: (0, 0), busy: None }
    }

    /// Hears the session's rows and bytes since its beginning. No lock, no allocation. Little of a result is counted beyond the session once
    /// the statement is over.
    pub fn count(&mut self, rows: u64, bytes: u64) {
        let more = (rows.saturating_sub(self.seen.0), bytes.saturating_sub(self.seen.1));
        self.seen = (rows, bytes);
        if more != (0, 0) {
            self.add(Counts { rows: more.0, bytes: more.1, ..Counts::default() });
            if self.busy.is_none() || self.unshared.rows >= ROWS || self.unshared.bytes >= BYTES {
                self.share();
            }
        }
    }

    /// A session of the run has begun: counted once for each.
    pub fn connected(&self) {
        self.count_all(Counts { connections: 1, ..Counts::default() });
    }

    /// Rows that the job sent by COPY: the server counted them.
    pub fn copied(&mut self, rows: u64) {
        self.add(Counts { rows, ..Counts::default() });
        self.share();
    }

    /// The server has so many statements more to run.
    pub fn begin(&mut self, statements: u64) {
        if self.busy.is_none() {
            self.busy = Some(moment::instant());
            self.run.busy.fetch_add(1, Ordering::Relaxed);
            self.hour.tally.busy.fetch_add(1, Ordering::Relaxed);
        }
        self.add(Counts { statements, ..Counts::default() });
        self.share();
    }

    /// The server has nothing left to run.
    pub fn idle(&mut self) {
        self.worked();
        self.share();
        if self.busy.take().is_some() {
            self.run.busy.fetch_sub(1, Ordering::Relaxed);
            self.hour.tally.busy.fetch_sub(1, Ordering::Relaxed);
        }
    }

    /// Counts the time that the server has worked up to now.
    pub fn worked(&mut self) {
        if let Some(since) = &mut self.busy {
            let now = moment::instant();
            let nanoseconds = u64::try_from(now.saturating_duration_since(*since).as_nanos()).unwrap_or(u64::MAX);
            *since = now;
            self.add(Counts { nanoseconds, ..Counts::default() });
        }
    }

    /// All three, as they will be with `more` statements.
    #[must_use]
    pub fn totals(&self, more: u64) -> policy::Totals {
        let joins = u64::from(more > 0 && self.busy.is_none());
        let running = |counts: Counts, busy: u64| Counts { statements: counts.statements + more, ..counts }.running(busy + joins);
        let busy = |tally: &Tally| tally.busy.load(Ordering::Relaxed);
        policy::Totals {
            session: running(self.session, u64::from(self.busy.is_some())),
            run: running(self.run.counts().and(self.unshared), busy(&self.run)),
            hour: running(self.hour.counts(minute(self.began)).and(self.unshared), busy(&self.hour.tally)),
        }
    }

    const fn add(&mut self, counts: Counts) {
        self.session = self.session.and(counts);
        self.unshared = self.unshared.and(counts);
    }

    /// Counts beyond the session what is not yet counted there.
    fn share(&mut self) {
        let counts = std::mem::replace(&mut self.unshared, Counts::NONE);
        if counts != Counts::NONE {
            self.count_all(counts);
        }
    }

    /// Adds to what is counted beyond the session.
    fn count_all(&self, counts: Counts) {
        self.run.add(counts);
        let minute = minute(self.began);
        self.hour.add(minute, counts);
        for tally in [&self.run, &self.hour.tally] {
            if tally.used.load(Ordering::Relaxed) < minute {
                tally.used.store(minute, Ordering::Relaxed);
            }
        }
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.idle();
    }
}

/// One of the places on a target, given up when dropped.
#[derive(Debug)]
pub struct Slot(Arc<AtomicU64>);

impl Slot {
    pub(super) fn take(taken: Arc<AtomicU64>, most: u64) -> Option<Self> {
        let room = |now: u64| (now < most).then_some(now + 1);
        taken.fetch_update(Ordering::Relaxed, Ordering::Relaxed, room).is_ok().then(|| Self(taken))
    }
}

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
