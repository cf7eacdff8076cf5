//! Which relations a statement names, and by which names their columns and rows are had.

use super::place::Place;
use super::tokens::{Token, chain};
use crate::inspect::catalog::{ColumnId, FIRST_OWN};
use crate::inspect::lineage::{Sources, carries};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::LazyLock;

/// Words before a relation's name.
pub(super) const BEFORE_RELATION: [&str; 10] = ["from", "join", "into", "update", "only", "using", "table", "copy", "view", "of"];
/// Reserved words and such as are in no place where a value stands: none of them is a variable.
static NO_VARIABLES: LazyLock<BTreeSet<&str>> = LazyLock::new(|| WORDS.split_ascii_whitespace().collect());
const WORDS: &str = "all analyse analyze and any array as asc asymmetric at between both by case cast check collate \
conflict constraint cross current_date current_time current_timestamp current_user default delete desc distinct do else end \
except exists false fetch filter for foreign from full grant group having ilike in initially inner insert intersect into is \
isnull join lateral leading left like limit localtime localtimestamp loop natural not notnull null nulls of offset on only \
or order outer over overlaps partition perform placing references return returning right select session_user set similar \
some strict symmetric table then to trailing true union unique update user using values variadic when where window with \
within zone tg_op tg_name tg_when tg_level tg_relid tg_relname tg_table_name tg_table_schema tg_nargs tg_argv found";

/// What the names of a statement's relations stand for.
#[derive(Debug, Default)]
pub(super) struct Named {
    relations: BTreeSet<u32>,
    pub(super) columns: BTreeMap<Box<str>, Sources>,
    /// Names by which a whole row is had: of relations, and what they are called in the statement.
    pub(super) rows: BTreeSet<Box<str>>,
}

impl Named {
    /// The columns of one relation, which are named without it.
    pub(super) fn of_relation(relation: u32, place: &Place<'_>) -> Self {
        let mut named = Self { relations: BTreeSet::from([relation]), ..Self::default() };
        named.fill(place);
        named
    }

    fn fill(&mut self, place: &Place<'_>) {
        for relation in &self.relations {
            for column in place.catalog.columns(*relation) {
                place.spend(1);
                let sources = source(place, *relation, column.number, &column.name);
                self.columns.entry(Box::from(&*column.name)).or_default().add(&sources);
            }
        }
    }

    /// All of their columns.
    pub(super) fn row(&self) -> Sources {
        self.columns.values().fold(Sources::default(), Sources::and)
    }
}

/// The relations that a statement names where relations stand. `but` is left out, where it stands: what a statement
/// writes to, it need not read.
pub(super) fn named(tokens: &[Token], but: Option<usize>, place: &Place<'_>) -> Named {
    let (mut named, mut at) = (Named::default(), 0);
    while at < tokens.len() {
        let before = at.checked_sub(1).and_then(|before| tokens.get(before));
        if before.is_some_and(|token| token.symbol(b')')) {
            named.rows.extend(called(tokens, at));
        }
        let Some(found) = chain(tokens, at) else {
            at += 1;
            continue;
        };
        if stands_for_relation(before) {
            let meant = place.relations(&found.names);
            if !meant.is_empty() {
                named.rows.extend(found.names.last().map(|name| Box::from(*name)));
                named.rows.extend(called(tokens, found.end));
                if but != Some(at) {
                    named.relations.extend(meant);
                }
            }
        }
        at = found.end;
    }
    named.fill(place);
    named
}

/// Whether a relation may stand behind this token.
pub(super) fn stands_for_relation(before: Option<&Token>) -> bool {
    before.is_some_and(|token| token.is_any(&BEFORE_RELATION) || token.symbol(b',') || token.symbol(b'('))
}

/// What a relation, subquery or call is called behind it.
pub(super) fn called(tokens: &[Token], at: usize) -> Option<Box<str>> {
    let at = if tokens.get(at)?.is("as") { at + 1 } else { at };
    let token = tokens.get(at)?;
    token.name().filter(|name| matches!(token, Token::Quoted(_)) || !is_no_variable(name)).map(Box::from)
}

fn source(place: &Place<'_>, relation: u32, number: i16, name: &str) -> Sources {
    if relation >= FIRST_OWN {
        return Sources::of(ColumnId { relation, number });
    }
    let known = place.catalog.name_of(relation).is_some_and(|(_, relation)| !carries(relation, name));
    if known { Sources::default() } else { Sources::everything() }
}

/// Whether a word is none that a variable has.
pub(super) fn is_no_variable(word: &str) -> bool {
    NO_VARIABLES.contains(word)
}
