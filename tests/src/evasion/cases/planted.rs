//! A forbidden subselect at every position of the grammar that takes an expression.

use crate::evasion::{Case, Client, Must, SCRATCH, SETS};

/// What is planted for `?`, for a number and for a text.
const NUMBER: &str = "(SELECT length(value) FROM secrets)";

pub(super) fn cases() -> Vec<Case> {
    let plant = |text: &&str| text.replace('?', NUMBER);
    let case = |name: &str, texts: &[&str]| Case::new(name, Client::Each(texts.iter().map(plant).collect()), Must::Refuse);
    vec![
        case("planted in a SELECT's clauses", SELECT),
        case("planted in expressions", EXPRESSION),
        case("planted in FROM", FROM),
        case("planted in writes that are allowed", WRITE),
        case("planted in statements around a query", AROUND),
        case("planted in definitions of a permitted schema", DEFINITION).and(SCRATCH).and(SETS),
    ]
}

const SELECT: &[&str] = &[
    "SELECT ?",
    "SELECT DISTINCT ON (?) name FROM users",
    "SELECT name FROM users WHERE id = ?",
    "SELECT count(*) FROM users GROUP BY ?",
    "SELECT count(*) FROM users GROUP BY GROUPING SETS ((id + ?), ())",
    "SELECT count(*) FROM users GROUP BY ROLLUP (id, id * ?)",
    "SELECT count(*) FROM users HAVING count(*) > ?",
    "SELECT name FROM users ORDER BY id + ?",
    "SELECT name FROM users LIMIT ?",
    "SELECT name FROM users OFFSET ?",
    "SELECT name FROM users FETCH FIRST (?) ROWS ONLY",
    "SELECT sum(id) OVER (PARTITION BY id + ?) FROM users",
    "SELECT sum(id) OVER (ORDER BY id + ?) FROM users",
    "SELECT sum(id) OVER (ORDER BY id ROWS ? PRECEDING) FROM users",
    "SELECT sum(id) OVER w FROM users WINDOW w AS (ORDER BY id + ?)",
    "SELECT count(*) FILTER (WHERE id < ?) FROM users",
    "SELECT percentile_cont(0.5) WITHIN GROUP (ORDER BY id + ?) FROM users",
    "SELECT array_agg(id ORDER BY id + ?) FROM users",
    "SELECT 1 UNION SELECT ? EXCEPT SELECT 2",
    "VALUES (1), (?)",
    "VALUES (1) ORDER BY ?",
    "WITH x AS (SELECT ? AS n) SELECT n FROM x",
    "WITH RECURSIVE x AS (SELECT 1 AS n UNION ALL SELECT n + ? FROM x WHERE n < 2) SELECT * FROM x",
];

const EXPRESSION: &[&str] = &[
    "SELECT CASE WHEN ? = 1 THEN 1 ELSE 2 END",
    "SELECT CASE ? WHEN 1 THEN 1 END",
    "SELECT CASE 1 WHEN 2 THEN 3 ELSE ? END",
    "SELECT COALESCE(NULL, ?)",
    "SELECT NULLIF(1, ?)",
    "SELECT GREATEST(1, ?)",
    "SELECT ARRAY[1, ?]",
    "SELECT ARRAY(SELECT ? FROM users)",
    "SELECT (ARRAY[1, 2, 3])[?]",
    "SELECT (ARRAY[1, 2, 3])[1:?]",
    "SELECT ROW(1, ?)",
    "SELECT (1, 2) = (1, ?)",
    "SELECT 1 IN (2, ?)",
    "SELECT 1 = ANY (ARRAY[?])",
    "SELECT 1 IN (SELECT ?)",
    "SELECT 1 < ALL (SELECT ? FROM users)",
    "SELECT EXISTS (SELECT FROM users WHERE id = ?)",
    "SELECT 1 BETWEEN 0 AND ?",
    "SELECT 'a' LIKE ?::text",
    "SELECT 'a' SIMILAR TO 'b' ESCAPE ?::text",
    "SELECT ? IS NULL",
    "SELECT (? > 1) IS NOT TRUE",
    "SELECT 1 IS DISTINCT FROM ?",
    "SELECT -?",
    "SELECT NOT (? = 1)",
    "SELECT ?::text COLLATE \"C\"",
    "SELECT CAST(? AS bigint)",
    "SELECT now() AT TIME ZONE make_interval(hours => ?)",
    "SELECT substring('abc' FROM ? FOR 1)",
    "SELECT position('a' IN ?::text)",
    "SELECT overlay('abc' PLACING 'x' FROM ?)",
    "SELECT trim(both ?::text FROM 'a')",
    "SELECT extract(day FROM make_interval(days => ?))",
    "SELECT xmlelement(name a, xmlattributes(? AS b), 'c')",
    "SELECT xmlforest(? AS a)",
    "SELECT xmlconcat(xmlelement(name a, ?))",
    "SELECT concat(VARIADIC ARRAY[?])",
];

const FROM: &[&str] = &[
    "SELECT * FROM generate_series(1, ?)",
    "SELECT * FROM ROWS FROM (generate_series(1, 2), generate_series(1, ?))",
    "SELECT * FROM users TABLESAMPLE BERNOULLI (?)",
    "SELECT * FROM users TABLESAMPLE SYSTEM (50) REPEATABLE (?)",
    "SELECT * FROM users u JOIN orders o ON u.id = ?",
    "SELECT * FROM users u LEFT JOIN LATERAL (SELECT ?) s ON true",
    "SELECT * FROM (VALUES (?)) AS v (n)",
    "SELECT * FROM xmltable('/a' PASSING xmlelement(name a, ?) COLUMNS b int)",
    "SELECT * FROM xmltable('/a' PASSING '<a/>' COLUMNS b text PATH 'b' DEFAULT ?::text)",
    "SELECT * FROM unnest(ARRAY[?]) WITH ORDINALITY",
    "SELECT * FROM json_to_recordset('[]') AS x (a int) WHERE a = ?",
];

const WRITE: &[&str] = &[
    "INSERT INTO notes VALUES (?, 'x')",
    "INSERT INTO notes (id) SELECT ?",
    "INSERT INTO notes VALUES (1, 'x') RETURNING ?",
    "INSERT INTO notes (id) VALUES (1) ON CONFLICT DO NOTHING RETURNING id + ?",
    "WITH x AS (SELECT ? AS n) INSERT INTO notes SELECT n FROM x",
    "UPDATE notes SET id = ?",
    "UPDATE notes SET (id, body) = (SELECT ?, 'x')",
    "UPDATE notes SET (id, body) = (?, 'x')",
    "UPDATE notes SET body = 'x' WHERE id = ?",
    "UPDATE notes SET body = 'x' FROM users WHERE users.id = ?",
    "UPDATE notes SET body = 'x' RETURNING ?",
    "DELETE FROM notes WHERE id = ?",
    "DELETE FROM notes USING users WHERE users.id = ?",
    "DELETE FROM notes RETURNING ?",
    "MERGE INTO notes USING users ON notes.id = ? WHEN MATCHED THEN DELETE",
    "MERGE INTO notes USING users ON notes.id = users.id WHEN MATCHED AND users.id = ? THEN DELETE",
    "MERGE INTO notes USING users ON notes.id = users.id WHEN NOT MATCHED THEN INSERT VALUES (?, 'x')",
    "MERGE INTO notes USING users ON notes.id = users.id WHEN MATCHED THEN UPDATE SET id = ?",
    "MERGE INTO notes USING (SELECT ? AS id) s ON notes.id = s.id WHEN MATCHED THEN DELETE",
    "COPY notes FROM STDIN WHERE id = ?",
];

const AROUND: &[&str] = &[
    "EXPLAIN SELECT ?",
    "EXPLAIN (ANALYZE) INSERT INTO notes VALUES (?, 'x')",
    "PREPARE p AS SELECT ?",
    "PREPARE p (int) AS INSERT INTO notes VALUES ($1 + ?, 'x')",
    "DECLARE c CURSOR WITH HOLD FOR SELECT ?",
    "COPY (SELECT ?) TO STDOUT",
    "CALL wipe(?)",
    "EXECUTE p (?)",
    "SELECT greet(?::text)",
];

const DEFINITION: &[&str] = &[
    "CREATE VIEW scratch.v AS SELECT ? AS n",
    "CREATE VIEW scratch.v (n) AS VALUES (?)",
    "CREATE MATERIALIZED VIEW scratch.m AS SELECT ? AS n",
    "CREATE TABLE scratch.t AS SELECT ? AS n",
    "SELECT ? AS n INTO scratch.t",
    "CREATE RULE r AS ON INSERT TO scratch.reports WHERE new.value = ?::text DO ALSO NOTHING",
    "CREATE RULE r AS ON INSERT TO scratch.reports DO ALSO SELECT ?",
    "CREATE POLICY p ON scratch.reports WITH CHECK (? = 1)",
    "CREATE FUNCTION scratch.f() RETURNS int LANGUAGE sql RETURN ?",
    "CREATE FUNCTION scratch.f() RETURNS int LANGUAGE sql BEGIN ATOMIC SELECT ?; END",
    "ALTER TABLE scratch.reports ALTER COLUMN value SET DEFAULT ?::text",
    "CREATE SCHEMA scratch2 CREATE VIEW v AS SELECT ? AS n",
];
