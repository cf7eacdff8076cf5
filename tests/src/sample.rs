//! A part of a long suite, chosen by a seed.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};

/// `count` of all cases, the same for the same seed: the number that the variable `seed` of the environment has, else 0.
///
/// # Panics
/// Where the variable has something else.
#[must_use]
pub fn sample<C>(mut all: Vec<C>, count: usize, seed: &str, name: impl Fn(&C) -> &str) -> Vec<C> {
    let number: u64 = std::env::var(seed).map_or(0, |text| text.parse().unwrap_or_else(|_| panic!("{seed} is no number")));
    all.sort_by_cached_key(|case| {
        let mut hasher = DefaultHasher::new();
        (number, name(case)).hash(&mut hasher);
        hasher.finish()
    });
    all.truncate(count);
    all
}
