//! Which columns a statement of SQL writes, and what of.

use super::names::{Named, named};
use super::place::Place;
use super::reads::Mixture;
use super::tokens::{Chain, Token, chain, enclosed, items, outside, split};
use crate::inspect::catalog::ColumnId;
use std::collections::BTreeSet;

/// What goes into columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Write {
    pub(super) into: BTreeSet<ColumnId>,
    pub(super) of: Mixture,
}

/// A statement of SQL.
#[derive(Debug)]
pub(super) struct Done {
    pub(super) writes: Vec<Write>,
    /// All that it reads, conditions apart.
    pub(super) whole: Mixture,
    /// It puts all of that where it writes: none of it is in variables, or in relations that nobody knows, afterwards.
    pub(super) only_writes: bool,
}

/// Words that end the part of a statement that has its values.
const BEHIND_VALUES: [&str; 10] = ["from", "where", "group", "having", "order", "limit", "offset", "fetch", "returning", "on"];

/// Reads a statement.
pub(super) fn statement(tokens: &[Token], place: &Place<'_>) -> Done {
    let heads = heads(tokens);
    let target = heads.first().filter(|_| heads.len() == 1).and_then(|at| chain(tokens, *at).map(|found| (*at, found)));
    let inserts = tokens.first().is_some_and(|token| token.is("insert"));
    let names = named(tokens, target.as_ref().map(|(at, _)| *at).filter(|_| inserts), place);
    let whole = names.mixture(tokens, place);
    let mut done = Done { writes: Vec::new(), whole, only_writes: !heads.is_empty() };
    done.only_writes &= !tokens.iter().any(|token| token.is("returning"));
    for at in &heads {
        let relations = chain(tokens, *at).map(|found| place.relations(&found.names)).unwrap_or_default();
        done.only_writes &= !relations.is_empty();
        for relation in relations {
            let part = Part { tokens, names: &names, whole: &done.whole, relation, place };
            let by_columns = target.as_ref().and_then(|(_, found)| match tokens.first()?.word()? {
                "insert" => part.insert(found),
                "update" => part.update(found),
                _ => None,
            });
            let all = || vec![Write { into: place.written(relation, None), of: done.whole.clone() }];
            done.writes.extend(by_columns.unwrap_or_else(all));
        }
    }
    done
}

/// Where the names stand of what is written to.
fn heads(tokens: &[Token]) -> Vec<usize> {
    let mut found = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        let is = |at: Option<usize>, words: &[&str]| at.and_then(|at| tokens.get(at)).is_some_and(|token| token.is_any(words));
        let first = match token.word() {
            Some("insert" | "merge") if is(Some(at + 1), &["into"]) => at + 2,
            Some("update") if !is(at.checked_sub(1), &["for", "do", "key", "on", "then"]) => at + 1,
            Some("copy") => at + 1,
            _ => continue,
        };
        let only = usize::from(is(Some(first), &["only"]));
        let first = first + only + usize::from(tokens.get(first + only).is_some_and(|token| token.symbol(b'(')));
        if tokens.get(first).is_some_and(|token| token.name().is_some()) {
            found.push(first);
        }
    }
    found
}

/// A statement that writes to one relation.
struct Part<'p> {
    tokens: &'p [Token],
    names: &'p Named,
    whole: &'p Mixture,
    relation: u32,
    place: &'p Place<'p>,
}

impl Part<'_> {
    fn into(&self, column: &str) -> BTreeSet<ColumnId> {
        self.place.written(self.relation, Some(column))
    }

    fn value(&self, tokens: &[Token]) -> Mixture {
        self.names.mixture(tokens, self.place)
    }

    /// INSERT, column by column.
    fn insert(&self, target: &Chain<'_>) -> Option<Vec<Write>> {
        let mut at = target.end;
        if self.tokens.get(at)?.is("as") {
            at += 2;
        }
        let listed = enclosed(self.tokens, at).filter(|(inner, _)| {
            !inner.first().is_some_and(|token| token.is_any(&["select", "with", "values", "table"]) || token.symbol(b'('))
        });
        let columns: Vec<String> = match listed {
            Some((inner, end)) => {
                at = end;
                items(inner).into_iter().filter_map(|item| item.first()?.name().map(str::to_owned)).collect()
            }
            None => self.place.catalog.columns(self.relation).iter().map(|column| column.name.to_string()).collect(),
        };
        let rest = self.tokens.get(at..)?;
        let rest = rest.get(outside(rest, 0, |token| token.is_any(&["values", "select", "with", "table", "default"]))?..)?;
        let rows = if rest.first()?.is("values") { self.rows(rest) } else { self.selected(rest).map(|row| vec![row]) };
        let fitting = rows.filter(|rows| rows.iter().all(|row| row.len() <= columns.len()));
        let mut writes = match fitting {
            Some(rows) => {
                let placed = rows.into_iter().flat_map(|row| columns.iter().zip(row));
                placed.map(|(column, of)| Write { into: self.into(column), of }).collect()
            }
            None => vec![Write { into: columns.iter().flat_map(|column| self.into(column)).collect(), of: self.whole.clone() }],
        };
        writes.extend(self.upsert());
        Some(writes)
    }

    /// The rows behind VALUES.
    fn rows(&self, tokens: &[Token]) -> Option<Vec<Vec<Mixture>>> {
        let (mut rows, mut at) = (Vec::new(), 1);
        while let Some((inner, end)) = enclosed(tokens, at) {
            rows.push(items(inner).into_iter().flat_map(|item| self.item(item)).collect());
            at = end;
            if tokens.get(at).is_some_and(|token| token.symbol(b',')) {
                at += 1;
            }
        }
        (!rows.is_empty()).then_some(rows)
    }

    /// The row of a SELECT whose FROM names relations and nothing else.
    fn selected(&self, tokens: &[Token]) -> Option<Vec<Mixture>> {
        let several = outside(tokens, 0, |token| token.is_any(&["union", "intersect", "except"])).is_some();
        if several || !tokens.first()?.is("select") || tokens.get(1)?.is_any(&["distinct", "all"]) {
            return None;
        }
        let end = outside(tokens, 1, |token| token.is_any(&BEHIND_VALUES)).unwrap_or(tokens.len());
        let list = tokens.get(1..end)?;
        if tokens.get(end).is_some_and(|token| token.is("from")) {
            let from = tokens.get(end + 1..)?;
            let conditions = outside(from, 0, |token| token.is_any(&BEHIND_VALUES)).unwrap_or(from.len());
            if from.get(..conditions)?.iter().any(|token| token.symbol(b'(')) || from.iter().any(|token| token.is("join")) {
                return None;
            }
        }
        let selected = items(list);
        let counted = |item: &&[Token]| !item.last().is_some_and(|last| last.operator("*")) || self.is_row(item);
        let countable = selected.iter().all(counted) && !list.iter().any(|token| token.is("into"));
        countable.then(|| selected.into_iter().flat_map(|item| self.item(item)).collect())
    }

    /// One value, or all of NEW's or OLD's.
    fn item(&self, item: &[Token]) -> Vec<Mixture> {
        if !self.is_row(item) {
            return vec![self.value(item)];
        }
        let own = self.place.own.map(|own| self.place.catalog.columns(own).iter().map(move |column| (own, column.number)));
        let column = |(relation, number)| Mixture {
            sources: crate::inspect::lineage::Sources::of(ColumnId { relation, number }),
            ..Mixture::default()
        };
        own.into_iter().flatten().map(column).collect()
    }

    /// `NEW.*` or `(NEW).*`.
    fn is_row(&self, item: &[Token]) -> bool {
        let row = |found: &Chain<'_>| found.of_row().is_some_and(<[_]>::is_empty) && self.place.own.is_some();
        match item {
            [open, inner, close, dot, star] if open.symbol(b'(') && close.symbol(b')') && dot.symbol(b'.') => {
                star.operator("*") && chain(std::slice::from_ref(inner), 0).is_some_and(|found| row(&found))
            }
            _ => chain(item, 0).is_some_and(|found| found.star && found.end == item.len() && row(&found)),
        }
    }

    /// ON CONFLICT DO UPDATE SET.
    fn upsert(&self) -> Vec<Write> {
        let starts = |at: &usize| {
            let is = |ahead: usize, word: &str| self.tokens.get(at + ahead).is_some_and(|token| token.is(word));
            is(0, "do") && is(1, "update") && is(2, "set")
        };
        let Some(at) = (0..self.tokens.len()).find(starts) else { return Vec::new() };
        let own = named(self.tokens, None, self.place);
        let set = set_items(self.tokens.get(at + 3..).unwrap_or_default());
        let writes = set.into_iter().map(|(columns, value)| {
            let proposed = value.iter().any(|token| token.name() == Some("excluded"));
            let of = if proposed { self.whole.clone() } else { own.mixture(value, self.place) };
            // `a = excluded.a`: what was proposed for it.
            let same = matches!((columns.as_slice(), value), ([column], [row, dot, name])
                if row.is("excluded") && dot.symbol(b'.') && name.name() == Some(*column));
            let of = if same { Mixture::default() } else { of };
            Write { into: columns.iter().flat_map(|column| self.into(column)).collect(), of }
        });
        writes.collect()
    }

    /// UPDATE, column by column where each value stands for itself.
    fn update(&self, target: &Chain<'_>) -> Option<Vec<Write>> {
        let set = outside(self.tokens, target.end, |token| token.is("set"))?;
        let from = outside(self.tokens, set, |token| token.is("from")).is_some();
        let assigned = set_items(self.tokens.get(set + 1..)?);
        let writes = assigned.into_iter().map(|(columns, value)| Write {
            into: columns.iter().flat_map(|column| self.into(column)).collect(),
            of: if from { self.whole.clone() } else { self.value(value) },
        });
        Some(writes.collect())
    }
}

/// The columns behind SET, and what each becomes.
fn set_items(tokens: &[Token]) -> Vec<(Vec<&str>, &[Token])> {
    let end = outside(tokens, 0, |token| token.is_any(&["from", "where", "returning"])).unwrap_or(tokens.len());
    let parts = items(tokens.get(..end).unwrap_or_default()).into_iter();
    let read = parts.map(|item| {
        let sides = split(item, |token| token.operator("="));
        let left = sides.first().copied().unwrap_or_default();
        let value = item.get((left.len() + 1).min(item.len())..).unwrap_or_default();
        let columns = match enclosed(left, 0) {
            Some((inner, _)) => items(inner).into_iter().filter_map(|column| column.first()?.name()).collect(),
            None => left.first().and_then(Token::name).into_iter().collect(),
        };
        (columns, value)
    });
    read.collect()
}
