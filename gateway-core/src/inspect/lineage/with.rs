//! Common table expressions.

use super::UseKind;
use super::trace::{Returned, Trace};
use super::value::{Field, Shape, Sources, Value};
use crate::inspect::postgres::{cut, strings};
use pg_query::protobuf::{
    CommonTableExpr, CteCycleClause, CteSearchClause, Node, SelectStmt, SetOperation, WithClause, node::Node as Kind,
};
use std::rc::Rc;

/// How often a recursive query is read until nothing new flows into it, at most.
const ROUNDS: usize = 16;

/// A common table expression in scope.
#[derive(Clone, Debug)]
pub(super) struct Common {
    name: Box<str>,
    shape: Rc<Shape>,
}

impl Trace<'_> {
    /// Reads a WITH clause, then `rest` with its names in scope.
    pub(super) fn with<T>(&mut self, clause: Option<&WithClause>, rest: impl FnOnce(&mut Self) -> T) -> T {
        let mark = self.common.len();
        if let Some(WithClause { ctes, recursive, location: _ }) = clause {
            if *recursive {
                // A name that is used before its query is read stands for what can't be told.
                for item in ctes {
                    if let Some(Kind::CommonTableExpr(table)) = &item.node {
                        self.bind(&table.ctename, Shape::everything());
                    }
                }
            }
            for item in ctes {
                match &item.node {
                    Some(Kind::CommonTableExpr(table)) => self.common_table(table, *recursive),
                    _ => self.give_up(),
                }
            }
        }
        let done = rest(self);
        self.common.truncate(mark);
        done
    }

    /// The columns of the common table expression of a name, the innermost.
    pub(super) fn common_of(&self, name: &str) -> Option<Rc<Shape>> {
        self.common.iter().rev().find(|common| *common.name == *name).map(|common| Rc::clone(&common.shape))
    }

    fn bind(&mut self, name: &str, shape: Shape) {
        self.common.push(Common { name: cut(name).into(), shape: Rc::new(shape) });
    }

    fn common_table(&mut self, table: &CommonTableExpr, recursive: bool) {
        let CommonTableExpr {
            ctename,
            aliascolnames,
            ctematerialized: _,
            ctequery,
            search_clause,
            cycle_clause,
            location: _,
            cterecursive: _,
            cterefcount: _,
            // Those of an analysed tree.
            ctecolnames: _,
            ctecoltypes: _,
            ctecoltypmods: _,
            ctecolcollations: _,
        } = table;
        let names = named(aliascolnames);
        let query = ctequery.as_deref();
        let shape = match query.and_then(|query| query.node.as_ref()) {
            Some(Kind::SelectStmt(query)) if recursive && is_union(query) => {
                self.recursive(ctename, &names, query, search_clause.as_ref(), cycle_clause.as_deref())
            }
            Some(_) => {
                let mut shape = self.query(query);
                shape.rename(&names);
                self.searched(shape, search_clause.as_ref(), cycle_clause.as_deref())
            }
            None => {
                self.give_up();
                Shape::everything()
            }
        };
        self.bind(ctename, shape);
    }

    /// `first UNION [ALL] again`, where `again` reads what there is so far: until nothing new flows in.
    fn recursive(
        &mut self,
        name: &str,
        names: &[Box<str>],
        query: &SelectStmt,
        search: Option<&CteSearchClause>,
        cycle: Option<&CteCycleClause>,
    ) -> Shape {
        let first = query.larg.as_deref();
        let mark = self.common.len();
        let mut known =
            self.with(query.with_clause.as_ref(), |trace| first.map_or_else(Shape::everything, |first| trace.select(first)));
        known.rename(names);
        known = self.searched(known, search, cycle);
        for _ in 0..ROUNDS {
            self.bind(name, known.clone());
            let mut next = self.select(query);
            self.common.truncate(mark);
            next.rename(names);
            next = self.searched(next, search, cycle);
            let next = known.clone().or(next);
            if same(&known, &next) {
                return next;
            }
            known = next;
        }
        Shape::everything()
    }

    /// SEARCH and CYCLE add columns that are made of those of the query.
    fn searched(&mut self, mut shape: Shape, search: Option<&CteSearchClause>, cycle: Option<&CteCycleClause>) -> Shape {
        let mut added = Vec::new();
        if let Some(CteSearchClause { search_col_list, search_breadth_first: _, search_seq_column, location: _ }) = search {
            added.push((search_seq_column, columns_of(&shape, search_col_list)));
        }
        if let Some(cycle) = cycle {
            let CteCycleClause {
                cycle_col_list,
                cycle_mark_column,
                cycle_mark_value,
                cycle_mark_default,
                cycle_path_column,
                location: _,
                cycle_mark_type: _,
                cycle_mark_typmod: _,
                cycle_mark_collation: _,
                cycle_mark_neop: _,
            } = cycle;
            let row = columns_of(&shape, cycle_col_list);
            // Where they come again, it ends.
            self.uses(UseKind::Distinct, &row.sources);
            for value in [cycle_mark_value, cycle_mark_default] {
                self.optional(value.as_deref());
            }
            added.push((cycle_mark_column, row.clone()));
            added.push((cycle_path_column, row));
        }
        shape.fields.extend(added.into_iter().map(|(name, value)| Field { name: Some(cut(name).into()), value }));
        shape
    }

    /// A query, or a change with RETURNING, inside of a statement.
    pub(super) fn query(&mut self, query: Option<&Node>) -> Shape {
        let returned = match query.and_then(|query| query.node.as_ref()) {
            Some(Kind::SelectStmt(query)) => return self.select(query),
            Some(Kind::InsertStmt(statement)) => self.insert(statement),
            Some(Kind::UpdateStmt(statement)) => self.update(statement),
            Some(Kind::DeleteStmt(statement)) => self.delete(statement),
            Some(Kind::MergeStmt(statement)) => self.merge(statement),
            _ => {
                self.give_up();
                Returned::unknown()
            }
        };
        match returned {
            Returned::Rows(shape) => shape,
            Returned::Nothing => Shape::default(),
        }
    }
}

/// What is made of some of the columns; of all, where one is not found.
fn columns_of(shape: &Shape, list: &[Node]) -> Value {
    let mut all = Sources::default();
    for name in named(list) {
        match shape.fields.iter().find(|field| field.name.as_ref() == Some(&name)) {
            Some(field) if shape.rest.is_none() => all.add(&field.value.sources),
            Some(_) | None => all.add(&shape.row()),
        }
    }
    Value::derived(all, false)
}

fn is_union(query: &SelectStmt) -> bool {
    SetOperation::try_from(query.op) == Ok(SetOperation::SetopUnion)
}

/// Whether nothing new flows in.
fn same(one: &Shape, other: &Shape) -> bool {
    let fields = one.fields.iter().zip(&other.fields);
    one.rest == other.rest
        && one.fields.len() == other.fields.len()
        && fields.into_iter().all(|(one, other)| {
            one.value.sources == other.value.sources
                && one.value.direct == other.value.direct
                && one.value.loud == other.value.loud
        })
}

/// Names from a list of strings. One that is none has no columns to name.
pub(super) fn named(list: &[Node]) -> Vec<Box<str>> {
    strings(list).unwrap_or_default().into_iter().map(|name| cut(name).into()).collect()
}
