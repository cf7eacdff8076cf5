//! An event, and a session's facts, as a line that people read.

use super::access::{Access, Approval};
use crate::evidence::utc;
use crate::ledger::Event;
use crate::replay::text;
use gateway_core::model::time::Timestamp;
use serde_json::Value;

/// Of an event's details so many characters are shown.
const SHOWN: usize = 600;

/// A time as RFC 3339.
pub(super) fn time(nanoseconds: u64) -> String {
    utc(Timestamp(nanoseconds))
}

/// What an event says beside who and what.
pub(super) fn details(event: &Event) -> String {
    let Value::Object(fields) = &event.details else { return String::new() };
    let all = text::fields(fields).into_iter().map(|(name, value)| format!("{name}={value}"));
    cut(all.collect::<Vec<_>>().join(" "))
}

/// Who let a session, or a part of it, go on, and who did not.
pub(super) fn approvals(access: &Access) -> Vec<String> {
    let mut all: Vec<String> = access.approvals.iter().map(approval).collect();
    all.extend(access.break_glass.iter().map(|glass| format!("{glass}: broken glass")));
    all
}

fn approval(approval: &Approval) -> String {
    let Approval { hold, state, by, denied_by, operation } = approval;
    let by = if by.is_empty() { denied_by.clone().unwrap_or_default() } else { by.join(", ") };
    let by = if by.is_empty() { String::new() } else { format!(" by {by}") };
    let operation = operation.map(|operation| format!(" (operation {operation})")).unwrap_or_default();
    format!("{hold}: {state}{by}{operation}")
}

/// What a session accessed.
pub(super) fn accesses(access: &Access) -> Vec<String> {
    let mut all: Vec<String> = access.accesses.iter().cloned().collect();
    if access.more_accesses > 0 {
        all.push(format!("and {} more", access.more_accesses));
    }
    all
}

/// The classes that it was shown, and by which policies.
pub(super) fn reveals(access: &Access) -> Vec<String> {
    let one = |(class, policies): (&String, &std::collections::BTreeSet<String>)| {
        let policies: Vec<_> = policies.iter().cloned().collect();
        format!("{class} by {}", policies.join(", "))
    };
    access.reveals.iter().map(one).collect()
}

/// Findings, and how often each.
pub(super) fn findings(access: &Access) -> Vec<String> {
    access.findings.iter().map(|(kind, count)| format!("{kind} ×{count}")).collect()
}

/// What was decided of a session.
pub(super) fn outcome(access: &Access) -> String {
    match (access.outcome.as_deref(), access.mode.as_deref()) {
        (Some(outcome), Some("observe")) => format!("{outcome} (observed)"),
        (Some(outcome), _) => outcome.to_owned(),
        (None, _) => "-".to_owned(),
    }
}

fn cut(mut text: String) -> String {
    if let Some((end, _)) = text.char_indices().nth(SHOWN) {
        text.truncate(end);
        text.push('…');
    }
    text
}
