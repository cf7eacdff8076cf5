//! What needs nothing but the ledger: at the desk of a gateway, and at root's command line where none runs.

use super::actor::Actor;
use super::error::CommandError;
use super::incidents::IncidentRequest;
use super::owners::Owned;
use super::takeover::{self, TakeRequest};
use super::{
    BlockAdded, Command, GrantShown, Me, PruneRequest, Reply, TokenMade, alerts, blocks, glass, grants, holds, incidents, legal,
    notifiers, prune, sinks, tokens, unseal,
};
use crate::config::Config;
use crate::evidence::{Remover, enter_beside, is_at_rest};
use crate::incident::IncidentError;
use crate::index::{self, Index};
use crate::ledger::Ledger;
use crate::notify::NotifierSettings;
use crate::session::owner::WorkloadRule;
use crate::telemetry::host_name;
use std::path::Path;

/// The ledger of a state directory, without a gateway.
pub struct Offline(Ledger);

impl Offline {
    /// Opens it.
    ///
    /// # Errors
    /// Where it can't be read or written.
    pub fn open(state_dir: &Path) -> Result<Self, CommandError> {
        Ok(Self(Ledger::open(state_dir)?))
    }

    /// Does what is asked. It is in force for every gateway that starts, and for those that run within 100 ms.
    ///
    /// # Errors
    /// Where it can't be done, or takes a gateway.
    pub fn handle(&self, actor: &Actor, command: Command) -> Result<Reply, CommandError> {
        handle(&self.0, actor, command, true)
    }

    /// What [`Command::ListNotifiers`] asks, of these notifiers.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn list_notifiers(&self, actor: &Actor, notifiers: &[NotifierSettings]) -> Result<Reply, CommandError> {
        notifiers::list(&self.0, actor, notifiers).map(Reply::Notifiers)
    }

    /// What [`Command::ListOwners`] asks, of these workloads.
    ///
    /// # Errors
    /// Where whoever asks may not.
    pub fn list_owners(&self, actor: &Actor, workloads: &[WorkloadRule]) -> Result<Reply, CommandError> {
        let in_force = self.0.in_force();
        takeover::list(actor, Owned::configured(workloads, &in_force), &in_force).map(Reply::Owners)
    }

    /// What [`Command::TakeOwner`] asks, of these workloads.
    ///
    /// # Errors
    /// Where it is not to be had.
    pub fn take_owner(&self, actor: &Actor, request: &TakeRequest, workloads: &[WorkloadRule]) -> Result<Reply, CommandError> {
        let owned = Owned::configured(workloads, &self.0.in_force());
        takeover::take(&self.0, actor, request, &owned).map(|taken| Reply::Owner(Box::new(taken)))
    }

    /// What [`Command::OpenIncident`] asks, of the records of this state directory.
    ///
    /// # Errors
    /// Where they can't be read, or nothing can be written.
    pub fn open_incident(&self, state_dir: &Path, actor: &Actor, request: &IncidentRequest) -> Result<Reply, CommandError> {
        let index = index(state_dir)?;
        let found = incidents::open((state_dir, &index), &self.0, actor, request)?;
        enter_beside(state_dir, &incidents::note(actor, request))?;
        Ok(Reply::Incident(Box::new(found)))
    }

    /// The same without a hold.
    ///
    /// # Errors
    /// Where they can't be read.
    pub fn look_into(&self, state_dir: &Path, actor: &Actor, request: &IncidentRequest) -> Result<Reply, CommandError> {
        let index = index(state_dir)?;
        let found = incidents::look((state_dir, &index), actor, request)?;
        // Nothing was changed: a copy that nobody can write may be looked into.
        match enter_beside(state_dir, &incidents::note(actor, request)) {
            Err(error) if !is_at_rest(&error) => return Err(error.into()),
            Err(error) => tracing::warn!(%error, "that this was looked into is not in the log"),
            Ok(()) => {}
        }
        Ok(Reply::Incident(Box::new(found)))
    }

    /// What [`Command::Prune`] asks, of this configuration's records.
    ///
    /// # Errors
    /// Where they can't be removed, or somebody else does it.
    pub fn prune(&self, config: &Config, actor: &Actor, request: &PruneRequest) -> Result<Reply, CommandError> {
        let state_dir = config.state_dir.as_path();
        let remover = || Ok(Remover::at_rest(state_dir, &config.evidence(&host_name(), String::new()))?);
        let removal = prune::prune((state_dir, config.record.keep), &self.0, actor, request, remover)?;
        Ok(Reply::Pruned(Box::new(removal)))
    }

    /// What [`Command::TestNotifier`] asks, of these notifiers.
    ///
    /// # Errors
    /// Where there is none of that name, or it could not be reached.
    pub async fn test_notifier(&self, actor: &Actor, all: &[NotifierSettings], name: &str) -> Result<Reply, CommandError> {
        notifiers::begin_test(&self.0, actor, all, name)?.send().await.map(Reply::Tried)
    }

    /// What [`Command::ListSinks`] asks, of this configuration.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn list_sinks(&self, actor: &Actor, config: &Config) -> Result<Reply, CommandError> {
        sinks::list(actor, config).map(Reply::Sinks)
    }

    /// What [`Command::TestSink`] asks, of this configuration.
    ///
    /// # Errors
    /// Where there is none of that name, or it has not taken it.
    pub async fn test_sink(&self, actor: &Actor, config: &Config, name: &str) -> Result<Reply, CommandError> {
        Box::pin(sinks::test(actor, sinks::tried(actor, config, name)?)).await.map(Reply::TriedSink)
    }
}

/// The index with all that has been recorded.
fn index(state_dir: &Path) -> Result<Index, CommandError> {
    index::open_fresh(state_dir, &mut |_progress| {}).ok_or(CommandError::Incident(IncidentError::NoIndex))
}

/// `heeded`: whether a policy in force takes grants into account.
pub(super) fn handle(ledger: &Ledger, actor: &Actor, command: Command, heeded: bool) -> Result<Reply, CommandError> {
    let grant = |lease| Reply::Grant(GrantShown { grant: Box::new(lease), heeded });
    match command {
        Command::ListHolds(page) => holds::list(ledger, actor, page.within_bounds()).map(Reply::Holds),
        Command::ShowHold(id) => holds::show(ledger, actor, id).map(Box::new).map(Reply::Hold),
        Command::AnswerHold { id, say, reason } => holds::answer(ledger, actor, id, say, &reason).map(Box::new).map(Reply::Hold),
        Command::RequestGrant(request) => grants::request(ledger, actor, request).map(grant),
        Command::AnswerGrant { id, say, reason } => grants::answer(ledger, actor, id, say, &reason).map(grant),
        Command::RevokeGrant { id, reason } => grants::revoke(ledger, actor, id, &reason).map(grant),
        Command::ListGrants(page) => grants::list(ledger, actor, page.within_bounds()).map(Reply::Grants),
        Command::AddBlock { request, dry_run: false } => {
            let block = blocks::add(ledger, actor, &request)?;
            Ok(Reply::Blocked(BlockAdded { block: Some(block), cut: Vec::new() }))
        }
        Command::LiftBlock { id, reason } => blocks::lift(ledger, actor, id, &reason).map(Box::new).map(Reply::Lifted),
        Command::ListBlocks(page) => blocks::list(ledger, actor, page.within_bounds()).map(Reply::Blocks),
        Command::ListAlerts(page) => alerts::list(ledger, actor, page.within_bounds()).map(Reply::Alerts),
        Command::ShowAlert(id) => alerts::show(ledger, actor, id).map(Box::new).map(Reply::Alert),
        Command::Snooze(request) => alerts::snooze(ledger, actor, &request).map(Box::new).map(Reply::Snooze),
        Command::LiftSnooze { id, reason } => alerts::lift(ledger, actor, id, &reason).map(Box::new).map(Reply::Snooze),
        Command::ListSnoozes(page) => alerts::snoozes(ledger, actor, page.within_bounds()).map(Reply::Snoozes),
        Command::BreakGlass(request) => glass::break_glass(ledger, actor, &request).map(Box::new).map(Reply::Glass),
        Command::EndGlass(id) => glass::end(ledger, actor, id).map(Box::new).map(Reply::Glass),
        Command::ReviewGlass { id, finding } => glass::review(ledger, actor, id, &finding).map(Box::new).map(Reply::Glass),
        Command::ListGlass(page) => glass::list(ledger, actor, page.within_bounds()).map(Reply::Glasses),
        Command::MakeCodes { people } => {
            glass::codes(ledger, actor, &people).map(|codes| Reply::Codes(codes.into_iter().collect()))
        }
        Command::MakeToken(request) => {
            let (shown, token) = tokens::make(ledger, actor, &request)?;
            Ok(Reply::TokenMade(TokenMade { token, shown: Box::new(shown.into()) }))
        }
        Command::ListTokens(page) => {
            let tokens = tokens::list(ledger, actor, page.within_bounds())?;
            Ok(Reply::Tokens(tokens.map(Into::into)))
        }
        Command::RevokeToken { id, reason } => {
            tokens::revoke(ledger, actor, id, &reason).map(|token| Reply::Token(Box::new(token.into())))
        }
        Command::SetLegalHold(request) => legal::set(ledger, actor, &request).map(Box::new).map(Reply::LegalHold),
        Command::LiftLegalHold { id, reason } => legal::lift(ledger, actor, id, &reason).map(Box::new).map(Reply::LegalHold),
        Command::ListLegalHolds(page) => legal::list(ledger, actor, page.within_bounds()).map(Reply::LegalHolds),
        Command::ListUnseals(page) => unseal::list(ledger, actor, page.within_bounds()).map(Reply::Unseals),
        Command::Unseal(_) => {
            let what = "no gateway runs here: a sealed layer is opened through one, which counts the two people and writes down \
                        who opened it; start `weir serve`, or name another host's with --url";
            Err(CommandError::Wrong(what.to_owned()))
        }
        Command::WhoAmI => Ok(Reply::Me(Box::new(Me::from(actor)))),
        // These take the configuration, which a ledger does not have: see `Offline::list_notifiers`, `Offline::take_owner`.
        Command::ListNotifiers
        | Command::TestNotifier { .. }
        | Command::ListSinks
        | Command::TestSink { .. }
        | Command::Directory(_)
        | Command::ListOwners
        | Command::TakeOwner(_)
        | Command::ListSessions
        | Command::KillSession { .. }
        | Command::ReloadPolicy
        | Command::AddBlock { dry_run: true, .. }
        | Command::OrderRun { .. }
        | Command::BeginJob { .. }
        | Command::BindShell { .. }
        | Command::EndJob { .. }
        | Command::ListJobs { .. }
        | Command::JobFiles
        | Command::Health
        | Command::OpenIncident(_)
        | Command::Prune(_)
        | Command::Look(_) => Err(CommandError::Wrong("no gateway runs here that could do that".to_owned())),
    }
}
