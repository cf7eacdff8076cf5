//! May this operation be? One decision over all that a statement touches.

use super::Decision;
use super::set::PolicySet;
use crate::inspect::Facts;
use crate::inspect::resolve::{Mentions, Question};
use crate::model::principal::Principal;
use crate::model::target::Target;

/// Counts of a session, a run, or a workload's last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Rows sent to the job and received from it by COPY.
    pub rows: u64,
    /// Bytes sent to the job and received from it.
    pub bytes: u64,
    /// Statements begun, this one included.
    pub statements: u64,
    /// Seconds that the server has worked, whole ones.
    pub seconds: u64,
    /// Statements that run at this moment, this one included.
    pub concurrent: u64,
}

/// The three of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Of the session.
    pub session: Running,
    /// Of the run, over all of its sessions.
    pub run: Running,
    /// Of the workload's last hour, over all of its runs on this gateway.
    pub hour: Running,
}

/// One statement, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct OperationRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Whose target.
    pub target: &'a Target,
    /// Whether the workload's owner is known and has not left.
    pub owner_active: bool,
    /// The database that the session is in.
    pub database: &'a str,
    /// The user that the session has at the server.
    pub user: &'a str,
    /// What it touches. None for a statement that touches nothing: it is allowed, unless it was not understood.
    pub questions: &'a [Question],
    /// The command, as [`crate::inspect::Statement::command`] has it.
    pub command: &'a str,
    /// What else is known of it.
    pub facts: &'a Facts,
    /// How many statements its text has.
    pub statements: usize,
    /// Whether it runs in a transaction that the client began.
    pub in_transaction: bool,
    /// What has been counted so far.
    pub totals: Totals,
    /// Whether a person has approved these very bytes.
    pub approved: bool,
}

impl PolicySet {
    /// Decides on a statement: all of its questions have to be allowed.
    #[must_use]
    pub fn decide_operation(&self, request: &OperationRequest<'_>) -> Decision {
        let _not_yet = request;
        Decision::undecided("operations are not judged yet".to_owned())
    }

    /// Whether any policy looks at running totals, so that a result has to be judged while it streams.
    #[must_use]
    pub const fn watches_totals(&self) -> bool {
        false
    }

    /// What the set names of `target`: unqualified names may mean any of it.
    #[must_use]
    pub fn mentions(&self, target: &str) -> Mentions {
        let _not_yet = target;
        Mentions::default()
    }
}
