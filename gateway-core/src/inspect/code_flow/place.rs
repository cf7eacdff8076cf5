//! Where code runs: whose row it has, and what names mean there.

use super::reads::Mixture;
use crate::inspect::catalog::{Catalog, ColumnId};
use crate::inspect::lineage::Sources;
use crate::inspect::reviewed::{self, Verdict};
use std::cell::Cell;
use std::collections::BTreeSet;

/// Functions of extensions that read no relation, though their language can't be read and they are not immutable.
const HARMLESS: [&str; 14] = [
    "armor",
    "crypt",
    "digest",
    "gen_random_bytes",
    "gen_random_uuid",
    "gen_salt",
    "hmac",
    "similarity",
    "unaccent",
    "uuid_generate_v1",
    "uuid_generate_v1mc",
    "uuid_generate_v4",
    "word_similarity",
    "show_trgm",
];

/// A place where code runs.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) catalog: &'a Catalog,
    /// The relation whose row NEW and OLD are.
    pub(super) own: Option<u32>,
    /// Names that a trigger has for the rows of its statement.
    pub(super) transition: &'a [Box<str>],
    /// What may still be spent on all code.
    pub(super) left: &'a Cell<usize>,
}

/// What a name in front of a parenthesis calls.
#[derive(Debug)]
pub(super) enum Calls {
    /// Nothing, or what depends on its arguments alone.
    Nothing,
    /// Functions whose bodies are to be read.
    Bodies(BTreeSet<u32>),
    /// What may read anything.
    Unreadable,
}

impl<'a> Place<'a> {
    pub(super) const fn new(catalog: &'a Catalog, own: Option<u32>, transition: &'a [Box<str>], left: &'a Cell<usize>) -> Self {
        Self { catalog, own, transition, left }
    }

    /// So much was read.
    pub(super) fn spend(&self, steps: usize) {
        self.left.set(self.left.get().saturating_sub(steps));
    }

    /// The relations that names mean where a relation stands: in whatever schema, where they name none.
    pub(super) fn relations(&self, names: &[&str]) -> BTreeSet<u32> {
        let found = match names {
            [name] if self.transition.iter().any(|known| **known == **name) => return self.own.into_iter().collect(),
            [name] => self.catalog.relations(name).to_vec(),
            [.., schema, name] => self.catalog.relation(schema, name).cloned().into_iter().collect(),
            [] => Vec::new(),
        };
        found.into_iter().filter(|relation| relation.kind.has_columns()).map(|relation| relation.oid).collect()
    }

    /// The columns of its own row that names behind NEW or OLD mean.
    pub(super) fn own_columns(&self, fields: &[&str]) -> BTreeSet<ColumnId> {
        let Some(relation) = self.own else { return BTreeSet::new() };
        let columns = self.catalog.columns(relation).iter();
        self.spend(columns.len());
        let meant = columns.filter(|column| fields.first().is_none_or(|name| **name == *column.name));
        meant.map(|column| ColumnId { relation, number: column.number }).collect()
    }

    /// What they read.
    pub(super) fn of_row(&self, fields: &[&str]) -> Sources {
        Sources::from(self.own_columns(fields))
    }

    /// Where a value goes that is written to a column of a relation, or to any of its columns: into a view's, and what that is made of.
    pub(super) fn written(&self, relation: u32, column: Option<&str>) -> BTreeSet<ColumnId> {
        let columns = self.catalog.columns(relation);
        self.spend(columns.len());
        let made_of = self.catalog.traced(relation).map(|traced| traced.columns.as_slice()).unwrap_or_default();
        let mut written = BTreeSet::new();
        for (place, known) in columns.iter().enumerate().filter(|(_, known)| column.is_none_or(|name| *name == *known.name)) {
            written.insert(ColumnId { relation, number: known.number });
            written.extend(made_of.get(place).into_iter().flat_map(|(sources, _)| &sources.columns));
        }
        written
    }

    /// What a call by these names runs.
    pub(super) fn calls(&self, names: &[&str]) -> Calls {
        let (schema, name) = match names {
            [name] => (None, *name),
            [.., schema, name] => (Some(*schema), *name),
            [] => return Calls::Nothing,
        };
        let known = self.catalog.function_schemas(name).filter(|known| schema.is_none_or(|schema| *schema == ***known));
        let schemas: Vec<_> = known.collect();
        let own = schemas.iter().any(|known| ***known != *"pg_catalog" && self.catalog.has_own_function(known, name));
        let verdict = match schema {
            Some(schema) => reviewed::function_in(schema, name),
            None => reviewed::function(name).filter(|_| !own),
        };
        match verdict {
            Some(Verdict::Counted(_)) if matches!(name, "lo_get" | "loread") => Calls::Unreadable,
            Some(Verdict::Reviewed | Verdict::Counted(_)) => Calls::Nothing,
            Some(Verdict::Denied(_)) => Calls::Unreadable,
            None if schemas.is_empty() => Calls::Nothing,
            None => self.bodies(schema, name),
        }
    }

    fn bodies(&self, schema: Option<&str>, name: &str) -> Calls {
        let bodies: BTreeSet<_> = self.catalog.functions_with_bodies(schema, name).collect();
        // The server's own that nobody has reviewed have none.
        if bodies.is_empty() { Calls::Unreadable } else { Calls::Bodies(bodies) }
    }

    /// An operator of users' calls its function.
    pub(super) fn operator(&self, symbol: &str, mixture: &mut Mixture) {
        let shorter = symbol.trim_end_matches(['-', '+']);
        for symbol in [symbol, shorter].into_iter().take(1 + usize::from(shorter != symbol)) {
            for (_, function) in self.catalog.operators(symbol) {
                let called = function.map_or(Calls::Unreadable, |(schema, name)| self.calls(&[schema, name]));
                match called {
                    Calls::Nothing => {}
                    Calls::Bodies(bodies) => mixture.calls.extend(bodies),
                    Calls::Unreadable => mixture.sources.add(&Sources::everything()),
                }
            }
        }
    }
}

/// Whether a function whose body can't be read depends on its arguments alone all the same.
pub(super) fn is_harmless(catalog: &Catalog, function: u32, immutable: bool) -> bool {
    let of_extension = |(schema, name): &(&str, &str)| !catalog.has_own_function(schema, name);
    let known = catalog.function(function).filter(of_extension);
    known.is_some_and(|(_, name)| immutable || HARMLESS.contains(&name))
}
