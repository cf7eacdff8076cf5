//! Requests to open the sealed layer of one session, from the asking to the release: for one person, once.

use super::entry::{Answer, Entry};
use super::event::Kind;
use super::{Change, LedgerError};
use gateway_core::control::hold::{Terms, Vote};
use gateway_core::model::ids::{SessionId, UnsealId};
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;

/// Where a request is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UnsealState {
    /// It waits for another person.
    Asked,
    /// Another person has approved it: whoever asked may open the layer, once.
    Approved,
    /// They have.
    Released,
    /// A person denied it.
    Denied,
    /// Nobody answered in time, or whoever asked did not come back in time.
    Expired,
}

/// A request to open the sealed layer of one session.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Unsealing {
    /// Its id.
    pub id: UnsealId,
    /// Where it is.
    pub state: UnsealState,
    /// The session.
    pub session: SessionId,
    /// What it dialled.
    pub target: Option<String>,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The name of its entry.
    pub name: Option<String>,
    /// Who asks: nobody else gets it.
    pub by: String,
    /// Why.
    pub reason: String,
    /// Who has to approve it.
    pub terms: Vec<Terms>,
    /// The people whose own it is: they don't count.
    pub involved: Vec<String>,
    /// The approvals.
    pub votes: Vec<Vote>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it ends unanswered; once it is approved, when that ends.
    pub until: Timestamp,
    /// How it ended, where a person denied it.
    pub answer: Option<Answer>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl UnsealState {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Asked => "asked",
            Self::Approved => "approved",
            Self::Released => "released",
            Self::Denied => "denied",
            Self::Expired => "expired",
        }
    }
}

impl Unsealing {
    /// Whether its time is over, and nobody has said so.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.is_open() && self.until <= at
    }
}

impl Entry for Unsealing {
    const TABLE: &'static str = "unsealing";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        matches!(self.state, UnsealState::Asked | UnsealState::Approved)
    }
}

impl Change<'_> {
    /// Whether any has come to its end.
    pub(super) fn any_unsealing_is_over(&self) -> Result<bool, LedgerError> {
        let at = self.at;
        Ok(self.open::<Unsealing>()?.iter().any(|one| one.is_over(at)))
    }

    /// Ends those whose time is over.
    pub(super) fn end_unsealings(&mut self) -> Result<(), LedgerError> {
        let at = self.at;
        for mut one in self.open::<Unsealing>()?.into_iter().filter(|one| one.is_over(at)) {
            let approved = one.state == UnsealState::Approved;
            (one.state, one.ended_at) = (UnsealState::Expired, Some(at));
            self.put(&one)?;
            let details = json!({ "session": one.session, "target": one.target, "by": one.by, "was_approved": approved });
            self.tell(Kind::UnsealExpired, "weir", &one.id.to_string(), &details)?;
        }
        Ok(())
    }
}
