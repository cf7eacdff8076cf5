//! Drivers are answered as the server itself would answer them: what each sees of its chores is the
//! same through weir as directly, to the byte. docs/drivers.md has the table.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

mod asyncpg;
mod jdbc;
mod names;
mod node_postgres;
mod psycopg;
mod sqlx;
mod tokio_postgres;
mod tools;

use std::path::PathBuf;
use std::process::Command;
use weir_tests::{Outcome, Postgres, Weir};

/// Each execution is asked about, by the second policy.
const ASKED_EACH_TIME: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("quota") forbid (principal, action == Action::"read", resource) when { context.session.rows > 1000000000 };
"#;

/// The same, but nothing is deleted, and `secret` is for nobody.
const SOME_REFUSED: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("quota") forbid (principal, action == Action::"read", resource) when { context.session.rows > 1000000000 };
@id("no-delete") @message("nothing is deleted here") forbid (principal, action == Action::"write", resource)
when { context.verb == "DELETE" };
@id("no-secret") @message("nobody's") forbid (principal, action in [Action::"read", Action::"write"], resource)
when { resource is Table && resource.name == "secret" };
"#;

const PLAIN: &str = r#"{ client = "off", upstream = "disable" }"#;
const ENCRYPTED: &str = r#"{ client = "require", upstream = "disable" }"#;

/// A server on which prepared transactions are possible.
fn server() -> Postgres {
    let server = Postgres::builder().setting("max_prepared_transactions = 4").start();
    renew(&server);
    server
}

/// An empty database for the next run.
fn renew(server: &Postgres) {
    let sql = "SET client_min_messages = error; DROP SCHEMA public CASCADE; SELECT lo_unlink(oid) FROM pg_largeobject_metadata; \
               CREATE SCHEMA public AUTHORIZATION app; CREATE TABLE secret (n int, t text); ALTER TABLE secret OWNER TO app";
    let output = server.psql("app").args(["-c", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// What a driver's program sees of its chores is the same through weir as directly.
#[track_caller]
fn same(command: &[&str]) {
    let server = server();
    let mut direct = Command::new("env");
    direct.args(command).env("PGPASSWORD", &server.app_password).env("PGPORT", server.port.to_string()).envs([
        ("PGHOST", "127.0.0.1"),
        ("PGUSER", "app"),
        ("PGDATABASE", "app"),
        ("PGSSLMODE", "disable"),
    ]);
    let direct = Outcome::from(direct.output().unwrap()).expect_success();
    assert!(direct.stdout.lines().count() > 1, "it does something: {}", direct.stdout);
    renew(&server);
    let weir = Weir::for_server(&server).policy(ASKED_EACH_TIME).build();
    let through = weir.run(command);
    let differences = differences(&direct.stdout, &through.stdout);
    assert!(differences.is_empty(), "{differences}\nstderr: {}", through.stderr);
    assert_eq!(through.status, Some(0), "{}", through.stderr);
    assert!(!weir.sessions().is_empty(), "it went through the gateway");
}

/// The first lines that are not the same.
fn differences(direct: &str, through: &str) -> String {
    let cut = |line: &str| line.chars().take(1000).collect::<String>();
    if direct == through {
        return String::new();
    }
    let (mut direct, mut through) = (direct.lines(), through.lines());
    let mut found = String::new();
    for number in 1.. {
        match (direct.next(), through.next()) {
            (None, None) => break,
            (left, right) if left == right => {}
            (left, right) => {
                let [left, right] = [left, right].map(|line| cut(line.unwrap_or("(nothing)")));
                found.push_str(&format!("line {number}\n  direct  {left}\n  through {right}\n"));
            }
        }
        if found.lines().count() > 30 {
            break;
        }
    }
    format!("{found}.")
}

/// What a driver's program says where DELETE and all of `secret` is refused.
#[track_caller]
fn refused(command: &[&str], driver: &str) {
    let server = server();
    let weir = Weir::for_server(&server).policy(SOME_REFUSED).catalog(&server.superuser_secret()).build();
    let through = weir.run(command);
    assert_eq!(without_ids(&through.stdout), expected(driver, "refusals"), "{}", through.stderr);
    assert_eq!(through.status, Some(0), "{}", through.stderr);
}

/// What a driver's program says of each sslmode, where weir requires TLS and where it declines it.
#[track_caller]
fn modes(command: &[&str], driver: &str) {
    let server = Postgres::start();
    for (tls, what) in [(ENCRYPTED, "tls-required"), (PLAIN, "tls-declined")] {
        let through = Weir::for_server(&server).tls(tls).build().run(command).expect_success();
        assert_eq!(without_ids(&through.stdout), expected(driver, what), "{}", through.stderr);
    }
}

fn expected(driver: &str, what: &str) -> String {
    std::fs::read_to_string(chores(&format!("expected/{driver}.{what}.txt"))).unwrap()
}

/// Runs and sessions have other names each time.
fn without_ids(text: &str) -> String {
    let mut kept = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(" r-").into_iter().chain(rest.find(" s-")).min() {
        let (before, id) = rest.split_at(at + 3);
        kept.push_str(before);
        rest = id.trim_start_matches(|c: char| c.is_ascii_lowercase() || c.is_ascii_digit());
    }
    kept + rest
}

/// A file of `tests/drivers`.
fn chores(name: &str) -> String {
    let place = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/drivers")).join(name);
    place.to_str().unwrap().to_owned()
}
