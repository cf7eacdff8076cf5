//! Statements that do more than their first word says.

use crate::evasion::{Case, Client, Must, NO_DELETE, NO_WHERE, SCRATCH, SETS};

pub(super) fn cases() -> Vec<Case> {
    [writes(), reads(), code(), definitions(), files(), texts()].concat()
}

fn writes() -> Vec<Case> {
    vec![
        Case::refused("a plain DELETE", "DELETE FROM users"),
        Case::refused("DROP TABLE", "DROP TABLE orders"),
        Case::all_refused(
            "TRUNCATE, alone, in a list and by CASCADE",
            &["TRUNCATE orders", "TRUNCATE notes, orders", "TRUNCATE ONLY orders RESTART IDENTITY CASCADE"],
        ),
        Case::all_refused(
            "writes in a CTE",
            &[
                "WITH x AS (DELETE FROM orders RETURNING *) SELECT * FROM x",
                "WITH x AS (UPDATE orders SET amount = 0 RETURNING id) SELECT count(*) FROM x",
                "WITH x AS (INSERT INTO effects VALUES ('cte') RETURNING 1) INSERT INTO notes SELECT 1, 'x' FROM x",
                "WITH RECURSIVE r AS (SELECT 1 UNION ALL SELECT 2), x AS (DELETE FROM orders WHERE id IN (SELECT * FROM r)) SELECT 1",
                "WITH x AS (WITH y AS (SELECT 1) SELECT * FROM y), z AS (DELETE FROM orders) TABLE x",
            ],
        ),
        Case::all_refused(
            "MERGE",
            &[
                "MERGE INTO orders o USING users u ON o.user_id = u.id WHEN MATCHED THEN DELETE",
                "MERGE INTO orders o USING users u ON false WHEN NOT MATCHED THEN INSERT VALUES (9000 + u.id, u.id, 1)",
            ],
        ),
        Case::all_refused(
            "EXPLAIN that runs what it explains",
            &[
                "EXPLAIN ANALYZE DELETE FROM orders",
                "EXPLAIN (ANALYZE, FORMAT json, COSTS off) DELETE FROM orders",
                "EXPLAIN (ANALYZE true) WITH x AS (DELETE FROM orders) SELECT 1",
                "EXPLAIN ANALYZE CREATE TABLE stolen AS SELECT 1",
            ],
        ),
        Case::all_refused(
            "SELECT INTO and CREATE TABLE AS",
            &[
                "SELECT * INTO stolen FROM users",
                "SELECT 1 AS n INTO TEMP stolen",
                "CREATE TABLE stolen AS SELECT * FROM users",
                "CREATE MATERIALIZED VIEW stolen AS SELECT * FROM users",
                "CREATE UNLOGGED TABLE IF NOT EXISTS stolen AS TABLE users WITH NO DATA",
            ],
        ),
        Case::all_refused(
            "sequences",
            &["SELECT nextval('counter')", "SELECT setval('counter', 99)", "SELECT pg_catalog.nextval('counter'::regclass)"],
        ),
        Case::all_refused(
            "COPY of a statement that writes",
            &[
                "COPY (DELETE FROM orders RETURNING *) TO STDOUT",
                "COPY (UPDATE orders SET amount = 0 RETURNING id) TO STDOUT",
                "COPY (INSERT INTO effects VALUES ('copy') RETURNING *) TO STDOUT",
            ],
        ),
        Case::refused("a DELETE behind a SELECT in one text", "SELECT 1; DELETE FROM orders"),
        Case::new(
            "hoop: EXECUTE, DO and more under a deny-delete rule",
            Client::Each(
                [
                    "PREPARE d AS DELETE FROM orders",
                    "DO $$ BEGIN DELETE FROM orders; END $$",
                    "WITH x AS (DELETE FROM orders) SELECT 1",
                    "EXPLAIN ANALYZE DELETE FROM orders",
                    "/* SELECT */ DELETE FROM orders",
                ]
                .map(str::to_owned)
                .to_vec(),
            ),
            Must::Refuse,
        ),
        Case::all_refused(
            "DELETE in other clothes, everything else allowed",
            &[
                "delete/**/from only orders *",
                "WITH x AS (DELETE FROM orders) SELECT 1",
                "PREPARE d AS DELETE FROM orders",
                "EXPLAIN ANALYZE DELETE FROM orders",
                "COPY (DELETE FROM orders RETURNING 1) TO STDOUT",
            ],
        )
        .under(NO_DELETE),
        Case::all_refused(
            "UPDATE and DELETE without a WHERE that decides",
            &[
                "UPDATE orders SET amount = 0",
                "DELETE FROM orders",
                "UPDATE orders SET amount = 0 WHERE true",
                "DELETE FROM orders WHERE 1 = 1",
                "WITH x AS (UPDATE orders SET amount = 0 RETURNING 1) SELECT 1",
                "PREPARE u AS UPDATE orders SET amount = 0",
            ],
        )
        .under(NO_WHERE),
    ]
}

fn reads() -> Vec<Case> {
    vec![
        Case::all_refused(
            "a table in every form that reads it",
            &[
                "SELECT * FROM secrets",
                "TABLE secrets",
                "SELECT secrets FROM secrets",
                "SELECT (s).value FROM secrets AS s (id, value)",
                "SELECT * FROM ONLY secrets",
                "SELECT * FROM secrets *",
                "SELECT u.name FROM users u, LATERAL (SELECT value FROM secrets) s",
                "SELECT 1 FROM users NATURAL JOIN secrets",
                "(((TABLE secrets)))",
                "SELECT 1 UNION ALL SELECT id FROM secrets",
                "SELECT * FROM users FULL JOIN secrets USING (id)",
                "SELECT * FROM secrets FOR UPDATE",
                "SELECT * FROM secrets TABLESAMPLE SYSTEM (100)",
            ],
        ),
        Case::all_refused("a table behind views", &["SELECT * FROM secret_view", "SELECT * FROM deeper"])
            .setup("CREATE VIEW deeper AS SELECT v.value FROM secret_view v"),
        Case::refused("a table behind a view that the policy permits", "SELECT * FROM secret_view")
            .and(r#"@id("view") permit (principal, action == Action::"read", resource == Table::"db/public.secret_view");"#),
        Case::all_refused(
            "CTEs whose names hide tables",
            &[
                "WITH secrets AS (SELECT 'x' AS value) SELECT value FROM public.secrets",
                "WITH a AS (SELECT value FROM secrets), secrets AS (SELECT 'x' AS value) SELECT value FROM a",
                "SELECT s.value FROM (WITH secrets AS (SELECT 1) SELECT * FROM secrets) x, secrets s",
                "WITH secrets AS (SELECT value FROM secrets) SELECT * FROM secrets",
                "WITH users AS (SELECT id, value AS name FROM secrets) SELECT name FROM users",
            ],
        ),
        Case::all_refused(
            "writes that are allowed, of what may not be read",
            &[
                "INSERT INTO notes SELECT id, value FROM secrets",
                "INSERT INTO notes VALUES (1, 'x') RETURNING (SELECT value FROM secrets)",
                "UPDATE notes SET body = (SELECT value FROM secrets)",
                "UPDATE notes SET body = value FROM secrets",
                "DELETE FROM notes USING secrets WHERE notes.body = secrets.value",
                "INSERT INTO notes VALUES (1, 'x') ON CONFLICT DO NOTHING RETURNING (TABLE secrets)",
                "MERGE INTO notes USING secrets ON notes.id = secrets.id WHEN NOT MATCHED THEN INSERT VALUES (secrets.id, secrets.value)",
            ],
        ),
        Case::all_refused(
            "COPY of what may not be read",
            &[
                "COPY secrets TO STDOUT",
                "COPY secrets (value) TO STDOUT",
                "COPY (SELECT value FROM secrets) TO STDOUT",
                "COPY (TABLE secrets) TO STDOUT (FORMAT binary)",
            ],
        ),
        Case::all_refused(
            "PREPARE, DECLARE and EXPLAIN of what may not be read",
            &[
                "PREPARE p AS SELECT value FROM secrets",
                "EXPLAIN SELECT * FROM secrets",
                "EXPLAIN VERBOSE TABLE secrets",
                "BEGIN; DECLARE c CURSOR FOR SELECT value FROM secrets; FETCH ALL c; COMMIT",
                "DECLARE c CURSOR WITH HOLD FOR SELECT value FROM secrets; FETCH c",
                "CREATE TEMP TABLE t AS EXECUTE p",
            ],
        ),
    ]
}

fn code() -> Vec<Case> {
    vec![
        Case::all_refused(
            "DO and CALL",
            &["DO $$ BEGIN DELETE FROM orders; END $$", "DO LANGUAGE plpgsql 'BEGIN PERFORM sneak(''do''); END'", "CALL wipe()"],
        ),
        Case::all_refused(
            "functions that read or write",
            &[
                "SELECT peek()",
                "SELECT * FROM peek()",
                "SELECT * FROM ROWS FROM (peek())",
                "SELECT 1 ORDER BY peek()",
                "SELECT (SELECT peek())",
                "SELECT sneak('x')",
                "VALUES (sneak('x'))",
                "SELECT sneak_sum(id) FROM users",
                "SELECT sneak_sum(id) OVER () FROM users",
                "SELECT count(*) FILTER (WHERE sneak('x') = 1) FROM users",
                "INSERT INTO notes VALUES (sneak('x'), '')",
                "SELECT public.peek()",
            ],
        ),
        Case::all_refused(
            "operators are functions",
            &["SELECT 1 === 2", "SELECT 1 OPERATOR(public.===) 2", "SELECT 1 === ANY (ARRAY[1])"],
        ),
        Case::all_refused(
            "EXPLAIN of a function that the planner runs",
            &["EXPLAIN SELECT pure('x')", "EXPLAIN SELECT 1 WHERE pure('x') = 1"],
        ),
        Case::all_refused(
            "CVE-2018-1058: a function that shadows pg_catalog's",
            &["SELECT lower(name::varchar) FROM users", "SELECT public.lower('x'::varchar)"],
        ),
        Case::all_refused(
            "functions of pg_catalog that run text",
            &[
                "SELECT query_to_xml('SELECT value FROM secrets', true, false, '')",
                "SELECT table_to_xml('secrets', true, false, '')",
                "SELECT schema_to_xml('public', true, false, '')",
                "SELECT database_to_xml(true, false, '')",
                "SELECT query_to_xml_and_xmlschema('SELECT value FROM secrets', true, false, '')",
                "SELECT * FROM ts_stat('SELECT to_tsvector(value) FROM secrets')",
                "SELECT ts_rewrite('a'::tsquery, 'SELECT ''a''::tsquery, value::tsquery FROM secrets')",
                "SELECT query_to_xml('DELETE FROM orders RETURNING 1', true, false, '')",
            ],
        ),
        Case::all_refused(
            "dblink",
            &[
                "SELECT dblink_exec('dbname=trial', 'DELETE FROM orders')",
                "SELECT * FROM dblink('dbname=trial', 'SELECT value FROM secrets') AS t (v text)",
            ],
        ),
        Case::all_refused(
            "functions that act on the server",
            &[
                "SELECT pg_reload_conf()",
                "SELECT pg_terminate_backend(0)",
                "SELECT pg_switch_wal()",
                "SELECT pg_create_restore_point('x')",
                "SELECT pg_read_file('PG_VERSION')",
                "SELECT pg_ls_dir('.')",
                "SELECT * FROM pg_read_binary_file('PG_VERSION')",
                "SELECT pg_stat_reset()",
                "SELECT set_config('role', 'other', false)",
            ],
        ),
    ]
}

fn definitions() -> Vec<Case> {
    vec![
        Case::all_refused("definitions and rights", &[
            "CREATE TABLE stolen ()", "ALTER TABLE orders DROP COLUMN amount", "CREATE INDEX ON orders (amount)", "COMMENT ON TABLE orders IS 'x'",
            "GRANT SELECT ON secrets TO PUBLIC", "REVOKE ALL ON users FROM app", "ALTER ROLE other SUPERUSER", "CREATE ROLE third LOGIN SUPERUSER",
            "ALTER SYSTEM SET log_statement = 'none'", "ALTER DATABASE trial SET search_path = scratch", "CREATE EXTENSION pgcrypto",
            "REASSIGN OWNED BY app TO other", "SECURITY LABEL ON TABLE users IS 'x'", "IMPORT FOREIGN SCHEMA s FROM SERVER t INTO public",
            "CREATE PUBLICATION everything FOR ALL TABLES", "DROP OWNED BY app", "ALTER TABLE users ENABLE ROW LEVEL SECURITY", "VACUUM FULL orders",
            "REINDEX TABLE orders", "CLUSTER orders USING orders_pkey", "REFRESH MATERIALIZED VIEW secret_view", "LOAD 'plpgsql'", "CHECKPOINT",
        ]),
        Case::all_refused("rules that would do more than the statement that meets them", &[
            "CREATE RULE r AS ON INSERT TO notes DO ALSO DELETE FROM orders", "CREATE RULE r AS ON UPDATE TO notes DO INSTEAD INSERT INTO effects VALUES ('rule')",
        ]).and(r#"@id("d") permit (principal, action == Action::"define", resource == Table::"db/public.notes");"#),
        Case::all_refused("a permitted schema that draws forbidden tables in", &[
            "CREATE TABLE scratch.stolen AS SELECT * FROM secrets", "CREATE VIEW scratch.v AS SELECT value FROM secrets",
            "CREATE MATERIALIZED VIEW scratch.m AS TABLE secrets", "ALTER TABLE secrets SET SCHEMA scratch", "ALTER TABLE secrets INHERIT scratch.reports",
            "CREATE TABLE scratch.p (id int, value text) PARTITION BY LIST (id); ALTER TABLE scratch.p ATTACH PARTITION secrets DEFAULT",
            "CREATE RULE \"_RETURN\" AS ON SELECT TO scratch.reports DO INSTEAD SELECT value FROM secrets",
            "CREATE TABLE scratch.d (n int DEFAULT sneak('default')); INSERT INTO scratch.d DEFAULT VALUES",
            "CREATE INDEX ON scratch.reports (pure(value))", "ALTER TABLE scratch.reports ADD COLUMN n int DEFAULT sneak('column')",
            "ALTER TABLE scratch.reports ALTER COLUMN value TYPE int USING pure(value)", "CREATE POLICY p ON scratch.reports USING (value IN (SELECT value FROM secrets))",
            "CREATE TRIGGER t BEFORE INSERT ON scratch.reports EXECUTE FUNCTION swap()", "ALTER TABLE scratch.reports ADD CHECK (pure(value) = 1)",
            "ALTER VIEW secret_view SET SCHEMA scratch", "CREATE TABLE scratch.l (LIKE secrets INCLUDING ALL)",
        ]).and(SCRATCH).and(SETS),
    ]
}

fn files() -> Vec<Case> {
    vec![
        Case::all_refused(
            "COPY with programs and files",
            &[
                "COPY (SELECT 1) TO PROGRAM 'touch weir-probe'",
                "COPY notes FROM PROGRAM 'touch weir-probe'",
                "COPY users TO '/dev/null'",
                "COPY notes FROM '/dev/null'",
            ],
        ),
        Case::all_refused(
            "COPY TO PROGRAM under a rule against DELETE alone, with a DELETE in it",
            &["COPY (DELETE FROM orders RETURNING *) TO PROGRAM 'cat > weir-probe'"],
        )
        .under(NO_DELETE),
        Case::all_refused(
            "large objects",
            &[
                "SELECT lo_creat(-1)",
                "SELECT lo_create(4711)",
                "SELECT lo_from_bytea(0, 'x')",
                "SELECT lo_import('PG_VERSION')",
                "SELECT lo_export(1, 'weir-probe')",
                "SELECT lo_put(1, 0, 'x')",
                "SELECT lo_unlink(1)",
            ],
        ),
    ]
}

fn texts() -> Vec<Case> {
    let padded = |size: usize, pad: &str, rest: &str| format!("{}{rest}", pad.repeat(size / pad.len()));
    let each = |name: &str, texts: Vec<String>| Case::new(name, Client::Each(texts), Must::Refuse);
    vec![
        Case::all_refused(
            "identifiers in other spellings",
            &[
                "SELECT value FROM \"secrets\"",
                "SELECT value FROM SeCrEtS",
                "SELECT value FROM public . secrets",
                "SELECT value FROM U&\"\\0073ecrets\"",
                "SELECT value FROM U&\"!0073ecret!0073\" UESCAPE '!'",
                "SELECT value FROM U&\"\\+000073ecrets\"",
                "SELECT value FROM trial.public.secrets",
                "SELECT/**/value/**/FROM/**/secrets",
                "SELECT value FROM--\nsecrets",
                "SELECT value FROM\u{b}secrets",
                "SELECT value\tFROM\r\nsecrets;;",
            ],
        ),
        each("a name that the server cuts to 63 bytes", vec![format!("SELECT * FROM {}tail", "x".repeat(63))])
            .setup(&format!("CREATE TABLE {} AS SELECT * FROM secrets", "x".repeat(63))),
        Case::all_refused(
            "literals and comments that hide where code begins",
            &[
                "SELECT $a$;$b$ -- $a$, value FROM secrets",
                "SELECT '--', value FROM secrets",
                "SELECT E'\\'', value FROM secrets --'",
                "SELECT /* /* */ ' */ */ value FROM secrets --'",
                "SELECT 'a'\n'b', value FROM secrets",
                "SELECT U&'\\0027', value FROM secrets",
                "SELECT \"a\"\"b\", value FROM secrets, (SELECT 1) AS x (\"a\"\"b\")",
                "SELECT $$'$$, value FROM secrets --'",
                "SELECT B'1', X'f', N'n', value FROM secrets",
            ],
        ),
        each(
            "35 000 chained operators",
            [35_000, 2_000].map(|count| format!("SELECT {}1, value FROM secrets", "1 + ".repeat(count))).to_vec(),
        ),
        each("20 000 nested comments", vec![format!("SELECT {}{} value FROM secrets", "/*".repeat(20_000), "*/".repeat(20_000))]),
        each(
            "10 000 nested parentheses and casts",
            vec![
                format!("SELECT {}1{}, value FROM secrets", "(".repeat(10_000), ")".repeat(10_000)),
                format!("SELECT 1{}, value FROM secrets", "::int".repeat(20_000)),
                format!("SELECT {}true, value FROM secrets", "NOT ".repeat(20_000)),
            ],
        ),
        each(
            "a DELETE padded past 8 MiB",
            vec![padded(9 << 20, " ", "DELETE FROM orders"), padded(9 << 20, "/* pad */\n", "DELETE FROM orders")],
        ),
        each(
            "a DELETE padded past every limit",
            vec![padded(17 << 20, " ", "DELETE FROM orders"), padded(33 << 20, "--\n", "DELETE FROM orders")],
        ),
        each("a DELETE behind 5 000 statements", vec![format!("{}DELETE FROM orders", "SELECT 1;".repeat(5_000))]),
        Case::all_refused(
            "a text that can't be parsed",
            &["SELEC value FROM secrets", "DELETE FROM orders WHERE (", "SELECT 'open", "$$"],
        ),
    ]
}
