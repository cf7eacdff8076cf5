//! Evasions, run for real: nothing gets past the policy, and no ordinary work is refused.
//!
//! All of them are minutes on a small machine, and cost much the same each: here is a sample, which
//! `WEIR_EVASION_SEED` chooses, and `cargo xtask evasion` runs all.

use weir_tests::evasion::{Case, Ground, Row, Verdict, cases};
use weir_tests::sample;

/// How many are run here.
const SAMPLE: usize = 96;

/// Runs one of `of` equal parts of the sample, so that parts can run at the same time.
#[track_caller]
fn check(part: usize, of: usize) {
    let ground = Ground::start();
    let sample = chosen();
    let mine = sample.iter().enumerate().filter(|(at, _)| at % of == part).map(|(_, case)| case);
    let rows: Vec<Row> = mine.map(|case| ground.run(case)).collect();
    let wrong = rows.iter().filter(|row| matches!(row.verdict, Verdict::Evaded | Verdict::FalseRefusal));
    let wrong: Vec<String> = wrong.map(|row| format!("{}: {}: {}", row.verdict, row.name, row.detail)).collect();
    assert!(rows.len() >= 60 / of, "{} cases are too few", rows.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

/// The same cases for the same seed.
fn chosen() -> Vec<Case> {
    sample(cases::all(), SAMPLE, "WEIR_EVASION_SEED", |case| &case.name)
}

#[test]
fn no_evasion_gets_through_first_part() {
    check(0, 2);
}

#[test]
fn no_evasion_gets_through_second_part() {
    check(1, 2);
}
