//! The policy at the door: what it does not permit is refused with the protocol's own error.

use weir_tests::{Outcome, Postgres, Weir, wait_until};

const NOBODY: &str = r#"@id("nobody") forbid (principal, action, resource);"#;
const OVERFLOW: &str = r#"
@id("all") permit (principal, action == Action::"connect", resource);
@id("overflow") forbid (principal, action == Action::"connect", resource)
when { context.port * 9223372036854775807 > 0 };"#;

fn psql(mode: &'static str, policy: &str) -> (Outcome, usize) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).mode(mode).policy(policy).build();
    let outcome = weir.run(&["psql", "-X", "-c", "SELECT 1"]);
    (outcome, weir.sessions().len())
}

#[test]
fn enforce_refuses_and_records_the_refusal() {
    let (outcome, recorded) = psql("enforce", NOBODY);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("weir"), "{}", outcome.stderr);
    assert_eq!(recorded, 1);
}

#[test]
fn observe_refuses_nothing() {
    let (outcome, recorded) = psql("observe", NOBODY);
    outcome.expect_success();
    assert_eq!(recorded, 1);
}

#[test]
fn an_evaluation_error_denies() {
    let (outcome, recorded) = psql("enforce", OVERFLOW);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("weir"), "the refusal is weir's, not the server's: {}", outcome.stderr);
    assert_eq!(recorded, 1);
}

#[test]
fn a_bad_set_changes_nothing_and_a_new_one_ends_what_it_no_longer_permits() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).mode("enforce").build();
    let job = weir.start(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]);
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let policies = weir.directory().join("policy.d");
    let bad = policies.join("bad.cedar");
    std::fs::write(&bad, "permit (principal").unwrap();
    let refused = weir.cli(&["policy", "reload"]);
    assert_eq!(refused.status, Some(1), "{}", refused.stdout);
    assert!(refused.stdout.contains("bad.cedar"), "it says where: {}", refused.stdout);
    assert_eq!(server.active(), 1, "the session goes on");
    std::fs::write(&bad, NOBODY).unwrap();
    weir.cli(&["policy", "reload"]).expect_success();
    assert_eq!(job.wait().status, Some(2), "psql lost its session");
    assert_eq!(server.active(), 0, "the query still runs");
    let session = weir.sessions().first().and_then(|session| session["session"].as_str().map(str::to_owned)).unwrap();
    let shown = weir.cli(&["session", "show", &session]).expect_success();
    assert!(shown.stdout.contains("the policy changed"), "{}", shown.stdout);
}

#[test]
fn replication_is_refused_unless_the_target_allows_it() {
    let server = Postgres::start();
    server.sql("ALTER ROLE app REPLICATION");
    let sql = ["psql", "-X", "dbname=postgres replication=database", "-c", "IDENTIFY_SYSTEM"];
    let refused = Weir::for_server(&server).build().run(&sql);
    assert!(refused.stderr.contains("no replication"), "{}", refused.stderr);
    Weir::for_server(&server).target_line("replication = true").build().run(&sql).expect_success();
}
