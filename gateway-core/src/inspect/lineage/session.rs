//! The session: prepared statements, cursors, EXPLAIN, SHOW, code.

use super::trace::{Returned, Trace};
use super::value::{Field, Shape, Sources, Value};
use super::{NameRef, Place};
use crate::inspect::NameKind;
use crate::inspect::postgres::{cut, is_on};
use pg_query::protobuf::{
    CallStmt, DeclareCursorStmt, DoStmt, ExecuteStmt, ExplainStmt, FetchStmt, Node, PrepareStmt, VariableShowStmt,
    node::Node as Kind,
};

impl Trace<'_> {
    pub(super) fn prepare(&mut self, statement: &PrepareStmt) -> Returned {
        let PrepareStmt { name: _, argtypes: _, query } = statement;
        self.made(query.as_deref());
        Returned::Nothing
    }

    pub(super) fn declare(&mut self, statement: &DeclareCursorStmt) -> Returned {
        let DeclareCursorStmt { portalname: _, options: _, query } = statement;
        self.made(query.as_deref());
        Returned::Nothing
    }

    fn made(&mut self, query: Option<&Node>) {
        match query {
            Some(query) => self.apart(|inner| inner.statement(query)),
            None => self.give_up(),
        }
    }

    pub(super) fn execute(&mut self, statement: &ExecuteStmt) -> Returned {
        let ExecuteStmt { name, params } = statement;
        // What it is given was computed here, and is compared and stored there.
        let given = Value::of_all(&self.all(params)).sources;
        self.flow(&given, Place::Unknown);
        self.refers = Some(NameRef { kind: NameKind::Prepared, name: cut(name).into() });
        self.touched = Sources::everything();
        Returned::unknown()
    }

    pub(super) fn fetch(&mut self, statement: &FetchStmt) -> Returned {
        let FetchStmt { direction: _, how_many: _, portalname, ismove } = statement;
        self.refers = Some(NameRef { kind: NameKind::Cursor, name: cut(portalname).into() });
        self.touched = Sources::everything();
        if *ismove { Returned::Nothing } else { Returned::unknown() }
    }

    /// A plan. Its costs and numbers of rows are estimates of what the statement's conditions find; with
    /// ANALYZE they are what it did find.
    pub(super) fn explain(&mut self, statement: &ExplainStmt) -> Returned {
        let ExplainStmt { query, options } = statement;
        let runs = options.iter().any(|option| match &option.node {
            Some(Kind::DefElem(option)) => option.defname.eq_ignore_ascii_case("analyze") && is_on(option),
            _ => true,
        });
        let mut widths = Sources::default();
        match query.as_deref().and_then(|query| query.node.as_ref()) {
            // The cursor is not made.
            Some(Kind::DeclareCursorStmt(declare)) => {
                let DeclareCursorStmt { portalname: _, options: _, query } = &**declare;
                let shape = self.query(query.as_deref());
                widths.add(&shape.row());
            }
            Some(_) => {
                if let Some(query) = query
                    && let Returned::Rows(shape) = self.statement(query)
                {
                    // How wide its rows are is taken from statistics of their values.
                    widths.add(&shape.row());
                }
            }
            None => self.give_up(),
        }
        let sources = if runs || self.refers.is_some() { self.touched.clone().and(&self.all_uses()) } else { self.all_uses() };
        self.copy = None;
        self.body = None;
        Returned::Rows(one("QUERY PLAN", Value::derived(sources.and(&widths), true)))
    }

    /// A setting that a session makes up has a dot; only there can values have been put, by code: all else is seen.
    pub(super) fn show(&mut self, statement: &VariableShowStmt) -> Returned {
        let VariableShowStmt { name } = statement;
        if name.eq_ignore_ascii_case("all") {
            let fields =
                ["name", "setting", "description"].map(|name| Field { name: Some(name.into()), value: Value::default() });
            return Returned::Rows(Shape { fields: fields.into(), rest: None });
        }
        let value = if name.contains('.') && self.scope.own.code_ran { Value::everything() } else { Value::default() };
        Returned::Rows(one(name, value))
    }

    /// DO: code that only the server reads.
    pub(super) fn run(&mut self, statement: &DoStmt) -> Returned {
        let DoStmt { args: _ } = statement;
        self.give_up();
        Returned::Nothing
    }

    pub(super) fn call_procedure(&mut self, statement: &CallStmt) -> Returned {
        let CallStmt { funccall, funcexpr, outargs: _ } = statement;
        match funccall {
            Some(call) if funcexpr.is_none() => _ = self.function(call),
            _ => self.give_up(),
        }
        self.code();
        Returned::unknown()
    }
}

fn one(name: &str, value: Value) -> Shape {
    Shape { fields: vec![Field { name: Some(cut(name).into()), value }], rest: None }
}
