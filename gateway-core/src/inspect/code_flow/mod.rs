//! What code of the database may put into columns when rows are written: triggers and what they call, rules, defaults
//! and generation expressions.
//!
//! It is pure: texts and the catalog in, [`CodeFlow`] out. A body is read as tokens, by statements: what a statement
//! assigns may be made of every column that is named in it, of whatever variables may have if it names one, and of what
//! the functions that it calls read. What can't be read puts everything into all columns of its own relation.
//!
//! `tokens` cuts a text, `pieces` a body into statements, `place` says what names mean, `names` which of them a
//! statement has, `reads` what a part of it reads, `writes` what a
//! statement writes, `body` what a whole body does, `follow` puts bodies together.

mod body;
mod follow;
mod names;
mod pieces;
mod place;
mod reads;
#[cfg(test)]
mod tests;
mod tokens;
mod writes;

pub use pieces::Language;

use super::catalog::{Catalog, Code, ColumnId, FullName};
use super::lineage::Sources;
use follow::Follow;

/// What code may put into a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CodeFlow {
    /// The column.
    pub into: ColumnId,
    /// What it may be made of then, itself apart.
    pub sources: Sources,
    /// The trigger's function; none of rules and expressions.
    pub by: Option<FullName>,
}

/// What all code of a catalog may put into columns: one for each column and function. Takes time linear in the texts and
/// in the columns that they name, up to a limit; what is beyond counts as unreadable.
pub(super) fn code_flows(catalog: &Catalog, code: &Code) -> Vec<CodeFlow> {
    let mut follow = Follow::new(catalog, code);
    code.triggers.iter().for_each(|trigger| follow.trigger(trigger));
    code.rules.iter().for_each(|(relation, text)| follow.rule(*relation, text.as_deref()));
    code.expressions.iter().for_each(|(column, text)| follow.expression(*column, text.as_deref()));
    follow.finish()
}
