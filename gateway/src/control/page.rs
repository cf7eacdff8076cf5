//! A page of a list: all that is open, and some of what is over.

use serde::Serialize;
use std::fmt::Display;

/// Things of the past that a page has at most.
const MOST: usize = 1_000;

/// Which page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Page {
    /// How many of those that are over, at most.
    pub past: usize,
    /// Only those that are over, and older than the one of this number.
    pub before: Option<u64>,
}

/// It, the newest first.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Listed<T> {
    /// What is on it.
    pub entries: Vec<T>,
    /// The id before which the next page begins; none where this is the last.
    #[serde(skip)]
    pub next: Option<String>,
}

impl Page {
    /// The first one, with up to `past` of those that are over.
    #[must_use]
    pub const fn first(past: usize) -> Self {
        Self { past, before: None }
    }

    /// As it can be had.
    pub(super) fn within_bounds(self) -> Self {
        Self { past: self.past.min(MOST), ..self }
    }
}

impl<T> Listed<T> {
    /// With the id behind which more is.
    pub(super) fn behind(entries: Vec<T>, next: Option<impl Display>) -> Self {
        Self { entries, next: next.map(|id| id.to_string()) }
    }

    /// The same of something else.
    pub(super) fn map<U>(self, to: impl FnMut(T) -> U) -> Listed<U> {
        Listed { entries: self.entries.into_iter().map(to).collect(), next: self.next }
    }

    /// Without those that are not `kept`.
    pub(super) fn retain(mut self, kept: impl FnMut(&T) -> bool) -> Self {
        self.entries.retain(kept);
        self
    }
}
