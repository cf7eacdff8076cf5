//! The one thread that writes: it gathers what sessions submit and gives each one write an interval. It waits for no disk, unless
//! each session has to: what it has written survives its own end, and the [`Keeper`] sees to it that it survives the host's.

use super::keeper::{self, Ending, Inbox};
use super::log::Log;
use super::marks::Presence;
use super::recorder::{Closed, Done, Line};
use super::store::{EvidenceSettings, OnFailure};
use super::subscriber::Subscriber;
use super::tape::{Press, Tape};
use super::{EvidenceError, Failed, now};
use crate::durable;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A buffer larger than this is not kept for the next session: 10 000 of them would be too much.
const KEEP: usize = 1 << 20;
/// How long the thread waits for room in the stream of events before it looks whether it is to end.
const HELD_BACK: Duration = Duration::from_millis(20);

/// Starts the thread.
pub(super) fn start(
    queue: Arc<Queue>,
    settings: Arc<EvidenceSettings>,
    subscriber: Option<Arc<dyn Subscriber>>,
) -> io::Result<JoinHandle<()>> {
    let (keeper, keeping) = keeper::start(Arc::clone(&queue), Arc::clone(&settings), subscriber.clone())?;
    thread::Builder::new().name("weir-evidence".into()).spawn(move || {
        let (batch, press) = (FrameBuffer::default(), Press::default());
        let (inbox, events) = (Arc::clone(&keeper), subscriber.clone());
        Writer { queue, settings, subscriber, keeper: inbox, batch, press }.run();
        keeper.stop();
        if keeping.join().is_err() {
            tracing::error!("the records may not be on the disk: their keeper has panicked");
        }
        if let Some(events) = events {
            events.round();
        }
    })
}

/// The sessions that have something to write.
pub(super) struct Queue {
    state: Mutex<QueueState>,
    wake: Condvar,
    settled: Condvar,
    log: Arc<Log>,
    open: Presence,
    /// The directory of records.
    records: PathBuf,
    /// Whether directories have new names that may not be on the disk.
    names: Mutex<bool>,
    /// Whether something is in the log that no checkpoint covers.
    dirty: AtomicBool,
}

#[derive(Default)]
struct QueueState {
    ready: Vec<Arc<Line>>,
    hurry: bool,
    stop: bool,
    /// How often it was asked that all be written, and how many of these times it was.
    asked: u64,
    settled: u64,
}

impl Queue {
    pub(super) fn new(log: Log, open: Presence, records: PathBuf) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            settled: Condvar::new(),
            log: Arc::new(log),
            open,
            records,
            names: Mutex::new(false),
            dirty: AtomicBool::new(true),
        }
    }

    pub(super) const fn log(&self) -> &Arc<Log> {
        &self.log
    }

    pub(super) const fn open_records(&self) -> &Presence {
        &self.open
    }

    /// Something was entered in the log: the next checkpoint is to cover it.
    pub(super) fn dirty(&self) {
        self.dirty.store(true, Ordering::Relaxed);
    }

    /// Whether something was entered since this was asked last.
    pub(super) fn was_dirty(&self) -> bool {
        self.dirty.swap(false, Ordering::Relaxed)
    }

    /// New files are there after a crash of the host only once their directories are synced, and their names in the log.
    pub(super) fn sync_names(&self) -> Result<(), EvidenceError> {
        let mut names = self.names();
        if *names {
            durable::sync_names(&self.records).map_err(EvidenceError::io("sync", &self.records))?;
            self.open.sync().map_err(EvidenceError::io("sync", &self.records))?;
            self.log.sync()?;
            *names = false;
        }
        Ok(())
    }

    fn names(&self) -> MutexGuard<'_, bool> {
        self.names.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts a session on the list. It does so once an interval, however much it submits.
    pub(super) fn push(&self, line: &Arc<Line>) {
        let mut state = self.lock();
        state.ready.push(Arc::clone(line));
        if state.ready.len() == 1 {
            self.wake.notify_one();
        }
    }

    /// Has the list written now.
    pub(super) fn hurry(&self) {
        self.lock().hurry = true;
        self.wake.notify_one();
    }

    /// Waits until all that was submitted is written and the log is signed, or `patience` is over.
    pub(super) fn settle(&self, patience: Duration) {
        let mut state = self.lock();
        state.asked += 1;
        let asked = state.asked;
        self.wake.notify_one();
        let waited = self.settled.wait_timeout_while(state, patience, |state| state.settled < asked);
        if waited.is_ok_and(|(_, late)| late.timed_out()) {
            tracing::warn!("the record's writer is behind");
        }
    }

    /// All up to this asking is on the disk and signed.
    pub(super) fn has_settled(&self, asked: u64) {
        self.lock().settled = asked;
        self.settled.notify_all();
    }

    /// Has the thread end once all is written.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.wake.notify_one();
    }

    fn stops(&self) -> bool {
        self.lock().stop
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work, and then for the interval to pass; whether the store has been shut.
    fn take(&self, ready: &mut Vec<Arc<Line>>, flush: Duration, asked: &mut u64, passed_on: u64) -> bool {
        let mut state = self.lock();
        let mut flush_at = None;
        loop {
            let now = Instant::now();
            if !state.ready.is_empty() && flush_at.is_none() {
                flush_at = Some(now + flush);
            }
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if state.stop || state.hurry || state.asked > passed_on || due(flush_at) {
                break;
            }
            state = match flush_at {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => self.wake.wait_timeout(state, at - now).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        state.hurry = false;
        *asked = state.asked;
        std::mem::swap(&mut state.ready, ready);
        state.stop && ready.is_empty()
    }
}

struct Writer {
    queue: Arc<Queue>,
    settings: Arc<EvidenceSettings>,
    subscriber: Option<Arc<dyn Subscriber>>,
    keeper: Arc<Inbox>,
    batch: FrameBuffer,
    press: Press,
}

impl Writer {
    fn run(mut self) {
        let mut ready = Vec::new();
        // What waits for the disk does not wait for others, too.
        let flush = if self.settings.sync.is_zero() { Duration::ZERO } else { self.settings.flush };
        let (mut asked, mut settled) = (0, 0);
        while !self.queue.take(&mut ready, flush, &mut asked, settled) {
            self.hold_back();
            let wrote = !ready.is_empty();
            let endings: Vec<_> = ready.drain(..).filter_map(|line| self.write(line)).collect();
            if wrote && let Some(subscriber) = &self.subscriber {
                subscriber.round();
            }
            // A record that is closed in the log is told by no start again: its events come first.
            self.keeper.end(endings);
            if asked > settled {
                settled = asked;
                self.keeper.settle(asked);
            }
        }
    }

    /// Writes nothing while the stream of events is full and is not to lose any: the sessions' own bounds then hold them.
    fn hold_back(&self) {
        while self.subscriber.as_ref().is_some_and(|subscriber| !subscriber.wait_for_room(HELD_BACK)) && !self.queue.stops() {}
    }

    /// Writes what waits of one session; gives it back where it was the last of it.
    fn write(&mut self, line: Arc<Line>) -> Option<Ending> {
        let (bytes, submitted, closing) = {
            let mut state = line.lock();
            state.queued = false;
            state.pending.drain_into(&mut self.batch);
            (self.batch.len(), state.submitted, state.closing.take().inspect(|_| state.closed = true))
        };
        line.doing.hear(&self.batch);
        let mut slot = line.tape();
        let Some(tape) = slot.as_mut() else {
            self.batch.clear();
            return None;
        };
        let said = say_lost(tape, &mut self.press);
        let first = tape.closed().frames;
        let mut result = said.and_then(|()| tape.write(&self.batch, &mut self.press));
        match &result {
            Ok(()) => line.wrote(first, &self.batch),
            Err(_) => tape.lost += self.batch.frames(),
        }
        if tape.took_new_names() {
            *self.queue.names() = true;
        }
        if result.is_ok() && self.settings.sync.is_zero() {
            result = self.persist(&line, submitted, slot.as_mut());
        }
        self.batch.clear();
        self.press.shrink();
        if self.batch.capacity() > KEEP {
            self.batch = FrameBuffer::default();
        }
        let failed = report(&line, bytes, result);
        let ending = match (closing, failed) {
            (None, _) => None,
            (Some(closing), Some(failed)) => {
                // The log keeps it open: the next start mends and closes it.
                *slot = None;
                answer(closing.done, Err(failed));
                drop(slot);
                self.keeper.forget(line.session);
                return None;
            }
            (Some(closing), None) => slot.take().map(|tape| (tape, closing)),
        };
        drop(slot);
        let Some((tape, closing)) = ending else {
            self.keeper.wrote(line, self.settings.sync);
            return None;
        };
        let end = if tape.lost > 0 { "failed" } else { closing.end };
        Some(Ending { line, tape, end, done: closing.done })
    }

    /// Brings to the disk what a session waits for before anything of it goes on.
    fn persist(&mut self, line: &Line, submitted: u64, tape: Option<&mut Tape>) -> Result<(), EvidenceError> {
        self.queue.sync_names()?;
        if let Some(tape) = tape {
            tape.sync()?;
        }
        line.on_disk(submitted);
        Ok(())
    }
}

/// Tells the session how its write went.
pub(super) fn report(line: &Line, bytes: usize, result: Result<(), EvidenceError>) -> Option<Failed> {
    let failed = result.err().map(|error| Failed::Write(error.to_string()));
    let mut state = line.lock();
    state.outstanding = state.outstanding.saturating_sub(bytes);
    if failed.is_some() && state.failed.is_none() {
        tracing::error!(session = %line.session, error = failed.as_ref().map(tracing::field::display), "a record cannot be written");
    }
    // A session that stops for it stays stopped, even where its last frames can be written.
    if failed.is_some() || line.settings.on_failure == OnFailure::Continue {
        state.failed.clone_from(&failed);
    }
    drop(state);
    if failed.is_some() && line.settings.on_failure == OnFailure::Stop {
        line.stopped.store(true, Ordering::Relaxed);
    }
    line.room.notify_waiters();
    line.wake();
    failed
}

/// Says in the record how much of it was lost, before anything else is written to it.
fn say_lost(tape: &mut Tape, press: &mut Press) -> Result<(), EvidenceError> {
    if tape.lost == 0 || std::mem::replace(&mut tape.lost_said, tape.lost) == tape.lost {
        return Ok(());
    }
    let said = json!({"what": "lost", "frames": tape.lost, "why": "the record could not be written"});
    let mut note = FrameBuffer::default();
    note.push_json(now(), FrameKind::Note, &said);
    tape.write(&note, press).inspect_err(|_| tape.lost_said = 0)
}

/// Tells who waits for a record's end, where someone still does.
pub(super) fn answer(done: Option<Done>, result: Result<Closed, Failed>) {
    if let Some(done) = done
        && done.send(result).is_err()
    {
        tracing::debug!("nobody waited for a record's end");
    }
}
