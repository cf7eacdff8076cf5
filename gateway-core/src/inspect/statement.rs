//! The words for what a statement does.

use super::lineage::Tree;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// A text, understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Inspection {
    /// Its statements in their order; empty for a text of blanks and comments alone. A text that
    /// was not understood is one statement, with [`Facts::unparsed`] set.
    pub statements: Vec<Arc<Statement>>,
    /// Whether the second parser was asked as well: it is not where the text is too long for it.
    pub cross_checked: bool,
}

/// One statement.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Statement {
    /// Where it stands in its text, in bytes: from behind the semicolon before it up to its own.
    pub span: Range<usize>,
    /// The command in the words of the server's tag where it has one: `SELECT`, `DROP TABLE`,
    /// `ALTER SYSTEM`; of EXPLAIN, PREPARE and DECLARE that word. Empty where it was not understood.
    pub command: &'static str,
    /// What it touches, each once. Those of a body (EXPLAIN, PREPARE, DECLARE, COPY (query), CTEs) are included.
    pub accesses: Vec<Access>,
    /// What else policies may want to know.
    pub facts: Facts,
    /// Where it controls the transaction. Such statements are never refused.
    pub transaction: Option<TransactionControl>,
    /// Prepared statements and cursors that it makes, uses or drops, in the order of their places.
    pub names: Vec<NameUse>,
    /// What of the session may be different after it.
    pub changes: Changes,
    /// Where nothing of the text can run at any server: what a server would answer.
    pub rejection: Option<Box<Rejection>>,
    /// Its tree, where the text was read exactly; none of one that is too deep or was read in two ways.
    pub tree: Option<Tree>,
}

/// What a server answers to a text that it can't read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rejection {
    /// The SQLSTATE.
    pub code: &'static str,
    /// In PostgreSQL's words. They may repeat a piece of the text, so they are for its sender alone.
    pub message: String,
    /// Where in the text, in characters and from 1.
    pub position: Option<u32>,
}

/// An action on an object.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Access {
    /// What is done.
    pub action: Action,
    /// To what.
    pub object: Object,
    /// The verb of what does it, where that may be another than the statement's own: `DELETE` for what
    /// a DELETE changes, also in WITH, EXPLAIN ANALYZE, COPY or PREPARE. None: the first word of the command.
    pub verb: Option<&'static str>,
}

/// What policies call an action, apart from `connect` and `reveal`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Action {
    /// Rows are read.
    Read,
    /// Rows, sequences or large objects are changed.
    Write,
    /// Objects are created, altered, dropped, commented, reindexed.
    Define,
    /// Rights, roles, the server, its files and programs.
    Administer,
    /// Code runs that is not in the reviewed list of `pg_catalog`.
    Call,
    /// The session's own state, LISTEN, NOTIFY, LOCK.
    Session,
}

/// What is acted on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Object {
    /// The target as a whole: what has no relation, function or schema of its own.
    Target,
    /// A schema.
    Schema(Box<str>),
    /// A table, view, sequence, foreign table, materialised view or index.
    Relation(ObjectName),
    /// A function, procedure, aggregate, or the function behind an operator.
    Function(ObjectName),
    /// An operator, by its symbol: it calls a function. Those that every server has are among them, for
    /// a database may have others of the same symbol.
    Operator(ObjectName),
    /// What is written behind a relation and a dot, as a column is: a function of the row where there
    /// is no such column.
    Member(Box<str>),
    /// The same behind a value that need not be a row: `(value).name`.
    MemberOfValue(Box<str>),
}

/// A name as the statement has it, folded as the server folds it and cut to 63 bytes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectName {
    /// The schema; none where the search path decides.
    pub schema: Option<Box<str>>,
    /// The name.
    pub name: Box<str>,
}

/// Facts of a statement beside what it touches.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Facts {
    /// Why it was not understood, where it was not: a syntax error, an unknown node, a limit, parsers that disagree.
    pub unparsed: Option<String>,
    /// An UPDATE or DELETE, at any depth, without WHERE or with one that no column decides.
    pub no_where: bool,
    /// It runs text or code that can't be seen here: DO, CALL, EXECUTE of an unknown name.
    pub opaque: bool,
    /// It is EXPLAIN; with ANALYZE its body runs and its accesses are the body's own, without they are reads.
    pub explain: bool,
    /// SELECT … FOR UPDATE, SHARE …
    pub locking: bool,
    /// Of COPY, what it copies from or to.
    pub copy: Option<CopyWith>,
    /// It brings its own rows and returns none of a relation: `VALUES`, `SELECT 1`.
    pub constant: bool,
}

/// Where COPY's data comes from or goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CopyWith {
    /// The client: FROM STDIN.
    Stdin,
    /// The client: TO STDOUT.
    Stdout,
    /// A file of the server.
    File,
    /// A program on the server.
    Program,
}

/// How a statement controls the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionControl {
    /// BEGIN, START TRANSACTION.
    Begin,
    /// COMMIT, END.
    Commit,
    /// ROLLBACK, ABORT.
    Rollback,
    /// SAVEPOINT.
    Savepoint,
    /// RELEASE.
    Release,
    /// ROLLBACK TO.
    RollbackTo,
    /// PREPARE TRANSACTION.
    Prepare,
}

/// A prepared statement's or cursor's name in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameUse {
    /// Which of the two.
    pub kind: NameKind,
    /// What is done with it.
    pub usage: Usage,
    /// The name, folded and cut as the server does; empty with [`Usage::DropAll`].
    pub name: Box<str>,
    /// Where it is written, in bytes of the whole text, quotes included.
    pub span: Range<usize>,
}

/// The two kinds of names that a session has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NameKind {
    /// PREPARE, EXECUTE, DEALLOCATE.
    Prepared,
    /// DECLARE, FETCH, MOVE, CLOSE, WHERE CURRENT OF.
    Cursor,
}

/// What is done with a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Usage {
    /// It is made, and stands for this.
    Make(Box<Statement>),
    /// What it stands for is run or read from.
    Use,
    /// It is dropped.
    Drop,
    /// All of its kind are dropped.
    DropAll,
}

/// What of the session may be different after a statement.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Changes {
    /// Settings: SET, RESET, DISCARD, `set_config`, and the end of a transaction that had one.
    pub settings: bool,
    /// The current role: SET ROLE, SET SESSION AUTHORIZATION.
    pub role: bool,
    /// What names stand for: DDL, temporary tables.
    pub schema: bool,
    /// Anything: code that can't be seen here has run.
    pub anything: bool,
}

impl Statement {
    /// A text that was not understood: anything may be in it.
    #[must_use]
    pub fn unparsed(length: usize, why: impl Into<String>) -> Self {
        Self {
            span: 0..length,
            facts: Facts { unparsed: Some(why.into()), opaque: true, ..Facts::default() },
            changes: Changes { settings: true, role: true, schema: true, anything: true },
            ..Self::default()
        }
    }
}

impl Statement {
    /// Whether it is understood and touches nothing.
    #[must_use]
    pub fn is_empty_handed(&self) -> bool {
        self.facts.unparsed.is_none() && self.accesses.is_empty() && self.names.is_empty()
    }
}

impl Changes {
    /// Whether anything may be.
    #[must_use]
    pub const fn any(self) -> bool {
        self.settings || self.role || self.schema || self.anything
    }

    /// Both.
    #[must_use]
    pub const fn or(self, other: Self) -> Self {
        Self {
            settings: self.settings || other.settings,
            role: self.role || other.role,
            schema: self.schema || other.schema,
            anything: self.anything || other.anything,
        }
    }
}

impl Access {
    /// What the statement does by its own verb.
    #[must_use]
    pub const fn new(action: Action, object: Object) -> Self {
        Self { action, object, verb: None }
    }
}

impl Action {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Read, Self::Write, Self::Define, Self::Administer, Self::Call, Self::Session];

    /// The action's name in policies.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Define => "define",
            Self::Administer => "administer",
            Self::Call => "call",
            Self::Session => "session",
        }
    }
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl ObjectName {
    /// A name that the search path resolves.
    #[must_use]
    pub fn bare(name: &str) -> Self {
        Self { schema: None, name: name.into() }
    }

    /// A name in a schema.
    #[must_use]
    pub fn within(schema: &str, name: &str) -> Self {
        Self { schema: Some(schema.into()), name: name.into() }
    }
}

impl fmt::Display for ObjectName {
    /// As written, unquoted.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.schema {
            Some(schema) => write!(f, "{schema}.{}", self.name),
            None => f.pad(&self.name),
        }
    }
}
