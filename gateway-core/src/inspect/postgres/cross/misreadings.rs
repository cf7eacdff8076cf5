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

const MISREADINGS: [Misreading; 3] = [
    // ONLY is read as the relation, and the relation as its alias.
    Misreading { example: "SELECT * FROM ONLY t", is: |_, now| word(now, "only") },
    // U&"…" is read as the column U and an operator.
    Misreading { example: "SELECT * FROM U&\"\\0061\"", is: |_, now| now.0 == Kind::Unicode },
    // The relation of a TABLE that stands for a query is not visited.
    Misreading {
        example: "SELECT 1 UNION TABLE t",
        is: |before, now| word(now, "table") && before.is_some_and(|before| JOINING.iter().any(|joint| word(before, joint))),
    },
];

/// What a query stands behind.
const JOINING: [&str; 6] = ["union", "except", "intersect", "all", "distinct", "as"];

fn word((kind, text): Written<'_>, expected: &str) -> bool {
    kind == Kind::Word && text.eq_ignore_ascii_case(expected)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::postgres::{Bounds, Reading, inspect};

    #[test]
    fn each_shape_is_found_and_is_read_as_postgres_reads_it() {
        for Misreading { example, is: _ } in &MISREADINGS {
            assert!(misread(example, true), "{example}");
            let read = inspect(example, Reading { standard_conforming_strings: Some(true) }, Bounds::default());
            assert!(
                !read.cross_checked && read.statements.iter().all(|statement| statement.facts.unparsed.is_none()),
                "{example}"
            );
        }
        assert!(!misread("SELECT a FROM t WHERE b = 'only'", true));
    }
}
