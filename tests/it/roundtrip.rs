//! An unchanged psql goes through the gateway and sees what it would see without it.

use weir_tests::{Postgres, Weir};

#[test]
fn psql_reads_and_writes_with_a_password_it_does_not_have() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let sql = "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 1000); SELECT sum(n) FROM t";
    let outcome = weir.run(&["psql", "-X", "-A", "-t", "-c", sql]).expect_success();
    assert!(outcome.stdout.contains("500500"), "{}", outcome.stdout);
    assert_eq!(
        server.psql("app").args(["-c", "SELECT count(*) FROM t"]).output().map(|o| o.stdout).unwrap_or_default(),
        b"1000\n"
    );
    let sessions = weir.sessions();
    assert_eq!(sessions.len(), 1);
    assert_eq!(sessions[0]["target"], "db");
    assert_eq!(sessions[0]["user"], "app");
    assert_eq!(sessions[0]["state"], "ended");
}

#[test]
fn the_server_s_own_errors_and_the_job_s_own_status_come_through() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let outcome = weir.run(&["psql", "-X", "-v", "ON_ERROR_STOP=1", "-c", "SELECT 1/0"]);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("division by zero"), "{}", outcome.stderr);
    assert_eq!(weir.run(&["sh", "-c", "exit 42"]).status, Some(42));
}

#[test]
fn ipv6_goes_the_same_way() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).variable("PGHOST", "::1").build();
    let outcome = weir.run(&["psql", "-X", "-A", "-t", "-c", "SELECT inet_server_port()"]).expect_success();
    assert_eq!(outcome.stdout.trim(), server.port.to_string());
    assert_eq!(weir.sessions().len(), 1);
}

#[test]
fn postgres_18_is_served_too() {
    let server = Postgres::builder_18().start();
    let weir = Weir::for_server(&server).build();
    let outcome = weir.run(&["psql", "-X", "-A", "-t", "-c", "SHOW server_version"]).expect_success();
    assert!(outcome.stdout.starts_with("18"), "{}", outcome.stdout);
}

#[test]
fn a_server_that_is_down_is_the_protocol_s_own_error() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    server.crash();
    let outcome = weir.run(&["psql", "-X", "-c", "SELECT 1"]);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("FATAL") || outcome.stderr.contains("refused"), "{}", outcome.stderr);
    assert_eq!(weir.sessions().len(), 1, "it went through the gateway");
}
