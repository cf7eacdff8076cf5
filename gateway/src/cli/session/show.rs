//! `weir session show`: who, what, which decision, every statement, the totals.

use super::list::{account, duration, ending};
use super::{ViewError, conclude, play, tell, text};
use crate::cli::{CliError, Format, count};
use crate::evidence::{self, EvidenceError, Seen, Summary, Walk};
use crate::replay::postgres::{self, Shown as _};
use crate::replay::statement_name;
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Completed, Failure, Statement};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

/// So many statements are shown; the others are counted.
const MOST_STATEMENTS: usize = 10_000;

/// One session, all of it but its rows.
pub(crate) fn show(state_dir: &Path, session: SessionId, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    conclude(print(state_dir, session, format, out))
}

fn print(state_dir: &Path, session: SessionId, format: Format, out: &mut dyn Write) -> Result<ExitCode, ViewError> {
    let shown = Shown::read(state_dir, session)?;
    match format {
        Format::Json => tell(&shown, out)?,
        Format::Text => shown.print(out)?,
    }
    Ok(ExitCode::SUCCESS)
}

/// All that is shown of a session.
#[derive(Serialize)]
struct Shown {
    summary: Summary,
    opened: Value,
    notes: Vec<Value>,
    decisions: Vec<Value>,
    statements: Vec<Shot>,
    statements_not_shown: u64,
    ended: Value,
}

/// A statement and what came of it.
#[derive(Default, Serialize)]
struct Shot {
    operation: u64,
    kind: &'static str,
    text: String,
    /// Of the last execution.
    parameters: Vec<String>,
    executions: u64,
    rows: u64,
    bytes: u64,
    tag: Option<String>,
    error: Option<String>,
    decisions: Vec<Value>,
}

impl Shown {
    fn read(state_dir: &Path, session: SessionId) -> Result<Self, EvidenceError> {
        let summary = evidence::summary(state_dir, session)?;
        let mut shown = Self {
            summary,
            opened: Value::Null,
            notes: Vec::new(),
            decisions: Vec::new(),
            statements: Vec::new(),
            statements_not_shown: 0,
            ended: Value::Null,
        };
        let mut places = BTreeMap::new();
        let mut walk = Walk::open(state_dir, session)?;
        loop {
            match walk.next(|kind| kind != FrameKind::Rows) {
                Ok(Some(seen)) => shown.add(&seen, &mut places),
                // What can be read is shown; the summary says `damaged`.
                Ok(None) | Err(EvidenceError::Broken { .. }) => return Ok(shown),
                Err(error) => return Err(error),
            }
        }
    }

    fn add(&mut self, seen: &Seen<'_>, places: &mut BTreeMap<u64, usize>) {
        let json = || serde_json::from_slice(seen.body).unwrap_or_default();
        match seen.kind {
            FrameKind::Opened => self.opened = json(),
            FrameKind::Ended => self.ended = json(),
            FrameKind::Note if self.notes.len() < MOST_STATEMENTS => self.notes.push(json()),
            FrameKind::Decision => self.decision(json(), places),
            FrameKind::Statement => self.statement(seen.body, places),
            FrameKind::Parameters => {
                if let Some((operation, rest)) = body::number(seen.body)
                    && let Some(shot) = self.shot(operation, places)
                {
                    shot.parameters = postgres::parameters(rest).values.into_iter().map(|value| value.literal()).collect();
                }
            }
            FrameKind::Completed => {
                if let Some(completed) = Completed::parse(seen.body)
                    && let Some(shot) = self.shot(completed.operation, places)
                {
                    shot.executions += 1;
                    shot.rows += completed.rows;
                    shot.bytes += completed.bytes;
                    shot.tag = Some(text::line(completed.tag));
                }
            }
            FrameKind::Failed => {
                if let Some(failure) = Failure::parse(seen.body)
                    && let Some(shot) = self.shot(failure.operation, places)
                {
                    shot.executions += 1;
                    shot.error = Some(format!("{}: {}", text::line(failure.code), text::line(failure.message)));
                }
            }
            FrameKind::Note | FrameKind::Rows | FrameKind::Digest => {}
        }
    }

    fn statement(&mut self, body: &[u8], places: &mut BTreeMap<u64, usize>) {
        if self.statements.len() >= MOST_STATEMENTS {
            self.statements_not_shown += 1;
            return;
        }
        let Some(Statement { operation, kind, text }) = Statement::parse(body) else { return };
        places.insert(operation, self.statements.len());
        let text = text::lines(text);
        self.statements.push(Shot { operation, kind: statement_name(kind), text, ..Shot::default() });
    }

    /// Beside its statement, where that is shown.
    fn decision(&mut self, decision: Value, places: &BTreeMap<u64, usize>) {
        let operation = decision.get("operation").and_then(Value::as_u64);
        let decisions = match operation.and_then(|operation| places.get(&operation)) {
            Some(place) => self.statements.get_mut(*place).map(|shot| &mut shot.decisions),
            None => Some(&mut self.decisions),
        };
        if let Some(decisions) = decisions.filter(|decisions| decisions.len() < MOST_STATEMENTS) {
            decisions.push(decision);
        }
    }

    fn shot(&mut self, operation: u64, places: &BTreeMap<u64, usize>) -> Option<&mut Shot> {
        self.statements.get_mut(*places.get(&operation)?)
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let summary = &self.summary;
        writeln!(out, "session {}  {}", summary.session, ending(summary))?;
        self.print_identity(out)?;
        if let Value::Object(decision) = self.opened.get("decision").unwrap_or(&Value::Null) {
            section("decision", decision, out)?;
        }
        for (name, values) in [("note", &self.notes), ("decision", &self.decisions)] {
            for value in values {
                let body = serde_json::to_vec(value)?;
                writeln!(out, "{name:<11} {}", play::json(FrameKind::Note, &body))?;
            }
        }
        for shot in &self.statements {
            shot.print(out)?;
        }
        if self.statements_not_shown > 0 {
            writeln!(
                out,
                "and {} further statements: `weir session play {} --instant` prints all",
                self.statements_not_shown, summary.session
            )?;
        }
        writeln!(
            out,
            "{}, {}, {} in {}; record: {}, {} bytes",
            count(summary.statements, "statement", "statements"),
            count(summary.rows, "row", "rows"),
            count(summary.errors, "error", "errors"),
            duration(summary.duration_ms),
            count(summary.frames, "frame", "frames"),
            summary.bytes
        )?;
        if let Value::Object(ended) = &self.ended {
            section("ended", ended, out)?;
        }
        Ok(())
    }

    fn print_identity(&self, out: &mut dyn Write) -> io::Result<()> {
        let summary = &self.summary;
        let known = |field: &Option<String>| text::line(field.as_deref().unwrap_or("-").as_bytes());
        for (name, value) in [
            ("run", known(&summary.run)),
            ("workload", known(&summary.workload)),
            ("name", known(&summary.name)),
            ("owner", known(&summary.owner)),
            ("grade", known(&summary.grade)),
            ("target", format!("{} ({})", known(&summary.target), known(&summary.original))),
            ("account", account(summary)),
            ("started", evidence::utc(summary.started)),
        ] {
            writeln!(out, "{name:<11} {value}")?;
        }
        for part in ["process", "attested", "attestation_failure", "claims"] {
            if let Some(Value::Object(fields)) = self.opened.pointer(&format!("/principal/{part}")) {
                section(part, fields, out)?;
            }
        }
        Ok(())
    }
}

impl Shot {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:<11} #{} {}", self.kind, self.operation, self.text.trim_end().replace('\n', "\n              "))?;
        for (number, value) in self.parameters.iter().enumerate() {
            writeln!(out, "              ${} = {value}", number + 1)?;
        }
        for decision in &self.decisions {
            let body = serde_json::to_vec(decision)?;
            writeln!(out, "              {}", play::json(FrameKind::Decision, &body))?;
        }
        if let Some(tag) = &self.tag {
            let times = if self.executions > 1 { format!(", {} executions", self.executions) } else { String::new() };
            writeln!(out, "              -> {tag} ({}, {} bytes{times})", count(self.rows, "row", "rows"), self.bytes)?;
        }
        if let Some(error) = &self.error {
            writeln!(out, "              -> failed {error}")?;
        }
        Ok(())
    }
}

/// A JSON object's fields, one a line, the empty ones left out.
fn section(name: &str, fields: &serde_json::Map<String, Value>, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{name}")?;
    text::fields(fields).into_iter().try_for_each(|(field, value)| writeln!(out, "  {field:<22} {value}"))
}
