//! INSERT, UPDATE, DELETE, MERGE.

use super::UseKind;
use super::assign::Target;
use super::space::{Item, Level, Space};
use super::trace::{Returned, Trace};
use super::value::{Field, Shape, Value};
use crate::inspect::postgres::cut;
use pg_query::protobuf::{
    CmdType, DeleteStmt, IndexElem, InferClause, InsertStmt, MergeStmt, MergeWhenClause, Node, OnConflictAction,
    OnConflictClause, ReturningClause, ReturningOption, ReturningOptionKind, UpdateStmt, node::Node as Kind,
};
use std::rc::Rc;

impl Trace<'_> {
    pub(super) fn insert(&mut self, statement: &InsertStmt) -> Returned {
        let InsertStmt { relation, cols, select_stmt, on_conflict_clause, returning_clause, with_clause, r#override: _ } =
            statement;
        self.changing(with_clause.as_ref(), |trace| {
            let Some(target) = relation.as_ref().map(|relation| trace.target(relation)) else { return trace.unknown_change() };
            let columns = trace.named_columns(&target, cols);
            let rows = match select_stmt.as_deref() {
                Some(rows) => trace.query(Some(rows)),
                // DEFAULT VALUES.
                None => Shape::default(),
            };
            trace.inserted(&target, &columns, &rows);
            if let Some(clause) = on_conflict_clause {
                let excluded = excluded(&target, &columns, &rows);
                trace.on_conflict(&target, clause, excluded);
            }
            trace.within(target.space(), |trace| trace.returning(returning_clause.as_ref(), &target))
        })
    }

    pub(super) fn update(&mut self, statement: &UpdateStmt) -> Returned {
        let UpdateStmt { relation, target_list, where_clause, from_clause, returning_clause, with_clause } = statement;
        self.changing(with_clause.as_ref(), |trace| {
            let Some(target) = relation.as_ref().map(|relation| trace.target(relation)) else { return trace.unknown_change() };
            trace.within(target.space(), |trace| {
                trace.from(from_clause);
                trace.filter(where_clause.as_deref());
                trace.assigned(&target, target_list);
                trace.returning(returning_clause.as_ref(), &target)
            })
        })
    }

    pub(super) fn delete(&mut self, statement: &DeleteStmt) -> Returned {
        let DeleteStmt { relation, using_clause, where_clause, returning_clause, with_clause } = statement;
        self.changing(with_clause.as_ref(), |trace| {
            let Some(target) = relation.as_ref().map(|relation| trace.target(relation)) else { return trace.unknown_change() };
            trace.removed(&target);
            trace.within(target.space(), |trace| {
                trace.from(using_clause);
                trace.filter(where_clause.as_deref());
                trace.returning(returning_clause.as_ref(), &target)
            })
        })
    }

    pub(super) fn merge(&mut self, statement: &MergeStmt) -> Returned {
        let MergeStmt { relation, source_relation, join_condition, merge_when_clauses, returning_clause, with_clause } =
            statement;
        self.changing(with_clause.as_ref(), |trace| {
            let Some(target) = relation.as_ref().map(|relation| trace.target(relation)) else { return trace.unknown_change() };
            trace.within(Space::default(), |trace| {
                let source = match source_relation.as_deref() {
                    Some(source) => trace.range_item(source),
                    None => Space::bare(Shape::everything()),
                };
                if let Some(level) = trace.levels.last_mut() {
                    level.space = target.space();
                    level.space.append(source);
                }
                trace.decides(UseKind::Join, join_condition.as_deref());
                for clause in merge_when_clauses {
                    match &clause.node {
                        Some(Kind::MergeWhenClause(clause)) => trace.merged_when(&target, clause),
                        _ => trace.give_up(),
                    }
                }
                trace.returning(returning_clause.as_ref(), &target)
            })
        })
    }

    fn merged_when(&mut self, target: &Target, clause: &MergeWhenClause) {
        let MergeWhenClause { match_kind: _, command_type, r#override: _, condition, target_list, values } = clause;
        self.decides(UseKind::Filter, condition.as_deref());
        match CmdType::try_from(*command_type) {
            Ok(CmdType::CmdInsert) => {
                let columns = self.named_columns(target, target_list);
                let fields = values.iter().map(|value| Field { name: None, value: self.expression(value) }).collect();
                self.inserted(target, &columns, &Shape { fields, rest: None });
            }
            Ok(CmdType::CmdUpdate) => self.assigned(target, target_list),
            Ok(CmdType::CmdDelete) => self.removed(target),
            Ok(CmdType::CmdNothing) => {}
            Ok(CmdType::Undefined | CmdType::CmdUnknown | CmdType::CmdSelect | CmdType::CmdMerge | CmdType::CmdUtility)
            | Err(_) => {
                self.give_up();
            }
        }
    }

    /// What is found where a key is taken already, and what is done then.
    fn on_conflict(&mut self, target: &Target, clause: &OnConflictClause, excluded: Shape) {
        let OnConflictClause { action, infer, target_list, where_clause, location: _ } = clause;
        let excluded = Item { name: "excluded".into(), schemas: Vec::new(), shape: Rc::new(excluded), system: true };
        if let Some(infer) = infer {
            let InferClause { index_elems, where_clause, conname: _, location: _ } = &**infer;
            self.within(target.space(), |trace| {
                for element in index_elems {
                    trace.key(element);
                }
                trace.decides(UseKind::Filter, where_clause.as_deref());
            });
        }
        let mut space = target.space();
        space.append(Space::of(excluded));
        match OnConflictAction::try_from(*action) {
            Ok(OnConflictAction::OnconflictNothing) => {}
            Ok(OnConflictAction::OnconflictUpdate) => self.within(space, |trace| {
                trace.assigned(target, target_list);
                trace.decides(UseKind::Filter, where_clause.as_deref());
            }),
            Ok(OnConflictAction::Undefined | OnConflictAction::OnconflictNone) | Err(_) => self.give_up(),
        }
    }

    /// A column or expression of a unique index: what is stored there decides.
    fn key(&mut self, element: &Node) {
        let Some(Kind::IndexElem(element)) = &element.node else { return self.give_up() };
        let value = self.indexed(element);
        self.uses(UseKind::Probe, &value.sources);
    }

    /// The column or expression of an index.
    pub(super) fn indexed(&mut self, element: &IndexElem) -> Value {
        let IndexElem { name, expr, indexcolname: _, collation: _, opclass: _, opclassopts: _, ordering: _, nulls_ordering: _ } =
            element;
        if name.is_empty() {
            return self.optional(expr.as_deref());
        }
        match self.levels.last().map(|level| level.space.column(cut(name))) {
            Some(super::space::Found::Column(value)) => value,
            Some(super::space::Found::Doubt | super::space::Found::Missing) | None => Value::everything(),
        }
    }

    /// RETURNING, at the level of the change. `old` and `new` are the row before and behind it.
    fn returning(&mut self, clause: Option<&ReturningClause>, target: &Target) -> Returned {
        let Some(ReturningClause { options, exprs }) = clause else { return Returned::Nothing };
        let (mut old, mut new): (Box<str>, Box<str>) = ("old".into(), "new".into());
        for option in options {
            let Some(Kind::ReturningOption(ReturningOption { option, value, location: _ })) = &option.node else {
                self.give_up();
                continue;
            };
            match ReturningOptionKind::try_from(*option) {
                Ok(ReturningOptionKind::ReturningOptionOld) => old = cut(value).into(),
                Ok(ReturningOptionKind::ReturningOptionNew) => new = cut(value).into(),
                Ok(ReturningOptionKind::Undefined) | Err(_) => self.give_up(),
            }
        }
        if let Some(Level { space, hidden: _, windows: _ }) = self.levels.last_mut() {
            for name in [old, new] {
                // A relation of that name goes before.
                if !space.items.iter().any(|item| item.name == name) {
                    space.items.push(Item { name, schemas: Vec::new(), shape: Rc::clone(&target.item.shape), system: true });
                }
            }
        }
        Returned::Rows(self.targets(exprs))
    }

    fn changing(&mut self, with: Option<&pg_query::protobuf::WithClause>, read: impl FnOnce(&mut Self) -> Returned) -> Returned {
        self.deeper(Returned::unknown, |trace| trace.with(with, read))
    }

    fn unknown_change(&mut self) -> Returned {
        self.give_up();
        Returned::unknown()
    }
}

/// The row that was to be inserted: what was given for its columns.
fn excluded(target: &Target, columns: &[Box<str>], rows: &Shape) -> Shape {
    let shape = &target.item.shape;
    if shape.rest.is_some() || rows.rest.is_some() {
        return Shape::unknown(rows.row().and(&shape.row()));
    }
    let fields = shape.fields.iter().map(|field| {
        let given = columns.iter().position(|column| field.name.as_ref() == Some(column));
        let value = given.filter(|place| *place < rows.fields.len()).map_or_else(Value::default, |place| rows.at(place));
        Field { name: field.name.clone(), value: Value { direct: false, ..value } }
    });
    Shape { fields: fields.collect(), rest: None }
}
