//! What a session has made and done that no catalog tells: temporary relations, what its open transaction has made.

use super::trace::Trace;
use super::value::{Field, Shape, Sources, Value};
use crate::inspect::catalog::{Relation, RelationKind};
use crate::inspect::postgres::cut;
use pg_query::protobuf::{IntoClause, Node, OnCommitAction, RangeVar, node::Node as Kind};

/// What a session has made and done.
#[derive(Clone, Debug, Default)]
pub struct Own {
    /// Its relations, of each name the newest.
    pub made: Vec<Made>,
    /// It has changed the database in a way that the catalog does not have and that is not among those.
    pub changed: bool,
    /// It has renamed something in its open transaction: what a name of the catalog means is not known.
    pub renamed: bool,
    /// Code has run that nobody has reviewed: it may have put values into settings of the session.
    pub code_ran: bool,
}

/// A relation that a statement makes, or makes longer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Made {
    /// Its schema, where that is written down.
    pub schema: Option<Box<str>>,
    /// Its name.
    pub name: Box<str>,
    /// It is the session's alone.
    pub temporary: bool,
    /// It goes when the transaction ends.
    pub until_commit: bool,
    /// These are columns that a relation of the catalog gets.
    pub extends: bool,
    /// Its columns.
    pub columns: Vec<MadeColumn>,
    /// What errors of whoever reads it may quote beside its columns: of a view, all that it reads.
    pub touched: Sources,
    /// What is written to it is held against these: keys of other relations.
    pub probed: Sources,
}

/// A column of a relation that was made.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MadeColumn {
    /// Its name.
    pub name: Box<str>,
    /// What flows into it.
    pub sources: Sources,
    /// Reading it may raise an error.
    pub loud: bool,
}

/// What a name may mean of what the session has made.
#[derive(Clone, Debug, Default)]
pub(super) struct OwnMeant {
    /// The columns of each.
    pub(super) shapes: Vec<Shape>,
    /// What may be quoted beside its columns.
    pub(super) touched: Sources,
    /// What is written to it is held against these.
    pub(super) probed: Sources,
}

impl Made {
    fn is_meant_by(&self, schema: &str, name: &str) -> bool {
        let there = match &self.schema {
            _ if schema.is_empty() => true,
            _ if self.temporary => schema == "pg_temp" || schema.starts_with("pg_temp_"),
            Some(own) => **own == *schema,
            None => true,
        };
        !self.extends && *self.name == *name && there
    }

    fn fields(&self) -> impl Iterator<Item = Field> {
        self.columns
            .iter()
            .map(|column| Field { name: Some(column.name.clone()), value: Value::derived(column.sources.clone(), column.loud) })
    }
}

impl Trace<'_> {
    /// What the session has made and a name may mean.
    pub(super) fn made_by_session(&self, schema: &str, name: &str) -> OwnMeant {
        let mut meant = OwnMeant::default();
        for made in self.scope.own.made.iter().filter(|made| made.is_meant_by(schema, name)) {
            meant.shapes.push(Shape { fields: made.fields().collect(), rest: None });
            meant.touched.add(&made.touched);
            meant.probed.add(&made.probed);
        }
        meant
    }

    /// The columns that the session has given to a relation of the catalog.
    pub(super) fn added_by_session(&self, relation: &Relation) -> Vec<Field> {
        let Some((schema, name)) = self.scope.catalog.name_of(relation.oid) else { return Vec::new() };
        let longer = self
            .scope
            .own
            .made
            .iter()
            .filter(|made| made.extends && *made.name == *name && made.schema.as_deref().is_some_and(|own| *own == *schema));
        longer.flat_map(Made::fields).collect()
    }

    /// Notes that the statement makes `relation`, where all of it is known.
    pub(super) fn makes(
        &mut self,
        relation: Option<&RangeVar>,
        shape: &Shape,
        on_commit: i32,
        (touched, probed): (Sources, Sources),
    ) {
        let Some(relation) = relation.filter(|_| shape.rest.is_none()) else { return };
        let column = |field: &Field| {
            let value = &field.value;
            Some(MadeColumn { name: field.name.clone()?, sources: value.sources.clone(), loud: value.loud })
        };
        let Some(columns) = shape.fields.iter().map(column).collect::<Option<Vec<_>>>() else { return };
        let schema = cut(&relation.schemaname);
        let temporary = relation.relpersistence == "t" || schema == "pg_temp";
        self.made = Some(Made {
            schema: (!schema.is_empty() && !temporary).then(|| schema.into()),
            name: cut(&relation.relname).into(),
            temporary,
            until_commit: OnCommitAction::try_from(on_commit) == Ok(OnCommitAction::OncommitDrop),
            extends: false,
            columns,
            touched,
            probed,
        });
    }

    /// The same of SELECT INTO, CREATE TABLE AS and CREATE MATERIALIZED VIEW.
    pub(super) fn makes_into(&mut self, into: &IntoClause, shape: &Shape) {
        let mut named = shape.clone();
        named.rename(&super::with::named(&into.col_names));
        self.makes(into.rel.as_ref(), &named, into.on_commit, Default::default());
    }

    /// Notes that a table of the catalog gets these columns, where nothing depends on which it has.
    pub(super) fn extends(&mut self, relations: &[Relation], commands: &[Node]) {
        let [relation] = relations else { return };
        let alone = relation.kind == RelationKind::Table && self.scope.catalog.descendants(relation.oid).is_empty();
        let Some((schema, name)) = self.scope.catalog.name_of(relation.oid).filter(|_| alone) else { return };
        let added = commands.iter().map(|command| match &command.node {
            Some(Kind::AlterTableCmd(command)) if !command.missing_ok => {
                match command.def.as_deref().and_then(|def| def.node.as_ref()) {
                    Some(Kind::ColumnDef(column)) if super::alter::adds_column(command) => {
                        Some(MadeColumn { name: cut(&column.colname).into(), sources: Sources::default(), loud: false })
                    }
                    _ => None,
                }
            }
            _ => None,
        });
        let Some(columns) = added.collect::<Option<Vec<_>>>() else { return };
        self.made = Some(Made {
            schema: Some(schema.into()),
            name: name.into(),
            temporary: false,
            until_commit: false,
            extends: true,
            columns,
            touched: Sources::default(),
            probed: Sources::default(),
        });
    }
}
