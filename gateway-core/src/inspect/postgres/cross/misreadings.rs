//! Where the second parser is known to be wrong: each shape with an example. PostgreSQL's own
//! grammar is right in all of them.

use crate::inspect::postgres::lexer::{Kind, Lexer, Token};

/// Whether a text has one of the shapes.
pub(super) fn misread(text: &str, conforming: bool) -> bool {
    let mut lexer = Lexer::new(text, conforming);
    let mut last: Option<Token> = None;
    while let Ok(Some(token)) = lexer.next() {
        let before = last.as_ref().map(|last| (last.kind, text.get(last.span.clone()).unwrap_or_default()));
        let now = (token.kind, text.get(token.span.clone()).unwrap_or_default());
        if MISREADINGS.iter().any(|misreading| (misreading.is)(before, now)) {
            return true;
        }
        last = Some(token);
    }
    // What can't be cut into tokens is not compared.
    lexer.next() != Ok(None)
}

/// A token's kind and text.
type Written<'a> = (Kind, &'a str);

/// One shape, by two tokens in a row.
struct Misreading {
    /// A statement that has it, for the test.
    #[cfg_attr(not(test), expect(dead_code, reason = "the example is for readers and for the test"))]
    example: &'static str,
    is: fn(Option<Written<'_>>, Written<'_>) -> bool,
}

const MISREADINGS: [Misreading; 4] = [
    // ONLY is read as the relation, and the relation as its alias.
    Misreading { example: "SELECT * FROM ONLY t", is: |_, now| word(now, "only") },
    // The relation of a TABLE that stands for a query is not visited.
    Misreading {
        example: "SELECT 1 UNION TABLE t",
        is: |before, now| {
            let stands_for_a_query = |(kind, text)| text == ")" || JOINING.iter().any(|joint| word((kind, text), joint));
            word(now, "table") && before.is_some_and(stands_for_a_query)
        },
    },
    // What follows is read as the copy's data.
    Misreading {
        example: "COPY t FROM STDIN; DELETE FROM u",
        is: |before, now| word(now, "stdin") && before.is_some_and(|before| word(before, "from")),
    },
    // A label without AS that is an operator's word: FROM is read as the operand, the relation as a label.
    // (So is END; it stays compared, for a CASE ends in it.)
    Misreading {
        example: "SELECT 1 or FROM t",
        is: |before, now| word(now, "from") && before.is_some_and(|before| LABELS.iter().any(|label| word(before, label))),
    },
];

/// What a query stands behind.
const JOINING: [&str; 6] = ["union", "except", "intersect", "all", "distinct", "as"];

/// Words that begin or join an expression, and may be labels.
const LABELS: [&str; 6] = ["and", "collate", "ilike", "interval", "like", "or"];

/// Whether an unquoted name in FROM is one of the functions that are called without parentheses: the
/// second parser reads `SELECT * FROM current_user` as a relation of that name.
pub(super) fn is_function(name: &str) -> bool {
    [
        "current_catalog",
        "current_date",
        "current_role",
        "current_schema",
        "current_time",
        "current_timestamp",
        "current_user",
        "localtime",
        "localtimestamp",
        "session_user",
        "system_user",
        "user",
    ]
    .contains(&name)
}

fn word((kind, text): Written<'_>, expected: &str) -> bool {
    kind == Kind::Word && text.eq_ignore_ascii_case(expected)
}

/// A statement for each shape.
#[cfg(test)]
pub(super) fn examples() -> impl Iterator<Item = &'static str> {
    MISREADINGS.iter().map(|misreading| misreading.example)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::postgres::{Bounds, Reading, inspect};

    #[test]
    fn each_shape_is_found_and_is_read_as_postgres_reads_it() {
        for Misreading { example, is: _ } in &MISREADINGS {
            assert!(misread(example, true), "{example}");
            let read = inspect(example, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default());
            assert!(
                !read.cross_checked && read.statements.iter().all(|statement| statement.facts.unparsed.is_none()),
                "{example}"
            );
        }
        assert!(!misread("SELECT a FROM t WHERE b = 'only'", true));
    }
}
