//! Evasions, run for real: nothing gets past the policy, and no ordinary work is refused.
//!
//! All of them are minutes on a small machine, and cost much the same each: here is a sample, which
//! `WEIR_EVASION_SEED` chooses, and `cargo xtask evasion` runs all.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use weir_tests::evasion::{Case, Ground, Row, Verdict, cases};

/// How many are run here.
const SAMPLE: usize = 96;

/// Runs one of `of` equal parts of the sample, so that parts can run at the same time.
#[track_caller]
fn check(part: usize, of: usize) {
    let ground = Ground::start();
    let sample = sample();
    let mine = sample.iter().enumerate().filter(|(at, _)| at % of == part).map(|(_, case)| case);
    let rows: Vec<Row> = mine.map(|case| ground.run(case)).collect();
    let wrong = rows.iter().filter(|row| matches!(row.verdict, Verdict::Evaded | Verdict::FalseRefusal));
    let wrong: Vec<String> = wrong.map(|row| format!("{}: {}: {}", row.verdict, row.name, row.detail)).collect();
    assert!(rows.len() >= 60 / of, "{} cases are too few", rows.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The same cases for the same seed.
fn sample() -> Vec<Case> {
    let seed: u64 = std::env::var("WEIR_EVASION_SEED").map_or(0, |seed| seed.parse().expect("WEIR_EVASION_SEED is a number"));
    let mut all = cases::all();
    all.sort_by_cached_key(|case| {
        let mut hasher = DefaultHasher::new();
        (seed, &case.name).hash(&mut hasher);
        hasher.finish()
    });
    all.truncate(SAMPLE);
    all
}

#[test]
fn no_evasion_gets_through_first_part() {
    check(0, 2);
}

#[test]
fn no_evasion_gets_through_second_part() {
    check(1, 2);
}
