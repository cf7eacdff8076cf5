//! What people may ask of a running gateway: one closed set of commands, handled in one place.

mod actor;
mod blocks;
mod directory;
mod error;
mod follow;
mod glass;
mod grants;
mod holds;
mod jobs;
pub mod look;
mod notifiers;
mod offline;
mod once;
mod owners;
mod page;
mod runs;
mod takeover;
mod tokens;

use crate::host::Jobs;
pub use crate::host::{BeginJob, Peer};
pub use crate::ledger::{Glass, Hold, Lease, Lift, Scope, Standing, Takeover};
use crate::ledger::{Kind, Ledger};
use crate::session::canary::CanaryState;
use crate::session::context::Shared;
use crate::session::live;
pub use crate::session::live::{KillOrder, KillOutcome};
pub use actor::{APPROVERS, Actor, On, Role, Scoped, Via, login};
pub use blocks::BlockRequest;
pub use directory::{DirectoryCommand, DirectoryPage, DirectoryReply, Expected, ShownGroup, ShownUser};
pub use error::CommandError;
pub use follow::{Scribe, apply_changes};
use gateway_core::control::block::{Block, Concerned};
use gateway_core::model::ids::{BlockId, GlassId, GrantId, HoldId, RunId, SessionId, TokenId};
use gateway_core::model::time::Timestamp;
pub use glass::GlassRequest;
pub use grants::GrantRequest;
pub use holds::Say;
pub use jobs::{JobBegun, JobEnded, JobFiles, ListedJob};
pub use look::sample;
use look::{Look, Memory, Shown};
pub use notifiers::{ListedNotifier, Tried};
pub use offline::Offline;
pub use once::{Once, Ticket};
pub use page::{Listed, Page};
pub use runs::{RunDone, RunOrder};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
pub use takeover::{ListedOwner, OwnedWorkload, TakeRequest};
pub use tokens::{ShownToken, TokenOf, TokenRequest, issue, read_token};

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
    /// Which operations and connections wait for people, and which have?
    ListHolds(Page),
    /// What is this one?
    ShowHold(HoldId),
    /// Say yes or no to it.
    AnswerHold {
        /// Which.
        id: HoldId,
        /// Yes or no.
        say: Say,
        /// Why.
        reason: String,
    },
    /// Ask for more than policy gives.
    RequestGrant(GrantRequest),
    /// Say yes or no to that.
    AnswerGrant {
        /// Which.
        id: GrantId,
        /// Yes or no.
        say: Say,
        /// Why.
        reason: String,
    },
    /// End a grant.
    RevokeGrant {
        /// Which.
        id: GrantId,
        /// Why.
        reason: String,
    },
    /// Which grants are asked for and given?
    ListGrants(Page),
    /// Refuse by name, and cut what is live.
    AddBlock {
        /// Whom, why, how long.
        request: BlockRequest,
        /// Only say what would be cut.
        dry_run: bool,
    },
    /// Lift a block.
    LiftBlock {
        /// Which.
        id: BlockId,
        /// Why.
        reason: String,
    },
    /// Which blocks are there?
    ListBlocks(Page),
    /// Set policy aside in an emergency.
    BreakGlass(GlassRequest),
    /// No more of that.
    EndGlass(GlassId),
    /// What somebody else found who has looked at what was done.
    ReviewGlass {
        /// Of which.
        id: GlassId,
        /// What they found.
        finding: String,
    },
    /// When was the glass broken?
    ListGlass(Page),
    /// Make codes with which two people can break it.
    MakeCodes {
        /// For whom.
        people: Vec<String>,
    },
    /// Who is notified, and how far is each?
    ListNotifiers,
    /// Send a test by this notifier, now.
    TestNotifier {
        /// Which.
        name: String,
    },
    /// Make a token with which the API can be asked.
    MakeToken(TokenRequest),
    /// Which tokens are there?
    ListTokens(Page),
    /// End a token.
    RevokeToken {
        /// Which.
        id: TokenId,
        /// Why.
        reason: String,
    },
    /// Keep the directory of people and groups.
    Directory(Box<DirectoryCommand>),
    /// Which owners have left, and what do they own?
    ListOwners,
    /// Take over what somebody owned who has left.
    TakeOwner(TakeRequest),
    /// Who am I, and what may I?
    WhoAmI,
    /// Freeze a run, let it go on, or kill it.
    OrderRun {
        /// Which.
        run: RunId,
        /// What.
        order: RunOrder,
        /// Why.
        reason: String,
    },
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
    /// Show me.
    Look(Look),
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
    Reloaded(Reloaded),
    /// To [`Command::ListHolds`].
    Holds(Listed<Hold>),
    /// To [`Command::ShowHold`] and [`Command::AnswerHold`].
    Hold(Box<Hold>),
    /// To [`Command::ListGrants`].
    Grants(Listed<Lease>),
    /// To what is asked of one grant.
    Grant(GrantShown),
    /// To [`Command::ListBlocks`].
    Blocks(Listed<Standing>),
    /// To [`Command::AddBlock`]: none is set where that was only asked.
    Blocked(BlockAdded),
    /// To [`Command::LiftBlock`].
    Lifted(Box<Standing>),
    /// To [`Command::ListGlass`].
    Glasses(Listed<Glass>),
    /// To what is asked of one.
    Glass(Box<Glass>),
    /// To [`Command::MakeCodes`]: each person's, shown this once.
    Codes(BTreeMap<String, String>),
    /// To [`Command::ListNotifiers`].
    Notifiers(Vec<ListedNotifier>),
    /// To [`Command::TestNotifier`].
    Tried(Tried),
    /// To [`Command::MakeToken`].
    TokenMade(TokenMade),
    /// To [`Command::ListTokens`].
    Tokens(Listed<ShownToken>),
    /// To [`Command::RevokeToken`].
    Token(Box<ShownToken>),
    /// To [`Command::Directory`].
    Directory(Box<DirectoryReply>),
    /// To [`Command::ListOwners`].
    Owners(Vec<ListedOwner>),
    /// To [`Command::TakeOwner`].
    Owner(Box<Takeover>),
    /// To [`Command::WhoAmI`].
    Me(Box<Me>),
    /// To [`Command::OrderRun`].
    Run(RunDone),
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
    /// To [`Command::Look`].
    Shown(Shown),
}

impl Reply {
    /// The id before which the next page of a list begins; none where there is none.
    #[must_use]
    pub fn next(&self) -> Option<String> {
        match self {
            Self::Holds(listed) => listed.next.clone(),
            Self::Grants(listed) => listed.next.clone(),
            Self::Blocks(listed) => listed.next.clone(),
            Self::Glasses(listed) => listed.next.clone(),
            Self::Tokens(listed) => listed.next.clone(),
            Self::Shown(Shown::Records(page)) => page.next.map(|id| id.to_string()),
            _ => None,
        }
    }
}

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

/// Where commands are handed in.
#[derive(Clone)]
pub struct Desk {
    shared: Arc<Shared>,
    memory: Arc<Memory>,
    jobs: Option<Arc<Jobs>>,
    /// What a job gets into its environment, but for its run.
    environment: Arc<Vec<(String, String)>>,
}

impl Desk {
    /// The desk of this gateway.
    #[must_use]
    pub fn new(shared: Arc<Shared>) -> Self {
        Self { shared, memory: Arc::default(), jobs: None, environment: Arc::default() }
    }

    /// The desk of a gateway at which jobs are begun.
    #[must_use]
    pub fn with_jobs(shared: Arc<Shared>, jobs: Arc<Jobs>, environment: Vec<(String, String)>) -> Self {
        Self { shared, memory: Arc::default(), jobs: Some(jobs), environment: Arc::new(environment) }
    }

    /// What sessions of this gateway share.
    #[must_use]
    pub const fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Does what is asked, where `actor` may ask for it.
    pub async fn handle(&self, actor: &Actor, command: Command) -> Result<Reply, CommandError> {
        let shared = &self.shared;
        match command {
            Command::ListSessions => Ok(Reply::Sessions(sessions(shared, actor))),
            Command::KillSession { id, order } => kill(shared, actor, id, order).await,
            Command::ReloadPolicy => {
                actor.must(Role::Admin, On::default(), "to replace the policy")?;
                let policy = shared.reload_policy().map_err(CommandError::BadPolicy)?;
                let (by, details) = (actor.name().to_owned(), serde_json::json!({ "set_hash": policy }));
                self.written(move |ledger| ledger.change(|change| change.tell(Kind::PolicyReplaced, &by, "policy", &details)))
                    .await?;
                Ok(Reply::Reloaded(Reloaded { policy }))
            }
            Command::AddBlock { request, dry_run } => self.add_block(actor, request, dry_run).await,
            Command::OrderRun { run, order, reason } => {
                let (shared, actor) = (Arc::clone(shared), actor.clone());
                aside(move || runs::order(&shared, &actor, run, order, &reason)).await.map(Reply::Run)
            }
            Command::Directory(command) => self.keep_directory(actor, *command).await,
            Command::ListOwners => self.list_owners(actor),
            Command::TakeOwner(request) => self.take_owner(actor, request).await,
            Command::ListNotifiers => {
                let (actor, notifiers) = (actor.clone(), shared.config.notifiers.clone());
                self.written(move |ledger| notifiers::list(ledger, &actor, &notifiers)).await.map(Reply::Notifiers)
            }
            Command::TestNotifier { name } => {
                let (actor, notifiers) = (actor.clone(), shared.config.notifiers.clone());
                let test = self.written(move |ledger| notifiers::begin_test(ledger, &actor, &notifiers, &name)).await?;
                test.send().await.map(Reply::Tried)
            }
            Command::BeginJob { peer, wish } => jobs::begin(self, peer, wish).await.map(Reply::JobBegun),
            Command::EndJob { peer, pid, run } => jobs::end(self, peer, pid, run).await.map(Reply::JobEnded),
            Command::ListJobs { peer } => jobs::list(self, peer).await.map(Reply::Jobs),
            Command::JobFiles => Ok(Reply::JobFiles(jobs::files(self))),
            Command::Health => Ok(Reply::Health(health(shared))),
            Command::Look(look) => look::show(shared, &self.memory, actor, look).await.map(Reply::Shown),
            other => {
                let (actor, heeded) = (actor.clone(), shared.policy.load().heeds_grants());
                self.written(move |ledger| offline::handle(ledger, &actor, other, heeded)).await
            }
        }
    }

    /// Sets a block and cuts what it names, or only says what that would be.
    async fn add_block(&self, actor: &Actor, request: BlockRequest, dry_run: bool) -> Result<Reply, CommandError> {
        let shared = &self.shared;
        if dry_run {
            blocks::check(actor, &request)?;
            let named = |session: &Arc<live::Session>| {
                let place = session.place();
                let settings = shared.settings(&place.target);
                let credential = settings.and_then(|settings| settings.credential.as_ref()).map(|(source, _)| source.to_string());
                let (principal, target) = (&session.principal, &place.target);
                let host = shared.resolver.host();
                request.subject.names(&Concerned { principal, target, credential: credential.as_deref(), host })
            };
            let cut = shared.live.all().iter().filter(|session| named(session)).map(|session| describe(session)).collect();
            return Ok(Reply::Blocked(BlockAdded { block: None, cut }));
        }
        let actor = actor.clone();
        let block = self.written(move |ledger| blocks::add(ledger, &actor, &request)).await?;
        let cut = follow::cut_blocked(shared, &shared.ledger.in_force());
        Ok(Reply::Blocked(BlockAdded { block: Some(block), cut: cut.iter().map(|session| describe(session)).collect() }))
    }

    /// Does what waits for the disk, away from the control thread.
    async fn written<T: Send + 'static, E: Into<CommandError> + Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, E> + Send + 'static,
    ) -> Result<T, CommandError> {
        let ledger = Arc::clone(&self.shared.ledger);
        aside(move || work(&ledger).map_err(Into::into)).await
    }
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T, CommandError> + Send + 'static) -> Result<T, CommandError> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        tracing::error!(%error, "a command ended by a fault of ours");
        Err(CommandError::Broken)
    })
}

/// The live sessions that `actor` may see.
fn sessions(shared: &Shared, actor: &Actor) -> Vec<LiveSession> {
    let all = shared.live.all();
    all.iter().filter(|session| actor.may(Role::Viewer, on(session))).map(|session| describe(session)).collect()
}

fn on(session: &live::Session) -> On<'_> {
    let workload = Some((session.principal.workload.0.as_str(), session.principal.name.as_deref()));
    On { target: Some(&session.target.name), workload }
}

async fn kill(shared: &Shared, actor: &Actor, id: SessionId, order: KillOrder) -> Result<Reply, CommandError> {
    let session = shared.live.find(id).filter(|session| actor.may(Role::Viewer, on(session)));
    let session = session.ok_or(CommandError::NoSession(id))?;
    actor.must(Role::Operator, on(&session), "to kill sessions")?;
    let details = serde_json::json!({ "reason": order.reason, "target": session.target.name, "run": session.run });
    session.kill(order);
    if tokio::time::timeout(KILL_PATIENCE, session.ended()).await.is_err() {
        return Err(CommandError::StillDying(id, KILL_PATIENCE.as_secs()));
    }
    let (by, ledger) = (actor.name().to_owned(), Arc::clone(&shared.ledger));
    // The session's own record has the order already.
    aside(move || Ok(ledger.change(|change| change.tell(Kind::SessionKilled, &by, &id.to_string(), &details))?)).await?;
    // A session that ended by itself just before has no outcome.
    session.outcome().cloned().map(Reply::Killed).ok_or(CommandError::NoSession(id))
}

fn describe(session: &live::Session) -> LiveSession {
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
