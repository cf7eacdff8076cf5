//! QRadar's Log Event Extended Format, version 2.0: "LEEF event components", the head and the predefined attributes.

use super::pairs::{self, Pairs, Style};
use super::words::{self, address, clean, code, sentence};
use crate::event::{Context, Decision, Event, Statement, What};

/// Pairs are set apart by tabs, so no value has one; a backslash is doubled, so that what is escaped can be told from what was there.
const STYLE: Style = Style { between: '\t', special: &['\\'], tab: "\\t" };
/// Characters of a value.
const MOST: usize = 4000;

pub(super) fn render(event: &Event, line: &mut String) {
    line.push_str("LEEF:2.0|weir|weir|");
    // A head has no way to hold a bar.
    let version = event.context.version.as_deref().unwrap_or("0").replace('|', "_");
    for field in [&*clean(&version), &*code(event)] {
        line.push_str(field);
        line.push('|');
    }
    line.push_str("x09|");
    let pairs = &mut Pairs::new(line, STYLE);
    pairs.text("devTime", time(event).as_deref(), MOST);
    pairs.text("devTimeFormat", Some("yyyy-MM-dd'T'HH:mm:ss.SSSX"), MOST);
    pairs.shown("sev", Some(pairs::severity(event)));
    pairs.text("cat", code(event).split('.').next(), MOST);
    pairs.text("uid", Some(&event.uid), MOST);
    pairs.text("host", Some(&event.host), MOST);
    pairs.text("session", Some(&event.session.to_string()), MOST);
    pairs.text("msg", Some(&sentence(event)), MOST);
    pairs.text("outcome", pairs::outcome(event), MOST);
    match &event.what {
        What::Opened { decision } => decided(decision, pairs),
        What::Statement(statement) => of_statement(statement, pairs),
        What::Ended { reason, statements, rows, errors, bytes_in, bytes_out, duration_ns, .. } => {
            pairs.text("reason", Some(reason), MOST);
            pairs.shown("srcBytes", Some(bytes_in));
            pairs.shown("dstBytes", Some(bytes_out));
            pairs.shown("statements", Some(statements));
            pairs.shown("rows", Some(rows));
            pairs.shown("errors", Some(errors));
            pairs.shown("durationMs", Some(duration_ns / 1_000_000));
        }
        What::Finding { name, alert, fields } => {
            pairs.text("finding", Some(name), MOST);
            pairs.text("alert", alert.as_deref(), MOST);
            pairs.text("details", words::rest(fields).as_deref(), MOST);
        }
        What::Control { number, by, subject, details, .. } => {
            pairs.text("usrName", Some(by), MOST);
            pairs.text("resource", Some(subject), MOST);
            pairs.shown("ledgerNumber", Some(number));
            pairs.text("details", words::rest(details).as_deref(), MOST);
        }
        What::Checkpoint { note } => pairs.text("checkpoint", Some(note), MOST),
        What::Dropped { events, sink } => {
            pairs.shown("dropped", Some(events));
            pairs.text("sink", Some(sink), MOST);
        }
    }
    if !matches!(event.what, What::Control { .. } | What::Checkpoint { .. } | What::Dropped { .. }) {
        who(&event.context, pairs);
    }
}

/// To the millisecond.
fn time(event: &Event) -> Option<String> {
    jiff::Timestamp::from_nanosecond(i128::from(event.at.0)).ok().map(|time| format!("{time:.3}"))
}

fn decided(decision: &Decision, pairs: &mut Pairs<'_>) {
    pairs.text("action", Some(if decision.would_refuse { "would deny" } else { &decision.outcome }), MOST);
    pairs.text("reason", decision.message.as_deref().or(decision.reason.as_deref()), MOST);
    pairs.text("policy", Some(&decision.policies.join(", ")), MOST);
    pairs.text("policySet", decision.set_hash.as_deref(), MOST);
    pairs.text("mode", decision.mode.as_deref(), MOST);
}

fn of_statement(statement: &Statement, pairs: &mut Pairs<'_>) {
    pairs.text("statement", statement.text.as_deref(), MOST);
    if let Some(decision) = &statement.decision {
        decided(decision, pairs);
    }
    pairs.text("accesses", Some(&statement.accesses.join(", ")), MOST);
    pairs.shown("operation", Some(statement.operation));
    pairs.shown("rows", Some(statement.rows));
    pairs.shown("maskedRows", Some(statement.masked_rows));
    pairs.text("revealed", Some(&statement.revealed.join(", ")), MOST);
    pairs.shown("dstBytes", Some(statement.bytes));
    pairs.shown("durationMs", Some(statement.duration_ns / 1_000_000));
    pairs.text("tag", statement.tag.as_deref(), MOST);
    if let Some((code, message)) = &statement.error {
        pairs.text("errorCode", Some(code), MOST);
        pairs.text("error", Some(message), MOST);
    }
}

fn who(context: &Context, pairs: &mut Pairs<'_>) {
    for (address, ip, port) in
        [(address(context.client.as_deref()), "src", "srcPort"), (address(context.address.as_deref()), "dst", "dstPort")]
    {
        pairs.shown(ip, address.map(|address| address.ip().to_canonical()));
        pairs.shown(port, address.map(|address| address.port()));
    }
    pairs.text("usrName", Some(words::who(context)), MOST);
    pairs.text("accountName", context.user.as_deref(), MOST);
    pairs.text("resource", context.target.as_deref(), MOST);
    for (name, value) in [
        ("workload", &context.workload),
        ("run", &context.run),
        ("owner", &context.owner),
        ("grade", &context.grade),
        ("person", &context.person),
        ("database", &context.database),
        ("environment", &context.environment),
        ("protocol", &context.protocol),
        ("domain", &context.domain),
        ("executable", &context.executable),
        ("executableSha256", &context.executable_sha256),
        ("script", &context.script),
        ("cgroup", &context.cgroup),
        ("container", &context.container),
    ] {
        pairs.text(name, value.as_deref(), MOST);
    }
    pairs.shown("pid", context.pid);
    pairs.shown("uid_of_process", context.uid);
}
