//! Which names are common table expressions at a place of a statement, and not relations.

use std::collections::BTreeMap;

/// The names of WITH clauses that are in scope.
#[derive(Debug, Default)]
pub(super) struct Scope {
    /// In their order, the innermost last.
    names: Vec<Box<str>>,
    /// How often each is in scope: a text may have very many of them.
    counts: BTreeMap<Box<str>, usize>,
}

/// Where a WITH clause began: what was added behind it goes out of scope with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mark(usize);

impl Scope {
    /// The place of now.
    pub(super) const fn mark(&self) -> Mark {
        Mark(self.names.len())
    }

    /// From here on `name` is a common table expression.
    pub(super) fn add(&mut self, name: &str) {
        self.names.push(name.into());
        *self.counts.entry(name.into()).or_default() += 1;
    }

    /// What was added behind `mark` is out of scope.
    pub(super) fn leave(&mut self, mark: Mark) {
        for name in self.names.drain(mark.0..) {
            if let Some(count) = self.counts.get_mut(&name) {
                *count -= 1;
                if *count == 0 {
                    self.counts.remove(&name);
                }
            }
        }
    }

    /// Whether an unqualified `name` is one here.
    pub(super) fn has(&self, name: &str) -> bool {
        self.counts.contains_key(name)
    }
}
