//! `weir session list`: a line for each session.

use super::{ViewError, conclude, tell, text};
use crate::cli::{CliError, Format};
use crate::evidence::{self, State, Summary};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// All sessions, the oldest first.
pub(crate) fn list(state_dir: &Path, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    conclude(print(state_dir, format, out))
}

fn print(state_dir: &Path, format: Format, out: &mut dyn Write) -> Result<ExitCode, ViewError> {
    let sessions: Vec<_> = evidence::index(state_dir)?.into_iter().filter(|record| !record.is_of_a_run()).collect();
    match format {
        Format::Json => tell(&sessions, out)?,
        Format::Text if sessions.is_empty() => writeln!(out, "no sessions recorded below {}", state_dir.display())?,
        Format::Text => writeln!(out, "{}", table(&sessions))?,
    }
    Ok(ExitCode::SUCCESS)
}

fn table(sessions: &[Summary]) -> Table {
    let mut table = Table::new();
    table.load_preset(NOTHING);
    table.set_header([
        "SESSION",
        "RUN",
        "WORKLOAD",
        "OWNER",
        "TARGET",
        "USER@DATABASE",
        "STARTED",
        "TOOK",
        "STATEMENTS",
        "ROWS",
        "ENDED",
    ]);
    for session in sessions {
        table.add_row(row(session));
    }
    for number in [7, 8, 9] {
        if let Some(column) = table.column_mut(number) {
            column.set_cell_alignment(CellAlignment::Right);
        }
    }
    table
}

fn row(session: &Summary) -> [String; 11] {
    let shown = |field: &Option<String>| text::line(field.as_deref().unwrap_or("-").as_bytes());
    [
        session.session.to_string(),
        shown(&session.run),
        shown(if session.name.is_some() { &session.name } else { &session.workload }),
        shown(&session.owner),
        shown(&session.target),
        account(session),
        evidence::utc(session.started),
        duration(session.duration_ms),
        session.statements.to_string(),
        session.rows.to_string(),
        ending(session),
    ]
}

/// `user@database`, as far as they are known.
pub(super) fn account(session: &Summary) -> String {
    match (&session.user, &session.database) {
        (None, None) => "-".into(),
        (user, database) => {
            let part = |part: &Option<String>| text::line(part.as_deref().unwrap_or_default().as_bytes());
            format!("{}@{}", part(user), part(database))
        }
    }
}

/// How the session ended, or that it did not.
pub(super) fn ending(session: &Summary) -> String {
    match session.state {
        State::Live => "live".into(),
        State::Ended => text::line(session.reason.as_deref().unwrap_or("ended").as_bytes()),
        State::Unclosed => "its gateway died".into(),
        State::Damaged => "record damaged".into(),
    }
}

/// Milliseconds in the unit that reads best.
pub(super) fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    match seconds {
        0 => format!("{milliseconds} ms"),
        1..60 => format!("{seconds}.{} s", milliseconds % 1000 / 100),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds % 3600 / 60),
    }
}
