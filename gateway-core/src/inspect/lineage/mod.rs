//! Lineage: which base columns flow into each result column, decide which rows come, or go where.
//!
//! It is pure: a statement's tree and the catalog in, [`Lineage`] out. What can't be told carries
//! everything; nothing is guessed to be harmless.
//!
//! `value` has what flows into a value, `space` what names mean at a place, `trace` the state of one
//! reading. `select`, `from`, `relation` and `with` read queries; `expression`, `operator`, `function`, `cast` and
//! `json` what values are computed by; `modify` and `assign` what changes rows; `copy`, `define`, `made`, `code`, `alter`,
//! `session` and `statement` everything else; `view` the definitions of views. `builtin` has the lists.

mod alter;
mod assign;
mod builtin;
mod cast;
mod code;
mod copy;
mod define;
mod expression;
mod figure;
mod from;
mod function;
mod json;
mod made;
mod modify;
mod operator;
mod relation;
mod rows;
mod select;
mod session;
mod sort;
mod space;
mod statement;
#[cfg(test)]
mod tests;
mod trace;
mod tree;
mod value;
mod view;
mod with;

pub use super::catalog::ColumnId;
pub(super) use builtin::carries;
pub use copy::{CopyFormat, CopyTo};
pub use made::{Made, MadeColumn, Own};
pub use tree::Tree;
pub use value::Sources;
pub use view::Traced;
pub(super) use view::trace_view;

use super::NameKind;
use super::catalog::Catalog;
use pg_query::protobuf::Node;
use std::collections::BTreeSet;
use trace::Trace;

/// What names of a statement may mean.
#[derive(Clone, Copy, Debug)]
pub struct LineageScope<'a> {
    /// The database's catalog, with columns, and its views traced.
    pub catalog: &'a Catalog,
    /// The search path, where it is known; every schema counts where it is not.
    pub search_path: Option<&'a [Box<str>]>,
    /// What the session has made and done that the catalog does not tell.
    pub own: &'a Own,
    /// Functions, by schema and name, of which the configuration says that they depend on their arguments alone.
    pub pure: &'a BTreeSet<(Box<str>, Box<str>)>,
}

/// What a statement makes of the database's columns.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lineage {
    /// The columns of the rows that it returns; none where it returns no rows, or such as can't be counted.
    pub outputs: Option<Vec<Output>>,
    /// It returns rows, or may, and not even the number of their columns is known: each of them carries everything.
    pub unknown_outputs: bool,
    /// What decides which rows come, in which order, or whether an error does. One of a kind.
    pub uses: Vec<Use>,
    /// What goes into places. One for each place.
    pub flows: Vec<Flow>,
    /// All columns of all relations that it reads or writes: errors and notices may quote them.
    pub touched: Sources,
    /// Code runs that nobody has reviewed: it may raise any error text and write anywhere.
    pub runs_code: bool,
    /// COPY … TO STDOUT, as written.
    pub copy: Option<CopyTo>,
    /// The prepared statement or cursor whose rows it returns, or that it runs.
    pub refers: Option<NameRef>,
    /// The relation that it makes, or makes longer, where all of that is known.
    pub makes: Option<Made>,
    /// It gives something that is there another name or schema.
    pub renames: bool,
    /// Of PREPARE and DECLARE, what the name stands for. What that uses and where it flows is also the maker's.
    pub body: Option<Box<Self>>,
}

/// A column of a result.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its name, empty where that is not known.
    pub name: Box<str>,
    /// What flows into it.
    pub sources: Sources,
    /// It is a plain column, its value unchanged: through aliases, subqueries, CTEs and views.
    pub direct: bool,
    /// The type of a direct column.
    pub type_oid: Option<u32>,
}

/// How a column decides something.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum UseKind {
    /// WHERE, HAVING, FILTER, conditions of ON CONFLICT and MERGE.
    Filter,
    /// A column equal to a parameter or constant, as a whole conjunct of a WHERE.
    Equality,
    /// ON, USING, NATURAL, and what MERGE joins on.
    Join,
    /// ORDER BY.
    Order,
    /// GROUP BY.
    Group,
    /// DISTINCT.
    Distinct,
    /// The tests of CASE, NULLIF, COALESCE, AND and OR, where they decide what else is computed or said.
    Condition,
    /// A cast that may fail, or round.
    Cast,
    /// LIKE, SIMILAR TO, regular expressions, text search.
    Match,
    /// An argument of a function or operator that may raise an error by its value.
    Raise,
    /// PARTITION BY, ORDER BY and frames of windows.
    Window,
    /// UNION, INTERSECT, EXCEPT, where rows are compared.
    SetOperation,
    /// LIMIT, OFFSET, TABLESAMPLE.
    Limit,
    /// A value that is written is held against stored ones by a constraint.
    Probe,
}

/// Columns that decide something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Use {
    /// How.
    pub kind: UseKind,
    /// Which.
    pub sources: Sources,
}

/// Where a value may go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Place {
    /// A column of the catalog.
    Column(ColumnId),
    /// A relation or column that is made, or a temporary relation.
    NewRelation,
    /// A setting of the session.
    Setting,
    /// A sequence's position.
    Sequence,
    /// The payload of a notification.
    Notification,
    /// A large object.
    LargeObject,
    /// A comment or label.
    Comment,
    /// A function, view, rule, trigger, policy, default, condition or index that is made of it.
    Code,
    /// A file, program or log of the server, or another server.
    Server,
    /// Somewhere.
    Unknown,
}

/// Columns that go into a place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// Which.
    pub sources: Sources,
    /// Where.
    pub into: Place,
}

/// A prepared statement's or cursor's name in a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameRef {
    /// Which of the two.
    pub kind: NameKind,
    /// The name, as the server has it.
    pub name: Box<str>,
}

/// What `statement` makes of the columns of `scope`'s catalog. Takes time linear in the statement and in the
/// columns that it touches, up to a limit; beyond it carries everything. Deep trees take a stack of their own.
#[must_use]
pub fn lineage(statement: &Node, scope: &LineageScope<'_>) -> Lineage {
    let mut trace = Trace::new(scope);
    let returned = trace.statement(statement);
    trace.finish(returned)
}

impl Lineage {
    /// Of a statement that was not understood.
    #[must_use]
    pub fn everything() -> Self {
        Self {
            unknown_outputs: true,
            uses: vec![Use { kind: UseKind::Raise, sources: Sources::everything() }],
            flows: vec![Flow { sources: Sources::everything(), into: Place::Unknown }],
            touched: Sources::everything(),
            runs_code: true,
            ..Self::default()
        }
    }
}
