//! How much an event matters: what its policy or its finding says, and otherwise what its kind is.

use super::{Event, Outcome, What};
use serde::{Deserialize, Serialize};

/// How much an event matters, from the least.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// For the record.
    #[default]
    Informational,
    /// Worth a look when there is time.
    Low,
    /// Worth a look today.
    Medium,
    /// Worth a look now.
    High,
}

impl Severity {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Informational, Self::Low, Self::Medium, Self::High];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Informational => "informational",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }

    /// From 0, informational, to 3, high.
    #[must_use]
    pub const fn number(self) -> u8 {
        match self {
            Self::Informational => 0,
            Self::Low => 1,
            Self::Medium => 2,
            Self::High => 3,
        }
    }

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|severity| severity.name() == name)
    }
}

impl Event {
    /// How much it matters.
    #[must_use]
    pub fn severity(&self) -> Severity {
        match &self.what {
            What::Opened { decision } if decision.refuses() => said(decision.alert.as_deref(), Severity::Low),
            What::Opened { decision } => said(decision.alert.as_deref(), Severity::Informational),
            What::Statement(statement) => {
                let alert = statement.decision.as_ref().and_then(|decision| decision.alert.as_deref());
                said(alert, of_outcome(statement.outcome))
            }
            What::Ended { killed, .. } => {
                if *killed {
                    Severity::Low
                } else {
                    Severity::Informational
                }
            }
            What::Finding { name, alert, .. } => said(alert.as_deref(), of_finding(name)),
            What::Control { name, details, .. } if name == "finding.told" => {
                said(details.get("alert").and_then(serde_json::Value::as_str), Severity::Informational)
            }
            What::Control { name, .. } => of_control(name),
            What::Checkpoint { .. } => Severity::Informational,
            What::Dropped { .. } => Severity::High,
        }
    }
}

fn said(alert: Option<&str>, otherwise: Severity) -> Severity {
    alert.and_then(Severity::from_name).unwrap_or(otherwise)
}

const fn of_outcome(outcome: Outcome) -> Severity {
    match outcome {
        Outcome::Done | Outcome::Failed => Severity::Informational,
        Outcome::Refused | Outcome::Cut => Severity::Low,
    }
}

/// Of a finding that says nothing of it itself.
fn of_finding(name: &str) -> Severity {
    match name {
        // The server, the record or the kernel side is not what it was taken for.
        "tag_contradiction" | "canary" | "lost" | "quota" | "taken" => Severity::High,
        "violation" | "policy_error" | "left_its_job" | "hidden_by_class" | "attestation" | "recovered" | "name_refused"
        | "hello_refused" | "passed_while_down" | "events_lost" | "notify-failed" => Severity::Medium,
        _ => Severity::Low,
    }
}

/// Of a step in the ledger.
fn of_control(name: &str) -> Severity {
    match name {
        "glass.broken" => Severity::High,
        "session.killed" | "run.killed" | "run.frozen" | "block.added" | "person.refused" | "owner.left" | "notify.failed"
        | "glass.codes" => Severity::Medium,
        "hold.denied" | "hold.expired" | "grant.given" | "policy.replaced" | "token.made" | "block.lifted" | "snooze.set" => {
            Severity::Low
        }
        _ => Severity::Informational,
    }
}
