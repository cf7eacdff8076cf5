//! The one thread that writes: it gathers what sessions submit and gives each one write an interval.

use super::heads::{HeadsLog, SharedHeads};
use super::recorder::{Closed, Done, Line};
use super::store::{EvidenceSettings, OnFailure};
use super::tape::{Press, Tape};
use super::{EvidenceError, Failed, now};
use gateway_core::record::heads::Head;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use std::collections::HashMap;
use std::io;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// A buffer larger than this is not kept for the next session: 10 000 of them would be too much.
const KEEP: usize = 1 << 20;

/// Starts the thread.
pub(super) fn start(queue: Arc<Queue>, settings: EvidenceSettings) -> io::Result<JoinHandle<()>> {
    thread::Builder::new().name("weir-evidence".into()).spawn(move || Writer::new(queue, settings).run())
}

/// The sessions that have something to write.
pub(super) struct Queue {
    state: Mutex<QueueState>,
    wake: Condvar,
    heads: SharedHeads,
}

#[derive(Default)]
struct QueueState {
    ready: Vec<Arc<Line>>,
    hurry: bool,
    stop: bool,
}

impl Queue {
    pub(super) fn new(heads: HeadsLog) -> Self {
        Self { state: Mutex::default(), wake: Condvar::new(), heads: SharedHeads::new(heads) }
    }

    pub(super) const fn heads(&self) -> &SharedHeads {
        &self.heads
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

    /// Has the thread end once all is written.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, QueueState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for work, and then for the interval to pass; whether the store has been shut.
    fn take(&self, ready: &mut Vec<Arc<Line>>, flush: Duration, sync_at: Option<Instant>) -> bool {
        let mut state = self.lock();
        let mut flush_at = None;
        loop {
            let now = Instant::now();
            if !state.ready.is_empty() && flush_at.is_none() {
                flush_at = Some(now + flush);
            }
            let due = |at: Option<Instant>| at.is_some_and(|at| at <= now);
            if state.stop || state.hurry || due(flush_at) || due(sync_at) {
                break;
            }
            state = match flush_at.into_iter().chain(sync_at).min() {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(at) => self.wake.wait_timeout(state, at - now).unwrap_or_else(PoisonError::into_inner).0,
            };
        }
        state.hurry = false;
        std::mem::swap(&mut state.ready, ready);
        state.stop && ready.is_empty()
    }
}

struct Writer {
    queue: Arc<Queue>,
    settings: EvidenceSettings,
    batch: FrameBuffer,
    press: Press,
    unsynced: HashMap<u64, Arc<Line>>,
    sync_at: Option<Instant>,
}

/// A record that is written to its end and not yet in the log.
struct Ending {
    line: Arc<Line>,
    tape: Tape,
    end: &'static str,
    done: Option<Done>,
}

impl Writer {
    fn new(queue: Arc<Queue>, settings: EvidenceSettings) -> Self {
        Self { queue, settings, batch: FrameBuffer::default(), press: Press::default(), unsynced: HashMap::new(), sync_at: None }
    }

    fn run(mut self) {
        let mut ready = Vec::new();
        while !self.queue.take(&mut ready, self.settings.flush, self.sync_at) {
            let mut endings = Vec::new();
            for line in ready.drain(..) {
                endings.extend(self.write(line));
            }
            if !endings.is_empty() {
                self.close(endings);
            }
            if self.sync_at.is_some_and(|at| at <= Instant::now()) {
                self.sync();
            }
        }
        self.sync();
    }

    /// Writes what waits of one session; gives it back where it was the last of it.
    fn write(&mut self, line: Arc<Line>) -> Option<Ending> {
        let (bytes, closing) = {
            let mut state = line.lock();
            state.queued = false;
            state.pending.drain_into(&mut self.batch);
            (self.batch.len(), state.closing.take().inspect(|_| state.closed = true))
        };
        line.doing.hear(&self.batch);
        let mut slot = line.tape();
        let Some(tape) = slot.as_mut() else {
            self.batch.clear();
            return None;
        };
        let result = say_lost(tape, &mut self.press).and_then(|()| tape.write(&mut self.batch, &mut self.press));
        self.press.shrink();
        if !self.batch.is_empty() {
            tape.lost += self.batch.frames();
            self.batch.clear();
        }
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
                self.unsynced.remove(&line.session.number());
                return None;
            }
            (Some(closing), None) => slot.take().map(|tape| (tape, closing)),
        };
        drop(slot);
        if let Some((tape, closing)) = ending {
            self.unsynced.remove(&line.session.number());
            let end = if tape.lost > 0 { "failed" } else { closing.end };
            return Some(Ending { line, tape, end, done: closing.done });
        }
        self.unsynced.insert(line.session.number(), line);
        self.sync_at.get_or_insert_with(|| Instant::now() + self.settings.sync);
        None
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
        failed
    }

    /// Syncs records that ended, enters them in the log, and tells who waits.
    fn close(&self, mut endings: Vec<Ending>) {
        let mut heads = Vec::new();
        endings.retain_mut(|ending| match ending.tape.sync() {
            Ok(()) => {
                heads.push(ending.head());
                true
            }
            Err(error) => {
                self.report(&ending.line, 0, Err(error));
                answer(ending.done.take(), Err(Failed::Write("its last frames could not be synced".into())));
                false
            }
        });
        let log = &self.queue.heads;
        let entered = log.locked(|log| log.append(&heads)).map_err(|error| error.to_string());
        let entered = entered.and_then(|()| log.sync().map_err(|error| error.to_string()));
        if let Err(error) = &entered {
            tracing::error!(%error, sessions = endings.len(), "records that ended are not in the heads log: the next start closes them");
        }
        for Ending { tape, done, .. } in endings {
            answer(done, entered.clone().map(|()| tape.closed()).map_err(Failed::Write));
        }
    }

    fn sync(&mut self) {
        let lines: Vec<_> = self.unsynced.drain().map(|(_, line)| line).collect();
        self.sync_at = None;
        for line in lines {
            let synced = match line.tape().as_mut() {
                Some(tape) if tape.unsynced => tape.sync(),
                _ => Ok(()),
            };
            if let Err(error) = synced {
                self.report(&line, 0, Err(error));
            }
        }
    }
}

impl Ending {
    fn head(&self) -> Head {
        let Closed { frames, blocks, bytes, chain } = self.tape.closed();
        Head::Closed {
            at: now().0,
            session: self.line.session,
            frames,
            blocks,
            bytes,
            segments: self.tape.segments(),
            chain: chain.to_string(),
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
    let lost = tape.lost;
    tape.write(&mut note, press).inspect_err(|_| (tape.lost, tape.lost_said) = (lost, 0))
}

/// Tells who waits for a record's end, where someone still does.
fn answer(done: Option<Done>, result: Result<Closed, Failed>) {
    if let Some(done) = done
        && done.send(result).is_err()
    {
        tracing::debug!("nobody waited for a record's end");
    }
}
