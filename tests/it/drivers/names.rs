//! Names of the protocol and of SQL, cursors and large objects: psycopg at a low level.

use super::same;
use std::io::Write as _;
use weir_tests::python_with_psycopg;

#[test]
fn names_of_the_protocol_and_of_sql_are_the_same_names() {
    check(NAMES);
}

#[test]
fn what_sql_prepared_is_run_by_the_protocol() {
    check(RUN_BY_PROTOCOL);
}

#[test]
fn a_cursor_outlives_a_function_that_runs_beside_it() {
    check(CURSOR_BESIDE_CODE);
}

#[test]
fn a_cursor_with_hold_outlives_its_transaction_and_one_without_does_not() {
    check(CURSOR_WITH_HOLD);
}

#[test]
fn large_objects_are_read_and_written_by_function_calls() {
    check(LARGE_OBJECT);
}

/// `script` with psycopg. `show` prints an answer or an error's code.
#[track_caller]
fn check(script: &str) {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    write!(file, "{BEGINNING}{script}").unwrap();
    same(&[python_with_psycopg().to_str().unwrap(), file.path().to_str().unwrap()]);
}

const BEGINNING: &str = r#"
import psycopg
from psycopg.pq import ExecStatus

c = psycopg.connect("", autocommit=True)
p = c.pgconn

def show(what, sql):
    try:
        cursor = c.execute(sql)
        print(what, cursor.fetchall() if cursor.description else cursor.statusmessage)
    except psycopg.Error as error:
        print(what, error.sqlstate, error.diag.message_primary)

def answer(what, result):
    print(what, ExecStatus(result.status).name, result.error_message.decode().strip(), result.ntuples)

c.execute("""CREATE OR REPLACE FUNCTION one_more(i int) RETURNS int LANGUAGE plpgsql
AS $$ BEGIN RETURN i + 1; END $$""")
"#;

const NAMES: &str = r#"
answer("prepared", p.prepare(b"MiXed", b"SELECT 7 AS seven"))
answer("twice", p.prepare(b"MiXed", b"SELECT 8"))
answer("described", p.describe_prepared(b"MiXed"))
answer("unknown", p.exec_prepared(b"nobody", []))
show("by SQL", 'EXECUTE "MiXed"')
show("folded", "DEALLOCATE mixed")
show("by SQL again", 'PREPARE "MiXed" AS SELECT 9')
show("dropped", 'DEALLOCATE "MiXed"')
answer("gone", p.exec_prepared(b"MiXed", []))
"#;

const RUN_BY_PROTOCOL: &str = r#"
show("prepared by SQL", "PREPARE s (int) AS SELECT $1 + 1")
answer("run by the protocol", p.exec_prepared(b"s", [b"4"]))
show("all", "DEALLOCATE ALL")
answer("all gone", p.exec_prepared(b"s", [b"4"]))
"#;

const CURSOR_BESIDE_CODE: &str = r#"
c.autocommit = False
with c.cursor("beside") as cursor:
    cursor.itersize = 2
    cursor.execute("SELECT n FROM generate_series(1, 7) AS s (n)")
    print([c.execute("SELECT one_more(%s)", row).fetchone() for row in cursor])
with c.cursor("within") as cursor:
    cursor.itersize = 2
    cursor.execute("SELECT one_more(n) FROM generate_series(1, 7) AS s (n)")
    print(cursor.fetchmany(2), cursor.fetchall())
"#;

const CURSOR_WITH_HOLD: &str = r#"
with c.cursor("holds", withhold=True) as cursor:
    cursor.execute("SELECT n FROM generate_series(1, 7) AS s (n)", binary=True)
    print(cursor.fetchmany(2))
    print(cursor.fetchall())
show("closed", "FETCH holds")
show("declared", "BEGIN")
show("declared", "DECLARE ends CURSOR FOR SELECT 1")
show("declared", "COMMIT")
answer("ended", p.describe_portal(b"ends"))
show("never", "FETCH never")
"#;

const LARGE_OBJECT: &str = r#"
import os, subprocess, tempfile

def psql(command):
    done = subprocess.run(["psql", "-XAt", "-c", command], capture_output=True, text=True)
    print(done.returncode, done.stderr)
    return done.stdout.split()[-1] if done.stdout.split() else "0"

# psycopg has no large objects. libpq has, by FunctionCall.
with tempfile.TemporaryDirectory() as place:
    there, back = os.path.join(place, "there"), os.path.join(place, "back")
    content = bytes(range(256)) * 2000
    with open(there, "wb") as file:
        file.write(content)
    number = psql(f"\\lo_import {there}")
    psql(f"\\lo_export {number} {back}")
    print(os.path.exists(back) and open(back, "rb").read() == content)
    psql(f"\\lo_unlink {number}")
"#;
