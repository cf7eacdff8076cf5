//! What people may ask of a running gateway: one closed set of commands, handled in one place.

mod actor;
mod alerts;
mod binding;
mod blocks;
mod command;
mod directory;
mod error;
mod follow;
mod glass;
mod grants;
mod holds;
mod incidents;
mod jobs;
mod legal;
pub mod look;
mod moment;
mod notifiers;
mod offline;
mod once;
mod owners;
mod page;
mod prune;
mod runs;
mod shown;
mod sinks;
mod takeover;
mod tokens;
mod unseal;

use crate::evidence::Remover;
use crate::host::Jobs;
pub use crate::host::{BeginJob, Peer};
pub use crate::incident::Incident;
pub use crate::ledger::LegalHold;
pub use crate::ledger::{Alert, Glass, Hold, Lease, Lift, Scope, Snoozed, Standing, Takeover, Unsealing};
use crate::ledger::{Kind, Ledger};
pub use crate::retention::Removal;
use crate::session::context::Shared;
use crate::session::live;
pub use crate::session::live::{KillOrder, KillOutcome};
pub use crate::sink::{ListedSink, TriedSink};
pub use actor::{APPROVERS, Actor, On, Role, Scoped, Via, login};
pub use alerts::SnoozeRequest;
pub use binding::ShellBound;
pub use blocks::BlockRequest;
pub use command::{Command, Reply};
pub use directory::{DirectoryCommand, DirectoryPage, DirectoryReply, Expected, ShownGroup, ShownUser};
pub use error::CommandError;
pub use follow::{Scribe, apply_changes};
use gateway_core::control::block::Concerned;
use gateway_core::model::ids::SessionId;
use gateway_core::record::log::Entry;
pub use glass::GlassRequest;
pub use grants::GrantRequest;
pub use holds::Say;
pub use incidents::IncidentRequest;
pub use jobs::{JobBegun, JobEnded, JobFiles, ListedJob};
pub use legal::LegalHoldRequest;
use look::Memory;
pub use look::sample;
pub use moment::moment;
pub use notifiers::{ListedNotifier, Tried};
pub use offline::Offline;
pub use once::{Once, Ticket};
pub use page::{Listed, Page};
pub use prune::PruneRequest;
pub use runs::{RunDone, RunOrder};
pub use shown::{Activity, BlockAdded, CanaryHealth, GrantShown, Health, LiveSession, Me, Now, Reloaded, TokenMade};
use shown::{describe, health};
use std::sync::Arc;
use std::time::Duration;
pub use takeover::{ListedOwner, OwnedWorkload, TakeRequest};
pub use tokens::{ShownToken, TokenOf, TokenRequest, issue, read_token};
pub use unseal::{UnsealCommand, UnsealRequest};

/// How long a kill may take before its asker is told that it is still under way.
const KILL_PATIENCE: Duration = Duration::from_secs(20);

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
            Command::ListSinks => {
                let (shared, actor) = (Arc::clone(shared), actor.clone());
                aside(move || sinks::list(&actor, &shared.config)).await.map(Reply::Sinks)
            }
            Command::TestSink { name } => {
                let sink = sinks::tried(actor, &shared.config, &name)?;
                Box::pin(sinks::test(actor, sink)).await.map(Reply::TriedSink)
            }
            Command::BeginJob { peer, wish } => jobs::begin(self, peer, wish).await.map(Reply::JobBegun),
            Command::BindShell { peer, token } => self.bind_shell(peer, &token).await.map(Reply::ShellBound),
            Command::EndJob { peer, pid, run } => jobs::end(self, peer, pid, run).await.map(Reply::JobEnded),
            Command::ListJobs { peer } => jobs::list(self, peer).await.map(Reply::Jobs),
            Command::JobFiles => Ok(Reply::JobFiles(jobs::files(self))),
            Command::Health => Ok(Reply::Health(health(shared))),
            Command::OpenIncident(request) => {
                let (shared, memory, actor) = (Arc::clone(shared), Arc::clone(&self.memory), actor.clone());
                aside(move || {
                    let state_dir = &shared.config.state_dir;
                    let found = incidents::open((state_dir, memory.index(state_dir)), &shared.ledger, &actor, &request)?;
                    shared.store.enter_now(&[incidents::note(&actor, &request)])?;
                    Ok(found)
                })
                .await
                .map(|incident| Reply::Incident(Box::new(incident)))
            }
            Command::Prune(request) => {
                let (shared, actor) = (Arc::clone(shared), actor.clone());
                aside(move || {
                    let place = (shared.config.state_dir.as_path(), shared.config.record.keep);
                    prune::prune(place, &shared.ledger, &actor, &request, || Ok(Remover::of(&shared.store)?))
                })
                .await
                .map(|removal| Reply::Pruned(Box::new(removal)))
            }
            Command::Unseal(command) => {
                let (shared, actor) = (Arc::clone(shared), actor.clone());
                aside(move || {
                    let enter = |entry: &Entry| shared.store.enter_now(std::slice::from_ref(entry));
                    unseal::handle((&shared.config.state_dir, &enter), &shared.ledger, &actor, command)
                })
                .await
                .map(|one| Reply::Unseal(Box::new(one)))
            }
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
