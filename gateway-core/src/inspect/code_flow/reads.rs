//! What the tokens of a statement, or of a part of it, read.
//!
//! A value is made of the columns that are named anywhere in it, of any of the relations that its statement
//! names, whatever they stand for there. What decides which rows are read (WHERE, ON) is no part of the value, as
//! with views.

use super::names::{BEFORE_RELATION, Named, called, is_no_variable, stands_for_relation};
use super::place::{Calls, Place};
use super::tokens::{Chain, Token, chain};
use crate::inspect::lineage::Sources;
use std::collections::BTreeSet;

/// What flows into a value of code.
#[derive(Clone, Debug, Default)]
pub(super) struct Mixture {
    /// Columns that are named.
    pub(super) sources: Sources,
    /// Functions with bodies that are called, by number.
    pub(super) calls: BTreeSet<u32>,
    /// Variables or parameters: what the body, or whoever calls it, has put there.
    pub(super) variables: bool,
}

impl Mixture {
    pub(super) fn add(&mut self, other: &Self) {
        self.sources.add(&other.sources);
        self.calls.extend(&other.calls);
        self.variables |= other.variables;
    }
}

/// Words that end a condition at the same depth of parentheses.
const BEHIND_CONDITION: [&str; 30] = [
    "from",
    "group",
    "having",
    "window",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "offset",
    "fetch",
    "for",
    "returning",
    "into",
    "do",
    "when",
    "then",
    "loop",
    "where",
    "on",
    "join",
    "left",
    "right",
    "full",
    "inner",
    "cross",
    "natural",
    "set",
    "select",
    "values",
];
/// Words behind a `*` that is all columns.
const BEHIND_STAR: [&str; 15] = [
    "from",
    "into",
    "where",
    "union",
    "intersect",
    "except",
    "order",
    "limit",
    "group",
    "having",
    "for",
    "offset",
    "fetch",
    "returning",
    "window",
];
impl Named {
    /// What a part of the statement reads.
    pub(super) fn mixture(&self, tokens: &[Token], place: &Place<'_>) -> Mixture {
        let (mut mixture, mut at) = (Mixture::default(), 0);
        place.spend(tokens.len());
        while let Some(token) = tokens.get(at) {
            let before = at.checked_sub(1).and_then(|before| tokens.get(before));
            // What is called is given what the condition reads, and may write it.
            if let Some(end) = condition(tokens, at) {
                place.spend(end - at);
                if !runs_code(tokens.get(at..end).unwrap_or_default(), place) {
                    at = end;
                    continue;
                }
            }
            if token.is("where") || token.is("on") {
                at += 1;
                continue;
            }
            if let Some(found) = chain(tokens, at) {
                at = found.end;
                let next = tokens.get(at);
                let typed = before.is_some_and(|token| *token == Token::Cast || token.is("as")) || is_type_of(tokens, at);
                let of_row = found.of_row().filter(|_| place.own.is_some());
                of_row.into_iter().for_each(|fields| mixture.sources.add(&place.of_row(fields)));
                let other = of_row.is_none() || found.names.iter().any(|name| self.rows.contains(*name));
                if !other {
                    // It is the trigger's row and nothing else.
                } else if next.is_some_and(|token| token.symbol(b'(')) {
                    self.call(&found.names, typed, place, &mut mixture);
                } else if !typed {
                    self.value(&found, before, next, &mut mixture);
                    if stands_for_relation(before) && found.names.last().is_some_and(|last| self.rows.contains(*last)) {
                        // What it is called is said, not read.
                        at = called(tokens, at).map_or(at, |_| at + 1 + usize::from(next.is_some_and(|token| token.is("as"))));
                    }
                }
                continue;
            }
            match token {
                Token::Operator(symbol) if self.is_star(tokens, at) => {
                    debug_assert_eq!(&**symbol, "*");
                    mixture.sources.add(&self.row());
                }
                Token::Operator(symbol) => place.operator(symbol, &mut mixture),
                Token::Parameter => mixture.variables = true,
                Token::Word(_) | Token::Quoted(_) | Token::Constant | Token::Becomes | Token::Cast | Token::Symbol(_) => {}
            }
            at += 1;
        }
        mixture
    }

    /// A name that is no call and no type.
    fn value(&self, found: &Chain<'_>, before: Option<&Token>, next: Option<&Token>, mixture: &mut Mixture) {
        let Chain { names, quoted, star, end: _ } = found;
        let (Some(head), Some(last)) = (names.first(), names.last()) else { return };
        names.iter().filter_map(|name| self.columns.get(*name)).for_each(|sources| mixture.sources.add(sources));
        let defined = before.is_some_and(|token| token.is_any(&BEFORE_RELATION) && !token.is("table") || token.symbol(b')'));
        if *star || (self.rows.contains(*last) && !defined) {
            mixture.sources.add(&self.row());
        }
        let alone = names.len() == 1;
        let is_row = names.iter().any(|name| self.rows.contains(*name));
        let is_column = alone && self.columns.contains_key(*last);
        let keyword = alone && !quoted && is_no_variable(head);
        // `interval '1 day'`.
        let typed = alone && next == Some(&Token::Constant);
        // AT TIME ZONE.
        let zone = alone && before.is_some_and(|token| token.is("at") && *head == "time" || token.is("time") && *head == "zone");
        mixture.variables |= !is_row && !is_column && !keyword && !typed && !zone;
    }

    fn call(&self, names: &[&str], typed: bool, place: &Place<'_>, mixture: &mut Mixture) {
        match place.calls(names) {
            Calls::Nothing => {
                // A row may be asked for its column as if by a function: the row is among the arguments.
                let column = names.last().and_then(|name| self.columns.get(*name)).filter(|_| !typed);
                column.into_iter().for_each(|sources| mixture.sources.add(sources));
            }
            Calls::Bodies(bodies) => mixture.calls.extend(bodies),
            Calls::Unreadable => mixture.sources.add(&Sources::everything()),
        }
    }

    /// Whether a `*` stands for all columns.
    fn is_star(&self, tokens: &[Token], at: usize) -> bool {
        let symbol = |at: Option<usize>, byte: u8| at.and_then(|at| tokens.get(at)).is_some_and(|token| token.symbol(byte));
        if !tokens.get(at).is_some_and(|token| token.operator("*")) {
            return false;
        }
        let counts = symbol(at.checked_sub(1), b'(') && symbol(Some(at + 1), b')');
        !counts
            && tokens
                .get(at + 1)
                .is_none_or(|next| next.symbol(b',') || next.symbol(b')') || next.symbol(b';') || next.is_any(&BEHIND_STAR))
    }
}

/// Whether a condition calls functions that have bodies.
fn runs_code(tokens: &[Token], place: &Place<'_>) -> bool {
    let called = tokens.windows(2).filter(|pair| matches!(pair, [_, open] if open.symbol(b'(')));
    let named =
        |pair: &[Token]| pair.first().and_then(Token::name).is_some_and(|name| matches!(place.calls(&[name]), Calls::Bodies(_)));
    let operators =
        tokens.iter().any(|token| matches!(token, Token::Operator(symbol) if place.catalog.operators(symbol).next().is_some()));
    operators || called.into_iter().any(named)
}

/// Where a condition ends that begins with the word here.
fn condition(tokens: &[Token], at: usize) -> Option<usize> {
    let token = tokens.get(at)?;
    let distinct = at.checked_sub(1).and_then(|before| tokens.get(before)).is_some_and(|token| token.is("distinct"));
    let joins = token.is("on") && !distinct && !tokens.get(at + 1)?.is("conflict");
    if !token.is("where") && !joins {
        return None;
    }
    let mut depth = 0;
    for (end, token) in tokens.iter().enumerate().skip(at + 1) {
        depth += token.deeper();
        if depth < 0 || (depth == 0 && (token.symbol(b';') || token.symbol(b',') || token.is_any(&BEHIND_CONDITION))) {
            return Some(end);
        }
    }
    Some(tokens.len())
}

/// `name%TYPE` and `name%ROWTYPE`.
fn is_type_of(tokens: &[Token], at: usize) -> bool {
    tokens.get(at).is_some_and(|token| token.operator("%"))
        && tokens.get(at + 1).is_some_and(|token| token.is_any(&["type", "rowtype"]))
}
