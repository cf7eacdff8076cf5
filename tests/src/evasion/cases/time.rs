//! What changes while a session lives: the policy, and totals that it watches.

use crate::evasion::{Case, Client, Must, READER};
use crate::wire::Script;
use crate::wire::message::{bind, execute, parse};

/// More than 2 000 rows end the session.
const QUOTA: &str = r#"
@id("quota") @on_deny("kill_session") forbid (principal, action == Action::"read", resource) when { context.session.rows > 2000 };
"#;

/// A quota that overflows from the first statement on.
const OVERFLOW: &str = r#"
@id("overflow") forbid (principal, action == Action::"read", resource)
when { context.session.statements + 9223372036854775807 < 0 };
"#;

pub(super) fn cases() -> Vec<Case> {
    let connects: String = READER.lines().filter(|line| line.contains("connects")).collect();
    let reload = |name: &str, script: Script| Case::new(name, Client::Reload(script, connects.clone()), Must::Refuse);
    vec![
        reload(
            "Bind after the policy has changed",
            Script::new()
                .segment(&[parse("s", b"INSERT INTO notes VALUES (1, 'late')")])
                .pause()
                .segment(&[bind("", "s", &[]), execute("", 0)]),
        ),
        reload(
            "Execute of a portal bound before the policy has changed",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("s", b"INSERT INTO notes VALUES (1, 'late')"), bind("p", "s", &[])])
                .pause()
                .segment(&[execute("p", 0)])
                .query("COMMIT"),
        ),
        reload(
            "a suspended portal after the policy has changed",
            Script::new()
                .query("BEGIN")
                .segment(&[parse("s", b"SELECT * FROM users"), bind("p", "s", &[]), execute("p", 1)])
                .pause()
                .segment(&[execute("p", 0)])
                .query("COMMIT"),
        ),
        reload(
            "EXECUTE after the policy has changed",
            Script::new().query("PREPARE p AS INSERT INTO notes VALUES (1, 'late')").pause().query("EXECUTE p"),
        ),
        reload(
            "FETCH from a cursor made before the policy has changed",
            Script::new()
                .query("BEGIN")
                .query("DECLARE c CURSOR FOR SELECT * FROM users")
                .query("FETCH c")
                .pause()
                .query("FETCH ALL c")
                .query("COMMIT"),
        ),
        reload(
            "the same text after the policy has changed",
            Script::new().query("SELECT count(*) FROM orders").pause().query("SELECT count(*) FROM orders"),
        ),
        Case::refused("a quota forbid that overflows", "SELECT name FROM users").and(OVERFLOW),
        Case::wire("a result beyond its quota", Script::new().query("SELECT * FROM orders a, orders b LIMIT 1000000"), Must::End)
            .and(QUOTA),
        Case::wire(
            "a result beyond its quota in slices of a cursor",
            (0..200).fold(Script::new().query("BEGIN").query("DECLARE c CURSOR FOR SELECT * FROM orders"), |script, _| {
                script.query("FETCH 100 c")
            }),
            Must::End,
        )
        .and(QUOTA),
        Case::wire(
            "a result beyond its quota in slices of a portal",
            (0..200).fold(
                Script::new().query("BEGIN").segment(&[parse("s", b"SELECT * FROM orders"), bind("p", "s", &[])]),
                |script, _| script.segment(&[execute("p", 100)]),
            ),
            Must::End,
        )
        .and(QUOTA),
        Case::wire(
            "a COPY beyond its quota",
            Script::new().query("COPY (SELECT a.* FROM orders a, orders b LIMIT 1000000) TO STDOUT"),
            Must::End,
        )
        .and(QUOTA),
    ]
}
