//! Where a running total makes a difference: the numbers that the policies of a set compare it with.
//!
//! Between two of them no decision of the set can change with the total, so what was decided there
//! holds until the total leaves that stretch. Where a policy does anything else with a total than
//! compare it with a number, nothing is said, and every decision is made anew.

use super::operation::{Running, Totals};
use super::reads::Reads;
use std::collections::{BTreeMap, BTreeSet};

/// One of the totals that policies see, by the names of `context`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Counter {
    scope: Scope,
    field: Field,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Scope {
    Session,
    Run,
    Hour,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Field {
    Rows,
    Bytes,
    Statements,
    Seconds,
    Concurrent,
    Connections,
}

/// What a set does with totals.
#[derive(Debug, Default)]
pub(super) struct Thresholds {
    watched: bool,
    /// A policy looks at a total in a way that is not followed here.
    beyond: bool,
    /// The first number of each stretch but the lowest.
    firsts: BTreeMap<Counter, BTreeSet<u64>>,
}

/// Totals between which no decision of the set differs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stretch(Box<[Span]>);

/// A counter, the first number of its stretch, and the first beyond it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    counter: Counter,
    from: u64,
    to: Option<u64>,
}

impl Counter {
    /// The counter at `context.scope.field`.
    pub(super) fn named(scope: &str, field: &str) -> Option<Self> {
        let scope = match scope {
            "session" => Scope::Session,
            "run" => Scope::Run,
            "hour" => Scope::Hour,
            _ => return None,
        };
        let field = match field {
            "rows" => Field::Rows,
            "bytes" => Field::Bytes,
            "statements" => Field::Statements,
            "seconds" => Field::Seconds,
            "concurrent" => Field::Concurrent,
            "connections" => Field::Connections,
            _ => return None,
        };
        Some(Self { scope, field })
    }

    /// What it has reached, as policies see it: Cedar counts to 2⁶³ − 1.
    fn of(self, totals: &Totals) -> u64 {
        let Running { rows, bytes, statements, seconds, concurrent, connections } = match self.scope {
            Scope::Session => totals.session,
            Scope::Run => totals.run,
            Scope::Hour => totals.hour,
        };
        let reached = match self.field {
            Field::Rows => rows,
            Field::Bytes => bytes,
            Field::Statements => statements,
            Field::Seconds => seconds,
            Field::Concurrent => concurrent,
            Field::Connections => connections,
        };
        reached.min(i64::MAX.unsigned_abs())
    }
}

impl Thresholds {
    pub(super) fn add(&mut self, reads: &Reads) {
        self.watched |= reads.totals;
        self.beyond |= reads.totals_beyond;
        for (counter, first) in &reads.firsts {
            self.firsts.entry(*counter).or_default().insert(*first);
        }
    }

    pub(super) const fn watched(&self) -> bool {
        self.watched
    }

    /// The stretch that `totals` are in; none where nothing is known of it.
    pub(super) fn stretch(&self, totals: &Totals) -> Option<Stretch> {
        let span = |(counter, firsts): (&Counter, &BTreeSet<u64>)| {
            let reached = counter.of(totals);
            Span {
                counter: *counter,
                from: firsts.range(..=reached).next_back().copied().unwrap_or_default(),
                to: firsts.range(reached.saturating_add(1)..).next().copied(),
            }
        };
        (!self.beyond).then(|| Stretch(self.firsts.iter().map(span).collect()))
    }
}

impl Stretch {
    /// Whether `totals` are in it too.
    #[must_use]
    pub fn holds(&self, totals: &Totals) -> bool {
        self.0.iter().all(|span| {
            let reached = span.counter.of(totals);
            span.from <= reached && span.to.is_none_or(|beyond| reached < beyond)
        })
    }

    /// Totals that are in both.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self(self.0.into_iter().chain(other.0).collect())
    }

    /// Whether it holds whatever the totals are.
    #[must_use]
    pub const fn always(&self) -> bool {
        self.0.is_empty()
    }
}
