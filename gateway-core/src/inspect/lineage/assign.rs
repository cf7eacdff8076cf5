//! Where values go that are written, and what they are held against.

use super::relation::Meant;
use super::space::{Item, Space};
use super::trace::Trace;
use super::value::{Shape, Value};
use super::{ColumnId, Place, UseKind};
use crate::inspect::catalog::RelationKind;
use crate::inspect::postgres::cut;
use pg_query::protobuf::{Alias, MultiAssignRef, Node, RangeVar, ResTarget, RowExpr, SubLink, SubLinkType, node::Node as Kind};
use std::collections::BTreeSet;

/// The relation that a statement changes.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) meant: Meant,
    pub(super) item: Item,
}

impl Target {
    /// Its columns at a level of their own.
    pub(super) fn space(&self) -> Space {
        Space::of(self.item.clone())
    }
}

impl Trace<'_> {
    /// The relation that is changed. What a common table expression is called does not count.
    pub(super) fn target(&mut self, relation: &RangeVar) -> Target {
        let meant = self.meant(relation);
        let mut item = self.relation_item(relation);
        if let Some(Alias { aliasname, colnames: _ }) = &relation.alias {
            item = Item { name: cut(aliasname).into(), schemas: Vec::new(), ..item };
        }
        self.uses(UseKind::Probe, &meant.made.probed);
        // Triggers and rules run code, of its parts as well.
        for oid in self.written_relations(&meant) {
            self.runs_code |= self.scope.catalog.relation_by_oid(oid).is_some_and(|relation| relation.has_effects);
        }
        Target { meant, item }
    }

    /// The columns of an INSERT: those that are named, else all.
    pub(super) fn named_columns(&mut self, target: &Target, list: &[Node]) -> Vec<Box<str>> {
        if list.is_empty() {
            return target.item.shape.fields.iter().filter_map(|field| field.name.clone()).collect();
        }
        let mut names = Vec::new();
        for column in list {
            match &column.node {
                Some(Kind::ResTarget(column)) => names.push(self.column_of(column)),
                _ => self.give_up(),
            }
        }
        names
    }

    /// The column that is written to, whole or in part.
    fn column_of(&mut self, target: &ResTarget) -> Box<str> {
        for part in &target.indirection {
            let subscript = self.subscript(part);
            self.uses(UseKind::Raise, &subscript);
        }
        cut(&target.name).into()
    }

    /// Rows go into the columns, in their order.
    pub(super) fn inserted(&mut self, target: &Target, columns: &[Box<str>], rows: &Shape) {
        let unknown = target.item.shape.rest.is_some() && columns.is_empty();
        if unknown || rows.rest.is_some() {
            let row = rows.row();
            let places: Vec<_> = columns.iter().flat_map(|column| self.places(&target.meant, column)).collect();
            places.into_iter().for_each(|place| self.flow(&row, place));
            if unknown {
                self.flow(&row, if target.meant.unknown { Place::Unknown } else { Place::NewRelation });
            }
        } else {
            for (field, column) in rows.fields.iter().zip(columns) {
                self.write(target, column, &field.value);
            }
        }
        let count = if rows.rest.is_some() { columns.len() } else { rows.fields.len() };
        self.probe(target, columns.iter().take(count).map(|column| &**column), false);
    }

    /// SET.
    pub(super) fn assigned(&mut self, target: &Target, list: &[Node]) {
        let mut written = Vec::new();
        for item in list {
            let Some(Kind::ResTarget(assignment)) = &item.node else {
                self.give_up();
                continue;
            };
            let column = self.column_of(assignment);
            let value = self.optional(assignment.val.as_deref());
            self.write(target, &column, &value);
            written.push(column);
        }
        self.probe(target, written.iter().map(|column| &**column), false);
    }

    /// Rows go away: keys that point to them are looked at.
    pub(super) fn removed(&mut self, target: &Target) {
        self.probe(target, std::iter::empty(), true);
    }

    fn write(&mut self, target: &Target, column: &str, value: &Value) {
        if !value.sources.is_empty() {
            for place in self.places(&target.meant, column) {
                self.flow(&value.sources, place);
            }
        }
    }

    /// What is written is held against what is stored, by each constraint that has one of the columns.
    pub(super) fn probe<'c>(&mut self, target: &Target, columns: impl Iterator<Item = &'c str>, removed: bool) {
        let catalog = self.scope.catalog;
        let relations = self.written_relations(&target.meant);
        let mut written = BTreeSet::new();
        for column in columns {
            for place in self.places(&target.meant, column) {
                if let Place::Column(id) = place {
                    written.insert(id);
                }
            }
            for relation in &relations {
                let known = catalog.column_named(*relation, column);
                written.extend(known.map(|column| ColumnId { relation: *relation, number: column.number }));
            }
        }
        for relation in relations {
            let probed = catalog.probed(relation, &written, removed);
            self.uses(UseKind::Probe, &probed.into());
        }
    }

    /// The relations that a write may reach: those that are meant, their parts, and what is behind a view.
    fn written_relations(&mut self, meant: &Meant) -> BTreeSet<u32> {
        let catalog = self.scope.catalog;
        let mut all = BTreeSet::new();
        for relation in &meant.relations {
            all.insert(relation.oid);
            if relation.kind == RelationKind::View {
                all.extend(catalog.reached(relation.oid, false).relations);
            }
        }
        let parts: Vec<u32> = all.iter().flat_map(|oid| catalog.descendants(*oid)).collect();
        all.extend(parts);
        self.spend(all.len());
        all
    }

    /// One value of `(a, b) = (…)`.
    pub(super) fn assigned_part(&mut self, assignment: &MultiAssignRef) -> Value {
        let MultiAssignRef { source, colno, ncolumns: _ } = assignment;
        let place = usize::try_from(*colno).ok().and_then(|number| number.checked_sub(1));
        match (source.as_deref().and_then(|source| source.node.as_ref()), place) {
            (Some(Kind::RowExpr(row)), Some(place)) => {
                let RowExpr { xpr: _, args, row_typeid: _, row_format: _, colnames: _, location: _ } = &**row;
                args.get(place).map_or_else(Value::everything, |value| self.expression(value))
            }
            (Some(Kind::SubLink(link)), Some(place)) => {
                let SubLink { xpr: _, sub_link_type, sub_link_id: _, testexpr: _, oper_name: _, subselect, location: _ } =
                    &**link;
                match SubLinkType::try_from(*sub_link_type) {
                    Ok(SubLinkType::ExprSublink | SubLinkType::MultiexprSublink) => self.query(subselect.as_deref()).at(place),
                    _ => self.unknown_value(),
                }
            }
            (source, _) => {
                if source.is_none() {
                    self.give_up();
                }
                // A row of any kind: whichever part of it.
                assignment.source.as_deref().map_or_else(Value::everything, |source| {
                    let value = self.expression(source);
                    Value::derived(value.sources, true)
                })
            }
        }
    }
}
