//! What is shown of a gateway: its live sessions, who asks, how it is, and what has just been done.

use super::{Actor, Scoped, ShownToken, Via};
use crate::ledger::Lease;
use crate::session::canary::CanaryState;
use crate::session::context::Shared;
use crate::session::live;
use gateway_core::control::block::Block;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::sync::atomic::{AtomicU64, Ordering};

/// A policy set was put in force.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Reloaded {
    /// The hash of the set now in force.
    pub policy: String,
}

/// A grant, or a request for one.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct GrantShown {
    /// It.
    #[serde(flatten)]
    pub grant: Box<Lease>,
    /// Whether any policy in force takes grants into account: where none does, it gives nothing.
    pub heeded: bool,
}

/// A block, and what it cut.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct BlockAdded {
    /// The block; none where it was only asked what one would cut.
    pub block: Option<Block>,
    /// The sessions that it cut, or would.
    pub cut: Vec<LiveSession>,
}

/// A token, this once.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct TokenMade {
    /// The token itself, shown this once.
    pub token: String,
    /// What is kept of it.
    #[serde(flatten)]
    pub shown: Box<ShownToken>,
}

/// A live session as others see it.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
pub struct LiveSession {
    /// The session.
    pub session: SessionId,
    /// Its run.
    pub run: RunId,
    /// The workload's SPIFFE id.
    pub workload: String,
    /// The configured workload's name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How well it is known.
    pub grade: String,
    /// What it is connected to, by name.
    pub target: String,
    /// The environment of that.
    pub environment: Option<String>,
    /// What it speaks.
    pub protocol: String,
    /// The address that it dialled.
    pub original: String,
    /// The user that it asked for at the target.
    pub user: Option<String>,
    /// The database that it asked for.
    pub database: Option<String>,
    /// The process id of its backend at the server, once that has said it.
    #[serde(default)]
    pub backend: Option<u32>,
    /// Since when.
    pub opened: Timestamp,
    /// What it does now.
    #[serde(flatten)]
    pub now: Now,
}

/// What a live session does.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Now {
    /// `running`, `idle`, or `held` where something of it waits for people.
    pub state: Activity,
    /// Its last statement as the record has it, cut at 512 bytes.
    pub statement: Option<String>,
    /// When that was sent.
    pub statement_at: Option<Timestamp>,
    /// Statements completed.
    pub statements: u64,
    /// Rows sent to the job.
    pub rows: u64,
    /// Bytes from both sides.
    pub bytes: u64,
    /// Statements refused.
    pub refused: u64,
}

/// Whether a session is at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Activity {
    /// Nothing runs.
    Idle,
    /// Its server works.
    Running,
    /// Something of it waits for people.
    Held,
}

/// Who asks, as they are known here.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct Me {
    pub name: String,
    /// `web`, `token`, `socket`, `job` or `host`.
    pub via: &'static str,
    pub groups: Vec<String>,
    pub roles: Vec<Scoped>,
    /// Root of this host may everything.
    pub local_root: bool,
}

impl From<&Actor> for Me {
    fn from(actor: &Actor) -> Self {
        let via = match actor.via {
            Via::Socket(_) => "socket",
            Via::Job(..) => "job",
            Via::Host => "host",
            Via::Web => "web",
            Via::Token(_) => "token",
        };
        let groups = actor.person.groups.iter().cloned().collect();
        Self { name: actor.name().to_owned(), via, groups, roles: actor.roles.clone(), local_root: actor.person.local_root }
    }
}

/// The gateway's own state.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct Health {
    pub version: String,
    pub pid: u32,
    pub sessions: usize,
    pub policy: String,
    pub mode: String,
    pub refusals: Vec<(String, u64)>,
    pub canary: CanaryHealth,
}

/// Whether the hook was seen to intercept.
#[derive(Clone, Debug, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum CanaryHealth {
    /// None was sent.
    Off,
    /// The last one came out at the gateway.
    Well {
        /// How long it took, in microseconds.
        microseconds: u64,
    },
    /// The last one did not.
    Failed {
        /// What was seen instead.
        why: String,
    },
}

impl Health {
    /// Whether jobs can rely on this gateway.
    #[must_use]
    pub const fn is_well(&self) -> bool {
        !matches!(self.canary, CanaryHealth::Failed { .. })
    }
}

/// A live session, for whoever may see it.
pub(super) fn describe(session: &live::Session) -> LiveSession {
    let (account, target) = (session.account(), &session.place().target);
    LiveSession {
        session: session.id,
        run: session.run,
        workload: session.principal.workload.to_string(),
        name: session.principal.name.clone(),
        owner: session.principal.owner.clone(),
        grade: session.principal.grade.to_string(),
        target: target.name.clone(),
        environment: target.environment.clone(),
        protocol: target.protocol.to_string(),
        original: session.address.to_string(),
        user: account.map(|account| account.user.clone()),
        database: account.map(|account| account.database.clone()),
        backend: session.keys.get().map(|keys| keys.pid),
        opened: session.opened,
        now: now_of(session),
    }
}

fn now_of(session: &live::Session) -> Now {
    let current = session.current();
    let state = match &current {
        _ if session.waits() => Activity::Held,
        Some(current) if current.runs => Activity::Running,
        _ => Activity::Idle,
    };
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    Now {
        state,
        statement_at: current.as_ref().map(|current| current.since),
        statement: current.map(|current| current.text),
        statements: count(&session.counts.statements),
        rows: count(&session.counts.rows),
        bytes: count(&session.counts.bytes),
        refused: count(&session.counts.refused),
    }
}

/// How the gateway is.
pub(super) fn health(shared: &Shared) -> Health {
    Health {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        sessions: shared.live.count(),
        policy: shared.policy.load().hash().to_owned(),
        mode: shared.config.policy.mode.to_string(),
        refusals: shared.capture.refusals().into_iter().map(|(why, count)| (why.to_owned(), count)).collect(),
        canary: match shared.canary.state() {
            CanaryState::Off => CanaryHealth::Off,
            CanaryState::Well { microseconds } => CanaryHealth::Well { microseconds },
            CanaryState::Failed { why } => CanaryHealth::Failed { why },
        },
    }
}
