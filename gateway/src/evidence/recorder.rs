//! A session's way to its record: frames go in here, the writer takes them out.

use super::doing::Doing;
use super::store::{EvidenceSettings, Inner, OnFailure};
use super::subscriber::Subscription;
use super::tape::Tape;
use super::{EvidenceError, Failed, now};
use gateway_core::model::ids::SessionId;
use gateway_core::record::{FrameBuffer, FrameKind, Hash};
use serde_json::json;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Waker};
use tokio::sync::{Notify, oneshot};

/// So many waiting bytes wake the writer before its interval is over.
const WAKE_AT: usize = 256 << 10;

/// Records one session. Dropping it ends the record with the reason `dropped`.
pub struct Recorder {
    store: Arc<Inner>,
    line: Arc<Line>,
}

/// A record that is closed: what the log says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Closed {
    /// How many frames it has.
    pub frames: u64,
    /// How many blocks.
    pub blocks: u64,
    /// How many bytes, in all its files.
    pub bytes: u64,
    /// Its last hash.
    pub chain: Hash,
}

impl Recorder {
    pub(super) const fn new(store: Arc<Inner>, line: Arc<Line>) -> Self {
        Self { store, line }
    }

    /// The session that is recorded.
    #[must_use]
    pub fn session(&self) -> SessionId {
        self.line.session
    }

    /// Whether nothing of a statement is to go on before its frames are on the disk.
    #[must_use]
    pub fn comes_first(&self) -> bool {
        self.line.settings.sync.is_zero()
    }

    /// The number of what was submitted last: [`Self::is_on_disk`] asks for it.
    #[must_use]
    pub fn submitted(&self) -> u64 {
        self.line.lock().submitted
    }

    /// Whether all up to the submission of this number is on the disk; where it is not, `cx` is woken once that may be so.
    pub fn is_on_disk(&self, submission: u64, cx: &Context<'_>) -> bool {
        if self.line.on_disk.load(Ordering::Acquire) >= submission {
            return true;
        }
        *self.line.waker.lock().unwrap_or_else(PoisonError::into_inner) = Some(cx.waker().clone());
        self.line.on_disk.load(Ordering::Acquire) >= submission
    }

    /// What the session does, as far as its record has it.
    #[must_use]
    pub fn doing(&self) -> Arc<Doing> {
        Arc::clone(&self.line.doing)
    }

    /// Takes all frames out of `frames`, which gets memory back to write the next ones into.
    ///
    /// On [`Failed::Full`] the frames stay where they are: wait for [`Self::room`], submit again.
    pub fn submit(&self, frames: &mut FrameBuffer) -> Result<(), Failed> {
        if frames.is_empty() {
            return Ok(());
        }
        let mut state = self.line.lock();
        state.accept(&self.line.settings)?;
        self.hand_over(&mut state, frames);
        Ok(())
    }

    /// Waits until frames would be taken again, or never will be.
    pub async fn room(&self) {
        loop {
            let notified = self.line.room.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            if self.line.lock().accept(&self.line.settings) != Err(Failed::Full) {
                return;
            }
            notified.await;
        }
    }

    /// Whether the record can't be written, and the session has to stop for it.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.line.stopped.load(Ordering::Relaxed)
    }

    /// Why the record can't be written, while that is so.
    #[must_use]
    pub fn error(&self) -> Option<Failed> {
        self.line.lock().failed.clone()
    }

    /// Waits until the record can't be written and the session has to stop: never, where it may go on.
    pub async fn failure(&self) -> Failed {
        loop {
            let notified = self.line.room.notified();
            tokio::pin!(notified);
            notified.as_mut().enable();
            match self.error() {
                Some(failed) if self.line.settings.on_failure == OnFailure::Stop => return failed,
                _ => notified.await,
            }
        }
    }

    /// Ends the record: `ended` is its last frame. Comes back once it is on disk and in the log.
    pub async fn close(self, ended: &serde_json::Value) -> Result<Closed, Failed> {
        let (done, closed) = oneshot::channel();
        self.end(ended, "ended", Some(done));
        drop(self);
        closed.await.unwrap_or(Err(Failed::Closed))
    }

    /// Writes the first frame at once: a session whose record can't be begun must not begin.
    pub(super) fn write_first(&self, first: &mut FrameBuffer) -> Result<(), EvidenceError> {
        let mut tape = self.line.tape();
        match tape.as_mut() {
            Some(tape) => tape.write(first, &mut self.store.press.lock().unwrap_or_else(PoisonError::into_inner))?,
            None => return Ok(()),
        }
        self.line.wrote(0, first);
        Ok(())
    }

    fn hand_over(&self, state: &mut MutexGuard<'_, LineState>, frames: &mut FrameBuffer) {
        let early = state.pending.len() < WAKE_AT && state.pending.len() + frames.len() >= WAKE_AT;
        state.outstanding += frames.len();
        state.submitted += 1;
        frames.drain_into(&mut state.pending);
        if !std::mem::replace(&mut state.queued, true) {
            self.store.queue.push(&self.line);
        }
        if early || state.closing.is_some() {
            self.store.queue.hurry();
        }
    }

    fn end(&self, ended: &serde_json::Value, end: &'static str, done: Option<Done>) {
        let mut state = self.line.lock();
        if state.closing.is_some() || state.closed {
            return;
        }
        state.closing = Some(Closing { end, done });
        let mut last = FrameBuffer::default();
        last.push_json(now(), FrameKind::Ended, ended);
        self.hand_over(&mut state, &mut last);
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end(&json!({"reason": "dropped"}), "dropped", None);
    }
}

/// Who hears of a record's end.
pub(super) type Done = oneshot::Sender<Result<Closed, Failed>>;

/// What a recorder and the writer share of one session.
pub(super) struct Line {
    pub(super) session: SessionId,
    pub(super) settings: Arc<EvidenceSettings>,
    state: Mutex<LineState>,
    /// The writer's alone, but for the first frame.
    tape: Mutex<Option<Tape>>,
    pub(super) room: Notify,
    pub(super) doing: Arc<Doing>,
    /// Whether the session has to stop, for a look without the lock.
    pub(super) stopped: AtomicBool,
    /// So many submissions are on the disk, where anybody waits for that.
    on_disk: AtomicU64,
    waker: Mutex<Option<Waker>>,
    subscription: Mutex<Option<Box<dyn Subscription>>>,
}

/// What waits to be written, and what came of what was.
#[derive(Default)]
pub(super) struct LineState {
    pub(super) pending: FrameBuffer,
    /// Bytes that were submitted and are not yet written.
    pub(super) outstanding: usize,
    /// How often something was submitted.
    pub(super) submitted: u64,
    pub(super) failed: Option<Failed>,
    /// Whether the writer has this line on its list.
    pub(super) queued: bool,
    pub(super) closing: Option<Closing>,
    pub(super) closed: bool,
}

/// That a record is to be closed, how it ended, and who waits for it.
pub(super) struct Closing {
    pub(super) end: &'static str,
    pub(super) done: Option<Done>,
}

impl Line {
    pub(super) fn new(
        session: SessionId,
        tape: Tape,
        settings: Arc<EvidenceSettings>,
        subscription: Option<Box<dyn Subscription>>,
    ) -> Self {
        Self {
            session,
            settings,
            state: Mutex::default(),
            tape: Mutex::new(Some(tape)),
            room: Notify::new(),
            doing: Arc::default(),
            stopped: AtomicBool::new(false),
            on_disk: AtomicU64::new(0),
            waker: Mutex::default(),
            subscription: Mutex::new(subscription),
        }
    }

    /// These frames were written, the first plain one with this number.
    pub(super) fn wrote(&self, first: u64, frames: &FrameBuffer) {
        if let Some(subscription) = self.subscription.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            subscription.wrote(first, frames);
        }
    }

    /// All up to the submission of this number is on the disk.
    pub(super) fn on_disk(&self, submission: u64) {
        self.on_disk.store(submission, Ordering::Release);
        self.wake();
    }

    /// Wakes who waits for the disk, or for a record that can't be written.
    pub(super) fn wake(&self) {
        if let Some(waker) = self.waker.lock().unwrap_or_else(PoisonError::into_inner).take() {
            waker.wake();
        }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, LineState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn tape(&self) -> MutexGuard<'_, Option<Tape>> {
        self.tape.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LineState {
    fn accept(&self, settings: &EvidenceSettings) -> Result<(), Failed> {
        if self.closing.is_some() || self.closed {
            return Err(Failed::Closed);
        }
        if let (Some(failed), OnFailure::Stop) = (&self.failed, settings.on_failure) {
            return Err(failed.clone());
        }
        if self.outstanding >= settings.pending_bytes { Err(Failed::Full) } else { Ok(()) }
    }
}
