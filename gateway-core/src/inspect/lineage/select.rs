//! SELECT, VALUES, set operations.

use super::sort::First;
use super::space::{self, Level, Space, add_rest};
use super::trace::Trace;
use super::value::{Field, Shape, Sources, Value};
use super::{Place, UseKind};
use crate::inspect::postgres::{cut, strings};
use pg_query::protobuf::{
    AIndirection, ColumnRef, IntoClause, List, LockingClause, Node, ResTarget, SelectStmt, SetOperation, node::Node as Kind,
};

impl Trace<'_> {
    /// A query, and the columns of its rows.
    pub(super) fn select(&mut self, query: &SelectStmt) -> Shape {
        self.deeper(Shape::everything, |trace| trace.with(query.with_clause.as_ref(), |trace| trace.select_with(query)))
    }

    fn select_with(&mut self, query: &SelectStmt) -> Shape {
        let SelectStmt {
            distinct_clause,
            into_clause,
            target_list,
            from_clause,
            where_clause,
            group_clause,
            group_distinct: _,
            having_clause,
            window_clause,
            values_lists,
            sort_clause,
            limit_offset,
            limit_count,
            limit_option: _,
            locking_clause,
            with_clause: _,
            op,
            all,
            larg,
            rarg,
        } = query;
        let mark = self.levels.len();
        let mut returned = match (SetOperation::try_from(*op), larg.as_deref(), rarg.as_deref()) {
            (Ok(SetOperation::SetopNone), None, None) if values_lists.is_empty() => {
                self.levels.push(Level::default());
                self.from(from_clause);
                self.filter(where_clause.as_deref());
                self.windows(window_clause);
                let returned = self.targets(target_list);
                self.sorted(UseKind::Group, group_clause, &returned, First::Read);
                self.decides(UseKind::Filter, having_clause.as_deref());
                self.distinct(distinct_clause, &returned);
                returned
            }
            (Ok(SetOperation::SetopNone), None, None) => self.values(values_lists),
            (
                Ok(operation @ (SetOperation::SetopUnion | SetOperation::SetopIntersect | SetOperation::SetopExcept)),
                Some(left),
                Some(right),
            ) => {
                let (left, right) = (self.select(left), self.select(right));
                if operation != SetOperation::SetopUnion || !*all {
                    self.uses(UseKind::SetOperation, &left.row().and(&right.row()));
                }
                left.or(right)
            }
            _ => {
                self.give_up();
                Shape::everything()
            }
        };
        self.spend(returned.fields.len());
        self.sorted(UseKind::Order, sort_clause, &returned, First::Returned);
        for limit in [limit_offset, limit_count] {
            self.decides(UseKind::Limit, limit.as_deref());
        }
        locking_clause.iter().for_each(|clause| match &clause.node {
            // It names items of FROM.
            Some(Kind::LockingClause(LockingClause { locked_rels: _, strength: _, wait_policy: _ })) => {}
            _ => self.give_up(),
        });
        if let Some(into) = into_clause {
            self.into(into, &returned);
        } else if larg.as_deref().is_some_and(is_into) {
            self.flow(&returned.row(), Place::NewRelation);
        }
        self.levels.truncate(mark);
        // Seen from outside, a literal is a column.
        returned.fields.iter_mut().for_each(|field| field.value.constant = false);
        returned
    }

    /// The relation that INTO makes, or CREATE TABLE AS: all rows go there.
    pub(super) fn into(&mut self, into: &IntoClause, returned: &Shape) {
        self.makes_into(into, returned);
        let IntoClause {
            rel: _,
            col_names: _,
            access_method: _,
            options: _,
            on_commit: _,
            table_space_name: _,
            view_query,
            // A materialised view is filled later.
            skip_data: _,
        } = into;
        if view_query.is_some() {
            self.give_up();
        }
        self.flow(&returned.row(), Place::NewRelation);
    }

    /// The list of what is returned.
    pub(super) fn targets(&mut self, list: &[Node]) -> Shape {
        let mut shape = Shape::default();
        for item in list {
            match &item.node {
                // Without AS it has no name of its own.
                Some(Kind::ResTarget(target)) => {
                    let ResTarget { name, indirection: _, val, location: _ } = &**target;
                    self.returned(name, val.as_deref(), &mut shape);
                }
                _ => {
                    self.give_up();
                    add_rest(&mut shape.rest, Some(Sources::everything()));
                }
            }
        }
        shape
    }

    fn returned(&mut self, name: &str, value: Option<&Node>, shape: &mut Shape) {
        let Some(node) = value else {
            self.give_up();
            return add_rest(&mut shape.rest, Some(Sources::everything()));
        };
        if let Some(all) = self.star(node) {
            self.spend(all.fields.iter().map(|field| 1 + field.value.sources.columns.len()).sum());
            shape.fields.extend(all.fields);
            return add_rest(&mut shape.rest, all.rest);
        }
        let value = self.expression(node);
        let name = if name.is_empty() { super::figure::name(node) } else { Some(cut(name).into()) };
        shape.fields.push(Field { name, value });
    }

    /// What `*`, `t.*` and `(value).*` stand for; none for anything else.
    pub(super) fn star(&mut self, node: &Node) -> Option<Shape> {
        match &node.node {
            Some(Kind::ColumnRef(ColumnRef { fields, location: _ })) => {
                let (Node { node: Some(Kind::AStar(_)) }, before) = fields.split_last()? else { return None };
                Some(self.all_of(before))
            }
            Some(Kind::AIndirection(indirection)) => {
                let AIndirection { arg, indirection } = &**indirection;
                let (Node { node: Some(Kind::AStar(_)) }, before) = indirection.split_last()? else { return None };
                let row = match arg.as_deref().and_then(|arg| arg.node.as_ref()) {
                    Some(Kind::ColumnRef(column)) if before.is_empty() => self.row_named(&column.fields),
                    _ => None,
                };
                Some(row.unwrap_or_else(|| {
                    let value = self.optional(arg.as_deref());
                    before.iter().for_each(|subscript| _ = self.subscript(subscript));
                    Shape::unknown(value.sources)
                }))
            }
            _ => None,
        }
    }

    /// All columns of what a qualified star names, or of the query.
    fn all_of(&self, before: &[Node]) -> Shape {
        if before.is_empty() {
            return self.levels.last().map_or_else(Shape::everything, |level| level.space.shape());
        }
        self.row_named(before).unwrap_or_else(Shape::everything)
    }

    /// The columns of an item of FROM that is named; none where there is none of this name.
    pub(super) fn row_named(&self, fields: &[Node]) -> Option<Shape> {
        let names = strings(fields)?;
        let (schema, name) = match *names.as_slice() {
            [name] => (None, name),
            [schema, name] | [_, schema, name] => (Some(cut(schema)), name),
            _ => return None,
        };
        let mut found = space::items(&self.levels, schema, cut(name)).into_iter();
        let first = (*found.next()?.shape).clone();
        Some(found.fold(first, |all, item| all.or((*item.shape).clone())))
    }

    /// VALUES: a column is what any of its rows has there.
    pub(super) fn values(&mut self, lists: &[Node]) -> Shape {
        let mut all: Option<Shape> = None;
        for list in lists {
            let Some(Kind::List(List { items })) = &list.node else {
                self.give_up();
                return Shape::everything();
            };
            let fields = items
                .iter()
                .enumerate()
                .map(|(place, item)| Field { name: Some(format!("column{}", place + 1).into()), value: self.expression(item) });
            let row = Shape { fields: fields.collect(), rest: None };
            all = Some(match all {
                Some(all) => all.or(row),
                None => row,
            });
        }
        all.unwrap_or_default()
    }

    fn windows(&mut self, list: &[Node]) {
        for item in list {
            match &item.node {
                Some(Kind::WindowDef(window)) => {
                    let sources = self.window(window);
                    self.levels.iter_mut().next_back().into_iter().for_each(|level| level.windows.add(&sources));
                }
                _ => self.give_up(),
            }
        }
    }

    /// DISTINCT, which has one empty node, and DISTINCT ON.
    fn distinct(&mut self, list: &[Node], returned: &Shape) {
        match list {
            [] => {}
            [Node { node: None }] => self.uses(UseKind::Distinct, &returned.row()),
            list => _ = self.sorted(UseKind::Distinct, list, returned, First::Returned),
        }
    }

    /// Reads in a level of its own, which has `space`.
    pub(super) fn within<T>(&mut self, space: Space, read: impl FnOnce(&mut Self) -> T) -> T {
        self.levels.push(Level { space, ..Level::default() });
        let read = read(self);
        self.levels.pop();
        read
    }

    /// A value, where there is one.
    pub(super) fn optional(&mut self, node: Option<&Node>) -> Value {
        node.map_or_else(Value::default, |node| self.expression(node))
    }
}

/// Whether a query makes a relation. Of UNION and its like, the first query has the word for all.
pub(super) fn is_into(query: &SelectStmt) -> bool {
    let mut query = query;
    loop {
        if query.into_clause.is_some() {
            return true;
        }
        match query.larg.as_deref() {
            Some(left) => query = left,
            None => return false,
        }
    }
}
