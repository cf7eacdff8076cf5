//! Why a command was not done, by whose fault.

use crate::evidence::EvidenceError;
use crate::host::JobError;
use crate::incident::IncidentError;
use crate::ledger::LedgerError;
use crate::notify::Failure;
use crate::retention::RetentionError;
use crate::sink;
use gateway_core::control::hold::Ineligible;
use gateway_core::directory::Refused;
use gateway_core::model::ids::{RunId, SessionId};

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such session here.
    #[error("no live session {0} at this gateway: `weir session list` shows which there are")]
    NoSession(SessionId),
    /// There is no such run here.
    #[error("no job of run {0} at this gateway: `weir job list` shows which there are")]
    NoRun(RunId),
    /// There is no such thing.
    #[error("there is no {0}")]
    Missing(String),
    /// It is over.
    #[error("{id} is {state} already")]
    Over {
        /// What.
        id: String,
        /// How it ended.
        state: &'static str,
    },
    /// Who asks may not.
    #[error("{who} may not: {what} takes the role {role}")]
    Forbidden {
        /// Who.
        who: String,
        /// What was asked.
        what: &'static str,
        /// What it takes.
        role: &'static str,
    },
    /// It can't be done by the way that they came.
    #[error("{0}")]
    NotThisWay(&'static str),
    /// A job asks for what only people may.
    #[error("a job may not: ask from outside of it")]
    Job,
    /// Their answer does not count.
    #[error(transparent)]
    Ineligible(#[from] Ineligible),
    /// What is recorded can't be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The directory can't be kept so.
    #[error(transparent)]
    Directory(#[from] Refused),
    /// What was asked can't be.
    #[error("{0}")]
    Wrong(String),
    /// The kill is not over yet.
    #[error("session {0} is not over after {1} s: it goes on being killed; `weir session show {0}` will say")]
    StillDying(SessionId, u64),
    /// The new policy set is bad.
    #[error("the policy stays as it was: {0}")]
    BadPolicy(String),
    /// A gateway of one job begins no others.
    #[error("this gateway is a `weir run`'s own: jobs are begun at the daemon's socket")]
    NoJobs,
    /// The job is not to be had.
    #[error(transparent)]
    BadJob(#[from] JobError),
    /// A notifier was tried and not reached.
    #[error("{name} was not reached: {failure}")]
    NotReached {
        /// Which.
        name: String,
        /// Why.
        failure: Failure,
    },
    /// A sink was tried, and has not taken it.
    #[error("{name} did not take it: {failure}")]
    NotTaken {
        /// Which.
        name: String,
        /// Why.
        failure: sink::Failure,
    },
    /// Nothing could be written down, so nothing was done.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// What is known of an incident can't be put together.
    #[error(transparent)]
    Incident(#[from] IncidentError),
    /// Records can't be removed.
    #[error(transparent)]
    Retention(#[from] RetentionError),
    /// A fault of the gateway's own.
    #[error("the gateway failed at this by a fault of its own; its log says more")]
    Broken,
}

impl CommandError {
    /// There is nothing with this id, or whoever asks may not see it.
    pub(super) fn missing(id: impl ToString) -> Self {
        Self::Missing(id.to_string())
    }

    pub(super) fn over(id: impl ToString, state: &'static str) -> Self {
        Self::Over { id: id.to_string(), state }
    }
}
