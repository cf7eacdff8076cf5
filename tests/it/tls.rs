//! TLS on either side, in each mode: what is verified, and what a failure looks like.

use weir_tests::{Outcome, Postgres, Tls, Weir};

const ENCRYPTED: &str = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()";

fn run(server: &Postgres, tls: &str, sslmode: &str) -> Outcome {
    let weir = Weir::for_server(server).tls(tls).variable("PGSSLMODE", sslmode).build();
    weir.run(&["psql", "-X", "-A", "-t", "-c", ENCRYPTED])
}

#[test]
fn the_server_s_certificate_is_verified_in_full() {
    let server = Postgres::builder().tls(Tls::On).start();
    let ca = server.ca().display().to_string();
    let good = format!(r#"{{ client = "off", upstream = "verify-full", ca = "file:{ca}", name = "db.test" }}"#);
    assert_eq!(run(&server, &good, "disable").expect_success().stdout.trim(), "t");
    let wrong_name = format!(r#"{{ client = "off", upstream = "verify-full", ca = "file:{ca}", name = "other.test" }}"#);
    assert_ne!(run(&server, &wrong_name, "disable").status, Some(0));
    let any_name = format!(r#"{{ client = "off", upstream = "verify-ca", ca = "file:{ca}", name = "other.test" }}"#);
    assert_eq!(run(&server, &any_name, "disable").expect_success().stdout.trim(), "t");
    let wrong_ca = r#"{ client = "off", upstream = "verify-full", name = "db.test" }"#;
    assert_ne!(run(&server, wrong_ca, "disable").status, Some(0));
}

#[test]
fn a_server_without_tls_is_refused_unless_that_is_configured() {
    let server = Postgres::start();
    let strict = run(&server, r#"{ client = "off", upstream = "require" }"#, "disable");
    assert_ne!(strict.status, Some(0), "{}", strict.stdout);
    assert_eq!(run(&server, r#"{ client = "off", upstream = "prefer" }"#, "disable").expect_success().stdout.trim(), "f");
}

#[test]
fn the_job_verifies_weir_s_own_certificate_without_being_changed() {
    let server = Postgres::start();
    let tls = r#"{ client = "require", upstream = "disable" }"#;
    let plain = run(&server, tls, "disable");
    assert_ne!(plain.status, Some(0), "plain text was taken where TLS is required");
    run(&server, tls, "require").expect_success();
    run(&server, tls, "verify-ca").expect_success();
}

#[test]
fn a_client_that_prefers_tls_goes_on_without_where_it_is_off() {
    let server = Postgres::start();
    run(&server, r#"{ client = "off", upstream = "disable" }"#, "prefer").expect_success();
    assert_ne!(run(&server, r#"{ client = "off", upstream = "disable" }"#, "require").status, Some(0));
}
