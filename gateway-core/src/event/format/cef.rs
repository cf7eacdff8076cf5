//! ArcSight's Common Event Format, version 0: "Implementing ArcSight Common Event Format", the head and the dictionary of extensions.

use super::pairs::{self, Pairs, Style};
use super::words::{self, address, clean, code, sentence};
use crate::event::{Context, Decision, Event, Statement, What};
use std::net::IpAddr;

/// A backslash and an equals sign have a backslash before them; a tab has no form of its own.
const STYLE: Style = Style { between: ' ', special: &['\\', '='], tab: " " };
/// Characters of a custom string, of `msg` and names, and of the shorter fields, by the dictionary.
const CUSTOM: usize = 4000;
const LONG: usize = 1023;
const SHORT: usize = 63;

pub(super) fn render(event: &Event, line: &mut String) {
    line.push_str("CEF:0|weir|weir|");
    let code = code(event);
    for field in [event.context.version.as_deref().unwrap_or("0"), &*code, &*code.replace(['.', '_'], " ")] {
        pairs::escape(&clean(field), line, &['\\', '|'], " ");
        line.push('|');
    }
    line.push_str(&pairs::severity(event).to_string());
    line.push('|');
    let pairs = &mut Pairs::new(line, STYLE);
    head(event, pairs);
    match &event.what {
        What::Opened { decision } => decided(decision, pairs),
        What::Statement(statement) => of_statement(statement, pairs),
        What::Ended { reason, statements, rows, errors, bytes_in, bytes_out, duration_ns, .. } => {
            pairs.text("reason", Some(reason), LONG);
            // Seen from the job: what it sent went out.
            pairs.shown("out", Some(bytes_in));
            pairs.shown("in", Some(bytes_out));
            number(1, "rows", *rows, pairs);
            number(2, "statements", *statements, pairs);
            number(3, "errors", *errors, pairs);
            pairs.shown("start", Some(event.at.0.saturating_sub(*duration_ns) / 1_000_000));
            pairs.shown("end", Some(event.at.0 / 1_000_000));
        }
        What::Finding { name, fields, .. } => {
            pairs.text("reason", Some(name), LONG);
            string(1, "details", words::rest(fields).as_deref(), pairs);
        }
        What::Control { number: of, by, subject, details, .. } => {
            pairs.text("suser", Some(by), LONG);
            string(1, "details", words::rest(details).as_deref(), pairs);
            string(3, "subject", Some(subject), pairs);
            number(1, "ledger number", *of, pairs);
        }
        What::Checkpoint { note } => string(1, "checkpoint", Some(note), pairs),
        What::Dropped { events, sink } => {
            number(1, "dropped", *events, pairs);
            string(1, "sink", Some(sink), pairs);
        }
    }
    if !matches!(event.what, What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. }) {
        who(&event.context, pairs);
    }
}

fn head(event: &Event, pairs: &mut Pairs<'_>) {
    pairs.shown("rt", Some(event.at.0 / 1_000_000));
    pairs.text("dvchost", Some(&event.host), 100);
    pairs.text("externalId", Some(&event.uid), 40);
    pairs.text("cat", code(event).split('.').next(), LONG);
    pairs.text("msg", Some(&sentence(event)), LONG);
    pairs.text("outcome", pairs::outcome(event), SHORT);
}

fn decided(decision: &Decision, pairs: &mut Pairs<'_>) {
    pairs.text("act", Some(action(decision)), SHORT);
    pairs.text("reason", decision.message.as_deref().or(decision.reason.as_deref()), LONG);
    string(4, "policies", Some(&decision.policies.join(", ")), pairs);
}

/// What was done about it; what would have been, where nothing is enforced.
fn action(decision: &Decision) -> &str {
    if decision.would_refuse { "would deny" } else { &decision.outcome }
}

fn of_statement(statement: &Statement, pairs: &mut Pairs<'_>) {
    string(1, "statement", statement.text.as_deref(), pairs);
    if let Some(decision) = &statement.decision {
        decided(decision, pairs);
    }
    string(6, "accesses", Some(&statement.accesses.join(", ")), pairs);
    number(1, "rows", statement.rows, pairs);
    number(2, "masked rows", statement.masked_rows, pairs);
    number(3, "operation", statement.operation, pairs);
    pairs.shown("in", Some(statement.bytes));
    let error = statement.error.as_ref().map(|(code, message)| format!("{code} {message}"));
    pairs.text("flexString2", error.as_deref(), LONG);
    pairs.text("flexString2Label", error.as_ref().map(|_| "error"), LONG);
}

fn who(context: &Context, pairs: &mut Pairs<'_>) {
    let (source, target) = (address(context.client.as_deref()), address(context.address.as_deref()));
    for (address, four, six, label, port) in
        [(source, "src", "c6a2", "Source IPv6 Address", "spt"), (target, "dst", "c6a3", "Destination IPv6 Address", "dpt")]
    {
        let Some(address) = address else { continue };
        match address.ip().to_canonical() {
            IpAddr::V4(ip) => pairs.shown(four, Some(ip)),
            IpAddr::V6(ip) => {
                pairs.shown(six, Some(ip));
                pairs.text(&format!("{six}Label"), Some(label), LONG);
            }
        }
        pairs.shown(port, Some(address.port()));
    }
    pairs.text("suser", Some(words::who(context)), LONG);
    pairs.shown("suid", context.uid);
    pairs.shown("spid", context.pid);
    pairs.text("sproc", context.executable.as_deref(), LONG);
    pairs.text("fileHash", context.executable_sha256.as_deref(), 255);
    pairs.text("duser", context.user.as_deref(), LONG);
    pairs.text("dhost", context.domain.as_deref(), LONG);
    pairs.text("destinationServiceName", context.target.as_deref(), LONG);
    pairs.text("app", context.protocol.as_deref(), 31);
    string(2, "workload", context.workload.as_deref(), pairs);
    string(3, "run", context.run.as_deref(), pairs);
    string(5, "database", context.database.as_deref(), pairs);
    pairs.text("flexString1", context.owner.as_deref(), LONG);
    pairs.text("flexString1Label", context.owner.as_ref().map(|_| "owner"), LONG);
}

/// One of the six custom strings, with what it is.
fn string(place: u8, label: &str, value: Option<&str>, pairs: &mut Pairs<'_>) {
    if let Some(value) = value.filter(|value| !value.is_empty()) {
        pairs.text(&format!("cs{place}"), Some(value), CUSTOM);
        pairs.text(&format!("cs{place}Label"), Some(label), LONG);
    }
}

/// One of the three custom numbers, with what it is.
fn number(place: u8, label: &str, value: u64, pairs: &mut Pairs<'_>) {
    pairs.shown(&format!("cn{place}"), Some(words::long(value)));
    pairs.text(&format!("cn{place}Label"), Some(label), LONG);
}
