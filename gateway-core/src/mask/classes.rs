//! Which columns of a database are of which class: patterns of the configuration, turned into numbers.

use super::Transform;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// A class of sensitive values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// Its name, as policies have it.
    pub name: Box<str>,
    /// The columns that are of it.
    pub columns: Vec<ColumnPattern>,
    /// What its values are replaced by.
    pub transform: Transform,
}

impl Class {
    /// Whether it can have columns at this target.
    #[must_use]
    pub fn is_of(&self, target: &str) -> bool {
        self.columns.iter().any(|pattern| pattern.is_of(target))
    }
}

/// Columns by their names: `customers.email`, `*.ssn`, `prod-pg/shop.public.customers.email`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ColumnPattern {
    /// The target; every one where there is none.
    target: Option<Pattern>,
    schema: Pattern,
    relation: Pattern,
    column: Pattern,
}

/// A name in which `*` stands for any characters.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Pattern(Box<str>);

/// Why a text is no pattern.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct PatternError(&'static str);

impl ColumnPattern {
    /// Reads `[target/][schema.]table.column`, each part with `*` for any characters.
    ///
    /// # Errors
    /// When it is not that.
    pub fn parse(text: &str) -> Result<Self, PatternError> {
        let (target, path) = match text.split_once('/') {
            Some((target, path)) => (Some(Pattern::new(target)?), path),
            None => (None, text),
        };
        let parts: Vec<&str> = path.split('.').collect();
        let (schema, relation, column) = match *parts.as_slice() {
            [relation, column] => ("*", relation, column),
            [schema, relation, column] => (schema, relation, column),
            _ => return Err(PatternError("it is not table.column or schema.table.column")),
        };
        Ok(Self { target, schema: Pattern::new(schema)?, relation: Pattern::new(relation)?, column: Pattern::new(column)? })
    }

    /// Whether it can be about a column of this target.
    #[must_use]
    pub fn is_of(&self, target: &str) -> bool {
        self.target.as_ref().is_none_or(|pattern| pattern.matches(target))
    }

    /// Whether it is about this column, of whichever target.
    #[must_use]
    pub fn matches(&self, schema: &str, relation: &str, column: &str) -> bool {
        self.column.matches(column) && self.relation.matches(relation) && self.schema.matches(schema)
    }
}

impl fmt::Display for ColumnPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(target) = &self.target {
            write!(f, "{}/", target.0)?;
        }
        write!(f, "{}.{}.{}", self.schema.0, self.relation.0, self.column.0)
    }
}

impl Pattern {
    fn new(text: &str) -> Result<Self, PatternError> {
        if text.is_empty() {
            return Err(PatternError("a part of it is empty"));
        }
        Ok(Self(text.into()))
    }

    /// Without recursion: the last `*` takes one more character whenever what is behind it does not fit.
    fn matches(&self, name: &str) -> bool {
        let (pattern, name) = (self.0.as_bytes(), name.as_bytes());
        let (mut at, mut in_name, mut star) = (0, 0, None);
        while in_name < name.len() {
            match pattern.get(at) {
                Some(b'*') => {
                    star = Some((at, in_name));
                    at += 1;
                }
                Some(byte) if name.get(in_name) == Some(byte) => {
                    at += 1;
                    in_name += 1;
                }
                _ => {
                    let Some((place, taken)) = star else { return false };
                    star = Some((place, taken + 1));
                    (at, in_name) = (place + 1, taken + 1);
                }
            }
        }
        pattern.get(at..).is_some_and(|rest| rest.iter().all(|byte| *byte == b'*'))
    }
}

/// A column by numbers: `pg_class.oid` and `pg_attribute.attnum`.
pub type Place = (u32, i16);

/// The classes of a database's columns, by their places in the list of all classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Classed(BTreeMap<Place, BTreeSet<usize>>);

impl Classed {
    /// Adds a class to a column.
    pub fn add(&mut self, place: Place, class: usize) {
        self.0.entry(place).or_default().insert(class);
    }

    /// The classes of a column.
    pub fn of(&self, place: Place) -> impl Iterator<Item = usize> {
        self.0.get(&place).into_iter().flatten().copied()
    }

    /// All columns that have a class.
    pub fn iter(&self) -> impl Iterator<Item = (Place, &BTreeSet<usize>)> {
        self.0.iter().map(|(place, classes)| (*place, classes))
    }

    /// Every class that some column has.
    #[must_use]
    pub fn all(&self) -> BTreeSet<usize> {
        self.0.values().flatten().copied().collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_names_and_their_parts() {
        for (pattern, column, matches) in [
            ("customers.email", ("public", "customers", "email"), true),
            ("customers.email", ("other", "customers", "email"), true),
            ("public.customers.email", ("other", "customers", "email"), false),
            ("*.ssn", ("public", "people", "ssn"), true),
            ("*.*_ssn", ("public", "people", "old_ssn"), true),
            ("*.*ss*n*", ("public", "people", "sssssnx"), true),
            ("*.ssn", ("public", "people", "ssn2"), false),
            ("hr.*.*", ("hr", "people", "name"), true),
            ("prod-pg/hr.people.*", ("hr", "people", ""), true),
        ] {
            let (schema, relation, name) = column;
            assert_eq!(ColumnPattern::parse(pattern).unwrap().matches(schema, relation, name), matches, "{pattern} {column:?}");
        }
        assert!(ColumnPattern::parse("prod*/a.b").unwrap().is_of("prod-pg"));
        assert!(!ColumnPattern::parse("prod*/a.b").unwrap().is_of("stage"));
        for wrong in ["", "email", "a..b", "a.b.c.d", "/a.b", "t/a."] {
            assert!(ColumnPattern::parse(wrong).is_err(), "{wrong}");
        }
    }
}
