-- Spellings: the same statements, written so that a careless reader is misled.

SET search_path = app, public

select/**/*/**/from/**/t

SELECT * FROM
--u
t

SELECT /* FROM u */ * FROM t

SELECT /* a /* b */ FROM u */ * FROM t

SELECT 'FROM u' FROM t

SELECT $$FROM u$$ FROM t

SELECT $a$ $b$ FROM u $b$ $a$ FROM t

SELECT E'\' FROM u --' FROM t

SELECT '\' FROM t

SELECT "b" FROM "t"

SELECT T.B FROM APP.T

SELECT * FROM U&"\0074"

SELECT * FROM U&"!0074" UESCAPE '!'

SELECT * FROM "app"."t"

SELECT * FROM postgres.app.t

SELECT 'a'
'b' FROM t

CREATE TABLE "From u" ("select" int)

SELECT "select" FROM "From u"

SELECT * FROM "From u" AS t

CREATE TABLE "quo""te" (a int)

SELECT * FROM "quo""te"

CREATE TABLE t2 (t int, u int)

SELECT t, u FROM t2

SELECT t.t FROM t2 AS t

SELECT u.* FROM t2 AS u

SELECT 1 AS u FROM t

SELECT u FROM (SELECT 1 AS u) t

DELETE FROM t2 AS u WHERE u.t = 1

UPDATE t2 AS u SET u = 1

INSERT INTO t2 AS u VALUES (1, 1)

WITH u AS (SELECT 1) DELETE FROM t2 WHERE t IN (TABLE u)

TABLE	t
;


  ;; SELECT * FROM t ;;

SELECT * FROM only e

SELECT only.id FROM e AS only

SELECT 1 FROM t AS "delete from u"

SELECT 1 + + + 1, - - 1, 2 ^ 3, |/ 4.0, @ -1

SELECT 1::int4::text::varchar(3)

SELECT a.b.c FROM (SELECT ROW(1) AS b) a, LATERAL (SELECT 1) c WHERE false

CREATE TABLE xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx (a int)

SELECT * FROM xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxyyyyyy

SET standard_conforming_strings = off

SELECT '\' FROM u --' FROM t

SELECT 'a\'b' FROM t

SET standard_conforming_strings = on

SELECT '\' FROM t --' FROM u

SELECT ?| FROM t

SELECT '{}'::jsonb ?| ARRAY['a'], '{}'::jsonb ? 'a', '{}'::jsonb @? '$'

SELECT 1 /* unclosed

SELECT 2 year

SELECT .5, 1., 1e10, 1_0

SELECT interval '1' year, date '2020-01-01', timestamp with time zone 'now'

SELECT CURRENT_ROLE, user, current_schema

SELECT (SELECT (SELECT (SELECT id FROM t LIMIT 1)))
