//! Reads a text with PostgreSQL's own grammar, and has a second parser agree.

mod alike;
mod bounds;
mod builtin;
mod cross;
mod depth;
mod elide;
mod fuzz;
mod lexer;
mod literals;
mod merge;
mod names;
mod parse;
mod places;
mod rejection;
pub(in crate::inspect) mod replication;
mod scope;
mod sweep;
#[cfg(test)]
mod tests;
mod walk;

pub use alike::alike;
pub use depth::{STACK, fits};
pub use fuzz::{fuzz_entry, read_in_place, reckoned, tree_depth};
pub(in crate::inspect) use lexer::{Kind, Lexer};
pub use literals::without_literals;
pub(in crate::inspect) use names::{cut, listed, strings};
pub(in crate::inspect) use walk::{is_on, literal};

use super::lineage::Tree;
use super::{Inspection, Statement};
use cross::First;
use pg_query::protobuf::{Node, RawStmt};
use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

/// How the server will read a text, as far as that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Reading {
    /// `standard_conforming_strings`; none where it is not known, and both readings count.
    pub standard_conforming_strings: Option<bool>,
    /// Statements keep their trees, and nothing of the text is passed over: what is found holds for this very
    /// text and for no other.
    pub exact: bool,
}

/// What is taken on, so that no text can exhaust the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Bounds {
    /// Bytes of a text.
    pub bytes: usize,
    /// Tokens of a text; literals of long lists don't count.
    pub tokens: usize,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { bytes: 16 << 20, tokens: 1 << 20 }
    }
}

/// Says what `text` does. Where it is no SQL, it may be a command of a replication connection.
///
/// Deep texts are best read on a thread with [`STACK`] bytes of stack: see [`fits`].
///
/// PostgreSQL's own grammar decides. Its tree is understood to a depth of 10 000 messages: 4 900
/// operators that are not AND or OR (`a || b || …`) or as many joins, 9 900 UNIONs, 990 subselects
/// inside one another.
///
/// Measured in a release build on two busy cores: 205 bytes with both parsers 0.2 ms, of which the
/// parsers alone take 0.15 ms; 16 MiB of `(1),` 0.5 s and 75 MB of memory, for literals of long
/// lists are left out; rows that call functions 2.5 s and 1.2 GB at the default limit of tokens.
#[must_use]
pub fn inspect(text: &str, reading: Reading, bounds: Bounds) -> Inspection {
    // Longer ones are refused without a look at them.
    if text.len() > bounds.bytes {
        read(text, reading, bounds)
    } else {
        depth::on_enough_stack(text, || read(text, reading, bounds))
    }
}

fn read(text: &str, reading: Reading, bounds: Bounds) -> Inspection {
    let conforming = reading.standard_conforming_strings.unwrap_or(true);
    let both = reading.standard_conforming_strings.is_none() && text.contains('\\');
    // Of two readings no tree is the server's.
    let exact = reading.exact && !both;
    let first = one_reading(text, conforming, bounds, exact);
    let read = match (first, both) {
        (Ok(first), false) => Ok(first),
        (Ok(first), true) => match one_reading(text, false, bounds, exact) {
            Ok(second) => merge::merge(first, second),
            // With the setting off the server refuses such a text: the other reading is the only one.
            Err(why) if IN_ESCAPES.iter().any(|own| why.starts_with(own)) => Ok(first),
            Err(why) => Err(why),
        },
        (Err(why), _) => Err(why),
    };
    match read {
        Ok(Read { statements, cross_checked }) => {
            Inspection { statements: statements.into_iter().map(Arc::new).collect(), cross_checked }
        }
        Err(why) => {
            let command = replication::read(text).filter(|_| text.len() <= bounds.bytes);
            let statement = command.unwrap_or_else(|| Statement {
                // In two readings it may be an error in one alone.
                rejection: if both { None } else { rejection::syntax_error(text, conforming, bounds).map(Box::new) },
                ..Statement::unparsed(text.len(), why)
            });
            Inspection { statements: vec![Arc::new(statement)], cross_checked: false }
        }
    }
}

/// What PostgreSQL's scanner says, in any encoding, of strings that it can only read with
/// `standard_conforming_strings` on: `U&'…'`, and half an escape of Unicode.
const IN_ESCAPES: [&str; 2] = ["unsafe use of string constant with Unicode escapes", "invalid Unicode"];

/// A text, read in one way.
#[derive(Debug)]
struct Read {
    statements: Vec<Statement>,
    cross_checked: bool,
}

fn one_reading(text: &str, conforming: bool, bounds: Bounds, exact: bool) -> Result<Read, String> {
    bounds::bytes(text, bounds)?;
    // How many columns a list has, and which of them a number means, hangs on its literals.
    let short = if exact { Cow::Borrowed(text) } else { elide::elide(text, conforming) };
    let shape = bounds::look(&short, conforming, bounds)?;
    let tree = parse::parse(&short, conforming)?;
    let mut statements = Vec::with_capacity(tree.stmts.len());
    let mut written = Vec::with_capacity(tree.stmts.len());
    for RawStmt { stmt, stmt_location, stmt_len } in tree.stmts {
        let before = statements.last().map_or(0, |last: &Statement| last.span.end);
        let span = span(text, before, stmt_location, stmt_len).ok_or("a statement's place is not in the text")?;
        let node = *stmt.ok_or("an empty statement")?;
        let walked = walk::walk(&node, exact)?;
        let mut statement = walked.statement;
        statement.tree = if exact { kept(node) } else { None };
        statement.names = places::find(text, &span, conforming, walked.wanted)?;
        statement.span = span;
        statements.push(statement);
        written.push(walked.written);
    }
    let first: Vec<_> = statements.iter().zip(&written).map(|(statement, written)| First { statement, written }).collect();
    let cross_checked = cross::check(text, conforming, shape, &first)?;
    Ok(Read { statements, cross_checked })
}

/// The deepest tree that is kept, in messages: what is found out from it later gives up earlier, and it can be dropped on any stack.
const KEPT: usize = 4_000;

/// A tree to be kept, unless it is too deep.
fn kept(node: Node) -> Option<Tree> {
    let levels = sweep::depth(&node);
    (levels <= KEPT).then(|| Tree::new(node, levels))
}

/// Has `read` look at the tree of `text`, which is one statement; none where it is not.
pub(in crate::inspect) fn with_tree<T>(text: &str, read: impl FnOnce(&Node) -> T) -> Option<T> {
    depth::on_enough_stack(text, || {
        let tree = parse::parse(text, true).ok()?;
        match tree.stmts.as_slice() {
            [RawStmt { stmt: Some(node), stmt_location: _, stmt_len: _ }] => Some(read(node)),
            _ => None,
        }
    })
}

/// Where a statement stands: from behind the last semicolon before it, comments included. A length of 0 is up to the end.
fn span(text: &str, before: usize, start: i32, length: i32) -> Option<Range<usize>> {
    let (start, length) = (usize::try_from(start).ok()?, usize::try_from(length).ok()?);
    let end = if length == 0 { text.len() } else { start.checked_add(length)? };
    // Between two statements there is nothing but semicolons, blanks and comments.
    let mut between = Lexer::new(text.get(before..start)?, true);
    let mut behind = before;
    while let Ok(Some(token)) = between.next() {
        behind = before + token.span.end;
    }
    text.get(behind..end).map(|_| behind..end)
}
