//! Properties: a subselect that is planted at any expression position is seen.

use super::super::fuzz_entry;
use super::inspected;
use crate::inspect::{Access, Action, Object, ObjectName};
use proptest::prelude::*;

/// Expressions with a hole: `#` is where an expression goes.
const EXPRESSIONS: [&str; 34] = [
    "(#)",
    "# + 1",
    "1 = #",
    "NOT (#)",
    "(#) IS NULL",
    "(#) IS TRUE",
    "CASE WHEN # THEN 1 END",
    "CASE # WHEN 1 THEN 2 ELSE 3 END",
    "CASE WHEN true THEN 1 ELSE # END",
    "COALESCE(1, #)",
    "NULLIF(#, 1)",
    "GREATEST(#, 2)",
    "f(#)",
    "f(a => #)",
    "count(x ORDER BY #)",
    "count(*) FILTER (WHERE #)",
    "sum(x) OVER (PARTITION BY #)",
    "sum(x) OVER (ORDER BY # ROWS BETWEEN 1 PRECEDING AND 2 FOLLOWING)",
    "sum(x) OVER (ROWS BETWEEN (#) PRECEDING AND CURRENT ROW)",
    "percentile_cont(0.5) WITHIN GROUP (ORDER BY #)",
    "ARRAY[1, #]",
    "(ARRAY[1])[#]",
    "(ARRAY[1])[1:#]",
    "ROW(1, #)",
    "(#)::text",
    "(#) COLLATE \"C\"",
    "(#) AT TIME ZONE 'UTC'",
    "x BETWEEN # AND 2",
    "x IN (1, #)",
    "x = ANY (ARRAY[#])",
    "x LIKE (#) ESCAPE 'a'",
    "xmlelement(name a, #)",
    "json_object('a': #)",
    "EXISTS (SELECT 1 FROM ordinary WHERE #)",
];

/// Statements with a hole for an expression.
const STATEMENTS: [&str; 40] = [
    "SELECT #",
    "SELECT DISTINCT ON (#) a FROM ordinary",
    "SELECT a FROM ordinary WHERE #",
    "SELECT a FROM ordinary GROUP BY #",
    "SELECT a FROM ordinary GROUP BY ROLLUP (a, #)",
    "SELECT a FROM ordinary GROUP BY a HAVING #",
    "SELECT a FROM ordinary ORDER BY #",
    "SELECT a FROM ordinary LIMIT (#)",
    "SELECT a FROM ordinary OFFSET (#)",
    "SELECT a FROM ordinary FETCH FIRST (#) ROWS ONLY",
    "SELECT a FROM ordinary WINDOW w AS (PARTITION BY #)",
    "SELECT a FROM ordinary TABLESAMPLE system (#) REPEATABLE (1)",
    "SELECT a FROM ordinary TABLESAMPLE system (1) REPEATABLE (#)",
    "SELECT a FROM ordinary JOIN other ON #",
    "SELECT a FROM f(#) AS g",
    "SELECT a FROM ROWS FROM (f(1), g(#)) AS h",
    "SELECT a FROM ordinary, LATERAL (SELECT #) l",
    "SELECT 1 UNION SELECT #",
    "VALUES (1, 2), (3, #)",
    "WITH w AS (SELECT #) SELECT * FROM w",
    "WITH RECURSIVE w AS (SELECT 1 UNION ALL SELECT # FROM w) SELECT * FROM w",
    "INSERT INTO ordinary VALUES (#)",
    "INSERT INTO ordinary SELECT #",
    "INSERT INTO ordinary VALUES (1) RETURNING #",
    "INSERT INTO ordinary VALUES (1) ON CONFLICT (a) DO UPDATE SET b = #",
    "INSERT INTO ordinary VALUES (1) ON CONFLICT (a) WHERE # DO NOTHING",
    "UPDATE ordinary SET a = #",
    "UPDATE ordinary SET (a, b) = (SELECT 1, #)",
    "UPDATE ordinary SET a = 1 FROM (SELECT #) f WHERE f.b = 1",
    "UPDATE ordinary SET a = 1 WHERE #",
    "DELETE FROM ordinary USING other WHERE #",
    "DELETE FROM ordinary WHERE a = 1 RETURNING #",
    "MERGE INTO ordinary USING other ON # WHEN MATCHED THEN DELETE",
    "MERGE INTO ordinary USING other ON true WHEN NOT MATCHED AND # THEN INSERT VALUES (1)",
    "MERGE INTO ordinary USING other ON true WHEN MATCHED THEN UPDATE SET a = #",
    "COPY (SELECT #) TO STDOUT",
    "CREATE TABLE made AS SELECT #",
    "EXPLAIN SELECT #",
    "PREPARE p AS SELECT #",
    "EXECUTE p (#)",
];

fn fill(template: &str, expression: &str) -> String {
    template.replace('#', expression)
}

/// `depth` expressions around a subselect of `planted`.
fn expression() -> impl Strategy<Value = String> {
    prop::collection::vec(0..EXPRESSIONS.len(), 0..4).prop_map(|wrappers| {
        wrappers
            .into_iter()
            .fold("(SELECT secret FROM hidden.planted)".to_owned(), |inner, at| fill(EXPRESSIONS[at], &format!("({inner})")))
    })
}

fn planted(text: &str) -> Result<bool, String> {
    let inspection = inspected(text);
    let read = Access::new(Action::Read, Object::Relation(ObjectName::within("hidden", "planted")));
    match inspection.statements.as_slice() {
        [statement] => match &statement.facts.unparsed {
            Some(why) => Err(why.clone()),
            None => Ok(statement.accesses.contains(&read)),
        },
        _ => Ok(false),
    }
}

#[test]
fn a_planted_subselect_is_seen_at_every_position() {
    for statement in STATEMENTS {
        for expression in EXPRESSIONS {
            let text = fill(statement, &fill(expression, "(SELECT secret FROM hidden.planted)"));
            assert_eq!(planted(&text), Ok(true), "{text}");
        }
    }
}

proptest! {
    #[test]
    fn a_subselect_planted_deeper_is_seen_or_nothing_is_understood(at in 0..STATEMENTS.len(), expression in expression()) {
        let text = fill(STATEMENTS[at], &expression);
        match planted(&text) {
            Ok(seen) => prop_assert!(seen, "{}", text),
            Err(why) => prop_assert!(why == "too deeply nested", "{}: {}", text, why),
        }
    }

    #[test]
    fn any_text_is_answered(text in "\\PC{0,200}") {
        for statement in inspected(&text).statements {
            prop_assert!(text.get(statement.span.clone()).is_some());
        }
    }

    #[test]
    fn words_of_the_grammar_in_any_order_are_answered(words in prop::collection::vec(prop::sample::select(WORDS.to_vec()), 0..25)) {
        let text = words.join(" ");
        for statement in inspected(&text).statements {
            prop_assert!(text.get(statement.span.clone()).is_some());
        }
    }
}

const WORDS: [&str; 48] = [
    "SELECT",
    "FROM",
    "t",
    "a",
    "*",
    ",",
    "(",
    ")",
    "1",
    "'x'",
    "WITH",
    "AS",
    "INSERT",
    "INTO",
    "VALUES",
    "UPDATE",
    "SET",
    "=",
    "WHERE",
    "DELETE",
    "USING",
    "RETURNING",
    "MERGE",
    "ON",
    "WHEN",
    "MATCHED",
    "THEN",
    "TABLE",
    "CREATE",
    "DROP",
    "ALTER",
    "FUNCTION",
    "EXECUTE",
    "PREPARE",
    "DECLARE",
    "CURSOR",
    "FOR",
    "FETCH",
    "CLOSE",
    "CURRENT",
    "OF",
    "c",
    ";",
    "--\n",
    "/*",
    "*/",
    "E'\\'",
    "$$",
];

proptest! {
    #[test]
    fn hostile_bytes_are_answered_and_cut_as_the_server_cuts_them(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        fuzz_entry(&bytes);
    }

    #[test]
    fn pieces_of_the_lexical_grammar_are_cut_as_the_server_cuts_them(
        pieces in prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..30),
    ) {
        fuzz_entry(format!("1{}", pieces.concat()).as_bytes());
    }
}

const PIECES: [&str; 58] = [
    "'", "''", "\"", "\"\"", "\\", "\n", " ", "\t", "--", "/*", "*/", "$", "$$", "$a$", "$1", "E'", "e'", "U&'", "U&\"", "B'",
    "x'", "N'", "a", "é", "_", "1", "1.5", ".", "..", "1e5", "1e", "0x1F", "1_000", "+", "-", "*", "/", "<", ">", "=", "!", "@",
    "#", "&", "|", "?", "~", "%", "^", "`", "(", ")", "[", "]", ",", ";", ":", "::",
];
