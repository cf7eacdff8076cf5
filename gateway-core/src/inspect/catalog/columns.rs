//! The columns of relations, which constraints watch them, and what the definitions of views make of them.

use super::{Catalog, RelationKind};
use crate::inspect::lineage::{Traced, trace_view};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A column by numbers: `pg_class.oid` and `pg_attribute.attnum`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ColumnId {
    /// Its relation.
    pub relation: u32,
    /// Its number there, from 1.
    pub number: i16,
}

/// A column of a relation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    /// Its number, from 1; those of dropped columns are missing.
    pub number: i16,
    /// Its name.
    pub name: Arc<str>,
    /// `pg_attribute.atttypid`.
    pub type_oid: u32,
    /// `pg_attribute.atttypmod`.
    pub typmod: i32,
    /// Whether it is computed from others. COPY leaves such columns out.
    pub generated: bool,
}

/// A constraint or unique index that what is written is held against.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Constraint {
    relation: u32,
    own: BTreeSet<ColumnId>,
    /// Of a foreign key, what it points to.
    other: BTreeSet<ColumnId>,
}

/// What is known of columns.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns {
    of: BTreeMap<u32, Vec<Column>>,
    /// Each name once: most are in many relations.
    names: BTreeSet<Arc<str>>,
    constraints: BTreeMap<u32, Vec<Arc<Constraint>>>,
    definitions: BTreeMap<u32, Arc<str>>,
    traced: BTreeMap<u32, Arc<Traced>>,
}

impl Catalog {
    /// Adds a column. System columns and dropped ones are none.
    pub fn add_column(&mut self, relation: u32, number: i16, name: &str, type_oid: u32, typmod: i32) {
        let name = self.columns.names.get(name).cloned().unwrap_or_else(|| {
            let name: Arc<str> = Arc::from(name);
            self.columns.names.insert(Arc::clone(&name));
            name
        });
        let columns = self.columns.of.entry(relation).or_default();
        let place = columns.partition_point(|known| known.number < number);
        columns.insert(place, Column { number, name, type_oid, typmod, generated: false });
    }

    /// Says that a column is computed from others of its row (`pg_attribute.attgenerated`).
    pub fn add_generated(&mut self, relation: u32, number: i16) {
        let known = self.columns.of.get_mut(&relation);
        known.into_iter().flatten().filter(|column| column.number == number).for_each(|column| column.generated = true);
    }

    /// Says that a constraint or unique index watches the columns `own` of `relation`. Of a foreign
    /// key, `other` is the relation that it points to, with the columns there.
    pub fn add_constraint(&mut self, relation: u32, own: &[i16], other: Option<(u32, &[i16])>) {
        let ids = |relation: u32, numbers: &[i16]| numbers.iter().map(|number| ColumnId { relation, number: *number }).collect();
        let constraint = Arc::new(Constraint {
            relation,
            own: ids(relation, own),
            other: other.map(|(relation, numbers)| ids(relation, numbers)).unwrap_or_default(),
        });
        if let Some((other, _)) = other.filter(|(other, _)| *other != relation) {
            self.columns.constraints.entry(other).or_default().push(Arc::clone(&constraint));
        }
        self.columns.constraints.entry(relation).or_default().push(constraint);
    }

    /// Adds the definition of a view, in which `pg_catalog` alone is on the search path: other names are
    /// qualified (`pg_get_viewdef`).
    pub fn add_view_definition(&mut self, view: u32, sql: &str) {
        self.columns.definitions.insert(view, Arc::from(sql));
    }

    /// Finds out what the columns of views are made of. Called once, when all else has been added; what
    /// is not understood, and views that are made of each other, are made of everything.
    pub fn trace_views(&mut self) {
        for view in self.views_in_order() {
            let Some(sql) = self.columns.definitions.get(&view).cloned() else { continue };
            let traced = trace_view(self, view, &sql);
            self.columns.traced.insert(view, Arc::new(traced));
        }
    }

    /// The relations whose columns are known.
    pub fn relations_with_columns(&self) -> impl Iterator<Item = u32> {
        self.columns.of.keys().copied()
    }

    /// The columns of a relation in their order; none where they are not known.
    #[must_use]
    pub fn columns(&self, relation: u32) -> &[Column] {
        self.columns.of.get(&relation).map_or(&[], Vec::as_slice)
    }

    /// One column.
    #[must_use]
    pub fn column(&self, id: ColumnId) -> Option<&Column> {
        let columns = self.columns(id.relation);
        let place = columns.binary_search_by_key(&id.number, |column| column.number).ok()?;
        columns.get(place)
    }

    /// The column of a name.
    #[must_use]
    pub fn column_named(&self, relation: u32, name: &str) -> Option<&Column> {
        self.columns(relation).iter().find(|column| *column.name == *name)
    }

    /// The relation of a number.
    #[must_use]
    pub fn relation_by_oid(&self, oid: u32) -> Option<&super::Relation> {
        self.name_of(oid).and_then(|(schema, name)| self.relation(schema, name))
    }

    /// What the columns of a view are made of; none where that was not found out.
    #[must_use]
    pub fn traced(&self, view: u32) -> Option<&Traced> {
        self.columns.traced.get(&view).map(|traced| &**traced)
    }

    /// The stored values that writing `written` of `relation` is held against by constraints: an error says
    /// something of them. `removed`: rows may go, or their keys change, so that keys that point to them are looked at.
    #[must_use]
    pub fn probed(&self, relation: u32, written: &BTreeSet<ColumnId>, removed: bool) -> BTreeSet<ColumnId> {
        let mut probed = BTreeSet::new();
        for constraint in self.columns.constraints.get(&relation).into_iter().flatten() {
            let Constraint { relation: holder, own, other } = &**constraint;
            let writes = *holder == relation && own.iter().any(|column| written.contains(column));
            let pointed_to = other.iter().any(|column| column.relation == relation);
            let leaves = pointed_to && (removed || other.iter().any(|column| written.contains(column)));
            if writes || leaves {
                probed.extend(own.iter().chain(other));
            }
        }
        probed
    }

    /// The views that have a definition, those that others are made of first.
    fn views_in_order(&self) -> Vec<u32> {
        let (mut order, mut seen) = (Vec::new(), BTreeSet::new());
        for view in self.columns.definitions.keys() {
            // The second time a view comes up, all that it is made of has been placed.
            let mut open = vec![(*view, false)];
            while let Some((at, placed)) = open.pop() {
                if placed {
                    order.push(at);
                } else if self.columns.definitions.contains_key(&at) && seen.insert(at) {
                    open.push((at, true));
                    let bases = self.behind.get(&at).into_iter().flat_map(|behind| &behind.relations);
                    open.extend(bases.map(|base| (*base, false)));
                }
            }
        }
        order
    }
}

impl RelationKind {
    /// Whether it has rows of columns that a query may name.
    #[must_use]
    pub const fn has_columns(self) -> bool {
        match self {
            Self::Table | Self::Partitioned | Self::View | Self::MaterialisedView | Self::Foreign => true,
            Self::Sequence | Self::Index | Self::Toast | Self::Other => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(relation: u32, number: i16) -> ColumnId {
        ColumnId { relation, number }
    }

    #[test]
    fn columns_are_kept_in_their_order_and_found_by_number() {
        let mut catalog = Catalog::default();
        catalog.add_column(1, 3, "c", 25, -1);
        catalog.add_column(1, 1, "a", 23, -1);
        catalog.add_generated(1, 3);
        let names: Vec<_> = catalog.columns(1).iter().map(|column| (&*column.name, column.generated)).collect();
        assert_eq!(names, [("a", false), ("c", true)]);
        assert_eq!(catalog.column(id(1, 3)).map(|column| column.type_oid), Some(25));
        assert!(catalog.column(id(1, 2)).is_none() && catalog.columns(2).is_empty());
    }

    #[test]
    fn what_a_write_is_held_against_is_known_from_both_ends_of_a_key() {
        let mut catalog = Catalog::default();
        catalog.add_constraint(1, &[1], None);
        catalog.add_constraint(2, &[2], Some((1, &[1])));
        let written = |column| BTreeSet::from([column]);
        assert_eq!(catalog.probed(1, &written(id(1, 2)), false), BTreeSet::new());
        assert_eq!(catalog.probed(1, &written(id(1, 1)), false), BTreeSet::from([id(1, 1), id(2, 2)]));
        assert_eq!(catalog.probed(2, &written(id(2, 2)), false), BTreeSet::from([id(1, 1), id(2, 2)]));
        assert_eq!(catalog.probed(1, &BTreeSet::new(), true), BTreeSet::from([id(1, 1), id(2, 2)]));
        assert_eq!(catalog.probed(2, &BTreeSet::new(), true), BTreeSet::new());
    }
}
