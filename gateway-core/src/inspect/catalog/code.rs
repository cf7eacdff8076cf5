//! Code of the database that runs when rows are written: triggers, rules, defaults and what they call.

use super::{Catalog, ColumnId};
use crate::inspect::code_flow::{CodeFlow, Language, code_flows};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is known of code.
#[derive(Clone, Debug, Default)]
pub(in crate::inspect) struct Code {
    pub(in crate::inspect) triggers: Vec<Trigger>,
    /// By relation.
    pub(in crate::inspect) rules: Vec<(u32, Option<Arc<str>>)>,
    pub(in crate::inspect) expressions: Vec<(ColumnId, Option<Arc<str>>)>,
    pub(in crate::inspect) bodies: BTreeMap<u32, FunctionBody>,
    /// Functions with bodies, by name.
    named: BTreeMap<Arc<str>, Vec<u32>>,
    flows: Arc<[CodeFlow]>,
}

/// A trigger.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Trigger {
    /// The relation whose rows it sees.
    pub relation: u32,
    /// The function that it runs.
    pub function: u32,
    /// What it gives the function, as constants.
    pub arguments: Vec<Box<str>>,
    /// Its names for the statement's rows, old and new.
    pub transition: Vec<Box<str>>,
}

/// A function's body.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FunctionBody {
    /// Its language and text, where both can be read.
    pub text: Option<(Language, Arc<str>)>,
    /// Whether it depends on its arguments alone, as its owner says (`pg_proc.provolatile`).
    pub immutable: bool,
}

impl Catalog {
    /// Adds a trigger that may run.
    pub fn add_trigger(&mut self, trigger: Trigger) {
        self.code.triggers.push(trigger);
    }

    /// Adds a rule of a relation, views' own apart: its text, where it is known (`pg_get_ruledef`).
    pub fn add_rule(&mut self, relation: u32, text: Option<Arc<str>>) {
        self.code.rules.push((relation, text));
    }

    /// Adds what a column is computed by where it is not given, or always: its text, where it is known (`pg_get_expr`).
    pub fn add_column_expression(&mut self, column: ColumnId, text: Option<Arc<str>>) {
        self.code.expressions.push((column, text));
    }

    /// Adds the body of a function that has been added.
    pub fn add_function_body(&mut self, function: u32, body: FunctionBody) {
        if let Some((_, name)) = self.function_by_oid.get(&function) {
            self.code.named.entry(Arc::clone(name)).or_default().push(function);
        }
        self.code.bodies.insert(function, body);
    }

    /// Finds out what code puts into columns. Called once, when all else has been added and views were traced.
    pub fn trace_code(&mut self) {
        self.code.flows = code_flows(self, &self.code).into();
    }

    /// Says what code puts into columns, as it was found out of another catalog in which all that code names was the same.
    pub fn set_code_flows(&mut self, flows: Arc<[CodeFlow]>) {
        self.code.flows = flows;
    }

    /// What code may put into columns.
    #[must_use]
    pub const fn code_flows(&self) -> &Arc<[CodeFlow]> {
        &self.code.flows
    }

    /// The functions of a name, in `schema` or in any, that have bodies.
    pub(in crate::inspect) fn functions_with_bodies(&self, schema: Option<&str>, name: &str) -> impl Iterator<Item = u32> {
        let named = self.code.named.get(name).into_iter().flatten().copied();
        named.filter(move |oid| schema.is_none_or(|schema| self.function(*oid).is_some_and(|(known, _)| known == schema)))
    }
}
