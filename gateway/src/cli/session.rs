//! `weir session list|show|watch|play`: what was recorded, for people and for machines.

mod list;
mod play;
mod rerun;
mod show;
mod views;

pub(super) use list::{Which, list};
pub(super) use play::{PlayArguments, play, revealed, watch};
pub(super) use rerun::{Arguments as RerunArguments, rerun};
pub(super) use show::show;
pub(super) use views::views;

use super::CliError;
use crate::evidence::EvidenceError;
use crate::replay::text;
use serde::Serialize;
use std::io::{self, Write};
use std::process::ExitCode;

/// What a view can fail of: the records, or the reader of its output.
#[derive(Debug, thiserror::Error)]
enum ViewError {
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    #[error("the records are not indexed, and so can't be searched: weir audit reindex")]
    NoIndex,
    #[error("cannot write the output: {0}")]
    Output(#[from] io::Error),
}

/// The end of a view: a reader that has seen enough (`| head`) is no failure.
pub(super) fn finish(printed: io::Result<()>, status: ExitCode) -> Result<ExitCode, CliError> {
    conclude(printed.map(|()| status).map_err(ViewError::Output))
}

fn conclude(result: Result<ExitCode, ViewError>) -> Result<ExitCode, CliError> {
    match result {
        Ok(status) => Ok(status),
        Err(ViewError::Output(error)) if error.kind() == io::ErrorKind::BrokenPipe => Ok(ExitCode::SUCCESS),
        Err(error) => Err(CliError::new(error)),
    }
}

/// Prints JSON: what is recorded is escaped by JSON itself, and what that leaves by us.
pub(super) fn tell(value: &impl Serialize, out: &mut dyn Write) -> io::Result<()> {
    let json = serde_json::to_string_pretty(value)?;
    writeln!(out, "{}", text::json(&json))
}

/// The same on a line of its own.
fn tell_line(value: &serde_json::Value, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", text::json(&value.to_string()))
}

#[cfg(test)]
mod tests;
