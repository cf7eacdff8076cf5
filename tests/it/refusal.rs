//! Refusal by substitution, as real clients see it: both ends stay in step, and the error says what, why and whom to ask.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use weir_tests::wire::message::{bind, close, copy_data, copy_done, describe, execute, flush, function_call, parse, query, sync};
use weir_tests::wire::{Script, Transcript};
use weir_tests::{Outcome, Postgres, Weir, python_with_psycopg};

/// Everything but deleting and dropping, and what can't be understood.
const POLICY: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-delete") @message("nothing is deleted here") forbid (principal, action == Action::"write", resource)
when { context.verb == "DELETE" };
@id("no-define") forbid (principal, action == Action::"define", resource) when { context.verb == "DROP" };
@id("no-calls") forbid (principal, action in [Action::"call", Action::"write"], resource == Target::"db");
"#;

const BAD: &[u8] = b"DELETE FROM t";

fn start() -> (Postgres, Weir) {
    let server = Postgres::builder().setting("max_prepared_transactions = 4").start();
    at(&server, "CREATE TABLE t (n int); ALTER TABLE t OWNER TO app");
    let weir = Weir::for_server(&server).catalog(&server.superuser_secret()).policy(POLICY).build();
    (server, weir)
}

/// What the server says, past weir.
#[track_caller]
fn at(server: &Postgres, sql: &str) -> String {
    let output = server.psql("app").args(["-c", sql]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim_end().to_owned()
}

/// Plays `script` and a last statement. The shape of what came, the transaction's states, the rows left in `t`.
#[track_caller]
fn check(script: Script, shape: &str, states: &str, rows: &str) -> Transcript {
    let (server, weir) = start();
    let (seen, outcome) = weir.wire(&script.query("SELECT 'last'"));
    let context = format!("{}\n{}", outcome.stdout, outcome.stderr);
    assert_eq!(seen.end(), None, "{context}");
    assert_eq!(seen.rows().last().map(String::as_str), Some("last"), "{context}");
    // The last statement is `T D C Z`.
    assert_eq!(seen.shape().strip_suffix(" T D C Z"), Some(shape), "{context}");
    assert_eq!(seen.states(), states, "{context}");
    assert_eq!(at(&server, "SELECT coalesce(string_agg(n::text, ',' ORDER BY n), '') FROM t"), rows, "{context}");
    assert!(seen.errors().iter().filter(|error| error.code == "42501").all(|error| error.is_weirs()), "{context}");
    weir.cli(&["audit", "verify"]).expect_success();
    seen
}

#[test]
fn the_error_says_what_by_which_policy_and_what_to_do() {
    let (server, weir) = start();
    let (seen, outcome) = weir.wire(&Script::new().query("DELETE FROM t"));
    let refusals = seen.refusals();
    let refusal = refusals.first().unwrap_or_else(|| panic!("{}{}", outcome.stdout, outcome.stderr));
    assert!(refusal.text.starts_with("weir refused DELETE") && refusal.text.contains("db"), "{refusal:?}");
    let sessions = weir.sessions();
    let session = sessions.first().and_then(|session| session.get("session")?.as_str()).unwrap();
    for word in ["no-delete", session, "run "] {
        assert!(refusal.detail.contains(word), "{word}: {refusal:?}");
    }
    assert!(refusal.hint.contains(&format!("weir why {session}")), "{refusal:?}");
    assert_eq!(at(&server, "SELECT count(*) FROM t"), "0");
    let why = weir.cli(&["why", session]).expect_success();
    for word in ["DELETE", "no-delete", "nothing is deleted here"] {
        assert!(why.stdout.contains(word), "{word}: {}", why.stdout);
    }
}

#[test]
fn psql_shows_the_error_and_goes_on() {
    let (server, weir) = start();
    let statements =
        ["INSERT INTO t VALUES (1)", "DROP TABLE t", "BEGIN", "DELETE FROM t", "COMMIT", "SELECT 'rows: ' || count(*) FROM t"];
    let mut command = vec!["psql", "-X", "-A", "-t", "-v", "VERBOSITY=verbose"];
    command.extend(statements.iter().flat_map(|statement| ["-c", *statement]));
    let Outcome { stdout, stderr, .. } = weir.run(&command);
    assert_eq!(stderr.matches("42501: weir refused ").count(), 2, "{stdout}{stderr}");
    assert!(stderr.contains("HINT:") && stderr.contains("DETAIL:"), "{stderr}");
    assert_eq!(stdout, "INSERT 0 1\nBEGIN\nROLLBACK\nrows: 1\n", "{stderr}");
    assert_eq!(at(&server, "SELECT count(*) FROM t"), "1");
}

#[test]
fn in_an_idle_session() {
    let seen = check(Script::new().query("DELETE FROM t").query("INSERT INTO t VALUES (1)"), "E Z C Z", "III", "1");
    assert_eq!(seen.refusals().len(), 1);
}

#[test]
fn in_an_open_transaction_which_is_aborted_then() {
    let script =
        Script::new().query("BEGIN").query("INSERT INTO t VALUES (1)").query("DELETE FROM t").query("SELECT 1").query("COMMIT");
    let seen = check(script, "C Z C Z E Z E Z C Z", "TTEEII", "");
    assert_eq!(seen.tags().get(2), Some(&"ROLLBACK"));
    assert_eq!(seen.refusals().len(), 1, "what follows is the server's own 25P02");
}

#[test]
fn in_an_aborted_transaction() {
    let script = Script::new().query("BEGIN").query("SELECT 1 / 0").query("DELETE FROM t").query("ROLLBACK");
    let seen = check(script, "C Z E Z E Z C Z", "TEEII", "");
    assert_eq!(seen.errors().len(), 2);
}

#[test]
fn behind_a_savepoint_that_saves_what_was_before() {
    let script = Script::new()
        .query("BEGIN; INSERT INTO t VALUES (1); SAVEPOINT s")
        .query("DELETE FROM t")
        .query("ROLLBACK TO s")
        .query("INSERT INTO t VALUES (2)")
        .query("COMMIT");
    check(script, "C C C Z E Z C Z C Z C Z", "TETTII", "1,2");
}

#[test]
fn a_text_s_allowed_beginning_runs_and_falls_with_it() {
    let seen = check(
        Script::new().query("begin; insert into t values (1); delete from t; insert into t values (2); commit").query("ROLLBACK"),
        "C C E Z C Z",
        "EII",
        "",
    );
    assert_eq!(seen.refusals().len(), 1);
    check(Script::new().query("insert into t values (1); delete from t; insert into t values (2)"), "C E Z", "II", "");
}

#[test]
fn what_a_text_committed_before_it_stays() {
    check(
        Script::new().query("begin; insert into t values (1); commit; delete from t; insert into t values (2)"),
        "C C C E Z",
        "II",
        "1",
    );
}

#[test]
fn a_pipeline_is_skipped_to_its_sync_and_no_further() {
    let run = |sql: &[u8]| [parse("", sql), bind("", "", &[]), execute("", 0)].concat();
    let script = Script::new()
        .send(&[
            run(b"INSERT INTO t VALUES (1)"),
            run(BAD),
            run(b"INSERT INTO t VALUES (2)"),
            sync(),
            run(b"INSERT INTO t VALUES (3)"),
            sync(),
        ])
        .ready(2);
    let seen = check(script, "1 2 C E Z 1 2 C Z", "III", "3");
    assert_eq!(seen.refusals().len(), 1);
}

#[test]
fn each_message_of_a_refused_statement_is_skipped_once() {
    let messages =
        [parse("s", BAD), describe(b'S', "s"), bind("p", "s", &[]), describe(b'P', "p"), execute("p", 0), close(b'P', "p")];
    check(Script::new().segment(&messages).segment(&[bind("p", "s", &[]), execute("p", 0)]), "E Z E Z", "III", "");
}

#[test]
fn a_flush_brings_the_error_at_once() {
    let script = Script::new().send(&[parse("", BAD), flush()]).until(b'E', 1).send(&[bind("", "", &[]), sync()]).ready(1);
    check(script, "E Z", "II", "");
}

#[test]
fn queries_that_are_not_waited_for_are_answered_in_order() {
    let script = Script::new()
        .send(&[query(b"INSERT INTO t VALUES (1)"), query(BAD), query(b"INSERT INTO t VALUES (2)"), query(BAD)])
        .ready(4);
    check(script, "C Z E Z C Z E Z", "IIIII", "1,2");
}

#[test]
fn copy_data_of_a_refused_copy_goes_nowhere() {
    let script = Script::new()
        .send(&[query(b"DELETE FROM t; COPY t FROM STDIN"), copy_data(b"1\n"), copy_done(), query(b"SELECT 1")])
        .ready(2);
    check(script, "E Z T D C Z", "III", "");
}

/// A COPY before the refused statement is the allowed prefix: it takes its data, and falls with the refusal or stays.
#[track_caller]
fn check_copy(sql: &[u8], shape: &str, rows: &str) {
    let script = Script::new().send(&[query(sql), copy_data(b"1\n"), copy_done()]).ready(1);
    let seen = check(script, shape, "II", rows);
    assert!(seen.tags().contains(&"COPY 1"));
    assert_eq!(seen.refusals().len(), 1);
}

#[test]
fn what_follows_a_copy_in_its_text_takes_the_copy_with_it() {
    check_copy(b"COPY t FROM STDIN; DELETE FROM t", "G C E Z", "");
    check_copy(b"BEGIN; COPY t FROM STDIN; COMMIT; DELETE FROM t", "C G C C E Z", "1");
}

#[test]
fn a_copy_before_what_only_postgresql_s_own_grammar_reads_is_kept() {
    check_copy(b"COPY t FROM STDIN; DELETE FROM ONLY t", "G C E Z", "");
    check_copy(b"BEGIN; COPY t FROM STDIN; COMMIT; DELETE FROM ONLY t", "C G C C E Z", "1");
}

#[test]
fn a_function_call_is_refused_and_the_session_stays() {
    // lo_creat: its number is the same in every server.
    check(Script::new().send(&[function_call(957, &["-1"]), query(b"SELECT 1")]).ready(2), "E Z T D C Z", "III", "");
}

#[test]
fn two_phase_commit_prepares_nothing_after_a_refusal() {
    let script =
        Script::new().query("BEGIN").query("INSERT INTO t VALUES (1)").query("DELETE FROM t").query("PREPARE TRANSACTION 'x'");
    let seen = check(script, "C Z C Z E Z C Z", "TTEII", "");
    assert_eq!(seen.tags().get(2), Some(&"ROLLBACK"), "the server's own answer");
    let whole = Script::new()
        .query("BEGIN")
        .query("INSERT INTO t VALUES (1)")
        .query("PREPARE TRANSACTION 'y'")
        .query("COMMIT PREPARED 'y'");
    check(whole, "C Z C Z C Z C Z", "TTIII", "1");
}

#[test]
fn a_thousand_refusals_leave_the_session_in_step() {
    let script =
        Script::new().send(&(0..1000).map(|n| query(if n % 2 == 0 { BAD } else { b"SELECT 1" })).collect::<Vec<_>>()).ready(1000);
    let (_server, weir) = start();
    let (seen, _) = weir.wire(&script.query("SELECT 'last'"));
    assert_eq!((seen.refusals().len(), seen.errors().len()), (500, 500));
    assert_eq!(seen.rows().len(), 501);
}

#[test]
fn psycopg_s_pipeline_mode_sees_its_own_exception() {
    let (server, weir) = start();
    let script = weir.script("client.py", PSYCOPG);
    let python = python_with_psycopg().to_str().unwrap();
    let outcome = weir.run(&[python, script.to_str().unwrap()]).expect_success();
    assert_eq!(outcome.stdout.trim(), "all as expected");
    assert_eq!(at(&server, "SELECT string_agg(n::text, ',' ORDER BY n) FROM t"), "1,3,4");
}

const PSYCOPG: &str = r#"
import psycopg
from psycopg.errors import InsufficientPrivilege
from psycopg.pq import TransactionStatus

def refused(work):
    try:
        work()
    except InsufficientPrivilege as error:
        assert error.diag.message_primary.startswith("weir refused DELETE"), error
        assert "no-delete" in error.diag.message_detail, error.diag.message_detail
        assert "weir why" in error.diag.message_hint, error.diag.message_hint
    else:
        raise AssertionError("it was not refused")

with psycopg.connect("", autocommit=True) as c:
    c.execute("INSERT INTO t VALUES (1)")
    refused(lambda: c.execute("DELETE FROM t"))
    refused(lambda: c.execute("DELETE FROM t WHERE n = %s", (1,), prepare=True))
    assert c.info.transaction_status == TransactionStatus.IDLE
    # A pipeline: what is behind the refusal is skipped, the next one is whole.
    def pipeline():
        with c.pipeline():
            c.execute("INSERT INTO t VALUES (2)")
            c.execute("DELETE FROM t")
            c.execute("INSERT INTO t VALUES (20)")
    refused(pipeline)
    with c.pipeline():
        c.execute("INSERT INTO t VALUES (3)")
        c.execute("INSERT INTO t VALUES (%s)", (4,), prepare=True)
    # A transaction that the refusal aborts.
    def transaction():
        with c.transaction():
            c.execute("INSERT INTO t VALUES (5)")
            c.execute("DELETE FROM t")
    refused(transaction)
    # One that a savepoint saves.
    def savepoint():
        with c.transaction():
            c.execute("DELETE FROM t")
    with c.transaction():
        refused(savepoint)
        assert c.execute("SELECT 1").fetchone() == (1,)
    # A statement prepared before is used again after a refusal.
    for n in (1, 2, 3):
        assert c.execute("SELECT count(*) FROM t WHERE n = %s", (n,), prepare=True).fetchone() == (0 if n == 2 else 1,)
        refused(lambda: c.execute("DELETE FROM t"))
print("all as expected")
"#;
