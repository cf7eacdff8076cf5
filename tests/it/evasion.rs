//! Every evasion, run for real: nothing gets past the policy, and no ordinary work is refused.

use weir_tests::evasion::{Ground, Row, Verdict, cases};

/// Runs one of `of` equal parts of all cases, so that parts can run at the same time.
#[track_caller]
fn check(part: usize, of: usize) {
    let ground = Ground::start();
    let cases = cases::all();
    let mine = cases.iter().enumerate().filter(|(at, _)| at % of == part).map(|(_, case)| case);
    let rows: Vec<Row> = mine.map(|case| ground.run(case)).collect();
    let wrong = rows.iter().filter(|row| matches!(row.verdict, Verdict::Evaded | Verdict::FalseRefusal));
    let wrong: Vec<String> = wrong.map(|row| format!("{}: {}: {}", row.verdict, row.name, row.detail)).collect();
    assert!(rows.len() >= 60 / of, "{} cases are too few", rows.len());
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), rows.len(), wrong.join("\n"));
}

#[test]
fn no_evasion_gets_through_first_part() {
    check(0, 2);
}

#[test]
fn no_evasion_gets_through_second_part() {
    check(1, 2);
}
