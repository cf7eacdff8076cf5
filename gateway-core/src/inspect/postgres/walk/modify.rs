//! INSERT, UPDATE, DELETE and MERGE.
//!
//! Their target is written. It is read as well wherever PostgreSQL would ask for SELECT on it, judged
//! from above: an UPDATE, DELETE or MERGE that names a column outside of its list of targets, an
//! INSERT that returns a column or that looks for a conflict.

use super::{Part, Walk, temporary};
use crate::inspect::postgres::sweep::{self, Counted};
use crate::inspect::{Action, Object};
use pg_query::protobuf::{
    AExprKind, BoolExprType, CmdType, DeleteStmt, InsertStmt, MergeStmt, MergeWhenClause, Node, OnConflictAction,
    OnConflictClause, RangeVar, ResTarget, UpdateStmt, node::Node as Kind,
};

impl Part for InsertStmt {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, cols, select_stmt, on_conflict_clause, returning_clause, with_clause, r#override: _ } = self;
        walk.seen(Counted::InsertStmt);
        walk.with(with_clause.as_ref(), |walk| {
            cols.walk(walk);
            select_stmt.walk(walk);
            let before = walk.seen.of(Counted::ColumnRef);
            on_conflict_clause.walk(walk);
            returning_clause.walk(walk);
            let looks = on_conflict_clause.as_ref().is_some_and(|clause| clause.infer.is_some());
            let reads = looks || walk.seen.of(Counted::ColumnRef) > before;
            let updates = on_conflict_clause.as_ref().is_some_and(|clause| !does_nothing(clause));
            let verbs: &[_] = if updates { &["INSERT", "UPDATE"] } else { &["INSERT"] };
            walk.modified(verbs, relation.as_ref(), reads);
        });
    }
}

impl Part for UpdateStmt {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, target_list, where_clause, from_clause, returning_clause, with_clause } = self;
        walk.seen(Counted::UpdateStmt);
        walk.with(with_clause.as_ref(), |walk| {
            let before = walk.seen.of(Counted::ColumnRef);
            target_list.walk(walk);
            where_clause.walk(walk);
            from_clause.walk(walk);
            returning_clause.walk(walk);
            let reads = walk.seen.of(Counted::ColumnRef) > before;
            walk.modified(&["UPDATE"], relation.as_ref(), reads);
        });
        walk.out.facts.no_where |= !limits(where_clause.as_deref());
    }
}

impl Part for DeleteStmt {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, using_clause, where_clause, returning_clause, with_clause } = self;
        walk.seen(Counted::DeleteStmt);
        walk.with(with_clause.as_ref(), |walk| {
            let before = walk.seen.of(Counted::ColumnRef);
            using_clause.walk(walk);
            where_clause.walk(walk);
            returning_clause.walk(walk);
            let reads = walk.seen.of(Counted::ColumnRef) > before;
            walk.modified(&["DELETE"], relation.as_ref(), reads);
        });
        walk.out.facts.no_where |= !limits(where_clause.as_deref());
    }
}

impl Part for MergeStmt {
    fn walk(&self, walk: &mut Walk) {
        let Self { relation, source_relation, join_condition, merge_when_clauses, returning_clause, with_clause } = self;
        walk.seen(Counted::MergeStmt);
        walk.with(with_clause.as_ref(), |walk| {
            let before = walk.seen.of(Counted::ColumnRef);
            source_relation.walk(walk);
            join_condition.walk(walk);
            merge_when_clauses.walk(walk);
            returning_clause.walk(walk);
            let reads = walk.seen.of(Counted::ColumnRef) > before;
            walk.modified(&verbs(merge_when_clauses), relation.as_ref(), reads);
        });
        let joined = limits(join_condition.as_deref());
        walk.out.facts.no_where |= merge_when_clauses.iter().any(|item| match &item.node {
            Some(Kind::MergeWhenClause(clause)) => changes_rows(clause) && !joined && !limits(clause.condition.as_deref()),
            _ => true,
        });
    }
}

impl Part for ResTarget {
    fn walk(&self, walk: &mut Walk) {
        let Self { name: _, indirection, val, location: _ } = self;
        walk.seen(Counted::ResTarget);
        indirection.walk(walk);
        val.walk(walk);
    }
}

impl Walk {
    /// The target of `verbs`, of which the first is the statement's.
    fn modified(&mut self, verbs: &[&'static str], relation: Option<&RangeVar>, reads: bool) {
        let Some(relation) = relation else { return self.trouble("a statement without the relation that it changes") };
        self.changed(verbs, relation);
        if relation.relname == "pg_settings" {
            // A view whose rule calls set_config.
            self.out.changes.settings = true;
            self.out.changes.role = true;
        }
        if let Some(verb) = verbs.first().filter(|_| reads) {
            self.access_by(verb, Action::Read, Object::Relation(temporary(relation)));
        }
    }
}

/// The verbs of a MERGE: its own, and those of what it may do.
fn verbs(clauses: &[Node]) -> Vec<&'static str> {
    let commands = clauses.iter().filter_map(|item| match &item.node {
        Some(Kind::MergeWhenClause(clause)) => CmdType::try_from(clause.command_type).ok(),
        _ => None,
    });
    let mut verbs = vec!["MERGE"];
    for command in commands {
        let verb = match command {
            CmdType::CmdInsert => "INSERT",
            CmdType::CmdUpdate => "UPDATE",
            CmdType::CmdDelete => "DELETE",
            CmdType::Undefined
            | CmdType::CmdUnknown
            | CmdType::CmdSelect
            | CmdType::CmdMerge
            | CmdType::CmdUtility
            | CmdType::CmdNothing => continue,
        };
        if !verbs.contains(&verb) {
            verbs.push(verb);
        }
    }
    verbs
}

/// ON CONFLICT DO NOTHING.
fn does_nothing(clause: &OnConflictClause) -> bool {
    OnConflictAction::try_from(clause.action) == Ok(OnConflictAction::OnconflictNothing)
}

/// Whether it updates or deletes rows that are there.
fn changes_rows(clause: &MergeWhenClause) -> bool {
    match CmdType::try_from(clause.command_type) {
        Ok(CmdType::CmdInsert | CmdType::CmdNothing) => false,
        Ok(
            CmdType::Undefined
            | CmdType::CmdUnknown
            | CmdType::CmdSelect
            | CmdType::CmdUpdate
            | CmdType::CmdDelete
            | CmdType::CmdMerge
            | CmdType::CmdUtility,
        )
        | Err(_) => true,
    }
}

/// Whether a condition can tell one row from another: it names a column or a cursor's row.
///
/// `true`, `1 = 1`, `a = a` and `… OR true` don't. It is judged from the text alone: a condition
/// that names columns and still holds for every row (`a > 0 OR a <= 0`) passes.
fn limits(condition: Option<&Node>) -> bool {
    let Some(condition) = condition else { return false };
    match &condition.node {
        Some(Kind::BoolExpr(expression)) => match BoolExprType::try_from(expression.boolop) {
            Ok(BoolExprType::AndExpr) => expression.args.iter().any(|arm| limits(Some(arm))),
            Ok(BoolExprType::OrExpr | BoolExprType::NotExpr) => expression.args.iter().all(|arm| limits(Some(arm))),
            Ok(BoolExprType::Undefined) | Err(_) => false,
        },
        Some(Kind::AExpr(expression)) if AExprKind::try_from(expression.kind) == Ok(AExprKind::AexprOp) => {
            !same_column(expression.lexpr.as_deref(), expression.rexpr.as_deref()) && names_column(condition)
        }
        _ => names_column(condition),
    }
}

fn names_column(condition: &Node) -> bool {
    let counts = sweep::count(condition);
    counts.of(Counted::ColumnRef) + counts.of(Counted::CurrentOfExpr) > 0
}

fn same_column(left: Option<&Node>, right: Option<&Node>) -> bool {
    match (left.map(|node| &node.node), right.map(|node| &node.node)) {
        (Some(Some(Kind::ColumnRef(left))), Some(Some(Kind::ColumnRef(right)))) => left.fields == right.fields,
        _ => false,
    }
}
