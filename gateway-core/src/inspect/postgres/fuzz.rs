//! Inspects hostile bytes: for the fuzz target and for the property on stable.

use super::lexer::{Kind, Lexer};
use super::{Bounds, Reading, depth, inspect, parse, read, sweep};
use crate::inspect::Inspection;

/// Inspects `bytes` as text; the first byte says which reading is known. Whatever the bytes, it has to return.
///
/// # Panics
///
/// Where an answer contradicts itself: that is what the fuzzer looks for.
pub fn fuzz_entry(bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let text = String::from_utf8_lossy(bytes);
    let known = match choice % 3 {
        0 => None,
        1 => Some(true),
        _ => Some(false),
    };
    let Inspection { statements, cross_checked: _ } =
        inspect(&text, Reading { standard_conforming_strings: known, exact: false }, Bounds { bytes: 1 << 16, tokens: 1 << 14 });
    let mut end = 0;
    for statement in statements {
        assert!(statement.span.start >= end && text.get(statement.span.clone()).is_some(), "a statement's place");
        end = statement.span.end;
        for name in &statement.names {
            assert!(text.get(name.span.clone()).is_some_and(|written| !written.is_empty()), "a name's place");
        }
        assert!(statement.facts.unparsed.is_some() || !statement.command.is_empty(), "a statement without a command");
    }
    lexes_alike(&text);
    for conforming in [true, false] {
        no_deeper(&text, conforming);
    }
}

/// Reads `text` on the stack at hand, however little that is: for tests that try how much it takes.
#[doc(hidden)]
#[must_use]
pub fn read_in_place(text: &str) -> Inspection {
    read(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default())
}

/// Bytes of stack that [`read_in_place`] is reckoned to take: for the same tests.
#[doc(hidden)]
#[must_use]
pub fn reckoned(text: &str) -> usize {
    depth::reckoned(text)
}

/// How deep the tree of `text` is, read on the stack at hand: for the same tests.
#[doc(hidden)]
#[must_use]
pub fn tree_depth(text: &str) -> Option<usize> {
    parse::parse(text, true).ok().map(|tree| sweep::depth(&tree))
}

/// The tree of a text is no deeper than the text was said to be: else it could overflow the stack.
pub(in crate::inspect::postgres) fn no_deeper(text: &str, conforming: bool) {
    let depth = depth::on_enough_stack(text, || parse::parse(text, conforming).map_or(0, |tree| sweep::depth(&tree)));
    let most = depth::levels(text, conforming);
    assert!(depth <= most, "a tree of {depth} levels, where {most} was the most");
}

/// The lexer has to cut a text where PostgreSQL's own scanner does, wherever that one cuts it at all.
fn lexes_alike(text: &str) {
    let Ok(scanned) = pg_query::scan(text) else { return };
    let comments = [pg_query::protobuf::Token::SqlComment as i32, pg_query::protobuf::Token::CComment as i32];
    let theirs = scanned.tokens.iter().filter(|token| !comments.contains(&token.token));
    let mut lexer = Lexer::new(text, true);
    for token in theirs {
        let Ok(Some(ours)) = lexer.next() else { return };
        let (start, end) = (usize::try_from(token.start).unwrap_or_default(), usize::try_from(token.end).unwrap_or_default());
        // A scanner's token may be shorter where a run of operator characters is no one operator.
        let same = ours.span.start == start && (ours.span.end == end || ours.kind == Kind::Operator || ours.kind == Kind::Number);
        assert!(same, "{ours:?} and {token:?} {:?}", text.get(start..));
        if ours.span.end != end {
            return;
        }
    }
}
