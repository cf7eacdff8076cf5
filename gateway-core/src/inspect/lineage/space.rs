//! What names of columns and relations mean at a place of a query.

use super::value::{Field, Shape, Sources, Value};
use std::rc::Rc;

/// What a FROM clause, or a part of it, has.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    /// What a name before a dot may mean.
    pub(super) items: Vec<Item>,
    /// The columns that are seen without one, in the order of `*`.
    pub(super) fields: Vec<Field>,
    /// Whether there may be more columns, and what flows into them.
    pub(super) rest: Option<Sources>,
    /// Whether rows have system columns.
    pub(super) system: bool,
}

/// A relation, subquery or function in FROM.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// Its alias, or the relation's name.
    pub(super) name: Box<str>,
    /// The schemas where the relation may be, where it has no alias.
    pub(super) schemas: Vec<Box<str>>,
    /// Its columns.
    pub(super) shape: Rc<Shape>,
    /// Whether its rows have system columns.
    pub(super) system: bool,
}

/// One level of queries inside one another.
#[derive(Clone, Debug, Default)]
pub(super) struct Level {
    /// What its FROM has so far.
    pub(super) space: Space,
    /// A query in FROM without LATERAL is being read: it does not see what stands beside it.
    pub(super) hidden: bool,
    /// What the windows of its WINDOW clause are made by.
    pub(super) windows: Sources,
}

/// What a name was found to mean.
#[derive(Clone, Debug)]
pub(super) enum Found {
    /// This column.
    Column(Value),
    /// It may be a column of what is not known.
    Doubt,
    /// No column.
    Missing,
}

/// Columns that every row of a table has beside its own. They say where and by whom it was written, and nothing of it.
const SYSTEM: [&str; 6] = ["cmax", "cmin", "ctid", "tableoid", "xmax", "xmin"];

impl Space {
    /// One item alone.
    pub(super) fn of(item: Item) -> Self {
        let Shape { fields, rest } = (*item.shape).clone();
        Self { system: item.system, items: vec![item], fields, rest }
    }

    /// Columns without a name before the dot.
    pub(super) fn bare(shape: Shape) -> Self {
        let Shape { fields, rest } = shape;
        Self { items: Vec::new(), fields, rest, system: false }
    }

    /// Adds what stands beside it.
    pub(super) fn append(&mut self, other: Self) {
        let Self { items, fields, rest, system } = other;
        self.items.extend(items);
        self.fields.extend(fields);
        add_rest(&mut self.rest, rest);
        self.system |= system;
    }

    /// All of its columns.
    pub(super) fn shape(&self) -> Shape {
        Shape { fields: self.fields.clone(), rest: self.rest.clone() }
    }

    /// A column by its name alone.
    pub(super) fn column(&self, name: &str) -> Found {
        if let Some(value) = named(&self.fields, name) {
            return Found::Column(value);
        }
        if self.rest.is_some() || self.fields.iter().any(|field| field.name.is_none()) {
            return Found::Doubt;
        }
        if self.system && SYSTEM.contains(&name) { Found::Column(Value::default()) } else { Found::Missing }
    }

    /// The items that a name before the dot means.
    fn named<'s>(&'s self, schema: Option<&'s str>, name: &'s str) -> impl Iterator<Item = &'s Item> {
        self.items.iter().filter(move |item| {
            *item.name == *name && schema.is_none_or(|schema| item.schemas.iter().any(|known| **known == *schema))
        })
    }
}

impl Item {
    /// Its column of a name.
    pub(super) fn column(&self, name: &str) -> Found {
        if let Some(value) = named(&self.shape.fields, name) {
            return Found::Column(value);
        }
        if self.shape.rest.is_some() || self.shape.fields.iter().any(|field| field.name.is_none()) {
            return Found::Column(Value::derived(self.shape.row(), true));
        }
        if self.system && SYSTEM.contains(&name) { Found::Column(Value::default()) } else { Found::Missing }
    }
}

/// More columns that are not known.
pub(super) fn add_rest(rest: &mut Option<Sources>, more: Option<Sources>) {
    if let Some(more) = more {
        rest.get_or_insert_default().add(&more);
    }
}

/// The column of a name; where there are several, any of them.
fn named(fields: &[Field], name: &str) -> Option<Value> {
    let mut found = fields.iter().filter(|field| field.name.as_deref() == Some(name)).map(|field| &field.value);
    let first = found.next()?.clone();
    Some(found.fold(first, Value::or))
}

/// A column by its name alone, at the innermost level that has it.
pub(super) fn column(levels: &[Level], name: &str) -> Found {
    let mut doubt = false;
    for level in seen(levels) {
        match level.space.column(name) {
            Found::Column(value) => {
                return if doubt { Found::Doubt } else { Found::Column(value) };
            }
            Found::Doubt => doubt = true,
            Found::Missing => {}
        }
    }
    if doubt { Found::Doubt } else { Found::Missing }
}

/// The items of a name, at the innermost level that has one.
pub(super) fn items<'l>(levels: &'l [Level], schema: Option<&'l str>, name: &'l str) -> Vec<&'l Item> {
    seen(levels)
        .map(|level| level.space.named(schema, name).collect::<Vec<_>>())
        .find(|found| !found.is_empty())
        .unwrap_or_default()
}

fn seen(levels: &[Level]) -> impl Iterator<Item = &Level> {
    levels.iter().rev().filter(|level| !level.hidden)
}
