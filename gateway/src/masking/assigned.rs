//! Which columns of a database are of which class: by the configuration's patterns, by what was classed before, by
//! their parents and parts, by what code of the database puts into them, and, of views, by what they read.

use super::Masking;
use super::remembered::Remembered;
use gateway_core::inspect::catalog::{Catalog, ColumnId};
use gateway_core::inspect::code_flow::CodeFlow;
use gateway_core::inspect::lineage::Sources;
use gateway_core::mask::Transform;
use gateway_core::mask::classes::{Class, Classed, Place};
use gateway_core::protocol::masking::ClassMask;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};

/// Sets of classes whose hidden columns are kept: most sessions see the same ones.
const KEPT: usize = 64;
/// So many times classes go through code, families and views, at most: code that passes values on along so many columns.
const ROUNDS: usize = 100;

/// Columns that are hidden, by relation and number.
type Hidden = Arc<BTreeMap<(u32, i16), Arc<ClassMask>>>;

/// The classes of a database's columns.
#[derive(Debug)]
pub struct Assigned {
    classed: Classed,
    all: BTreeSet<usize>,
    /// Columns that have a class by what code puts into them, beside any of their own.
    by_code: BTreeSet<Place>,
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

    /// Whether code of the database may put values of classes into a column that are not the column's own: what fits one
    /// of them need not fit the others.
    #[must_use]
    pub fn is_mixed(&self, column: ColumnId) -> bool {
        self.by_code.contains(&(column.relation, column.number))
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
            let mask = masking.mask(*class)?;
            if self.by_code.contains(&place) {
                return Some((place, Arc::new(ClassMask { class: Arc::clone(&mask.class), transform: Transform::Redact })));
            }
            Some((place, Arc::clone(mask)))
        });
        let hidden = Arc::new(hidden.collect());
        if kept.len() >= KEPT {
            kept.clear();
        }
        kept.insert(classes.clone(), Arc::clone(&hidden));
        hidden
    }
}

/// Assigns the classes that concern `target`. What the functions `pure` do as triggers puts nothing anywhere.
pub(super) fn assign(
    classes: &[Class],
    target: &str,
    catalog: &Catalog,
    remembered: &mut Remembered,
    pure: &BTreeSet<(Box<str>, Box<str>)>,
) -> Assigned {
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
    // What comes now is found anew each time: by what code and views say then.
    let names = |class: &usize| classes.get(*class).map(|class| class.name.clone());
    for (place, of) in classed.iter() {
        of.iter().filter_map(names).for_each(|name| remembered.add(place, &name));
    }
    let by_code = spread(catalog, &mut classed, pure);
    let all = classed.all();
    Assigned { classed, all, by_code, hidden: Mutex::default() }
}

/// Classes go wherever code puts what has them, and through families and views, until nothing more comes. Columns that had
/// not all of their classes before are returned.
fn spread(catalog: &Catalog, classed: &mut Classed, pure: &BTreeSet<(Box<str>, Box<str>)>) -> BTreeSet<Place> {
    let is_pure = |flow: &&CodeFlow| {
        flow.by.as_ref().is_some_and(|(schema, name)| pure.contains(&(Box::from(&**schema), Box::from(&**name))))
    };
    let flows: Vec<_> = catalog.code_flows().iter().filter(|flow| !is_pure(flow)).collect();
    through_views(catalog, classed);
    if flows.is_empty() {
        return BTreeSet::new();
    }
    let (all, before) = (classed.all(), classed.clone());
    for round in 0..=ROUNDS {
        let count = classed.iter().map(|(_, of)| of.len()).sum::<usize>();
        for CodeFlow { into, sources, by: _ } in &flows {
            let found = if round == ROUNDS { all.clone() } else { classes_of(sources, classed, &all) };
            found.into_iter().for_each(|class| classed.add((into.relation, into.number), class));
        }
        share_in_families(catalog, classed);
        through_views(catalog, classed);
        if classed.iter().map(|(_, of)| of.len()).sum::<usize>() == count {
            break;
        }
    }
    let grown = classed.iter().filter(|(place, of)| of.iter().any(|class| !before.of(*place).any(|known| known == *class)));
    grown.map(|(place, _)| place).collect()
}

fn classes_of(sources: &Sources, classed: &Classed, all: &BTreeSet<usize>) -> BTreeSet<usize> {
    if sources.everything {
        return all.clone();
    }
    sources.columns.iter().flat_map(|source| classed.of((source.relation, source.number))).collect()
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

fn through_views(catalog: &Catalog, classed: &mut Classed) {
    let all = classed.all();
    let mut found = Vec::new();
    for relation in catalog.relations_with_columns() {
        let Some(traced) = catalog.traced(relation) else { continue };
        for (column, (sources, _)) in catalog.columns(relation).iter().zip(&traced.columns) {
            found.extend(classes_of(sources, classed, &all).into_iter().map(|class| ((relation, column.number), class)));
        }
    }
    found.into_iter().for_each(|(place, class)| classed.add(place, class));
}
