//! Identity under attack: what someone may do to be taken for another job, done for real, and counted at the target.

mod borrow;
mod ground;
mod kernel;
mod names;
mod tokens;

pub use ground::{AUDIENCE, Folder, Ground};

use crate::issuer::Issuer;
use serde::Serialize;
use serde_json::{Value, json};

/// One attempt.
pub struct Attack {
    /// What it is, unique.
    pub name: String,
    /// What kind of attempt it is.
    pub kind: &'static str,
    /// Does it; what came of it is what was seen, or why it is left out.
    pub attempt: Attempt,
}

/// How an attempt is made.
pub enum Attempt {
    /// Run against a ground of its own.
    Run(Box<dyn Fn(&Issuer) -> Seen>),
    /// Not closed, and why.
    Excluded(&'static str),
}

/// What was seen of a job.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    /// How often the target was reached.
    pub reached: usize,
    /// Who the gateway took it for, a principal a session.
    pub principals: Vec<Value>,
    /// The job's standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

/// A line of the report.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// The attack.
    pub attack: String,
    /// Its kind.
    pub kind: &'static str,
    /// `refused`, `succeeded` or `excluded`.
    pub outcome: &'static str,
    /// Who it was taken for instead, or why it is excluded.
    pub why: String,
}

impl Seen {
    /// Who the job was taken for.
    pub fn who(&self) -> String {
        let mut who: Vec<_> = self.principals.iter().map(person).collect();
        who.dedup();
        if !who.is_empty() {
            return who.join("; ");
        }
        let said = self.stderr.lines().chain(self.stdout.lines()).rfind(|line| !line.trim().is_empty());
        said.map_or_else(|| "no connection was made".to_owned(), |line| format!("no connection was made: {}", line.trim()))
    }
}

fn person(principal: &Value) -> String {
    let text = |place: &str| principal.pointer(place).and_then(Value::as_str).unwrap_or("-").to_owned();
    let known = format!("{} ({})", text("/workload"), text("/grade"));
    match principal.get("attestation_failure") {
        Some(failure) if !failure.is_null() => {
            format!("{known}, {}: {}", text("/attestation_failure/kind"), text("/attestation_failure/reason"))
        }
        _ => known,
    }
}

/// All attacks, those that are left out too.
pub fn attacks() -> Vec<Attack> {
    let mut all = tokens::attacks();
    all.extend(borrow::attacks());
    all.extend(names::attacks());
    all.extend(kernel::attacks());
    all
}

/// Makes one attempt.
pub fn run(attack: &Attack, issuer: &Issuer) -> Row {
    let (outcome, why) = match &attack.attempt {
        Attempt::Excluded(why) => ("excluded", (*why).to_owned()),
        Attempt::Run(attempt) => {
            let seen = attempt(issuer);
            (if seen.reached == 0 { "refused" } else { "succeeded" }, seen.who())
        }
    };
    Row { attack: attack.name.clone(), kind: attack.kind, outcome, why }
}

/// The counts of a report.
pub fn summary(rows: &[Row]) -> Value {
    let count = |outcome: &str| rows.iter().filter(|row| row.outcome == outcome).count();
    json!({
        "attacks": rows.len() - count("excluded"),
        "refused": count("refused"),
        "succeeded": count("succeeded"),
        "excluded": count("excluded"),
    })
}

fn attack(kind: &'static str, name: impl Into<String>, attempt: impl Fn(&Issuer) -> Seen + 'static) -> Attack {
    Attack { name: name.into(), kind, attempt: Attempt::Run(Box::new(attempt)) }
}

/// What a legitimate job gets: the attack beside it says something only if this one gets in.
#[track_caller]
fn control(seen: &Seen) {
    assert_eq!(seen.reached, 1, "the legitimate job gets in: {} / {}", seen.who(), seen.stderr);
}
