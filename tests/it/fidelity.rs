//! What weir answers itself, or writes anew, against what the server answers: the same messages, directly and through weir.
#![expect(clippy::unwrap_used, reason = "helpers of tests")]

use weir_tests::wire::message::{bind, close, execute, message, parse, sync};
use weir_tests::wire::{Connection, Script, Transcript, play};
use weir_tests::{Postgres, PostgresBuilder, Weir};

/// Everything that is understood, and nothing else.
const UNDERSTOOD: &str = r#"@id("allow-all") permit (principal, action, resource);"#;

/// That, too.
const EVERYTHING: &str = r#"@id("allow-all") permit (principal, action, resource);
@id("unparsed") permit (principal, action in Action::"operation", resource) when { !context.parsed };"#;

fn start(policy: &str) -> (Postgres, Weir) {
    start_before(Postgres::builder(), policy)
}

fn start_before(server: PostgresBuilder, policy: &str) -> (Postgres, Weir) {
    let server = server.method("trust").start();
    let weir = Weir::for_server(&server).policy(policy).build();
    (server, weir)
}

/// What the server says to `script`, past weir.
fn direct(server: &Postgres, script: &Script) -> Transcript {
    let mut connection = Connection::open("127.0.0.1", server.port, "", &[("user", "app"), ("database", "app")]).unwrap();
    let mut out = Vec::new();
    play(script, &mut connection, &std::env::temp_dir(), &mut out).unwrap();
    Transcript::read(&String::from_utf8(out).unwrap())
}

/// Plays `script` and a last statement both ways: message for message the same but for details and hints.
/// Returns what came through weir.
#[track_caller]
fn check(script: Script) -> Transcript {
    check_with(&start(UNDERSTOOD), script)
}

#[track_caller]
fn check_with((server, weir): &(Postgres, Weir), script: Script) -> Transcript {
    let script = Script::new().query("CREATE TEMPORARY TABLE t (n int)").steps(script).query("SELECT 'last', count(*) FROM t");
    let direct = direct(server, &script);
    let (through, outcome) = weir.wire(&script);
    assert!(direct.rows().last().is_some_and(|row| row.starts_with("last|")), "{direct:?}");
    for (one, other) in direct.without_reasons().iter().zip(&through.without_reasons()) {
        assert_eq!(one, other, "{}", outcome.stderr);
    }
    assert_eq!(direct.without_reasons().len(), through.without_reasons().len(), "{through:?}");
    weir.cli(&["audit", "verify"]).expect_success();
    through
}

/// Texts that no server reads.
const TYPOS: [&str; 16] = [
    "SELEC 1",
    "SELECT 1; SELEC 2",
    "INSERT INTO t VALUES (1); INSERT INTO t VALUES (2) RETURNIN n",
    "SELECT n n n FROM t",
    "SELECT 'ä€' ß ß",
    "SELECT (1",
    "SELECT 1)",
    "SELECT * FROM t WHERE",
    "UPDATE t SET n = WHERE n = 1",
    "CREATE TABEL t (n int)",
    "SELECT 'open",
    "SELECT \"open",
    "SELECT $$open",
    "SELECT 1 /* open",
    "SELECT \"\"",
    "BEGIN; DELETE FROM t WHERE n = 1 1; COMMIT",
];

#[test]
fn a_typo_is_told_as_the_server_tells_it_and_runs_nothing() {
    for server in [Postgres::builder(), Postgres::builder_18()] {
        let script = TYPOS.iter().fold(Script::new(), |script, text| script.query(text).segment(&[parse("", text.as_bytes())]));
        let seen = check_with(&start_before(server, UNDERSTOOD), script);
        assert_eq!(seen.errors().len(), 2 * TYPOS.len());
        for error in seen.errors() {
            assert!(error.code == "42601" && error.is_weirs() && error.hint.starts_with("weir why "), "{error:?}");
        }
    }
}

#[test]
fn a_typo_leaves_the_transaction_as_the_server_does() {
    let typo = "SELEC 1";
    let run = |sql: &str| [parse("", sql.as_bytes()), bind("", "", &[]), execute("", 0)].concat();
    let script = Script::new()
        .query("BEGIN")
        .query("INSERT INTO t VALUES (1)")
        .query(typo)
        .query(typo)
        .query("SELECT 1")
        .query("COMMIT")
        .segment(&[run("INSERT INTO t VALUES (2)"), run(typo), run("INSERT INTO t VALUES (3)")])
        .segment(&[parse("s", b"SELECT 1"), parse("s", typo.as_bytes())])
        .segment(&[parse("s", typo.as_bytes()), bind("", "s", &[]), sync(), close(b'S', "s"), parse("s", b"SELECT 4")])
        .ready(1)
        .query("BEGIN; SAVEPOINT a")
        .query(typo)
        .query("ROLLBACK TO a; INSERT INTO t VALUES (5); COMMIT");
    check(script);
}

#[test]
fn a_typo_is_a_refusal_in_the_record_without_a_word_of_its_text() {
    let (_server, weir) = start(UNDERSTOOD);
    let (seen, outcome) = weir.wire(&Script::new().query("ALTER ROLE app PASSWORD 'one' 'sesame'"));
    let errors = seen.errors();
    let error = errors.first().unwrap();
    assert!(error.is_weirs() && error.text.contains("near \"'sesame'\""), "{error:?}");
    assert!(outcome.stderr.contains("refused: syntax error (weir did not pass it on; "), "{}", outcome.stderr);
    let sessions = weir.sessions();
    let session = sessions.first().and_then(|session| session.get("session")?.as_str()).unwrap();
    let why = weir.cli(&["why", session]).expect_success().stdout;
    assert!(why.contains("42601") && why.contains("syntax error"), "{why}");
    assert!(!outcome.stderr.contains("near"), "{}", outcome.stderr);
    assert!(!why.contains("at or near"), "{why}");
}

#[test]
fn a_permit_on_what_is_not_understood_lets_the_server_say_it() {
    let (_server, weir) = start(EVERYTHING);
    let (seen, outcome) = weir.wire(&Script::new().query("SELEC 1"));
    let errors = seen.errors();
    let error = errors.first().unwrap_or_else(|| panic!("{}{}", outcome.stdout, outcome.stderr));
    assert!(error.code == "42601" && error.detail.is_empty() && !error.is_weirs(), "{error:?}");
}

#[test]
fn bytes_that_are_no_text_are_told_as_the_server_tells_them() {
    let texts: [&[u8]; 7] = [
        b"SELECT '\xff'",
        b"SELECT '\xe4'",
        b"SELECT '\xe4\xb8'; INSERT INTO t VALUES (1)",
        b"\xc0\x80",
        b"SELECT '\xf0\x9f\x98",
        b"SELECT 1 -- \xed\xa0\x80",
        b"INSERT INTO t VALUES (1); SELECT '\xf8\x88\x80\x80\x80'",
    ];
    let script = texts.iter().fold(Script::new(), |script, text| script.bytes(text).segment(&[parse("s", text)]));
    let seen = check(script.query("BEGIN").bytes(b"\xff").bytes(b"\xff").query("ROLLBACK"));
    assert!(seen.errors().iter().all(|error| error.code == "22021" && error.is_weirs()), "{:?}", seen.errors());
}

#[test]
fn a_malformed_message_fails_alone() {
    let run = [bind("", "", &[]), execute("", 0)].concat();
    let script = Script::new()
        .send(&[message(b'Q', b"INSERT INTO t VALUES (1)")])
        .ready(1)
        .send(&[message(b'Q', b"INSERT INTO t VALUES (1)\0more")])
        .ready(1)
        .send(&[message(b'Q', b"")])
        .ready(1)
        .send(&[message(b'F', b"\0\0")])
        .ready(1)
        .segment(&[parse("", b"INSERT INTO t VALUES (2)")])
        .segment(&[message(b'P', b"\0INSERT INTO t VALUES (3)"), run.clone()])
        .segment(std::slice::from_ref(&run))
        .segment(&[message(b'P', b"name without end"), run.clone()])
        .segment(std::slice::from_ref(&run))
        .query("BEGIN")
        .send(&[message(b'Q', b"COMMIT")])
        .ready(1)
        .query("ROLLBACK");
    let seen = check(script);
    assert!(seen.errors().iter().all(|error| error.code == "08P01"), "{:?}", seen.errors());
}

#[test]
fn a_place_behind_a_name_is_that_of_the_clients_own_text() {
    let long = "l".repeat(60);
    let script = Script::new()
        .segment(&[parse("s", b"SELECT $1::int"), parse(&long, b"SELECT $1::int")])
        .query("EXECUTE s(nowhere)")
        .query(&format!("EXECUTE s(1); EXECUTE \"{long}\"(1); EXECUTE {long}(nowhere)"))
        .query("SELECT 'ä€'; EXECUTE s('ä' || nowhere)")
        .segment(&[parse("e", b"EXECUTE s(nowhere)"), bind("", "e", &[]), execute("", 0)])
        .query("SELECT nowhere")
        .query("EXECUTE s('x')");
    let seen = check(script);
    assert_eq!(seen.errors().len(), 6, "{:?}", seen.errors());
}

#[test]
fn a_name_that_is_too_long_is_cut_with_the_servers_notice() {
    let long = "Long".repeat(20);
    let script = Script::new()
        .segment(&[parse(&long.replace('L', "l"), b"SELECT 1"), parse(&long, b"SELECT 2")])
        .query(&format!("EXECUTE {long}; EXECUTE \"{long}\""))
        .segment(&[parse("e", format!("EXECUTE \"{long}\"").as_bytes()), bind("", "e", &[]), execute("", 0)])
        .query(&format!("DEALLOCATE {long}"))
        .query(&format!("PREPARE {long} AS SELECT 3"))
        .query(&format!("EXECUTE {long}"));
    let seen = check(script);
    assert_eq!((seen.rows().len(), seen.errors().len()), (5, 0), "{seen:?}");
}

#[test]
fn what_uses_a_name_in_sql_uses_it_again_after_code_has_run() {
    let script = Script::new()
        .query("CREATE FUNCTION pg_temp.f() RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN 1; END'")
        .segment(&[parse("s", b"SELECT 'mine'"), parse("e", b"EXECUTE s")])
        .segment(&[bind("", "e", &[]), execute("", 0)])
        .query("SELECT pg_temp.f()")
        .segment(&[bind("", "e", &[]), execute("", 0)]);
    assert_eq!(check_with(&start(EVERYTHING), script).rows().iter().filter(|row| *row == "mine").count(), 2);
}
