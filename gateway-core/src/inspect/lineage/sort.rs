//! What rows are filtered, sorted, grouped and limited by.

use super::UseKind;
use super::operator::is_equality;
use super::space::Found;
use super::trace::Trace;
use super::value::{Shape, Sources, Value};
use crate::inspect::postgres::cut;
use pg_query::protobuf::{
    self, BoolExpr, BoolExprType, GroupingSet, Node, RowExpr, SortBy, WindowDef, a_const, node::Node as Kind,
};

/// Whose names a bare name is looked for among first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum First {
    /// The columns that the query returns: ORDER BY, DISTINCT ON.
    Returned,
    /// Those that it reads: GROUP BY.
    Read,
    /// Those that it reads alone, and a number is a number: windows and aggregates.
    Alone,
}

impl Trace<'_> {
    /// A WHERE: a conjunct that says that a column is equal to something given is told apart.
    pub(super) fn filter(&mut self, condition: Option<&Node>) {
        let Some(condition) = condition else { return };
        self.deeper(
            || (),
            |trace| match &condition.node {
                Some(Kind::BoolExpr(expression)) if BoolExprType::try_from(expression.boolop) == Ok(BoolExprType::AndExpr) => {
                    let BoolExpr { xpr: _, boolop: _, args, location: _ } = &**expression;
                    args.iter().for_each(|arm| trace.filter(Some(arm)));
                    // What stands before another arm may keep that from being computed.
                }
                Some(Kind::AExpr(equality)) if is_equality(equality) => {
                    let (value, column) = trace.equality(equality);
                    match column {
                        Some(column) => trace.uses(UseKind::Equality, &column),
                        None => trace.uses(UseKind::Filter, &value.sources),
                    }
                }
                _ => {
                    let value = trace.expression(condition);
                    trace.uses(UseKind::Filter, &value.sources);
                }
            },
        );
    }

    /// A condition that decides by `kind`.
    pub(super) fn decides(&mut self, kind: UseKind, condition: Option<&Node>) -> Value {
        let value = self.optional(condition);
        self.uses(kind, &value.sources);
        value
    }

    /// What a list is sorted, or made distinct, by.
    pub(super) fn sorted(&mut self, kind: UseKind, list: &[Node], returned: &Shape, first: First) -> Sources {
        let mut all = Sources::default();
        for item in list {
            let sources = self.sorted_by(item, returned, first);
            self.uses(kind, &sources);
            all.add(&sources);
        }
        all
    }

    fn sorted_by(&mut self, item: &Node, returned: &Shape, first: First) -> Sources {
        self.deeper(Sources::everything, |trace| match &item.node {
            Some(Kind::AConst(_) | Kind::ColumnRef(_)) if first == First::Alone => trace.expression(item).sources,
            Some(Kind::SortBy(sort)) => {
                let SortBy { node, sortby_dir: _, sortby_nulls: _, use_op, location: _ } = &**sort;
                let sources = node.as_deref().map_or_else(Sources::everything, |node| trace.sorted_by(node, returned, first));
                if use_op.is_empty() {
                    sources
                } else {
                    // An operator of one's own may do anything with them.
                    let value = Value::derived(sources, false);
                    trace.operator(use_op, &[&value, &value]).sources
                }
            }
            Some(Kind::AConst(protobuf::AConst { isnull: false, location: _, val: Some(a_const::Val::Ival(number)) })) => {
                match usize::try_from(number.ival).ok().and_then(|number| number.checked_sub(1)) {
                    Some(place) => returned.at(place).sources,
                    None => Sources::everything(),
                }
            }
            Some(Kind::ColumnRef(column)) => match column.fields.as_slice() {
                [Node { node: Some(Kind::String(name)) }] => trace.sorted_by_name(item, cut(&name.sval), returned, first),
                _ => trace.expression(item).sources,
            },
            Some(Kind::GroupingSet(GroupingSet { kind: _, content, location: _ })) => content
                .iter()
                .map(|item| trace.sorted_by(item, returned, first))
                .fold(Sources::default(), |all, one| all.and(&one)),
            // In GROUP BY a row stands for its parts.
            Some(Kind::RowExpr(row)) if first == First::Read => {
                let RowExpr { xpr: _, args, row_typeid: _, row_format: _, colnames: _, location: _ } = &**row;
                args.iter().map(|item| trace.sorted_by(item, returned, first)).fold(Sources::default(), |all, one| all.and(&one))
            }
            Some(_) => trace.expression(item).sources,
            None => Sources::default(),
        })
    }

    /// A name alone may be that of a column that is returned.
    fn sorted_by_name(&mut self, item: &Node, name: &str, returned: &Shape, first: First) -> Sources {
        let own = self.levels.last().map_or(Found::Missing, |level| level.space.column(name));
        if first == First::Read && matches!(own, Found::Column(_)) {
            return self.expression(item).sources;
        }
        let mut found: Option<Sources> = returned.rest.clone();
        for field in &returned.fields {
            // One whose name is not known may be meant as well.
            if field.name.as_deref().is_none_or(|known| known == name) {
                found.get_or_insert_default().add(&field.value.sources);
            }
        }
        let certain = returned.rest.is_none() && returned.fields.iter().all(|field| field.name.is_some());
        match found {
            Some(found) if certain => found,
            Some(found) => self.expression(item).sources.and(&found),
            None => self.expression(item).sources,
        }
    }

    /// A window: what it is made by decides what is computed over it.
    pub(super) fn window(&mut self, window: &WindowDef) -> Sources {
        let WindowDef { name, refname, partition_clause, order_clause, frame_options: _, start_offset, end_offset, location: _ } =
            window;
        let mut all = self.sorted(UseKind::Window, partition_clause, &Shape::default(), First::Alone);
        all.add(&self.sorted(UseKind::Window, order_clause, &Shape::default(), First::Alone));
        // One by its name may be any of the query's.
        if !name.is_empty() || !refname.is_empty() {
            all.add(&self.levels.last().map(|level| level.windows.clone()).unwrap_or_default());
        }
        for offset in [start_offset, end_offset] {
            all.add(&self.decides(UseKind::Window, offset.as_deref()).sources);
        }
        all
    }
}
