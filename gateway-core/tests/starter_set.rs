//! The shipped starter set: every part loads alone and with the others, its cases pass, and each of its policies is tried.
#![expect(clippy::unwrap_used, reason = "helpers of tests, which may fail")]

use gateway_core::policy::PolicySet;
use gateway_core::policy::cases::{self, Outcome};
use std::collections::BTreeSet;
use std::path::PathBuf;

const PARTS: [&str; 7] = ["read-only-job", "migration-job", "backup-job", "dangerous-functions", "no-where", "quotas", "egress"];

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../policies")
}

fn text(name: &str) -> (String, String) {
    (name.to_owned(), std::fs::read_to_string(folder().join(name)).unwrap())
}

fn load(parts: &[&str]) -> PolicySet {
    PolicySet::load(parts.iter().map(|part| text(&format!("{part}.cedar"))).collect()).unwrap()
}

/// The case files of a part: those that name actions and tables, or those that are SQL.
fn case_files(part: &str, sql: bool) -> Vec<(String, String)> {
    let name = format!("cases/{part}{}.toml", if sql { "-sql" } else { "" });
    if folder().join(&name).exists() { vec![text(&name)] } else { Vec::new() }
}

/// Every case of `parts` passes with `set`; what came of them.
fn check(set: &PolicySet, parts: &[&str], sql: bool) -> Vec<Outcome> {
    let files: Vec<_> = parts.iter().flat_map(|part| case_files(part, sql)).collect();
    let outcomes = cases::run(set, &cases::read(&files).unwrap());
    let failures: Vec<_> = outcomes.iter().filter_map(Outcome::problem).map(|problem| problem.to_string()).collect();
    assert!(failures.is_empty(), "{} of {} failed:\n{}", failures.len(), outcomes.len(), failures.join("\n"));
    outcomes
}

#[test]
fn every_part_holds_alone_and_with_all_others() {
    let all = load(&PARTS);
    for part in PARTS {
        let alone = load(&[part]);
        let outcomes = check(&alone, &[part], false);
        let tried: BTreeSet<_> = outcomes.iter().flat_map(|outcome| outcome.policies.iter().cloned()).collect();
        let written: BTreeSet<_> = alone.entries().map(|entry| entry.id.clone()).collect();
        assert_eq!(tried, written, "each policy of {part} decides in a case");
        assert_eq!(check(&all, &[part], false).len(), outcomes.len());
    }
    assert!(all.watches_totals());
    assert!(!load(&["read-only-job", "migration-job", "backup-job", "dangerous-functions", "no-where"]).watches_totals());
}

#[test]
fn every_statement_of_the_cases_is_judged_as_they_say() {
    let all = load(&PARTS);
    for part in PARTS {
        let alone = load(&[part]);
        assert_eq!(check(&alone, &[part], true).len(), check(&all, &[part], true).len());
    }
}

#[test]
fn the_placeholders_can_be_replaced_at_once() {
    let renamed = |(name, text): (String, String)| {
        let text = text.replace("read-only-job", "nightly-report").replace("migration-job", "flyway");
        (name, text.replace("backup-job", "nightly-backup").replace("prod-pg", "orders-db"))
    };
    let set = PolicySet::load(PARTS.iter().map(|part| renamed(text(&format!("{part}.cedar")))).collect()).unwrap();
    let files: Vec<_> = PARTS.iter().flat_map(|part| case_files(part, false)).map(renamed).collect();
    let outcomes = cases::run(&set, &cases::read(&files).unwrap());
    assert!(outcomes.len() > 60 && outcomes.iter().all(|outcome| outcome.passed), "{outcomes:#?}");
}
