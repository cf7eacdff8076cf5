//! `weir session kill` ends the client's session and the server's query.

use weir_tests::{Postgres, Weir, wait_until};

#[track_caller]
fn check(sql: &str, confirmed: bool) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let job = weir.start(&["psql", "-X", "-c", sql]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let session = weir.live_session();
    let killed = weir.cli(&["session", "kill", &session, "--reason", "a test"]);
    assert_eq!(killed.status == Some(0), confirmed, "{} {}", killed.stdout, killed.stderr);
    let outcome = job.wait();
    assert_eq!(outcome.status, Some(2), "psql lost its session: {}", outcome.stderr);
    if confirmed {
        assert_eq!(server.active(), 0, "the query still runs");
    }
    let shown = weir.cli(&["session", "show", &session, "--format", "json"]).expect_success();
    assert!(shown.stdout.contains("a test"), "the record has the reason: {}", shown.stdout);
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn a_sleeping_query_is_killed_and_confirmed() {
    check("SELECT pg_sleep(600)", true);
}

#[test]
fn a_busy_query_is_killed_and_confirmed() {
    check("SELECT count(*) FROM generate_series(1, 1000000000)", true);
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
