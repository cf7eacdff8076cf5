//! In an emergency policy is set aside for one target and one user: recorded, bounded, and reviewed by somebody else.

use serde_json::Value;
use weir_tests::{Outcome, Postgres, Weir};

const CLOSED: &str = r#"@id("reads") permit (principal, action in [Action::"connect", Action::"read"], resource);
@id("no-writes") forbid (principal, action == Action::"write", resource);"#;

fn bed() -> (Postgres, Weir) {
    let server = Postgres::start();
    server.psql("app").args(["-qc", "CREATE TABLE t (n int); GRANT ALL ON t TO app"]).status().expect("psql runs");
    let weir = Weir::for_server(&server).policy(CLOSED).build();
    (server, weir)
}

fn json(outcome: Outcome) -> Value {
    serde_json::from_str(&outcome.expect_success().stdout).expect("JSON")
}

fn insert(weir: &Weir) -> Outcome {
    weir.run(&["psql", "-XAtc", "INSERT INTO t VALUES (1)"])
}

#[test]
fn with_broken_glass_policy_refuses_nothing_all_is_marked_and_a_review_is_owed() {
    let (_server, weir) = bed();
    assert!(insert(&weir).stderr.contains("weir refused INSERT"));
    let broken = ["break-glass", "--target", "db", "--reason", "the site is down", "--for", "30m", "--format", "json"];
    let broken = json(weir.cli_as("daemon", &broken));
    let id = broken["id"].as_str().expect("an id");
    assert_eq!((&broken["by"], &broken["with"]), (&Value::from("daemon"), &Value::from("local root")));
    assert_eq!(insert(&weir).expect_success().stdout.trim(), "INSERT 0 1");
    let session = weir.sessions().last().expect("a session")["session"].as_str().expect("an id").to_owned();
    let shown = weir.cli(&["session", "show", &session, "--format", "json"]).expect_success().stdout;
    assert!(shown.contains("break-glass") && shown.contains("no-writes"), "what would have been refused is marked: {shown}");
    let listed = weir.cli(&["break-glass", "list"]).expect_success().stdout;
    assert!(listed.contains("in force") && listed.contains("the site is down"), "{listed}");
    let early = weir.cli_as("bin", &["break-glass", "review", id, "--finding", "fine"]);
    assert!(early.stderr.contains("is not over"), "{}", early.stderr);
    weir.cli_as("daemon", &["break-glass", "end", id]).expect_success();
    assert!(insert(&weir).stderr.contains("weir refused INSERT"), "it is over");
    let own = weir.cli_as("daemon", &["break-glass", "review", id, "--finding", "I was right"]);
    assert!(own.stderr.contains("nobody answers their own"), "{}", own.stderr);
    assert!(weir.cli(&["break-glass", "list"]).expect_success().stdout.contains("review owed"));
    weir.cli_as("bin", &["break-glass", "review", id, "--finding", "one INSERT"]).expect_success();
    let verified = weir.cli(&["audit", "verify"]).expect_success().stdout;
    assert!(verified.contains("3 events of people's decisions; intact"), "{verified}");
    let forged = "UPDATE event SET by = 'bin' WHERE kind = 'glass.broken'";
    let ledger = weir.directory().join("state/ledger.db");
    let changed = std::process::Command::new("python3")
        .args(["-c", "import sqlite3, sys; c = sqlite3.connect(sys.argv[1]); c.execute(sys.argv[2]); c.commit()"])
        .arg(&ledger)
        .arg(forged)
        .status();
    assert!(changed.is_ok_and(|status| status.success()));
    let found = weir.cli(&["audit", "verify"]);
    assert!(found.status == Some(1) && found.stdout.contains("ledger: event 1: its signature does not hold"), "{}", found.stdout);
    assert!(weir.cli(&["break-glass", "list"]).expect_success().stdout.contains("no review is owed"));
}

#[test]
fn it_is_for_who_asked_and_for_that_target_alone_and_blocks_stay() {
    let (_server, weir) = bed();
    weir.cli(&["break-glass", "--target", "other", "--reason", "x", "--for", "30m"]).expect_success();
    assert!(insert(&weir).stderr.contains("weir refused INSERT"));
    weir.cli(&["break-glass", "--target", "db", "--reason", "x", "--for", "30m"]).expect_success();
    let theirs = weir.run_with(&["--uid", "nobody"], &["psql", "-XAtc", "INSERT INTO t VALUES (1)"]);
    assert!(theirs.stderr.contains("weir refused INSERT"), "another user's: {} {}", theirs.stdout, theirs.stderr);
    insert(&weir).expect_success();
    weir.cli(&["block", "add", "--target", "db", "--reason", "hands off"]).expect_success();
    assert!(insert(&weir).stderr.contains("hands off"));
}

#[test]
fn two_peoples_codes_break_it_once() {
    let (_server, weir) = bed();
    let codes = json(weir.cli(&["break-glass", "codes", "ana", "bo", "--format", "json"]));
    let code = |who: &str| codes[who].as_str().expect("a code").to_owned();
    let (ana, bo) = (code("ana"), code("bo"));
    let ask = |codes: &[&str]| {
        let codes: Vec<&str> = codes.iter().flat_map(|code| ["--code", code]).collect();
        weir.cli(&[&["break-glass", "--target", "db", "--reason", "x", "--for", "1m"], &codes[..]].concat())
    };
    for (codes, says) in
        [(&[&*ana][..], "it takes two codes"), (&[&*ana, "guess"], "a code is none"), (&[&*ana, &*ana], "a code is none")]
    {
        let refused = ask(codes);
        assert!(refused.status == Some(1) && refused.stderr.contains(says), "{codes:?}: {}", refused.stderr);
    }
    let broken = ask(&[&ana, &bo]).expect_success();
    assert!(broken.stdout.contains("the glass is broken for db"), "{}", broken.stdout);
    assert!(ask(&[&ana, &bo]).stderr.contains("used already"));
    let stored = std::fs::read(weir.directory().join("state/ledger.db")).expect("the ledger");
    for code in [&ana, &bo] {
        assert!(!stored.windows(code.len()).any(|bytes| bytes == code.as_bytes()), "codes are kept as hashes");
    }
}
