//! What a rule sees of an event: whose it is, what it measures, what it names.

use super::PREFIX;
use super::rule::{Of, When, fits};
use crate::event::format::code;
use crate::event::{Context, Event, Outcome, Statement, What};
use serde_json::Value;

/// Whose an event is; none where it is nobody's, or of what the engine itself has found or brought about.
pub(super) fn workload(event: &Event) -> Option<&str> {
    match &event.what {
        What::Finding { name, .. } if name.starts_with(PREFIX) => return None,
        What::Control { name, by, .. } if name.starts_with("finding.") || name.starts_with("snooze.") || by == "weir" => {
            return None;
        }
        // That a gateway's own record begins is no session of anybody's.
        What::Opened { .. } if event.context.target.as_deref() == Some("weir") && event.context.address.is_none() => return None,
        What::Finding { .. }
        | What::Control { .. }
        | What::Opened { .. }
        | What::Statement(_)
        | What::Ended { .. }
        | What::Checkpoint { .. }
        | What::Dropped { .. } => {}
    }
    let context = &event.context;
    context.workload.as_deref().or(context.name.as_deref()).or(context.run.as_deref()).filter(|name| !name.is_empty())
}

/// What a person calls it.
pub(super) fn called(context: &Context) -> &str {
    context.name.as_deref().or(context.workload.as_deref()).or(context.run.as_deref()).unwrap_or_default()
}

/// Whether a rule looks at it.
pub(super) fn concerns(when: &When, context: &Context) -> bool {
    let any = |patterns: &[String], values: &[&Option<String>]| {
        let mut there = values.iter().filter_map(|value| value.as_deref());
        patterns.is_empty() || there.any(|value| patterns.iter().any(|pattern| fits(pattern, value)))
    };
    any(&when.workload, &[&context.name, &context.workload])
        && any(&when.target, &[&context.target])
        && any(&when.environment, &[&context.environment])
        && any(&when.owner, &[&context.owner])
        && any(&when.grade, &[&context.grade])
}

/// What it adds to each measure.
pub(super) fn measures(event: &Event) -> Vec<(Of, f64)> {
    let statement = match &event.what {
        What::Opened { decision } if decision.refuses() => return vec![(Of::Refusals, 1.0)],
        What::Opened { decision } if decision.outcome == "hold" => return Vec::new(),
        What::Opened { .. } => return vec![(Of::Sessions, 1.0)],
        What::Statement(statement) => statement,
        What::Ended { .. } | What::Finding { .. } | What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. } => {
            return Vec::new();
        }
    };
    let rows = float(statement.rows);
    match statement.outcome {
        Outcome::Refused => vec![(Of::Refusals, 1.0)],
        Outcome::Failed => vec![(Of::Statements, 1.0), (Of::Errors, 1.0)],
        Outcome::Done | Outcome::Cut => {
            let revealed = if statement.revealed.is_empty() { 0.0 } else { rows };
            vec![(Of::Statements, 1.0), (Of::Rows, rows), (Of::Bytes, float(statement.bytes)), (Of::Revealed, revealed)]
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "a measure is no count")]
const fn float(number: u64) -> f64 {
    number as f64
}

/// What it names.
pub(super) fn things(event: &Event, of: Of) -> Vec<String> {
    let context = &event.context;
    let at_target = |name: &str| format!("{}/{name}", context.target.as_deref().unwrap_or("?"));
    let one = |value: Option<String>| value.into_iter().collect();
    let statement: Option<&Statement> = match &event.what {
        What::Statement(statement) => Some(statement),
        What::Opened { .. }
        | What::Ended { .. }
        | What::Finding { .. }
        | What::Control { .. }
        | What::Checkpoint { .. }
        | What::Dropped { .. } => None,
    };
    let once = |value: Option<String>| if statement.is_none() { one(value) } else { Vec::new() };
    match of {
        Of::Table => statement.map(|of| of.tables().into_iter().map(at_target).collect()).unwrap_or_default(),
        Of::Command => one(statement.and_then(|statement| statement.command.clone())),
        // What is the same for a whole session is looked at when that begins.
        Of::Target => once(context.target.clone()),
        Of::Executable => once(context.executable.clone()),
        Of::Binary => {
            let both = context.executable.as_ref().zip(context.executable_sha256.as_ref());
            once(both.map(|(path, hash)| format!("{path} {hash}")))
        }
        Of::Database => once(context.database.as_deref().map(at_target)),
        Of::User => once(context.user.as_deref().map(at_target)),
        Of::Domain => once(domain(event)),
        Of::Statements | Of::Rows | Of::Bytes | Of::Revealed | Of::Errors | Of::Refusals | Of::Sessions => Vec::new(),
    }
}

/// The host that was dialled, or the name that was asked for.
fn domain(event: &Event) -> Option<String> {
    match &event.what {
        What::Finding { name, fields, .. } if name == "name_refused" => fields.get("name")?.as_str().map(str::to_owned),
        _ => event.context.domain.clone(),
    }
}

/// The event's code, where one of the patterns fits it.
pub(super) fn counted(event: &Event, codes: &[String]) -> bool {
    let code = code(event);
    codes.iter().any(|pattern| fits(pattern, &code))
}

/// The operation that it is of.
pub(super) fn operation(event: &Event) -> Option<u64> {
    match &event.what {
        What::Statement(statement) => Some(statement.operation),
        What::Finding { fields, .. } => fields.get("operation")?.as_u64(),
        What::Opened { .. } | What::Ended { .. } | What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. } => None,
    }
}

/// The job that a finding of the gateway's own record names.
pub(super) fn named_run(fields: &Value) -> Option<&str> {
    ["of", "of_run"].iter().find_map(|field| fields.get(*field)?.as_str())
}

/// What a count is about: the job that a finding names, or the run, or the session.
pub(super) fn about(event: &Event) -> String {
    let named = match &event.what {
        What::Finding { fields, .. } => named_run(fields),
        What::Control { by, .. } => Some(by.as_str()),
        What::Opened { .. } | What::Statement(_) | What::Ended { .. } | What::Checkpoint { .. } | What::Dropped { .. } => None,
    };
    named.or(event.context.run.as_deref()).map_or_else(|| event.session.to_string(), str::to_owned)
}
