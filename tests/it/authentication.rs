//! The gateway authenticates at the server in each of the server's methods; the job's password is
//! never needed, and is never enough.

use weir_tests::{Postgres, Tls, Weir};

#[track_caller]
fn check(method: &str, passthrough_password: Option<&str>, succeeds: bool) {
    let server = Postgres::builder().method(method).start();
    let mut weir = Weir::for_server(&server);
    if let Some(password) = passthrough_password {
        weir = weir.passthrough().variable("PGPASSWORD", password);
    }
    let weir = weir.build();
    let outcome = weir.run(&["psql", "-X", "-A", "-t", "-c", "SELECT current_user"]);
    assert_eq!(outcome.status == Some(0), succeeds, "{method}: {}", outcome.stderr);
    assert_eq!(outcome.stdout.trim() == "app", succeeds, "{method}");
    assert_eq!(weir.sessions().len(), 1, "{method}: it went through the gateway");
}

#[test]
fn injected_at_trust() {
    check("trust", None, true);
}

#[test]
fn injected_at_password() {
    check("password", None, true);
}

#[test]
fn injected_at_md5() {
    check("md5", None, true);
}

#[test]
fn injected_at_scram() {
    check("scram-sha-256", None, true);
}

#[test]
fn the_job_s_own_passes_through() {
    check("scram-sha-256", Some("real-secret-of-the-target"), true);
    check("md5", Some("real-secret-of-the-target"), true);
}

#[test]
fn a_dummy_that_passes_through_is_refused_by_the_server() {
    check("scram-sha-256", Some("a-dummy"), false);
}

#[test]
fn scram_at_a_server_that_offers_channel_binding() {
    let server = Postgres::builder().tls(Tls::Required).start();
    let tls =
        format!(r#"{{ client = "off", upstream = "verify-full", ca = "file:{}", name = "db.test" }}"#, server.ca().display());
    Weir::for_server(&server).tls(&tls).build().run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
}
