//! Counters that several sessions add to.

use gateway_core::policy::Running;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// What was counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Counts {
    /// Rows to the job and, by COPY, from it.
    pub(super) rows: u64,
    /// Bytes in both directions.
    pub(super) bytes: u64,
    /// Statements begun.
    pub(super) statements: u64,
    /// Nanoseconds that the server worked.
    pub(super) nanoseconds: u64,
    /// Sessions begun.
    pub(super) connections: u64,
}

/// The same as counters.
#[derive(Debug, Default)]
pub(super) struct Counters {
    rows: AtomicU64,
    bytes: AtomicU64,
    statements: AtomicU64,
    nanoseconds: AtomicU64,
    connections: AtomicU64,
}

/// Counters, and how many sessions are at work.
#[derive(Debug, Default)]
pub(super) struct Tally {
    counters: Counters,
    pub(super) busy: AtomicU64,
    /// The minute in which it was last used, for whoever looks for room.
    pub(super) used: AtomicU64,
}

impl Tally {
    pub(super) fn add(&self, counts: Counts) {
        self.counters.add(counts);
    }

    pub(super) fn counts(&self) -> Counts {
        self.counters.counts()
    }
}

impl Counters {
    fn add(&self, counts: Counts) {
        for (counter, more) in [
            (&self.rows, counts.rows),
            (&self.bytes, counts.bytes),
            (&self.statements, counts.statements),
            (&self.nanoseconds, counts.nanoseconds),
            (&self.connections, counts.connections),
        ] {
            if more > 0 {
                counter.fetch_add(more, Ordering::Relaxed);
            }
        }
    }

    /// Sets them to `counts`.
    pub(super) fn store(&self, counts: Counts) {
        self.rows.store(counts.rows, Ordering::Relaxed);
        self.bytes.store(counts.bytes, Ordering::Relaxed);
        self.statements.store(counts.statements, Ordering::Relaxed);
        self.nanoseconds.store(counts.nanoseconds, Ordering::Relaxed);
        self.connections.store(counts.connections, Ordering::Relaxed);
    }

    pub(super) fn counts(&self) -> Counts {
        let load = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Counts {
            rows: load(&self.rows),
            bytes: load(&self.bytes),
            statements: load(&self.statements),
            nanoseconds: load(&self.nanoseconds),
            connections: load(&self.connections),
        }
    }
}

impl Counts {
    /// Nothing.
    pub(super) const NONE: Self = Self { rows: 0, bytes: 0, statements: 0, nanoseconds: 0, connections: 0 };

    /// Both together.
    pub(super) const fn and(self, more: Self) -> Self {
        Self {
            rows: self.rows.saturating_add(more.rows),
            bytes: self.bytes.saturating_add(more.bytes),
            statements: self.statements.saturating_add(more.statements),
            nanoseconds: self.nanoseconds.saturating_add(more.nanoseconds),
            connections: self.connections.saturating_add(more.connections),
        }
    }

    /// What came on top of `before`.
    pub(super) const fn since(self, before: Self) -> Self {
        Self {
            rows: self.rows.saturating_sub(before.rows),
            bytes: self.bytes.saturating_sub(before.bytes),
            statements: self.statements.saturating_sub(before.statements),
            nanoseconds: self.nanoseconds.saturating_sub(before.nanoseconds),
            connections: self.connections.saturating_sub(before.connections),
        }
    }

    /// As policies see it.
    pub(super) const fn running(self, concurrent: u64) -> Running {
        Running {
            rows: self.rows,
            bytes: self.bytes,
            statements: self.statements,
            seconds: self.nanoseconds / 1_000_000_000,
            concurrent,
            connections: self.connections,
        }
    }
}
