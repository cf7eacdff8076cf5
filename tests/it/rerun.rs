//! What was recorded runs again on a scratch server, gives the same, and says where it does not.

use serde_json::Value;
use weir_tests::wire::Script;
use weir_tests::wire::message::{bind, execute, message, parse, terminate};
use weir_tests::{Outcome, Postgres, Weir, python_with_psycopg};

const SEED: &str = "CREATE TABLE stock (id int PRIMARY KEY, name text, amount numeric); \
    INSERT INTO stock SELECT n, 'item ' || n, n * 1.5 FROM generate_series(1, 20) AS n; GRANT ALL ON stock TO app";

/// Transactions, parameters in both formats with types named, errors, pipelines, a cursor, and two sessions of which one
/// waits for the other's lock.
const JOB: &str = r#"
import psycopg, threading, time
with psycopg.connect("", autocommit=True) as c:
    c.execute("CREATE TABLE t (n bigint PRIMARY KEY, b bytea, at date)")
    for n in range(8):
        c.execute("INSERT INTO t VALUES (%b, %b, %t)", (n, b"\0\xff" * n, "2025-01-0%d" % (n + 1)), binary=True)
    c.execute("SELECT * FROM t WHERE n > %s ORDER BY n", (3,), binary=True).fetchall()
    try:
        c.execute("INSERT INTO t VALUES (%s)", (3,))
    except psycopg.errors.UniqueViolation:
        pass
with psycopg.connect("") as c:
    c.execute("SELECT id, name, amount FROM stock ORDER BY id").fetchall()
    c.execute("UPDATE t SET b = NULL WHERE n = 1")
    c.commit()
    c.execute("DELETE FROM t")
    try:
        c.execute("SELECT 1/0")
    except psycopg.errors.DivisionByZero:
        pass
    c.rollback()
    with c.cursor(name="few") as few:
        few.itersize = 3
        few.execute("SELECT n FROM t ORDER BY n")
        assert len(few.fetchall()) == 8
with psycopg.connect("", autocommit=True) as c:
    try:
        with c.pipeline():
            c.execute("INSERT INTO t VALUES (100)")
            c.execute("INSERT INTO t VALUES (101)")
            c.execute("INSERT INTO t VALUES (1)")
            c.execute("INSERT INTO t VALUES (102)")
    except psycopg.errors.UniqueViolation:
        pass
    assert c.execute("SELECT count(*) FROM t").fetchone() == (8,)
one, other = psycopg.connect(""), psycopg.connect("")
one.execute("UPDATE t SET at = '2030-01-01' WHERE n = 2")
waits = threading.Thread(target=lambda: other.execute("UPDATE t SET at = at + 1 WHERE n = 2 RETURNING at"))
waits.start()
time.sleep(0.5)
one.commit()
waits.join()
other.commit()
print("done")
"#;

fn recorded(server: &Postgres, extra: &str) -> Weir {
    server.psql("app").args(["-c", SEED]).output().expect("psql starts");
    let weir = Weir::for_server(server).extra(extra).build();
    let script = weir.script("job.py", JOB);
    let python = python_with_psycopg().to_str().expect("a UTF-8 path");
    let outcome = weir.run(&[python, script.to_str().expect("a UTF-8 path")]).expect_success();
    assert_eq!(outcome.stdout.trim(), "done", "{}", outcome.stderr);
    weir
}

fn scratch() -> Postgres {
    let scratch = Postgres::start();
    scratch.psql("app").args(["-c", SEED]).output().expect("psql starts");
    scratch
}

fn against(server: &Postgres) -> String {
    format!("postgres://app:{}@127.0.0.1:{}/app?sslmode=disable", server.app_password, server.port)
}

fn rerun(weir: &Weir, what: &[&str], server: &Postgres) -> (Outcome, Value) {
    let url = against(server);
    let outcome = weir.cli(&[&["session", "rerun", "--against", &url, "--format", "json"], what].concat());
    let report = serde_json::from_str(&outcome.stdout).unwrap_or_default();
    (outcome, report)
}

#[test]
fn a_run_gives_the_same_again_and_one_changed_row_is_exactly_what_differs() {
    let server = Postgres::start();
    let weir = recorded(&server, "");
    let run = weir.sessions()[0]["run"].as_str().expect("an id is text").to_owned();
    let (outcome, report) = rerun(&weir, &["--run", &run], &scratch());
    assert_eq!(outcome.status, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!((&report["sessions"].as_array().map(Vec::len), &report["not_run"]), (&Some(5), &Value::Array(vec![])));
    assert!(report["same"].as_u64() > Some(30) && report["passed_over"] == 1, "{report}");

    let other = scratch();
    other.psql("app").args(["-c", "UPDATE stock SET name = 'another' WHERE id = 7"]).output().expect("psql starts");
    let (outcome, report) = rerun(&weir, &["--run", &run], &other);
    assert_eq!(outcome.status, Some(1), "{}", outcome.stderr);
    let differences = report["differences"].as_array().expect("a list");
    assert_eq!(differences.len(), 1, "{report}");
    assert_eq!(differences[0]["statement"], "SELECT id, name, amount FROM stock ORDER BY id");
    let told = serde_json::json!([{ "what": "row", "row": 7, "recorded": "7 | item 7 | 10.5", "found": "7 | another | 10.5" }]);
    assert_eq!(differences[0]["differences"], told);

    let events = weir.cli(&["audit", "verify", "--format", "json"]).expect_success();
    let checked: Value = serde_json::from_str(&events.stdout).expect("JSON");
    assert_eq!(checked["ledger"]["events"], 4, "each rerun's beginning and end are signed events");
}

#[test]
fn what_is_configured_is_refused_and_what_was_left_out_is_said() {
    let server = Postgres::start();
    let line = format!("match = [\"127.0.0.1:{}\"]", server.port);
    let weir = Weir::for_server(&server).target(&line).catalog(&server.superuser_secret()).build();
    weir.run(&["psql", "-X", "-c", "SELECT 1", "-c", "ALTER ROLE app PASSWORD 'hunter2'"]);
    let session = weir.sessions()[0]["session"].as_str().expect("an id is text").to_owned();

    let (outcome, _) = rerun(&weir, &[&session], &scratch());
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("a password in its text") && outcome.stderr.contains("sealed layer"), "{}", outcome.stderr);

    let (outcome, _) = rerun(&weir, &[&session, "--partial"], &server);
    assert_eq!(outcome.status, Some(1));
    assert!(outcome.stderr.contains("configured target db"), "{}", outcome.stderr);
    // The same server by an address that no target matches.
    let url = format!("postgres://postgres:{}@[::1]:{}/app?sslmode=disable", server.superuser_password, server.port);
    let outcome = weir.cli(&["session", "rerun", &session, "--partial", "--against", &url]);
    assert!(outcome.stderr.contains("the same running server"), "{}{}", outcome.stdout, outcome.stderr);

    let (outcome, report) = rerun(&weir, &[&session, "--partial"], &scratch());
    assert_eq!(outcome.status, Some(0), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(report["not_run"][0]["why"], "password");
}

#[test]
fn types_portals_and_pipelines_of_the_protocol_come_again_as_they_were() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let typed = {
        let body = [&b"typed\0SELECT $1 + 1, $2\0"[..], &[0, 2], &21u32.to_be_bytes(), &25u32.to_be_bytes()].concat();
        message(b'P', &body)
    };
    let values =
        [&b"\0typed\0"[..], &[0, 2, 0, 1, 0, 0], &[0, 2], &[0, 0, 0, 2, 0, 41], &[0, 0, 0, 1], b"x", &[0, 1, 0, 1]].concat();
    let script = Script::new()
        .query("CREATE TABLE p (n int PRIMARY KEY)")
        .segment(&[typed, message(b'B', &values), execute("", 0)])
        // A portal that is left off and gone on with.
        .query("BEGIN")
        .segment(&[parse("g", b"SELECT generate_series(1, 5)"), bind("c", "g", &[]), execute("c", 2)])
        .segment(&[execute("c", 2)])
        .segment(&[execute("c", 0)])
        .query("COMMIT")
        // Undone together, for no Sync is in between.
        .segment(&[
            parse("i", b"INSERT INTO p VALUES ($1)"),
            bind("", "i", &["1"]),
            execute("", 0),
            bind("", "i", &["1"]),
            execute("", 0),
        ])
        .query("SELECT count(*) FROM p")
        .query("SELECT 1; SELECT 2 AS b; SELECT 3 FROM nowhere; SELECT 4")
        .query("")
        .send(&[terminate()]);
    weir.wire(&script);
    let session = weir.sessions()[0]["session"].as_str().expect("an id is text").to_owned();
    let (outcome, report) = rerun(&weir, &[&session], &Postgres::start());
    assert_eq!(outcome.status, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!((&report["operations"], &report["same"]), (&12.into(), &12.into()), "{report}");
}

#[test]
fn what_weir_refused_fails_again_and_leaves_its_transaction_as_it_was() {
    let server = Postgres::start();
    let rules = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-where") forbid (principal, action == Action::"write", resource) when { context.no_where };
"#;
    let weir = Weir::for_server(&server).policy(rules).build();
    let script = Script::new()
        .query("CREATE TABLE p (n int)")
        .query("BEGIN")
        .query("INSERT INTO p VALUES (1); DELETE FROM p")
        .query("SELECT 1")
        .query("ROLLBACK")
        .segment(&[parse("", b"DELETE FROM p"), bind("", "", &[]), execute("", 0)])
        .query("SELECT count(*) FROM p")
        .send(&[terminate()]);
    weir.wire(&script);
    let session = weir.sessions()[0]["session"].as_str().expect("an id is text").to_owned();
    let (outcome, report) = rerun(&weir, &[&session], &Postgres::start());
    assert_eq!(outcome.status, Some(0), "{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!((&report["same"], &report["refused"]), (&7.into(), &2.into()), "{report}");
}
