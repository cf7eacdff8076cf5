//! Has a second parser agree on what each statement is and which relations it names.
//!
//! It is asked only what it can answer: a text that it can't parse, that is too long for it or that
//! has one of the shapes in `misreadings` is left to PostgreSQL's own grammar.

mod misreadings;

use super::bounds::Shape;
use super::names;
use crate::inspect::{ObjectName, Statement};
use sqlparser::ast::{self, ObjectNamePart, SetExpr, TableFactor, Visit, Visitor};
use sqlparser::dialect::PostgreSqlDialect;
use sqlparser::parser::Parser;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

/// Bytes of a text that the second parser is given.
const BYTES: usize = 64 << 10;

/// What makes a tree deep, per text: its tree is dropped recursively, and a chain of operators is as
/// deep as it is long. 2 000 of them take less than 1 MiB of stack in a debug build.
const JOINTS: usize = 2_000;

/// What both parsers can say of a statement.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Query,
    Insert,
    Update,
    Delete,
    Merge,
    Define,
}

/// One statement as the first parser read it.
#[derive(Debug)]
pub(super) struct First<'a> {
    pub(super) statement: &'a Statement,
    pub(super) written: &'a BTreeSet<ObjectName>,
}

/// Whether the second parser was asked and agrees; an error says how they disagree.
pub(super) fn check(text: &str, conforming: bool, shape: Shape, first: &[First<'_>]) -> Result<bool, String> {
    // The second parser knows of no setting for backslashes.
    if shape.backslash && !conforming {
        return Ok(false);
    }
    if text.len() > BYTES || shape.joints > JOINTS || misreadings::misread(text, conforming) {
        return Ok(false);
    }
    compare(text, first)
}

fn compare(text: &str, first: &[First<'_>]) -> Result<bool, String> {
    // The second parser has panicked before on what its authors did not think of.
    let parsed = std::panic::catch_unwind(|| Parser::parse_sql(&PostgreSqlDialect {}, text));
    let Ok(Ok(second)) = parsed else { return Ok(false) };
    if second.len() != first.len() {
        return Err(format!("parsers disagree: {} statements and {}", first.len(), second.len()));
    }
    for (first, second) in first.iter().zip(&second) {
        agree(first, second)?;
    }
    Ok(true)
}

fn agree(first: &First<'_>, second: &ast::Statement) -> Result<(), String> {
    let (Some(left), Some(right)) = (class_of(first.statement.command), class(second)) else { return Ok(()) };
    if left != right {
        return Err(format!("parsers disagree: {left:?} and {right:?}"));
    }
    if left == Class::Define {
        return Ok(());
    }
    let mut relations = Relations::default();
    match second.visit(&mut relations) {
        ControlFlow::Continue(()) | ControlFlow::Break(()) => {}
    }
    if let Some(name) = first.written.symmetric_difference(&relations.found).next() {
        return Err(format!("parsers disagree: only one of them has the relation {name}"));
    }
    Ok(())
}

fn class_of(command: &str) -> Option<Class> {
    match command {
        "SELECT" => Some(Class::Query),
        "INSERT" => Some(Class::Insert),
        "UPDATE" => Some(Class::Update),
        "DELETE" => Some(Class::Delete),
        "MERGE" => Some(Class::Merge),
        _ if ["CREATE ", "ALTER ", "DROP "].iter().any(|verb| command.starts_with(verb)) => Some(Class::Define),
        _ => None,
    }
}

fn class(statement: &ast::Statement) -> Option<Class> {
    match statement {
        ast::Statement::Query(query) => match &*query.body {
            SetExpr::Insert(_) => Some(Class::Insert),
            SetExpr::Update(_) => Some(Class::Update),
            SetExpr::Delete(_) => Some(Class::Delete),
            SetExpr::Merge(_) => Some(Class::Merge),
            SetExpr::Select(_) | SetExpr::Query(_) | SetExpr::SetOperation { .. } | SetExpr::Values(_) | SetExpr::Table(_) => {
                Some(Class::Query)
            }
        },
        ast::Statement::Insert(_) => Some(Class::Insert),
        ast::Statement::Update(_) => Some(Class::Update),
        ast::Statement::Delete(_) => Some(Class::Delete),
        ast::Statement::Merge(_) => Some(Class::Merge),
        ast::Statement::CreateTable(_)
        | ast::Statement::CreateView(_)
        | ast::Statement::CreateIndex(_)
        | ast::Statement::AlterTable(_)
        | ast::Statement::Drop { .. } => Some(Class::Define),
        // A type that grows with each release; what it does not share with PostgreSQL is not compared.
        _ => None,
    }
}

/// The relations of a statement, names of CTEs among them.
#[derive(Debug, Default)]
struct Relations {
    found: BTreeSet<ObjectName>,
    /// The name that comes next is that of a function in FROM.
    function: bool,
}

impl Visitor for Relations {
    type Break = ();

    fn pre_visit_table_factor(&mut self, factor: &TableFactor) -> ControlFlow<()> {
        self.function = matches!(factor, TableFactor::Table { args: Some(_), .. });
        ControlFlow::Continue(())
    }

    fn pre_visit_relation(&mut self, relation: &ast::ObjectName) -> ControlFlow<()> {
        if !std::mem::take(&mut self.function)
            && let Some(name) = name_of(relation)
        {
            self.found.insert(name);
        }
        ControlFlow::Continue(())
    }
}

fn name_of(relation: &ast::ObjectName) -> Option<ObjectName> {
    if let [ObjectNamePart::Identifier(ident)] = relation.0.as_slice()
        && ident.quote_style.is_none()
        && misreadings::is_function(&ident.value.to_ascii_lowercase())
    {
        return None;
    }
    let parts: Vec<Box<str>> = relation
        .0
        .iter()
        .map(|part| match part {
            ObjectNamePart::Identifier(ident) if ident.quote_style.is_some() => Some(names::name(&ident.value)),
            ObjectNamePart::Identifier(ident) => Some(names::fold(&ident.value)),
            ObjectNamePart::Function(_) => None,
        })
        .collect::<Option<_>>()?;
    names::dotted(&parts.iter().map(AsRef::as_ref).collect::<Vec<_>>())
}

#[cfg(test)]
mod tests {
    use super::super::{parse, walk};
    use super::*;

    /// What the comparison says where no shape is left out.
    fn compared(text: &str) -> Result<bool, String> {
        let tree = parse::parse(text, true).unwrap();
        let walked: Vec<_> = tree.stmts.iter().map(|raw| walk::walk(raw.stmt.as_deref().unwrap(), false).unwrap()).collect();
        let first: Vec<_> =
            walked.iter().map(|walked| First { statement: &walked.statement, written: &walked.written }).collect();
        compare(text, &first)
    }

    #[test]
    fn each_misreading_still_is_one() {
        for example in misreadings::examples() {
            assert!(compared(example).is_err(), "{example}: the second parser has learnt it");
        }
        for text in ["SELECT a FROM t JOIN s.u ON t.b = u.b", "SELECT * FROM current_user, t", "SELECT * FROM \"user\""] {
            assert_eq!(compared(text), Ok(true), "{text}");
        }
    }
}
