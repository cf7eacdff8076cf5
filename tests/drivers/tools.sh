#!/bin/bash
# What the command line tools see: psql, pgbench, pg_dump and pg_restore. Each chore prints it, the same each time.
# `tools.sh CHORE`
set -uo pipefail
place=$(mktemp -d)
trap 'rm -rf "$place"' EXIT
cd "$place"

sql() {
  psql -X -v VERBOSITY=default "$@" 2>&1
}

chores_psql() {
  sql -v ON_ERROR_STOP=1 -q -c "CREATE TABLE t (n int PRIMARY KEY, s text, b bytea)" -c "CREATE TYPE mood AS ENUM ('sad')"
  sql <<'END'
\encoding
\echo :SERVER_VERSION_NAME :ENCODING
INSERT INTO t SELECT n, repeat('x', n) FROM generate_series(1, 30) AS s (n);
SELECT 1 AS one \; SELECT NULL AS nothing \; INSERT INTO t VALUES (31) RETURNING n;
SELECT 1 \; SELECT 1 / 0 \; SELECT 2;
SELECT nothing FROM t;
INSERT INTO t VALUES (1);
;
-- nothing
\gset
SELECT n AS number FROM t WHERE n = 3 \gset
\echo :number :'number'
SELECT format('SELECT %s AS made', n) FROM t WHERE n < 3 ORDER BY n \gexec
SELECT n % 3 AS a, n % 2 AS b, count(*) FROM t GROUP BY 1, 2 ORDER BY 1, 2 \crosstabview
SELECT n, s FROM t WHERE n < 4 ORDER BY n \gx
SELECT 1::int4 AS a, 'x'::mood AS b \gdesc
\set FETCH_COUNT 4
SELECT n FROM t WHERE n < 11 ORDER BY n;
SELECT 10 / (7 - n) FROM t WHERE n < 9 ORDER BY n;
\unset FETCH_COUNT
\set AUTOCOMMIT off
INSERT INTO t VALUES (40);
SELECT 1 / 0;
SELECT 1;
ROLLBACK;
\set AUTOCOMMIT on
\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO t VALUES (41);
INSERT INTO t VALUES (41);
COMMIT;
\unset ON_ERROR_ROLLBACK
SELECT n FROM t WHERE n > 30 ORDER BY n;
PREPARE own (int) AS SELECT n FROM t WHERE n = $1;
EXECUTE own (5);
DEALLOCATE own;
DO $$ BEGIN RAISE NOTICE 'n' USING DETAIL = 'd', HINT = 'h'; RAISE WARNING 'w'; END $$;
DO $$ BEGIN RAISE 'own' USING ERRCODE = 'ZZ001', DETAIL = 'd'; END $$;
\errverbose
SET statement_timeout = 100;
SELECT pg_sleep(60);
RESET statement_timeout;
BEGIN;
DECLARE c SCROLL CURSOR FOR SELECT n FROM t ORDER BY n;
FETCH 3 FROM c;
FETCH BACKWARD 1 FROM c;
MOVE 5 IN c;
FETCH c;
CLOSE c;
COMMIT;
COPY t (n, s) FROM STDIN;
100	a
101	\N
\.
COPY t (n) FROM STDIN;
x
\.
COPY (SELECT * FROM t WHERE n >= 100 ORDER BY n) TO STDOUT (FORMAT csv);
\copy (SELECT n FROM t WHERE n < 5 ORDER BY n) TO 'out.csv' CSV HEADER
\copy t (n) FROM PROGRAM 'seq 200 300'
\! cat out.csv
\c
SELECT current_user, current_database();
\d t
\dt
\dT mood
\df
\sf nowhere
SHOW TimeZone;
SELECT length(repeat('x', 10000000));
END
  sql -At -c "LISTEN bell" -c "NOTIFY bell, 'rang'" | sed 's/PID [0-9]*/PID/'
  sql -At -1 -c "INSERT INTO t VALUES (500)" -c "INSERT INTO t VALUES (500)"
  sql -At -c "SELECT count(*) FROM t"
  # A cancel, as Ctrl-C asks for it.
  psql -X -c "SELECT 'before'" -c "SELECT pg_sleep(60)" >cancelled 2>&1 &
  local client=$!
  until [ "$(sql -At -c "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'")" = 1 ]; do :; done
  kill -INT $client
  wait $client
  echo "cancelled: $?"
  cat cancelled
  sql -d nowhere -c "SELECT 1" | sed 's/port [0-9]*/port/'
}

chores_pgbench() {
  pgbench -i -q -s 1 >/dev/null 2>&1
  echo "made: $?"
  local mode
  for mode in simple extended prepared; do
    pgbench -n -c 4 -j 2 -t 20 -M $mode 2>&1 | grep -E 'query mode|processed|failed'
    pgbench -n -S -c 4 -j 2 -t 50 -M $mode 2>&1 | grep -E 'processed|failed'
  done
  printf '%s\n' '\startpipeline' 'SELECT 1;' 'UPDATE pgbench_tellers SET filler = $$x$$ WHERE tid = 1;' 'SELECT 2;' '\endpipeline' >pipeline.sql
  pgbench -n -f pipeline.sql -c 4 -t 20 -M extended 2>&1 | grep -E 'processed|failed'
  pgbench -n -f pipeline.sql -c 4 -t 20 -M prepared 2>&1 | grep -E 'processed|failed'
  pgbench -n -C -S -c 2 -t 5 2>&1 | grep -E 'processed|failed'
  sql -At -c "SELECT count(*) FROM pgbench_history"
}

chores_dump() {
  sql -q <<'END'
CREATE SCHEMA other;
CREATE TYPE mood AS ENUM ('sad', 'happy');
CREATE DOMAIN small AS int CHECK (VALUE < 1000000);
CREATE TABLE parent (n small PRIMARY KEY, m mood DEFAULT 'sad', b bytea, t text);
CREATE TABLE other.child (n int REFERENCES parent, d timestamptz, a numeric[], PRIMARY KEY (n));
CREATE TABLE parts (n int, s text) PARTITION BY RANGE (n);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (500);
CREATE TABLE parts_2 PARTITION OF parts DEFAULT;
CREATE SEQUENCE counter;
CREATE INDEX ON parent (lower(t));
CREATE VIEW sad AS SELECT n FROM parent WHERE m = 'sad';
CREATE MATERIALIZED VIEW counted AS SELECT count(*) FROM parent;
CREATE FUNCTION touched() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.t := coalesce(NEW.t, 'none'); RETURN NEW; END $$;
CREATE TRIGGER touch BEFORE INSERT ON parent FOR EACH ROW EXECUTE FUNCTION touched();
CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';
COMMENT ON TABLE parent IS 'it''s one';
INSERT INTO parent SELECT n, CASE WHEN n % 2 = 0 THEN 'sad' ELSE 'happy' END::mood, decode(md5(n::text), 'hex'), repeat(n::text, n % 50) FROM generate_series(1, 3000) AS s (n);
INSERT INTO other.child SELECT n, TIMESTAMPTZ '2024-02-29 12:00+02' + n * INTERVAL '1 hour', ARRAY[n, NULL, n / 7.0] FROM parent;
INSERT INTO parts SELECT n, md5(n::text) FROM generate_series(0, 999) AS s (n);
SELECT setval('counter', 17) \g /dev/null
REFRESH MATERIALIZED VIEW counted;
SELECT lo_from_bytea(70001, decode(repeat('00ff', 100000), 'hex')), lo_from_bytea(70002, 'small') \g /dev/null
COMMENT ON LARGE OBJECT 70002 IS 'small';
END
  pg_dump --no-owner | unkeyed >before.sql
  echo "dumped: $? $(sha256sum <before.sql) $(wc -l <before.sql)"
  pg_dump --no-owner --inserts --rows-per-insert=100 -t parent | unkeyed | sha256sum
  local kind
  for kind in plain custom directory tar; do
    echo "== $kind"
    empty
    case $kind in
    plain) sql -q -v ON_ERROR_STOP=1 -f before.sql >/dev/null ;;
    custom) restored "$kind" -1 ;;
    directory) restored "$kind" -j 3 ;;
    tar) restored "$kind" ;;
    esac
    echo "restored: $?"
    pg_dump --no-owner | unkeyed >after.sql
    cmp before.sql after.sql && echo "the same"
    rm -rf made.*
    pg_dump --no-owner -Fc -f made.custom
    echo "dumped: $?"
    pg_dump --no-owner -Fd -j 3 -f made.directory
    echo "dumped: $?"
    pg_dump --no-owner -Ft -f made.tar
    echo "dumped: $?"
  done
  pg_restore -l made.custom | grep -v '^;' | sed 's/^[0-9]*; [0-9]* [0-9]* //' | sort | sha256sum
  pg_restore --no-owner --clean --if-exists -d "$PGDATABASE" made.custom
  echo "cleaned and restored: $?"
  empty
}

# Each dump draws a random key.
unkeyed() {
  grep -v -e '^\\restrict' -e '^\\unrestrict'
}

restored() {
  local kind=$1
  shift
  pg_restore --no-owner --exit-on-error -d "$PGDATABASE" "$@" "made.$kind" 2>&1
}

empty() {
  sql -q -c "SET client_min_messages = error" -c "DROP SCHEMA public CASCADE" -c "DROP SCHEMA other CASCADE" -c "CREATE SCHEMA public" \
    -c "SELECT lo_unlink(oid) FROM pg_largeobject_metadata" >/dev/null
}

refusals() {
  sql -c "CREATE TABLE t (n int)"
  sql <<'END'
DELETE FROM t;
INSERT INTO t VALUES (1) \; DELETE FROM t \; INSERT INTO t VALUES (2);
SELECT count(*) FROM t;
BEGIN;
INSERT INTO t VALUES (3);
DELETE FROM t;
SELECT 1;
COMMIT;
\set ON_ERROR_ROLLBACK on
BEGIN;
INSERT INTO t VALUES (4);
DELETE FROM t;
COMMIT;
\unset ON_ERROR_ROLLBACK
SELECT n FROM t;
\copy secret FROM PROGRAM 'true'
COPY secret TO STDOUT;
\copy secret TO 'out'
\set FETCH_COUNT 2
SELECT * FROM secret;
SELECT 'goes on';
END
  sql -v ON_ERROR_STOP=1 -c "DELETE FROM t" -c "SELECT 'not reached'" >/dev/null
  echo "psql ended with $?"
  printf 'DELETE FROM t WHERE n = 1;\n' >delete.sql
  local mode
  for mode in simple extended prepared; do
    pgbench -n -f delete.sql -t 1 -M $mode 2>&1 | grep -E 'ERROR|aborted|processed'
  done
  pg_dump -t secret >/dev/null 2>refused
  echo "pg_dump ended with $?"
  grep -v '^pg_dump: detail: Command' refused
}

modes() {
  local mode
  for mode in disable allow prefer require verify-ca verify-full; do
    printf '%s ' $mode
    PGSSLMODE=$mode psql -X -At -c '\conninfo' 2>&1 | grep -oE 'FATAL: .*|SSL connection|server does not support.*|You are connected' | paste -sd '|'
  done
}

# What a chore prints says how it ended.
"$1" || true
