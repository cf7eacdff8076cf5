//! What the ledger keeps, from its beginning to its end.

use super::alerts::Snoozed;
use super::event::Kind;
use super::{Change, Ledger, LedgerError};
use crate::capture::process::start_ticks;
use gateway_core::control::block::Block;
use gateway_core::control::grant::{Grant, Wish};
use gateway_core::control::hold::{Terms, Vote};
use gateway_core::model::ids::{GlassId, GrantId, HoldId, RunId, SessionId};
use gateway_core::model::time::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::fmt;
use std::str::FromStr;

/// A kind of entry, in a table of its own.
pub trait Entry: Serialize + DeserializeOwned {
    /// The table.
    const TABLE: &'static str;
    /// Whether a change of one may change what is in force.
    const IN_FORCE: bool;

    /// Its id.
    fn number(&self) -> u64;

    /// Whether it is not over.
    fn is_open(&self) -> bool;

    /// The hold that this is, where it is one and over.
    fn as_ended_hold(&self) -> Option<&Hold> {
        None
    }
}

/// A gateway's process, as others can tell whether it still runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Holder {
    /// Its process id.
    pub pid: u32,
    /// When it started, in ticks since boot.
    pub ticks: u64,
}

impl Holder {
    /// This process.
    #[must_use]
    pub fn own() -> Self {
        let pid = std::process::id();
        Self { pid, ticks: start_ticks(pid).unwrap_or_default() }
    }

    /// Nobody.
    #[must_use]
    pub const fn nobody() -> Self {
        Self { pid: 0, ticks: 0 }
    }

    /// Whether it still runs.
    #[must_use]
    pub fn lives(self) -> bool {
        self.pid != 0 && start_ticks(self.pid) == Some(self.ticks)
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.pid, self.ticks)
    }
}

impl FromStr for Holder {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (pid, ticks) = text.split_once('@').unwrap_or((text, ""));
        Ok(Self { pid: pid.parse()?, ticks: ticks.parse()? })
    }
}

/// Where a hold is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum HoldState {
    /// It waits.
    Waiting,
    /// It has all approvals.
    Approved,
    /// A person denied it.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// Its client has gone, or cancelled it.
    Withdrawn,
    /// Its gateway has gone.
    Abandoned,
}

/// An operation, or a connection, that waits for people, or has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Hold {
    /// Its id.
    pub id: HoldId,
    /// Where it is.
    pub state: HoldState,
    /// What is asked for, by whom.
    pub asked: Asked,
    /// What the policies want.
    pub terms: Vec<Terms>,
    /// The people whose own it is: they don't count.
    pub involved: Vec<String>,
    /// The approvals so far.
    pub votes: Vec<Vote>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// How long it waits.
    pub until: Timestamp,
    /// How it ended, where a person ended it.
    pub answer: Option<Answer>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
    /// The gateway that it waits at.
    pub holder: Holder,
}

/// What waits, as its approvers see it: without values of classes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct Asked {
    pub session: Option<SessionId>,
    pub run: Option<RunId>,
    pub workload: String,
    pub name: Option<String>,
    pub grade: String,
    pub owner: Option<String>,
    /// Where its pipeline can be looked at.
    pub link: Option<String>,
    pub user: Option<String>,
    pub target: String,
    pub environment: Option<String>,
    pub database: String,
    pub login: String,
    /// `connect`, `query`, `bind`, `execute` or `function`.
    pub kind: String,
    pub statement: String,
    /// Whether that is cut.
    #[serde(default)]
    pub cut: bool,
    pub parameters: Vec<Parameter>,
    pub accesses: Vec<String>,
    pub policies: Vec<String>,
    pub message: Option<String>,
    /// SHA-256 of the exact bytes and parameters, in hex.
    pub digest: String,
    pub in_transaction: bool,
    /// Since when the transaction is open at the server, in seconds, and how many locks it has there.
    pub transaction_seconds: Option<u64>,
    pub locks: Option<u64>,
    /// Rows, as the server's planner estimates.
    pub estimate: Option<u64>,
    /// Why there is no estimate, where there is none.
    pub no_estimate: Option<String>,
    pub statements_so_far: u64,
    pub rows_so_far: u64,
}

/// A parameter of what waits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Parameter {
    /// NULL.
    Null,
    /// Its text.
    Text(String),
    /// In binary: how many bytes.
    Binary(usize),
    /// It may be a value of a class.
    Hidden,
}

/// How a person ended something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Answer {
    /// Who.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Where a grant is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum LeaseState {
    /// Somebody has asked for it.
    Requested,
    /// It is in force.
    Given,
    /// A person denied it.
    Denied,
    /// Nobody answered in time.
    Expired,
    /// A person has ended it.
    Revoked,
    /// It ended by itself: its time was over, or its run was.
    Ended,
}

/// A grant, from its request on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Lease {
    /// Its id.
    pub id: GrantId,
    /// Where it is.
    pub state: LeaseState,
    /// What is asked for.
    pub wish: Wish,
    /// Who asks.
    pub by: String,
    /// Why.
    pub reason: String,
    /// How long it is wanted, in seconds.
    pub seconds: u64,
    /// Who has to approve it.
    pub terms: Vec<Terms>,
    /// The people whose own it is: they don't count.
    pub involved: Vec<String>,
    /// The approvals so far.
    pub votes: Vec<Vote>,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// When the request ends unanswered; once it is given, when it ends.
    pub until: Timestamp,
    /// How it ended, where a person ended it.
    pub answer: Option<Answer>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// A block, from its beginning on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Standing {
    /// It.
    #[serde(flatten)]
    pub block: Block,
    /// How it was lifted, where a person lifted it.
    pub lifted: Option<Answer>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// Whose policy the broken glass lifts.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Lift {
    /// What processes of these users do.
    Users(Vec<u32>),
    /// A workload's, by its SPIFFE id or the name of its entry.
    Workload(String),
    /// A run's.
    Run(RunId),
}

/// The time for which somebody has set policy aside, in an emergency.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Glass {
    /// Its id.
    pub id: GlassId,
    /// The target.
    pub target: String,
    /// Whose.
    pub lift: Lift,
    /// Why.
    pub reason: String,
    /// Who broke it.
    pub by: String,
    /// How they showed that they may: `local root` or `two codes`.
    pub with: String,
    /// When.
    pub since: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// When it has ended.
    pub ended_at: Option<Timestamp>,
    /// What somebody else found of it: owed as long as there is none.
    pub review: Option<Review>,
}

/// What somebody found who has looked at what was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Review {
    /// Who.
    pub by: String,
    /// What they found.
    pub finding: String,
    /// When.
    pub at: Timestamp,
}

/// A code with which the glass may be broken, together with another person's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Code {
    /// Its number.
    pub id: u64,
    /// Whose it is.
    pub holder: String,
    /// SHA-256 of it, in hex: it is random enough that nobody guesses it back.
    pub sha256: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it was used, or replaced.
    pub used_at: Option<Timestamp>,
}

impl Entry for Code {
    const TABLE: &'static str = "code";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id
    }

    fn is_open(&self) -> bool {
        self.used_at.is_none()
    }
}

/// How far an approval goes.
pub use gateway_core::control::hold::Scope;

impl Entry for Hold {
    const TABLE: &'static str = "hold";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        self.state == HoldState::Waiting
    }

    fn as_ended_hold(&self) -> Option<&Hold> {
        (!self.is_open()).then_some(self)
    }
}

impl Entry for Lease {
    const TABLE: &'static str = "lease";
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        matches!(self.state, LeaseState::Requested | LeaseState::Given)
    }
}

impl Ledger {
    /// A run is over: what was granted to it alone ends with it.
    pub fn run_is_over(&self, run: RunId) {
        let any = |look: &Change<'_>| Ok(look.open::<Lease>()?.iter().any(|lease| lease.wish.run == Some(run)));
        let done = match self.look(any) {
            Ok(true) => self.change(|change| change.end_with_run(run)),
            Ok(false) => Ok(()),
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            // Nobody has that run's number again, and its time ends it.
            tracing::error!(%error, %run, "the grants of a run that is over can't be ended");
        }
    }
}

impl Lease {
    /// Whether its time is over, and nobody has said so.
    #[must_use]
    pub fn is_over(&self, at: Timestamp) -> bool {
        self.is_open() && self.until <= at
    }

    /// The grant that is in force by it.
    #[must_use]
    pub fn grant(self) -> Option<Grant> {
        let Self { id, state, wish, votes, until, .. } = self;
        (state == LeaseState::Given).then_some(Grant { id, wish, votes, until })
    }
}

impl Entry for Standing {
    const TABLE: &'static str = "block";
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.block.id.number()
    }

    fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

impl Entry for Glass {
    const TABLE: &'static str = "glass";
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.id.number()
    }

    /// Until somebody else has looked at what was done.
    fn is_open(&self) -> bool {
        self.review.is_none()
    }
}

impl Glass {
    /// Whether it is in force.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && at < self.until
    }

    /// Whether its time is over, and nobody has said so.
    #[must_use]
    pub fn just_ended(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && self.until <= at
    }
}

impl Change<'_> {
    /// A run is over: what was granted to it alone ends.
    fn end_with_run(&mut self, run: RunId) -> Result<(), LedgerError> {
        for mut lease in self.open::<Lease>()?.into_iter().filter(|lease| lease.wish.run == Some(run)) {
            (lease.state, lease.ended_at) = (LeaseState::Ended, Some(self.at));
            self.put(&lease)?;
            let details = json!({ "workload": lease.wish.workload, "target": lease.wish.target, "run": run });
            self.tell(Kind::GrantEnded, "weir", &lease.id.to_string(), &details)?;
        }
        Ok(())
    }

    /// Ends what has come to its end, and what a gateway that is gone has left waiting.
    pub(super) fn end_what_is_over(&mut self) -> Result<(), LedgerError> {
        let at = self.at;
        for mut hold in self.open::<Hold>()? {
            if hold.holder.lives() {
                continue;
            }
            (hold.state, hold.ended_at) = (HoldState::Abandoned, Some(at));
            self.put(&hold)?;
            self.tell(Kind::HoldAbandoned, "weir", &hold.id.to_string(), &json!({ "session": hold.asked.session }))?;
        }
        for mut lease in self.open::<Lease>()?.into_iter().filter(|lease| lease.is_over(at)) {
            let asked = lease.state == LeaseState::Requested;
            lease.state = if asked { LeaseState::Expired } else { LeaseState::Ended };
            lease.ended_at = Some(at);
            self.put(&lease)?;
            let details = json!({ "workload": lease.wish.workload, "target": lease.wish.target, "was_given": !asked });
            self.tell(Kind::GrantEnded, "weir", &lease.id.to_string(), &details)?;
        }
        for mut standing in self.open::<Standing>()?.into_iter().filter(|standing| !standing.block.holds(at)) {
            standing.ended_at = Some(at);
            self.put(&standing)?;
            let subject = json!({ "subject": standing.block.subject });
            self.tell(Kind::BlockEnded, "weir", &standing.block.id.to_string(), &subject)?;
        }
        for mut glass in self.open::<Glass>()?.into_iter().filter(|glass| glass.just_ended(at)) {
            glass.ended_at = Some(at);
            self.put(&glass)?;
            let details = json!({ "target": glass.target, "review": "owed" });
            self.tell(Kind::GlassEnded, "weir", &glass.id.to_string(), &details)?;
        }
        for mut snoozed in self.open::<Snoozed>()?.into_iter().filter(|snoozed| snoozed.just_ended(at)) {
            snoozed.ended_at = Some(at);
            self.put(&snoozed)?;
            let details = json!({ "rule": snoozed.rule, "workload": snoozed.workload });
            self.tell(Kind::SnoozeEnded, "weir", &snoozed.id.to_string(), &details)?;
        }
        self.end_unsealings()?;
        self.end_people()
    }
}
