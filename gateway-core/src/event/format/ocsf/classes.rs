//! The classes of what jobs do: a connection, a statement, a finding.

use super::{Fields, begin, controlled, decided, done_about, objects, status, unmap};
use crate::event::format::words::{self, Does};
use crate::event::{Decision, Event, Outcome, Severity, Statement, What};
use serde_json::{Value, json};

/// A class of OCSF.
#[derive(Clone, Copy)]
pub(super) struct Class {
    pub(super) uid: u32,
    pub(super) name: &'static str,
}

impl Class {
    pub(super) const DATASTORE: Self = Self { uid: 6005, name: "Datastore Activity" };
    pub(super) const NETWORK: Self = Self { uid: 4001, name: "Network Activity" };
    pub(super) const FINDING: Self = Self { uid: 2004, name: "Detection Finding" };
    pub(super) const LIFECYCLE: Self = Self { uid: 6002, name: "Application Lifecycle" };
    pub(super) const ERROR: Self = Self { uid: 6008, name: "Application Error" };
    pub(super) const AUTHENTICATION: Self = Self { uid: 3002, name: "Authentication" };
    pub(super) const AUTHORIZE: Self = Self { uid: 3003, name: "Authorize Session" };
    pub(super) const ENTITY: Self = Self { uid: 3004, name: "Entity Management" };
    pub(super) const ACCOUNT: Self = Self { uid: 3001, name: "Account Change" };
    pub(super) const API: Self = Self { uid: 6003, name: "API Activity" };

    pub(super) const fn category(self) -> &'static str {
        match self.uid / 1000 {
            2 => "Findings",
            3 => "Identity & Access Management",
            4 => "Network Activity",
            _ => "Application Activity",
        }
    }
}

/// Whether it is the gateway's own record, which is about no connection.
fn is_gateways(event: &Event) -> bool {
    event.context.address.is_none() && event.context.target.as_deref() == Some("weir")
}

fn lifecycle(event: &Event, activity: &str) -> Fields {
    let mut fields = begin(event, Class::LIFECYCLE, (99, activity));
    fields.insert("app".to_owned(), objects::product(event));
    status(&mut fields, (1, "Success"), None);
    fields
}

/// Both ends, and who is at the near one.
fn ends(fields: &mut Fields, event: &Event) {
    fields.insert("actor".to_owned(), objects::actor(event));
    fields.insert("src_endpoint".to_owned(), objects::source(event));
    if let Some(destination) = objects::destination(&event.context) {
        fields.insert("dst_endpoint".to_owned(), destination);
    }
}

pub(super) fn opened(event: &Event, decision: &Decision) -> Fields {
    if is_gateways(event) {
        return lifecycle(event, "Record begun");
    }
    let activity = match (decision.refuses(), decision.outcome.as_str()) {
        (true, _) => (5, "Refuse"),
        (false, "hold") => (99, "Held"),
        (false, _) => (1, "Open"),
    };
    let mut fields = begin(event, Class::NETWORK, activity);
    ends(&mut fields, event);
    fields.insert("connection_info".to_owned(), objects::connection(event));
    let reason = decision.message.as_deref().or(decision.reason.as_deref()).unwrap_or_default();
    let came = match activity.0 {
        5 => (2, "Failure"),
        99 => (99, "Held"),
        _ => (1, "Success"),
    };
    status(&mut fields, came, Some(("", reason)));
    let (action, disposition) = done_about(Some(decision), None);
    controlled(&mut fields, action, disposition);
    decided(&mut fields, decision);
    fields
}

pub(super) fn ended(event: &Event) -> Fields {
    let What::Ended { reason, statements, rows, errors, bytes_in, bytes_out, duration_ns, killed } = &event.what else {
        return Fields::new();
    };
    if is_gateways(event) {
        return lifecycle(event, "Record ended");
    }
    let mut fields = begin(event, Class::NETWORK, (2, "Close"));
    ends(&mut fields, event);
    fields.insert("connection_info".to_owned(), objects::connection(event));
    // OCSF's `in` is what comes to the source.
    let (bytes_in, bytes_out) = (words::long(*bytes_out), words::long(*bytes_in));
    let traffic =
        json!({ "bytes_in": bytes_in, "bytes_out": bytes_out, "bytes": words::long(bytes_in.saturating_add(bytes_out)) });
    fields.insert("traffic".to_owned(), traffic);
    lasted(&mut fields, event, *duration_ns);
    status(&mut fields, (1, "Success"), Some(("", reason)));
    match killed {
        true => controlled(&mut fields, (2, "Denied"), (24, "Access Revoked")),
        false => controlled(&mut fields, (1, "Allowed"), (1, "Allowed")),
    }
    unmap(&mut fields, "session_totals", json!({ "statements": statements, "rows": rows, "errors": errors }));
    fields
}

fn lasted(fields: &mut Fields, event: &Event, duration_ns: u64) {
    let end = event.at.0 / 1_000_000;
    fields.insert("duration".to_owned(), (duration_ns / 1_000_000).into());
    fields.insert("start_time".to_owned(), (event.at.0.saturating_sub(duration_ns) / 1_000_000).into());
    fields.insert("end_time".to_owned(), end.into());
}

pub(super) fn statement(event: &Event, statement: &Statement) -> Fields {
    let activity = match words::does(statement) {
        Does::Reads => (4, "Query"),
        Does::Copies => (1, "Read"),
        Does::Inserts => (5, "Write"),
        Does::Changes => (2, "Update"),
        Does::Deletes | Does::Drops => (7, "Delete"),
        Does::Creates => (6, "Create"),
        Does::Other => (99, statement.command.as_deref().unwrap_or("Other")),
    };
    let mut fields = begin(event, Class::DATASTORE, activity);
    ends(&mut fields, event);
    fields.insert("database".to_owned(), objects::database(&event.context));
    fields.insert("type_id".to_owned(), 1.into());
    fields.insert("type".to_owned(), "Database".into());
    if let [table] = statement.tables().as_slice() {
        fields.insert("table".to_owned(), json!({ "name": table }));
    }
    if let Some(text) = &statement.text {
        let uid = format!("{}/{}", event.session, statement.operation);
        let info = json!({ "query_string": text, "uid": uid, "bytes": words::long(statement.bytes) });
        fields.insert("query_info".to_owned(), info);
    }
    lasted(&mut fields, event, statement.duration_ns);
    let error = statement.error.as_ref().map(|(code, message)| (code.as_str(), message.as_str()));
    match statement.outcome {
        Outcome::Done => status(&mut fields, (1, "Success"), error),
        Outcome::Failed | Outcome::Refused => status(&mut fields, (2, "Failure"), error),
        Outcome::Cut => status(&mut fields, (0, "Unknown"), error),
    }
    let (action, disposition) = done_about(statement.decision.as_ref(), Some(statement));
    controlled(&mut fields, action, disposition);
    if let Some(decision) = &statement.decision {
        decided(&mut fields, decision);
    }
    let own = json!({
        "operation": statement.operation, "part": statement.part, "outcome": statement.outcome.name(),
        "command": statement.command, "accesses": statement.accesses, "rows": statement.rows, "masked_rows": statement.masked_rows,
        "tag": statement.tag, "revealed": statement.revealed, "text_cut": statement.text_cut,
    });
    unmap(&mut fields, "statement", own);
    fields
}

pub(super) fn finding(event: &Event, name: &str, alert: Option<&str>, found: &Value) -> Fields {
    let mut fields = begin(event, Class::FINDING, (1, "Create"));
    let title = name.replace(['_', '-'], " ");
    let info = json!({
        "uid": event.uid, "title": title, "types": [name], "desc": words::sentence(event), "data_sources": ["weir"],
        "created_time": event.at.0 / 1_000_000, "product": objects::product(event),
        "analytic": { "name": name, "uid": name, "type_id": 1, "type": "Rule" },
    });
    fields.insert("finding_info".to_owned(), info);
    fields.insert("is_alert".to_owned(), (event.severity() >= Severity::Medium).into());
    let mut evidence = Fields::new();
    evidence.insert("actor".to_owned(), objects::actor(event));
    evidence.insert("src_endpoint".to_owned(), objects::source(event));
    if let Some(destination) = objects::destination(&event.context) {
        evidence.insert("dst_endpoint".to_owned(), destination);
    }
    if let Some(text) = words::rest(found) {
        // Its fields are not known beforehand: as text, they need no column each.
        evidence.insert("data".to_owned(), text.into());
    }
    fields.insert("evidences".to_owned(), Value::Array(vec![Value::Object(evidence)]));
    if let Some(target) = &event.context.target {
        fields.insert("resources".to_owned(), json!([{ "name": target, "type": "target" }]));
    }
    status(&mut fields, (1, "New"), None);
    match found.get("would_refuse").and_then(Value::as_bool) {
        Some(false) => controlled(&mut fields, (2, "Denied"), (2, "Blocked")),
        Some(true) => controlled(&mut fields, (3, "Observed"), (17, "Logged")),
        None => controlled(&mut fields, (3, "Observed"), (15, "Detected")),
    }
    if let Some(alert) = alert {
        unmap(&mut fields, "alert", alert);
    }
    fields
}
