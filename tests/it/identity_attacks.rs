//! A slice of `cargo xtask identity`: an attack of each kind, the cheap ones of every kind first.

use std::collections::BTreeMap;
use weir_tests::identity_attacks::{Attempt, attacks, run, summary};
use weir_tests::issuer::Issuer;

/// So many of each kind.
const EACH: usize = 2;

#[test]
fn nobody_is_taken_for_another_job() {
    let issuer = Issuer::start();
    let mut done = BTreeMap::<_, usize>::new();
    let mut rows = Vec::new();
    for attack in attacks().iter().filter(|attack| matches!(attack.attempt, Attempt::Run(_))) {
        let count = done.entry(attack.kind).or_default();
        if *count < EACH {
            *count += 1;
            rows.push(run(attack, &issuer));
        }
    }
    let counts = summary(&rows);
    assert!(rows.len() > 20, "{counts}");
    assert_eq!(counts["succeeded"], 0, "{rows:#?}");
}
