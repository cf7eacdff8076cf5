//! What was decided on each operation of a session, until it is answered: its parts, its time at the server.

use super::kinds::{Outcome, Verb};
use gateway_core::model::time::Timestamp;
use std::collections::BTreeMap;

/// Operations that are remembered; of more, the oldest are forgotten. What is prepared is asked again and again.
const OPERATIONS: usize = 1_024;
/// Statements of one text that are told apart.
const PARTS: usize = 256;

/// A decision on one statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Judged {
    /// What it does, and to what.
    pub(super) accesses: Vec<(Verb, String)>,
    /// What came of it.
    pub(super) outcome: Outcome,
    /// Classes that it shows as they are.
    pub(super) clear: Vec<String>,
    /// Whether it does more than is known.
    pub(super) opaque: bool,
}

/// Operations that were asked about.
#[derive(Clone, Debug, Default)]
pub(super) struct Operations {
    all: BTreeMap<u64, Operation>,
    /// When the server answered last.
    last: Timestamp,
}

#[derive(Clone, Debug, Default)]
struct Operation {
    parts: BTreeMap<u64, Judged>,
    /// A text may be several statements, each answered; what is prepared is one, answered each time.
    is_text: bool,
    answered: u64,
    begun: Timestamp,
}

impl Operations {
    /// Its text was sent.
    pub(super) fn asked(&mut self, operation: u64, kind: u8, time: Timestamp) {
        let found = self.at(operation);
        found.is_text = kind == b'Q';
        found.begun = time;
        found.answered = 0;
    }

    /// It was sent to run, or goes on.
    pub(super) fn begin(&mut self, operation: u64, time: Timestamp) {
        self.at(operation).begun = time;
    }

    /// A statement of it was decided on.
    pub(super) fn judged(&mut self, operation: u64, part: u64, judged: Judged) {
        let parts = &mut self.at(operation).parts;
        if parts.len() < PARTS || parts.contains_key(&part) {
            parts.insert(part, judged);
        }
    }

    /// A statement of it shows these classes, though it should not.
    pub(super) fn shows(&mut self, operation: u64, part: u64, classes: Vec<String>) {
        let Some(judged) = self.all.get_mut(&operation).and_then(|operation| operation.parts.get_mut(&part)) else { return };
        judged.clear.extend(classes);
        judged.clear.sort();
        judged.clear.dedup();
    }

    /// The server answered: for how many microseconds it was at work on that.
    pub(super) fn ended(&mut self, operation: u64, time: Timestamp) -> u64 {
        let begun = self.all.get(&operation).map_or(self.last, |operation| operation.begun);
        // What waits behind another is not worked on.
        let since = begun.max(self.last);
        self.last = time;
        time.0.saturating_sub(since.0) / 1_000
    }

    /// The decision on the statement that was answered just now.
    pub(super) fn answered(&mut self, operation: u64) -> Option<Judged> {
        let operation = self.all.get_mut(&operation)?;
        let part = if operation.is_text { operation.answered } else { 0 };
        operation.answered += 1;
        operation.parts.get(&part).cloned()
    }

    /// It failed: what is left of its text is not run.
    pub(super) fn forget_run(&mut self, operation: u64) {
        if let Some(operation) = self.all.get_mut(&operation) {
            operation.answered = 0;
        }
    }

    fn at(&mut self, operation: u64) -> &mut Operation {
        if self.all.len() >= OPERATIONS && !self.all.contains_key(&operation) {
            self.all.pop_first();
        }
        self.all.entry(operation).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judged(object: &str) -> Judged {
        let accesses = vec![(Verb::Read, object.to_owned())];
        Judged { accesses, outcome: Outcome::Allowed, clear: Vec::new(), opaque: false }
    }

    #[test]
    fn each_answer_is_of_its_statement_and_time_is_counted_once() {
        let mut operations = Operations::default();
        let at = |milliseconds: u64| Timestamp(milliseconds * 1_000_000);
        operations.asked(1, b'Q', at(0));
        operations.judged(1, 0, judged("a"));
        operations.judged(1, 2, judged("c"));
        let object = |judged: Option<Judged>| judged.map(|judged| judged.accesses[0].1.clone());
        assert_eq!((operations.ended(1, at(10)), object(operations.answered(1))), (10_000, Some("a".to_owned())));
        // The second is a COMMIT, say: nothing was asked about it.
        assert_eq!((operations.ended(1, at(15)), object(operations.answered(1))), (5_000, None));
        assert_eq!((operations.ended(1, at(15)), object(operations.answered(1))), (0, Some("c".to_owned())));
        operations.asked(2, b'P', at(20));
        operations.judged(2, 0, judged("p"));
        for (begun, ended, spent) in [(30, 31, 1_000), (40, 45, 5_000)] {
            operations.begin(2, at(begun));
            assert_eq!((operations.ended(2, at(ended)), object(operations.answered(2))), (spent, Some("p".to_owned())));
        }
        for number in 3..10_000 {
            operations.asked(number, b'Q', at(50));
        }
        assert_eq!(operations.all.len(), OPERATIONS);
    }
}
