//! Games with the protocol: pipelines, COPY, FunctionCall, transactions.

use crate::evasion::{Case, Must, SETS};
use crate::wire::Script;
use crate::wire::message::{
    bind, close, copy_data, copy_done, copy_fail, describe, execute, flush, function_call, message, parse, query, sync,
};

const NOTES: &str = "SELECT coalesce(string_agg(body, ',' ORDER BY id), 'none') FROM notes";
const BAD: &[u8] = b"DELETE FROM orders";

pub(super) fn cases() -> Vec<Case> {
    [transactions(), pipelines(), copies(), calls()].concat()
}

fn transactions() -> Vec<Case> {
    let one =
        |name: &str, text: &str, notes: &'static str| Case::wire(name, Script::new().query(text), Must::Judge(NOTES, notes, 1));
    vec![
        one(
            "begin; insert; REFUSED; insert; commit as one Query",
            "begin; insert into notes values (1, 'a'); delete from orders; insert into notes values (2, 'b'); commit",
            "none",
        ),
        one(
            "insert; REFUSED; insert as one Query",
            "insert into notes values (1, 'a'); delete from orders; insert into notes values (2, 'b')",
            "none",
        ),
        one(
            "insert; commit; REFUSED as one Query",
            "begin; insert into notes values (1, 'a'); commit; delete from orders; insert into notes values (2, 'b')",
            "a",
        ),
        one(
            "savepoint; REFUSED; rollback to as one Query",
            "begin; insert into notes values (1, 'a'); savepoint s; delete from orders; rollback to s; commit",
            "none",
        ),
        one(
            "a rollback before what is refused",
            "begin; insert into notes values (1, 'a'); rollback; begin; delete from orders; commit",
            "none",
        ),
        Case::wire(
            "COMMIT after a refusal in an open transaction",
            Script::new().query("BEGIN").query("INSERT INTO notes VALUES (1, 'a')").query("DELETE FROM orders").query("COMMIT"),
            Must::Judge(NOTES, "none", 1),
        ),
        Case::wire(
            "a refusal that a savepoint confines",
            Script::new()
                .query("BEGIN")
                .query("INSERT INTO notes VALUES (1, 'a')")
                .query("SAVEPOINT s")
                .query("DELETE FROM orders")
                .query("ROLLBACK TO s")
                .query("INSERT INTO notes VALUES (2, 'b')")
                .query("COMMIT"),
            Must::Judge(NOTES, "a,b", 1),
        ),
        Case::wire(
            "a refusal in an aborted transaction",
            Script::new()
                .query("BEGIN")
                .query("SELECT 1 / 0")
                .query("DELETE FROM orders")
                .query("ROLLBACK")
                .query("INSERT INTO notes VALUES (1, 'a')"),
            Must::Judge(NOTES, "a", 1),
        ),
        Case::wire(
            "COMMIT PREPARED of another's transaction",
            Script::new().query("COMMIT PREPARED 'theirs'").query("ROLLBACK PREPARED 'theirs'"),
            Must::Refuse,
        )
        .setup("BEGIN; DELETE FROM orders; PREPARE TRANSACTION 'theirs'"),
        Case::wire(
            "PREPARE TRANSACTION after a refusal",
            Script::new()
                .query("BEGIN")
                .query("INSERT INTO notes VALUES (1, 'a')")
                .query("DELETE FROM orders")
                .query("PREPARE TRANSACTION 'mine'")
                .query("COMMIT PREPARED 'mine'"),
            Must::Judge(NOTES, "none", 1),
        )
        .and(SETS),
        Case::wire(
            "COMMIT AND CHAIN around what is refused",
            Script::new()
                .query("BEGIN")
                .query("COMMIT AND CHAIN; DELETE FROM orders")
                .query("COMMIT AND CHAIN")
                .query("ROLLBACK"),
            Must::Refuse,
        ),
    ]
}

fn pipelines() -> Vec<Case> {
    let run = |text: &[u8]| [parse("", text), bind("", "", &[]), execute("", 0)].concat();
    vec![
        Case::wire(
            "a refusal in the middle of a pipeline, and the next segment",
            Script::new()
                .send(&[
                    run(b"INSERT INTO notes VALUES (1, 'a')"),
                    run(BAD),
                    run(b"INSERT INTO notes VALUES (2, 'b')"),
                    sync(),
                    run(b"INSERT INTO notes VALUES (3, 'c')"),
                    sync(),
                ])
                .ready(2),
            Must::Judge(NOTES, "c", 1),
        ),
        Case::wire(
            "Flush where a Sync is expected",
            Script::new().send(&[run(BAD), flush()]).until(b'E', 1).send(&[run(BAD), sync()]).ready(1),
            Must::Refuse,
        ),
        Case::wire(
            "Queries that are not waited for",
            Script::new().send(&[query(b"SELECT 1"), query(BAD), query(b"SELECT 2"), query(BAD), query(b"SELECT 3")]).ready(5),
            Must::Judge("SELECT count(*) FROM orders", "5000", 2),
        ),
        Case::wire(
            "a Query within an extended segment",
            Script::new().send(&[parse("s", b"SELECT 1"), query(BAD), bind("", "s", &[]), execute("", 0), sync()]).ready(2),
            Must::Refuse,
        ),
        Case::wire(
            "Execute twice, refused text between",
            Script::new().segment(&[
                parse("a", b"SELECT 1"),
                bind("p", "a", &[]),
                execute("p", 0),
                parse("b", BAD),
                bind("q", "b", &[]),
                execute("q", 0),
                execute("p", 0),
            ]),
            Must::Refuse,
        ),
        Case::wire(
            "hundreds of Syncs around a refusal",
            Script::new().send(&[sync().repeat(300), run(BAD), sync().repeat(300)]).ready(600),
            Must::Refuse,
        ),
        Case::wire(
            "a statement with a multi-statement text",
            Script::new().segment(&[run(b"SELECT 1; DELETE FROM orders")]),
            Must::Harmless,
        ),
        Case::wire(
            "Parse with parameter types of its own",
            Script::new().segment(&[
                message(b'P', b"s\0DELETE FROM orders WHERE id = $1\0\0\x01\0\0\0\x17"),
                describe(b'S', "s"),
                bind("", "s", &["1"]),
                execute("", 0),
                close(b'S', "s"),
            ]),
            Must::Refuse,
        ),
        Case::wire(
            "a message of an unknown type",
            Script::new().send(&[message(b'y', b"DELETE FROM orders\0")]).until(b'Z', 1),
            Must::Harmless,
        ),
        Case::wire(
            "a Query whose length says less than it has",
            Script::new().send(&[b"Q\0\0\0\x0dSELECT 1\0DELETE FROM orders\0".to_vec()]).until(b'Z', 2),
            Must::Harmless,
        ),
    ]
}

fn copies() -> Vec<Case> {
    vec![
        Case::wire(
            "COPY FROM STDIN with its data in one write",
            Script::new()
                .send(&[query(b"COPY orders FROM STDIN"), copy_data(b"9001\t1\t1\n"), copy_done(), query(b"SELECT 1")])
                .ready(2),
            Must::Refuse,
        ),
        Case::wire(
            "COPY FROM STDIN of a refused table in an extended pipeline",
            Script::new()
                .send(&[
                    parse("", b"COPY orders FROM STDIN"),
                    bind("", "", &[]),
                    execute("", 0),
                    copy_data(b"9001\t1\t1\n"),
                    copy_done(),
                    sync(),
                ])
                .ready(1),
            Must::Refuse,
        ),
        Case::wire(
            "a statement within a COPY's data",
            Script::new()
                .send(&[query(b"COPY notes FROM STDIN")])
                .until(b'G', 1)
                .send(&[copy_data(b"1\ta\n"), query(BAD), copy_done()])
                .ready(1),
            Must::Harmless,
        ),
        Case::wire(
            "COPY FROM, then a DELETE in the same text",
            Script::new()
                .send(&[query(b"COPY notes FROM STDIN; DELETE FROM orders"), copy_data(b"1\ta\n"), copy_done()])
                .ready(1),
            Must::Judge(NOTES, "none", 1),
        ),
        Case::wire(
            "a COPY that its client breaks off",
            Script::new()
                .send(&[query(b"COPY notes FROM STDIN"), copy_data(b"1\ta\n"), copy_fail("enough"), query(BAD)])
                .ready(2),
            Must::Refuse,
        ),
    ]
}

/// OIDs of pg_proc.dat, the same in every server: lo_creat, lo_unlink, query_to_xml, pg_terminate_backend.
fn calls() -> Vec<Case> {
    vec![
        Case::wire(
            "FunctionCall that makes a large object",
            Script::new().send(&[function_call(957, &["-1"])]).ready(1),
            Must::Refuse,
        ),
        Case::wire(
            "FunctionCall between two Queries",
            Script::new().send(&[query(b"SELECT 1"), function_call(957, &["-1"]), query(b"SELECT 2")]).ready(3),
            Must::Refuse,
        ),
        Case::wire(
            "FunctionCall that runs a text",
            Script::new()
                .send(&[
                    function_call(2923, &["secrets", "t", "f", ""]),
                    function_call(2925, &["SELECT value FROM secrets", "t", "f", ""]),
                ])
                .ready(2),
            Must::Refuse,
        ),
        Case::wire(
            "FunctionCall in an aborted transaction",
            Script::new().query("BEGIN").query("SELECT 1 / 0").send(&[function_call(957, &["-1"])]).ready(1).query("ROLLBACK"),
            Must::Refuse,
        ),
    ]
}
