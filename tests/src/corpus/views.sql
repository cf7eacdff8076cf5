CREATE TABLE people (id int PRIMARY KEY, name text, pay int); CREATE TABLE places (id int PRIMARY KEY, person int, town text)

INSERT INTO people VALUES (1, 'a', 10), (2, 'b', 20); INSERT INTO places VALUES (1, 1, 'x'), (2, 2, 'y')

CREATE SCHEMA other; CREATE TABLE other.secrets (id int, word text); INSERT INTO other.secrets VALUES (1, 'w')

CREATE VIEW names AS SELECT id, name FROM people

CREATE VIEW names_again AS SELECT * FROM names WHERE id > 0

CREATE VIEW other.deep AS SELECT n.id, n.name, s.word FROM names_again n LEFT JOIN other.secrets s USING (id)

CREATE VIEW joined AS SELECT p.id, p.name, l.town FROM people p JOIN places l ON l.person = p.id

CREATE VIEW sub AS SELECT (SELECT max(word) FROM other.secrets) AS word, EXISTS (SELECT FROM places) AS any_place

CREATE VIEW cte AS WITH a AS (SELECT * FROM people), b AS (SELECT * FROM a JOIN places ON a.id = places.person) SELECT count(*) FROM b

CREATE VIEW both AS SELECT id FROM people UNION ALL SELECT id FROM other.secrets

CREATE VIEW rich WITH (security_barrier) AS SELECT * FROM people WHERE pay > 10 WITH CHECK OPTION

CREATE VIEW invoker WITH (security_invoker) AS SELECT * FROM joined

CREATE RECURSIVE VIEW counted (n) AS SELECT min(id) FROM people UNION ALL SELECT n + 1 FROM counted WHERE n < (SELECT max(id) FROM places)

CREATE FUNCTION add_one(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN n + 1; END'

CREATE FUNCTION all_places() RETURNS SETOF places LANGUAGE sql STABLE AS 'SELECT * FROM places'

CREATE VIEW by_function AS SELECT id, add_one(pay) AS more FROM people

CREATE VIEW from_function AS SELECT p.name, a.town FROM people p JOIN all_places() a ON a.person = p.id

CREATE MATERIALIZED VIEW kept AS SELECT * FROM other.deep

CREATE VIEW over_kept AS SELECT k.id, p.pay FROM kept k JOIN people p USING (id)

CREATE TABLE parts (id int, n int) PARTITION BY RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10)

CREATE VIEW of_parts AS SELECT * FROM parts

CREATE VIEW empty AS SELECT 1 AS one

CREATE VIEW lateral_view AS SELECT p.id, t.town FROM people p, LATERAL (SELECT town FROM places WHERE person = p.id LIMIT 1) t

CREATE VIEW sampled AS SELECT * FROM people TABLESAMPLE BERNOULLI (100)

CREATE VIEW windowed AS SELECT id, sum(pay) OVER (ORDER BY id) FROM people

SELECT * FROM names

SELECT * FROM names_again ORDER BY id

SELECT * FROM other.deep

SELECT town FROM joined WHERE id = 1

SELECT * FROM sub

SELECT * FROM cte

SELECT * FROM both

SELECT * FROM rich

SELECT * FROM invoker

SELECT * FROM counted

SELECT * FROM by_function

SELECT * FROM from_function

SELECT * FROM kept

SELECT * FROM over_kept

SELECT * FROM of_parts

SELECT * FROM empty

SELECT * FROM lateral_view

SELECT * FROM sampled

SELECT * FROM windowed

TABLE names

SELECT (SELECT count(*) FROM names), ARRAY(SELECT word FROM other.deep) FROM empty

SELECT 1 WHERE EXISTS (SELECT FROM names_again) OR 1 IN (SELECT id FROM both)

WITH x AS (SELECT * FROM joined) SELECT * FROM x UNION SELECT id, name, '' FROM names

SELECT * FROM names FOR UPDATE

SELECT * FROM names_again FOR SHARE OF names_again

SET search_path = other, public

SELECT * FROM deep

RESET search_path

EXPLAIN SELECT * FROM other.deep

EXPLAIN (ANALYZE, COSTS off, TIMING off) SELECT * FROM joined

EXPLAIN INSERT INTO names VALUES (9, 'e')

COPY (SELECT * FROM names_again) TO STDOUT

PREPARE again AS SELECT * FROM names_again

EXECUTE again

DEALLOCATE again

BEGIN

DECLARE cursor_of_deep CURSOR FOR SELECT * FROM other.deep

FETCH 1 FROM cursor_of_deep

CLOSE cursor_of_deep

LOCK TABLE names_again IN ACCESS SHARE MODE

COMMIT

INSERT INTO names VALUES (3, 'c')

INSERT INTO names_again VALUES (4, 'd') RETURNING *

INSERT INTO names VALUES (4, 'dd') ON CONFLICT (id) DO UPDATE SET name = excluded.name

UPDATE names SET name = 'z' WHERE id = 1

UPDATE names_again SET name = 'y' WHERE id = 2

UPDATE rich SET pay = 30 WHERE id = 2

UPDATE people SET pay = 5 FROM joined WHERE joined.id = people.id

DELETE FROM names_again WHERE id = 4

DELETE FROM places USING names WHERE places.person = names.id AND names.id = 99

WITH gone AS (DELETE FROM names WHERE id = 3 RETURNING *) SELECT * FROM gone

MERGE INTO people p USING names_again n ON p.id = n.id WHEN MATCHED THEN UPDATE SET name = n.name

INSERT INTO of_parts VALUES (1, 2)

INSERT INTO places SELECT id + 10, id, name FROM other.deep

COPY names FROM STDIN
--data
7	seven
\.

CREATE RULE town_goes AS ON DELETE TO joined DO INSTEAD DELETE FROM places WHERE person = old.id

DELETE FROM joined WHERE id = 99

CREATE FUNCTION insert_joined() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO people VALUES (new.id, new.name); RETURN new; END'

CREATE TRIGGER inserting INSTEAD OF INSERT ON joined FOR EACH ROW EXECUTE FUNCTION insert_joined()

INSERT INTO joined VALUES (50, 'fifty', 'q')

CREATE TABLE copied AS SELECT * FROM names_again

SELECT * INTO copied_too FROM other.deep

CREATE MATERIALIZED VIEW kept_too AS SELECT * FROM joined

REFRESH MATERIALIZED VIEW kept

REFRESH MATERIALIZED VIEW kept_too WITH NO DATA

CREATE OR REPLACE VIEW empty AS SELECT count(*)::int AS one FROM other.secrets

SELECT * FROM empty

ALTER TABLE people RENAME TO folk

SELECT * FROM names

ALTER VIEW names SET SCHEMA other

SELECT * FROM names_again

CREATE VIEW names AS SELECT * FROM places

SELECT * FROM names

SELECT * FROM other.names
