//! Which columns of a database are of which class: by the configuration's patterns, by what was classed before, by
//! their parents and parts, and, of views, by what they read.

use super::Masking;
use super::remembered::Remembered;
use gateway_core::inspect::catalog::{Catalog, ColumnId};
use gateway_core::inspect::lineage::Sources;
use gateway_core::mask::classes::{Class, Classed};
use gateway_core::protocol::masking::ClassMask;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Sets of classes whose hidden columns are kept: most sessions see the same ones.
const KEPT: usize = 64;

/// Columns that are hidden, by relation and number.
type Hidden = Arc<BTreeMap<(u32, i16), Arc<ClassMask>>>;

/// The classes of a database's columns.
#[derive(Debug)]
pub struct Assigned {
    classed: Classed,
    all: BTreeSet<usize>,
    hidden: Mutex<BTreeMap<BTreeSet<usize>, Hidden>>,
}

impl Assigned {
    /// Every class that a column of the database has.
    #[must_use]
    pub const fn all(&self) -> &BTreeSet<usize> {
        &self.all
    }

    /// The classes of what flows somewhere.
    #[must_use]
    pub fn of(&self, sources: &Sources) -> BTreeSet<usize> {
        if sources.everything {
            return self.all.clone();
        }
        sources.columns.iter().flat_map(|column| self.of_column(*column)).collect()
    }

    /// The classes of a column.
    pub fn of_column(&self, column: ColumnId) -> impl Iterator<Item = usize> {
        self.classed.of((column.relation, column.number))
    }

    /// All columns of any of these classes, and how they are hidden: by the class that comes first in the configuration.
    #[must_use]
    pub fn hidden(&self, classes: &BTreeSet<usize>, masking: &Masking) -> Hidden {
        let mut kept = self.hidden.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(hidden) = kept.get(classes) {
            return Arc::clone(hidden);
        }
        let hidden = self.classed.iter().filter_map(|(place, of)| {
            let class = of.iter().find(|class| classes.contains(class))?;
            Some((place, Arc::clone(masking.mask(*class)?)))
        });
        let hidden = Arc::new(hidden.collect());
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(classes.clone(), Arc::clone(&hidden));
        hidden
    }
}

/// Assigns the classes that concern `target`.
pub(super) fn assign(classes: &[Class], target: &str, catalog: &Catalog, remembered: &mut Remembered) -> Assigned {
    let mut classed = Classed::default();
    let patterns = || {
        let classes = classes.iter().enumerate();
        classes.flat_map(|(number, class)| class.columns.iter().filter(|one| one.is_of(target)).map(move |one| (number, one)))
    };
    for relation in catalog.relations_with_columns() {
        let Some((schema, name)) = catalog.name_of(relation) else { continue };
        for column in catalog.columns(relation) {
            for (class, pattern) in patterns() {
                if pattern.matches(schema, name, &column.name) {
                    classed.add((relation, column.number), class);
                }
            }
        }
    }
    let number_of = |name: &str| classes.iter().position(|class| *class.name == *name);
    for (place, name) in remembered.of_relations_in(catalog) {
        if let Some(class) = number_of(&name) {
            classed.add(place, class);
        }
    }
    share_in_families(catalog, &mut classed);
    into_generated(catalog, &mut classed);
    // Views last: they have the classes of what they read, and are read again whenever that changes.
    let names = |class: &usize| classes.get(*class).map(|class| class.name.clone());
    for (place, of) in classed.iter() {
        of.iter().filter_map(names).for_each(|name| remembered.add(place, &name));
    }
    through_views(catalog, &mut classed);
    let all = classed.all();
    Assigned { classed, all, hidden: Mutex::default() }
}

/// A parent's column has the same values as its parts' columns of that name.
fn share_in_families(catalog: &Catalog, classed: &mut Classed) {
    let own: Vec<_> = classed.iter().map(|(place, of)| (place, of.clone())).collect();
    for ((relation, number), classes) in own {
        let Some(column) = catalog.column(ColumnId { relation, number }) else { continue };
        for kin in &catalog.ancestors(relation) | &catalog.descendants(relation) {
            let Some(same) = catalog.column_named(kin, &column.name) else { continue };
            classes.iter().for_each(|class| classed.add((kin, same.number), *class));
        }
    }
}

/// A generated column is computed from others of its table: from which, is not read. It has the classes of all of them.
fn into_generated(catalog: &Catalog, classed: &mut Classed) {
    let relations: BTreeSet<u32> = classed.iter().map(|((relation, _), _)| relation).collect();
    for relation in relations {
        let of_all: BTreeSet<usize> =
            catalog.columns(relation).iter().flat_map(|column| classed.of((relation, column.number))).collect();
        for column in catalog.columns(relation).iter().filter(|column| column.generated) {
            of_all.iter().for_each(|class| classed.add((relation, column.number), *class));
        }
    }
}

fn through_views(catalog: &Catalog, classed: &mut Classed) {
    let all = classed.all();
    let mut found = Vec::new();
    for relation in catalog.relations_with_columns() {
        let Some(traced) = catalog.traced(relation) else { continue };
        for (column, (sources, _)) in catalog.columns(relation).iter().zip(&traced.columns) {
            let classes: BTreeSet<usize> = if sources.everything {
                all.clone()
            } else {
                sources.columns.iter().flat_map(|source| classed.of((source.relation, source.number))).collect()
            };
            found.extend(classes.into_iter().map(|class| ((relation, column.number), class)));
        }
    }
    found.into_iter().for_each(|(place, class)| classed.add(place, class));
}
