//! Open Cybersecurity Schema Framework, 1.8.0: a class for each sort of event, with the profiles `host` and `security_control`, and
//! `container` where there is one.
//!
//! What OCSF has no attribute for stands below `unmapped`.

mod classes;
mod objects;
mod steps;

use super::words::{code, sentence};
use super::{Event, OCSF_VERSION};
use crate::event::{Decision, Outcome, Severity, Statement, What};
use classes::Class;
use serde_json::{Map, Value, json};

/// An object that is being filled.
type Fields = Map<String, Value>;

pub(super) fn render(event: &Event, line: &mut String) {
    let mut fields = match &event.what {
        What::Opened { decision } => classes::opened(event, decision),
        What::Statement(statement) => classes::statement(event, statement),
        What::Ended { .. } => classes::ended(event),
        What::Finding { name, alert, fields } => classes::finding(event, name, alert.as_deref(), fields),
        What::Control { .. } => steps::step(event),
        What::Checkpoint { note } => {
            let mut fields = begin(event, Class::LIFECYCLE, (99, "Checkpoint"));
            fields.insert("app".to_owned(), objects::product(event));
            unmap(&mut fields, "checkpoint", note);
            fields
        }
        What::Dropped { events, sink } => {
            let mut fields = begin(event, Class::ERROR, (1, "General Error"));
            unmap(&mut fields, "dropped", json!({ "events": events, "sink": sink }));
            fields
        }
    };
    unmap(&mut fields, "weir", objects::own(event));
    line.push_str(&Value::Object(fields).to_string());
}

/// What every event has.
fn begin(event: &Event, class: Class, (activity, name): (u32, &str)) -> Fields {
    let severity = match event.severity() {
        Severity::Informational => (1, "Informational"),
        Severity::Low => (2, "Low"),
        Severity::Medium => (3, "Medium"),
        Severity::High => (4, "High"),
    };
    let contained = event.context.container.as_ref().map(|_| "container");
    let profiles: Vec<_> = ["host", "security_control"].into_iter().chain(contained).collect();
    let common = json!({
        "metadata": {
            "version": OCSF_VERSION, "uid": event.uid, "product": objects::product(event), "event_code": code(event),
            "profiles": profiles, "log_name": "weir", "correlation_uid": event.context.run,
        },
        "time": event.at.0 / 1_000_000,
        "message": sentence(event),
        "severity_id": severity.0, "severity": severity.1,
        "class_uid": class.uid, "class_name": class.name,
        "category_uid": class.uid / 1000, "category_name": class.category(),
        "activity_id": activity, "activity_name": name,
        "type_uid": class.uid * 100 + activity, "type_name": format!("{}: {name}", class.name),
        "device": { "hostname": event.host, "type_id": 1, "type": "Server" },
    });
    match common {
        Value::Object(mut fields) => {
            if let Some(Value::Object(metadata)) = fields.get_mut("metadata") {
                metadata.retain(|_, value| !value.is_null());
            }
            fields
        }
        _ => Fields::new(),
    }
}

/// What became of it.
fn status(fields: &mut Fields, (id, name): (u32, &str), detail: Option<(&str, &str)>) {
    fields.insert("status_id".to_owned(), id.into());
    fields.insert("status".to_owned(), name.into());
    for (field, text) in [("status_code", detail.map(|(code, _)| code)), ("status_detail", detail.map(|(_, text)| text))] {
        if let Some(text) = text.filter(|text| !text.is_empty()) {
            fields.insert(field.to_owned(), text.into());
        }
    }
}

/// What weir did about it: profile `security_control`.
fn controlled(fields: &mut Fields, (action, name): (u32, &str), (disposition, called): (u32, &str)) {
    fields.insert("action_id".to_owned(), action.into());
    fields.insert("action".to_owned(), name.into());
    fields.insert("disposition_id".to_owned(), disposition.into());
    fields.insert("disposition".to_owned(), called.into());
}

/// The policies that decided.
fn decided(fields: &mut Fields, decision: &Decision) {
    let of = |name: &str| {
        let mut policy = json!({ "name": name, "uid": name, "is_applied": !decision.would_refuse });
        if let (Some(hash), Some(policy)) = (&decision.set_hash, policy.as_object_mut()) {
            policy.insert("version".to_owned(), hash.as_str().into());
        }
        policy
    };
    if let Some(first) = decision.policies.first() {
        let mut policy = of(first);
        if let (Some(message), Some(policy)) = (&decision.message, policy.as_object_mut()) {
            policy.insert("desc".to_owned(), message.as_str().into());
        }
        fields.insert("policy".to_owned(), policy);
        let each = decision.policies.iter().map(|name| json!({ "decision": decision.outcome, "policy": of(name) }));
        fields.insert("authorizations".to_owned(), each.collect());
    }
    unmap(fields, "decision", decision);
}

/// Action and disposition of what was decided, and then done.
fn done_about(decision: Option<&Decision>, statement: Option<&Statement>) -> ((u32, &'static str), (u32, &'static str)) {
    const ALLOWED: (u32, &str) = (1, "Allowed");
    let cut = statement.is_some_and(|statement| statement.outcome == Outcome::Cut);
    let refused = statement.is_some_and(|statement| statement.outcome == Outcome::Refused);
    let masked = statement.is_some_and(|statement| statement.masked_rows > 0);
    match decision {
        _ if cut => ((2, "Denied"), (24, "Access Revoked")),
        _ if refused => ((2, "Denied"), (2, "Blocked")),
        Some(decision) if decision.would_refuse => ((3, "Observed"), (17, "Logged")),
        Some(decision) if decision.refuses() => ((2, "Denied"), (2, "Blocked")),
        _ if masked => ((4, "Modified"), (11, "Corrected")),
        Some(decision) if decision.outcome == "hold" && statement.is_none() => ((99, "Held"), (14, "Delayed")),
        Some(decision) if decision.held => (ALLOWED, (8, "Approved")),
        Some(_) => (ALLOWED, (1, "Allowed")),
        None => ((3, "Observed"), (17, "Logged")),
    }
}

/// Puts what OCSF has no place for.
fn unmap(fields: &mut Fields, name: &str, value: impl serde::Serialize) {
    let unmapped = fields.entry("unmapped").or_insert_with(|| Value::Object(Fields::new()));
    if let Value::Object(unmapped) = unmapped {
        // What is made of texts and numbers can be a value.
        unmapped.insert(name.to_owned(), serde_json::to_value(value).unwrap_or_default());
    }
}
