//! COPY in its formats, with its options, of tables and of statements, to the client and elsewhere.

use super::clause::Clause;
use crate::leak::script::{bind_as, script};
use crate::leak::{Case, Client, State};
use crate::wire::Script;
use crate::wire::message::{copy_data, copy_done, describe, execute, parse, query, sync};

pub(super) fn cases() -> Vec<Case> {
    [out(), prepared(), drivers(), elsewhere(), inwards()].map(Clause::cases).concat()
}

const OUT: [&str; 36] = [
    "COPY customers TO STDOUT",
    "COPY customers (email) TO STDOUT",
    "COPY customers (bio, id, email, ssn) TO STDOUT",
    "COPY public.customers TO STDOUT WITH (FORMAT text)",
    "COPY customers TO STDOUT (FORMAT csv)",
    "COPY customers TO STDOUT CSV HEADER",
    "COPY customers TO STDOUT (FORMAT csv, HEADER, FORCE_QUOTE *)",
    "COPY customers (email, ssn) TO STDOUT (FORMAT csv, FORCE_QUOTE (email), QUOTE '''', ESCAPE '\\')",
    "COPY customers TO STDOUT (DELIMITER '|')",
    "COPY customers TO STDOUT (DELIMITER 'b')",
    "COPY customers (ssn, email) TO STDOUT (FORMAT csv, DELIMITER ';', NULL 'nothing')",
    "COPY customers TO STDOUT (NULL '')",
    "COPY customers TO STDOUT (FORMAT binary)",
    "COPY BINARY customers TO STDOUT",
    "COPY customers (token, pin, salary, seen, born, addr, blob) TO STDOUT BINARY",
    "COPY customers TO STDOUT (ENCODING 'LATIN1')",
    "COPY customers TO STDOUT (FORMAT csv, ENCODING 'SJIS')",
    "COPY customers TO STDOUT WITH DELIMITER AS '~' NULL AS 'x'",
    "COPY (SELECT email FROM customers) TO STDOUT",
    "COPY (SELECT lower(email), id FROM customers) TO STDOUT (FORMAT csv)",
    "COPY (SELECT c FROM customers c) TO STDOUT (FORMAT binary)",
    "COPY (TABLE contact_list) TO STDOUT",
    "COPY (VALUES ((SELECT ssn FROM customers WHERE id = 1))) TO STDOUT",
    "COPY (WITH t AS (SELECT ssn FROM people) SELECT * FROM t) TO STDOUT (FORMAT csv, HEADER)",
    "COPY (SELECT row_to_json(c) FROM customers c) TO STDOUT",
    "COPY (UPDATE customers SET city = city RETURNING email, ssn) TO STDOUT",
    "COPY (SELECT * FROM all_customers()) TO STDOUT",
    "COPY people_low TO STDOUT",
    "COPY persons TO STDOUT",
    "COPY staff TO STDOUT (FORMAT csv)",
    "COPY \"Odd Table\" TO STDOUT",
    "COPY \"Odd Table\" (\"E-Mail\", \"select\") TO STDOUT (FORMAT csv, HEADER)",
    "COPY (TABLE mails) TO STDOUT",
    "COPY derived TO STDOUT",
    "COPY logins (email) TO STDOUT (FORMAT binary)",
    "COPY (SELECT email FROM customers ORDER BY email) TO STDOUT",
];

fn out() -> Clause {
    Clause::new("COPY TO STDOUT").simple(OUT)
}

fn prepared() -> Clause {
    let clause = OUT.iter().step_by(4).fold(Clause::new("COPY TO STDOUT, prepared"), |clause, text| {
        let messages = Script::new().segment(&[parse("s", text.as_bytes()), describe(b'S', "s")]).segment(&[
            bind_as("p", "s", &[], true),
            describe(b'P', "p"),
            execute("p", 1),
        ]);
        clause.script(text, messages)
    });
    clause
        .script(
            "COPY among other statements of one text",
            script(
                "simple",
                &["SELECT 1; COPY customers (email) TO STDOUT; SELECT ssn FROM customers; COPY people_low TO STDOUT"],
            ),
        )
        .script(
            "COPY in a pipeline with a SELECT behind it",
            Script::new().segment(&[
                [parse("", b"COPY customers TO STDOUT"), bind_as("", "", &[], false), execute("", 0)].concat(),
                [parse("", b"SELECT email FROM customers"), bind_as("", "", &[], true), execute("", 0)].concat(),
            ]),
        )
}

fn drivers() -> Clause {
    let tables = ["customers", "people_low", "bare", "logins"];
    let (all, csv) = ("COPY customers TO STDOUT", "COPY customers TO STDOUT (FORMAT csv, HEADER)");
    Clause::new("COPY by drivers")
        .by(
            Client::Psycopg,
            "copy",
            [all, csv, "COPY customers TO STDOUT (FORMAT binary)", "COPY (SELECT ssn FROM people) TO STDOUT"],
        )
        .by(Client::Asyncpg, "copy-table", tables)
        .by(Client::Asyncpg, "copy", ["SELECT * FROM customers", "SELECT lower(email) FROM customers"])
        .by(Client::Asyncpg, "copy-binary", ["SELECT * FROM customers", "SELECT c FROM customers c"])
        .by(Client::TokioPostgres, "copy", [all, csv, "COPY customers TO STDOUT (FORMAT binary)"])
        .by(Client::Jdbc, "copy", [all, csv, "COPY (SELECT email, ssn FROM customers) TO STDOUT"])
        .by(
            Client::Psql,
            "plain",
            ["\\copy customers to stdout", "\\copy (select bio from customers) to pstdout csv", "COPY customers TO STDOUT"],
        )
}

/// What leaves for a place that others can read, and comes back from it.
fn elsewhere() -> Clause {
    Clause::new("COPY and files of the server")
        .undone([
            "COPY customers TO PROGRAM 'cat > weir-leak-out' ;; SELECT pg_read_file('weir-leak-out')",
            "COPY (SELECT email FROM customers) TO PROGRAM 'cat > weir-leak-out2' ;; SELECT pg_read_file('weir-leak-out2')",
            "CREATE TEMP TABLE got (t text) ;; COPY customers (ssn) TO PROGRAM 'cat > weir-leak-out3' ;; COPY got FROM PROGRAM 'cat weir-leak-out3' ;; SELECT * FROM got",
            "SELECT pg_read_binary_file(pg_relation_filepath('customers'))",
            "SELECT encode(pg_read_binary_file(pg_relation_filepath('people_low')), 'escape')",
            "SELECT convert_from(substr(pg_read_binary_file(pg_relation_filepath('customers')), 8000, 100), 'LATIN1')",
            "SELECT get_raw_page('customers', 0)",
            "SELECT t_data FROM heap_page_items(get_raw_page('customers', 0))",
            "SELECT tuple_data_split('customers'::regclass, t_data, t_infomask, t_infomask2, t_bits) FROM heap_page_items(get_raw_page('customers', 0))",
            "SELECT data FROM bt_page_items('customers_email_key', 1)",
            "CREATE TEMP TABLE raw (t text) ;; COPY raw FROM PROGRAM 'strings base/*/* | grep -a -o \".*@.*example\" | head -50' ;; SELECT * FROM raw",
            "SELECT lo_import(pg_relation_filepath('customers'), 4715) ;; SELECT lo_get(4715)",
        ])
        .vary()
}

/// What the client sends in belongs to nobody's record.
fn inwards() -> Clause {
    let ada = State::Ada;
    let row = format!("901\tx\tLund\t{}\n", ada.email(1));
    Clause::new("COPY FROM STDIN")
        .script(
            "COPY customers (id, name, city, email) FROM STDIN with a known address",
            Script::new()
                .send(&[query(b"COPY customers (id, name, city, email) FROM STDIN"), copy_data(row.as_bytes()), copy_done()])
                .ready(1),
        )
        .script(
            "COPY customers (id, name, ssn) FROM STDIN with a wrong row",
            Script::new()
                .send(&[
                    query(b"COPY customers (id, name, ssn) FROM STDIN"),
                    copy_data(format!("x\ty\t{}\n", ada.ssn("customers", 1)).as_bytes()),
                    copy_done(),
                ])
                .ready(1),
        )
        .script(
            "COPY people FROM STDIN in an extended pipeline",
            Script::new()
                .send(&[
                    parse("", b"COPY people (id, ssn) FROM STDIN"),
                    bind_as("", "", &[], false),
                    execute("", 0),
                    copy_data(format!("5000\t{}\n", ada.ssn("low", 1)).as_bytes()),
                    copy_done(),
                    sync(),
                ])
                .ready(1),
        )
        .unshown()
}
