//! Relations: which one a name means, and what its columns are made of.

use super::made::OwnMeant;
use super::space::Item;
use super::trace::Trace;
use super::value::{Field, Shape, Sources, Value};
use super::{ColumnId, Place, builtin};
use crate::inspect::catalog::{FIRST_OWN, Relation, RelationKind};
use crate::inspect::postgres::cut;
use pg_query::protobuf::RangeVar;
use std::rc::Rc;

/// The relations that a name may mean.
#[derive(Clone, Debug)]
pub(super) struct Meant {
    /// By the catalog.
    pub(super) relations: Vec<Relation>,
    /// Those that the session has made itself.
    pub(super) made: OwnMeant,
    /// It is one that nobody knows.
    pub(super) unknown: bool,
}

impl Trace<'_> {
    /// What a name without WITH's may mean.
    pub(super) fn meant(&self, relation: &RangeVar) -> Meant {
        let (schema, name) = (cut(&relation.schemaname), cut(&relation.relname));
        let (catalog, made) = (self.scope.catalog, self.made_by_session(schema, name));
        if schema.is_empty() {
            let mut relations: Vec<_> =
                catalog.relations(name).iter().filter(|known| self.reachable(&known.schema)).cloned().collect();
            if self.built_in_first()
                && let Some(own) = relations.iter().position(|known| *known.schema == *"pg_catalog")
            {
                relations = vec![relations.swap_remove(own)];
            }
            return self.known_as(relations, made);
        }
        let relations: Vec<_> = catalog.relation(schema, name).cloned().into_iter().collect();
        self.known_as(relations, made)
    }

    fn known_as(&self, relations: Vec<Relation>, made: OwnMeant) -> Meant {
        let renamed = self.scope.own.renamed && relations.iter().any(|relation| relation.oid >= FIRST_OWN);
        Meant { unknown: renamed || (made.shapes.is_empty() && relations.is_empty()), relations, made }
    }

    /// Whether a bare name may mean something in `schema`. `pg_catalog` is on every path.
    pub(super) fn reachable(&self, schema: &str) -> bool {
        schema == "pg_catalog" || self.path().is_none_or(|path| path.iter().any(|known| **known == *schema))
    }

    fn path(&self) -> Option<&[Box<str>]> {
        // The schema of a role may be any.
        self.scope.search_path.filter(|path| !path.iter().any(|schema| **schema == *"$user"))
    }

    /// A path that does not name `pg_catalog` has it in front.
    fn built_in_first(&self) -> bool {
        self.path().is_some_and(|path| !path.iter().any(|schema| **schema == *"pg_catalog"))
    }

    /// The relation as an item of FROM, its alias apart.
    pub(super) fn relation_item(&mut self, relation: &RangeVar) -> Item {
        let meant = self.meant(relation);
        let shape = self.shape_of(&meant, relation.inh);
        self.touched.add(&meant.made.touched);
        let mut schemas: Vec<Box<str>> = meant.relations.iter().map(|known| Box::from(&*known.schema)).collect();
        if !relation.schemaname.is_empty() {
            schemas.push(cut(&relation.schemaname).into());
        }
        Item { name: cut(&relation.relname).into(), schemas, shape: Rc::new(shape), system: true }
    }

    /// The columns of what is meant; all of it is touched.
    pub(super) fn shape_of(&mut self, meant: &Meant, inherits: bool) -> Shape {
        let mut shapes = Vec::new();
        for relation in &meant.relations {
            shapes.push(self.columns_of(relation, inherits));
        }
        for made in &meant.made.shapes {
            self.spend(made.fields.len());
            self.touched.add(&made.row());
            shapes.push(made.clone());
        }
        let mut shapes = shapes.into_iter();
        let first = shapes.next().filter(|_| !meant.unknown && !self.is_spent());
        let Some(mut shape) = first else {
            self.touched = Sources::everything();
            return Shape::everything();
        };
        for other in shapes {
            let same = shape.fields.len() == other.fields.len()
                && shape.fields.iter().zip(&other.fields).all(|(one, other)| one.name == other.name);
            if !same {
                self.touched = Sources::everything();
                return Shape::everything();
            }
            shape = shape.or(other);
        }
        shape
    }

    fn columns_of(&mut self, relation: &Relation, inherits: bool) -> Shape {
        let catalog = self.scope.catalog;
        let columns = catalog.columns(relation.oid);
        let shape = match relation.kind {
            RelationKind::Sequence => {
                // A sequence's position is no value of a row; what puts one there is a flow.
                let named = |name: &str| Field { name: Some(name.into()), value: Value::default() };
                Shape { fields: ["last_value", "log_cnt", "is_called"].map(named).into(), rest: None }
            }
            RelationKind::Table
            | RelationKind::Partitioned
            | RelationKind::View
            | RelationKind::MaterialisedView
            | RelationKind::Foreign
                if !columns.is_empty() =>
            {
                let fields = columns.iter().enumerate().map(|(place, column)| {
                    let id = ColumnId { relation: relation.oid, number: column.number };
                    let value = if relation.oid < FIRST_OWN {
                        built_in(catalog.name_of(relation.oid).map(|(_, name)| name), id, &column.name, column.type_oid)
                    } else {
                        Value::column(Sources::of(id), Some(column.type_oid))
                    };
                    let value = self.through(relation, place, value);
                    Field { name: Some(Box::from(&*column.name)), value }
                });
                Shape { fields: fields.chain(self.added_by_session(relation)).collect(), rest: None }
            }
            RelationKind::Table
            | RelationKind::Partitioned
            | RelationKind::View
            | RelationKind::MaterialisedView
            | RelationKind::Foreign
            | RelationKind::Index
            | RelationKind::Toast
            | RelationKind::Other => Shape::everything(),
        };
        let shape = if inherits { self.with_children(relation, shape) } else { shape };
        self.spend(shape.fields.iter().map(|field| 1 + field.value.sources.columns.len()).sum());
        self.touched.add(&shape.row());
        if let Some(traced) = catalog.traced(relation.oid) {
            self.touched.add(&traced.touched);
            self.runs_code |= traced.runs_code;
        }
        shape
    }

    /// A column of a view is made of what the view's definition makes it of.
    fn through(&self, relation: &Relation, place: usize, own: Value) -> Value {
        let is_view = matches!(relation.kind, RelationKind::View | RelationKind::MaterialisedView);
        if !is_view || relation.oid < FIRST_OWN {
            return own;
        }
        let traced = self.scope.catalog.traced(relation.oid);
        match traced.and_then(|traced| traced.columns.get(place)) {
            // What it is computed by may raise an error wherever it is read.
            Some((sources, direct)) => Value { direct: *direct, loud: !direct, sources: own.sources.and(sources), ..own },
            None => Value::everything(),
        }
    }

    /// Rows of parts and children are among a relation's own.
    fn with_children(&self, relation: &Relation, mut shape: Shape) -> Shape {
        let catalog = self.scope.catalog;
        for child in catalog.descendants(relation.oid) {
            for field in &mut shape.fields {
                let Some(name) = &field.name else { continue };
                match catalog.column_named(child, name) {
                    Some(column) => field.value.sources.add(&Sources::of(ColumnId { relation: child, number: column.number })),
                    // Every child has all columns of its parents, so this one is not known as it is now.
                    None => field.value.sources = Sources::everything(),
                }
            }
        }
        shape
    }

    /// Where a value goes that is written to a column of what is meant.
    pub(super) fn places(&self, meant: &Meant, column: &str) -> Vec<Place> {
        let catalog = self.scope.catalog;
        let mut places = Vec::new();
        for relation in &meant.relations {
            let Some(known) = catalog.column_named(relation.oid, column) else {
                let added = self.added_by_session(relation).iter().any(|field| field.name.as_deref() == Some(column));
                places.push(if added { Place::NewRelation } else { Place::Unknown });
                continue;
            };
            places.push(Place::Column(ColumnId { relation: relation.oid, number: known.number }));
            if relation.kind == RelationKind::View {
                places.extend(self.bases(relation.oid, &known.name));
            }
        }
        if meant.unknown {
            places.push(Place::Unknown);
        }
        if !meant.made.shapes.is_empty() {
            places.push(Place::NewRelation);
        }
        places
    }

    /// What is written to a view's column goes to the column that it is; else nobody knows where to.
    fn bases(&self, view: u32, column: &str) -> Vec<Place> {
        let catalog = self.scope.catalog;
        let place = catalog.columns(view).iter().position(|known| *known.name == *column);
        let made_of = place.and_then(|place| catalog.traced(view).and_then(|traced| traced.columns.get(place)));
        match made_of {
            Some((sources, true)) if !sources.everything => sources.columns.iter().copied().map(Place::Column).collect(),
            Some(_) | None => vec![Place::Unknown],
        }
    }
}

/// A column of one of the server's own relations.
fn built_in(relation: Option<&str>, id: ColumnId, column: &str, type_oid: u32) -> Value {
    if relation.is_none_or(|relation| builtin::carries(relation, column)) {
        Value { type_oid: Some(type_oid), loud: false, ..Value::everything() }
    } else {
        Value::column(Sources::of(id), Some(type_oid))
    }
}
