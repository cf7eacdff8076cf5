//! What all forms say alike: an event's code, its sentence, what a statement does, and texts that are safe on a line.

use crate::event::{Context, Decision, Event, Outcome, Statement, What};
use serde_json::Value;
use std::borrow::Cow;
use std::net::SocketAddr;

/// Characters of a sentence.
const SENTENCE: usize = 1000;
/// Characters of a statement within a sentence.
const QUOTED: usize = 200;

/// What a statement does to what it touches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Does {
    Reads,
    Copies,
    Inserts,
    Changes,
    Deletes,
    Creates,
    Drops,
    Other,
}

/// An event's kind as one word that never changes: `statement.refused`, `finding.quota`, `glass.broken` …
#[must_use]
pub fn code(event: &Event) -> Cow<'_, str> {
    match &event.what {
        What::Opened { decision } => Cow::Borrowed(match (decision.refuses(), decision.outcome.as_str()) {
            (true, _) => "session.refused",
            (false, "hold") => "session.held",
            (false, _) => "session.opened",
        }),
        What::Statement(statement) => Cow::Borrowed(match statement.outcome {
            Outcome::Done => "statement.done",
            Outcome::Failed => "statement.failed",
            Outcome::Refused => "statement.refused",
            Outcome::Cut => "statement.cut",
        }),
        What::Ended { killed, .. } => Cow::Borrowed(if *killed { "session.cut" } else { "session.ended" }),
        What::Finding { name, .. } => Cow::Owned(format!("finding.{}", plain(name))),
        What::Control { name, .. } => plain(name),
        What::Checkpoint { .. } => Cow::Borrowed("log.checkpoint"),
        What::Dropped { .. } => Cow::Borrowed("events.dropped"),
    }
}

/// A name of letters, digits, dots, dashes and underscores; everything else is an underscore.
fn plain(name: &str) -> Cow<'_, str> {
    let fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_');
    if name.is_empty() {
        return Cow::Borrowed("unnamed");
    }
    if name.chars().all(fine) && name.len() <= 60 {
        return Cow::Borrowed(name);
    }
    Cow::Owned(name.chars().take(60).map(|letter| if fine(letter) { letter } else { '_' }).collect())
}

/// What happened, in a sentence for people.
pub(super) fn sentence(event: &Event) -> String {
    let context = &event.context;
    let (who, at) = (who(context), context.target.as_deref().unwrap_or("a target"));
    let sentence = match &event.what {
        What::Opened { decision } => {
            let does = match (decision.refuses(), decision.outcome.as_str()) {
                (true, _) => "was refused",
                (false, "hold") => "waits for approval to connect to",
                (false, "deny") => "would have been refused",
                (false, _) => "connected to",
            };
            format!("{who} {does} {at}{}", because(decision))
        }
        What::Statement(statement) => {
            let does = match statement.outcome {
                Outcome::Done => "ran",
                Outcome::Failed => "failed to run",
                Outcome::Refused => "was refused",
                Outcome::Cut => "was cut off in the midst of",
            };
            let text: Cow<'_, str> = match &statement.text {
                Some(text) => Cow::Owned(text.chars().take(QUOTED).collect()),
                None => Cow::Borrowed("a statement whose text is not kept"),
            };
            let because = statement.decision.as_ref().map(because).unwrap_or_default();
            format!("{who} {does} {text} on {at} ({} rows){because}", statement.rows)
        }
        What::Ended { reason, statements, rows, .. } => {
            format!("{who} left {at} after {statements} statements and {rows} rows: {reason}")
        }
        What::Finding { name, fields, .. } => {
            let why = ["message", "why", "error", "reason", "does"].iter().find_map(|field| fields.get(*field)?.as_str());
            format!("{name}: {who} at {at}{}", why.map(|why| format!(": {why}")).unwrap_or_default())
        }
        What::Control { name, by, subject, .. } => format!("{name} by {by}: {subject}"),
        What::Checkpoint { .. } => format!("the log of {} was signed", event.host),
        What::Dropped { events, sink } => format!("{events} events were dropped for {sink}: the spool was full"),
    };
    clean(&sentence).chars().take(SENTENCE).collect()
}

fn because(decision: &Decision) -> String {
    match (&decision.message, decision.policies.as_slice(), &decision.reason) {
        (Some(message), ..) => format!(": {message}"),
        (None, [], Some(reason)) => format!(" by {reason}"),
        (None, [], None) => String::new(),
        (None, policies, _) => format!(" by {}", policies.join(", ")),
    }
}

/// Who acts, by the best name that is known.
pub(super) fn who(context: &Context) -> &str {
    let named = context.name.as_deref().or(context.workload.as_deref());
    named.or(context.run.as_deref()).unwrap_or("weir")
}

/// What a statement does, by its command, else by the server's tag, else by its first word.
pub(super) fn does(statement: &Statement) -> Does {
    let of = |text: &Option<String>| text.as_deref().and_then(|text| text.split_whitespace().next()).map(str::to_ascii_uppercase);
    let command = of(&statement.command).or_else(|| of(&statement.tag)).or_else(|| of(&statement.text));
    match command.as_deref() {
        Some("SELECT" | "FETCH" | "TABLE" | "VALUES" | "EXPLAIN" | "SHOW" | "WITH") => Does::Reads,
        Some("COPY") => Does::Copies,
        Some("INSERT") => Does::Inserts,
        Some("UPDATE" | "MERGE" | "ALTER") => Does::Changes,
        Some("DELETE" | "TRUNCATE") => Does::Deletes,
        Some("CREATE") => Does::Creates,
        Some("DROP") => Does::Drops,
        Some(_) | None => Does::Other,
    }
}

/// Address and port.
pub(super) fn address(text: Option<&str>) -> Option<SocketAddr> {
    text.and_then(|text| text.parse().ok())
}

/// A number that a receiver's long, which has a sign, can hold.
pub(super) fn long(number: u64) -> u64 {
    number.min(i64::MAX.cast_unsigned())
}

/// The last part of a path.
pub(super) fn file_name(path: &str) -> &str {
    path.rsplit('/').find(|part| !part.is_empty()).unwrap_or(path)
}

/// The text without anything that ends a line, rings a bell or turns a line round.
pub(super) fn clean(text: &str) -> Cow<'_, str> {
    if !text.chars().any(obeyed) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.chars().map(|letter| if obeyed(letter) { shown(letter) } else { letter }).collect())
}

fn shown(letter: char) -> char {
    if matches!(letter, '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' | '\u{85}') { ' ' } else { '\u{fffd}' }
}

/// Whether a screen or a reader of lines obeys it.
pub(super) fn obeyed(letter: char) -> bool {
    letter.is_control() || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// What a finding, or a step of the ledger, says beside its words.
pub(super) fn rest(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::Object(fields) if fields.is_empty() => None,
        Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => Some(value.to_string()),
    }
}
