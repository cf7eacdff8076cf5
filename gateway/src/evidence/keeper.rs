//! The thread that brings records to the disk: it syncs them, says in the log how far they are and how they ended, and has the log
//! signed. A slow disk is its matter alone: the [writer](super::writer) goes on meanwhile.

use super::recorder::{Closed, Done, Line};
use super::store::EvidenceSettings;
use super::subscriber::Subscriber;
use super::tape::Tape;
use super::writer::{Queue, answer, report};
use super::{EvidenceError, Failed, now};
use gateway_core::model::ids::SessionId;
use gateway_core::record::log::{Entry, Grown};
use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// Starts the thread.
pub(super) fn start(
    queue: Arc<Queue>,
    settings: Arc<EvidenceSettings>,
    subscriber: Option<Arc<dyn Subscriber>>,
) -> io::Result<(Arc<Inbox>, JoinHandle<()>)> {
    let inbox = Arc::new(Inbox::default());
    let checkpoint_at = Instant::now() + settings.checkpoint;
    let (unsynced, grown) = (HashMap::new(), HashMap::new());
    let keeper = Keeper { queue, settings, subscriber, unsynced, grown, checkpoint_at };
    let of_thread = Arc::clone(&inbox);
    let thread = thread::Builder::new().name("weir-keeper".into()).spawn(move || keeper.run(&of_thread))?;
    Ok((inbox, thread))
}

/// A record that is written to its end and not yet in the log.
pub(super) struct Ending {
    pub(super) line: Arc<Line>,
    pub(super) tape: Tape,
    pub(super) end: &'static str,
    pub(super) done: Option<Done>,
}

/// What the writer has for the keeper.
#[derive(Default)]
pub(super) struct Inbox {
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Default)]
struct State {
    /// By session: those that grew. There are no more of them than live sessions.
    wrote: HashMap<u64, Arc<Line>>,
    /// When the first of them is to be on the disk.
    sync_at: Option<Instant>,
    /// Sessions wait for them.
    endings: Vec<Ending>,
    /// Records that go on no more, and stay open in the log.
    forgotten: Vec<SessionId>,
    asked: u64,
    stop: bool,
}

impl Inbox {
    /// A record has grown, and is to be on the disk within `sync`.
    pub(super) fn wrote(&self, line: Arc<Line>, sync: Duration) {
        let mut state = self.lock();
        state.wrote.insert(line.session.number(), line);
        if state.sync_at.is_none() {
            state.sync_at = Some(Instant::now() + sync);
            self.wake.notify_one();
        }
    }

    /// Records are to be closed.
    pub(super) fn end(&self, endings: Vec<Ending>) {
        if !endings.is_empty() {
            self.lock().endings.extend(endings);
            self.wake.notify_one();
        }
    }

    /// A record can't be closed.
    pub(super) fn forget(&self, session: SessionId) {
        let mut state = self.lock();
        state.wrote.remove(&session.number());
        state.forgotten.push(session);
    }

    /// All that was handed over is to be on the disk and signed; [`Queue::has_settled`] is told so.
    pub(super) fn settle(&self, asked: u64) {
        self.lock().asked = asked;
        self.wake.notify_one();
    }

    /// Has the thread end once all that was handed over is on the disk.
    pub(super) fn stop(&self) {
        self.lock().stop = true;
        self.wake.notify_one();
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for something to do, or until `at`.
    fn take(&self, at: Instant, settled: u64) -> State {
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            let due = state.sync_at.map_or(at, |sync_at| sync_at.min(at));
            if state.stop || state.asked > settled || !state.endings.is_empty() || due <= now {
                break;
            }
            state = self.wake.wait_timeout(state, due - now).unwrap_or_else(PoisonError::into_inner).0;
        }
        let (asked, stop) = (state.asked, state.stop);
        // What is due later stays for later: an ending alone makes no round.
        let sync_now = stop || asked > settled || [Some(at), state.sync_at].into_iter().flatten().any(|at| at <= Instant::now());
        let (wrote, sync_at) = match sync_now {
            true => (std::mem::take(&mut state.wrote), state.sync_at.take()),
            false => (HashMap::new(), None),
        };
        let (endings, forgotten) = (std::mem::take(&mut state.endings), std::mem::take(&mut state.forgotten));
        for ending in &endings {
            state.wrote.remove(&ending.line.session.number());
        }
        State { wrote, sync_at, endings, forgotten, asked, stop }
    }
}

struct Keeper {
    queue: Arc<Queue>,
    settings: Arc<EvidenceSettings>,
    subscriber: Option<Arc<dyn Subscriber>>,
    unsynced: HashMap<u64, Arc<Line>>,
    /// How far open records are on the disk that have grown since the log said so.
    grown: HashMap<u64, Grown>,
    checkpoint_at: Instant,
}

impl Keeper {
    fn run(mut self, inbox: &Inbox) {
        let mut settled = 0;
        loop {
            let State { wrote, sync_at: _, endings, forgotten, asked, stop } = inbox.take(self.checkpoint_at, settled);
            self.unsynced.extend(wrote);
            for session in forgotten.iter().copied().chain(endings.iter().map(|ending| ending.line.session)) {
                self.unsynced.remove(&session.number());
                self.grown.remove(&session.number());
            }
            if !endings.is_empty() {
                self.close(endings);
            }
            self.sync();
            if stop || asked > settled || self.checkpoint_at <= Instant::now() {
                self.checkpoint();
            }
            if asked > settled {
                settled = asked;
                self.queue.has_settled(asked);
            }
            if stop {
                return;
            }
        }
    }

    /// Syncs records that ended, enters them in the log, and tells who waits.
    fn close(&self, mut endings: Vec<Ending>) {
        let mut entries = Vec::new();
        // What the log says of them is synced with what it says of their end.
        if let Err(error) = self.queue.sync_names() {
            tracing::error!(%error, "the names of records cannot be synced");
        }
        endings.retain_mut(|ending| match ending.tape.sync() {
            Ok(()) => {
                entries.push(ending.entry());
                true
            }
            Err(error) => {
                report(&ending.line, 0, Err(error));
                answer(ending.done.take(), Err(Failed::Write("its last frames could not be synced".into())));
                false
            }
        });
        let log = self.queue.log();
        let entered = log.locked(|log| log.append(&entries)).and_then(|_index| log.sync()).map_err(|error| error.to_string());
        self.queue.dirty();
        if let Err(error) = &entered {
            tracing::error!(%error, sessions = endings.len(), "records that ended are not in the log: the next start closes them");
        }
        for Ending { line, tape, done, .. } in endings {
            if entered.is_ok() {
                self.queue.open_records().remove(line.session);
            }
            answer(done, entered.clone().map(|()| tape.closed()).map_err(Failed::Write));
        }
    }

    /// Syncs what has grown. A record's own lock is held only to learn how far it is: it grows on meanwhile.
    fn sync(&mut self) {
        let mut synced = Vec::new();
        for (_, line) in self.unsynced.drain() {
            let mut slot = line.tape();
            let Some(tape) = slot.as_mut() else { continue };
            let Closed { frames, blocks, chain, .. } = tape.closed();
            let file = tape.take_unsynced();
            drop(slot);
            let done = file.map_or(Ok(()), |(file, path)| file.sync_data().map_err(EvidenceError::io("sync", &path)));
            match done {
                Ok(()) => synced.push(Grown { session: line.session, frames, blocks, chain }),
                Err(error) => {
                    if let Some(tape) = line.tape().as_mut() {
                        tape.unsynced = true;
                    }
                    report(&line, 0, Err(error));
                }
            }
        }
        // Behind the files: a segment that was begun meanwhile is among what was synced.
        match self.queue.sync_names() {
            Ok(()) => self.grown.extend(synced.into_iter().map(|grown| (grown.session.number(), grown))),
            Err(error) => tracing::error!(%error, "the names of records cannot be synced"),
        }
    }

    /// Says in the log how far open records are, signs it, and hands the note on. Only of what is on the disk.
    fn checkpoint(&mut self) {
        self.checkpoint_at = Instant::now() + self.settings.checkpoint;
        let dirty = self.queue.was_dirty();
        // A command may have entered something beside us that nobody else signs.
        let behind = || self.queue.log().is_behind().unwrap_or(false);
        if self.grown.is_empty() && !dirty && !behind() {
            return;
        }
        let heads: Vec<_> = self.grown.drain().map(|(_, grown)| grown).collect();
        let entries: Vec<_> = Entry::grown(now().0, &heads).collect();
        let log = self.queue.log();
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
