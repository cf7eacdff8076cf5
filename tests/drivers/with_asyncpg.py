"""What asyncpg sees: each chore prints it, the same each time. All of its values are binary."""
import asyncio
import datetime
import decimal
import io
import sys
import uuid

import asyncpg

BIG = 10_000_000


def tell(what, *values):
    print(what, *values, flush=True)


async def show(what, work):
    """Prints what `work` gives, or all of its error."""
    try:
        tell(what, await work)
    except asyncpg.PostgresError as e:
        fields = (e.sqlstate, e.severity, e.message, e.detail, e.hint, e.position, e.context, e.internal_query)
        more = (e.schema_name, e.table_name, e.column_name, e.data_type_name, e.constraint_name)
        tell(what, type(e).__name__, *fields, *(value for value in more if value))
    except (asyncpg.InterfaceError, ValueError, TimeoutError) as e:
        tell(what, type(e).__name__, e)


async def connect(**options):
    c = await asyncpg.connect(**options)
    c.add_log_listener(lambda _, m: tell("notice", m.severity, m.sqlstate, m.message, m.detail, m.hint))
    return c


async def settings(c):
    s = c.get_settings()
    tell(c.get_server_version(), s.server_encoding, s.client_encoding, s.DateStyle, s.TimeZone, s.integer_datetimes)
    await show("set", c.execute("SET TimeZone = 'UTC'"))
    tell(c.get_settings().TimeZone)
    await show("reset", c.reset())
    tell(c.get_settings().TimeZone)


async def types(c):
    await c.execute("CREATE TYPE pair AS (n int, t text); CREATE TYPE mood AS ENUM ('sad', 'happy'); CREATE DOMAIN small AS int CHECK (VALUE < 10)")
    row = await c.fetchrow("""SELECT 1::int2, -2::int4, 3::int8, 1.5::float4, 'NaN'::float8, 12345678901234567890.123456789::numeric, true, 'text'::text,
     '\\x00ff'::bytea, DATE '2024-02-29', TIME '12:34:56.789', TIMESTAMP '2024-02-29 12:34:56.789012', TIMESTAMPTZ '2024-02-29 12:34:56+02',
     INTERVAL '1 day 2 hours', '{"a": [1, null]}'::jsonb, '[1]'::json, 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'::uuid, ARRAY[[1,2],[3,NULL]],
     ARRAY['a','"b"',NULL], int4range(1, 5), '10.0.0.0/8'::cidr, B'101'::varbit, (1, 'x')::pair, 'sad'::mood, 5::small, NULL, ''::text, point(1, 2)""")
    tell("types", list(row.items()))
    values = (None, True, 7, 2**40, 1.25, decimal.Decimal("1e-20"), "tëxt", b"\0\xff", datetime.date(2024, 2, 29), uuid.UUID(int=5), [1, None], ["a", None], "sad", (3, "y"), [(1, "a"), None])
    kinds = ("text", "bool", "int4", "int8", "float8", "numeric", "text", "bytea", "date", "uuid", "int4[]", "text[]", "mood", "pair", "pair[]")
    await show("parameters", c.fetchrow("SELECT " + ", ".join(f"${n + 1}::{kind}" for n, kind in enumerate(kinds)), *values))
    await c.set_type_codec("jsonb", encoder=lambda value: value, decoder=lambda text: ("json", text), schema="pg_catalog")
    await show("a codec of its own", c.fetchval("SELECT $1::jsonb", '{"a": 1}'))
    await c.reset_type_codec("jsonb", schema="pg_catalog")
    await show("no rows", c.fetch("SELECT 1 WHERE false"))
    await show("no columns", c.fetch("SELECT"))
    await show("nothing prepared", c.fetch(""))
    await show("a wrong value", c.fetch("SELECT $1::int", "x"))
    await show("too few", c.fetch("SELECT $1::int, $2::int", 1))
    statement = await c.prepare("SELECT $1::pair, $2::mood[] AS moods")
    tell("described", [(p.name, p.kind) for p in statement.get_parameters()], [(a.name, a.type.name) for a in statement.get_attributes()])


async def statements(c):
    await show("several", c.execute("SELECT 1; CREATE TABLE several (n int); INSERT INTO several VALUES (1), (2); DROP TABLE several"))
    await show("an error among several", c.execute("SELECT 1; SELECT 1 / 0; SELECT 2"))
    await show("several prepared", c.fetch("SELECT 1; SELECT 2"))
    await c.execute("CREATE TABLE many (a int, b text)")
    await show("many", c.executemany("INSERT INTO many VALUES ($1, $2)", [(n, str(n)) for n in range(500)]))
    await show("many returning", c.fetchmany("INSERT INTO many VALUES ($1, $2) RETURNING a", [(n, None) for n in range(3)]))
    await show("many with one that is wrong", c.executemany("INSERT INTO many SELECT 1 / $1::int, $2", [(1, "x"), (0, "x"), (1, "y")]))
    await show("counted", c.fetchval("SELECT count(*) FROM many"))
    numbers = list(range(32767))
    await show("32767 parameters", c.fetchval("SELECT sum(n) FROM unnest(ARRAY[" + ", ".join(f"${n + 1}" for n in numbers) + "]::int[]) AS n", *numbers))
    for n in range(150):
        await c.fetchval(f"SELECT $1::int + {n}", n)
    await show("from the cache", c.fetchval("SELECT $1::int + 149", 1))
    statement = await c.prepare("SELECT * FROM many WHERE a = $1 LIMIT 1")
    await show("prepared", statement.fetch(1))
    await c.execute("ALTER TABLE many ADD c int")
    await show("changed under it", statement.fetch(1))
    await show("anew", c.fetch("SELECT * FROM many WHERE a = $1 LIMIT 1", 1))
    named = await c.prepare("SELECT $1::int * 2", name="By Hand")
    await show("named", named.fetchval(4))
    await show("by SQL", c.fetchval('EXECUTE "By Hand" (5)'))
    await show("dropped by SQL", c.execute('DEALLOCATE "By Hand"'))
    await show("gone", named.fetchval(4))
    await show("all dropped", c.execute("DEALLOCATE ALL"))
    await show("explained", (await c.prepare("SELECT 1")).explain())


async def failures(c):
    await c.execute("CREATE TABLE parent (n int PRIMARY KEY, CHECK (n < 100)); CREATE TABLE child (n int NOT NULL REFERENCES parent DEFERRABLE INITIALLY DEFERRED)")
    await c.execute("INSERT INTO parent VALUES (1)")
    for statement in (
        "INSERT INTO parent VALUES (1)", "INSERT INTO parent VALUES (100)", "INSERT INTO child VALUES (NULL)", "INSERT INTO child VALUES (7)",
        "SELECT nothing FROM parent", "SELECT 1 FROM nowhere", "SELECT nofunction(1)", "SELECT 'x'::int", "SELECT 1 / 0", "SELECT 11::small",
    ):
        await show(statement, c.execute(statement))
        await show(statement + " prepared", c.fetch(statement))
    await show("raised", c.execute("DO $$ BEGIN RAISE EXCEPTION 'own' USING ERRCODE = 'ZZ001', DETAIL = 'd', HINT = 'h', COLUMN = 'c'; END $$"))
    await show("noticed", c.execute("DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; RAISE WARNING 'w'; END $$"))
    await asyncio.sleep(0)


async def transactions(c):
    await c.execute("CREATE TABLE t (n int PRIMARY KEY)")
    async with c.transaction():
        await c.execute("INSERT INTO t VALUES (1)")
        try:
            async with c.transaction():
                await c.execute("INSERT INTO t VALUES ($1)", 1)
        except asyncpg.UniqueViolationError as error:
            tell("within", error.detail)
        await c.execute("INSERT INTO t VALUES ($1)", 2)
    await show("kept", c.fetch("SELECT n FROM t ORDER BY n"))

    async def deferred():
        async with c.transaction():
            await c.execute("INSERT INTO child VALUES ($1)", 7)

    await show("deferred", deferred())

    async def aborted():
        async with c.transaction(isolation="serializable", readonly=True, deferrable=True):
            await show("level", c.fetchval("SELECT current_setting('transaction_isolation')"))
            await show("read only", c.execute("INSERT INTO t VALUES (3)"))
            await show("aborted", c.fetchval("SELECT $1::int", 1))

    await show("ended", aborted())
    tell("in a transaction", c.is_in_transaction())


async def cursors(c):
    async with c.transaction():
        tell("in pieces", [row[0] async for row in c.cursor("SELECT generate_series(1, $1::int)", 20, prefetch=3)])
        cursor = await c.cursor("SELECT n, repeat('x', n) FROM generate_series(1, 30) AS s (n)")
        await show("one", cursor.fetchrow())
        await show("some", cursor.fetch(3))
        # MOVE in SQL, of a portal that the protocol bound.
        await show("over", cursor.forward(4))
        await show("rest", (lambda rows: rows)(cursor.fetch(100)))
        await show("none", cursor.fetchrow())
    await show("without a transaction", c.cursor("SELECT 1").__aiter__().__anext__())

    async def failing():
        async with c.transaction():
            async for row in c.cursor("SELECT 10 / (5 - n) FROM generate_series(1, 9) AS s (n)", prefetch=2):
                tell("row", row)

    await show("an error on the way", failing())


async def copies(c):
    await c.execute("CREATE TABLE copied (n int, b bytea, t text)")
    rows = [(n, bytes([n % 256]) * n, None if n % 3 else "tab\tend\\") for n in range(1000)]
    await show("in", c.copy_records_to_table("copied", records=rows))
    await show("in as CSV", c.copy_to_table("copied", source=io.BytesIO(b"5000,\\x01,a\n5001,,\n"), format="csv"))
    out = io.BytesIO()
    await show("out", c.copy_from_query("SELECT * FROM copied WHERE n < $1 ORDER BY n", 5, output=out, format="binary"))
    tell("of it", out.getvalue())
    await show("a table out", c.copy_from_table("copied", columns=["n"], output=io.BytesIO()))
    await show("wrong", c.copy_to_table("copied", source=io.BytesIO(b"x\n"), columns=["n"]))

    async def broken():
        yield b"1\n"
        raise ValueError("enough")

    await show("broken off", c.copy_to_table("copied", source=broken(), columns=["n"]))
    await show("large", c.copy_records_to_table("copied", records=[(7000, b"\xab" * BIG, None)]))
    await show("there", c.fetch("SELECT length(b), md5(b) FROM copied WHERE n = 7000"))
    await show("counted", c.fetchval("SELECT count(*) FROM copied"))


async def large(c):
    await show("there and back", (lambda data: compare(c, data))(b"\0\xff" * (BIG // 2)))
    await show("in the text", c.fetchval(f"SELECT length('{'y' * BIG}')"))
    tell("many rows", len(await c.fetch("SELECT repeat('z', 1000) FROM generate_series(1, 10000)")))


async def compare(c, data):
    return await c.fetchval("SELECT $1::bytea", data) == data


async def listening(c):
    heard = asyncio.Queue()

    def hear(_, pid, channel, payload):
        heard.put_nowait((pid == c.get_server_pid() or "another", channel, payload))

    await c.add_listener("bell", hear)
    await c.execute("SELECT pg_notify('bell', 'by a function')")
    async with c.transaction():
        await c.execute("NOTIFY bell, 'at commit'")
    tell("heard", await asyncio.wait_for(heard.get(), 20), await asyncio.wait_for(heard.get(), 20))
    other = await connect()
    await other.execute("NOTIFY bell, 'from another'")
    tell("heard while idle", (await asyncio.wait_for(heard.get(), 20))[1:])
    await other.close()
    await c.remove_listener("bell", hear)
    await c.execute("NOTIFY bell, 'unheard'")
    tell("unheard", heard.qsize())


async def cancelled(c):
    await show("timed out at the client", c.fetch("SELECT pg_sleep(10)", timeout=0.5))
    await show("usable", c.fetchval("SELECT $1::int", 1))
    task = asyncio.ensure_future(c.execute("SELECT pg_sleep(10)"))
    await asyncio.sleep(0.5)
    task.cancel()
    try:
        await task
    except asyncio.CancelledError:
        tell("cancelled")
    await show("usable", c.fetchval("SELECT 1"))
    await c.execute("SET statement_timeout = 100")
    await show("timed out", c.execute("SELECT pg_sleep(60)"))
    await show("timed out prepared", c.fetch("SELECT pg_sleep($1)", 60))
    await c.execute("RESET statement_timeout")

    async def within():
        async with c.transaction():
            await c.fetch("SELECT pg_sleep(10)", timeout=0.5)

    async with c.transaction():
        await show("in a savepoint", within())
        await show("goes on", c.fetchval("SELECT 1"))


async def pools(_):
    async with asyncpg.create_pool(min_size=2, max_size=3) as pool:
        tell("pooled", sum(await asyncio.gather(*(pool.fetchval("SELECT $1::int", n) for n in range(60)))))
        async with pool.acquire() as c:
            await c.execute("SET work_mem = '1MB'")
        async with pool.acquire() as c:
            await show("reset", c.fetchval("SELECT current_setting('work_mem')"))


async def chores():
    c = await connect()
    for chore in (settings, types, statements, failures, transactions, cursors, copies, large, listening, cancelled, pools):
        tell("==", chore.__name__)
        await chore(c)
    await show("wrong database", connect(database="nowhere"))
    await c.close()


async def refusals():
    c = await connect()
    await c.execute("CREATE TABLE t (n int)")
    delete = "DELETE FROM t WHERE n = $1"
    await show("at once", c.execute("DELETE FROM t"))
    await show("prepared", c.execute(delete, 1))
    await show("prepared by hand", c.prepare(delete))
    await show("of several", c.execute("INSERT INTO t VALUES (1); DELETE FROM t"))
    await show("of many", c.executemany(delete, [(n,) for n in range(10)]))
    await show("goes on", c.fetchval("SELECT count(*) FROM t"))

    async def transaction():
        async with c.transaction():
            await c.execute("INSERT INTO t VALUES ($1)", 1)
            await show("in a transaction", c.execute(delete, 1))
            await show("aborted", c.fetchval("SELECT $1::int", 1))

    await show("ended", transaction())

    async def within():
        async with c.transaction():
            await c.execute(delete, 1)

    async with c.transaction():
        await c.execute("INSERT INTO t VALUES ($1)", 2)
        await show("in a savepoint", within())
    await show("kept", c.fetch("SELECT n FROM t"))
    await show("copy in", c.copy_records_to_table("secret", records=[(1, "x")]))
    await show("copy out", c.copy_from_table("secret", output=io.BytesIO()))

    async def cursor():
        async with c.transaction():
            await c.cursor("SELECT * FROM secret")

    await show("a cursor", cursor())
    await show("usable", c.fetchval("SELECT $1::int", 1))
    await c.close()


async def modes():
    for mode in ("disable", "allow", "prefer", "require", "verify-ca", "verify-full"):
        try:
            c = await asyncpg.connect(ssl=mode)
            tell(mode, await c.fetchval("SELECT 'connected'"), "with TLS" if c._transport.get_extra_info("ssl_object") else "without TLS")
            await c.close()
        except asyncpg.ClientConfigurationError as error:
            tell(mode, type(error).__name__)
        except (asyncpg.PostgresError, OSError) as error:
            tell(mode, type(error).__name__, str(error).split('"')[-1].strip())


asyncio.run({"chores": chores, "refusals": refusals, "modes": modes}[sys.argv[1]]())
