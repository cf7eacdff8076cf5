//! Ways of the protocol itself: statements that are never described, portals, pipelines, FunctionCall, replication.

use super::clause::Clause;
use crate::leak::script::{bind_as, bind_formats};
use crate::leak::{Case, Client, State};
use crate::wire::Script;
use crate::wire::message::{bind, close, describe, execute, flush, function_call, parse, query, sync};

pub(super) fn cases() -> Vec<Case> {
    [statements(), portals(), changes(), pipelines(), parameters(), calls(), replication()].map(Clause::cases).concat()
}

const MAIL: &[u8] = b"SELECT id, email, pin, born FROM customers";

fn statements() -> Clause {
    Clause::new("statements of the protocol")
        .script(
            "never described, each format for itself",
            Script::new().segment(&[parse("", MAIL), bind_formats("", "", &[], &[1, 0, 1, 0]), execute("", 0)]),
        )
        .script(
            "described by Describe of the portal alone",
            Script::new().segment(&[parse("", MAIL), bind("", "", &[]), describe(b'P', ""), execute("", 0)]),
        )
        .script(
            "described behind its rows",
            Script::new().segment(&[parse("", MAIL), bind("", "", &[]), execute("", 2), describe(b'P', ""), execute("", 0)]),
        )
        .script(
            "prepared, and run much later",
            Script::new()
                .segment(&[parse("late", MAIL)])
                .query("SELECT 1")
                .query("BEGIN")
                .segment(&[bind_as("", "late", &[], true), execute("", 0)])
                .query("COMMIT")
                .segment(&[bind("", "late", &[]), execute("", 0)]),
        )
        .script(
            "a name that is used for another statement",
            Script::new()
                .segment(&[parse("n", b"SELECT id, name FROM customers"), bind("", "n", &[]), execute("", 0), close(b'S', "n")])
                .segment(&[parse("n", b"SELECT id, ssn FROM customers"), bind("", "n", &[]), execute("", 0)]),
        )
        .script(
            "the unnamed statement, replaced between Parse and Bind",
            Script::new().segment(&[
                parse("", b"SELECT name FROM customers"),
                parse("", b"SELECT ssn FROM customers"),
                bind("", "", &[]),
                execute("", 0),
            ]),
        )
        .script(
            "PREPARE by SQL, run by the protocol",
            Script::new()
                .query("PREPARE both AS SELECT email FROM customers")
                .segment(&[bind("", "both", &[]), execute("", 0)])
                .query("EXECUTE both"),
        )
        .script(
            "Parse by the protocol, EXECUTE by SQL",
            Script::new()
                .segment(&[parse("mine", b"SELECT ssn FROM customers")])
                .query("EXECUTE mine")
                .query("EXPLAIN (ANALYZE, TIMING OFF, SUMMARY OFF, COSTS OFF) EXECUTE mine"),
        )
        .script(
            "an EXECUTE that is itself prepared",
            Script::new().query("PREPARE inner1 AS SELECT ssn FROM customers").segment(&[
                parse("outer1", b"EXECUTE inner1"),
                describe(b'S', "outer1"),
                bind_as("", "outer1", &[], true),
                execute("", 0),
            ]),
        )
        .script(
            "two statements, run in the other order",
            Script::new().segment(&[
                parse("a", b"SELECT id, name FROM customers"),
                parse("b", b"SELECT id, bio FROM customers"),
                bind("pb", "b", &[]),
                bind("pa", "a", &[]),
                execute("pb", 0),
                execute("pa", 0),
            ]),
        )
        .script(
            "a hundred runs of one statement",
            Script::new().segment(&[
                parse("h", b"SELECT email FROM customers WHERE id = 1"),
                [bind_as("", "h", &[], true), execute("", 0), bind("", "h", &[]), execute("", 0)].concat().repeat(50),
            ]),
        )
}

fn portals() -> Clause {
    Clause::new("portals")
        .script(
            "in pieces over many Executes",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("", MAIL), bind("p", "", &[]), execute("p", 1)])
                .segment(&[execute("p", 1)])
                .segment(&[execute("p", 2), execute("p", 0)])
                .query("COMMIT"),
        )
        .script(
            "two portals in turns",
            Script::new().segment(&[
                parse("x", b"SELECT name FROM customers"),
                parse("y", b"SELECT ssn FROM customers"),
                bind("px", "x", &[]),
                bind_as("py", "y", &[], true),
                execute("px", 1),
                execute("py", 1),
                execute("px", 1),
                execute("py", 1),
                execute("py", 0),
            ]),
        )
        .script(
            "FETCH of a portal of the protocol",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("", MAIL), bind("pp", "", &[]), execute("pp", 1)])
                .query("FETCH ALL FROM pp")
                .query("ROLLBACK"),
        )
        .script(
            "Execute of a cursor of SQL",
            Script::new()
                .query("BEGIN")
                .query("DECLARE sc CURSOR FOR SELECT ssn FROM customers")
                .segment(&[describe(b'P', "sc"), execute("sc", 2), execute("sc", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "Execute of a refcursor of a function",
            Script::new().query("BEGIN").query("SELECT open_cursor('frc')").segment(&[execute("frc", 0)]).query("ROLLBACK"),
        )
        .script(
            "a portal whose name is a cursor's",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("", b"SELECT name FROM customers"), bind("same", "", &[])])
                .query("CLOSE same")
                .query("DECLARE same CURSOR FOR SELECT ssn FROM customers")
                .segment(&[execute("same", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "FETCH that is prepared",
            Script::new()
                .query("BEGIN")
                .query("DECLARE fc SCROLL CURSOR FOR SELECT ssn, pin FROM customers")
                .segment(&[
                    parse("f", b"FETCH 2 FROM fc"),
                    describe(b'S', "f"),
                    bind_as("", "f", &[], true),
                    execute("", 0),
                    bind("", "f", &[]),
                    execute("", 0),
                ])
                .query("ROLLBACK"),
        )
        .script(
            "a held cursor behind COMMIT",
            Script::new()
                .query("BEGIN")
                .query("DECLARE hc BINARY CURSOR WITH HOLD FOR SELECT pin, ssn FROM customers")
                .query("COMMIT")
                .query("FETCH ALL FROM hc"),
        )
        .script(
            "Describe of a portal that was closed",
            Script::new().segment(&[
                parse("", MAIL),
                bind("gone", "", &[]),
                close(b'P', "gone"),
                bind("gone", "", &[]),
                execute("gone", 0),
            ]),
        )
}

fn changes() -> Clause {
    Clause::new("definitions that change under a statement")
        .script(
            "renamed between Parse and Execute",
            Script::new()
                .segment(&[parse("r", b"SELECT ssn FROM customers"), describe(b'S', "r")])
                .query("BEGIN")
                .query("ALTER TABLE customers RENAME ssn TO other_name")
                .segment(&[bind("", "r", &[]), execute("", 0)])
                .query("ROLLBACK")
                .segment(&[bind("", "r", &[]), execute("", 0)]),
        )
        .script(
            "a view that becomes another",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("v", b"SELECT label FROM labels"), describe(b'S', "v"), bind("", "v", &[]), execute("", 0)])
                .query("CREATE OR REPLACE VIEW labels AS SELECT id, ssn AS label FROM customers")
                .segment(&[bind("", "v", &[]), execute("", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "columns that change places by name",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("w", b"SELECT name FROM customers"), describe(b'S', "w"), bind("", "w", &[]), execute("", 0)])
                .query("ALTER TABLE customers RENAME name TO tmp1")
                .query("ALTER TABLE customers RENAME bio TO name")
                .segment(&[bind("", "w", &[]), execute("", 0)])
                .segment(&[parse("w2", b"SELECT name FROM customers"), bind_as("", "w2", &[], true), execute("", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "a table that takes another's name",
            Script::new()
                .segment(&[parse("t", b"SELECT label FROM plain"), describe(b'S', "t"), bind("", "t", &[]), execute("", 0)])
                .query("BEGIN")
                .query("ALTER TABLE plain RENAME TO plain_old")
                .query("CREATE VIEW plain AS SELECT id, ssn AS label FROM customers")
                .segment(&[bind("", "t", &[]), execute("", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "a search path that changes under a statement",
            Script::new()
                .query("BEGIN")
                .query("CREATE SCHEMA mine")
                .query("CREATE TABLE mine.customers (email varchar(80))")
                .query("SET LOCAL search_path = mine, public")
                .segment(&[
                    parse("sp", b"SELECT email FROM customers"),
                    describe(b'S', "sp"),
                    bind("", "sp", &[]),
                    execute("", 0),
                ])
                .query("SET LOCAL search_path = public")
                .segment(&[bind("", "sp", &[]), execute("", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "a column that changes its type",
            Script::new()
                .segment(&[parse("ty", b"SELECT ssn FROM bare"), describe(b'S', "ty"), bind("", "ty", &[]), execute("", 0)])
                .query("BEGIN")
                .query("ALTER TABLE bare ALTER ssn TYPE bytea USING ssn::bytea")
                .segment(&[bind_as("", "ty", &[], true), execute("", 0)])
                .segment(&[parse("ty2", b"SELECT ssn FROM bare"), bind_as("", "ty2", &[], true), execute("", 0)])
                .query("ROLLBACK"),
        )
        .script(
            "a star that grows",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("st", b"SELECT * FROM maybe"), describe(b'S', "st")])
                .query("ALTER TABLE customers ADD COLUMN extra text")
                .segment(&[parse("", b"SELECT * FROM customers"), bind_as("", "", &[], true), execute("", 0)])
                .query("ROLLBACK"),
        )
}

fn pipelines() -> Clause {
    let run = |text: &[u8], binary: bool| [parse("", text), bind_as("", "", &[], binary), execute("", 0)].concat();
    Clause::new("pipelines")
        .script(
            "classed and plain in turns",
            Script::new().segment(&[
                run(b"SELECT 1", false),
                run(MAIL, true),
                run(b"SELECT name FROM customers", false),
                run(b"SELECT ssn FROM customers", false),
                run(b"SELECT 2", true),
            ]),
        )
        .script(
            "several Syncs at once",
            Script::new()
                .send(&[
                    run(MAIL, false),
                    sync(),
                    run(MAIL, true),
                    sync(),
                    query(MAIL),
                    run(b"SELECT bio FROM customers", false),
                    sync(),
                ])
                .ready(4),
        )
        .script(
            "an error before the rows",
            Script::new().segment(&[run(b"SELECT 1 / 0", false), run(MAIL, false)]).segment(&[run(MAIL, true)]),
        )
        .script(
            "an error behind the rows",
            Script::new().segment(&[run(MAIL, false), run(b"SELECT 1 / 0", false), run(b"SELECT ssn FROM customers", false)]),
        )
        .script("Flush instead of Sync", Script::new().send(&[run(MAIL, true), flush()]).until(b'C', 1).send(&[sync()]).ready(1))
        .script(
            "a refusal in the middle",
            Script::new()
                .segment(&[run(MAIL, false), run(b"SELECT id FROM customers ORDER BY ssn", false), run(MAIL, false)])
                .query("SELECT ssn FROM customers"),
        )
        .script(
            "Queries that are not waited for",
            Script::new()
                .send(&[
                    query(MAIL),
                    query(b"SELECT 1"),
                    query(b"SELECT ssn FROM customers"),
                    query(b"SELECT name FROM customers"),
                ])
                .ready(4),
        )
        .script("one byte at a time", {
            let bytes = run(MAIL, true);
            bytes.iter().fold(Script::new(), |script, byte| script.send(&[vec![*byte]])).send(&[sync()]).ready(1)
        })
}

/// Parameters that say what they are looked for with, and that are shown.
fn parameters() -> Clause {
    let (email, ssn) = (State::Ada.email(1), State::Ada.ssn("customers", 1));
    let with =
        |text: &str, values: &[&str]| Script::new().segment(&[parse("", text.as_bytes()), bind("", "", values), execute("", 0)]);
    Clause::new("parameters")
        .script("WHERE email = $1", with("SELECT id FROM customers WHERE email = $1", &[&email]))
        .script("WHERE email LIKE $1 || '%'", with("SELECT id FROM customers WHERE email LIKE $1 || '%'", &["c"]))
        .script(
            "WHERE ssn = ANY ($1::text[])",
            with("SELECT id FROM customers WHERE ssn = ANY ($1::text[])", &[&format!("{{{ssn}}}")]),
        )
        .script("INSERT of a parameter", with("INSERT INTO people (id, ssn) VALUES (5000, $1)", &[&ssn]))
        .script("UPDATE with a parameter", with("UPDATE customers SET ssn = $1 WHERE id = 5000", &[&ssn]))
        .script("UPDATE of a unique column with a parameter", with("UPDATE customers SET email = $1 WHERE id = 2", &[&email]))
        .script("an error in a parameter", with("SELECT ssn FROM customers WHERE id = $1::int", &[&ssn]))
        .unshown()
        .script("rows by a parameter", with("SELECT email FROM customers WHERE id = $1::int", &["1"]))
        .script("a parameter beside a value", with("SELECT email || $1 FROM customers", &["x"]))
}

/// OIDs of pg_proc.dat, the same in every server.
fn calls() -> Clause {
    Clause::new("FunctionCall")
        .script(
            "query_to_xml of a SELECT",
            Script::new().send(&[function_call(2925, &["SELECT email FROM customers", "t", "f", ""])]).ready(1),
        )
        .script("table_to_xml of a table", Script::new().send(&[function_call(2923, &["customers", "t", "f", ""])]).ready(1))
        .script("schema_to_xml", Script::new().send(&[function_call(2933, &["public", "t", "f", ""])]).ready(1))
        .script("database_to_xml", Script::new().send(&[function_call(2936, &["t", "f", ""])]).ready(1))
}

fn replication() -> Clause {
    Clause::new("replication")
        .by(Client::WireReplication, "simple", [
            "IDENTIFY_SYSTEM ;; SELECT email FROM customers",
            "CREATE_REPLICATION_SLOT x1 TEMPORARY LOGICAL test_decoding ;; SELECT ssn FROM customers",
            "BASE_BACKUP (LABEL 'x', CHECKPOINT 'fast', WAL false)",
            "SHOW search_path ;; TABLE customers",
        ])
        .vary()
        .alone([
            "SELECT slot_name FROM pg_create_logical_replication_slot('weir1', 'test_decoding', true) ;; UPDATE customers SET city = city ;; SELECT data FROM pg_logical_slot_peek_changes('weir1', NULL, NULL)",
            "SELECT slot_name FROM pg_create_logical_replication_slot('weir2', 'test_decoding', true) ;; UPDATE people SET born = born ;; SELECT data FROM pg_logical_slot_get_changes('weir2', NULL, NULL)",
            "CREATE PUBLICATION pub FOR ALL TABLES ;; SELECT slot_name FROM pg_create_logical_replication_slot('weir3', 'pgoutput', true) ;; UPDATE customers SET city = city ;; SELECT data FROM pg_logical_slot_peek_binary_changes('weir3', NULL, NULL, 'proto_version', '1', 'publication_names', 'pub') ;; DROP PUBLICATION pub",
        ])
        .vary()
}
