//! The closed set of what may be asked, and what each gives back.

use super::look::{Look, Shown};
use super::{
    BeginJob, BlockAdded, BlockRequest, DirectoryCommand, DirectoryReply, GlassRequest, GrantRequest, GrantShown, Health,
    Incident, IncidentRequest, JobBegun, JobEnded, JobFiles, KillOrder, KillOutcome, LegalHold, LegalHoldRequest, Listed,
    ListedJob, ListedNotifier, ListedOwner, ListedSink, LiveSession, Me, Page, Peer, PruneRequest, Reloaded, Removal, RunDone,
    RunOrder, Say, ShellBound, ShownToken, SnoozeRequest, TakeRequest, TokenMade, TokenRequest, Tried, TriedSink, UnsealCommand,
    Unsealing,
};
use crate::ledger::{Alert, Glass, Hold, Lease, Snoozed, Standing, Takeover};
use gateway_core::model::ids::{AlertId, BlockId, GlassId, GrantId, HoldId, LegalHoldId, RunId, SessionId, SnoozeId, TokenId};
use serde::Serialize;
use std::collections::BTreeMap;

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
    /// What has detection told?
    ListAlerts(Page),
    /// What is this one?
    ShowAlert(AlertId),
    /// Have something quiet for a while.
    Snooze(SnoozeRequest),
    /// Have it heard of again.
    LiftSnooze {
        /// Which.
        id: SnoozeId,
        /// Why.
        reason: String,
    },
    /// What is snoozed?
    ListSnoozes(Page),
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
    /// Where do events go, and how far is each sink?
    ListSinks,
    /// Send a test to this sink, now.
    TestSink {
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
    /// Somebody signs in at a shell: it becomes a job, and theirs.
    BindShell {
        /// Who asks: a process of that shell.
        peer: Peer,
        /// The token that the sign-in brought.
        token: String,
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
    /// Put together what is known of a target, and hold its records.
    OpenIncident(IncidentRequest),
    /// Keep records whatever their time of keeping says.
    SetLegalHold(LegalHoldRequest),
    /// Let them go again.
    LiftLegalHold {
        /// Which.
        id: LegalHoldId,
        /// Why.
        reason: String,
    },
    /// Which legal holds are there?
    ListLegalHolds(Page),
    /// Remove old records.
    Prune(PruneRequest),
    /// Open a sealed layer.
    Unseal(UnsealCommand),
    /// Who asks for that?
    ListUnseals(Page),
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
    /// To [`Command::ListAlerts`].
    Alerts(Listed<Alert>),
    /// To [`Command::ShowAlert`].
    Alert(Box<Alert>),
    /// To [`Command::Snooze`] and [`Command::LiftSnooze`].
    Snooze(Box<Snoozed>),
    /// To [`Command::ListSnoozes`].
    Snoozes(Listed<Snoozed>),
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
    /// To [`Command::ListSinks`].
    Sinks(Vec<ListedSink>),
    /// To [`Command::TestSink`].
    TriedSink(TriedSink),
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
    /// To [`Command::BindShell`].
    ShellBound(ShellBound),
    /// To [`Command::JobFiles`].
    JobFiles(JobFiles),
    /// To [`Command::EndJob`].
    JobEnded(JobEnded),
    /// To [`Command::ListJobs`].
    Jobs(Vec<ListedJob>),
    /// To [`Command::OpenIncident`].
    Incident(Box<Incident>),
    /// To [`Command::SetLegalHold`] and [`Command::LiftLegalHold`].
    LegalHold(Box<LegalHold>),
    /// To [`Command::ListLegalHolds`].
    LegalHolds(Listed<LegalHold>),
    /// To [`Command::Unseal`].
    Unseal(Box<Unsealing>),
    /// To [`Command::ListUnseals`].
    Unseals(Listed<Unsealing>),
    /// To [`Command::Prune`].
    Pruned(Box<Removal>),
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
            Self::Alerts(listed) => listed.next.clone(),
            Self::Snoozes(listed) => listed.next.clone(),
            Self::Glasses(listed) => listed.next.clone(),
            Self::Tokens(listed) => listed.next.clone(),
            Self::LegalHolds(listed) => listed.next.clone(),
            Self::Unseals(listed) => listed.next.clone(),
            Self::Shown(Shown::Records(page)) => page.next.map(|id| id.to_string()),
            _ => None,
        }
    }
}
