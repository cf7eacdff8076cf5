//! Which names are common table expressions at a place of a statement, and not relations.

/// The names of WITH clauses that are in scope, the innermost last.
#[derive(Debug, Default)]
pub(super) struct Scope {
    names: Vec<Box<str>>,
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
    }

    /// What was added behind `mark` is out of scope.
    pub(super) fn leave(&mut self, mark: Mark) {
        self.names.truncate(mark.0);
    }

    /// Whether an unqualified `name` is one here.
    pub(super) fn has(&self, name: &str) -> bool {
        self.names.iter().any(|known| &**known == name)
    }
}
