//! psycopg 3: extended protocol, binary results, pipelines, server-side cursors, notifications, COPY.

use weir_tests::{Postgres, Weir, python_with_psycopg};

#[test]
fn psycopg_sees_what_it_would_see_without_weir() {
    check(CLIENT);
}

#[test]
fn an_error_within_a_pipeline_skips_to_its_sync_and_no_further() {
    check(PIPELINE);
}

#[test]
fn server_side_cursors_stop_and_go_on_in_both_formats() {
    check(CURSORS);
}

#[test]
fn copy_goes_both_ways_in_both_formats_and_ends_cleanly_on_an_error() {
    check(COPY);
}

#[track_caller]
fn check(client: &str) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("client.py", client);
    let python = python_with_psycopg().to_str().expect("a UTF-8 path");
    let outcome = weir.run(&[python, script.to_str().expect("a UTF-8 path")]).expect_success();
    assert_eq!(outcome.stdout.trim(), "all as expected");
}

const CLIENT: &str = r#"
import psycopg

with psycopg.connect("", autocommit=True) as c:
    assert c.execute("SELECT %s::int + 1", (41,), binary=True).fetchone() == (42,)
    c.execute("CREATE TABLE t (n int PRIMARY KEY, b bytea)")
    # Named statements and a large message.
    for n in range(20):
        c.execute("INSERT INTO t VALUES (%s, %s)", (n, b"x" * n), prepare=True)
    big = b"\x00\xff" * 4_000_000
    assert c.execute("SELECT %s::bytea", (big,), binary=True).fetchone()[0] == big
    # A pipeline, whole and with an error in its middle.
    with c.pipeline():
        cursors = [c.execute("SELECT %s::int", (n,)) for n in range(100)]
        assert [cursor.fetchone()[0] for cursor in cursors] == list(range(100))
    try:
        with c.pipeline():
            c.execute("SELECT 1")
            c.execute("INSERT INTO t VALUES (0, NULL)")
            c.execute("INSERT INTO t VALUES (1000, NULL)")
    except psycopg.errors.UniqueViolation:
        pass
    else:
        raise AssertionError("the pipeline's error was lost")
    assert c.execute("SELECT count(*) FROM t WHERE n = 1000").fetchone() == (0,)
    # A suspended portal.
    with c.transaction(), c.cursor("named") as cursor:
        cursor.itersize = 7
        cursor.execute("SELECT generate_series(1, 50)")
        assert sum(row[0] for row in cursor) == 1275
    # A notification.
    c.execute("LISTEN bell")
    c.execute("NOTIFY bell, 'rang'")
    assert next(c.notifies(timeout=10)).payload == "rang"
    # COPY.
    with c.cursor().copy("COPY t (n) FROM STDIN") as copy:
        for n in range(2000, 2100):
            copy.write_row((n,))
    assert c.execute("SELECT count(*) FROM t WHERE n >= 2000").fetchone() == (100,)
print("all as expected")
"#;

const PIPELINE: &str = r#"
import psycopg

with psycopg.connect("", autocommit=True) as c:
    c.execute("CREATE TABLE t (n int PRIMARY KEY)")
    with c.pipeline() as p:
        before = c.execute("INSERT INTO t VALUES (1) RETURNING n")
        p.sync()
        wrong = c.execute("SELECT 1 / %s::int", (0,))
        skipped = c.execute("INSERT INTO t VALUES (2)")
        try:
            p.sync()
        except psycopg.errors.DivisionByZero:
            pass
        else:
            raise AssertionError("the error was lost")
        after = c.execute("INSERT INTO t VALUES (3) RETURNING n")
        p.sync()
        assert (before.fetchone(), after.fetchone()) == ((1,), (3,))
    assert c.execute("SELECT array_agg(n ORDER BY n) FROM t").fetchone() == ([1, 3],)
    # Named statements that are used again, in a transaction that an error aborts.
    try:
        with c.transaction(), c.pipeline():
            for n in range(10, 200):
                c.execute("INSERT INTO t VALUES (%s)", (n,), prepare=True)
            c.execute("INSERT INTO t VALUES (%s)", (1,), prepare=True)
    except psycopg.errors.UniqueViolation:
        pass
    else:
        raise AssertionError("the transaction was committed")
    assert c.execute("SELECT count(*) FROM t").fetchone() == (2,)
    assert c.info.transaction_status == psycopg.pq.TransactionStatus.IDLE
print("all as expected")
"#;

const CURSORS: &str = r#"
import psycopg

with psycopg.connect("") as c:
    for binary in (False, True):
        with c.cursor("walk", scrollable=True) as cursor:
            cursor.itersize = 3
            cursor.execute("SELECT n, n::text, repeat('x', n)::bytea FROM generate_series(1, 100) n", binary=binary)
            rows = list(cursor)
            assert rows == [(n, str(n), b"x" * n) for n in range(1, 101)], binary
            cursor.scroll(49, mode="absolute")
            assert cursor.fetchone()[0] == 50
    # Two at a time, each at its own place.
    with c.cursor("one") as one, c.cursor("two") as two:
        one.execute("SELECT generate_series(1, 10)")
        two.execute("SELECT generate_series(101, 110)")
        seen = [cursor.fetchone()[0] for _ in range(10) for cursor in (one, two)]
        assert seen == [n + add for n in range(1, 11) for add in (0, 100)]
    # A portal of the protocol's own, left before its end.
    with c.cursor() as cursor:
        rows = cursor.stream("SELECT generate_series(1, 1000000)")
        assert next(rows) == (1,)
        rows.close()
    # psycopg cancels it, and so the transaction.
    c.rollback()
    assert c.execute("SELECT 1").fetchone() == (1,)
print("all as expected")
"#;

const COPY: &str = r#"
import psycopg

with psycopg.connect("", autocommit=True) as c:
    c.execute("CREATE TABLE t (n int, b bytea)")
    rows = [(n, bytes([n % 256]) * 1000) for n in range(5000)]
    for form in ("", "(FORMAT binary)"):
        c.execute("TRUNCATE t")
        with c.cursor().copy(f"COPY t FROM STDIN {form}") as copy:
            copy.set_types(["int4", "bytea"])
            for row in rows:
                copy.write_row(row)
        with c.cursor().copy(f"COPY (SELECT * FROM t ORDER BY n) TO STDOUT {form}") as copy:
            copy.set_types(["int4", "bytea"])
            assert list(copy.rows()) == rows, form
    # The client breaks off; the server does.
    class Enough(Exception):
        pass
    try:
        with c.cursor().copy("COPY t FROM STDIN") as copy:
            copy.write_row((1, b""))
            raise Enough
    except Enough:
        pass
    try:
        with c.cursor().copy("COPY t FROM STDIN") as copy:
            copy.write("no number\n")
    except psycopg.errors.DataError:
        pass
    else:
        raise AssertionError("the server's error was lost")
    try:
        with c.cursor().copy("COPY t TO STDOUT") as copy:
            next(iter(copy))
            raise Enough
    except Enough:
        pass
    assert c.execute("SELECT count(*) FROM t").fetchone() == (5000,)
print("all as expected")
"#;
