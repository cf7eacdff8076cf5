//! `weir session kill` ends the client's session and the server's query.

use serde_json::Value;
use weir_tests::{Job, Outcome, Postgres, Weir, wait_until};

/// A statement that no cancel ends: it swallows each, and goes on.
const SWALLOWS_CANCELS: &str =
    "DO $$ BEGIN LOOP BEGIN PERFORM pg_sleep(1); EXCEPTION WHEN query_canceled THEN NULL; END; END LOOP; END $$";

/// Starts `psql` as a job and kills its session once the server is at work.
#[track_caller]
fn kill(server: &Postgres, weir: &Weir, psql: &[&str]) -> (Job, String, Outcome) {
    let job = weir.start(&[&["psql", "-X"], psql].concat());
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let session = weir.live_session();
    let killed = weir.cli(&["session", "kill", &session, "--reason", "a test", "--format", "json"]);
    (job, session, killed)
}

#[track_caller]
fn outcome(killed: &Outcome) -> Value {
    serde_json::from_str(&killed.stdout).expect("the outcome is JSON")
}

#[track_caller]
fn check(sql: &str, how: &str) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).catalog(&server.superuser_secret()).build();
    let (job, session, killed) = kill(&server, &weir, &["-c", sql]);
    let killed = outcome(&killed.expect_success());
    assert_eq!((&killed["confirmed"], &killed["how"]), (&Value::Bool(true), &Value::from(how)), "{killed}");
    assert_eq!(server.active(), 0, "the query still runs");
    let ended = job.wait();
    assert_eq!(ended.status, Some(2), "psql lost its session: {}", ended.stderr);
    let shown = weir.cli(&["session", "show", &session, "--format", "json"]).expect_success();
    assert!(shown.stdout.contains("a test"), "the record has the reason: {}", shown.stdout);
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn a_sleeping_query_is_killed_and_confirmed() {
    check("SELECT pg_sleep(600)", "cancelled");
}

#[test]
fn a_busy_query_is_killed_and_confirmed() {
    check("SELECT count(*) FROM generate_series(1, 1000000000)", "cancelled");
}

#[test]
fn a_query_that_swallows_cancels_is_terminated_by_the_catalog_credential() {
    check(SWALLOWS_CANCELS, "terminated");
}

#[test]
fn without_a_catalog_credential_its_end_is_not_confirmed_and_that_is_said() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let job = weir.start(&["psql", "-X", "-c", SWALLOWS_CANCELS]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let session = weir.live_session();
    let killed = weir.cli(&["session", "kill", &session]);
    let still_there = server.active();
    server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'app'");
    assert_eq!(killed.status, Some(1), "{} {}", killed.stdout, killed.stderr);
    assert!(killed.stdout.contains("NOT CONFIRMED"), "{}", killed.stdout);
    assert!(killed.stdout.contains("`catalog` credential"), "it says what to do: {}", killed.stdout);
    assert_eq!(still_there, 1, "it was confirmed after all");
    assert_eq!(job.wait().status, Some(2), "the client was reset all the same");
    let shown = weir.cli(&["session", "show", &session, "--format", "json"]).expect_success();
    assert!(shown.stdout.contains("not confirmed"), "the record says so: {}", shown.stdout);
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn a_large_copy_out_is_killed_on_its_way() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let copy = "\\copy (SELECT repeat('x', 1000) FROM generate_series(1, 100000000)) TO '/dev/null'";
    let (job, _, killed) = kill(&server, &weir, &["-c", copy]);
    let killed = outcome(&killed.expect_success());
    assert_eq!(killed["confirmed"], Value::Bool(true), "{killed}");
    assert_eq!(server.active(), 0, "the copy still runs");
    assert_ne!(job.wait().status, Some(0));
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn the_locks_of_a_killed_transaction_are_gone_with_it() {
    let server = Postgres::start();
    let created = server.psql("app").args(["-c", "CREATE TABLE t (n int); GRANT ALL ON t TO app"]).status();
    assert!(created.is_ok_and(|status| status.success()));
    let locks = || server.sql("SELECT count(*) FROM pg_locks WHERE mode = 'AccessExclusiveLock'");
    let weir = Weir::for_server(&server).build();
    let psql = ["-c", "BEGIN", "-c", "LOCK TABLE t IN ACCESS EXCLUSIVE MODE", "-c", "INSERT INTO t VALUES (1)"];
    let job = weir.start(&[&["psql", "-X"], &psql[..], &["-c", "SELECT pg_sleep(600)"]].concat());
    wait_until("the lock to be held", 20, || (locks() == "1").then_some(()));
    let killed = weir.cli(&["session", "kill", &weir.live_session(), "--format", "json"]);
    let killed = outcome(&killed.expect_success());
    assert_eq!(killed["confirmed"], Value::Bool(true), "{killed}");
    assert_eq!(locks(), "0", "a confirmed kill left its lock");
    let rows = server.psql("app").args(["-c", "SELECT count(*) FROM t"]).output().expect("psql starts");
    assert_eq!(rows.stdout, b"0\n", "the transaction was rolled back");
    assert_ne!(job.wait().status, Some(0));
}

#[test]
fn a_session_that_is_not_there_is_an_error() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let killed = weir.cli(&["session", "kill", "s-0000000000000"]);
    assert_eq!(killed.status, Some(1));
    assert!(killed.stderr.contains("s-0000000000000"), "{}", killed.stderr);
    assert_eq!(weir.cli(&["session", "kill", "nonsense"]).status, Some(2));
}
