"""What psycopg 3 sees: each chore prints it, the same each time."""
import asyncio
import datetime
import decimal
import sys
import threading
import uuid

import psycopg
from psycopg import ClientCursor, RawCursor, errors, pq, sql
from psycopg.rows import dict_row
from psycopg.types.composite import CompositeInfo
from psycopg.types.enum import EnumInfo
from psycopg.types.json import Jsonb

BIG = 10_000_000


def tell(what, *values):
    print(what, *values, flush=True)


def failure(error):
    d = error.diag
    fields = (d.sqlstate, d.severity, d.message_primary, d.message_detail, d.message_hint, d.statement_position, d.context)
    more = (d.internal_query, d.schema_name, d.table_name, d.column_name, d.datatype_name, d.constraint_name)
    return type(error).__name__, *fields, *(value for value in more if value)


def show(what, work):
    """Prints what `work` gives, or all of its error."""
    try:
        found = work()
        if isinstance(found, psycopg.Cursor):
            found = (found.statusmessage, found.fetchall() if found.description else None)
        tell(what, found)
    except psycopg.Error as error:
        tell(what, *failure(error))


def connect(**options):
    connection = psycopg.connect("", autocommit=True, **options)
    connection.add_notice_handler(lambda d: tell("notice", d.severity, d.sqlstate, d.message_primary, d.message_detail, d.message_hint))
    return connection


def settings(c):
    for name in ("server_version", "server_encoding", "client_encoding", "DateStyle", "TimeZone", "integer_datetimes", "standard_conforming_strings"):
        tell(name, c.info.parameter_status(name))
    tell("status", c.info.status.name, c.info.transaction_status.name, c.info.user, c.info.dbname, c.pgconn.protocol_version)
    c.execute("SET TimeZone = 'UTC'")
    tell("TimeZone", c.info.parameter_status("TimeZone"))
    show("in Latin-1", lambda: c.execute("SET client_encoding = 'LATIN1'"))
    show("an umlaut", lambda: c.execute("SELECT 'ü', length('ü'), %s", ("ä",)))
    show("back", lambda: c.execute("RESET client_encoding"))


TYPES = """SELECT 1::int2, -2::int4, 3::int8, 1.5::float4, 'NaN'::float8, 12345678901234567890.123456789::numeric, true, 'text'::text,
 '\\x00ff'::bytea, DATE '2024-02-29', TIME '12:34:56.789', TIMESTAMP '2024-02-29 12:34:56.789012', TIMESTAMPTZ '2024-02-29 12:34:56+02',
 INTERVAL '1 day 2 hours', '{"a": [1, null]}'::jsonb, '[1]'::json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, ARRAY[[1,2],[3,NULL]],
 ARRAY['a','"b"',NULL], int4range(1, 5), '10.0.0.0/8'::cidr, B'101'::varbit, (1, 'x')::pair, 'sad'::mood, NULL, ''::text"""


def types(c):
    c.execute("CREATE TYPE pair AS (n int, t text); CREATE TYPE mood AS ENUM ('sad', 'happy')")
    CompositeInfo.fetch(c, "pair").register(c)
    EnumInfo.fetch(c, "mood").register(c)
    for binary in (False, True):
        cursor = c.execute(TYPES, binary=binary)
        tell("columns", [(d.name, d.internal_size) for d in cursor.description])
        tell("binary" if binary else "text", cursor.fetchone())
    values = (None, True, 7, 2**40, 1.25, decimal.Decimal("1e-20"), "tëxt", b"\0\xff", datetime.date(2024, 2, 29), uuid.UUID(int=5), [1, None], ["a", None])
    for kind in ("s", "t", "b"):
        row = ", ".join(f"%{kind}" for _ in values)
        show(f"parameters {kind}", lambda: c.execute(f"SELECT {row}", values))
    show("json", lambda: c.execute("SELECT %s::jsonb -> 'a' ->> 1", (Jsonb({"a": [1, "zwei"]}),)))
    show("as dictionary", lambda: c.cursor(row_factory=dict_row).execute("SELECT 1 AS a, NULL AS b"))
    show("no rows", lambda: c.execute("SELECT 1 WHERE false"))
    show("no columns", lambda: c.execute("SELECT"))
    show("nothing", lambda: c.execute(""))
    show("a comment", lambda: c.execute("-- nothing", prepare=True))
    show("composed", lambda: c.execute(sql.SQL("SELECT {} AS {}").format(sql.Literal("it's"), sql.Identifier('we"ird'))))


def statements(c):
    cursor = c.execute("SELECT 1 AS a; CREATE TABLE several (n int); INSERT INTO several VALUES (1), (2); SELECT n FROM several; DROP TABLE several")
    while True:
        tell("of several", cursor.statusmessage, cursor.fetchall() if cursor.description else None)
        if not cursor.nextset():
            break
    show("an error among several", lambda: c.execute("SELECT 1; SELECT 1 / 0; SELECT 2"))
    show("several with parameters", lambda: c.execute("SELECT %s; SELECT 2", (1,)))
    show("client-side", lambda: ClientCursor(c).execute("SELECT %s, %s", ("it's", None)))
    show("raw", lambda: RawCursor(c).execute("SELECT $1::int + $2::int", (1, 2)))
    for n in range(8):
        show("prepared when used often", lambda: c.execute("SELECT %s::int * 2", (n,)))
    c.prepared_max = 3
    for n in range(8):
        show("prepared, few kept", lambda: c.execute(f"SELECT %s::int + {n}", (n,), prepare=True))
    c.prepared_max = 100
    show("all dropped", lambda: c.execute("DEALLOCATE ALL"))
    show("after that", lambda: c.execute("SELECT %s::int + 7", (7,), prepare=True))
    show("everything dropped", lambda: c.execute("DISCARD ALL"))
    show("after that too", lambda: c.execute("SELECT %s::int + 7", (7,), prepare=True))
    c.execute("CREATE TABLE many (a int, b text)")
    cursor = c.cursor()
    cursor.executemany("INSERT INTO many VALUES (%s, %s)", [(n, str(n)) for n in range(500)])
    tell("many", cursor.rowcount)
    cursor.executemany("INSERT INTO many VALUES (%s, %s) RETURNING a", [(n, None) for n in range(3)], returning=True)
    tell("of many", cursor.fetchone(), cursor.nextset(), cursor.fetchone())
    numbers = list(range(65535))
    row = ", ".join(["%s"] * len(numbers))
    show("65535 parameters", lambda: c.execute(f"SELECT count(*), sum(n) FROM (SELECT unnest(ARRAY[{row}]::int[]) AS n) AS s", numbers))
    show("changed under a plan", lambda: (c.execute("SELECT * FROM many WHERE a = 1 LIMIT 1", prepare=True).fetchall(), c.execute("ALTER TABLE many ADD c int")) and None)
    show("the plan's type", lambda: c.execute("SELECT * FROM many WHERE a = 1 LIMIT 1", prepare=True))


def failures(c):
    c.execute("CREATE TABLE parent (n int PRIMARY KEY, CHECK (n < 100)); CREATE TABLE child (n int NOT NULL REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    c.execute("INSERT INTO parent VALUES (1)")
    for statement in (
        "INSERT INTO parent VALUES (1)", "INSERT INTO parent VALUES (100)", "INSERT INTO child VALUES (NULL)", "INSERT INTO child VALUES (7)",
        "SELECT nothing FROM parent", "SELECT 1 FROM nowhere", "SELECT nofunction(1)", "SELECT 'x'::int", "SELECT 1 / 0", "TABLE parent UNION SELECT 'a'",
    ):
        show(statement, lambda: c.execute(statement))
        show(statement + " prepared", lambda: c.execute(statement, prepare=True))
    show("a wrong parameter", lambda: c.execute("SELECT %s::int", ("x",)))
    show("raised", lambda: c.execute("DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'ZZ001', DETAIL = 'd', HINT = 'h', COLUMN = 'c'; END $$"))
    show("within code", lambda: c.execute("DO $$ BEGIN PERFORM 1 / 0; END $$"))
    show("noticed", lambda: c.execute("DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; RAISE WARNING 'w'; END $$"))
    show("noticed by the server", lambda: c.execute("DROP TABLE IF EXISTS nowhere; CREATE TABLE IF NOT EXISTS parent (n int)"))


def transactions(c):
    c.execute("CREATE TABLE t (n int PRIMARY KEY)")

    def nested():
        with c.transaction():
            c.execute("INSERT INTO t VALUES (1)")
            try:
                with c.transaction("within"):
                    c.execute("INSERT INTO t VALUES (1)")
            except errors.UniqueViolation:
                tell("status", c.info.transaction_status.name)
            with c.transaction():
                c.execute("INSERT INTO t VALUES (2)")
                raise psycopg.Rollback()
            c.execute("INSERT INTO t VALUES (3)")

    show("nested", nested)
    show("kept", lambda: c.execute("SELECT n FROM t ORDER BY n"))
    c.autocommit = False
    show("in one", lambda: c.execute("INSERT INTO t VALUES (4)"))
    show("failed", lambda: c.execute("INSERT INTO t VALUES (4)"))
    tell("status", c.info.transaction_status.name)
    show("aborted", lambda: c.execute("SELECT 1"))
    c.rollback()
    tell("status", c.info.transaction_status.name)
    c.execute("INSERT INTO child VALUES (7)")
    show("deferred", c.commit)
    tell("status", c.info.transaction_status.name)
    c.isolation_level, c.read_only, c.deferrable = psycopg.IsolationLevel.SERIALIZABLE, True, True
    show("levels", lambda: c.execute("SELECT current_setting('transaction_isolation'), current_setting('transaction_read_only'), current_setting('transaction_deferrable')"))
    show("read only", lambda: c.execute("INSERT INTO t VALUES (5)"))
    c.rollback()
    c.isolation_level, c.read_only, c.deferrable = None, None, None
    c.tpc_begin(c.xid(1, "global", "branch"))
    c.execute("INSERT INTO t VALUES (6)")
    c.tpc_prepare()
    c.tpc_commit()
    show("committed", lambda: c.execute("SELECT n FROM t WHERE n = 6"))
    c.commit()
    c.autocommit = True


def pipelines(c):
    with c.pipeline() as p:
        found = [c.execute("SELECT %s::int, %s", (n, "x" * n)) for n in range(300)]
        p.sync()
        tell("pipelined", sum(cursor.fetchone()[0] for cursor in found))

    def broken():
        with c.pipeline():
            c.execute("SELECT 1 / %s::int", (0,))
            c.execute("INSERT INTO t VALUES (8)")

    show("broken", broken)
    with c.pipeline():
        show("the next", lambda: c.execute("SELECT n FROM t WHERE n = 8"))

    def whole():
        with c.pipeline(), c.transaction():
            c.execute("INSERT INTO t VALUES (9)")
            c.execute("INSERT INTO t VALUES (9)")
            c.execute("INSERT INTO t VALUES (10)")

    show("in one transaction", whole)
    show("none of it", lambda: c.execute("SELECT n FROM t WHERE n > 6"))
    raw = c.pgconn
    raw.enter_pipeline_mode()
    raw.send_query_params(b"SELECT generate_series(1, 3)", None)
    raw.send_prepare(b"s", b"SELECT $1::int")
    raw.send_describe_prepared(b"s")
    raw.send_flush_request()
    raw.send_query_prepared(b"s", [b"\0\0\0\x05"], param_formats=[1], result_format=1)
    raw.send_query_params(b"SELECT nothing", None)
    raw.send_query_params(b"SELECT 1", None)
    raw.pipeline_sync()
    raw.send_query_params(b"SELECT 2", None)
    raw.pipeline_sync()
    syncs = 0
    while syncs < 2:
        result = raw.get_result()
        if result is None:
            continue
        tell("raw", pq.ExecStatus(result.status).name, result.ntuples, result.nparams, result.get_value(0, 0) if result.ntuples else None, result.error_message)
        syncs += result.status == pq.ExecStatus.PIPELINE_SYNC
    raw.exit_pipeline_mode()


def cursors(c):
    with c.transaction(), c.cursor("scrolls", scrollable=True) as cursor:
        cursor.execute("SELECT n FROM generate_series(1, %s) AS s (n)", (100,))
        tell("one", cursor.fetchone(), cursor.fetchmany(3))
        cursor.scroll(10)
        tell("on", cursor.fetchone())
        cursor.scroll(5, mode="absolute")
        tell("at", cursor.fetchone())
        cursor.scroll(-3)
        tell("back", cursor.fetchmany(2))
        cursor.itersize = 7
        tell("rest", sum(row[0] for row in cursor))
    c.execute("DECLARE holds CURSOR WITH HOLD FOR SELECT n FROM generate_series(1, 50) AS s (n)")
    show("held", lambda: c.execute("FETCH 2 FROM holds"))
    show("the rest", lambda: len(c.execute("FETCH ALL FROM holds").fetchall()))
    c.execute("CLOSE holds")

    def gone():
        with c.transaction():
            cursor = c.cursor("ends")
            cursor.execute("SELECT 1")
        cursor.fetchone()

    show("ended", gone)
    with c.transaction():
        c.execute("DECLARE \"By Hand\" CURSOR FOR SELECT n FROM t ORDER BY n FOR UPDATE")
        show("by hand", lambda: c.execute('FETCH FORWARD 2 FROM "By Hand"'))
        show("where current", lambda: c.execute('UPDATE t SET n = n + 1000 WHERE CURRENT OF "By Hand"'))
        show("moved", lambda: c.execute('MOVE ALL IN "By Hand"'))
        show("closed", lambda: c.execute('CLOSE "By Hand"'))
    show("streamed", lambda: sum(row[0] for row in c.cursor().stream("SELECT generate_series(1, 5000)")))
    show("streamed in chunks", lambda: sum(row[0] for row in c.cursor().stream("SELECT generate_series(1, 5000)", size=100)) if psycopg.pq.version() >= 170000 else 0)


def copies(c):
    c.execute("CREATE TABLE copied (n int, b bytea, t text)")
    with c.cursor() as cursor:
        with cursor.copy("COPY copied FROM STDIN") as copy:
            for n in range(1000):
                copy.write_row((n, bytes([n % 256]) * n, None if n % 3 else "tab\tend\\"))
        tell("in", cursor.statusmessage, cursor.rowcount)
        with cursor.copy("COPY copied FROM STDIN (FORMAT binary)") as copy:
            copy.set_types(["int4", "bytea", "text"])
            for n in range(1000, 1100):
                copy.write_row((n, b"\0\1", "x"))
        tell("in binary", cursor.statusmessage)
        with cursor.copy("COPY (SELECT * FROM copied ORDER BY n LIMIT 5) TO STDOUT") as copy:
            tell("out", [bytes(data) for data in copy])
        with cursor.copy("COPY (SELECT * FROM copied ORDER BY n LIMIT %s) TO STDOUT (FORMAT binary)", (3,)) as copy:
            tell("out binary", b"".join(bytes(data) for data in copy))

    def wrong():
        with c.cursor().copy("COPY copied (n) FROM STDIN") as copy:
            copy.write("1\nx\n")

    def ended():
        with c.cursor().copy("COPY copied (n) FROM STDIN") as copy:
            copy.write("1\n")
            raise ValueError("enough")

    show("wrong", wrong)
    try:
        ended()
    except ValueError as error:
        tell("ended", error, c.info.transaction_status.name)

    with c.cursor().copy("COPY copied (b) FROM STDIN (FORMAT binary)") as copy:
        copy.write_row((b"\xab" * BIG,))
    show("large", lambda: c.execute("SELECT length(b), md5(b) FROM copied ORDER BY length(b) DESC LIMIT 1"))
    show("counted", lambda: c.execute("SELECT count(*) FROM copied"))


def large(c):
    show("there and back", lambda: (lambda found: (len(found), hash(found) == hash(b"\0\xff" * (BIG // 2))))(c.execute("SELECT %b", (b"\0\xff" * (BIG // 2),), binary=True).fetchone()[0]))
    show("in the text", lambda: c.execute(f"SELECT length('{'y' * BIG}')"))
    show("many rows", lambda: len(c.execute("SELECT repeat('z', 1000) FROM generate_series(1, 10000)").fetchall()))
    show("many columns", lambda: sum(c.execute("SELECT " + ", ".join(map(str, range(1600)))).fetchone()))


def listening(c):
    c.execute("LISTEN bell")
    c.execute("SELECT pg_notify('bell', 'by a function')")
    with c.transaction():
        c.execute("NOTIFY bell, 'at commit'")
    tell("heard", [(n.channel, n.payload, n.pid == c.info.backend_pid or "another") for n in c.notifies(timeout=20, stop_after=2)])
    c.execute("UNLISTEN *")
    c.execute("NOTIFY bell, 'unheard'")
    tell("unheard", list(c.notifies(timeout=0)))


def once_it_sleeps(c, work):
    """Does `work` in a thread as soon as the server runs pg_sleep for `c`."""
    def wait():
        with connect() as other:
            while not other.execute("SELECT FROM pg_stat_activity WHERE pid = %s AND state = 'active' AND query LIKE '%%pg_sleep%%'", (c.info.backend_pid,)).rowcount:
                pass
        work()

    thread = threading.Thread(target=wait)
    thread.start()
    return thread


def cancelled(c):
    for cancel in (c.cancel, c.cancel_safe):
        thread = once_it_sleeps(c, cancel)
        show("cancelled", lambda: c.execute("SELECT pg_sleep(60)"))
        thread.join()
    c.execute("SET statement_timeout = 100")
    show("timed out", lambda: c.execute("SELECT pg_sleep(60)"))
    show("timed out prepared", lambda: c.execute("SELECT pg_sleep(%s)", (60,), prepare=True))
    c.execute("SET statement_timeout = 0")
    c.execute("SET idle_in_transaction_session_timeout = 0; SET lock_timeout = 100")
    with connect() as other, other.transaction():
        other.execute("LOCK TABLE t")
        show("locked", lambda: c.execute("SELECT 1 FROM t"))
    show("usable", lambda: c.execute("SELECT 1"))
    with c.transaction():
        thread = once_it_sleeps(c, c.cancel_safe)

        def within():
            with c.transaction():
                c.execute("SELECT pg_sleep(60)")

        show("within a savepoint", within)
        thread.join()
        show("goes on", lambda: c.execute("SELECT 1"))


async def asynchronous():
    async with await psycopg.AsyncConnection.connect("", autocommit=True) as c:
        cursor = await c.execute("SELECT %s::int", (5,), binary=True)
        tell("asynchronous", await cursor.fetchone())
        async with c.pipeline():
            cursors = [await c.execute("SELECT %s::int", (n,)) for n in range(50)]
        tell("pipelined", sum([(await cursor.fetchone())[0] for cursor in cursors]))
        try:
            await asyncio.wait_for(c.execute("SELECT pg_sleep(10)"), 1)
        except asyncio.TimeoutError:
            tell("timed out at the client", c.info.transaction_status.name)
        tell("usable", await (await c.execute("SELECT 1")).fetchone())


def chores():
    with connect() as c:
        for chore in (settings, types, statements, failures, transactions, pipelines, cursors, copies, large, listening, cancelled):
            tell("==", chore.__name__)
            chore(c)
    asyncio.run(asynchronous())
    show("wrong database", lambda: psycopg.connect("dbname=nowhere"))


def refusals():
    with connect() as c:
        c.execute("CREATE TABLE t (n int)")
        delete = "DELETE FROM t"
        show("at once", lambda: c.execute(delete))
        show("prepared", lambda: c.execute("DELETE FROM t WHERE n = %s", (1,), prepare=True))
        show("again", lambda: c.execute("DELETE FROM t WHERE n = %s", (1,), prepare=True))
        show("of several", lambda: c.execute("INSERT INTO t VALUES (1); DELETE FROM t"))
        show("goes on", lambda: c.execute("SELECT count(*) FROM t"))
        c.execute("BEGIN")
        show("in a transaction", lambda: c.execute(delete))
        show("aborted", lambda: c.execute("SELECT 1"))
        show("ended", lambda: c.execute("COMMIT"))
        with c.transaction():
            c.execute("INSERT INTO t VALUES (2)")

            def within():
                with c.transaction():
                    c.execute(delete)

            show("in a savepoint", within)
        show("kept", lambda: c.execute("SELECT n FROM t"))

        def pipeline():
            with c.pipeline():
                c.execute("INSERT INTO t VALUES (3)")
                c.execute(delete)
                c.execute("INSERT INTO t VALUES (4)")

        show("in a pipeline", pipeline)
        with c.pipeline():
            found = c.execute("SELECT n FROM t ORDER BY n")
            tell("the next pipeline", found.fetchall())
        show("of many", lambda: c.cursor().executemany("DELETE FROM t WHERE n = %s", [(n,) for n in range(10)]))

        def copy(statement):
            with c.cursor().copy(statement) as copy:
                copy.write("1\n")

        show("copy in", lambda: copy("COPY secret FROM STDIN"))
        show("copy out", lambda: copy("COPY secret TO STDOUT"))

        def cursor():
            with c.transaction(), c.cursor("named") as cursor:
                cursor.execute("SELECT * FROM secret")

        show("a cursor", cursor)
        show("streamed", lambda: list(c.cursor().stream("SELECT * FROM secret")))
        show("usable", lambda: c.execute("SELECT %s::int", (1,), prepare=True))


def modes():
    for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"):
        try:
            with psycopg.connect(f"sslmode={mode}") as c:
                tell(mode, c.execute("SELECT 'connected'").fetchone()[0], "with TLS" if c.pgconn.ssl_in_use else "without TLS")
        except psycopg.OperationalError as error:
            tell(mode, str(error).split("failed: ")[-1].strip().replace("\n", " | "))


{"chores": chores, "refusals": refusals, "modes": modes}[sys.argv[1]]()
