//! Detection: findings from the same events that leave the host, by rules that are data.
//!
//! Nothing here acts: a [`Told`] says what its rule wants done. What was seen of a workload is [`State`], which is kept
//! across restarts; `now` is always an argument, so that the same events give the same findings.

mod baseline;
mod cases;
mod engine;
mod facts;
mod groups;
mod rule;
mod runs;
mod state;
#[cfg(test)]
mod tests;

pub use cases::{Case, Outcome, cases, run};
pub use engine::Engine;
pub use groups::{SNOOZES, Snooze};
pub use rule::{Kind, Of, Rule, RuleProblem, Rules, Then, When, duration, fits};
pub use state::State;

use crate::event::Severity;
use crate::model::ids::SessionId;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

/// How the names of what rules find begin, as findings of a record: the engine does not hear itself.
pub const PREFIX: &str = "rule.";

/// What a rule has found.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Told {
    /// Names it: told again with another count, it has the same.
    pub id: String,
    /// The rule.
    pub rule: String,
    /// The workload, where it is about one: its name, or else its SPIFFE id.
    pub workload: String,
    /// Its SPIFFE id.
    #[serde(default)]
    pub identity: Option<String>,
    /// What about it: a table, a target, a measure.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What is to be done about it.
    pub then: Then,
    /// When it was seen first.
    pub at: Timestamp,
    /// How often it was seen within the window of its group.
    pub count: u64,
    /// The event that it was seen in.
    pub event: String,
    /// The record that the event is of.
    #[serde(default)]
    pub session: Option<SessionId>,
    /// The operation in it, where the event is of one.
    #[serde(default)]
    pub operation: Option<u64>,
    /// The run that the event is of.
    pub run: Option<String>,
    /// The target that the event is of.
    #[serde(default)]
    pub target: Option<String>,
    /// Why.
    pub explain: Explain,
}

/// Why something was found.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Explain {
    /// What was seen.
    pub seen: String,
    /// What is usual, where a baseline says so.
    pub usual: String,
    /// From where on it is told.
    pub threshold: String,
}

impl Told {
    /// Its name as a finding of a record.
    #[must_use]
    pub fn name(&self) -> String {
        format!("{PREFIX}{}", self.rule)
    }

    /// What a finding of a record holds of it, beside its name.
    #[must_use]
    pub fn fields(&self) -> Value {
        let Self {
            id,
            workload,
            identity,
            subject,
            severity,
            then,
            at,
            count,
            event,
            session,
            operation,
            run,
            target,
            explain,
            ..
        } = self;
        let mut fields = json!({
            "id": id, "workload": workload, "identity": identity, "subject": subject, "then": then, "at": at, "count": count, "event": event,
            "session": session, "operation": operation, "of": run, "target": target,
            "seen": explain.seen, "usual": explain.usual, "threshold": explain.threshold, "why": self.sentence(),
        });
        if let (Some(fields), true) = (fields.as_object_mut(), *severity > Severity::Informational) {
            fields.insert("alert".to_owned(), severity.name().into());
        }
        fields
    }

    /// In a sentence.
    #[must_use]
    pub fn sentence(&self) -> String {
        let Explain { seen, usual, threshold } = &self.explain;
        let mut sentence = format!("{}: {}: {seen}", self.rule, self.workload);
        for (word, part) in [("usual", usual), ("told", threshold)] {
            if !part.is_empty() {
                sentence += &format!("; {word}: {part}");
            }
        }
        sentence
    }
}
