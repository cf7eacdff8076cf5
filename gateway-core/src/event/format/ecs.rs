//! Elastic Common Schema: fields of ECS where it has them, and all of the rest below `weir`.

use super::words::{self, Does, address, code, sentence};
use super::{ECS_VERSION, Event};
use crate::event::control::{Act, Authorize, Kept, Manage, Sign, act};
use crate::event::{Context, Decision, Outcome, Statement, What};
use serde_json::{Map, Value, json};

/// The kind of event, its categories, its types.
type Place = (&'static str, Vec<&'static str>, Vec<&'static str>);

pub(super) fn render(event: &Event, line: &mut String) {
    let mut fields = common(event);
    match &event.what {
        What::Opened { decision } => {
            decided(decision, &mut fields);
            who(&event.context, &mut fields);
        }
        What::Statement(statement) => {
            of_statement(event, statement, &mut fields);
            who(&event.context, &mut fields);
        }
        What::Ended { reason, statements, rows, errors, bytes_in, bytes_out, duration_ns, killed } => {
            who(&event.context, &mut fields);
            set(&mut fields, &["event", "duration"], duration_ns);
            set(&mut fields, &["event", "reason"], reason);
            set(&mut fields, &["source", "bytes"], words::long(*bytes_in));
            set(&mut fields, &["destination", "bytes"], words::long(*bytes_out));
            set(&mut fields, &["network", "bytes"], words::long(bytes_in.saturating_add(*bytes_out)));
            let counts = json!({ "statements": statements, "rows": rows, "errors": errors, "killed": killed });
            set(&mut fields, &["weir", "session_totals"], counts);
        }
        What::Finding { name, fields: found, .. } => {
            who(&event.context, &mut fields);
            set(&mut fields, &["rule", "name"], name);
            set(&mut fields, &["weir", "finding"], text(found));
        }
        What::Control { number, by, subject, details, .. } => {
            set(&mut fields, &["user", "name"], by);
            set(&mut fields, &["related", "user"], [by]);
            set(&mut fields, &["event", "sequence"], number);
            set(&mut fields, &["weir", "control"], json!({ "subject": subject, "details": text(details) }));
        }
        What::Checkpoint { note } => set(&mut fields, &["weir", "checkpoint"], note),
        What::Dropped { events, sink } => set(&mut fields, &["weir", "dropped"], json!({ "events": events, "sink": sink })),
    }
    line.push_str(&Value::Object(fields).to_string());
}

fn common(event: &Event) -> Map<String, Value> {
    let (kind, category, of_type) = place(&event.what);
    let mut fields = Map::new();
    set(&mut fields, &["@timestamp"], event.at);
    set(&mut fields, &["ecs", "version"], ECS_VERSION);
    set(&mut fields, &["message"], sentence(event));
    let code = code(event);
    let about = json!({
        "id": event.uid, "kind": kind, "category": category, "type": of_type, "action": code, "code": code,
        "module": "weir", "dataset": "weir.events", "provider": "weir", "severity": event.severity().number(),
        "outcome": outcome(&event.what),
    });
    set(&mut fields, &["event"], about);
    set(&mut fields, &["host"], json!({ "name": event.host, "hostname": event.host }));
    let version = event.context.version.as_ref();
    set(&mut fields, &["observer"], json!({ "vendor": "weir", "product": "weir", "type": "proxy", "hostname": event.host }));
    if let Some(version) = version {
        set(&mut fields, &["observer", "version"], version);
    }
    set(&mut fields, &["weir", "session"], event.session);
    set(&mut fields, &["weir", "severity"], event.severity());
    fields
}

/// By the categories' expected types: a statement goes through the network, which is allowed or denied; a database's is not.
fn place(what: &What) -> Place {
    match what {
        What::Opened { decision } if decision.refuses() => ("event", vec!["network"], vec!["connection", "denied"]),
        What::Opened { decision } if decision.outcome == "hold" => ("event", vec!["network"], vec!["connection", "info"]),
        What::Opened { .. } => ("event", vec!["network", "session"], vec!["connection", "start", "allowed"]),
        What::Statement(statement) => {
            let does = match words::does(statement) {
                Does::Reads | Does::Copies | Does::Other => "access",
                Does::Inserts | Does::Changes | Does::Deletes | Does::Creates | Does::Drops => "change",
            };
            match statement.outcome {
                Outcome::Done | Outcome::Cut => ("event", vec!["database", "network"], vec![does, "allowed"]),
                Outcome::Failed => ("event", vec!["database"], vec![does, "error"]),
                Outcome::Refused => ("event", vec!["database", "network"], vec![does, "denied"]),
            }
        }
        What::Ended { .. } => ("event", vec!["network", "session"], vec!["connection", "end"]),
        What::Finding { .. } => ("alert", vec!["intrusion_detection"], vec!["info"]),
        What::Control { name, .. } => by_act(act(name)),
        What::Checkpoint { .. } => ("state", vec!["configuration"], vec!["info"]),
        What::Dropped { .. } => ("pipeline_error", vec!["configuration"], vec!["info"]),
    }
}

fn by_act(act: Act) -> Place {
    let (category, of_type) = match act {
        Act::Authorize(Authorize::Given) => ("iam", "change"),
        Act::Authorize(Authorize::Ended) => ("iam", "deletion"),
        Act::Authorize(Authorize::Asked | Authorize::Approved | Authorize::Denied) => ("iam", "info"),
        Act::Manage(manage, Kept::Policy | Kept::Workload | Kept::Token) => ("configuration", changed(manage)),
        Act::Manage(_, Kept::Group) => return ("event", vec!["iam"], vec!["group", "change"]),
        Act::Operate(manage) => ("process", if manage == Manage::Delete { "end" } else { "change" }),
        Act::Authenticate(Sign::In) => ("authentication", "start"),
        Act::Authenticate(Sign::Out) => ("authentication", "end"),
        Act::Authenticate(Sign::Refused) => ("authentication", "info"),
        Act::Account(_) => return ("event", vec!["iam"], vec!["user", "change"]),
        Act::Error => ("configuration", "info"),
    };
    ("event", vec![category], vec![of_type])
}

const fn changed(manage: Manage) -> &'static str {
    match manage {
        Manage::Create => "creation",
        Manage::Delete => "deletion",
        Manage::Update | Manage::Suspend | Manage::Resume => "change",
        Manage::Read => "access",
    }
}

fn outcome(what: &What) -> &'static str {
    match what {
        What::Opened { decision } if decision.refuses() => "failure",
        What::Opened { decision } if decision.outcome == "hold" => "unknown",
        What::Opened { .. } | What::Ended { .. } | What::Checkpoint { .. } => "success",
        What::Statement(statement) => match statement.outcome {
            Outcome::Done => "success",
            Outcome::Failed | Outcome::Refused => "failure",
            Outcome::Cut => "unknown",
        },
        What::Control { name, .. } => match act(name) {
            Act::Authorize(Authorize::Denied) | Act::Authenticate(Sign::Refused) | Act::Error => "failure",
            Act::Authorize(Authorize::Asked) => "unknown",
            Act::Authorize(_) | Act::Manage(..) | Act::Operate(_) | Act::Authenticate(_) | Act::Account(_) => "success",
        },
        What::Finding { .. } => "unknown",
        What::Dropped { .. } => "failure",
    }
}

fn of_statement(event: &Event, statement: &Statement, fields: &mut Map<String, Value>) {
    set(fields, &["event", "duration"], statement.duration_ns);
    set(fields, &["event", "end"], event.at);
    if let Some((code, message)) = &statement.error {
        set(fields, &["error"], json!({ "code": code, "message": message }));
    }
    set(fields, &["destination", "bytes"], words::long(statement.bytes));
    let own = json!({
        "operation": statement.operation, "part": statement.part, "outcome": statement.outcome.name(), "text": statement.text,
        "text_cut": statement.text_cut, "command": statement.command, "accesses": statement.accesses,
        "tables": statement.tables(), "rows": words::long(statement.rows), "masked_rows": statement.masked_rows, "tag": statement.tag,
        "revealed": statement.revealed,
    });
    set(fields, &["weir", "statement"], own);
    if let Some(decision) = &statement.decision {
        decided(decision, fields);
    }
}

fn decided(decision: &Decision, fields: &mut Map<String, Value>) {
    if !decision.policies.is_empty() {
        set(fields, &["rule", "name"], decision.policies.join(", "));
        set(fields, &["rule", "category"], &decision.outcome);
    }
    for (field, value) in [("ruleset", &decision.set_hash), ("description", &decision.message)] {
        if let Some(value) = value {
            set(fields, &["rule", field], value);
        }
    }
    if let Some(reason) = decision.message.as_ref().or(decision.reason.as_ref()) {
        set(fields, &["event", "reason"], reason);
    }
    set(fields, &["weir", "decision"], decision);
}

fn who(context: &Context, fields: &mut Map<String, Value>) {
    let mut ips = Vec::new();
    for (side, text) in [("source", &context.client), ("destination", &context.address)] {
        let Some(text) = text else { continue };
        set(fields, &[side, "address"], text);
        if let Some(address) = address(Some(text)) {
            let ip = address.ip().to_canonical().to_string();
            set(fields, &[side, "ip"], &ip);
            set(fields, &[side, "port"], address.port());
            ips.push(ip);
        }
    }
    put(fields, &["destination", "domain"], context.domain.as_ref());
    put(fields, &["destination", "user", "name"], context.user.as_ref());
    put(fields, &["user", "name"], context.name.as_ref().or(context.workload.as_ref()));
    put(fields, &["user", "id"], context.workload.as_ref());
    put(fields, &["process", "pid"], context.pid);
    put(fields, &["process", "user", "id"], context.uid.map(|uid| uid.to_string()));
    put(fields, &["process", "user", "name"], context.user_name.as_ref());
    put(fields, &["process", "executable"], context.executable.as_ref());
    put(fields, &["process", "name"], context.executable.as_deref().map(words::file_name));
    put(fields, &["process", "hash", "sha256"], context.executable_sha256.as_ref());
    put(fields, &["container", "id"], context.container.as_ref());
    if let Some(protocol) = &context.protocol {
        set(fields, &["network"], json!({ "transport": "tcp", "protocol": protocol }));
    }
    let users: Vec<_> = [&context.name, &context.owner, &context.person, &context.user].into_iter().flatten().collect();
    put(fields, &["related", "user"], (!users.is_empty()).then_some(users));
    put(fields, &["related", "ip"], (!ips.is_empty()).then_some(ips));
    put(fields, &["related", "hash"], context.executable_sha256.as_ref().map(|hash| [hash]));
    let own = json!({
        "run": context.run, "workload": context.workload, "name": context.name, "owner": context.owner, "grade": context.grade,
        "attested": context.attested, "person": context.person, "login": context.login, "target": context.target,
        "environment": context.environment, "database": context.database, "application": context.application,
        "cgroup": context.cgroup, "unit": context.unit, "script": context.script, "script_sha256": context.script_sha256,
    });
    let known = own.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    for (name, value) in known {
        set(fields, &["weir", name], value);
    }
}

/// An object whose fields are not known beforehand: a receiver's index would get a field for each.
fn text(value: &Value) -> Option<String> {
    words::rest(value)
}

fn put(fields: &mut Map<String, Value>, path: &[&str], value: Option<impl serde::Serialize>) {
    if let Some(value) = value {
        set(fields, path, value);
    }
}

fn set(fields: &mut Map<String, Value>, path: &[&str], value: impl serde::Serialize) {
    let Some((name, below)) = path.split_first() else { return };
    if below.is_empty() {
        // What is made of texts and numbers can be a value.
        fields.insert((*name).to_owned(), serde_json::to_value(value).unwrap_or_default());
    } else if let Value::Object(inner) = fields.entry(*name).or_insert_with(|| Value::Object(Map::new())) {
        set(inner, below, value);
    }
}
