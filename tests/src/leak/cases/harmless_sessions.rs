//! Harmless work: writes, transactions, cursors, COPY, notifications, and what tools and drivers ask by themselves.

use super::clause::Clause;
use crate::leak::{Case, Client};
use crate::wire::Script;
use crate::wire::message::{bind, copy_data, copy_done, describe, execute, parse, query};

pub(super) fn cases() -> Vec<Case> {
    [writes(), sessions(), copies(), tools(), temporary()].map(Clause::cases).concat()
}

fn writes() -> Clause {
    Clause::harmless("writes to what is unclassed").undone([
        "INSERT INTO plain (id, label) VALUES (100, 'new') RETURNING *",
        "INSERT INTO plain (id, label) SELECT 200 + id, comment FROM orders ;; SELECT count(*) FROM plain",
        "UPDATE plain SET label = label || '!', amount = amount + 1 WHERE id < 4 RETURNING id, label",
        "DELETE FROM plain WHERE id > 6 ;; SELECT max(id) FROM plain",
        "UPDATE plain SET label = o.comment FROM orders o WHERE o.id = plain.id ;; SELECT label FROM plain ORDER BY id",
        "UPDATE customers SET city = 'Oslo' WHERE id = 2",
        "UPDATE customers SET name = upper(name), city = name WHERE city = 'Lund' RETURNING id, name, city",
        "INSERT INTO plain (id, label) SELECT 300 + id, name FROM customers ;; SELECT label FROM plain WHERE id > 300 ORDER BY id",
        "INSERT INTO plain (id, label) VALUES (1, 'x') ON CONFLICT (id) DO UPDATE SET label = excluded.label RETURNING label",
        "MERGE INTO plain p USING orders o ON p.id = o.id WHEN MATCHED THEN UPDATE SET label = o.comment WHEN NOT MATCHED THEN INSERT (id, label) VALUES (o.id, o.comment) ;; SELECT id, label FROM plain ORDER BY id",
        "WITH d AS (DELETE FROM plain WHERE id < 3 RETURNING id, label) SELECT * FROM d ORDER BY id",
        "INSERT INTO sink (t, n, j) VALUES ('a', 1, '{}') RETURNING t, n, j",
        "CREATE TABLE fresh (id int PRIMARY KEY, t text NOT NULL) ;; INSERT INTO fresh VALUES (1, 'a'), (2, 'b') ;; CREATE INDEX ON fresh (t) ;; SELECT t FROM fresh ORDER BY t DESC",
        "CREATE TABLE fresh AS SELECT id, label FROM plain ;; SELECT label FROM fresh WHERE id = 1",
        "CREATE VIEW fresh AS SELECT id, label FROM plain ;; SELECT label FROM fresh ORDER BY id LIMIT 1",
        "CREATE VIEW fresh AS SELECT id, name FROM customers ;; SELECT name FROM fresh ORDER BY id LIMIT 1",
        "ALTER TABLE plain ADD COLUMN extra int DEFAULT 7 ;; SELECT id, extra FROM plain ORDER BY id",
        "TRUNCATE plain ;; SELECT count(*) FROM plain",
        "CREATE SEQUENCE s2 START 5 ;; SELECT nextval('s2'), currval('s2')",
        "CREATE SCHEMA side ;; CREATE TABLE side.customers (email text) ;; INSERT INTO side.customers VALUES ('not@classed.example') ;; SELECT email FROM side.customers WHERE email LIKE 'not%'",
        "DELETE FROM orders WHERE customer IN (SELECT id FROM customers WHERE city = 'Lund') ;; SELECT count(*) FROM orders",
        "LOCK TABLE plain IN EXCLUSIVE MODE ;; SELECT id FROM plain ORDER BY id LIMIT 1 FOR UPDATE",
        "COMMENT ON TABLE plain IS 'plain things' ;; SELECT obj_description('plain'::regclass)",
    ])
}

fn sessions() -> Clause {
    Clause::harmless("sessions")
        .alone([
            "BEGIN ;; SELECT 1 ;; COMMIT",
            "BEGIN ;; SAVEPOINT s ;; SELECT 1 / 0 ;; ROLLBACK TO s ;; SELECT label FROM plain WHERE id = 1 ;; COMMIT",
            "SET TIME ZONE 'UTC' ;; SHOW TimeZone ;; SET statement_timeout = '1min' ;; RESET ALL",
            "PREPARE pp (int) AS SELECT label FROM plain WHERE id = $1 ;; EXECUTE pp (2) ;; EXECUTE pp (3) ;; DEALLOCATE pp",
            "BEGIN ;; DECLARE c SCROLL CURSOR FOR SELECT label FROM plain ORDER BY id ;; FETCH 2 c ;; MOVE BACKWARD ALL IN c ;; FETCH LAST c ;; CLOSE c ;; COMMIT",
            "BEGIN ;; DECLARE c BINARY CURSOR WITH HOLD FOR SELECT id, label FROM plain ORDER BY id ;; COMMIT ;; FETCH ALL c ;; CLOSE c",
            "LISTEN ring ;; NOTIFY ring ;; UNLISTEN *",
            "SELECT set_config('my.own', 'value', false), current_setting('my.own') ;; SHOW my.own",
            "SELECT pg_advisory_lock(5) ;; SELECT pg_advisory_unlock(5)",
            "DISCARD ALL ;; SELECT 1",
            "SET search_path = pg_catalog, public ;; SELECT label FROM plain WHERE id = 1",
            "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY ;; SELECT count(*) FROM orders ;; END",
            "SET client_encoding = 'LATIN1' ;; SELECT label FROM plain WHERE id = 1",
            "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) SELECT label FROM plain WHERE id = 1",
        ])
        .simple(["SELECT 1; SELECT label FROM plain WHERE id = 1; SELECT 2", "BEGIN; INSERT INTO plain (id) VALUES (500); ROLLBACK"])
        .script(
            "portals of unclassed rows, in pieces",
            Script::new().segment(&[
                parse("h", b"SELECT id, label FROM plain WHERE id > $1::int ORDER BY id"),
                describe(b'S', "h"),
                bind("p", "h", &["2"]),
                describe(b'P', "p"),
                execute("p", 3),
                execute("p", 0),
            ]),
        )
}

fn copies() -> Clause {
    Clause::harmless("COPY of what is unclassed")
        .simple([
            "COPY plain TO STDOUT",
            "COPY plain (id, label) TO STDOUT (FORMAT csv, HEADER)",
            "COPY orders TO STDOUT (FORMAT binary)",
            "COPY customers (id, name, city) TO STDOUT",
            "COPY (SELECT id, name FROM customers ORDER BY id) TO STDOUT (FORMAT csv)",
            "COPY (SELECT * FROM labels) TO STDOUT",
        ])
        .script(
            "COPY plain FROM STDIN, and what came of it",
            Script::new()
                .query("BEGIN")
                .send(&[query(b"COPY plain (id, label) FROM STDIN"), copy_data(b"900\tone\n901\ttwo\n"), copy_done()])
                .ready(1)
                .query("SELECT id, label FROM plain WHERE id >= 900 ORDER BY id")
                .query("ROLLBACK"),
        )
        .script(
            "COPY plain FROM STDIN with an error",
            Script::new().send(&[query(b"COPY plain (id, label) FROM STDIN"), copy_data(b"x\tone\n"), copy_done()]).ready(1),
        )
        .by(Client::Psycopg, "copy", ["COPY plain TO STDOUT", "SELECT label FROM plain"])
        .by(Client::Asyncpg, "copy-table", ["plain", "orders"])
        .by(Client::Jdbc, "copy", ["COPY plain TO STDOUT"])
}

fn tools() -> Clause {
    Clause::harmless("tools")
        .by(
            Client::Psql,
            "script",
            [
                "\\d",
                "\\d customers",
                "\\d+ plain",
                "\\dt",
                "\\dv",
                "\\di",
                "\\df get_ssn",
                "\\dn",
                "\\du",
                "\\l app",
                "\\d people",
                "\\ds",
                "\\dT",
                "\\dx",
                "\\sv labels",
            ],
        )
        .by(Client::PgDump, "", ["-t ;; plain", "-t ;; orders ;; --data-only", "-t ;; plain ;; --inserts"])
        .vary()
        .by(Client::PgDump, "", ["--schema-only"])
        // What is left of temporary tables and the key in its first line are others each time.
        .vary()
}

fn temporary() -> Clause {
    Clause::harmless("temporary tables")
        .undone([
            "CREATE TEMP TABLE t1 AS SELECT id, label FROM plain ;; SELECT label FROM t1 ORDER BY id LIMIT 1",
            "CREATE TEMP TABLE t2 (id int, t text) ;; INSERT INTO t2 VALUES (1, 'x') ;; SELECT * FROM t2 WHERE t LIKE 'x%'",
            "CREATE TEMP TABLE t3 (id int) ON COMMIT DROP ;; INSERT INTO t3 SELECT id FROM plain ;; SELECT count(*) FROM t3 WHERE id > 1",
            "CREATE TEMP TABLE t4 AS SELECT id, name FROM customers ;; SELECT name FROM t4 JOIN orders USING (id) ORDER BY name",
            "SELECT id, city INTO TEMP t5 FROM customers ;; UPDATE t5 SET city = upper(city) WHERE id = 2 ;; SELECT city FROM t5 ORDER BY id",
        ])
        .alone([
            "CREATE TEMP TABLE t6 (id int PRIMARY KEY, t text) ;; INSERT INTO t6 VALUES (1, 'a'), (2, 'b') ;; CREATE INDEX ON t6 (t) ;; SELECT t FROM t6 ORDER BY t DESC ;; DROP TABLE t6 ;; SELECT FROM t6",
            "BEGIN ;; CREATE TEMP TABLE t7 (id int) ON COMMIT DELETE ROWS ;; INSERT INTO t7 VALUES (3) ;; SELECT id FROM t7 ;; COMMIT ;; SELECT count(*) FROM t7 WHERE id = 3",
            "CREATE TEMP TABLE t8 (id int) ;; BEGIN ;; INSERT INTO t8 VALUES (3) ;; SELECT 1 / 0 ;; ROLLBACK ;; SELECT count(*) FROM t8 WHERE id = 3",
        ])
}
