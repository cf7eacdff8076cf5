//! `weir audit verify`: names what was done to records since they were written.

use super::session::{finish, tell};
use super::{CliError, Format};
use crate::evidence::{self, Verification, Verified};
use gateway_core::model::ids::SessionId;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// Checks one record, or all; exit status 1 where anything is wrong.
pub(crate) fn verify(
    state_dir: &Path,
    session: Option<SessionId>,
    format: Format,
    out: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    let found = evidence::verify(state_dir, session).map_err(CliError::new)?;
    let status = if found.problems() == 0 { ExitCode::SUCCESS } else { ExitCode::from(1) };
    let printed = match format {
        Format::Text => print(&found, out),
        Format::Json => tell(&found, out),
    };
    finish(printed, status)
}

fn print(found: &Verification, out: &mut dyn Write) -> io::Result<()> {
    for problem in &found.heads {
        writeln!(out, "{problem}")?;
    }
    for stranger in &found.strangers {
        writeln!(out, "{}: not a record: it does not belong there", super::session::text::line(stranger.as_bytes()))?;
    }
    for Verified { session, report, .. } in &found.sessions {
        for problem in &report.problems {
            writeln!(out, "{session}: {problem}")?;
        }
        if report.more_problems > 0 {
            writeln!(out, "{session}: and {} more problems", report.more_problems)?;
        }
    }
    for Verified { session, .. } in found.sessions.iter().filter(|verified| verified.state == "unclosed") {
        writeln!(
            out,
            "{session}: not closed: its gateway died; the next `weir run` or `weir serve` closes it at its last whole frame"
        )?;
    }
    let count = |state: &str| found.sessions.iter().filter(|verified| verified.state == state).count();
    let frames: u64 = found.sessions.iter().map(|verified| verified.report.frames).sum();
    write!(out, "{} records, {frames} frames: {} closed", found.sessions.len(), count("closed"))?;
    for (state, count) in [("live", count("live")), ("unclosed", count("unclosed"))] {
        if count > 0 {
            write!(out, ", {count} {state}")?;
        }
    }
    match found.problems() {
        0 => writeln!(out, "; intact: every frame is as it was written"),
        1 => writeln!(out, "; 1 problem"),
        problems => writeln!(out, "; {problems} problems"),
    }
}
