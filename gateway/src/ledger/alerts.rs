//! What detection has found and told, and what somebody does not want to hear of for a while.

use super::entry::{Answer, Entry};
use gateway_core::event::Severity;
use gateway_core::finding::{Snooze, Then};
use gateway_core::model::ids::{AlertId, SessionId, SnoozeId};
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// Something that a rule has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Alert {
    /// Its id.
    pub id: AlertId,
    /// The rule.
    pub rule: String,
    /// The workload: the name of its entry, or its SPIFFE id; empty where it is about none.
    pub workload: String,
    /// Its SPIFFE id.
    pub identity: Option<String>,
    /// What about it: a table, a target, a measure.
    pub subject: String,
    /// How much it matters.
    pub severity: Severity,
    /// What the rule wants done.
    pub then: Then,
    /// When it was seen first.
    pub at: Timestamp,
    /// When it was told.
    pub told_at: Timestamp,
    /// How often it was seen, as far as that is known.
    pub count: u64,
    /// The event in which it was seen first.
    pub event: String,
    /// The record that this is of.
    pub session: Option<SessionId>,
    /// The operation in it.
    pub operation: Option<u64>,
    /// The run.
    pub run: Option<String>,
    /// The target.
    pub target: Option<String>,
    /// What was seen.
    pub seen: String,
    /// What is usual, where that had to be learned.
    pub usual: String,
    /// From where on it is told.
    pub threshold: String,
    /// What was done about it; none where nothing was to be done, or is not done yet.
    pub done: Option<Done>,
}

/// What was done about something that a rule has found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Done {
    /// What, in words: `blocked by b-…`, `run r-… is killed`, or why it could not be.
    pub what: String,
    /// Whether it could be done.
    pub well: bool,
    /// When.
    pub at: Timestamp,
}

/// Somebody does not want to hear of something for a while.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Snoozed {
    /// Its id.
    pub id: SnoozeId,
    /// The rule, as a pattern.
    pub rule: String,
    /// The workload, as a pattern.
    pub workload: String,
    /// Why.
    pub reason: String,
    /// Who.
    pub by: String,
    /// Since when.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
    /// How it was lifted, where a person lifted it.
    pub lifted: Option<Answer>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl Snoozed {
    /// Whether its time is over, and nobody has said so.
    #[must_use]
    pub fn just_ended(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && self.until <= at
    }

    /// As the engine takes it.
    #[must_use]
    pub fn snooze(self) -> Snooze {
        let Self { rule, workload, until, by, reason, .. } = self;
        Snooze { rule, workload, until, by, reason, quiet: 0 }
    }
}

impl Entry for Alert {
    const TABLE: &'static str = "alert";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id.number()
    }

    /// It has happened.
    fn is_open(&self) -> bool {
        false
    }
}

impl Entry for Snoozed {
    const TABLE: &'static str = "snooze";
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}
