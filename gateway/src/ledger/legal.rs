//! Legal holds: records that nobody removes, whatever their time of keeping says, until somebody lifts the hold.

use super::entry::{Answer, Entry};
use super::{Ledger, LedgerError};
use gateway_core::model::ids::{LegalHoldId, RunId, SessionId};
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};

/// What a legal hold is on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum HeldFor {
    /// All sessions to a target.
    Target(String),
    /// One session.
    Session(SessionId),
    /// All sessions of a run.
    Run(RunId),
    /// All sessions of a workload: its SPIFFE id, or the name of its entry.
    Workload(String),
}

/// A legal hold, from its beginning on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LegalHold {
    /// Its id.
    pub id: LegalHoldId,
    /// What it is on.
    pub subject: HeldFor,
    /// Of sessions that went on at this time or later.
    pub since: Option<Timestamp>,
    /// Of sessions that had begun by this time.
    pub until: Option<Timestamp>,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub set_at: Timestamp,
    /// How it was lifted.
    pub lifted: Option<Answer>,
    /// When.
    pub lifted_at: Option<Timestamp>,
}

/// What has to be known of a record to say whether a legal hold is on it.
#[derive(Clone, Copy, Debug)]
pub struct Recorded<'a> {
    /// The session.
    pub session: SessionId,
    /// Its run.
    pub run: Option<RunId>,
    /// What it dialled.
    pub target: Option<&'a str>,
    /// The workload's SPIFFE id.
    pub workload: Option<&'a str>,
    /// The name of its entry.
    pub name: Option<&'a str>,
    /// When it began.
    pub started: Timestamp,
    /// When its last frame was made.
    pub last: Timestamp,
}

impl LegalHold {
    /// Whether it is on this record. Lifted ones are on none.
    #[must_use]
    pub fn covers(&self, record: &Recorded<'_>) -> bool {
        let named = match &self.subject {
            HeldFor::Target(target) => record.target == Some(target),
            HeldFor::Session(session) => record.session == *session,
            HeldFor::Run(run) => record.run == Some(*run),
            HeldFor::Workload(workload) => [record.workload, record.name].contains(&Some(workload.as_str())),
        };
        named
            && self.is_open()
            && self.since.is_none_or(|since| record.last >= since)
            && self.until.is_none_or(|until| record.started <= until)
    }
}

impl Entry for LegalHold {
    const TABLE: &'static str = "legal_hold";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        self.lifted_at.is_none()
    }
}

impl Ledger {
    /// The legal holds that are in force.
    ///
    /// # Errors
    /// Where they can't be read: then nothing may be removed.
    pub fn legal_holds(&self) -> Result<Vec<LegalHold>, LedgerError> {
        self.look(|look| look.open::<LegalHold>())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hold_is_on_what_it_names_and_in_its_time() {
        let (session, run) = (SessionId::from_number(7), RunId::from_number(9));
        let record = Recorded {
            session,
            run: Some(run),
            target: Some("prod-pg"),
            workload: Some("spiffe://a/unit/backup"),
            name: Some("backup"),
            started: Timestamp(100),
            last: Timestamp(200),
        };
        let hold = |subject, since: Option<u64>, until: Option<u64>| LegalHold {
            id: LegalHoldId::from_number(1),
            subject,
            since: since.map(Timestamp),
            until: until.map(Timestamp),
            reason: "a breach".to_owned(),
            by: "ana".to_owned(),
            set_at: Timestamp(1000),
            lifted: None,
            lifted_at: None,
        };
        let target = |name: &str| HeldFor::Target(name.to_owned());
        for (subject, since, until, expected) in [
            (target("prod-pg"), None, None, true),
            (target("prod"), None, None, false),
            (HeldFor::Session(session), None, None, true),
            (HeldFor::Session(SessionId::from_number(8)), None, None, false),
            (HeldFor::Run(run), None, None, true),
            (HeldFor::Run(RunId::from_number(8)), None, None, false),
            (HeldFor::Workload("backup".to_owned()), None, None, true),
            (HeldFor::Workload("spiffe://a/unit/backup".to_owned()), None, None, true),
            (HeldFor::Workload("back".to_owned()), None, None, false),
            // It went on across the beginning, and had begun by the end.
            (target("prod-pg"), Some(200), Some(100), true),
            (target("prod-pg"), Some(201), None, false),
            (target("prod-pg"), None, Some(99), false),
        ] {
            let hold = hold(subject, since, until);
            assert_eq!(hold.covers(&record), expected, "{hold:?}");
            assert!(!LegalHold { lifted_at: Some(Timestamp(2000)), ..hold }.covers(&record));
        }
        let nobody = Recorded { run: None, target: None, workload: None, name: None, ..record };
        assert!(!hold(target(""), None, None).covers(&nobody));
        let text = serde_json::to_value(hold(target("prod-pg"), None, None)).unwrap();
        assert_eq!(text["subject"], serde_json::json!({ "kind": "target", "name": "prod-pg" }));
        assert_eq!(serde_json::from_value::<LegalHold>(text).unwrap(), hold(target("prod-pg"), None, None));
    }
}
