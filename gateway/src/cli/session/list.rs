//! `weir session list`: a line for each session.

use super::{ViewError, conclude, tell, text};
use crate::cli::{CliError, Format};
use crate::control::moment;
use crate::evidence::{self, State, Summary};
use crate::index::{self, Of, Query};
use comfy_table::presets::NOTHING;
use comfy_table::{CellAlignment, Table};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use std::io::Write;
use std::path::Path;
use std::process::ExitCode;

/// Which of them.
#[derive(clap::Args, Clone, Debug, Default)]
pub(crate) struct Which {
    /// Words, each of which is somewhere in what a session is or did: workload, owner, target, relations, statements …
    #[arg(long, value_name = "WORDS")]
    search: Option<String>,
    /// Begun at this time or later: 2h ago, 7d, 2026-11-29, or with a time
    #[arg(long, value_name = "TIME", value_parser = moment)]
    since: Option<Timestamp>,
    /// Begun at this time or before
    #[arg(long, value_name = "TIME", value_parser = moment)]
    until: Option<Timestamp>,
    /// Part of the workload's SPIFFE id or name
    #[arg(long, value_name = "PART")]
    workload: Option<String>,
    /// The target's name
    #[arg(long, value_name = "NAME")]
    target: Option<String>,
    /// The owner
    #[arg(long, value_name = "WHO")]
    owner: Option<String>,
    /// The run
    #[arg(long, value_name = "RUN")]
    run: Option<String>,
    /// live, ended, unclosed or damaged
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Option<State>,
    /// The newest so many of them
    #[arg(long, value_name = "N", default_value_t = 10_000, value_parser = clap::value_parser!(u32).range(1..=1_000_000))]
    limit: u32,
    /// Older than this one
    #[arg(long, value_name = "SESSION")]
    before: Option<SessionId>,
}

/// Sessions, the oldest first.
pub(crate) fn list(state_dir: &Path, which: &Which, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    conclude(print(state_dir, which, format, out))
}

fn print(state_dir: &Path, which: &Which, format: Format, out: &mut dyn Write) -> Result<ExitCode, ViewError> {
    let (sessions, next) = which.read(state_dir)?;
    match format {
        Format::Json => tell(&sessions, out)?,
        Format::Text if sessions.is_empty() && which.asks_for_all() => {
            writeln!(out, "no sessions recorded below {}", state_dir.display())?;
        }
        Format::Text if sessions.is_empty() => writeln!(out, "no session is like that")?,
        Format::Text => writeln!(out, "{}", table(&sessions))?,
    }
    if let Some(next) = next {
        let _told = writeln!(std::io::stderr(), "weir: there are older ones: --before {next}, or a larger --limit").is_ok();
    }
    Ok(ExitCode::SUCCESS)
}

impl Which {
    /// All of them.
    #[cfg(test)]
    pub(super) fn all() -> Self {
        Self { limit: 1000, ..Self::default() }
    }

    /// They, and behind which there are more. From the index, which is brought up first; from the records where it can't be.
    fn read(&self, state_dir: &Path) -> Result<(Vec<Summary>, Option<SessionId>), ViewError> {
        let query = self.query();
        let index = index::open_fresh(state_dir, &mut crate::cli::reindex::tell);
        let page = index.as_ref().map(|index| index.page(&query, &|_, _, _| true));
        match page {
            Some(Ok(Some(page))) => {
                let mut sessions = page.sessions;
                sessions.reverse();
                return Ok((sessions, page.next));
            }
            Some(Err(error)) => {
                let _told = writeln!(std::io::stderr(), "weir: {error}").is_ok();
            }
            Some(Ok(None)) | None => {}
        }
        if self.search.is_some() {
            return Err(ViewError::NoIndex);
        }
        let mut sessions: Vec<_> = evidence::index(state_dir)?.into_iter().filter(|record| query.wants(record)).collect();
        let left_out = sessions.len().saturating_sub(query.limit);
        sessions.drain(..left_out);
        let next = sessions.first().filter(|_| left_out > 0).map(|first| first.session);
        Ok((sessions, next))
    }

    fn query(&self) -> Query {
        Query {
            limit: usize::try_from(self.limit).unwrap_or(usize::MAX),
            before: self.before,
            search: self.search.clone(),
            workload: self.workload.clone(),
            target: self.target.clone(),
            run: self.run.clone(),
            owner: self.owner.clone(),
            state: self.state,
            since: self.since,
            until: self.until,
            of: vec![Of::Session, Of::Gateway, Of::Unknown],
        }
    }

    fn asks_for_all(&self) -> bool {
        let Self { search, since, until, workload, target, owner, run, state, limit: _, before } = self;
        let texts = [search, workload, target, owner, run];
        texts.iter().all(|text| text.is_none()) && since.or(*until).is_none() && state.is_none() && before.is_none()
    }
}

fn state(text: &str) -> Result<State, String> {
    let all = [State::Live, State::Ended, State::Unclosed, State::Damaged];
    all.into_iter()
        .find(|state| state.name() == text)
        .ok_or_else(|| format!("`{text}` is none: live, ended, unclosed or damaged"))
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
