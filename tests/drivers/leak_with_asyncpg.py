# Plays the leak suite's orders for asyncpg: all binary. What comes is kept by whoever is between it and the server.
import asyncio
import base64
import io
import os
import sys

import asyncpg


def told(key, error):
    """What the client itself could not make sense of."""
    with open(os.path.join(os.path.dirname(sys.argv[1]), "out", key + ".text"), "a", encoding="utf-8") as file:
        print("client:", repr(error), file=file)


async def play(mode, c, text):
    if mode == "execute":
        await c.execute(text)
    elif mode == "fetch":
        await c.fetch(text)
    elif mode == "prepared":
        statement = await c.prepare(text)
        for _ in range(2):
            await statement.fetch()
        await statement.fetchrow()
        await c.fetchval(text)
    elif mode == "cursor":
        async with c.transaction():
            async for _ in c.cursor(text, prefetch=2):
                pass
            cursor = await c.cursor(text)
            await cursor.forward(1)
            await cursor.fetch(2)
    elif mode in ("copy", "copy-binary", "copy-csv"):
        await c.copy_from_query(text, output=io.BytesIO(), format={"copy": "text", "copy-csv": "csv"}.get(mode, "binary"))
    elif mode == "copy-table":
        await c.copy_from_table(text, output=io.BytesIO(), format="csv", header=True)
    else:
        raise SystemExit(f"no mode {mode}")


async def main():
    for line in open(sys.argv[1], encoding="ascii"):
        key, client, mode, *texts = line.rstrip("\n").split("\t")
        if client != "asyncpg":
            continue
        try:
            c = await asyncpg.connect(server_settings={"application_name": key})
        except (asyncpg.PostgresError, OSError):
            continue
        for text in texts:
            try:
                await play(mode, c, base64.b64decode(text).decode())
            except asyncpg.PostgresError:
                pass
            except Exception as error:
                told(key, error)
        try:
            await c.close(timeout=5)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError, TimeoutError):
            pass


asyncio.run(main())
