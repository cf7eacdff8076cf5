//! Operators and what is written behind a dot: what may call a function without looking like it.

use super::{inspected, object};
use crate::inspect::{Action, Object};

/// The operators and members of a statement, in the notation of `super`.
fn check(text: &str, expected: &str) {
    let inspection = inspected(text);
    let [statement] = inspection.statements.as_slice() else { panic!("{text}: {inspection:?}") };
    assert_eq!(statement.facts.unparsed, None, "{text}");
    let calls = statement.accesses.iter().filter(|access| access.action == Action::Call);
    let shown = calls.filter(|access| !matches!(access.object, Object::Function(_))).map(|access| object(&access.object));
    assert_eq!(shown.collect::<Vec<_>>().join(" "), expected, "{text}");
}

#[test]
fn every_operator_is_told_once() {
    for (text, expected) in [
        ("SELECT a + b - -c + d FROM t", "{+} {-}"),
        ("SELECT a != b FROM t", "{<>}"),
        ("SELECT a BETWEEN 1 AND 2 FROM t", "{<=} {>=}"),
        ("SELECT a BETWEEN SYMMETRIC 1 AND 2 FROM t", "{<=} {>=}"),
        ("SELECT a NOT BETWEEN 1 AND 2 FROM t", "{<} {>}"),
        ("SELECT a IN (1, 2), b NOT IN (1, 2) FROM t", "{<>} {=}"),
        ("SELECT a IN (SELECT 1) FROM t", "{=}"),
        ("SELECT a NOT IN (SELECT 1) FROM t", "{=}"),
        ("SELECT a < ANY (SELECT 1), b > ALL (ARRAY[1]) FROM t", "{<} {>}"),
        ("SELECT EXISTS (SELECT 1), ARRAY(SELECT 1)", ""),
        ("SELECT a LIKE 'x', b NOT LIKE 'x' FROM t", "{!~~} {~~}"),
        ("SELECT a ILIKE 'x', b NOT ILIKE 'x' FROM t", "{!~~*} {~~*}"),
        ("SELECT a SIMILAR TO 'x', b NOT SIMILAR TO 'x' FROM t", "{!~} {~}"),
        ("SELECT a IS DISTINCT FROM b, c IS NOT DISTINCT FROM d FROM t", "{=}"),
        ("SELECT NULLIF(a, b) FROM t", "{=}"),
        ("SELECT (a, b) < (c, d) FROM t", "{<}"),
        ("SELECT CASE a WHEN 1 THEN 2 END FROM t", "{=}"),
        ("SELECT CASE WHEN a THEN 2 END FROM t", ""),
        ("SELECT a FROM t ORDER BY b USING >", "{>}"),
        ("SELECT a FROM t JOIN u USING (a)", "{=}"),
        ("SELECT a FROM t NATURAL JOIN u", "{=}"),
        ("SELECT a FROM t CROSS JOIN u", ""),
        ("SELECT a OPERATOR(pg_catalog.+) b, a OPERATOR(s.+) b FROM t", "{s.+}"),
        ("UPDATE t SET a = 1 WHERE b = 2", "{=}"),
        ("PREPARE p AS SELECT 1 + 1", "{+}"),
        ("CREATE VIEW v AS SELECT a <-> b FROM t", "{<->}"),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_is_behind_a_dot_may_be_a_function() {
    for (text, expected) in [
        ("SELECT a, t.*, t.a, s.t.b FROM t", ".a .b"),
        ("SELECT (t).evil FROM t", "().evil"),
        ("SELECT (t.a).b[1].c, ($1).d FROM t", ".a ().b ().c ().d"),
        ("SELECT ((SELECT 'x')::text).pg_read_file", "().pg_read_file"),
        // What a function returns need not be a row.
        ("SELECT f.dblink_exec FROM concat('DELETE') AS f", "().dblink_exec"),
        ("PREPARE p AS SELECT f.evil FROM concat('DELETE') AS f", "().evil"),
        ("UPDATE t SET a.b = 1, c[1] = 2", ""),
    ] {
        check(text, expected);
    }
}

#[test]
fn what_runs_text_by_a_dot_is_opaque() {
    let opaque = |text: &str| inspected(text).statements.iter().any(|statement| statement.facts.opaque);
    assert!(opaque("SELECT ('DELETE FROM t'::text).dblink_exec"));
    assert!(!opaque("SELECT ('x'::text).upper"));
}
