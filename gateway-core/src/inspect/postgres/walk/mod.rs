//! Walks PostgreSQL's tree of a statement: every node that is known names all of its fields, every
//! other node makes the statement not understood.
//!
//! A walk follows the grammar's own shape. [`Part`] is implemented for each node; `plain!` (in
//! `parts`) writes the implementation of those that only hold other nodes. What a node means for
//! policies is added in `expression`, `select`, `modify` and, for whole statements, in `statement`
//! and the files beside it.

mod administer;
mod command;
mod copy;
mod create;
mod define;
mod expression;
mod modify;
mod objects;
mod parts;
mod select;
mod session;
mod statement;

pub(in crate::inspect) use expression::literal;
pub(in crate::inspect) use session::is_on;

use super::names;
use super::places::{Place, Wanted};
use super::scope::Scope;
use super::sweep::{Counted, Counts};
use crate::inspect::{Access, Action, NameKind, Object, ObjectName, Statement, Usage};
use pg_query::protobuf::{Node, RangeVar};
use std::collections::BTreeSet;

/// A node, or what holds nodes.
trait Part {
    /// Walks it and all below.
    fn walk(&self, walk: &mut Walk);
}

impl<T: Part> Part for Option<T> {
    fn walk(&self, walk: &mut Walk) {
        if let Some(part) = self {
            part.walk(walk);
        }
    }
}

impl<T: Part> Part for Vec<T> {
    fn walk(&self, walk: &mut Walk) {
        for part in self {
            part.walk(walk);
        }
    }
}

impl<T: Part> Part for Box<T> {
    fn walk(&self, walk: &mut Walk) {
        (**self).walk(walk);
    }
}

/// What is known of one statement so far.
#[derive(Debug, Default)]
pub(super) struct Walk {
    /// The command, the facts, the changes.
    out: Statement,
    accesses: BTreeSet<Access>,
    /// Operators without a schema that are in `accesses` so far.
    symbols: BTreeSet<Box<str>>,
    scope: Scope,
    /// The nodes that were walked; the sweep must count the same.
    seen: Counts,
    wanted: Vec<Wanted>,
    /// Why it is not understood, where it is not.
    trouble: Option<String>,
    /// Below EXPLAIN without ANALYZE: nothing is changed.
    dry: bool,
    /// A SELECT with INTO makes a relation.
    into: bool,
    /// Relations as written, CTEs among them: for the cross-check.
    written: BTreeSet<ObjectName>,
    /// Bodies keep their trees.
    exact: bool,
}

/// A statement, walked.
#[derive(Debug)]
pub(super) struct Walked {
    /// All but its span and the places of its names.
    pub(super) statement: Statement,
    /// Its names, yet to be found in the text.
    pub(super) wanted: Vec<Wanted>,
    /// Each relation that is written in it, names of CTEs included.
    pub(super) written: BTreeSet<ObjectName>,
}

/// Walks a statement; the error says why it is not understood. `exact`: what names will stand for keeps its tree.
pub(super) fn walk(node: &Node, exact: bool) -> Result<Walked, String> {
    let mut walk = Walk { exact, ..Walk::default() };
    walk.statement(node);
    if let Some(trouble) = walk.trouble {
        return Err(trouble);
    }
    if let Some(missed) = super::sweep::count(node).missed_by(&walk.seen) {
        return Err(format!("the walker missed a node of kind {missed}"));
    }
    let mut statement = walk.out;
    statement.accesses = settled(walk.accesses, &walk.seen);
    Ok(Walked { statement, wanted: walk.wanted, written: walk.written })
}

impl Walk {
    /// A node of this kind was walked.
    fn seen(&mut self, node: Counted) {
        self.seen.add(node);
    }

    /// The statement is not understood; the first reason is kept.
    fn trouble(&mut self, why: impl Into<String>) {
        if self.trouble.is_none() {
            self.trouble = Some(why.into());
        }
    }

    /// A node that no statement's own tree has.
    fn unknown(&mut self, node: &str) {
        self.trouble(format!("unknown node {node}"));
    }

    /// `action` is done to `object`. Where nothing runs (EXPLAIN without ANALYZE), what would be
    /// written is read, and nothing is made.
    fn access(&mut self, action: Action, object: Object) {
        let action = match (self.dry, action) {
            (true, Action::Write) => Action::Read,
            (true, Action::Define) => return,
            (_, action) => action,
        };
        self.accesses.insert(Access::new(action, object));
    }

    /// The same, done by `verb`, whatever the statement's own is. Where nothing runs, `verb` does nothing.
    fn access_by(&mut self, verb: &'static str, action: Action, object: Object) {
        if self.dry {
            return self.access(action, object);
        }
        self.accesses.insert(Access { action, object, verb: Some(verb) });
    }

    fn on_target(&mut self, action: Action) {
        self.access(action, Object::Target);
    }

    /// A relation that a statement names as its object: never a common table expression. The empty
    /// schema of a temporary one is `pg_temp`, as the server puts it there.
    fn relation(&mut self, action: Action, relation: &RangeVar) {
        self.seen(Counted::RangeVar);
        self.written.insert(names::object(&relation.schemaname, &relation.relname));
        self.access(action, Object::Relation(temporary(relation)));
    }

    /// The relation that `verbs` change.
    fn changed(&mut self, verbs: &[&'static str], relation: &RangeVar) {
        self.seen(Counted::RangeVar);
        self.written.insert(names::object(&relation.schemaname, &relation.relname));
        for verb in verbs {
            self.access_by(verb, Action::Write, Object::Relation(temporary(relation)));
        }
    }

    /// Each relation of a list.
    fn relations(&mut self, action: Action, list: &[Node]) {
        for item in list {
            match &item.node {
                Some(pg_query::NodeEnum::RangeVar(relation)) => self.relation(action, relation),
                _ => self.trouble("a list of relations holds another node"),
            }
        }
    }

    /// A function that is named by a list of strings.
    fn function(&mut self, action: Action, listed: &[Node]) {
        match names::listed(listed) {
            Some(name) => self.access(action, Object::Function(name)),
            None => self.trouble("a function's name is not a name"),
        }
    }

    /// An object in a schema that policies don't know as such: its schema, or the target where the search path decides.
    fn in_schema(&mut self, action: Action, listed: &[Node]) {
        match names::listed(listed) {
            Some(ObjectName { schema: Some(schema), .. }) => self.access(action, Object::Schema(schema)),
            Some(ObjectName { schema: None, .. }) => self.on_target(action),
            None => self.trouble("an object's name is not a name"),
        }
    }

    fn want(&mut self, kind: NameKind, usage: Usage, name: &str, place: Place) {
        self.wanted.push(Wanted { kind, usage, name: names::name(name), place });
    }
}

/// What was accessed, when all is known. The alias of a function in FROM may stand for a value that is no row.
fn settled(accesses: BTreeSet<Access>, seen: &Counts) -> Vec<Access> {
    if seen.of(Counted::RangeFunction) == 0 {
        return accesses.into_iter().collect();
    }
    let settled = accesses.into_iter().map(|access| match access.object {
        Object::Member(name) => Access { object: Object::MemberOfValue(name), ..access },
        _ => access,
    });
    settled.collect::<BTreeSet<_>>().into_iter().collect()
}

/// A relation's name; that of a temporary one that is being made is in `pg_temp`.
fn temporary(relation: &RangeVar) -> ObjectName {
    let RangeVar { catalogname: _, schemaname, relname, inh: _, relpersistence, alias: _, location: _ } = relation;
    let schema = if schemaname.is_empty() && relpersistence == "t" { "pg_temp" } else { schemaname };
    names::object(schema, relname)
}
