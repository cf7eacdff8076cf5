//! What is known of a database: which schemas have a relation or function of a name, what a view reads.

mod code;
mod columns;

pub(in crate::inspect) use code::Code;
pub use code::{FunctionBody, Trigger};
pub use columns::{Column, ColumnId};

use super::reviewed;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The first number that a server gives to an object which it does not bring itself
/// (`FirstNormalObjectId`, `src/include/access/transam.h`).
pub const FIRST_OWN: u32 = 16_384;

/// A schema, and a name in it.
pub type FullName = (Arc<str>, Arc<str>);

/// A database's catalog as of one moment. Temporary relations are in none.
#[derive(Clone, Debug, Default)]
pub struct Catalog {
    schemas: BTreeSet<Arc<str>>,
    relations: BTreeMap<Arc<str>, Vec<Relation>>,
    by_oid: BTreeMap<u32, FullName>,
    /// By name and schema, whether one of the overloads is a user's own.
    functions: BTreeMap<Arc<str>, BTreeMap<Arc<str>, bool>>,
    function_by_oid: BTreeMap<u32, FullName>,
    /// Those of which an overload may change something.
    volatile: BTreeSet<FullName>,
    types: BTreeMap<Arc<str>, Vec<Type>>,
    operators: BTreeMap<Arc<str>, Vec<Operator>>,
    behind: BTreeMap<u32, Behind>,
    families: Families,
    columns: columns::Columns,
    code: Code,
}

/// Which relation is part of which, by number.
#[derive(Clone, Debug, Default)]
struct Families {
    parents: BTreeMap<u32, Vec<u32>>,
    children: BTreeMap<u32, Vec<u32>>,
}

/// A relation in one schema.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Relation {
    /// Its schema.
    pub schema: Arc<str>,
    /// Its number.
    pub oid: u32,
    /// What it is.
    pub kind: RelationKind,
    /// Whether it has rules (a view's own apart) or triggers (those of foreign keys apart). Their effects are not counted.
    pub has_effects: bool,
}

/// What a relation is: `pg_class.relkind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RelationKind {
    /// r.
    Table,
    /// p.
    Partitioned,
    /// v.
    View,
    /// m.
    MaterialisedView,
    /// f.
    Foreign,
    /// S.
    Sequence,
    /// i and I.
    Index,
    /// t: the long values of a table.
    Toast,
    /// c: a type of rows; and what a later server may bring.
    Other,
}

/// A type with its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Type {
    schema: Arc<str>,
    runs: BTreeSet<u32>,
}

/// An operator with its schema.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Operator {
    schema: Arc<str>,
    function: u32,
}

/// What a view's or materialised view's definition names, by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Behind {
    relations: BTreeSet<u32>,
    functions: BTreeSet<u32>,
}

/// All that lies behind one relation, relations by their numbers.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// Relations that views of the database name; the views in between are among them.
    pub relations: BTreeSet<u32>,
    /// Relations that the server's own views name.
    pub built_in: BTreeSet<u32>,
    /// Schemas and names of functions that are not reviewed. What the server's own views call is not among them.
    pub functions: BTreeSet<FullName>,
}

impl Catalog {
    /// Adds a schema.
    pub fn add_schema(&mut self, name: &str) {
        let name = self.intern(name);
        self.schemas.insert(name);
    }

    /// Adds a relation.
    pub fn add_relation(&mut self, schema: &str, name: &str, oid: u32, kind: RelationKind, has_effects: bool) {
        let (schema, name) = (self.intern(schema), Arc::from(name));
        self.by_oid.insert(oid, (Arc::clone(&schema), Arc::clone(&name)));
        self.relations.entry(name).or_default().push(Relation { schema, oid, kind, has_effects });
    }

    /// Adds a function, procedure or aggregate.
    pub fn add_function(&mut self, schema: &str, name: &str, oid: u32) {
        self.add_overload(schema, name, oid, true);
    }

    /// Adds one that came with an extension and belongs to a superuser: no user can have put it there.
    pub fn add_extension_function(&mut self, schema: &str, name: &str, oid: u32) {
        self.add_overload(schema, name, oid, false);
    }

    /// Says that an overload of a function may change something (`pg_proc.provolatile`).
    pub fn add_volatile(&mut self, schema: &str, name: &str) {
        let schema = self.intern(schema);
        self.volatile.insert((schema, Arc::from(name)));
    }

    /// Whether a function of this name, in `schema` or in any, may change something, the server's own apart.
    #[must_use]
    pub fn is_volatile(&self, schema: Option<&str>, name: &str) -> bool {
        let schemas = self.function_schemas(name).filter(|known| ***known != *"pg_catalog" && ***known != *"information_schema");
        let mut meant = schemas.filter(|known| schema.is_none_or(|schema| *schema == ***known));
        meant.any(|known| self.volatile.contains(&(Arc::clone(known), Arc::from(name))))
    }

    fn add_overload(&mut self, schema: &str, name: &str, oid: u32, own: bool) {
        let schema = self.intern(schema);
        let name = self.functions.get_key_value(name).map_or_else(|| Arc::from(name), |(known, _)| Arc::clone(known));
        self.function_by_oid.insert(oid, (Arc::clone(&schema), Arc::clone(&name)));
        *self.functions.entry(name).or_default().entry(schema).or_default() |= own;
    }

    /// Adds a type that is not the server's own, with the functions that making a value of it runs.
    pub fn add_type(&mut self, schema: &str, name: &str, runs: impl IntoIterator<Item = u32>) {
        let schema = self.intern(schema);
        self.types.entry(Arc::from(name)).or_default().push(Type { schema, runs: runs.into_iter().collect() });
    }

    /// Adds an operator that is not the server's own, with the function that it calls.
    pub fn add_operator(&mut self, schema: &str, symbol: &str, function: u32) {
        let schema = self.intern(schema);
        self.operators.entry(Arc::from(symbol)).or_default().push(Operator { schema, function });
    }

    /// Says that the definition of the view `view` names `relation`.
    pub fn add_base(&mut self, view: u32, relation: u32) {
        if view != relation {
            self.behind.entry(view).or_default().relations.insert(relation);
        }
    }

    /// Says that the definition of the view `view` calls `function`.
    pub fn add_call(&mut self, view: u32, function: u32) {
        self.behind.entry(view).or_default().functions.insert(function);
    }

    /// Says that `child` is a partition of, or inherits from, `parent`.
    pub fn add_child(&mut self, parent: u32, child: u32) {
        self.families.parents.entry(child).or_default().push(parent);
        self.families.children.entry(parent).or_default().push(child);
    }

    /// How many relations there are.
    #[must_use]
    pub fn relation_count(&self) -> usize {
        self.by_oid.len()
    }

    /// Whether there is such a schema.
    #[must_use]
    pub fn has_schema(&self, name: &str) -> bool {
        self.schemas.contains(name)
    }

    /// The relations of a name, one for each schema that has it.
    #[must_use]
    pub fn relations(&self, name: &str) -> &[Relation] {
        self.relations.get(name).map_or(&[], Vec::as_slice)
    }

    /// The relation of a name in one schema.
    #[must_use]
    pub fn relation(&self, schema: &str, name: &str) -> Option<&Relation> {
        self.relations(name).iter().find(|relation| *relation.schema == *schema)
    }

    /// Whether `schema.name` is a type by being a relation: its rows.
    #[must_use]
    pub fn is_row(&self, schema: &str, name: &str) -> bool {
        self.relation(schema, name).is_some_and(|relation| match relation.kind {
            RelationKind::Table
            | RelationKind::Partitioned
            | RelationKind::View
            | RelationKind::MaterialisedView
            | RelationKind::Foreign => true,
            RelationKind::Sequence | RelationKind::Index | RelationKind::Toast | RelationKind::Other => false,
        })
    }

    /// The schemas that have a function of a name.
    pub fn function_schemas(&self, name: &str) -> impl Iterator<Item = &Arc<str>> {
        self.functions.get(name).into_iter().flat_map(BTreeMap::keys)
    }

    /// Whether a user may have put a function of this name into the schema. Those that extensions
    /// bring stand beside the server's own of the same name, as citext's `max` does.
    #[must_use]
    pub fn has_own_function(&self, schema: &str, name: &str) -> bool {
        self.functions.get(name).and_then(|schemas| schemas.get(schema)).is_some_and(|own| *own)
    }

    /// Schema and name of a function by its number.
    #[must_use]
    pub fn function(&self, oid: u32) -> Option<(&str, &str)> {
        self.function_by_oid.get(&oid).map(|(schema, name)| (&**schema, &**name))
    }

    /// The types of a name that are not the server's own: their schemas, and the functions that
    /// making a value runs, those apart that need no question.
    pub fn types(&self, name: &str) -> impl Iterator<Item = (&str, BTreeSet<FullName>)> {
        self.types.get(name).into_iter().flatten().map(|known| (&*known.schema, self.to_ask(&known.runs)))
    }

    /// The operators of a symbol that are not the server's own: their schemas and their functions.
    /// A function that nobody knows is none.
    pub fn operators(&self, symbol: &str) -> impl Iterator<Item = (&str, Option<(&str, &str)>)> {
        let known = self.operators.get(symbol).into_iter().flatten();
        known.map(|operator| (&*operator.schema, self.function(operator.function)))
    }

    /// Schema and name of a relation by its number.
    #[must_use]
    pub fn name_of(&self, oid: u32) -> Option<(&str, &str)> {
        self.by_oid.get(&oid).map(|(schema, name)| (&**schema, &**name))
    }

    /// The relation whose long values the relation `name` of the schema `pg_toast` holds: the name has its number.
    #[must_use]
    pub fn owner_of_long_values(name: &str) -> Option<u32> {
        let rest = name.strip_prefix("pg_toast_")?;
        rest.strip_suffix("_index").unwrap_or(rest).parse().ok()
    }

    /// All that lies behind the relation `oid`, however many views stand in between. At a
    /// materialised view the way ends, unless `refresh` asks for what filling this one reads.
    #[must_use]
    pub fn reached(&self, oid: u32, refresh: bool) -> Reached {
        let mut reached = Reached::default();
        let (mut seen, mut open) = (BTreeSet::from([oid]), vec![(oid, refresh)]);
        while let Some((at, through)) = open.pop() {
            let Some(behind) = self.behind.get(&at).filter(|_| through || !self.is_materialised(at)) else { continue };
            let bases = if at < FIRST_OWN {
                &mut reached.built_in
            } else {
                reached.functions.extend(self.to_ask(&behind.functions));
                &mut reached.relations
            };
            bases.extend(&behind.relations);
            open.extend(behind.relations.iter().filter(|base| seen.insert(**base)).map(|base| (*base, false)));
        }
        reached
    }

    /// The numbers of the relations that `oid` is a part of, at any height.
    #[must_use]
    pub fn ancestors(&self, oid: u32) -> BTreeSet<u32> {
        linked(oid, &self.families.parents)
    }

    /// The numbers of the parts of `oid`, at any depth.
    #[must_use]
    pub fn descendants(&self, oid: u32) -> BTreeSet<u32> {
        linked(oid, &self.families.children)
    }

    fn is_materialised(&self, oid: u32) -> bool {
        let known = self.name_of(oid).and_then(|(schema, name)| self.relation(schema, name));
        known.is_some_and(|relation| relation.kind == RelationKind::MaterialisedView)
    }

    /// Those of the functions that a policy has to be asked about. One that is not known is asked
    /// by its number.
    fn to_ask(&self, functions: &BTreeSet<u32>) -> BTreeSet<FullName> {
        let known = functions.iter().map(|oid| {
            let unknown = || (Arc::from("pg_catalog"), Arc::from(format!("oid {oid}")));
            self.function_by_oid.get(oid).cloned().unwrap_or_else(unknown)
        });
        known.filter(|(schema, name)| reviewed::function_in(schema, name) != Some(reviewed::Verdict::Reviewed)).collect()
    }

    fn intern(&self, schema: &str) -> Arc<str> {
        self.schemas.get(schema).cloned().unwrap_or_else(|| Arc::from(schema))
    }
}

fn linked(oid: u32, links: &BTreeMap<u32, Vec<u32>>) -> BTreeSet<u32> {
    let (mut found, mut open) = (BTreeSet::new(), vec![oid]);
    while let Some(at) = open.pop() {
        open.extend(links.get(&at).into_iter().flatten().copied().filter(|next| found.insert(*next)));
    }
    found
}

impl RelationKind {
    /// What `pg_class.relkind` stands for.
    #[must_use]
    pub const fn of(letter: u8) -> Self {
        match letter {
            b'r' => Self::Table,
            b'p' => Self::Partitioned,
            b'v' => Self::View,
            b'm' => Self::MaterialisedView,
            b'f' => Self::Foreign,
            b'S' => Self::Sequence,
            b'i' | b'I' => Self::Index,
            b't' => Self::Toast,
            _ => Self::Other,
        }
    }
}
