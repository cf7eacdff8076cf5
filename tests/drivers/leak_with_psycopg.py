# Plays the leak suite's orders for psycopg 3. What comes is kept by whoever is between it and the server.
import base64
import os
import sys

import psycopg


def told(key, error):
    """What the client itself could not make sense of."""
    with open(os.path.join(os.path.dirname(sys.argv[1]), "out", key + ".text"), "a", encoding="utf-8") as file:
        print("client:", repr(error), file=file)


def play(mode, c, text):
    if mode in ("text", "binary"):
        with c.cursor(binary=mode == "binary") as cursor:
            cursor.execute(text)
            while True:
                if cursor.description:
                    cursor.fetchall()
                if not cursor.nextset():
                    break
    elif mode in ("prepared", "prepared-binary"):
        for _ in range(3):
            with c.cursor(binary=mode == "prepared-binary") as cursor:
                cursor.execute(text, prepare=True)
                if cursor.description:
                    cursor.fetchall()
    elif mode in ("server-cursor", "server-cursor-binary"):
        with c.transaction(), c.cursor("mine", binary=mode == "server-cursor-binary", scrollable=True) as cursor:
            cursor.itersize = 2
            cursor.execute(text)
            cursor.fetchone()
            cursor.fetchmany(2)
            cursor.fetchall()
            cursor.scroll(0, mode="absolute")
            cursor.fetchmany(3)
    elif mode == "hold":
        with c.cursor("held", withhold=True) as cursor:
            cursor.execute(text)
            cursor.fetchall()
    elif mode == "stream":
        with c.cursor() as cursor:
            for _ in cursor.stream(text):
                pass
    elif mode == "pipeline":
        with c.pipeline():
            cursors = [c.execute(text, prepare=prepare, binary=binary) for prepare in (False, True) for binary in (False, True)]
            for cursor in cursors:
                cursor.fetchall()
    elif mode.startswith("copy"):
        text = text if text.startswith("COPY") else f"COPY ({text}) TO STDOUT" + (" (FORMAT binary)" if mode == "copy-binary" else "")
        with c.cursor() as cursor, cursor.copy(text) as copy:
            for _ in copy:
                pass
    elif mode == "executemany":
        with c.cursor() as cursor:
            cursor.executemany(text, [(), ()], returning=True)
            while True:
                cursor.fetchall()
                if not cursor.nextset():
                    break
    else:
        raise SystemExit(f"no mode {mode}")


for line in open(sys.argv[1], encoding="ascii"):
    key, client, mode, *texts = line.rstrip("\n").split("\t")
    if client != "psycopg":
        continue
    try:
        with psycopg.connect("", application_name=key, autocommit=True) as c:
            for text in texts:
                try:
                    play(mode, c, base64.b64decode(text).decode())
                except psycopg.Error:
                    pass
                except Exception as error:
                    told(key, error)
    except psycopg.Error:
        pass
