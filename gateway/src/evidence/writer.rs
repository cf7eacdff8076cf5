//! The one thread that writes: it gathers what sessions submit and gives each one write an interval.

use super::log::Log;
use super::open::OpenRecords;
use super::recorder::{Closed, Done, Line};
use super::store::{EvidenceSettings, OnFailure};
use super::subscriber::Subscriber;
use super::tape::{Press, Tape};
use super::{EvidenceError, Failed, now};
use crate::durable;
use gateway_core::record::log::{Entry, Grown};
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use std::collections::HashMap;
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
    thread::Builder::new().name("weir-evidence".into()).spawn(move || Writer::new(queue, settings, subscriber).run())
}

/// The sessions that have something to write.
pub(super) struct Queue {
    state: Mutex<QueueState>,
    wake: Condvar,
    settled: Condvar,
    log: Log,
    open: OpenRecords,
    /// The directory of records.
    records: PathBuf,
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
    pub(super) fn new(log: Log, open: OpenRecords, records: PathBuf) -> Self {
        Self {
            state: Mutex::default(),
            wake: Condvar::new(),
            settled: Condvar::new(),
            log,
            open,
            records,
            dirty: AtomicBool::new(true),
        }
    }

    pub(super) const fn log(&self) -> &Log {
        &self.log
    }

    pub(super) const fn open_records(&self) -> &OpenRecords {
        &self.open
    }

    /// Something was entered in the log: the next checkpoint is to cover it.
    pub(super) fn dirty(&self) {
        self.dirty.store(true, Ordering::Relaxed);
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

    /// All up to this asking is written.
    fn has_settled(&self, asked: u64) {
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
    fn take(&self, ready: &mut Vec<Arc<Line>>, flush: Duration, wake_at: Option<Instant>, asked: &mut u64) -> bool {
        let mut state = self.lock();
        let mut flush_at = None;
        loop {
            let now = Instant::now();
            if !state.ready.is_empty() && flush_at.is_none() {
                flush_at = Some(now + flush);
            }
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if state.stop || state.hurry || state.asked > state.settled || due(flush_at) || due(wake_at) {
                break;
            }
            state = match flush_at.into_iter().chain(wake_at).min() {
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
    batch: FrameBuffer,
    press: Press,
    unsynced: HashMap<u64, Arc<Line>>,
    sync_at: Option<Instant>,
    /// How far open records are on the disk that have grown since the log said so.
    grown: HashMap<u64, Grown>,
    checkpoint_at: Instant,
    /// Directories have new names that may not be on the disk.
    names: bool,
}

/// A record that is written to its end and not yet in the log.
struct Ending {
    line: Arc<Line>,
    tape: Tape,
    end: &'static str,
    done: Option<Done>,
}

impl Writer {
    fn new(queue: Arc<Queue>, settings: Arc<EvidenceSettings>, subscriber: Option<Arc<dyn Subscriber>>) -> Self {
        let checkpoint_at = Instant::now() + settings.checkpoint;
        Self {
            queue,
            settings,
            subscriber,
            batch: FrameBuffer::default(),
            press: Press::default(),
            unsynced: HashMap::new(),
            sync_at: None,
            grown: HashMap::new(),
            checkpoint_at,
            names: false,
        }
    }

    fn run(mut self) {
        let mut ready = Vec::new();
        // What waits for the disk does not wait for others, too.
        let flush = if self.settings.sync.is_zero() { Duration::ZERO } else { self.settings.flush };
        let (mut asked, mut settled) = (0, 0);
        while !self.queue.take(&mut ready, flush, Some(self.due()), &mut asked) {
            self.hold_back();
            let wrote = !ready.is_empty();
            let mut endings = Vec::new();
            for line in ready.drain(..) {
                endings.extend(self.write(line));
            }
            if wrote && let Some(subscriber) = &self.subscriber {
                subscriber.round();
            }
            if !endings.is_empty() {
                self.close(endings);
            }
            if self.sync_at.is_some_and(|at| at <= Instant::now()) {
                self.sync();
            }
            if self.checkpoint_at <= Instant::now() || asked > settled {
                self.checkpoint();
            }
            if asked > settled {
                settled = asked;
                self.queue.has_settled(asked);
            }
        }
        self.checkpoint();
        if let Some(subscriber) = &self.subscriber {
            subscriber.round();
        }
    }

    /// When there is something to do, whoever submits.
    fn due(&self) -> Instant {
        self.sync_at.map_or(self.checkpoint_at, |at| at.min(self.checkpoint_at))
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
        self.names |= tape.took_new_names();
        if result.is_ok() && self.settings.sync.is_zero() {
            result = self.persist(&line, submitted, slot.as_mut());
        }
        self.batch.clear();
        self.press.shrink();
        if self.batch.capacity() > KEEP {
            self.batch = FrameBuffer::default();
        }
        let failed = self.report(&line, bytes, result);
        let ending = match (closing, failed) {
            (None, _) => None,
            (Some(closing), Some(failed)) => {
                // The log keeps it open: the next start mends and closes it.
                *slot = None;
                answer(closing.done, Err(failed));
                self.forget(&line);
                return None;
            }
            (Some(closing), None) => slot.take().map(|tape| (tape, closing)),
        };
        drop(slot);
        if let Some((tape, closing)) = ending {
            self.forget(&line);
            let end = if tape.lost > 0 { "failed" } else { closing.end };
            return Some(Ending { line, tape, end, done: closing.done });
        }
        self.unsynced.insert(line.session.number(), line);
        self.sync_at.get_or_insert_with(|| Instant::now() + self.settings.sync);
        None
    }

    /// Brings to the disk what a session waits for before anything of it goes on.
    fn persist(&mut self, line: &Line, submitted: u64, tape: Option<&mut Tape>) -> Result<(), EvidenceError> {
        self.sync_begun()?;
        if let Some(tape) = tape {
            tape.sync()?;
        }
        line.on_disk(submitted);
        Ok(())
    }

    fn forget(&mut self, line: &Line) {
        self.unsynced.remove(&line.session.number());
        self.grown.remove(&line.session.number());
    }

    /// Tells the session how its write went.
    fn report(&self, line: &Line, bytes: usize, result: Result<(), EvidenceError>) -> Option<Failed> {
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

    /// Syncs records that ended, enters them in the log, and tells who waits.
    fn close(&mut self, mut endings: Vec<Ending>) {
        let mut entries = Vec::new();
        // What the log says of them is synced with what it says of their end.
        if let Err(error) = self.sync_names() {
            tracing::error!(%error, "the names of records cannot be synced");
        }
        endings.retain_mut(|ending| match ending.tape.sync() {
            Ok(()) => {
                entries.push(ending.entry());
                true
            }
            Err(error) => {
                self.report(&ending.line, 0, Err(error));
                answer(ending.done.take(), Err(Failed::Write("its last frames could not be synced".into())));
                false
            }
        });
        let log = &self.queue.log;
        let entered = log.locked(|log| log.append(&entries)).and_then(|_index| log.sync()).map_err(|error| error.to_string());
        self.queue.dirty();
        if let Err(error) = &entered {
            tracing::error!(%error, sessions = endings.len(), "records that ended are not in the log: the next start closes them");
        }
        for Ending { line, tape, done, .. } in endings {
            if entered.is_ok() {
                self.queue.open.remove(line.session);
            }
            answer(done, entered.clone().map(|()| tape.closed()).map_err(Failed::Write));
        }
    }

    fn sync(&mut self) {
        let lines: Vec<_> = self.unsynced.drain().map(|(_, line)| line).collect();
        self.sync_at = None;
        if let Err(error) = self.sync_begun() {
            tracing::error!(%error, "the names of records cannot be synced");
        }
        for line in lines {
            let mut slot = line.tape();
            let synced = match slot.as_mut() {
                Some(tape) => {
                    let synced = if tape.unsynced { tape.sync() } else { Ok(()) };
                    if synced.is_ok() {
                        let Closed { frames, blocks, chain, .. } = tape.closed();
                        self.grown.insert(line.session.number(), Grown { session: line.session, frames, blocks, chain });
                    }
                    synced
                }
                None => Ok(()),
            };
            drop(slot);
            if let Err(error) = synced {
                self.report(&line, 0, Err(error));
            }
        }
    }

    /// The same, and what the log says of them.
    fn sync_begun(&mut self) -> Result<(), EvidenceError> {
        if self.sync_names()? { Ok(self.queue.log.sync()?) } else { Ok(()) }
    }

    /// New files are there after a crash of the host only once their directories are synced; whether there were any.
    fn sync_names(&mut self) -> Result<bool, EvidenceError> {
        if std::mem::take(&mut self.names) {
            let records = &self.queue.records;
            durable::sync_names(records).map_err(EvidenceError::io("sync", records))?;
            self.queue.open.sync().map_err(EvidenceError::io("sync", records))?;
            return Ok(true);
        }
        Ok(false)
    }

    /// Says in the log how far open records are, signs it, and hands the note on. Only of what is on the disk.
    fn checkpoint(&mut self) {
        self.checkpoint_at = Instant::now() + self.settings.checkpoint;
        self.sync();
        let dirty = self.queue.dirty.swap(false, Ordering::Relaxed);
        // A command may have entered something beside us that nobody else signs.
        let behind = || self.queue.log.is_behind().unwrap_or(false);
        if self.grown.is_empty() && !dirty && !behind() {
            return;
        }
        let heads: Vec<_> = self.grown.drain().map(|(_, grown)| grown).collect();
        let entries: Vec<_> = Entry::grown(now().0, &heads).collect();
        let log = &self.queue.log;
        let signed = log.locked(|log| log.append(&entries)).and_then(|_index| log.checkpoint_now());
        match signed {
            Ok(None) => {}
            Ok(Some(note)) => {
                if let Some(subscriber) = &self.subscriber {
                    subscriber.checkpoint(&note);
                }
            }
            Err(error) => {
                self.queue.dirty();
                tracing::error!(%error, "the log of records cannot be signed");
            }
        }
    }
}

impl Ending {
    fn entry(&self) -> Entry {
        let Closed { frames, blocks, bytes, chain } = self.tape.closed();
        Entry::Closed {
            at: now().0,
            session: self.line.session,
            frames,
            blocks,
            bytes,
            segments: self.tape.segments(),
            chain,
            end: self.end.to_owned(),
        }
    }
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
fn answer(done: Option<Done>, result: Result<Closed, Failed>) {
    if let Some(done) = done
        && done.send(result).is_err()
    {
        tracing::debug!("nobody waited for a record's end");
    }
}
