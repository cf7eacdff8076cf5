//! The table of live sessions: who is connected, what can be cancelled, whom to kill.

use crate::evidence::{Current, Doing, now};
use gateway_core::control::hold::Vote;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::principal::Principal;
use gateway_core::model::target::Target;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::Known;
use serde::Serialize;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::{Poll, Waker};
use tokio::sync::watch;
use tokio::time::Instant;

/// All sessions of this gateway.
#[derive(Default)]
pub struct Live {
    sessions: Mutex<HashMap<SessionId, Arc<Session>>>,
    /// What those that are over have done.
    over: Counts,
}

/// What all sessions of a gateway have done since it began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sums {
    /// Those that are live.
    pub live: u64,
    /// Of them those of which something waits for people.
    pub waiting: u64,
    /// Statements completed.
    pub statements: u64,
    /// Rows sent to jobs.
    pub rows: u64,
    /// Bytes from both sides.
    pub bytes: u64,
    /// Statements refused.
    pub refused: u64,
}

/// What others may know of a live session and do to it.
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// The execution it belongs to.
    pub run: RunId,
    /// Who connected.
    pub principal: Principal,
    /// To what.
    pub target: Target,
    /// At which address.
    pub address: SocketAddr,
    /// Since when.
    pub opened: Timestamp,
    place: Mutex<Arc<Place>>,
    /// What cancels it at the server, once it is open.
    pub keys: OnceLock<Keys>,
    /// Counts as of the last flush.
    pub counts: Counts,
    ended: watch::Sender<bool>,
    kill: OnceLock<(KillOrder, Instant)>,
    task: Mutex<Option<Waker>>,
    outcome: OnceLock<KillOutcome>,
    policy_changed: AtomicBool,
    withdrawn: AtomicBool,
    admitted: OnceLock<Vec<Vote>>,
    account: OnceLock<Account>,
    doing: OnceLock<Arc<Doing>>,
    /// Holds that wait for people.
    held: AtomicU64,
}

/// Whom a session is at its server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// The user that it asked for.
    pub user: String,
    /// The database that it asked for.
    pub database: String,
}

/// What a session is known to be connected to. The client's first bytes may say more than its connect did.
#[derive(Clone, Debug)]
pub struct Place {
    /// The target.
    pub target: Target,
    /// What else is known of it.
    pub known: Known,
}

impl From<Target> for Place {
    /// A target of which nothing else is known.
    fn from(target: Target) -> Self {
        Self { target, known: Known::default() }
    }
}

/// The server's cancel key and the one that the client was given for it.
pub struct Keys {
    /// The backend's process id, the same on both sides.
    pub pid: u32,
    /// The server's secret.
    pub server_secret: Vec<u8>,
    /// The client's.
    pub client_secret: Vec<u8>,
}

/// Counts that the session's task publishes.
#[derive(Debug, Default)]
pub struct Counts {
    /// Statements completed.
    pub statements: AtomicU64,
    /// Rows sent to the job.
    pub rows: AtomicU64,
    /// Bytes from both sides.
    pub bytes: AtomicU64,
    /// Statements refused.
    pub refused: AtomicU64,
}

/// Who wants a session killed, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KillOrder {
    /// The person or part that asked.
    pub by: String,
    /// Their reason.
    pub reason: String,
}

/// What came of a kill.
#[derive(Clone, Debug, PartialEq, Serialize, utoipa::ToSchema)]
pub struct KillOutcome {
    /// Milliseconds from the order to the client's reset.
    pub client_reset_ms: f64,
    /// Whether the server was seen to have ended the session.
    pub confirmed: bool,
    /// Milliseconds from the order until it was, or until the gateway gave up.
    pub server_ms: f64,
    /// How it ended there: `idle`, `cancelled`, `terminated` or `not confirmed`.
    pub how: &'static str,
    /// Cancel requests sent.
    pub cancels: u32,
}

impl Sums {
    fn add(&mut self, counts: &Counts) {
        self.statements += counts.statements.load(Ordering::Relaxed);
        self.rows += counts.rows.load(Ordering::Relaxed);
        self.bytes += counts.bytes.load(Ordering::Relaxed);
        self.refused += counts.refused.load(Ordering::Relaxed);
    }
}

impl Counts {
    fn add(&self, other: &Self) {
        for (sum, more) in [
            (&self.statements, &other.statements),
            (&self.rows, &other.rows),
            (&self.bytes, &other.bytes),
            (&self.refused, &other.refused),
        ] {
            sum.fetch_add(more.load(Ordering::Relaxed), Ordering::Relaxed);
        }
    }
}

impl Live {
    /// Enters a session. This comes before its first decision, so that no kill can miss it.
    pub fn register(&self, session: Session) -> Registration<'_> {
        let session = Arc::new(session);
        self.lock().insert(session.id, Arc::clone(&session));
        Registration { live: self, session }
    }

    /// The session of this id, while it lives.
    pub fn find(&self, id: SessionId) -> Option<Arc<Session>> {
        self.lock().get(&id).cloned()
    }

    /// All sessions, oldest first.
    pub fn all(&self) -> Vec<Arc<Session>> {
        let mut all: Vec<_> = self.lock().values().cloned().collect();
        all.sort_by_key(|session| session.id);
        all
    }

    /// How many there are.
    pub fn count(&self) -> usize {
        self.lock().len()
    }

    /// What they have done, and those that are over.
    pub fn sums(&self) -> Sums {
        let mut sums = Sums::default();
        let sessions = self.lock();
        sums.add(&self.over);
        for session in sessions.values() {
            sums.live += 1;
            sums.waiting += u64::from(session.waits());
            sums.add(&session.counts);
        }
        sums
    }

    /// The session that gave its client this cancel key. A job can cancel only what its own run
    /// does at the same address.
    pub fn by_cancel_key(&self, run: RunId, address: SocketAddr, pid: u32, secret: &[u8]) -> Option<Arc<Session>> {
        self.lock()
            .values()
            .find(|session| {
                session.run == run
                    && session.address == address
                    && session.keys.get().is_some_and(|keys| keys.pid == pid && keys.client_secret == secret)
            })
            .cloned()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<SessionId, Arc<Session>>> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A session's place in the table, given up when dropped.
pub struct Registration<'a> {
    live: &'a Live,
    /// The entry.
    pub session: Arc<Session>,
}

/// That something of a session waits for people.
pub struct Waits(Arc<Session>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.held.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Registration<'_> {
    fn drop(&mut self) {
        let mut sessions = self.live.lock();
        // In one step: a sum has it once.
        sessions.remove(&self.session.id);
        self.live.over.add(&self.session.counts);
        drop(sessions);
        self.session.ended.send_replace(true);
    }
}

impl Session {
    /// An entry for a session that begins.
    pub fn new(id: SessionId, principal: Principal, place: impl Into<Place>, address: SocketAddr) -> Self {
        let place = place.into();
        Self {
            id,
            run: principal.run,
            principal,
            target: place.target.clone(),
            place: Mutex::new(Arc::new(place)),
            address,
            opened: now(),
            keys: OnceLock::new(),
            counts: Counts::default(),
            ended: watch::Sender::new(false),
            kill: OnceLock::new(),
            task: Mutex::new(None),
            outcome: OnceLock::new(),
            policy_changed: AtomicBool::new(false),
            withdrawn: AtomicBool::new(false),
            admitted: OnceLock::new(),
            account: OnceLock::new(),
            doing: OnceLock::new(),
            held: AtomicU64::new(0),
        }
    }

    /// It asks its server for this user and database.
    pub fn asks_for(&self, account: Account) {
        let _first = self.account.set(account).is_ok();
    }

    /// Whom it is there, as far as that is known.
    pub fn account(&self) -> Option<&Account> {
        self.account.get()
    }

    /// What is written of it goes through here.
    pub fn is_recorded(&self, doing: Arc<Doing>) {
        let _first = self.doing.set(doing).is_ok();
    }

    /// What it does.
    pub fn current(&self) -> Option<Current> {
        self.doing.get().and_then(|doing| doing.current())
    }

    /// Something of it waits for people, as long as what this gives is kept.
    #[must_use]
    pub fn hold(self: &Arc<Self>) -> Waits {
        self.held.fetch_add(1, Ordering::Relaxed);
        Waits(Arc::clone(self))
    }

    /// Whether anything of it does.
    pub fn waits(&self) -> bool {
        self.held.load(Ordering::Relaxed) > 0
    }

    /// People have approved that it connects.
    pub fn admit(&self, votes: Vec<Vote>) {
        let _first = self.admitted.set(votes).is_ok();
    }

    /// Who has approved that it connects, where anybody had to.
    pub fn admitted(&self) -> Option<&[Vote]> {
        self.admitted.get().map(Vec::as_slice)
    }

    /// Its client takes back what waits for people.
    pub fn withdraw(&self) {
        self.withdrawn.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether it has since this was last asked.
    pub fn take_withdrawal(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire) && self.withdrawn.swap(false, Ordering::AcqRel)
    }

    /// What it is known to be connected to.
    pub fn place(&self) -> Arc<Place> {
        Arc::clone(&self.place.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// More is known of that.
    pub fn learn(&self, place: Place) -> Arc<Place> {
        let place = Arc::new(place);
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&place);
        place
    }

    /// Orders the session to end. The first order stands.
    pub fn kill(&self, order: KillOrder) {
        let _first = self.kill.set((order, Instant::now())).is_ok();
        self.wake();
    }

    /// Has the session take the policy set that is in force now.
    pub fn change_policy(&self) {
        self.policy_changed.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether the policy set has changed since this was last asked: one load, for the forward path.
    pub fn take_policy_change(&self) -> bool {
        self.policy_changed.load(Ordering::Acquire) && self.policy_changed.swap(false, Ordering::AcqRel)
    }

    /// The task stays named: a session may be woken more than once.
    fn wake(&self) {
        let task = self.task.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(task) = task.as_ref() {
            task.wake_by_ref();
        }
    }

    /// The order to end, if there is one: one load, for the forward path.
    pub fn kill_order(&self) -> Option<&KillOrder> {
        self.kill.get().map(|(order, _)| order)
    }

    /// When the order to end was given; now, where there is none.
    pub fn killed_at(&self) -> Instant {
        self.kill.get().map_or_else(Instant::now, |(_, at)| *at)
    }

    /// Names the task that [`Self::kill`] wakes. A task's waker stays the same, so once is enough.
    pub fn wake_on_kill(&self, task: &Waker) {
        *self.task.lock().unwrap_or_else(PoisonError::into_inner) = Some(task.clone());
    }

    /// Waits until a kill is ordered.
    pub async fn killed(&self) {
        std::future::poll_fn(|cx| {
            self.wake_on_kill(cx.waker());
            if self.kill_order().is_some() { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// Waits until the session has left the table.
    pub async fn ended(&self) {
        let mut ended = self.ended.subscribe();
        // The sender lives in `self`: the wait can't fail.
        let _ended = ended.wait_for(|ended| *ended).await.is_ok();
    }

    /// Keeps what came of a kill for whoever asked for it.
    pub fn report(&self, outcome: KillOutcome) {
        let _first = self.outcome.set(outcome).is_ok();
    }

    /// What came of a kill, once the session has ended.
    pub fn outcome(&self) -> Option<&KillOutcome> {
        self.outcome.get()
    }

    /// A statement of it was refused.
    pub fn refused(&self) {
        self.counts.refused.fetch_add(1, Ordering::Relaxed);
    }

    /// Publishes counts, and how many bytes came from both sides.
    pub fn count(&self, totals: gateway_core::protocol::Totals, bytes: u64) {
        self.counts.statements.store(totals.statements, Ordering::Relaxed);
        self.counts.rows.store(totals.rows, Ordering::Relaxed);
        self.counts.bytes.store(bytes, Ordering::Relaxed);
    }
}
