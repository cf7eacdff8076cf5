//! How much stack it takes to read a text: known before any parser is asked, and seen to.
//!
//! PostgreSQL's tree comes as nested messages, and the code that decodes, walks and drops them
//! recurses. Its writer gives up beyond [`LEVELS`] of them, so [`STACK`] is enough for every text;
//! a shallow one is known to need less.

use super::lexer::{Kind, Lexer};

/// Messages inside one another that a tree may have: libpg_query's own limit
/// (`PG_QUERY_PROTOBUF_MAX_DEPTH`). An operator, a join, a cast, a call take two; a CASE four.
pub(super) const LEVELS: usize = 10_000;

/// What one of them takes, in bytes. Decoding takes the most, and as much as the compiler pleases:
/// 7 KiB in a release, 16 KiB in a debug build, 22 KiB when that is optimised to level 2. Tests try
/// the worst of each kind with four fifths of what is reckoned with.
const LEVEL: usize = 24 << 10;

/// What any text takes, in bytes: both parsers, of which the second stops at 50 levels.
const BASE: usize = if cfg!(debug_assertions) { 1_536 << 10 } else { 640 << 10 };

/// Bytes of stack that are enough to read any text.
pub const STACK: usize = BASE + LEVELS * LEVEL;

/// The most messages that one token can add to a tree's depth. Each level of the grammar has a
/// token of its own: `(SELECT` makes six of two tokens, which is the most.
const TOKEN: usize = 4;

/// What stands below the last token that counts: a name in a reference in a list.
const LEAF: usize = 24;

/// Whether what is left of this thread's stack is enough to read `text`. Takes time linear in the text.
#[must_use]
pub fn fits(text: &str) -> bool {
    let Some(left) = stacker::remaining_stack() else { return false };
    let most = left.saturating_sub(BASE) / LEVEL;
    // Most texts are so short that nothing needs to be counted.
    left >= STACK || TOKEN * text.len() + LEAF <= most || levels_in_any_reading(text) <= most
}

/// Does `work` on `text` with enough stack: on one of its own where this thread's is too short.
/// There the parser allows itself less than elsewhere, and may take a deep text for too deep.
pub(super) fn on_enough_stack<T>(text: &str, work: impl FnOnce() -> T) -> T {
    if fits(text) { work() } else { stacker::grow(reckoned(text), work) }
}

/// Bytes of stack that reading `text` takes at most, in any reading.
pub(super) fn reckoned(text: &str) -> usize {
    BASE + levels_in_any_reading(text) * LEVEL
}

fn levels_in_any_reading(text: &str) -> usize {
    let conforming = levels(text, true);
    if text.contains('\\') { conforming.max(levels(text, false)) } else { conforming }
}

/// No tree of `text` is deeper. At most [`LEVELS`].
///
/// A node that begins inside of parentheses or brackets ends there, so of those side by side only
/// the deepest counts; all else is taken for a chain.
pub(super) fn levels(text: &str, conforming: bool) -> usize {
    let mut lexer = Lexer::new(text, conforming);
    let mut outer: Vec<Group> = Vec::new();
    let mut group = Group { own: LEAF, deepest: 0 };
    let mut after_dot = false;
    loop {
        let Ok(token) = lexer.next() else { return LEVELS };
        let Some(token) = token else { break };
        let dot = std::mem::replace(&mut after_dot, token.kind == Kind::Symbol(b'.'));
        match token.kind {
            Kind::Symbol(b'(' | b'[') => {
                outer.push(std::mem::replace(&mut group, Group { own: TOKEN, deepest: 0 }));
                if outer.len() > LEVELS / TOKEN {
                    return LEVELS;
                }
            }
            Kind::Symbol(b')' | b']') => {
                if let Some(mut around) = outer.pop() {
                    around.deepest = around.deepest.max(group.depth());
                    group = around;
                }
            }
            Kind::Symbol(b',' | b'.' | b';') | Kind::Text | Kind::Quoted | Kind::Unicode | Kind::Number | Kind::Parameter => {}
            // Behind a dot it is a name.
            Kind::Word => group.own += if dot { 0 } else { TOKEN },
            // A run of characters may be as many operators.
            Kind::Operator => group.own += TOKEN * token.span.len(),
            Kind::Symbol(_) => group.own += TOKEN,
        }
    }
    let depth = outer.iter().rfold(group.depth(), |inner, around| around.own + around.deepest.max(inner));
    depth.min(LEVELS)
}

/// What stands between two parentheses, or in none.
#[derive(Clone, Copy, Debug)]
struct Group {
    /// Of its own tokens.
    own: usize,
    /// Of the deepest group in it.
    deepest: usize,
}

impl Group {
    const fn depth(self) -> usize {
        self.own + self.deepest
    }
}
