//! What the server itself would say of a text that is no SQL: PostgreSQL's own words and the place,
//! as `scanner_yyerror` (`src/backend/parser/scan.l`) puts them.

use super::lexer::Lexer;
use super::{Bounds, bounds, elide, parse};
use crate::inspect::Rejection;
use std::ops::Range;

/// PostgreSQL's `syntax_error`.
const SYNTAX_ERROR: &str = "42601";
/// The place is looked for in texts up to this length: each step parses a part of it.
const SEARCHED: usize = 64 << 10;
/// A message may repeat the rest of the text; so many bytes of it are kept.
const MESSAGE: usize = 4 << 10;

const NEAR: &str = " at or near \"";
const END: &str = " at end of input";

/// The syntax error in `text`; none where there is none, or something else is wrong with it.
pub(super) fn syntax_error(text: &str, conforming: bool, bounds: Bounds) -> Option<Rejection> {
    bounds::bytes(text, bounds).ok()?;
    let short = elide::elide(text, conforming);
    bounds::look(&short, conforming, bounds).ok()?;
    let said = parse::error(&short, conforming)?;
    let place = if said.ends_with(END) {
        Some(text.len())
    } else {
        let near = said.split_once(NEAR)?.1.strip_suffix('"')?;
        (text.len() <= SEARCHED).then(|| place(text, conforming, &said, near)).flatten()
    };
    let characters = place.and_then(|place| u32::try_from(text.get(..place)?.chars().count() + 1).ok());
    let mut message = said;
    message.truncate(message.floor_char_boundary(MESSAGE));
    Some(Rejection { code: SYNTAX_ERROR, message, position: characters })
}

/// Where the token `near` stands that the error `said` is about, in bytes. The text up to a token and with it
/// fails with the same words from that token on and not before, for the parser looks at one token at a time.
fn place(text: &str, conforming: bool, said: &str, near: &str) -> Option<usize> {
    // What has no end is quoted up to the end of the text.
    if said.starts_with("unterminated") {
        return text.strip_suffix(near).map(str::len);
    }
    let places = candidates(text, conforming, near);
    let fails = |place: &Range<usize>| {
        let whole = text.get(..place.end);
        whole.and_then(|whole| parse::error(whole, conforming)).is_some_and(|error| error == said)
    };
    let first = places.partition_point(|place| !fails(place));
    places.get(first).map(|place| place.start)
}

/// The tokens where `near` stands. The scanner's own may be more or less than one of the lexer's.
fn candidates(text: &str, conforming: bool, near: &str) -> Vec<Range<usize>> {
    let mut lexer = Lexer::new(text, conforming);
    let mut places = Vec::new();
    // What has no token behind it can't be named by the parser either.
    while let Ok(Some(token)) = lexer.next() {
        if text.get(token.span.start..).is_some_and(|rest| rest.starts_with(near)) {
            places.push(token.span.start..token.span.end.max(token.span.start + near.len()));
        }
    }
    places
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> Option<(String, Option<u32>)> {
        syntax_error(text, true, Bounds::default()).map(|rejection| (rejection.message, rejection.position))
    }

    #[test]
    fn the_words_and_the_place_are_postgresql_s() {
        for (text, message, position) in [
            ("SELEC 1", r#"syntax error at or near "SELEC""#, 1),
            ("SELECT 1; SELEC 2", r#"syntax error at or near "SELEC""#, 11),
            ("SELECT a a a FROM t", r#"syntax error at or near "a""#, 12),
            ("SELECT 'ä' ß ß", r#"syntax error at or near "ß""#, 14),
            ("SELECT (1", "syntax error at end of input", 10),
            ("SELECT", "", 0),
            ("SELECT 'a", r#"unterminated quoted string at or near "'a""#, 8),
            ("SELECT 1 /* x", r#"unterminated /* comment at or near "/* x""#, 10),
            ("SELECT \"\"", r#"zero-length delimited identifier at or near """""#, 8),
            ("SELECT 1a", r#"trailing junk after numeric literal at or near "1a""#, 8),
            ("SELECT 1 FROM t WHERE NOT NOT IN (1)", r#"syntax error at or near "IN""#, 31),
            ("CREATE TABLE t (a int) PARTITION BY nonsense (a)", "", 0),
        ] {
            let expected = (position > 0).then(|| (message.to_owned(), Some(position)));
            assert_eq!(said(text), expected, "{text}");
        }
    }

    #[test]
    fn of_a_long_text_the_words_alone_are_told() {
        let text = format!("SELECT {} FROM FROM", "1, ".repeat(SEARCHED));
        assert_eq!(said(&text).map(|(_, position)| position), Some(None));
        let open = format!("SELECT '{}", "ä".repeat(MESSAGE));
        let (message, position) = said(&open).unwrap();
        assert!(message.len() <= MESSAGE && position == Some(8), "{} {position:?}", message.len());
    }
}
