//! What a policy holds waits on the live wire for people, and runs only as it was approved.

use serde_json::Value;
use weir_tests::{Job, Outcome, Postgres, Weir, python_with_psycopg, wait_until};

/// Everything may be done, but a DELETE waits for a DBA, and for no longer than a test can.
const HOLDS: &str = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("deletes") @hold("group=dba,wait=60s,valid=60s") @message("a DBA has to look")
forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" } unless { context.approval.satisfied };
"#;

fn bed(policy: &str) -> (Postgres, Weir) {
    let server = Postgres::start();
    server.psql("app").args(["-qc", TABLE]).status().expect("psql runs");
    let weir = Weir::for_server(&server).policy(policy).build();
    (server, weir)
}

const TABLE: &str = "CREATE TABLE t (n int); INSERT INTO t SELECT generate_series(1, 10); GRANT ALL ON t TO app";

fn left(server: &Postgres) -> String {
    server
        .psql("app")
        .args(["-AtXc", "SELECT count(*) FROM t"])
        .output()
        .map_or_else(|error| error.to_string(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned())
}

fn holds(weir: &Weir, past: &str) -> Vec<Value> {
    let listed = weir.cli(&["hold", "list", "--past", past, "--format", "json"]).expect_success();
    serde_json::from_str(&listed.stdout).expect("a list")
}

/// The one hold that waits.
fn waiting(weir: &Weir) -> Value {
    wait_until("a hold", 20, || holds(weir, "0").into_iter().next())
}

fn id(hold: &Value) -> &str {
    hold["id"].as_str().expect("an id")
}

fn approve(weir: &Weir, hold: &Value, more: &[&str]) -> Outcome {
    weir.cli(&[&["hold", "approve", id(hold), "--reason", "ticket 7"], more].concat())
}

fn psql(weir: &Weir, arguments: &[&str]) -> Job {
    weir.start(&[&["psql", "-XAt"], arguments].concat())
}

/// A job that deletes these one by one, each with a parameter.
fn deletes(weir: &Weir, numbers: &str) -> Job {
    let text = format!(
        "import psycopg
with psycopg.connect('', autocommit=True) as connection:
    for n in ({numbers}):
        connection.execute('DELETE FROM t WHERE n = %s', (n,))
    print('done')
"
    );
    let script = weir.script("deletes.py", &text);
    weir.start(&[python_with_psycopg().to_str().expect("a path"), script.to_str().expect("a path")])
}

#[test]
fn a_statement_waits_runs_once_it_is_approved_and_is_on_the_record() {
    let (server, weir) = bed(HOLDS);
    let job = psql(&weir, &["-c", "DELETE FROM t WHERE n <= 3"]);
    let hold = waiting(&weir);
    assert_eq!(
        (hold["asked"]["statement"].as_str(), hold["asked"]["policies"][0].as_str()),
        (Some("DELETE FROM t WHERE n <= 3"), Some("deletes"))
    );
    assert_eq!(left(&server), "10", "nothing runs before it is approved");
    let shown = weir.cli(&["hold", "show", id(&hold)]).expect_success().stdout;
    for part in ["DELETE FROM t WHERE n <= 3", "policy deletes", "a DBA has to look", "1 of dba"] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    approve(&weir, &hold, &[]).expect_success();
    let ended = job.wait().expect_success();
    assert_eq!((ended.stdout.trim(), left(&server).as_str()), ("DELETE 3", "7"));
    assert!(ended.stderr.contains("NOTICE:  weir holds DELETE on"), "psql is told: {}", ended.stderr);
    assert!(ended.stderr.contains("weir: holds DELETE on"), "so is the job's log: {}", ended.stderr);
    let session = hold["asked"]["session"].as_str().expect("a session");
    let played = weir.cli(&["session", "play", session, "--format", "json"]).expect_success().stdout;
    assert!(played.contains("\"approved\"") && played.contains("ticket 7"), "{played}");
    let over = weir.cli(&["hold", "approve", id(&hold), "--reason", "again"]);
    assert!(over.status == Some(1) && over.stderr.contains("approved already"), "{}", over.stderr);
    weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn an_approver_sees_rows_where_nothing_runs_for_that_and_what_a_transaction_holds() {
    let server = Postgres::start();
    let more = "CREATE TABLE guarded (n int CHECK (n > 0)); GRANT ALL ON guarded TO app;
        CREATE FUNCTION own(int) RETURNS bool IMMUTABLE LANGUAGE sql AS 'SELECT true';
        CREATE TABLE called (n int CHECK (own(n))); GRANT ALL ON called TO app";
    server.psql("app").args(["-qc", TABLE, "-c", "ANALYZE t", "-c", more]).status().expect("psql runs");
    server
        .psql("app")
        .args(["-qc", "ALTER ROLE app SET idle_in_transaction_session_timeout = '9s'"])
        .status()
        .expect("psql runs");
    let weir = Weir::for_server(&server).policy(HOLDS).catalog(&server.superuser_secret()).build();
    for (sql, rows, why) in [
        ("DELETE FROM t", Some(10), ""),
        ("DELETE FROM guarded", Some(0), ""),
        ("DELETE FROM called", None, "its tables are not plain"),
        ("DELETE FROM t WHERE own(n)", None, "functions that nobody has reviewed"),
        ("DELETE FROM t; DELETE FROM t", None, "not one statement"),
    ] {
        let job = psql(&weir, &["-c", sql]);
        let hold = waiting(&weir);
        let known = || {
            let shown = weir.cli(&["hold", "show", id(&hold), "--format", "json"]).expect_success();
            let shown: Value = serde_json::from_str(&shown.stdout).expect("a hold");
            (!shown["asked"]["estimate"].is_null() || !shown["asked"]["no_estimate"].is_null()).then_some(shown)
        };
        let shown = wait_until("an estimate, or why there is none", 20, known);
        let estimate = &shown["asked"]["estimate"];
        match rows {
            // A table that nobody has looked at has some, as the planner thinks.
            Some(0) => assert!(estimate.as_u64().is_some_and(|rows| rows > 0), "{sql}: {shown}"),
            rows => assert_eq!(estimate.as_u64(), rows, "{sql}: {shown}"),
        }
        assert!(shown["asked"]["no_estimate"].as_str().unwrap_or_default().contains(why), "{sql}: {shown}");
        weir.cli(&["hold", "deny", id(&hold), "--reason", "a test"]).expect_success();
        job.wait();
    }
    let script =
        weir.script("transaction.sh", "psql -XAt <<'END'\nBEGIN;\nLOCK TABLE t IN EXCLUSIVE MODE;\nDELETE FROM t;\nEND\n");
    let began = std::time::Instant::now();
    let job = weir.start(&["sh", script.to_str().expect("a path")]);
    let hold = waiting(&weir);
    assert_eq!(hold["asked"]["in_transaction"], true);
    assert!(
        hold["asked"]["locks"].as_u64().is_some_and(|locks| locks > 0) && hold["asked"]["transaction_seconds"].is_u64(),
        "{hold}"
    );
    let ended = job.wait();
    assert!(ended.stderr.contains("has approved it in time"), "the server has not ended the session: {}", ended.stderr);
    assert!(began.elapsed().as_secs() < 30, "and not a minute later");
}

#[test]
fn a_denial_has_a_reason_that_the_job_sees_and_the_session_goes_on() {
    let (server, weir) = bed(HOLDS);
    let job = psql(&weir, &["-c", "DELETE FROM t", "-c", "SELECT 'still here'"]);
    let hold = waiting(&weir);
    weir.cli(&["hold", "deny", id(&hold), "--reason", "not on a Friday"]).expect_success();
    let ended = job.wait();
    assert!(ended.stderr.contains("denied it: not on a Friday"), "{}", ended.stderr);
    assert!(ended.stdout.contains("still here"), "{}", ended.stdout);
    assert_eq!(left(&server), "10");
}

#[test]
fn a_hold_that_nobody_answers_expires() {
    let (server, weir) = bed(&HOLDS.replace("wait=60s", "wait=1s"));
    let ended = psql(&weir, &["-c", "DELETE FROM t"]).wait();
    assert!(ended.stderr.contains("nobody of those who may has approved it in time"), "{}", ended.stderr);
    // No gateway runs any more: the ledger is read as it lies there.
    let over = holds(&weir, "9");
    assert_eq!((over.len(), &over[0]["state"], left(&server).as_str()), (1, &Value::from("expired"), "10"));
}

#[test]
fn a_client_that_goes_withdraws_its_hold() {
    let (server, weir) = bed(HOLDS);
    let job = weir.start(&["sh", "-c", "timeout 3 psql -XAtc 'DELETE FROM t'; sleep 5"]);
    let hold = waiting(&weir);
    let over = || holds(&weir, "9").into_iter().find(|over| over["state"] == "withdrawn");
    wait_until("the hold to be withdrawn", 20, over);
    let over = approve(&weir, &hold, &[]);
    assert!(over.stderr.contains("withdrawn already"), "{}", over.stderr);
    job.wait();
    assert_eq!(left(&server), "10");
}

#[test]
fn a_cancel_request_withdraws_a_hold_in_the_servers_words() {
    let (server, weir) = bed(HOLDS);
    let script = weir.script(
        "cancel.sh",
        "psql -XAt -c 'DELETE FROM t' -c \"SELECT 'goes on'\" & child=$!\nsleep 2\nkill -INT $child\nwait $child\n",
    );
    let ended = weir.run(&["sh", script.to_str().expect("a path")]);
    assert!(ended.stderr.contains("canceling statement due to user request"), "{} {}", ended.stdout, ended.stderr);
    assert_eq!(left(&server), "10");
}

#[test]
fn the_same_text_may_be_approved_for_the_session_with_any_parameters() {
    let (server, weir) = bed(HOLDS);
    let job = deletes(&weir, "1, 2, 3");
    let hold = waiting(&weir);
    assert_eq!(hold["asked"]["parameters"][0], serde_json::json!({ "binary": 2 }), "{hold}");
    approve(&weir, &hold, &["--for", "session"]).expect_success();
    let ended = job.wait().expect_success();
    assert_eq!((ended.stdout.trim(), left(&server).as_str()), ("done", "7"));
    let all = holds(&weir, "9");
    assert!(all.len() <= 1, "one approval is enough: {all:?}");
}

#[test]
fn other_parameters_are_another_hold() {
    let (server, weir) = bed(HOLDS);
    let job = deletes(&weir, "1, 2");
    let first = waiting(&weir);
    approve(&weir, &first, &[]).expect_success();
    let second = wait_until("the second", 20, || holds(&weir, "0").into_iter().find(|hold| id(hold) != id(&first)));
    assert_ne!(first["asked"]["digest"], second["asked"]["digest"]);
    assert_eq!(left(&server), "9");
    approve(&weir, &second, &[]).expect_success();
    job.wait().expect_success();
    assert_eq!(left(&server), "8");
}

#[test]
fn a_connection_can_be_held() {
    let policy = r#"
@id("all") permit (principal, action in [Action::"connect", Action::"operation"], resource);
@id("door") @hold("group=dba,wait=60s") forbid (principal, action == Action::"connect", resource) unless { context.approval.satisfied };
"#;
    let (_server, weir) = bed(policy);
    let job = psql(&weir, &["-c", "SELECT 'in'"]);
    let hold = waiting(&weir);
    assert_eq!(hold["asked"]["kind"], "connect");
    approve(&weir, &hold, &[]).expect_success();
    assert_eq!(job.wait().expect_success().stdout.trim(), "in");
    let job = psql(&weir, &["-c", "SELECT 'in'"]);
    let hold = waiting(&weir);
    weir.cli(&["hold", "deny", id(&hold), "--reason", "who are you?"]).expect_success();
    let ended = job.wait();
    assert!(ended.status == Some(2) && ended.stderr.contains("denied it: who are you?"), "{}", ended.stderr);
}

#[test]
fn a_job_answers_no_hold_not_even_roots() {
    let (server, weir) = bed(HOLDS);
    let config = weir.config();
    let script = format!(
        "psql -XAtc 'DELETE FROM t' & child=$!\nsleep 2\nhold=$({weir} hold list --config {config} --format json | grep -o 'h-[0-9a-z]*' | head -1)\n{weir} hold approve $hold --reason mine --config {config}\necho \"approve: $?\"\nkill $child\n",
        weir = weir_tests::binary().display(),
        config = config.display()
    );
    let script = weir.script("approve.sh", &script);
    let ended = weir.run_with(&["--privileges", "host"], &["sh", script.to_str().expect("a path")]);
    assert!(ended.stdout.contains("approve: 1"), "{} {}", ended.stdout, ended.stderr);
    assert!(ended.stderr.contains("a job may not"), "{}", ended.stderr);
    assert_eq!(left(&server), "10");
}
