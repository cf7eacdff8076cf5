//! Turns what a statement touches into the questions that a policy is asked.

mod calls;
mod names;
mod relations;
#[cfg(test)]
mod tests;

use super::catalog::Catalog;
use super::{Action, Object, Statement, reviewed};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// One question: may this be done to that?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// What is done.
    pub action: Action,
    /// To what.
    pub resource: Resource,
    /// The view through which the statement gets there, where it does not name it itself.
    pub behind: Option<Box<str>>,
    /// The verb of what asks, where that may be another than the statement's own.
    pub verb: Option<&'static str>,
}

impl fmt::Display for Question {
    /// For people: `read public.users behind public.v`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, resource, behind, verb: _ } = self;
        write!(f, "{action} ")?;
        match resource {
            Resource::Target => return f.write_str("the target"),
            Resource::Schema(schema) => write!(f, "schema {schema}")?,
            Resource::Table(Some(schema), name) | Resource::Function(Some(schema), name) => write!(f, "{schema}.{name}")?,
            Resource::Table(None, name) | Resource::Function(None, name) => f.write_str(name)?,
        }
        behind.as_ref().map_or(Ok(()), |view| write!(f, " behind {view}"))
    }
}

/// What a policy can be asked about.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Resource {
    /// The target.
    Target,
    /// A schema of it.
    Schema(Box<str>),
    /// A relation; without a schema where nobody knows which.
    Table(Option<Box<str>>, Box<str>),
    /// A function; without a schema where nobody knows which.
    Function(Option<Box<str>>, Box<str>),
}

/// What names may mean, beside what the statement says.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// The database's catalog, where there is a credential for it.
    pub catalog: Option<&'a Catalog>,
    /// The search path, where it is known; every schema counts where it is not.
    pub search_path: Option<&'a [Box<str>]>,
    /// What the policy set names of this target: what an unqualified name may mean where there is no catalog.
    pub mentions: &'a Mentions,
    /// Temporary relations of the session, by name.
    pub temporary: &'a [Box<str>],
}

/// The relations, functions and schemas of one target that a policy set names.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mentions {
    /// Relations by name, with their schemas.
    pub relations: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Functions by name, with their schemas.
    pub functions: BTreeMap<Box<str>, BTreeSet<Box<str>>>,
    /// Schemas named by themselves: any name may be in them.
    pub schemas: BTreeSet<Box<str>>,
}

/// The questions that `statement` raises, each once. Where they are more than 20 000, its actions
/// are asked for on the target and on all that the policy set names of it instead.
///
/// What is uncommitted, the catalog does not see: after DDL of the session's own in an open
/// transaction, leave it out of `scope`.
#[must_use]
pub fn resolve(statement: &Statement, scope: &Scope<'_>) -> Vec<Question> {
    let mut asking = Asking::new(scope, Some(statement));
    if statement.facts.unparsed.is_some() {
        Action::ALL.into_iter().for_each(|action| asking.ask(action, Resource::Target, None));
    }
    if statement.facts.opaque {
        asking.ask(Action::Call, Resource::Target, None);
    }
    for access in &statement.accesses {
        asking.verb = access.verb;
        match &access.object {
            Object::Target => asking.ask(access.action, Resource::Target, None),
            Object::Schema(schema) => asking.ask(access.action, Resource::Schema(schema.clone()), None),
            Object::Relation(name) => asking.relation(access.action, name),
            Object::Function(name) if access.action == Action::Call => asking.call(name),
            Object::Function(name) => asking.function(access.action, name),
            Object::Operator(name) => asking.operator(access.action, name),
            Object::Member(name) => asking.member(name, true),
            Object::MemberOfValue(name) => asking.member(name, false),
        }
    }
    asking.done()
}

/// The questions that a call of the function `oid` by its number raises (`FunctionCall`,
/// `PostgreSQL` docs 55.2.4). None for a reviewed function.
#[must_use]
pub fn resolve_function_call(oid: u32, scope: &Scope<'_>) -> Vec<Question> {
    let mut asking = Asking::new(scope, None);
    match (reviewed::large_object(oid), scope.catalog.and_then(|catalog| catalog.function(oid))) {
        (Some(action), _) => asking.ask(action, Resource::Target, None),
        (None, Some((schema, name))) => asking.call_in(schema, name, None),
        (None, None) => asking.ask(Action::Call, Resource::Function(None, format!("oid {oid}").into()), None),
    }
    asking.done()
}

/// Whether a statement with these questions runs code that nobody has reviewed, so that all of the
/// session may be different after it.
#[must_use]
pub fn calls_unreviewed(questions: &[Question]) -> bool {
    questions.iter().any(|question| question.action == Action::Call)
}

/// Commands that make what they define. An index, a rule, a trigger or a policy is in its table's schema.
const MAKING: [&str; 10] = [
    "CREATE TABLE",
    "CREATE VIEW",
    "CREATE MATERIALIZED VIEW",
    "CREATE SEQUENCE",
    "CREATE FOREIGN TABLE",
    "CREATE SCHEMA",
    "CREATE TYPE",
    "CREATE FUNCTION",
    "CREATE PROCEDURE",
    "CREATE AGGREGATE",
];

/// The most questions of one statement. Views that many statements name, each over many relations,
/// would be more than anyone can answer.
const MOST: usize = 20_000;
/// So many are compared one by one.
const FEW: usize = 16;

/// The questions of one statement, while they are found.
struct Asking<'a> {
    scope: &'a Scope<'a>,
    /// None for a call by number.
    statement: Option<&'a Statement>,
    questions: Vec<Question>,
    /// The same, once they are more than [`FEW`].
    seen: BTreeSet<Question>,
    /// The actions and verbs of the questions, in their order.
    actions: Vec<(Action, Option<&'static str>)>,
    /// Of the access that is asked for.
    verb: Option<&'static str>,
    /// Whether there were more than [`MOST`].
    excess: bool,
}

impl<'a> Asking<'a> {
    const fn new(scope: &'a Scope<'a>, statement: Option<&'a Statement>) -> Self {
        Self { scope, statement, questions: Vec::new(), seen: BTreeSet::new(), actions: Vec::new(), verb: None, excess: false }
    }

    fn ask(&mut self, action: Action, resource: Resource, behind: Option<&str>) {
        if !self.actions.contains(&(action, self.verb)) {
            self.actions.push((action, self.verb));
        }
        let question = Question { action, resource, behind: behind.map(Box::from), verb: self.verb };
        // Few have more than a handful: those are looked through.
        if self.questions.len() < FEW {
            if !self.questions.contains(&question) {
                self.questions.push(question);
            }
            return;
        }
        if self.seen.is_empty() {
            self.seen.extend(self.questions.iter().cloned());
        }
        if self.questions.len() >= MOST {
            self.excess |= !self.seen.contains(&question);
        } else if self.seen.insert(question.clone()) {
            self.questions.push(question);
        }
    }

    fn done(self) -> Vec<Question> {
        if self.excess { self.at_large() } else { self.questions }
    }

    /// What stands for questions that are too many: each of their actions and verbs, on all that a policy can
    /// tell apart.
    fn at_large(&self) -> Vec<Question> {
        let Mentions { relations, functions, schemas } = self.scope.mentions;
        let pairs = |names: &'a BTreeMap<Box<str>, BTreeSet<Box<str>>>| {
            names.iter().flat_map(|(name, schemas)| schemas.iter().map(move |schema| (Some(schema.clone()), name.clone())))
        };
        let mut resources = vec![Resource::Target];
        resources.extend(schemas.iter().cloned().map(Resource::Schema));
        resources.extend(pairs(relations).map(|(schema, name)| Resource::Table(schema, name)));
        resources.extend(pairs(functions).map(|(schema, name)| Resource::Function(schema, name)));
        let each = |asked: &(Action, Option<&'static str>)| {
            let (action, verb) = *asked;
            resources.clone().into_iter().map(move |resource| Question { action, resource, behind: None, verb })
        };
        self.actions.iter().flat_map(each).collect()
    }

    /// Whether the statement may make what it does `action` to, rather than find it.
    fn makes(&self, action: Action) -> bool {
        let command = self.statement.map(|statement| statement.command).unwrap_or_default();
        // EXPLAIN has the accesses of its body.
        let filled = ["CREATE TABLE AS", "SELECT INTO", "EXPLAIN"].contains(&command);
        match action {
            Action::Define => filled || MAKING.contains(&command),
            Action::Write => filled,
            Action::Read | Action::Administer | Action::Call | Action::Session => false,
        }
    }

    fn refreshes(&self) -> bool {
        self.statement.is_some_and(|statement| statement.command == "REFRESH MATERIALIZED VIEW")
    }
}
