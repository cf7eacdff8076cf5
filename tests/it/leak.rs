//! Ways to ask for a masked value, asked for real: none of them brings one, and nothing harmless is refused.
//!
//! All of them are minutes: here is a sample, which `WEIR_LEAK_SEED` chooses, and `cargo xtask leak` asks all.

use weir_tests::leak::{Case, Ground, Round, Row, State, cases, judge};
use weir_tests::sample;

/// How many are asked here, and of how many sessions all views of the record are looked at: one in so many.
const SAMPLE: usize = 320;
const SHOWN: usize = 10;

/// The same cases for the same seed.
fn chosen() -> Vec<Case> {
    sample(cases::all(), SAMPLE, "WEIR_LEAK_SEED", |case| &case.id)
}

#[test]
fn no_masked_value_gets_out_and_nothing_harmless_is_refused() {
    let (ground, cases) = (Ground::start(), chosen());
    let play = |round, shown| ground.play(&cases, round, shown);
    let direct = [State::Ada, State::Bob].map(|state| play(Round::Direct(state), 0));
    let masked = play(Round::Masked(State::Ada), SHOWN);
    let flat = [State::Ada, State::Bob].map(|state| play(Round::Flat(state), 0));
    let (rows, kept) = judge(&cases, direct.each_ref(), &masked, Some(flat.each_ref()));
    let bad: Vec<String> = rows
        .iter()
        .filter(|row| row.is_bad())
        .map(|row| format!("{}: {}: {}\n  {}", row.outcome, row.case.id, row.case.statements.join("; "), row.detail))
        .collect();
    assert!(bad.is_empty(), "{} of {}:\n{}", bad.len(), rows.len(), bad.join("\n"));
    assert!(kept.is_empty(), "values are kept: {}", kept.join("\n"));
    let leaks = rows.iter().filter(|row: &&Row| row.leaks_without).count();
    assert!(
        rows.len() == SAMPLE && leaks > SAMPLE / 2,
        "of {} cases {leaks} leak without weir: that shows too little",
        rows.len()
    );
}
