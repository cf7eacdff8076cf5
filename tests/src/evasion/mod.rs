//! Evasions: what a job may try to get past a policy, run for real, and checked at the server beside weir.

pub mod cases;
mod ground;
mod snapshot;
mod verdict;

pub use ground::Ground;
pub use verdict::{Row, Verdict, summary};

use crate::wire::Script;

/// One thing that a job tries, and what must hold afterwards.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, unique.
    pub name: String,
    /// The policy.
    pub policy: String,
    /// What is set up before, by the superuser past weir.
    pub setup: String,
    /// What the job does.
    pub client: Client,
    /// What must hold.
    pub must: Must,
}

/// What a job does.
#[derive(Clone, Debug)]
pub enum Client {
    /// Plays protocol messages.
    Wire(Script),
    /// Plays protocol messages; at its pause the policy becomes this one.
    Reload(Script, String),
    /// Sends each of these as a Query of its own.
    Each(Vec<String>),
    /// psql, with each of these as a `-c`.
    Psql(Vec<String>),
    /// A shell's command line.
    Shell(String),
}

/// What must hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Must {
    /// Nothing at the server is another, no secret got out, weir refused, and the session goes on in step. Of
    /// [`Client::Each`], weir refused every one.
    Refuse,
    /// As [`Must::Refuse`], but the server's own error or the session's end will do as well.
    Harmless,
    /// What is allowed happened and nothing else: this query brings this at the server, no secret got out, weir refused
    /// so often, and the session goes on in step.
    Judge(&'static str, &'static str, usize),
    /// The session was ended before all of its rows came, and nothing at the server is another.
    End,
    /// Nothing was refused, nothing failed, and this was printed.
    Pass(&'static str),
}

/// What a job may not read.
pub const SECRET: &str = "SECRET-7421";

/// Reads `users`, `orders`, `notes` and the catalogs, writes `notes`, calls `greet`.
pub const READER: &str = r#"
@id("connects") permit (principal, action == Action::"connect", resource);
@id("reads-users") permit (principal, action == Action::"read", resource == Table::"db/public.users");
@id("reads-orders") permit (principal, action == Action::"read", resource == Table::"db/public.orders");
@id("reads-names") permit (principal, action == Action::"read", resource == Table::"db/public.user_names");
@id("reads-catalog") permit (principal, action == Action::"read", resource in Schema::"db/pg_catalog");
@id("reads-information") permit (principal, action == Action::"read", resource in Schema::"db/information_schema");
@id("notes") permit (principal, action in [Action::"read", Action::"write"], resource == Table::"db/public.notes");
@id("greets") permit (principal, action == Action::"call", resource == Function::"db/public.greet");
"#;

/// More than [`READER`] has: the session's own state.
pub const SETS: &str = r#"
@id("sets") permit (principal, action == Action::"session", resource);
"#;

/// More than [`READER`] has: the schema `scratch`.
pub const SCRATCH: &str = r#"
@id("scratch") permit (principal, action in [Action::"define", Action::"read", Action::"write"], resource in Schema::"db/scratch");
"#;

/// More than [`READER`] has: functions that do behind a call what the job may not do itself.
pub const CALLS: &str = r#"
@id("calls") permit (principal, action == Action::"call", resource) when { resource == Function::"db/public.swap" };
@id("opens") permit (principal, action == Action::"call", resource) when { resource == Function::"db/public.open_cursor" };
"#;

/// Everything but an UPDATE or DELETE of all rows.
pub const NO_WHERE: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-where") forbid (principal, action == Action::"write", resource) when { context.no_where };
"#;

/// Everything but DELETE, in the way in which it is often written.
pub const NO_DELETE: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("no-delete") forbid (principal, action == Action::"write", resource) when { context.verb == "DELETE" };
"#;

impl Case {
    /// A case under [`READER`].
    #[must_use]
    pub fn new(name: impl Into<String>, client: Client, must: Must) -> Self {
        Self { name: name.into(), policy: READER.to_owned(), setup: String::new(), client, must }
    }

    /// One Query that has to be refused.
    #[must_use]
    pub fn refused(name: &str, sql: &str) -> Self {
        Self::new(name, Client::Each(vec![sql.to_owned()]), Must::Refuse)
    }

    /// Queries that have to be refused, every one.
    #[must_use]
    pub fn all_refused(name: &str, sql: &[&str]) -> Self {
        Self::new(name, Client::Each(sql.iter().map(|&sql| sql.to_owned()).collect()), Must::Refuse)
    }

    /// Ordinary work in one psql.
    #[must_use]
    pub fn passes(name: &str, sql: &[&str], prints: &'static str) -> Self {
        Self::new(name, Client::Psql(sql.iter().map(|&sql| sql.to_owned()).collect()), Must::Pass(prints))
    }

    /// Messages under [`READER`].
    #[must_use]
    pub fn wire(name: &str, script: Script, must: Must) -> Self {
        Self::new(name, Client::Wire(script), must)
    }

    /// Permits this as well.
    #[must_use]
    pub fn and(mut self, policy: &str) -> Self {
        self.policy.push_str(policy);
        self
    }

    /// Another policy.
    #[must_use]
    pub fn under(mut self, policy: &str) -> Self {
        policy.clone_into(&mut self.policy);
        self
    }

    /// What is there before.
    #[must_use]
    pub fn setup(mut self, sql: &str) -> Self {
        sql.clone_into(&mut self.setup);
        self
    }
}
