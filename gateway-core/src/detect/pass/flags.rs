//! A set of patterns by their places.

use super::MOST_PATTERNS;

/// A set of patterns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(in crate::detect) struct Flags([u64; MOST_PATTERNS / 64]);

impl Flags {
    pub(super) fn insert(&mut self, pattern: usize) {
        if let Some(word) = self.0.get_mut(pattern / 64) {
            *word |= 1 << (pattern % 64);
        }
    }

    pub(super) fn add(&mut self, other: Self) {
        self.0.iter_mut().zip(other.0).for_each(|(word, other)| *word |= other);
    }

    /// The first 64 of them, a bit each.
    pub(super) const fn first(self) -> u64 {
        let [first, ..] = self.0;
        first
    }

    pub(super) const fn is_empty(&self) -> bool {
        let [a, b, c, d] = self.0;
        a | b | c | d == 0
    }

    /// The patterns, in order.
    pub(in crate::detect) fn iter(self) -> impl Iterator<Item = usize> {
        self.0.into_iter().enumerate().flat_map(|(place, word)| bits(word).map(move |bit| place * 64 + bit))
    }
}

/// The places of the bits that are set, in order.
#[inline]
pub(in crate::detect) fn bits(mut word: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = word.trailing_zeros() as usize;
        word &= word.checked_sub(1)?;
        Some(bit)
    })
}
