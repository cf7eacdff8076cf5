//! Names that come to stand for something else: prepared statements, cursors, portals, search paths.

use crate::evasion::{CALLS, Case, Must, SCRATCH, SETS};
use crate::wire::Script;
use crate::wire::message::{bind, close, describe, execute, parse, sync};

pub(super) fn cases() -> Vec<Case> {
    [prepared(), cursors(), paths()].concat()
}

/// How many orders there are, as text.
const ORDERS: &str = "SELECT count(*) FROM orders";

fn prepared() -> Vec<Case> {
    let skipped = Script::new()
        .segment(&[parse("s", b"SELECT name FROM users ORDER BY id LIMIT 1")])
        .segment(&[execute("nowhere", 0), close(b'S', "s"), parse("s", b"SELECT 'another'")])
        .segment(&[bind("", "s", &[]), execute("", 0)]);
    let write_skipped = Script::new()
        .segment(&[parse("s", b"SELECT name FROM users")])
        .segment(&[execute("nowhere", 0), close(b'S', "s"), parse("s", b"DELETE FROM orders")])
        .segment(&[bind("", "s", &[]), execute("", 0)]);
    vec![
        Case::wire(
            "Close and re-Parse skipped after an error",
            skipped.query("INSERT INTO notes VALUES (1, 'x')"),
            Must::Judge("SELECT count(*) FROM notes", "1", 0),
        ),
        Case::wire("Close and re-Parse of a DELETE skipped after an error", write_skipped, Must::Harmless),
        Case::wire(
            "a name closed and prepared again in one pipeline",
            Script::new().segment(&[
                parse("s", b"SELECT 1"),
                close(b'S', "s"),
                parse("s", b"DELETE FROM orders"),
                bind("", "s", &[]),
                execute("", 0),
            ]),
            Must::Refuse,
        ),
        Case::wire(
            "the unnamed statement after an error",
            Script::new()
                .segment(&[parse("", b"SELECT 1")])
                .segment(&[parse("", b"DELETE FROM orders")])
                .segment(&[bind("", "", &[]), execute("", 0)]),
            Must::Refuse,
        ),
        Case::wire(
            "PREPARE and EXECUTE of a DELETE",
            Script::new().query("PREPARE p AS DELETE FROM orders").query("EXECUTE p"),
            Must::Refuse,
        ),
        Case::wire(
            "PREPARE and EXECUTE of a DELETE in one text",
            Script::new().query("PREPARE p AS DELETE FROM orders; EXECUTE p"),
            Must::Refuse,
        ),
        Case::wire(
            "SQL's PREPARE executed by the protocol",
            Script::new().query("PREPARE p AS DELETE FROM orders").segment(&[bind("", "p", &[]), execute("", 0)]),
            Must::Refuse,
        ),
        Case::wire(
            "the protocol's statement executed by SQL",
            Script::new().segment(&[parse("p", b"DELETE FROM orders")]).query("EXECUTE p").query("EXECUTE \"p\""),
            Must::Refuse,
        ),
        Case::wire(
            "DEALLOCATE and PREPARE inside a function",
            Script::new().query("PREPARE p AS SELECT 1").query("SELECT swap()").query("EXECUTE p"),
            Must::Harmless,
        )
        .and(CALLS),
        Case::wire(
            "PREPARE inside a function, executed by the protocol",
            Script::new()
                .segment(&[parse("p", b"SELECT 1")])
                .query("SELECT swap()")
                .segment(&[bind("", "p", &[]), execute("", 0)]),
            Must::Harmless,
        )
        .and(CALLS),
        Case::wire(
            "EXECUTE and DEALLOCATE of names that differ in case and quotes",
            Script::new()
                .query("PREPARE \"P\" AS INSERT INTO notes VALUES (1, 'upper')")
                .query("PREPARE p AS INSERT INTO notes VALUES (2, 'lower')")
                .query("EXECUTE P")
                .query("DEALLOCATE \"P\"")
                .query("EXECUTE p"),
            Must::Judge("SELECT string_agg(body, ',') FROM notes", "lower,lower", 0),
        )
        .and(SETS),
        Case::wire(
            "DEALLOCATE ALL in the same pipeline",
            Script::new().segment(&[
                parse("s", b"SELECT 1"),
                parse("", b"DEALLOCATE ALL"),
                bind("", "", &[]),
                execute("", 0),
                parse("s", b"DELETE FROM orders"),
                bind("", "s", &[]),
                execute("", 0),
            ]),
            Must::Refuse,
        )
        .and(SETS),
        Case::wire(
            "CREATE TABLE AS EXECUTE",
            Script::new()
                .query("PREPARE p AS SELECT 1")
                .query("CREATE TABLE stolen AS EXECUTE p")
                .query("EXPLAIN ANALYZE CREATE TABLE stolen AS EXECUTE p"),
            Must::Refuse,
        ),
        Case::wire(
            "EXPLAIN ANALYZE EXECUTE of what was refused",
            Script::new().query("PREPARE p AS DELETE FROM orders").query("EXPLAIN ANALYZE EXECUTE p"),
            Must::Refuse,
        ),
        Case::wire(
            "Bind of an immutable wrapper that writes",
            Script::new().segment(&[parse("s", b"SELECT pure($1)"), bind("", "s", &["x"])]),
            Must::Refuse,
        ),
        Case::wire(
            "Describe of a statement that was refused",
            Script::new().segment(&[parse("s", b"TABLE secrets"), describe(b'S', "s")]).segment(&[describe(b'S', "s")]),
            Must::Refuse,
        ),
    ]
}

fn cursors() -> Vec<Case> {
    vec![
        Case::wire(
            "Execute on a cursor made in SQL",
            Script::new().query("BEGIN").query("DECLARE c CURSOR FOR SELECT value FROM secrets").segment(&[execute("c", 0)]),
            Must::Refuse,
        ),
        Case::wire(
            "Execute on a cursor that a function made",
            Script::new().query("BEGIN").query("SELECT open_cursor()").segment(&[execute("c", 0)]).query("ROLLBACK"),
            Must::Harmless,
        )
        .and(CALLS),
        Case::wire(
            "FETCH from a cursor that a function made",
            Script::new().query("BEGIN").query("SELECT open_cursor()").query("FETCH ALL c").query("ROLLBACK"),
            Must::Refuse,
        )
        .and(CALLS),
        Case::wire(
            "MOVE and FETCH on a cursor in one text with the function that makes it",
            Script::new().query("BEGIN; SELECT open_cursor(); FETCH ALL FROM c; COMMIT"),
            Must::Refuse,
        )
        .and(CALLS),
        Case::wire(
            "WHERE CURRENT OF a permitted cursor",
            Script::new()
                .query("BEGIN")
                .query("DECLARE c CURSOR FOR SELECT * FROM orders")
                .query("FETCH c")
                .query("DELETE FROM orders WHERE CURRENT OF c"),
            Must::Refuse,
        ),
        Case::wire(
            "SQL's FETCH on a portal of the protocol",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("s", b"TABLE secrets"), bind("port", "s", &[])])
                .query("FETCH ALL port")
                .query("ROLLBACK"),
            Must::Refuse,
        ),
        Case::wire(
            "a portal bound again under the same name",
            Script::new()
                .query("BEGIN")
                .segment(&[
                    parse("a", b"SELECT 1"),
                    bind("x", "a", &[]),
                    execute("x", 1),
                    close(b'P', "x"),
                    parse("b", b"DELETE FROM orders"),
                    bind("x", "b", &[]),
                    execute("x", 0),
                ])
                .query("COMMIT"),
            Must::Refuse,
        ),
        Case::wire(
            "a portal that an error's skipping left open",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("a", b"SELECT name FROM users"), bind("x", "a", &[]), execute("x", 1)])
                .query("SAVEPOINT one")
                .segment(&[execute("nowhere", 0), close(b'P', "x"), bind("x", "a", &[])])
                .query("ROLLBACK TO one")
                .segment(&[execute("x", 0)])
                .query("COMMIT"),
            Must::Judge(ORDERS, "5000", 0),
        ),
    ]
}

fn paths() -> Vec<Case> {
    let reports = "SELECT value FROM reports";
    let scratch = |name: &str, script: Script| Case::wire(name, script, Must::Refuse).and(SCRATCH).and(SETS);
    vec![
        scratch(
            "search_path changed after Parse",
            Script::new()
                .query("SET search_path = scratch")
                .segment(&[parse("s", reports.as_bytes())])
                .query("SET search_path = public")
                .segment(&[bind("", "s", &[]), execute("", 0)]),
        ),
        scratch(
            "search_path changed after Bind, in one pipeline",
            Script::new().query("SET search_path = scratch").segment(&[
                parse("set", b"SET search_path = public"),
                parse("s", reports.as_bytes()),
                bind("x", "set", &[]),
                execute("x", 0),
                bind("y", "s", &[]),
                execute("y", 0),
            ]),
        ),
        scratch(
            "search_path changed earlier in the same text",
            Script::new().query("SET search_path = scratch").query("SET search_path = public; SELECT value FROM reports"),
        ),
        scratch(
            "search_path changed by set_config",
            Script::new()
                .query("SET search_path = scratch")
                .query("SELECT set_config('search_path', 'public', false)")
                .query(reports),
        ),
        scratch(
            "search_path that a ROLLBACK brings back",
            Script::new().query("BEGIN").query("SET search_path = scratch").query("ROLLBACK").query(reports),
        ),
        scratch(
            "search_path that a savepoint brings back",
            Script::new()
                .query("BEGIN")
                .query("SAVEPOINT a")
                .query("SET LOCAL search_path = scratch")
                .query("ROLLBACK TO a")
                .query(reports),
        ),
        scratch(
            "DISCARD ALL between Parse and Bind's name",
            Script::new().query("SET search_path = scratch").query("DISCARD ALL").query(reports),
        ),
        scratch(
            "PREPARE under one search_path, EXECUTE under another",
            Script::new()
                .query("SET search_path = scratch")
                .query("PREPARE p AS SELECT value FROM reports")
                .query("SET search_path = public")
                .query("EXECUTE p"),
        ),
        Case::wire(
            "a table of one's own that is dropped before the Bind",
            Script::new()
                .query("SET search_path = scratch, public")
                .query("CREATE TABLE scratch.secrets (id int, value text)")
                .segment(&[parse("s", b"SELECT value FROM secrets")])
                .query("DROP TABLE scratch.secrets")
                .segment(&[bind("", "s", &[]), execute("", 0), sync()])
                .until(b'Z', 1),
            Must::Refuse,
        )
        .and(SCRATCH)
        .and(SETS),
        Case::all_refused(
            "a schema of one's own with tables of the same names",
            &[
                "CREATE SCHEMA mine",
                "CREATE SCHEMA mine AUTHORIZATION app CREATE TABLE users (id int)",
                "CREATE TEMP TABLE users AS SELECT id, value AS name FROM secrets",
                "CREATE TEMP VIEW users AS SELECT id, value AS name FROM secrets",
                "CREATE VIEW pg_temp.users AS TABLE secrets",
            ],
        )
        .and(SETS),
    ]
}
