//! `weir session play` and `watch`: the exact sequence of a session, frame by frame.

use super::{ViewError, conclude, tell_line, text};
use crate::cli::{CliError, Format, count};
use crate::evidence::{Seen, Walk, is_live};
use crate::replay::postgres::{self, Message, Shown as _};
use crate::replay::{self, Formats, statement_name};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Completed, Digest, Failure, Statement};
use serde_json::Value;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::thread::sleep;
use std::time::Duration;

/// A recorded pause is never replayed longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// How often a live record is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Replays a session. `pace` is how many times as fast as it was; none waits for nothing.
pub(crate) fn play(
    state_dir: &Path,
    session: SessionId,
    pace: Option<f64>,
    format: Format,
    out: &mut dyn Write,
) -> Result<ExitCode, CliError> {
    if pace.is_some_and(|pace| !pace.is_finite() || pace <= 0.0) {
        return Err(CliError::new(
            "--speed must be a number above 0, such as 2 for twice as fast; --instant does not wait at all",
        ));
    }
    conclude(replay(state_dir, session, pace, Script::new(format), out))
}

/// Follows a session until it ends; exit status 1 where its gateway died before.
pub(crate) fn watch(state_dir: &Path, session: SessionId, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    conclude(follow(state_dir, session, Script::new(format), out))
}

fn replay(
    state_dir: &Path,
    session: SessionId,
    pace: Option<f64>,
    mut script: Script,
    out: &mut dyn Write,
) -> Result<ExitCode, ViewError> {
    let mut walk = Walk::open(state_dir, session)?;
    let mut ended = false;
    while let Some(seen) = walk.next(|_| true)? {
        let pause = script.pause_before(seen.time);
        if let Some(pace) = pace.filter(|_| !pause.is_zero()) {
            out.flush()?;
            sleep(Duration::try_from_secs_f64(pause.as_secs_f64() / pace).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE));
        }
        ended = seen.kind == FrameKind::Ended;
        script.print(&seen, out)?;
    }
    if !ended {
        script.stop(is_live(state_dir, session), out)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn follow(state_dir: &Path, session: SessionId, mut script: Script, out: &mut dyn Write) -> Result<ExitCode, ViewError> {
    let mut walk = Walk::open(state_dir, session)?;
    loop {
        // Asked before reading: what a dying gateway wrote last is still read.
        let live = is_live(state_dir, session);
        while let Some(seen) = walk.next(|_| true)? {
            script.print(&seen, out)?;
            if seen.kind == FrameKind::Ended {
                return Ok(ExitCode::SUCCESS);
            }
        }
        if !live {
            script.stop(false, out)?;
            return Ok(ExitCode::from(1));
        }
        out.flush()?;
        sleep(LOOK_EVERY);
    }
}

/// Prints frames one after another, and remembers what the next ones need.
struct Script {
    format: Format,
    first: Option<Timestamp>,
    last: Timestamp,
    formats: Formats,
}

impl Script {
    fn new(format: Format) -> Self {
        Self { format, first: None, last: Timestamp::default(), formats: Formats::default() }
    }

    fn pause_before(&self, time: Timestamp) -> Duration {
        match self.first {
            Some(_) => Duration::from_nanos(time.0.saturating_sub(self.last.0)),
            None => Duration::ZERO,
        }
    }

    fn print(&mut self, seen: &Seen<'_>, out: &mut dyn Write) -> io::Result<()> {
        let first = *self.first.get_or_insert(seen.time);
        self.last = seen.time;
        let formats = self.formats.hear(seen);
        match self.format {
            Format::Json => tell_line(&replay::frame(seen, formats), out),
            Format::Text => line(seen, Duration::from_nanos(seen.time.0.saturating_sub(first.0)), formats, out),
        }
    }

    /// The record ends before its session was said to.
    fn stop(&self, live: bool, out: &mut dyn Write) -> io::Result<()> {
        match self.format {
            Format::Json => tell_line(&replay::no_end(live), out),
            Format::Text => {
                let state = if live { "is still live" } else { "was not closed, its gateway died" };
                writeln!(out, "the record ends here: the session {state}")
            }
        }
    }
}

/// A frame as a person reads it, `since` the first one.
fn line(seen: &Seen<'_>, since: Duration, formats: &[u16], out: &mut dyn Write) -> io::Result<()> {
    let what = |operation: u64, name: &str| {
        if operation == 0 {
            format!("+{:>10.6}  {name:<11}", since.as_secs_f64())
        } else {
            format!("+{:>10.6}  {name:<11}#{operation} ", since.as_secs_f64())
        }
    };
    let body = seen.body;
    match seen.kind {
        FrameKind::Opened | FrameKind::Note | FrameKind::Decision | FrameKind::Ended => {
            writeln!(out, "{}{}", what(0, seen.kind.name()), json(seen.kind, body))
        }
        FrameKind::Statement => match Statement::parse(body) {
            Some(Statement { operation, kind, text }) => {
                writeln!(out, "{}{}", what(operation, statement_name(kind)), statement(text))
            }
            None => writeln!(out, "{}{}", what(0, "statement"), text::hex(body)),
        },
        FrameKind::Parameters => {
            let (operation, rest) = body::number(body).unwrap_or((0, body));
            let read = postgres::parameters(rest);
            let values = read.values.iter().enumerate().map(|(at, value)| format!("${} = {}", at + 1, value.literal()));
            writeln!(out, "{}{}", what(operation, "parameters"), values.collect::<Vec<_>>().join(", "))
        }
        FrameKind::Rows => rows(body, formats, &what, out),
        FrameKind::Completed => match Completed::parse(body) {
            Some(Completed { operation, rows, bytes, tag }) => {
                writeln!(
                    out,
                    "{}{} ({}, {bytes} bytes)",
                    what(operation, "completed"),
                    text::line(tag),
                    count(rows, "row", "rows")
                )
            }
            None => writeln!(out, "{}{}", what(0, "completed"), text::hex(body)),
        },
        FrameKind::Failed => match Failure::parse(body) {
            Some(Failure { operation, code, message }) => {
                writeln!(out, "{}{}: {}", what(operation, "failed"), text::line(code), text::line(message))
            }
            None => writeln!(out, "{}{}", what(0, "failed"), text::hex(body)),
        },
        FrameKind::Digest => match Digest::parse(body) {
            Some(Digest { operation, rows, sha256 }) => {
                writeln!(out, "{}{} sha256 {sha256}", what(operation, "digest"), count(rows, "row", "rows"))
            }
            None => writeln!(out, "{}{}", what(0, "digest"), text::hex(body)),
        },
    }
}

fn rows(body: &[u8], formats: &[u16], what: &dyn Fn(u64, &str) -> String, out: &mut dyn Write) -> io::Result<()> {
    let (operation, rest) = body::number(body).unwrap_or((0, body));
    for message in postgres::messages(rest, formats) {
        match message {
            Message::Columns(names) => {
                let names: Vec<_> = names.into_iter().map(text::line).collect();
                writeln!(out, "{}{}", what(operation, "columns"), names.join(" | "))?;
            }
            Message::Row(values) => {
                let values: Vec<_> = values.into_iter().map(|value| value.plain()).collect();
                writeln!(out, "{}{}", what(operation, "row"), values.join(" | "))?;
            }
            Message::Copy(data) => writeln!(out, "{}{}", what(operation, "copy"), postgres::plain(data, None))?,
            Message::Other(kind, length) => writeln!(out, "{}message {kind:?} of {length} bytes", what(operation, "result"))?,
        }
    }
    Ok(())
}

/// A statement's text, its further lines set in.
pub(super) fn statement(text: &[u8]) -> String {
    let shown = text::lines(text);
    shown.trim_end().replace('\n', "\n                         ")
}

/// A decision on a statement: the outcome, what it was about, and who decided.
fn decision(value: &Value, outcome: &str) -> String {
    let list = |name: &str| {
        let values = value.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        values.iter().filter_map(Value::as_str).map(|one| text::line(one.as_bytes())).collect::<Vec<_>>().join(", ")
    };
    let outcome = match value.get("would_refuse").and_then(Value::as_bool) {
        Some(true) => "allow (observe mode; would be refused)",
        _ => outcome,
    };
    let part = value.get("part").and_then(Value::as_u64).map(|part| format!(" statement {}", part + 1)).unwrap_or_default();
    let command = value.get("command").and_then(Value::as_str).map(|command| text::line(command.as_bytes())).unwrap_or_default();
    let (policies, errors) = (list("policies"), list("errors"));
    let because = match (policies.is_empty(), errors.is_empty()) {
        (_, false) => format!("error in a policy: {errors}"),
        (false, true) => format!("policy {policies}"),
        (true, true) => "no policy".to_owned(),
    };
    format!("{outcome}{part} {command} [{}] by {because}{}", list("accesses"), revealed(value))
}

/// The classes that a decision shows as they are, and by which policies; nothing where it shows none.
pub(in crate::cli) fn revealed(decision: &Value) -> String {
    let shown = decision.get("reveals").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let word = |value: &Value| value.as_str().map(|word| text::line(word.as_bytes())).unwrap_or_default();
    let one = |shown: &Value| {
        let policies = shown.get("policies").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let policies = policies.iter().map(word).collect::<Vec<_>>().join(", ");
        format!("; reveals {} by policy {policies}", shown.get("class").map(word).unwrap_or_default())
    };
    shown.iter().map(one).collect()
}

/// A JSON body in a line that a person reads.
pub(super) fn json(kind: FrameKind, body: &[u8]) -> String {
    let Ok(value) = serde_json::from_slice::<Value>(body) else { return text::line(body) };
    let field = |pointer: &str| value.pointer(pointer).and_then(Value::as_str).map(|field| text::line(field.as_bytes()));
    if kind == FrameKind::Opened
        && let (Some(workload), Some(target)) =
            (field("/principal/name").or_else(|| field("/principal/workload")), field("/target/name"))
    {
        let owner = field("/principal/owner").map_or_else(|| "no owner".to_owned(), |owner| format!("owner {owner}"));
        let outcome = field("/decision/outcome").unwrap_or_default();
        return format!("{workload} ({owner}) connects to {target}: {outcome}");
    }
    if kind == FrameKind::Decision
        && let Some(outcome) = field("/outcome")
    {
        return decision(&value, &outcome);
    }
    let Value::Object(fields) = &value else { return text::line(value.to_string().as_bytes()) };
    let shown = text::fields(fields).into_iter().map(|(name, value)| match name.as_str() {
        "what" | "reason" => value,
        _ => format!("{name}={value}"),
    });
    shown.collect::<Vec<_>>().join(" ")
}
