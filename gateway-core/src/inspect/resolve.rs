//! Turns what a statement touches into the questions that a policy is asked.

use super::catalog::Catalog;
use super::{Action, Statement};
use std::collections::{BTreeMap, BTreeSet};

/// One question: may this be done to that?
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Question {
    /// What is done.
    pub action: Action,
    /// To what.
    pub resource: Resource,
    /// The view through which the statement gets there, where it does not name it itself.
    pub behind: Option<Box<str>>,
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

/// The questions that `statement` raises, each once.
#[must_use]
pub fn resolve(statement: &Statement, scope: &Scope<'_>) -> Vec<Question> {
    let _not_yet = scope;
    statement.accesses.iter().map(|access| Question { action: access.action, resource: Resource::Target, behind: None }).collect()
}
