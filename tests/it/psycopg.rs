//! psycopg 3: extended protocol, binary results, pipelines, server-side cursors, notifications.

use weir_tests::{Postgres, Weir, python_with_psycopg};

#[test]
fn psycopg_sees_what_it_would_see_without_weir() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("client.py", CLIENT);
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
