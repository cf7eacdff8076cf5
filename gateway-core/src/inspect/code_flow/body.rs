//! What one body does: of a function, a rule or an expression.

use super::names::named;
use super::pieces::{Language, pieces};
use super::place::Place;
use super::reads::Mixture;
use super::tokens::{Token, bare, chain, outside, split};
use super::writes::{Write, statement};
use crate::inspect::catalog::ColumnId;
use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ops::Range;

/// Words at the beginning of statements that put nothing into variables.
const DECIDES: [&str; 10] = ["assert", "case", "continue", "elseif", "elsif", "exit", "if", "raise", "when", "while"];

/// What a body does.
#[derive(Clone, Debug, Default)]
pub(super) struct Body {
    /// What it puts into columns.
    pub(super) writes: Vec<Write>,
    /// What its variables may have.
    pub(super) pool: Mixture,
    /// All that it reads.
    pub(super) all: Mixture,
    /// It, or a part of it, can't be read.
    pub(super) unreadable: bool,
}

impl Body {
    pub(super) fn unreadable() -> Self {
        Self { unreadable: true, ..Self::default() }
    }

    fn add(&mut self, tokens: &[Token], place: &Place<'_>) {
        let (into, lists) = own_targets(tokens, place);
        let rest = without(tokens, &lists);
        let done = statement(&rest, place);
        self.all.add(&done.whole);
        self.writes.extend(done.writes);
        if !into.is_empty() {
            self.writes.push(Write { into, of: done.whole.clone() });
        }
        let decides = tokens.first().is_some_and(|token| token.is_any(&DECIDES));
        if !done.only_writes && !decides {
            self.pool.add(&done.whole);
        }
    }

    /// `NEW.x := …`.
    fn assign(&mut self, tokens: &[Token], place: &Place<'_>) -> bool {
        let Some(found) = chain(tokens, 0) else { return false };
        let Some(fields) = found.of_row().filter(|_| place.own.is_some()) else { return false };
        let Some(at) = outside(tokens, found.end, Token::assigns) else { return false };
        let value = tokens.get(at + 1..).unwrap_or_default();
        self.puts(place.own_columns(fields), value, fields.is_empty(), place);
        true
    }

    /// A value goes into columns of its own row; a row that is NEW or OLD is no other.
    fn puts(&mut self, into: BTreeSet<ColumnId>, value: &[Token], row: bool, place: &Place<'_>) {
        if row && is_own_row(value) {
            return;
        }
        let of = named(value, None, place).mixture(value, place);
        self.all.add(&of);
        self.writes.push(Write { into, of });
    }

    fn finish(mut self, place: &Place<'_>) -> Self {
        self.unreadable |= place.left.get() == 0;
        self
    }
}

/// Reads the body of a function. With `place.own` it is a trigger's.
pub(super) fn function(tokens: &[Token], language: Language, place: &Place<'_>) -> Body {
    let Some(pieces) = pieces(tokens, language).filter(|_| !tokens.is_empty()) else { return Body::unreadable() };
    if language == Language::PlPgSql && is_dynamic(tokens) {
        return Body::unreadable();
    }
    // What an error says may be of anything.
    let catches = pieces.iter().any(|piece| matches!(piece, [token] if token.is("exception")));
    let mut body = Body::default();
    for piece in pieces {
        if place.left.get() == 0 {
            return Body::unreadable();
        }
        let returns = piece.first().is_some_and(|token| token.is("return"));
        if returns && place.own.is_some() {
            let value = piece.get(1..).unwrap_or_default();
            body.puts(place.own_columns(&[]), value, true, place);
        } else if !body.assign(piece, place) {
            body.add(piece, place);
        }
    }
    if catches {
        let all = body.all.clone();
        body.pool.add(&all);
    }
    body.finish(place)
}

/// Reads a rule (`pg_get_ruledef`).
pub(super) fn rule(tokens: &[Token], place: &Place<'_>) -> Body {
    let Some(at) = outside(tokens, 0, |token| token.is("do")) else { return Body::unreadable() };
    let also = tokens.get(at + 1).is_some_and(|token| token.is_any(&["also", "instead"]));
    let action = tokens.get(at + 1 + usize::from(also)..).unwrap_or_default();
    let action = match action {
        [rest @ .., last] if last.symbol(b';') => rest,
        _ => action,
    };
    let mut body = Body::default();
    for piece in split(bare(action), |token| token.symbol(b';')).into_iter().filter(|piece| !piece.is_empty()) {
        body.add(piece, place);
        if outside(piece, 0, |token| token.is("returning")).is_some() {
            // It is what the statement itself returns as the relation's columns.
            let done = body.all.clone();
            body.writes.push(Write { into: place.own_columns(&[]), of: done });
        }
    }
    body.finish(place)
}

/// Whether it runs texts, or gives its row another name.
fn is_dynamic(tokens: &[Token]) -> bool {
    let runs = |at: usize, token: &Token| {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        token.is("execute") && !before.is_some_and(|token| token.symbol(b'.'))
    };
    let renames = |at: usize, token: &Token| {
        token.is("alias")
            && tokens.get(at + 1).is_some_and(|token| token.is("for"))
            && chain(tokens, at + 2).is_some_and(|found| found.of_row().is_some())
    };
    let does = |at: usize| {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        before.is_none_or(|token| token.symbol(b';') || token.is_any(&["begin", "then", "else", "loop"]))
    };
    tokens.iter().enumerate().any(|(at, token)| runs(at, token) || renames(at, token) || (token.is("do") && does(at)))
}

/// Whether a value is NEW, OLD, NULL or one of them.
fn is_own_row(value: &[Token]) -> bool {
    value.iter().all(|token| {
        token.is_any(&["new", "old", "null", "coalesce"]) || token.symbol(b'(') || token.symbol(b')') || token.symbol(b',')
    })
}

/// The columns of its own row that a statement puts something into by INTO, as a loop's variable, by GET DIAGNOSTICS or CALL; and
/// where the lists behind INTO stand, which are not read.
fn own_targets(tokens: &[Token], place: &Place<'_>) -> (BTreeSet<ColumnId>, Vec<Range<usize>>) {
    let (mut into, mut lists) = (BTreeSet::new(), Vec::new());
    let mut all_of = |tokens: &[Token]| {
        let mut at = 0;
        while at < tokens.len() {
            let found = chain(tokens, at);
            if let Some(fields) = found.as_ref().and_then(|found| found.of_row()) {
                into.extend(place.own_columns(fields));
            }
            at = found.map_or(at + 1, |found| found.end);
        }
    };
    match tokens.first().and_then(Token::word) {
        Some("get" | "call") => all_of(tokens),
        Some("for" | "foreach") => {
            let end = outside(tokens, 1, |token| token.is_any(&["in", "slice"])).unwrap_or(tokens.len());
            all_of(tokens.get(1..end).unwrap_or_default());
        }
        _ => {}
    }
    for (at, _) in tokens.iter().enumerate().filter(|(_, token)| token.is("into")) {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        if before.is_some_and(|token| token.is_any(&["insert", "merge"])) {
            continue;
        }
        let strict = usize::from(tokens.get(at + 1).is_some_and(|token| token.is("strict")));
        let mut next = at + 1 + strict;
        while let Some(found) = chain(tokens, next) {
            all_of(tokens.get(next..found.end).unwrap_or_default());
            lists.push(next..found.end);
            // What stands in an index is read.
            let indexed = tokens.get(found.end).is_some_and(|token| token.symbol(b'['));
            let behind = if indexed { outside(tokens, found.end, |token| token.symbol(b',')) } else { Some(found.end) };
            match behind.filter(|behind| tokens.get(*behind).is_some_and(|token| token.symbol(b','))) {
                Some(comma) => next = comma + 1,
                None => break,
            }
        }
    }
    (into, lists)
}

/// The tokens outside of these places.
fn without<'t>(tokens: &'t [Token], places: &[Range<usize>]) -> Cow<'t, [Token]> {
    if places.is_empty() {
        return Cow::Borrowed(tokens);
    }
    let mut left: Vec<Token> = Vec::with_capacity(tokens.len());
    let mut from = 0;
    for place in places {
        left.extend_from_slice(tokens.get(from..place.start).unwrap_or_default());
        from = from.max(place.end);
    }
    left.extend_from_slice(tokens.get(from..).unwrap_or_default());
    Cow::Owned(left)
}
