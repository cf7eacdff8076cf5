//! What people may ask of a running gateway: one closed set of commands, handled in one place.

use crate::session::context::Shared;
use crate::session::live;
pub use crate::session::live::{KillOrder, KillOutcome};
use gateway_core::model::ids::{RunId, SessionId};
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

/// How long a kill may take before its asker is told that it is still under way.
const KILL_PATIENCE: Duration = Duration::from_secs(20);

/// A request to the gateway. The API and the command line only parse into this.
#[derive(Clone, Debug)]
pub enum Command {
    /// Which sessions are live?
    ListSessions,
    /// End this one, here and at its server.
    KillSession {
        /// Which.
        id: SessionId,
        /// Who asks and why.
        order: KillOrder,
    },
    /// Read the policy directory again; a bad set does not replace a good one.
    ReloadPolicy,
    /// How is the gateway?
    Health,
}

/// What a command gives back.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Reply {
    /// To [`Command::ListSessions`].
    Sessions(Vec<LiveSession>),
    /// To [`Command::KillSession`].
    Killed(KillOutcome),
    /// To [`Command::ReloadPolicy`].
    Reloaded {
        /// The hash of the set now in force.
        policy: String,
    },
    /// To [`Command::Health`].
    Health(Health),
}

/// A live session as others see it.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct LiveSession {
    pub session: SessionId,
    pub run: RunId,
    pub workload: String,
    pub name: Option<String>,
    pub owner: Option<String>,
    pub target: String,
    pub statements: u64,
    pub rows: u64,
}

/// The gateway's own state.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct Health {
    pub version: String,
    pub pid: u32,
    pub sessions: usize,
    pub policy: String,
    pub mode: String,
    pub refusals: Vec<(String, u64)>,
}

/// Why a command was not done.
#[derive(Debug, thiserror::Error)]
pub enum CommandError {
    /// There is no such session here.
    #[error("no live session {0} at this gateway: `weir session list` shows which there are")]
    NoSession(SessionId),
    /// The kill is not over yet.
    #[error("session {0} is not over after {1} s: it goes on being killed; `weir session show {0}` will say")]
    StillDying(SessionId, u64),
    /// The new policy set is bad.
    #[error("the policy stays as it was: {0}")]
    BadPolicy(String),
}

/// Where commands are handed in.
#[derive(Clone)]
pub struct Desk(Arc<Shared>);

impl Desk {
    /// The desk of this gateway.
    #[must_use]
    pub const fn new(shared: Arc<Shared>) -> Self {
        Self(shared)
    }

    /// Does what is asked.
    pub async fn handle(&self, command: Command) -> Result<Reply, CommandError> {
        handle(&self.0, command).await
    }
}

async fn handle(shared: &Shared, command: Command) -> Result<Reply, CommandError> {
    match command {
        Command::ListSessions => Ok(Reply::Sessions(shared.live.all().iter().map(|session| describe(session)).collect())),
        Command::KillSession { id, order } => kill(shared, id, order).await,
        Command::ReloadPolicy => shared.reload_policy().map(|policy| Reply::Reloaded { policy }).map_err(CommandError::BadPolicy),
        Command::Health => Ok(Reply::Health(health(shared))),
    }
}

async fn kill(shared: &Shared, id: SessionId, order: KillOrder) -> Result<Reply, CommandError> {
    let session = shared.live.find(id).ok_or(CommandError::NoSession(id))?;
    session.kill(order);
    if tokio::time::timeout(KILL_PATIENCE, session.ended()).await.is_err() {
        return Err(CommandError::StillDying(id, KILL_PATIENCE.as_secs()));
    }
    // A session that ended by itself just before has no outcome.
    session.outcome().cloned().map(Reply::Killed).ok_or(CommandError::NoSession(id))
}

fn describe(session: &live::Session) -> LiveSession {
    LiveSession {
        session: session.id,
        run: session.run,
        workload: session.principal.workload.to_string(),
        name: session.principal.name.clone(),
        owner: session.principal.owner.clone(),
        target: session.target.name.clone(),
        statements: session.counts.statements.load(Ordering::Relaxed),
        rows: session.counts.rows.load(Ordering::Relaxed),
    }
}

fn health(shared: &Shared) -> Health {
    Health {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        sessions: shared.live.count(),
        policy: shared.policy.load().hash().to_owned(),
        mode: shared.config.policy.mode.to_string(),
        refusals: shared.capture.refusals().into_iter().map(|(why, count)| (why.to_owned(), count)).collect(),
    }
}
