//! `weir why`: what was refused in a session, or would have been, by which policy, and what to do.

use super::session::{finish, revealed, tell};
use super::{CliError, Format};
use crate::evidence::{Seen, Walk};
use crate::replay::text;
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{Failure, Statement};
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;
use std::str::FromStr;

/// So many operations are explained; the others are counted.
const MOST: usize = 10_000;

/// What is asked about: a session, or one operation of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Subject {
    session: SessionId,
    operation: Option<u64>,
}

impl Subject {
    /// The session.
    pub(super) const fn session(self) -> SessionId {
        self.session
    }
}

impl FromStr for Subject {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let (session, operation) = match text.split_once('/') {
            Some((session, operation)) => (session, Some(operation)),
            None => (text, None),
        };
        let operation = operation
            .map(|number| number.parse().map_err(|_| format!("`{number}` is not an operation's number: write s-01jd5k2v8q3xm/4")))
            .transpose()?;
        Ok(Self { session: session.parse().map_err(|error: gateway_core::model::ids::IdError| error.to_string())?, operation })
    }
}

/// What a record says of its decisions.
#[derive(Default, Serialize)]
struct Why {
    session: String,
    run: Value,
    workload: Value,
    target: Value,
    /// The decision at the door.
    connect: Value,
    /// Of a session those that were refused, or would have been; of an operation it alone.
    operations: Vec<Explained>,
    operations_not_shown: u64,
    /// Statements that no policy had anything against.
    allowed: u64,
    findings: Vec<Value>,
    /// Who ended the session, and why.
    killed: Value,
}

/// One operation and what was decided on it.
#[derive(Default, Serialize)]
struct Explained {
    operation: u64,
    text: Option<String>,
    decisions: Vec<Value>,
    error: Option<String>,
    advice: Vec<String>,
}

/// Prints why.
pub(super) fn why(state_dir: &Path, subject: Subject, format: Format, out: &mut dyn Write) -> Result<ExitCode, CliError> {
    let why = Why::read(state_dir, subject)?;
    if let Some(operation) = subject.operation.filter(|_| why.operations.is_empty() && why.findings.is_empty()) {
        return Err(CliError::new(format!(
            "session {0} has no operation {operation}: `weir session show {0}` lists them",
            subject.session
        )));
    }
    let printed = match format {
        Format::Json => tell(&why, out),
        Format::Text => why.print(out),
    };
    finish(printed, ExitCode::SUCCESS)
}

impl Why {
    fn read(state_dir: &Path, subject: Subject) -> Result<Self, CliError> {
        let mut why = Self { session: subject.session.to_string(), ..Self::default() };
        let mut operations = BTreeMap::<u64, Explained>::new();
        let mut walk = Walk::open(state_dir, subject.session).map_err(CliError::new)?;
        let wanted = |kind| !matches!(kind, FrameKind::Rows | FrameKind::Parameters | FrameKind::Completed);
        // A record that is damaged further on still says what it says up to there.
        while let Ok(Some(seen)) = walk.next(wanted) {
            why.add(&seen, subject, &mut operations);
        }
        let denied = |explained: &Explained| explained.decisions.iter().any(is_denial);
        for mut explained in operations.into_values() {
            let asked = subject.operation.is_some();
            if !asked && !denied(&explained) {
                why.allowed += u64::from(!explained.decisions.is_empty());
            } else {
                explained.advice = explained.decisions.iter().filter_map(advice).collect();
                explained.advice.dedup();
                why.operations.push(explained);
            }
        }
        Ok(why)
    }

    fn add(&mut self, seen: &Seen<'_>, subject: Subject, operations: &mut BTreeMap<u64, Explained>) {
        let json = || serde_json::from_slice::<Value>(seen.body).unwrap_or_default();
        let at = |value: &Value, place: &str| value.pointer(place).cloned().unwrap_or_default();
        match seen.kind {
            FrameKind::Opened => {
                let opened = json();
                self.run = at(&opened, "/run");
                self.workload = at(&opened, "/principal/workload");
                self.target = at(&opened, "/target/name");
                self.connect = at(&opened, "/decision");
                self.connect.as_object_mut().and_then(|decision| decision.remove("facts"));
            }
            FrameKind::Decision => {
                let mut decision = json();
                // For machines that decide again, and no explanation.
                decision.as_object_mut().and_then(|decision| decision.remove("facts"));
                let operation = decision.get("operation").and_then(Value::as_u64);
                if let Some(explained) = operation
                    .and_then(|operation| self.of(operation, subject, operations))
                    .filter(|explained| explained.decisions.len() < MOST)
                {
                    explained.decisions.push(decision);
                }
            }
            FrameKind::Statement => {
                if let Some(statement) = Statement::parse(seen.body)
                    && let Some(explained) = self.of(statement.operation, subject, operations)
                {
                    explained.text = Some(text::lines(statement.text));
                }
            }
            FrameKind::Failed => {
                if let Some(failure) = Failure::parse(seen.body).filter(|failure| failure.operation > 0)
                    && let Some(explained) = self.of(failure.operation, subject, operations)
                {
                    explained.error = Some(format!("{}: {}", text::line(failure.code), text::line(failure.message)));
                }
            }
            FrameKind::Note => {
                let note = json();
                let one = subject.operation.is_none_or(|one| note.get("operation").and_then(Value::as_u64) == Some(one));
                if one && note.get("what").is_some_and(|what| what == "finding") && self.findings.len() < MOST {
                    self.findings.push(note);
                }
            }
            FrameKind::Ended => self.killed = at(&json(), "/kill/order"),
            FrameKind::Parameters | FrameKind::Rows | FrameKind::Completed | FrameKind::Digest => {}
        }
    }

    /// What is known of an operation, if it is one that was asked about.
    fn of<'o>(&mut self, operation: u64, subject: Subject, known: &'o mut BTreeMap<u64, Explained>) -> Option<&'o mut Explained> {
        if subject.operation.is_some_and(|one| one != operation) {
            return None;
        }
        if known.len() >= MOST && !known.contains_key(&operation) {
            self.operations_not_shown += 1;
            return None;
        }
        Some(known.entry(operation).or_insert_with(|| Explained { operation, ..Explained::default() }))
    }

    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let of = |value: &Value| plain(value);
        writeln!(out, "session {}, run {}: {} on {}", self.session, of(&self.run), of(&self.workload), of(&self.target))?;
        writeln!(out, "connect     {} ({})", field(&self.connect, "outcome"), because(&self.connect))?;
        if let Some(left) = self.connect.get("owner_left") {
            if self.connect.get("reason").is_none_or(|reason| reason != "owner_left") {
                writeln!(out, "owner       {}: {}", field(left, "what"), field(left, "because"))?;
            }
            writeln!(out, "  to do     {}", field(left, "advice"))?;
        }
        for explained in &self.operations {
            explained.print(out)?;
        }
        for finding in &self.findings {
            writeln!(out, "finding     {}", plain(finding))?;
        }
        if !self.killed.is_null() {
            writeln!(out, "killed      by {}: {}", field(&self.killed, "by"), field(&self.killed, "reason"))?;
        }
        if self.operations_not_shown > 0 {
            writeln!(out, "and {} further frames of other operations", self.operations_not_shown)?;
        }
        if self.operations.is_empty() {
            writeln!(out, "no operation was refused; {} were allowed", self.allowed)?;
        }
        Ok(())
    }
}

impl Explained {
    fn print(&self, out: &mut dyn Write) -> io::Result<()> {
        let text = self.text.as_deref().unwrap_or("(its text is not in the record)");
        writeln!(out, "#{:<10} {}", self.operation, text.trim_end().replace('\n', "\n            "))?;
        for decision in &self.decisions {
            let part = decision.get("part").and_then(Value::as_u64).unwrap_or_default() + 1;
            writeln!(out, "  {:<10}statement {part}, {}: {}", outcome(decision), field(decision, "command"), because(decision))?;
            let touched = decision.get("accesses").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
            if !touched.is_empty() {
                writeln!(out, "            touches {}", touched.iter().map(plain).collect::<Vec<_>>().join(", "))?;
            }
            let revealed = revealed(decision);
            if !revealed.is_empty() {
                writeln!(out, "            {}", revealed.trim_start_matches("; "))?;
            }
            for (name, words) in [("message", "says"), ("unparsed", "not understood:")] {
                if decision.get(name).is_some() {
                    writeln!(out, "            {words} {}", field(decision, name))?;
                }
            }
            writeln!(out, "            {} mode, policy set {}", field(decision, "mode"), field(decision, "set_hash"))?;
        }
        if let Some(error) = &self.error {
            writeln!(out, "  failed    {error}")?;
        }
        for advice in &self.advice {
            writeln!(out, "  to do     {advice}")?;
        }
        Ok(())
    }
}

fn is_denial(decision: &Value) -> bool {
    decision.get("outcome").is_some_and(|outcome| outcome == "deny")
}

fn outcome(decision: &Value) -> &'static str {
    match (is_denial(decision), decision.get("would_refuse").and_then(Value::as_bool)) {
        (false, _) => "allowed",
        (true, Some(true)) => "would be refused",
        (true, _) => "refused",
    }
}

/// The policies that decided, or that there was none.
fn because(decision: &Value) -> String {
    let refused_by_that = decision.get("reason").is_some_and(|reason| reason == "owner_left");
    if let Some(left) = decision.get("owner_left").filter(|_| refused_by_that) {
        return format!("{}: {}", field(left, "what"), field(left, "because"));
    }
    let list = |name: &str| decision.get(name).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let joined = |values: &[Value]| values.iter().map(plain).collect::<Vec<_>>().join(", ");
    match (list("policies"), list("errors")) {
        ([], []) if is_denial(decision) => "no policy permits it".to_owned(),
        ([], []) => "it touches nothing".to_owned(),
        (policies, []) => format!("policy {}", joined(policies)),
        (_, errors) => format!("a policy could not be evaluated: {}", joined(errors)),
    }
}

/// What someone can do about a denial.
fn advice(decision: &Value) -> Option<String> {
    if !is_denial(decision) {
        return None;
    }
    let list = |name: &str| decision.get(name).and_then(Value::as_array).is_some_and(|values| !values.is_empty());
    let through =
        if outcome(decision) == "refused" { "" } else { "it went through, since the mode is observe; before enforcing: " };
    let what = if list("errors") {
        "mend the policy that could not be evaluated: until then it denies".to_owned()
    } else if decision.get("unparsed").is_some() {
        "write the statement so that it is understood, or have a permit that names context.parsed".to_owned()
    } else if list("policies") {
        "change the statement, or have the owner of the policy make an exception".to_owned()
    } else {
        format!("a permit is missing for: {}", decision.get("accesses").map(plain).unwrap_or_default())
    };
    Some(format!("{through}{what}"))
}

fn field(value: &Value, name: &str) -> String {
    value.get(name).map(plain).unwrap_or_default()
}

/// A value of the record, made safe to print.
fn plain(value: &Value) -> String {
    let text = match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        other => other.to_string(),
    };
    text::line(text.as_bytes())
}

#[cfg(test)]
mod tests;
