//! The report for machines: one object, written as it is read.

use super::AuditingError;
use super::criteria::{CRITERIA, Criterion};
use super::gather::Gathered;
use super::happened;
use crate::replay::text;
use serde::Serialize;
use serde_json::{Value, json};
use std::io::{self, Write};

pub(super) fn write(gathered: &mut Gathered, out: &mut dyn Write) -> Result<(), AuditingError> {
    let head = json!({
        "made": happened::time(gathered.at.0),
        "since": gathered.range.since.map(|time| happened::time(time.0)),
        "until": gathered.range.until.map(|time| happened::time(time.0)),
        "target": gathered.range.target,
        "workload": gathered.range.workload,
        "weir_version": env!("CARGO_PKG_VERSION"),
        "totals": gathered.totals,
        "problems": gathered.problems,
        "criteria": CRITERIA.iter().map(criterion).collect::<Vec<_>>(),
        "policy_sets": gathered.policies.iter().map(|(hash, since)| json!({ "hash": hash, "since": happened::time(since.0) })).collect::<Vec<_>>(),
        "workloads": pairs(gathered),
        "sessions_beyond": gathered.beyond,
    });
    let Value::Object(head) = head else { return Ok(()) };
    writeln!(out, "{{")?;
    for (name, value) in &head {
        writeln!(out, "{}: {},", json!(name), line(value)?)?;
    }
    writeln!(out, "\"sessions\": [")?;
    let mut first = true;
    gathered.each_session(|access| {
        let of: Vec<_> = CRITERIA.iter().filter(|one| one.sessions.includes(&access)).map(|one| one.id).collect();
        let mut value = serde_json::to_value(&access).map_err(io::Error::from)?;
        if let Some(fields) = value.as_object_mut() {
            fields.insert("began".to_owned(), happened::time(access.began).into());
            fields.insert("last".to_owned(), happened::time(access.last).into());
            fields.insert("criteria".to_owned(), json!(of));
        }
        Ok(item(&value, &mut first, out)?)
    })?;
    writeln!(out, "],\n\"events\": [")?;
    first = true;
    gathered.each_event(|event| {
        let criterion = Criterion::of(event.kind).map(|criterion| criterion.id);
        let value = json!({
            "number": event.number, "time": happened::time(event.at.0), "kind": event.kind, "by": event.by,
            "subject": event.subject, "details": event.details, "criterion": criterion, "genuine": event.is_genuine(),
        });
        Ok(item(&value, &mut first, out)?)
    })?;
    Ok(writeln!(out, "]\n}}")?)
}

fn criterion(criterion: &Criterion) -> Value {
    let kinds: Vec<_> = criterion.kinds.iter().map(|kind| kind.name()).collect();
    json!({ "id": criterion.id, "title": criterion.title, "gives": criterion.gives, "not_claimed": criterion.not_claimed, "events": kinds })
}

fn pairs(gathered: &Gathered) -> Vec<Value> {
    let one = |((workload, target), pair): (&(String, String), &super::gather::Pair)| {
        let mut value = json!({ "workload": workload, "target": target });
        if let (Some(fields), Ok(Value::Object(more))) = (value.as_object_mut(), serde_json::to_value(pair)) {
            fields.extend(more);
        }
        value
    };
    gathered.pairs.iter().map(one).collect()
}

fn item(value: &impl Serialize, first: &mut bool, out: &mut dyn Write) -> io::Result<()> {
    let before = if std::mem::take(first) { "" } else { ",\n" };
    write!(out, "{before}{}", line(value)?)
}

fn line(value: &impl Serialize) -> io::Result<String> {
    Ok(text::json(&serde_json::to_string(value)?))
}
