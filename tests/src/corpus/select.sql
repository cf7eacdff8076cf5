-- Reads: every clause and expression that can hold a relation.

CREATE SCHEMA app

CREATE TABLE app.t (id int PRIMARY KEY, a int, b text, c timestamptz DEFAULT now())

CREATE TABLE app.u (id int PRIMARY KEY, t_id int REFERENCES app.t, n numeric)

CREATE TABLE app.e (id int, a int)

INSERT INTO app.t SELECT n, n % 7, 'row ' || n FROM generate_series(1, 100) n

INSERT INTO app.u SELECT n, n, n * 1.5 FROM generate_series(1, 50) n

CREATE VIEW app.v AS SELECT t.id, t.b, u.n FROM app.t JOIN app.u ON u.t_id = t.id

CREATE VIEW app.w AS SELECT * FROM app.v WHERE id < 10

CREATE MATERIALIZED VIEW app.m AS SELECT a, count(*) FROM app.t GROUP BY a

CREATE TABLE app.parts (id int, at date) PARTITION BY RANGE (at)

CREATE TABLE app.parts_1 PARTITION OF app.parts FOR VALUES FROM ('2020-01-01') TO ('2021-01-01')

CREATE TABLE app.parts_d PARTITION OF app.parts DEFAULT

CREATE TABLE app.child (extra text) INHERITS (app.e)

CREATE SEQUENCE app.s

CREATE FUNCTION app.f(int) RETURNS int LANGUAGE sql AS 'SELECT $1 + 1'

SET search_path = app, public

SELECT 1

SELECT

VALUES (1, 'a'), (2, 'b')

TABLE t

TABLE ONLY e

SELECT * FROM t

SELECT * FROM app.t

SELECT * FROM t AS x (one, two)

SELECT t.* FROM t, u WHERE t.id = u.t_id

SELECT * FROM e *

SELECT * FROM ONLY e

SELECT * FROM t JOIN u ON t.id = u.t_id LEFT JOIN e USING (id) CROSS JOIN m

SELECT * FROM t NATURAL JOIN u

SELECT * FROM (t JOIN u ON t.id = u.t_id) AS j

SELECT * FROM t, LATERAL (SELECT * FROM u WHERE u.t_id = t.id) l

SELECT (SELECT max(n) FROM u)

SELECT * FROM t WHERE id IN (SELECT t_id FROM u)

SELECT * FROM t WHERE EXISTS (SELECT FROM u WHERE t_id = t.id)

SELECT * FROM t WHERE id = ANY (SELECT t_id FROM u)

SELECT * FROM t WHERE (id, a) IN (SELECT id, t_id FROM u)

SELECT ARRAY(SELECT id FROM t ORDER BY id LIMIT 3)

WITH x AS (SELECT * FROM t) SELECT * FROM x

WITH x AS (SELECT * FROM t), y AS (SELECT * FROM x JOIN u ON true) SELECT count(*) FROM y

WITH RECURSIVE r AS (SELECT 1 AS n UNION ALL SELECT n + 1 FROM r WHERE n < 5) SELECT * FROM r

WITH RECURSIVE r (id) AS (SELECT id FROM t WHERE id = 1 UNION SELECT u.id FROM u JOIN r ON u.t_id = r.id) SELECT * FROM r

WITH t AS (SELECT 1 AS id) SELECT * FROM t

WITH t AS (SELECT id FROM t) SELECT * FROM t

WITH x AS (SELECT id FROM t), t AS (SELECT 2 AS id) SELECT x.id FROM x, t

WITH x AS MATERIALIZED (SELECT 1), y AS NOT MATERIALIZED (SELECT * FROM u) TABLE y

WITH RECURSIVE g (id, d) AS (SELECT id, 0 FROM e UNION ALL SELECT id, d + 1 FROM g WHERE d < 1) SEARCH DEPTH FIRST BY id SET o CYCLE id SET c USING p SELECT * FROM g

SELECT a, count(*) FROM t GROUP BY a HAVING count(*) > (SELECT count(*) FROM u) / 100 ORDER BY (SELECT min(n) FROM u)

SELECT a, b, count(*) FROM t GROUP BY GROUPING SETS ((a), (b), ())

SELECT a, sum(id) FROM t GROUP BY ROLLUP (a)

SELECT a, sum(id) FROM t GROUP BY CUBE (a, b)

SELECT DISTINCT a FROM t

SELECT DISTINCT ON (a) a, b FROM t ORDER BY a, id

SELECT id, rank() OVER (PARTITION BY a ORDER BY id) FROM t

SELECT sum(id) OVER w FROM t WINDOW w AS (ORDER BY id ROWS BETWEEN 1 PRECEDING AND CURRENT ROW EXCLUDE TIES)

SELECT count(*) FILTER (WHERE a = 1) FROM t

SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY a) FROM t

SELECT string_agg(b, ',' ORDER BY id DESC) FROM t

SELECT id FROM t UNION SELECT id FROM u

SELECT id FROM t UNION ALL SELECT id FROM u INTERSECT SELECT id FROM e EXCEPT SELECT 1

(SELECT id FROM t LIMIT 1) UNION (SELECT id FROM u ORDER BY id LIMIT 1)

SELECT * FROM t ORDER BY b COLLATE "C" DESC NULLS LAST LIMIT 5 OFFSET 2

SELECT * FROM t ORDER BY id FETCH FIRST 3 ROWS WITH TIES

SELECT * FROM t TABLESAMPLE BERNOULLI (50) REPEATABLE (1)

SELECT * FROM t FOR UPDATE

SELECT * FROM t, u FOR SHARE OF u NOWAIT

SELECT * FROM t FOR NO KEY UPDATE SKIP LOCKED

SELECT * FROM v

SELECT * FROM w

SELECT * FROM w FOR KEY SHARE

SELECT * FROM m

SELECT * FROM parts

SELECT * FROM parts WHERE at = '2020-05-05'

SELECT * FROM generate_series(1, 3) AS g (n)

SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, 3)) WITH ORDINALITY

SELECT * FROM json_to_recordset('[{"a": 1}]') AS x (a int)

SELECT * FROM unnest(ARRAY[1, 2]) WITH ORDINALITY AS u (x, o)

SELECT * FROM xmltable('/r/i' PASSING '<r><i>1</i></r>' COLUMNS n int PATH '.')

SELECT f(1), app.f(2)

SELECT * FROM f(3)

SELECT CASE WHEN a = 1 THEN 'x' ELSE b END FROM t

SELECT COALESCE(b, 'x'), NULLIF(a, 0), GREATEST(a, 1), LEAST(a, 2) FROM t

SELECT (ARRAY[1, 2, 3])[2:3], ROW(1, 2), (ROW(1, 2)).f1

SELECT a BETWEEN 1 AND 3, b LIKE 'r%', b ILIKE 'R%', b SIMILAR TO 'r%', b ~ 'r', a IS NULL, a IS DISTINCT FROM 3 FROM t

SELECT c AT TIME ZONE 'UTC', extract(year FROM c), c::date, CAST(a AS text), interval '1 day' FROM t

SELECT CURRENT_DATE, CURRENT_USER, LOCALTIME, SESSION_USER, CURRENT_CATALOG

SELECT xmlelement(name x, xmlattributes(a AS y), b) FROM t LIMIT 1

SELECT t FROM t LIMIT 1

SELECT (t).b FROM t LIMIT 1

SELECT count(*) FROM pg_class

SELECT relname FROM pg_catalog.pg_class WHERE oid = 'app.t'::regclass

SELECT * FROM information_schema.tables LIMIT 1

SELECT a -> 'b' FROM (SELECT '{}'::jsonb AS a) x

SELECT * FROM (VALUES (1, 2)) AS x (a, b)

SELECT U&'\0041', E'\n', B'101', X'1f', $$x$$, $q$y$q$, N'n'

SELECT substring('abc' FROM 2 FOR 1), position('b' IN 'abc'), overlay('abc' PLACING 'x' FROM 2), trim(LEADING 'a' FROM 'ab')

EXPLAIN SELECT * FROM t

EXPLAIN ANALYZE SELECT * FROM t JOIN u ON true LIMIT 1

EXPLAIN (COSTS off, FORMAT json) SELECT * FROM v

COPY t TO STDOUT

COPY (SELECT * FROM u) TO STDOUT (FORMAT csv, HEADER)

COPY t (id, b) TO STDOUT WITH CSV

SELECT 1; SELECT * FROM t LIMIT 1; SELECT * FROM u LIMIT 1

;



-- a comment alone
