//! Leaves literals out of long lists before the text is parsed: a row of literals touches nothing,
//! and PostgreSQL's tree takes some 750 bytes for each of its tokens.
//!
//! What is left out is overwritten with blanks, so that every other place stays where it is. Only
//! elements between two commas go, of lists that have many, and only those that are one literal or
//! a parenthesis of literals: without them the same relations and functions are named.

use super::lexer::{Kind, Lexer, Token};
use std::borrow::Cow;

/// Texts up to this length are parsed as they are.
const WHOLE: usize = 64 << 10;

/// How many elements of a list are kept.
const KEPT: usize = 64;

/// What the current element of a list has been so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Element {
    Empty,
    /// A sign, which a number must follow.
    Sign,
    /// A literal, or a parenthesis of literals.
    Literal,
    Other,
}

/// A list: all between two parentheses, or a whole statement.
#[derive(Debug)]
struct List {
    /// Elements that are complete.
    complete: usize,
    /// Where the comma before the current element stands.
    comma: Option<usize>,
    element: Element,
    /// All elements were literals.
    literals: bool,
}

impl List {
    const NEW: Self = Self { complete: 0, comma: None, element: Element::Empty, literals: true };

    /// A comma: the element is complete; whether it can go.
    fn complete(&mut self, at: usize) -> Option<usize> {
        let goes = self.element == Element::Literal && self.complete >= KEPT;
        let before = self.comma.filter(|_| goes);
        self.literals &= self.element == Element::Literal;
        self.complete += 1;
        self.comma = Some(at);
        self.element = Element::Empty;
        before
    }

    fn add(&mut self, now: Element) {
        self.element = match (self.element, now) {
            (Element::Empty, now) => now,
            (Element::Sign, Element::Literal) => Element::Literal,
            (Element::Sign | Element::Literal | Element::Other, _) => Element::Other,
        };
    }
}

/// `text`, or a copy of it with literals of long lists blanked.
pub(super) fn elide(text: &str, conforming: bool) -> Cow<'_, str> {
    if text.len() <= WHOLE {
        return Cow::Borrowed(text);
    }
    let mut blanked: Option<Vec<u8>> = None;
    let mut lists = vec![List::NEW];
    let mut lexer = Lexer::new(text, conforming);
    // Where there is no next token, the bounds or the parser say why.
    while let Ok(Some(Token { kind, span })) = lexer.next() {
        let Some(list) = lists.last_mut() else { return Cow::Borrowed(text) };
        match kind {
            Kind::Symbol(b',') => {
                if let Some(comma) = list.complete(span.start)
                    && let Some(element) = blanked.get_or_insert_with(|| text.as_bytes().to_vec()).get_mut(comma..span.start)
                {
                    element.fill(b' ');
                }
            }
            Kind::Symbol(b'(' | b'[') => lists.push(List::NEW),
            Kind::Symbol(b')' | b']') => {
                let literals = kind == Kind::Symbol(b')') && list.literals && list.element == Element::Literal;
                if lists.len() > 1 {
                    lists.pop();
                }
                if let Some(outer) = lists.last_mut() {
                    outer.add(if literals { Element::Literal } else { Element::Other });
                }
            }
            Kind::Symbol(b';') => lists = vec![List::NEW],
            kind => list.add(element(kind, text.get(span).unwrap_or_default())),
        }
    }
    // Whole tokens were overwritten, so it is still text.
    blanked.and_then(|bytes| String::from_utf8(bytes).ok()).map_or(Cow::Borrowed(text), Cow::Owned)
}

fn element(kind: Kind, written: &str) -> Element {
    match kind {
        Kind::Number | Kind::Parameter => Element::Literal,
        // With a backslash its end depends on a setting.
        Kind::Text if !written.contains('\\') => Element::Literal,
        Kind::Word if ["null", "true", "false", "default"].iter().any(|word| written.eq_ignore_ascii_case(word)) => {
            Element::Literal
        }
        Kind::Operator if matches!(written, "-" | "+") => Element::Sign,
        Kind::Text | Kind::Word | Kind::Operator | Kind::Quoted | Kind::Unicode | Kind::Symbol(_) => Element::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `element` in the middle of a list that is long enough; what is left of it.
    fn left(element: &str) -> String {
        let list = vec!["(1)"; 30_000].join(",");
        let text = format!("INSERT INTO t VALUES {list},{element},{list}");
        let elided = elide(&text, true);
        assert_eq!(elided.len(), text.len());
        elided.split_whitespace().collect::<Vec<_>>().join(" ").replace("(1),", "").replace(" ,", ",")
    }

    #[test]
    fn literals_go_and_all_else_stays() {
        let nothing = "INSERT INTO t VALUES (1),(1)";
        for element in ["(2)", "('a', NULL, -1.5, TRUE, $1, DEFAULT)", "3", "'(SELECT'", "$$,($$", "(E'x')", "-1"] {
            assert_eq!(left(element), nothing, "{element}");
        }
        for element in [
            "(f(1))",
            "((SELECT 1))",
            "(a)",
            "'\\''",
            "1 + 2",
            "'a' 'b'",
            "\"a\"",
            "date 'x'",
            "(1) (2)",
            "[1]",
            "-",
            "()",
            "(1, a)",
        ] {
            assert!(left(element).contains(element), "{element}: {}", left(element));
        }
    }
}
