//! What flows into a value.

use crate::inspect::catalog::ColumnId;
use std::collections::BTreeSet;

/// The columns that flow into a value.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sources {
    /// The columns; none where `everything` is set.
    pub columns: BTreeSet<ColumnId>,
    /// It can't be told: it carries every class of the database.
    pub everything: bool,
}

impl Sources {
    /// What can't be told.
    #[must_use]
    pub const fn everything() -> Self {
        Self { columns: BTreeSet::new(), everything: true }
    }

    /// One column.
    #[must_use]
    pub fn of(column: ColumnId) -> Self {
        Self { columns: BTreeSet::from([column]), everything: false }
    }

    /// Whether no column flows in.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        !self.everything && self.columns.is_empty()
    }

    /// Adds what flows into another.
    pub fn add(&mut self, other: &Self) {
        if other.everything {
            *self = Self::everything();
        } else if !self.everything {
            self.columns.extend(&other.columns);
        }
    }

    /// Both.
    #[must_use]
    pub fn and(mut self, other: &Self) -> Self {
        self.add(other);
        self
    }
}

impl From<BTreeSet<ColumnId>> for Sources {
    fn from(columns: BTreeSet<ColumnId>) -> Self {
        Self { columns, everything: false }
    }
}

/// A value, as far as it is known before the statement runs.
#[derive(Clone, Debug, Default)]
pub(super) struct Value {
    /// What flows into it.
    pub(super) sources: Sources,
    /// It is a column, unchanged.
    pub(super) direct: bool,
    /// Its type, where it is a column's or certain.
    pub(super) type_oid: Option<u32>,
    /// It is a literal or a parameter, perhaps cast.
    pub(super) constant: bool,
    /// Computing it may raise an error or have an effect, whatever it is computed from.
    pub(super) loud: bool,
}

impl Value {
    /// A literal or a parameter.
    pub(super) fn constant() -> Self {
        Self { constant: true, ..Self::default() }
    }

    /// What can't be told. Code nobody knows may be behind it.
    pub(super) fn everything() -> Self {
        Self { sources: Sources::everything(), loud: true, ..Self::default() }
    }

    /// A column.
    pub(super) const fn column(sources: Sources, type_oid: Option<u32>) -> Self {
        Self { sources, direct: true, type_oid, constant: false, loud: false }
    }

    /// What is computed from `sources`.
    pub(super) const fn derived(sources: Sources, loud: bool) -> Self {
        Self { sources, direct: false, type_oid: None, constant: false, loud }
    }

    /// What is computed from all of these.
    pub(super) fn of_all<'v>(values: impl IntoIterator<Item = &'v Self>) -> Self {
        let mut all = Self::default();
        for value in values {
            all.sources.add(&value.sources);
            all.loud |= value.loud;
        }
        all
    }

    /// One or the other: the same column, or computed from both.
    pub(super) fn or(self, other: &Self) -> Self {
        let same = self.direct && other.direct && self.sources == other.sources && self.type_oid == other.type_oid;
        Self {
            direct: same,
            type_oid: self.type_oid.filter(|known| Some(*known) == other.type_oid),
            constant: false,
            loud: self.loud || other.loud,
            sources: self.sources.and(&other.sources),
        }
    }

    /// The value with this type.
    pub(super) const fn typed(mut self, type_oid: Option<u32>) -> Self {
        self.type_oid = type_oid;
        self
    }
}

/// A column of a query, a FROM item or a relation.
#[derive(Clone, Debug)]
pub(super) struct Field {
    /// Its name; none where that is not known.
    pub(super) name: Option<Box<str>>,
    /// What it is.
    pub(super) value: Value,
}

/// The columns of a query, a FROM item or a relation.
#[derive(Clone, Debug, Default)]
pub(super) struct Shape {
    /// Those that are known.
    pub(super) fields: Vec<Field>,
    /// Whether there may be more, anywhere among them, and what flows into each of those.
    pub(super) rest: Option<Sources>,
}

impl Shape {
    /// Nothing is known of it.
    pub(super) const fn everything() -> Self {
        Self::unknown(Sources::everything())
    }

    /// Columns that nobody can count, each of these sources.
    pub(super) const fn unknown(sources: Sources) -> Self {
        Self { fields: Vec::new(), rest: Some(sources) }
    }

    /// What flows into a row of it.
    pub(super) fn row(&self) -> Sources {
        let mut row = self.rest.clone().unwrap_or_default();
        self.fields.iter().for_each(|field| row.add(&field.value.sources));
        row
    }

    /// Whether one of its columns may raise an error.
    pub(super) fn is_loud(&self) -> bool {
        self.fields.iter().any(|field| field.value.loud)
    }

    /// The value at a place, from 0.
    pub(super) fn at(&self, place: usize) -> Value {
        match (&self.rest, self.fields.get(place)) {
            (None, Some(field)) => field.value.clone(),
            // A place that is not there the server refuses; then nothing is lost by this.
            (None, None) | (Some(_), _) => Value::everything(),
        }
    }

    /// Gives the first columns these names.
    pub(super) fn rename(&mut self, names: &[Box<str>]) {
        if names.is_empty() {
            return;
        }
        if self.rest.is_some() {
            // Which of them gets which name, nobody knows.
            let row = self.row();
            let named = names.iter().cloned();
            self.fields = named.map(|name| Field { name: Some(name), value: Value::derived(row.clone(), true) }).collect();
            self.rest = Some(row);
            return;
        }
        for (field, name) in self.fields.iter_mut().zip(names) {
            field.name = Some(name.clone());
        }
    }

    /// Column by column, one or the other.
    pub(super) fn or(self, other: Self) -> Self {
        if self.rest.is_some() || other.rest.is_some() || self.fields.len() != other.fields.len() {
            return Self::unknown(self.row().and(&other.row()));
        }
        let both = self.fields.into_iter().zip(other.fields);
        let fields = both.map(|(one, other)| Field { name: one.name, value: one.value.or(&other.value) });
        Self { fields: fields.collect(), rest: None }
    }
}
