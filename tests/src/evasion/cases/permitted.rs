//! Ordinary work that the policy permits: each refusal of it is a false one.

use crate::evasion::{Case, Client, Must, SCRATCH, SETS};
use crate::wire::Script;
use crate::wire::message::{bind, close, copy_data, copy_done, describe, execute, function_call, parse, query, sync};

/// A backup: reads everything, and says so of what it can't see through.
const BACKUP: &str = r#"
@id("backup") permit (principal, action in [Action::"connect", Action::"read", Action::"session"], resource);
"#;

/// Everything that is understood.
const ALL: &str = r#"@id("allow-all") permit (principal, action, resource);"#;

pub(super) fn cases() -> Vec<Case> {
    [plain(), wide(), tools(), wire()].concat()
}

fn plain() -> Vec<Case> {
    vec![
        Case::passes(
            "SELECTs of what may be read",
            &[
                "SELECT name FROM users WHERE id = 1",
                "SELECT u.name, sum(o.amount) FROM users u JOIN orders o ON o.user_id = u.id GROUP BY u.name ORDER BY 2 DESC",
                "WITH big AS (SELECT * FROM orders WHERE amount > 100) SELECT count(*) FROM big",
                "SELECT * FROM user_names",
                "TABLE users",
                "SELECT 1",
                "VALUES (1), (2)",
            ],
            "Ana",
        ),
        Case::passes(
            "functions of pg_catalog",
            &[
                "SELECT upper(name), length(name), coalesce(name, 'x') || '!' FROM users",
                "SELECT count(*), max(id), string_agg(name, ',') FROM users",
                "SELECT now(), current_date, extract(year FROM now()), date_trunc('day', now())",
                "SELECT * FROM generate_series(1, 3)",
                "SELECT jsonb_build_object('a', 1) ->> 'a', '{\"b\": [1, 2]}'::jsonb @> '{\"b\": [1]}'",
                "SELECT row_number() OVER (ORDER BY id), rank() OVER () FROM users",
                "SELECT regexp_replace('abc', 'b', 'x'), substring('abc' from 2), trim('  a '), 'a' LIKE 'b%', 'a' ~ 'b'",
                "SELECT ARRAY[1, 2] || 3, unnest(ARRAY[1, 2])",
                "SELECT version(), current_user, current_setting('server_version'), pg_backend_pid() > 0",
            ],
            "ANA",
        ),
        Case::passes(
            "the words of forbidden things in literals and names",
            &[
                "SELECT 'DELETE FROM users; DROP TABLE secrets'",
                "SELECT 1 AS \"delete from secrets\"",
                "SELECT name AS secrets FROM users -- DELETE FROM secrets",
                "WITH secrets AS (SELECT 'mine' AS value) SELECT value FROM secrets",
                "SELECT $$; DROP TABLE users;$$",
            ],
            "mine",
        ),
        Case::passes("a permitted function", &["SELECT greet(name) FROM users"], "hello Ana"),
        Case::passes(
            "writes of what may be written",
            &[
                "INSERT INTO notes VALUES (1, 'a'), (2, 'b')",
                "UPDATE notes SET body = 'c' WHERE id = 1",
                "DELETE FROM notes WHERE id = 2",
                "INSERT INTO notes SELECT id, name FROM users",
                "WITH x AS (DELETE FROM notes RETURNING *) SELECT count(*) FROM x",
                "TRUNCATE notes",
            ],
            "4",
        ),
        Case::passes(
            "transactions",
            &[
                "BEGIN; INSERT INTO notes VALUES (1, 'a'); SAVEPOINT s; INSERT INTO notes VALUES (2, 'b'); ROLLBACK TO s; RELEASE s; COMMIT",
                "START TRANSACTION ISOLATION LEVEL SERIALIZABLE READ ONLY; SELECT count(*) FROM notes; END",
                "SELECT 'notes ' || count(*) FROM notes",
            ],
            "notes 1",
        ),
        Case::passes(
            "prepared statements and cursors in SQL",
            &[
                "PREPARE p (int) AS SELECT name FROM users WHERE id = $1",
                "EXECUTE p (2)",
                "DEALLOCATE p",
                "BEGIN; DECLARE c SCROLL CURSOR FOR SELECT name FROM users; FETCH 2 c; MOVE BACKWARD ALL IN c; FETCH c; CLOSE c; COMMIT",
                "EXPLAIN SELECT * FROM users",
            ],
            "Ben",
        ),
        Case::passes(
            "settings, where they are permitted",
            &[
                "SET TIME ZONE 'UTC'",
                "SET statement_timeout = '1min'",
                "SHOW search_path",
                "SET search_path = public",
                "RESET ALL",
                "BEGIN; SET LOCAL work_mem = '8MB'; COMMIT",
                "LISTEN bell",
                "NOTIFY bell",
                "SET standard_conforming_strings = off",
                "SELECT E'a\\nb'",
                "DISCARD ALL",
            ],
            "public",
        )
        .and(SETS),
        Case::passes(
            "a schema of one's own",
            &[
                "CREATE TABLE scratch.mine (id int PRIMARY KEY, body text NOT NULL DEFAULT 'x')",
                "INSERT INTO scratch.mine SELECT id FROM users",
                "CREATE INDEX ON scratch.mine (body)",
                "CREATE VIEW scratch.both AS SELECT u.name, m.body FROM users u JOIN scratch.mine m USING (id)",
                "SELECT count(*) FROM scratch.both",
                "DROP VIEW scratch.both",
                "DROP TABLE scratch.mine",
            ],
            "3",
        )
        .and(SCRATCH)
        .and(SETS),
        Case::passes("error, then work", &["SELECT name FROM users LIMIT 1"], "Ana"),
    ]
}

fn wide() -> Vec<Case> {
    let rows: Vec<String> = (0..1000).map(|n| format!("({n}, 'note number {n}, with a quote '' and a \\ in it')")).collect();
    let list: Vec<String> = (0..20_000).map(|n| n.to_string()).collect();
    let psql = |name: &str, texts: Vec<String>, prints| Case::new(name, Client::Psql(texts), Must::Pass(prints));
    vec![
        psql(
            "an INSERT of 1 000 rows",
            vec![format!("INSERT INTO notes VALUES {}", rows.join(", ")), "SELECT count(*) FROM notes".to_owned()],
            "1000",
        ),
        Case::wire(
            "an IN list of 20 000",
            Script::new().query(&format!("SELECT count(*) FROM orders WHERE id IN ({})", list.join(", "))),
            Must::Pass("5000"),
        ),
        Case::wire(
            "a literal of 4 MiB",
            Script::new().query(&format!("SELECT length('{}')", "x".repeat(4 << 20))),
            Must::Pass("4194304"),
        ),
        Case::wire(
            "a hundred statements in one text",
            Script::new().query(&"SELECT count(*) FROM users;".repeat(100)),
            Must::Pass("3"),
        ),
    ]
}

fn tools() -> Vec<Case> {
    let shell = |name: &str, line: &str, prints| Case::new(name, Client::Shell(line.to_owned()), Must::Pass(prints));
    vec![
        shell("pg_dump", "pg_dump | grep -c SECRET-7421 | sed 's/.*/dumped &/'", "dumped 2").under(BACKUP),
        shell("pgbench", "pgbench -i -q -s 1 2>&1 && pgbench -n -c 2 -t 20 -M prepared 2>&1 | grep processed", "40/40")
            .under(ALL),
        shell(
            "psql's own looks at the catalog",
            "psql -X -c '\\d users' -c '\\dt' -c '\\dn' -c '\\du' -c '\\df greet' -c '\\l' | grep -c .",
            "",
        )
        .and(SETS),
        Case::passes(
            "information_schema",
            &[
                "SELECT table_name FROM information_schema.tables WHERE table_schema = 'public' ORDER BY 1",
                "SELECT relname FROM pg_class WHERE relname = 'users'",
            ],
            "users",
        ),
    ]
}

fn wire() -> Vec<Case> {
    let run = |text: &str| [parse("", text.as_bytes()), bind("", "", &[]), execute("", 0)].concat();
    vec![
        Case::wire(
            "a pipeline of a hundred",
            Script::new()
                .segment(&(0..100).map(|n| run(&format!("INSERT INTO notes VALUES ({n}, 'p')"))).collect::<Vec<_>>())
                .query("SELECT count(*) FROM notes"),
            Must::Pass("100"),
        ),
        Case::wire(
            "segments that are not waited for",
            Script::new().send(&[run("SELECT 1"), sync(), run("SELECT name FROM users"), sync(), query(b"SELECT 2")]).ready(3),
            Must::Pass("Cleo"),
        ),
        Case::wire(
            "a prepared statement used again after an error of the server's own",
            Script::new()
                .segment(&[parse("s", b"SELECT 10 / $1::int"), describe(b'S', "s"), bind("", "s", &["5"]), execute("", 0)])
                .segment(&[bind("", "s", &["0"]), execute("", 0)])
                .segment(&[bind("", "s", &["2"]), execute("", 0), close(b'S', "s")]),
            Must::Judge("SELECT 1", "1", 0),
        ),
        // pg_backend_pid: its number is the same in every server.
        Case::wire(
            "a FunctionCall that is permitted",
            Script::new().send(&[function_call(2026, &[])]).ready(1),
            Must::Pass("in-step"),
        ),
        Case::wire(
            "COPY both ways",
            Script::new()
                .send(&[query(b"COPY notes FROM STDIN")])
                .until(b'G', 1)
                .send(&[copy_data(b"1\ta\n2\tb\n"), copy_done()])
                .ready(1)
                .query("COPY notes TO STDOUT")
                .query("SELECT count(*) FROM notes"),
            Must::Pass("2"),
        ),
        Case::wire(
            "LATIN1",
            Script::new().query("SET client_encoding = 'LATIN1'").bytes(b"SELECT length('caf\xe9')"),
            Must::Pass("4"),
        )
        .and(SETS),
        Case::wire(
            "a portal in slices",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("s", b"SELECT name FROM users ORDER BY id"), bind("p", "s", &[]), execute("p", 2)])
                .segment(&[execute("p", 2)])
                .query("COMMIT"),
            Must::Pass("Cleo"),
        ),
        Case::wire(
            "two-phase commit",
            Script::new()
                .query("BEGIN")
                .query("INSERT INTO notes VALUES (1, 'a')")
                .query("PREPARE TRANSACTION 'mine'")
                .query("COMMIT PREPARED 'mine'")
                .query("SELECT count(*) FROM notes"),
            Must::Pass("1"),
        )
        .and(SETS),
    ]
}
