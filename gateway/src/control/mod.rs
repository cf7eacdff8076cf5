//! What people may ask of a running gateway: one closed set of commands, handled in one place.

mod jobs;

pub use crate::host::{BeginJob, Peer};
use crate::host::{JobError, Jobs};
use crate::session::canary::CanaryState;
use crate::session::context::Shared;
use crate::session::live;
pub use crate::session::live::{KillOrder, KillOutcome};
use gateway_core::model::ids::{RunId, SessionId};
pub use jobs::{JobBegun, JobEnded, JobFiles, ListedJob};
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
    /// Make a process a job.
    BeginJob {
        /// Who asks.
        peer: Peer,
        /// Of which process.
        wish: BeginJob,
    },
    /// A job has ended.
    EndJob {
        /// Who says so.
        peer: Peer,
        /// The process that is in it; the caller where neither this nor a run is named.
        pid: Option<u32>,
        /// The job's run.
        run: Option<RunId>,
    },
    /// Which jobs are there?
    ListJobs {
        /// Who asks: root sees all, others their own.
        peer: Peer,
    },
    /// What is a launched job not to see, and what all the same?
    JobFiles,
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
    /// To [`Command::BeginJob`].
    JobBegun(JobBegun),
    /// To [`Command::JobFiles`].
    JobFiles(JobFiles),
    /// To [`Command::EndJob`].
    JobEnded(JobEnded),
    /// To [`Command::ListJobs`].
    Jobs(Vec<ListedJob>),
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
    pub canary: CanaryHealth,
}

/// Whether the hook was seen to intercept.
#[derive(Clone, Debug, Serialize, Deserialize)]
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
    /// A gateway of one job begins no others.
    #[error("this gateway is a `weir run`'s own: jobs are begun at the daemon's socket")]
    NoJobs,
    /// The job is not to be had.
    #[error(transparent)]
    Job(#[from] JobError),
    /// A fault of the gateway's own.
    #[error("the gateway failed at this by a fault of its own; its log says more")]
    Broken,
}

/// Where commands are handed in.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
    jobs: Option<Arc<Jobs>>,
    /// What a job gets into its environment, but for its run.
    environment: Arc<Vec<(String, String)>>,
}

impl Desk {
    /// The desk of this gateway.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, jobs: None, environment: Arc::default() }
    }

    /// The desk of a gateway at which jobs are begun.
    #[must_use]
    pub fn with_jobs(shared: Arc<Shared>, jobs: Arc<Jobs>, environment: Vec<(String, String)>) -> Self {
        Self { shared, jobs: Some(jobs), environment: Arc::new(environment) }
    }

    /// Does what is asked.
    pub async fn handle(&self, command: Command) -> Result<Reply, CommandError> {
        let shared = &self.shared;
        match command {
            Command::ListSessions => Ok(Reply::Sessions(shared.live.all().iter().map(|session| describe(session)).collect())),
            Command::KillSession { id, order } => kill(shared, id, order).await,
            Command::ReloadPolicy => {
                shared.reload_policy().map(|policy| Reply::Reloaded { policy }).map_err(CommandError::BadPolicy)
            }
            Command::BeginJob { peer, wish } => jobs::begin(self, peer, wish).await.map(Reply::JobBegun),
            Command::EndJob { peer, pid, run } => jobs::end(self, peer, pid, run).await.map(Reply::JobEnded),
            Command::ListJobs { peer } => jobs::list(self, peer).await.map(Reply::Jobs),
            Command::JobFiles => Ok(Reply::JobFiles(jobs::files(self))),
            Command::Health => Ok(Reply::Health(health(shared))),
        }
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
        canary: match shared.canary.state() {
            CanaryState::Off => CanaryHealth::Off,
            CanaryState::Well { microseconds } => CanaryHealth::Well { microseconds },
            CanaryState::Failed { why } => CanaryHealth::Failed { why },
        },
    }
}
