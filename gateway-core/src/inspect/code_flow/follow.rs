//! Puts bodies together: a trigger with all functions that it calls, however many stand in between.

use super::CodeFlow;
use super::body::{self, Body};
use super::names::Named;
use super::place::{Place, is_harmless};
use super::reads::Mixture;
use super::tokens::{Token, tokens};
use super::writes::Write;
use crate::inspect::catalog::{Catalog, Code, ColumnId, FIRST_OWN, FullName, FunctionBody, Trigger};
use crate::inspect::lineage::Sources;
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

/// Tokens that are read and columns that are carried, at most.
const MOST: usize = 20_000_000;
/// Bytes of one text, at most.
const LONGEST: usize = 1 << 20;
/// Triggers of extensions that put no value of one column into another.
const HARMLESS: [&str; 6] = ["autoinc", "check_foreign_key", "check_primary_key", "insert_username", "lo_manage", "moddatetime"];

/// What was read so far.
#[derive(Debug)]
pub(super) struct Follow<'a> {
    catalog: &'a Catalog,
    code: &'a Code,
    left: Cell<usize>,
    texts: BTreeMap<u32, Option<Rc<[Token]>>>,
    /// Of functions as they are called, not as triggers.
    called: BTreeMap<u32, Rc<Body>>,
    found: BTreeMap<(ColumnId, Option<FullName>), Sources>,
}

/// All that one piece of code runs.
struct Reached {
    bodies: BTreeMap<u32, Rc<Body>>,
    unreadable: bool,
}

impl<'a> Follow<'a> {
    pub(super) fn new(catalog: &'a Catalog, code: &'a Code) -> Self {
        Self { catalog, code, left: Cell::new(MOST), texts: BTreeMap::new(), called: BTreeMap::new(), found: BTreeMap::new() }
    }

    /// What the functions of triggers, by their columns, put there.
    pub(super) fn trigger(&mut self, trigger: &Trigger) {
        let Trigger { relation, function, arguments, transition } = trigger;
        let name = self.catalog.function(*function);
        let by = name.map(|(schema, name)| (Arc::from(schema), Arc::from(name)));
        if let (true, Some((_, name))) = (*function < FIRST_OWN, name) {
            return self.built_in(*relation, name, arguments, by);
        }
        let of_extension = name.filter(|(schema, name)| !self.catalog.has_own_function(schema, name));
        if of_extension.is_some_and(|(_, name)| HARMLESS.contains(&name)) {
            return;
        }
        let text = self.text(*function);
        let language = self.code.bodies.get(function).and_then(|body| body.text.as_ref()).map(|(language, _)| *language);
        let body = text.zip(language).map(|(tokens, language)| {
            let place = Place::new(self.catalog, Some(*relation), transition, &self.left);
            body::function(&tokens, language, &place)
        });
        self.settle(&body.unwrap_or_else(Body::unreadable), &self.all_of(*relation), by.as_ref());
    }

    /// The server's own trigger functions: `tsvector_update_trigger('into', 'configuration', 'from' …)`.
    fn built_in(&mut self, relation: u32, name: &str, arguments: &[Box<str>], by: Option<FullName>) {
        let column =
            |name: &str| self.catalog.column_named(relation, name).map(|column| ColumnId { relation, number: column.number });
        let (into, of) = match (name, arguments) {
            ("suppress_redundant_updates_trigger", _) => return,
            ("tsvector_update_trigger" | "tsvector_update_trigger_column", [into, rest @ ..]) => (
                column(into).into_iter().collect(),
                Sources::from(rest.iter().filter_map(|name| column(name)).collect::<BTreeSet<_>>()),
            ),
            _ => (self.all_of(relation), Sources::everything()),
        };
        self.put(&into, &of, by.as_ref());
    }

    /// What a rule puts there.
    pub(super) fn rule(&mut self, relation: u32, text: Option<&str>) {
        let place = Place::new(self.catalog, Some(relation), &[], &self.left);
        let body = text.and_then(|text| self.cut(text)).map_or_else(Body::unreadable, |tokens| body::rule(&tokens, &place));
        self.settle(&body, &self.all_of(relation), None);
    }

    /// What a column's default or generation expression puts there.
    pub(super) fn expression(&mut self, column: ColumnId, text: Option<&str>) {
        let into = BTreeSet::from([column]);
        let place = Place::new(self.catalog, None, &[], &self.left);
        let Some(tokens) = text.and_then(|text| self.cut(text)) else { return self.put(&into, &Sources::everything(), None) };
        let of = Named::of_relation(column.relation, &place).mixture(&tokens, &place);
        let body = Body { all: of.clone(), writes: vec![Write { into: into.clone(), of }], ..Body::default() };
        self.settle(&body, &into, None);
    }

    pub(super) fn finish(self) -> Vec<CodeFlow> {
        let flows = self.found.into_iter().map(|((into, by), mut sources)| {
            sources.columns.remove(&into);
            CodeFlow { into, sources, by }
        });
        flows.filter(|flow| !flow.sources.is_empty()).collect()
    }

    /// Puts what a body and all that it calls write where it belongs. Where one of them can't be read, `own` may be of anything.
    fn settle(&mut self, body: &Body, own: &BTreeSet<ColumnId>, by: Option<&FullName>) {
        let reached = self.reached(&body.all.calls);
        let pool = self.settled(&body.pool, &Sources::default());
        for Write { into, of } in &body.writes {
            let of = self.settled(of, &pool);
            self.put(into, &of, by);
        }
        // What functions are given may be of anything that is read on the way.
        let mut given = self.settled(&body.all, &pool);
        reached.bodies.values().for_each(|called| given.add(&called.all.sources));
        for called in reached.bodies.values() {
            for Write { into, of } in &called.writes {
                let of = self.settled(of, &given);
                self.put(into, &of, by);
            }
        }
        if body.unreadable || reached.unreadable || self.left.get() == 0 {
            self.put(own, &Sources::everything(), by);
        }
    }

    fn put(&mut self, into: &BTreeSet<ColumnId>, of: &Sources, by: Option<&FullName>) {
        if of.is_empty() {
            return;
        }
        for column in into {
            self.spend(1 + of.columns.len());
            // Beyond the limit nothing is told apart any more.
            let found = self.found.entry((*column, by.cloned())).or_default();
            if self.left.get() == 0 { *found = Sources::everything() } else { found.add(of) }
        }
    }

    /// What flows into a value, functions and variables among it.
    fn settled(&mut self, mixture: &Mixture, variables: &Sources) -> Sources {
        let mut sources = mixture.sources.clone();
        if mixture.variables {
            sources.add(variables);
        }
        for (function, body) in self.reached(&mixture.calls).bodies {
            self.spend(1 + body.all.sources.columns.len());
            let unknown = body.unreadable && !self.is_pure(function);
            let read = if unknown { Sources::everything() } else { body.all.sources.clone() };
            sources.add(&read);
        }
        sources
    }

    /// All functions behind these, each once.
    fn reached(&mut self, functions: &BTreeSet<u32>) -> Reached {
        let (mut bodies, mut open) = (BTreeMap::new(), functions.clone());
        let mut unreadable = false;
        while let Some(function) = open.pop_first() {
            if bodies.contains_key(&function) {
                continue;
            }
            let body = self.body(function);
            self.spend(1 + body.all.calls.len());
            open.extend(&body.all.calls);
            let of_users =
                self.catalog.function(function).is_none_or(|(schema, name)| self.catalog.has_own_function(schema, name));
            unreadable |= body.unreadable && of_users;
            bodies.insert(function, body);
        }
        Reached { bodies, unreadable }
    }

    fn body(&mut self, function: u32) -> Rc<Body> {
        if let Some(known) = self.called.get(&function) {
            return Rc::clone(known);
        }
        let language = self.code.bodies.get(&function).and_then(|body| body.text.as_ref()).map(|(language, _)| *language);
        let read = self
            .text(function)
            .zip(language)
            .map(|(tokens, language)| body::function(&tokens, language, &Place::new(self.catalog, None, &[], &self.left)));
        let body = Rc::new(read.unwrap_or_else(Body::unreadable));
        self.called.insert(function, Rc::clone(&body));
        body
    }

    fn is_pure(&self, function: u32) -> bool {
        let immutable = self.code.bodies.get(&function).is_some_and(|body: &FunctionBody| body.immutable);
        is_harmless(self.catalog, function, immutable)
    }

    fn text(&mut self, function: u32) -> Option<Rc<[Token]>> {
        if let Some(known) = self.texts.get(&function) {
            return known.clone();
        }
        let text = self.code.bodies.get(&function).and_then(|body| body.text.as_ref());
        let tokens = text.and_then(|(_, text)| self.cut(text)).map(Rc::from);
        self.texts.insert(function, tokens.clone());
        tokens
    }

    fn cut(&self, text: &str) -> Option<Vec<Token>> {
        self.spend(text.len() / 8);
        if text.len() > LONGEST || self.left.get() == 0 { None } else { tokens(text) }
    }

    fn all_of(&self, relation: u32) -> BTreeSet<ColumnId> {
        self.catalog.columns(relation).iter().map(|column| ColumnId { relation, number: column.number }).collect()
    }

    fn spend(&self, steps: usize) {
        self.left.set(self.left.get().saturating_sub(steps));
    }
}
