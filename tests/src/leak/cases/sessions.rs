//! What is declared or prepared now and run later; several statements in one text; sessions that go on.

use super::clause::Clause;
use crate::leak::{Case, Client};

pub(super) fn cases() -> Vec<Case> {
    [cursors(), prepared(), texts(), transactions(), drivers()].map(Clause::cases).concat()
}

fn cursors() -> Clause {
    Clause::new("cursors").undone([
        "DECLARE c CURSOR FOR SELECT email FROM customers ;; FETCH ALL FROM c",
        "DECLARE c SCROLL CURSOR FOR SELECT ssn FROM customers ;; FETCH LAST FROM c ;; FETCH PRIOR FROM c ;; FETCH ABSOLUTE 1 FROM c ;; FETCH RELATIVE 2 FROM c",
        "DECLARE c BINARY CURSOR FOR SELECT email, pin, token, salary, born, seen FROM customers ;; FETCH 3 FROM c",
        "DECLARE c BINARY SCROLL CURSOR FOR SELECT * FROM customers ;; FETCH FORWARD 2 IN c ;; FETCH BACKWARD 1 IN c",
        "DECLARE c CURSOR WITH HOLD FOR SELECT ssn FROM customers ;; FETCH c ;; MOVE 1 c ;; FETCH FORWARD ALL c",
        "DECLARE c CURSOR FOR TABLE contact_list ;; FETCH c",
        "DECLARE c CURSOR FOR SELECT c FROM customers c ;; FETCH 2 c",
        "DECLARE c CURSOR FOR SELECT name FROM customers ;; CLOSE c ;; DECLARE c CURSOR FOR SELECT ssn FROM customers ;; FETCH c",
        "DECLARE \"C\" CURSOR FOR SELECT email FROM customers ;; DECLARE c CURSOR FOR SELECT name FROM customers ;; FETCH \"C\"",
        "SELECT open_cursor('rc') ;; FETCH ALL IN rc",
        "SELECT open_cursor('other') ;; FETCH 2 FROM other ;; MOVE BACKWARD ALL IN other ;; FETCH other",
        "SELECT open_cursor(NULL) ;; FETCH ALL IN \"<unnamed portal 1>\"",
        "DECLARE c CURSOR FOR SELECT 1, name FROM customers ;; SELECT open_cursor('d') ;; FETCH ALL FROM d",
        "DECLARE c CURSOR FOR SELECT email FROM customers ;; SELECT cursor_to_xml('c', 10, true, false, '')",
        "DECLARE c CURSOR FOR SELECT email FROM customers ;; SELECT run_text('FETCH c')",
        "DECLARE c CURSOR FOR SELECT ssn FROM customers FOR UPDATE ;; FETCH c ;; UPDATE customers SET city = 'x' WHERE CURRENT OF c RETURNING ssn",
        "SELECT dblink_connect('d', 'dbname=app user=app') ;; SELECT dblink_open('d', 'c', 'SELECT email FROM customers') ;; SELECT * FROM dblink_fetch('d', 'c', 5) AS t (e text)",
    ])
}

fn prepared() -> Clause {
    Clause::new("PREPARE and EXECUTE").alone([
        "PREPARE p AS SELECT email FROM customers ;; EXECUTE p",
        "PREPARE p (int) AS SELECT ssn FROM customers WHERE id = $1 ;; EXECUTE p (1) ;; EXECUTE p (2)",
        "PREPARE p (text) AS SELECT $1 || email FROM customers ;; EXECUTE p ('x')",
        "PREPARE p AS SELECT name FROM customers ;; DEALLOCATE p ;; PREPARE p AS SELECT ssn FROM customers ;; EXECUTE p",
        "PREPARE \"P\" AS SELECT ssn FROM customers ;; PREPARE p AS SELECT name FROM customers ;; EXECUTE \"P\"",
        "PREPARE p AS SELECT * FROM customers ;; COPY (SELECT 1) TO STDOUT ;; EXECUTE p",
        "PREPARE p AS SELECT email FROM contacts ;; EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) EXECUTE p ;; EXECUTE p",
        "PREPARE p AS SELECT c FROM customers c ;; DECLARE x CURSOR WITH HOLD FOR SELECT 1 ;; EXECUTE p",
        "PREPARE p AS SELECT email FROM customers ;; CREATE TEMP TABLE t AS EXECUTE p ;; SELECT * FROM t",
        "PREPARE p AS UPDATE customers SET city = city RETURNING email, ssn ;; EXECUTE p",
        "PREPARE p AS VALUES ((SELECT ssn FROM customers WHERE id = 1)) ;; EXECUTE p",
        "SELECT run_text('PREPARE q AS SELECT ssn FROM customers') ;; EXECUTE q",
        "PREPARE p AS SELECT name FROM customers ;; SELECT run_text('DEALLOCATE p') ;; SELECT run_text('PREPARE p AS SELECT email FROM customers') ;; EXECUTE p",
        "PREPARE p AS SELECT label FROM plain ;; BEGIN ;; ALTER TABLE plain RENAME TO plain2 ;; ALTER TABLE customers RENAME COLUMN ssn TO label ;; ALTER TABLE customers RENAME TO plain ;; EXECUTE p ;; ROLLBACK",
    ])
}

fn texts() -> Clause {
    Clause::new("several statements in one text").simple([
        "SELECT 1; SELECT email FROM customers",
        "SELECT email FROM customers; SELECT 1",
        "SELECT name FROM customers; SELECT ssn, name FROM customers; SELECT id FROM customers",
        "BEGIN; SELECT email FROM customers; COMMIT",
        "SET search_path = public; SELECT ssn FROM customers",
        "PREPARE m AS SELECT ssn FROM customers; EXECUTE m; DEALLOCATE m",
        "BEGIN; DECLARE m CURSOR FOR SELECT email FROM customers; FETCH ALL FROM m; ROLLBACK",
        "SELECT name FROM customers LIMIT 0; SELECT email FROM customers; SELECT boom(1)",
        "SELECT email FROM customers; SELECT 1 / 0; SELECT ssn FROM customers",
        "BEGIN; CREATE SCHEMA mine; SET LOCAL search_path = mine, public; SELECT email FROM customers; ROLLBACK",
        "BEGIN; ALTER TABLE customers RENAME email TO x; SELECT x FROM customers; ROLLBACK",
        "BEGIN; ALTER TABLE customers RENAME email TO x; ALTER TABLE customers RENAME name TO email; ALTER TABLE customers RENAME x TO name; SELECT name FROM customers; ROLLBACK",
        "BEGIN; CREATE VIEW tv AS SELECT ssn AS s FROM customers; SELECT s FROM tv; ROLLBACK",
        "BEGIN; CREATE TABLE tt AS SELECT ssn AS s FROM customers; SELECT s FROM tt; ROLLBACK",
        ";; SELECT email FROM customers",
        "VALUES (1); TABLE customers; SHOW search_path; SELECT tell(1)",
    ])
}

fn transactions() -> Clause {
    Clause::new("transactions").alone([
        "BEGIN ;; SELECT email FROM customers ;; ROLLBACK",
        "BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY DEFERRABLE ;; SELECT ssn FROM customers ;; COMMIT",
        "BEGIN ;; SAVEPOINT s ;; SELECT 1 / 0 ;; ROLLBACK TO s ;; SELECT email FROM customers ;; COMMIT",
        "BEGIN ;; SELECT 1 FROM customers WHERE email = 'x' ;; SELECT ssn FROM customers ;; ROLLBACK ;; SELECT ssn FROM customers",
        "BEGIN ;; SAVEPOINT s ;; ALTER TABLE customers RENAME email TO mail2 ;; SELECT mail2 FROM customers ;; ROLLBACK TO s ;; SELECT email FROM customers ;; ROLLBACK",
        "BEGIN ;; ALTER TABLE customers RENAME ssn TO number2 ;; SELECT number2 FROM customers ;; ROLLBACK AND CHAIN ;; SELECT ssn FROM customers ;; ROLLBACK",
        "BEGIN ;; CREATE VIEW lv AS SELECT email AS e FROM customers ;; SELECT e FROM lv ;; ROLLBACK",
        "BEGIN ;; SELECT pg_export_snapshot() IS NULL, email FROM customers ;; COMMIT",
    ])
}

fn drivers() -> Clause {
    let many = "SELECT email, ssn, born, salary, pin, token, card, notes, tags, blob, addr, bio, seen, code FROM customers";
    let one = "SELECT * FROM customers";
    Clause::new("ways of drivers")
        .by(Client::Psycopg, "text", [many, one])
        .by(Client::Psycopg, "binary", [many, one])
        .by(Client::Psycopg, "prepared", [many])
        .by(Client::Psycopg, "prepared-binary", [many])
        .by(Client::Psycopg, "server-cursor", [many, "SELECT mail FROM contact_list"])
        .by(Client::Psycopg, "server-cursor-binary", [many])
        .by(Client::Psycopg, "hold", [many])
        .by(Client::Psycopg, "stream", [many])
        .by(Client::Psycopg, "pipeline", [many])
        .by(Client::Psycopg, "executemany", ["UPDATE customers SET city = city RETURNING email"])
        .by(Client::Asyncpg, "fetch", [many])
        .by(Client::Asyncpg, "prepared", [many, "SELECT c FROM customers c"])
        .by(Client::Asyncpg, "cursor", [many])
        .by(Client::Asyncpg, "execute", [many, "SELECT 1; SELECT email FROM customers"])
        .by(Client::TokioPostgres, "query", [many])
        .by(Client::TokioPostgres, "simple", [many, "SELECT 1; SELECT ssn FROM customers"])
        .by(Client::TokioPostgres, "portal", [many])
        .by(Client::TokioPostgres, "prepared", [many])
        .by(Client::Jdbc, "simple", [many, "SELECT 1; SELECT ssn FROM customers"])
        .by(Client::Jdbc, "extended", [many, "SELECT 1; SELECT ssn FROM customers"])
        .by(Client::Jdbc, "binary", [many])
        .by(Client::Jdbc, "fetch-size", [many])
        .by(Client::Jdbc, "updatable", ["SELECT id, email, ssn FROM customers"])
        .by(Client::Psql, "script", [many, "SELECT email FROM customers \\g", "SELECT email, 1 AS n FROM customers \\gx"])
        .by(Client::Psql, "fetch-count", [many])
        .by(Client::Psql, "expanded", [many])
}
