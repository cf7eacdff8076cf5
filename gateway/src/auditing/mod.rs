//! The auditor's report: who accessed what, when, and under which approval, from records and the ledger.
//!
//! [`access`] reads a session's record into what an auditor asks of it, [`criteria`] says which criterion what belongs to and
//! what is not claimed, [`gather`] reads everything once and holds totals alone; a file a format writes it.

mod access;
mod criteria;
mod csv;
mod gather;
mod happened;
mod html;
mod json;
mod range;

pub use access::Access;
pub use criteria::{CRITERIA, Criterion};
pub use gather::{Gathered, Totals};
pub use range::Range;

use crate::evidence::EvidenceError;
use crate::ledger::LedgerError;
use std::io::{self, Write};
use std::path::Path;

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A page for people, self-contained.
    Html,
    /// A table for spreadsheets.
    Csv,
    /// For machines.
    Json,
}

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum AuditingError {
    /// The records.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// What people decided.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The report itself.
    #[error("cannot write the report: {0}")]
    Output(#[from] io::Error),
}

/// Writes the report of a range; says how many things are wrong with the records.
///
/// # Errors
/// Where something can't be read, or the report can't be written.
pub fn report(state_dir: &Path, range: &Range, form: Form, out: &mut dyn Write) -> Result<u64, AuditingError> {
    let mut gathered = Gathered::read(state_dir, range)?;
    match form {
        Form::Html => html::write(&mut gathered, out)?,
        Form::Csv => csv::write(&mut gathered, out)?,
        Form::Json => json::write(&mut gathered, out)?,
    }
    Ok(gathered.totals.problems)
}
