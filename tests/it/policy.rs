//! The policy at the door: what it does not permit is refused with the protocol's own error.

use weir_tests::{Outcome, Postgres, Weir};

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
