//! Ways round: none that is known gets past weir. All are played in one job; `cargo xtask bypass` reports them.

use std::collections::BTreeSet;
use std::path::Path;
use weir_tests::bypass::{At, Ground, Outcome, Outside, Privileges, Row, is_hosts, page};
use weir_tests::program;

#[track_caller]
fn check(privileges: Privileges) {
    let ground = Ground::start(&program("weir-bypass"));
    check_rows(&ground.run(privileges, |_| true));
}

#[track_caller]
fn check_rows(rows: &[Row]) {
    assert!(rows.len() >= 130, "{} cases are too few", rows.len());
    let missed: Vec<_> = rows.iter().filter(|row| row.outcome == Outcome::Missed).collect();
    let told: Vec<String> = missed.iter().map(|row| format!("{} {}: {}", row.case.id, row.case.attempt, row.why)).collect();
    assert!(told.is_empty(), "{} get past weir:\n{}", told.len(), told.join("\n"));
    // What the kernel was built without can't be shown.
    let unshown = rows.iter().filter(|row| !row.can_fail && row.case.at != At::KernelPart);
    let told: Vec<String> = unshown.map(|row| format!("{}: {}", row.case.id, row.without_weir)).collect();
    assert!(told.is_empty(), "nothing shows that these can fail:\n{}", told.join("\n"));
    let intercepted = rows.iter().filter(|row| row.outcome == Outcome::Intercepted).count();
    assert!(intercepted >= 30, "only {intercepted} are intercepted: refusing everything is not what weir is for");
}

#[test]
fn no_way_round_without_privileges() {
    check(Privileges::None);
}

#[test]
fn no_way_round_for_a_confined_root() {
    check(Privileges::Confined);
}

/// What is argued out of a private gateway's scope too: the daemon's hooks are above who would help.
#[test]
fn no_way_round_under_the_daemon() {
    let outside = Outside::enter();
    let ground = Ground::start(&program("weir-bypass"));
    let rows = ground.run_under_daemon(&outside, |_| true);
    check_rows(&rows);
    for id in ["3a", "4a", "4c", "4d", "5a", "8a", "8b"] {
        let row = rows.iter().find(|row| row.case.id == id).expect("it was played");
        assert_eq!(row.outcome, Outcome::Refused, "{id}: {}", row.why);
    }
}

#[test]
fn the_page_is_that_of_the_reports() {
    let docs = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs"));
    let reports = ["none", "confined", "host"].map(|name| docs.join(format!("results/bypass-{name}.json")));
    let reports: Vec<serde_json::Value> = reports
        .iter()
        .filter(|path| path.exists())
        .map(|path| serde_json::from_slice(&std::fs::read(path).expect("it exists")).expect("a report is JSON"))
        .collect();
    assert!(!reports.is_empty(), "no report is kept");
    let kept = std::fs::read_to_string(docs.join("ways-round.md")).expect("the page is there");
    assert!(kept == page(&reports), "docs/ways-round.md is not what the reports say: `cargo xtask bypass --page` makes it anew");
    for report in &reports {
        let ids: BTreeSet<_> =
            report["rows"].as_array().expect("rows").iter().map(|row| row["id"].as_str().expect("a name")).collect();
        let host = report["gateway"] == "weir serve";
        let cases = weir_tests::bypass::cases();
        let known: BTreeSet<_> = cases.iter().filter(|case| !host || is_hosts(case)).map(|case| case.id).collect();
        assert_eq!(ids, known, "the report is of other cases than there are");
    }
}
