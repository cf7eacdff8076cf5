//! CREATE: what will run later, and is given rows then.

use super::space::{Item, Space};
use super::trace::{Returned, Trace};
use super::value::{Field, Shape, Sources, Value};
use super::{Place, UseKind};
use crate::inspect::postgres::{cut, strings};
use pg_query::protobuf::{
    CreateFunctionStmt, CreatePolicyStmt, CreateTrigStmt, CreatedbStmt, FunctionParameter, List, Node, RangeVar, ReturnStmt,
    RuleStmt, node::Node as Kind,
};
use std::rc::Rc;

impl Trace<'_> {
    /// A rule's actions are given rows, and may put them anywhere.
    pub(super) fn create_rule(&mut self, statement: &RuleStmt) {
        let RuleStmt { relation, rulename: _, where_clause, event: _, instead: _, actions, replace: _ } = statement;
        relation.iter().for_each(|relation| _ = self.relation_item(relation));
        if where_clause.is_some() || !actions.is_empty() {
            self.flow(&Sources::everything(), Place::Code);
        }
    }

    /// A trigger's function is given rows.
    pub(super) fn create_trigger(&mut self, statement: &CreateTrigStmt) {
        let CreateTrigStmt {
            replace: _,
            isconstraint: _,
            trigname: _,
            relation,
            funcname: _,
            args: _,
            row: _,
            timing: _,
            events: _,
            columns: _,
            when_clause: _,
            transition_rels: _,
            deferrable: _,
            initdeferred: _,
            constrrel: _,
        } = statement;
        match relation {
            Some(relation) => self.rows_to_code(relation),
            None => self.give_up(),
        }
    }

    /// All columns of a relation are given to code.
    pub(super) fn rows_to_code(&mut self, relation: &RangeVar) {
        let row = self.relation_item(relation).shape.row();
        self.flow(&row, Place::Code);
    }

    pub(super) fn create_policy(&mut self, statement: &CreatePolicyStmt) {
        let CreatePolicyStmt { policy_name: _, table, cmd_name: _, permissive: _, roles: _, qual, with_check } = statement;
        self.policy(table.as_ref(), &[qual.as_deref(), with_check.as_deref()]);
    }

    /// Conditions that every query of the table has from now on.
    pub(super) fn policy(&mut self, table: Option<&RangeVar>, conditions: &[Option<&Node>]) {
        let Some(table) = table else { return self.give_up() };
        let space = self.range(table);
        self.within(space, |trace| {
            for condition in conditions {
                let value = trace.decides(UseKind::Filter, *condition);
                trace.flow(&value.sources, Place::Code);
            }
        });
    }

    /// A body that is text is read by nobody here; one that is SQL is.
    pub(super) fn create_function(&mut self, statement: &CreateFunctionStmt) {
        let CreateFunctionStmt { is_procedure: _, replace: _, funcname, parameters, return_type: _, options: _, sql_body } =
            statement;
        let mut fields = Vec::new();
        for parameter in parameters {
            let Some(Kind::FunctionParameter(parameter)) = &parameter.node else {
                self.give_up();
                continue;
            };
            let FunctionParameter { name, arg_type: _, mode: _, defexpr, location: _ } = &**parameter;
            let default = self.optional(defexpr.as_deref());
            self.flow(&default.sources, Place::Code);
            fields.push(Field { name: Some(cut(name).into()), value: Value::default() });
        }
        let Some(body) = sql_body else { return self.flow(&Sources::everything(), Place::Code) };
        let name = strings(funcname).and_then(|names| names.last().map(|name| cut(name).into())).unwrap_or_default();
        let shape = Rc::new(Shape { fields, rest: None });
        self.within(Space::of(Item { name, schemas: Vec::new(), shape, system: false }), |trace| trace.routine(body));
    }

    /// RETURN, or BEGIN ATOMIC.
    fn routine(&mut self, body: &Node) {
        self.deeper(
            || (),
            |trace| match &body.node {
                Some(Kind::List(List { items })) => items.iter().for_each(|item| trace.routine(item)),
                Some(Kind::ReturnStmt(value)) => {
                    let ReturnStmt { returnval } = &**value;
                    let value = trace.optional(returnval.as_deref());
                    trace.flow(&value.sources, Place::Code);
                }
                Some(_) => {
                    if let Returned::Rows(shape) = trace.statement(body) {
                        trace.flow(&shape.row(), Place::Code);
                    }
                }
                None => {}
            },
        );
    }

    /// A database is made as a copy of another: all of it, where that is not one that is empty.
    pub(super) fn create_database(&mut self, statement: &CreatedbStmt) {
        let CreatedbStmt { dbname: _, options } = statement;
        let empty = options.iter().all(|option| match &option.node {
            Some(Kind::DefElem(option)) if option.defname.eq_ignore_ascii_case("template") => {
                matches!(option.arg.as_deref(), Some(Node { node: Some(Kind::String(name)) }) if name.sval == "template0" || name.sval == "template1")
            }
            Some(Kind::DefElem(_)) => true,
            _ => false,
        });
        if !empty {
            self.flow(&Sources::everything(), Place::Server);
        }
    }
}
