//! From the record's writer to the spool: events of what was just written, in its order, at least once.

use super::own;
use super::spool::{Spool, SpoolError, told};
use crate::evidence::{Subscriber, Subscription, Walk};
use gateway_core::event::{Event, Listener};
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameBuffer;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

/// Events that may wait for a spool that can't be written, before nothing more is recorded.
const MOST_WAITING: usize = 20_000;
/// Events that are appended at once.
const AT_ONCE: usize = 1000;

/// Hears what records hold, and appends its events.
pub struct Feed {
    spool: Arc<Spool>,
    state_dir: PathBuf,
    host: String,
    waiting: Arc<Mutex<Vec<Event>>>,
    /// Held while what waits is appended: the order of a session's events is that of its frames.
    turn: Mutex<()>,
    /// Of each session in the spool the last frame that was told, as it was when a crash was found.
    told: OnceLock<HashMap<SessionId, u64>>,
}

impl Feed {
    /// For the spool of a state directory.
    #[must_use]
    pub fn new(spool: Arc<Spool>, state_dir: &Path, host: &str) -> Self {
        let (waiting, turn) = (Arc::default(), Mutex::default());
        Self { spool, state_dir: state_dir.to_owned(), host: host.to_owned(), waiting, turn, told: OnceLock::new() }
    }

    fn waiting(&self) -> MutexGuard<'_, Vec<Event>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All events of a record that may not be in the spool.
    fn retell(&self, session: SessionId) -> Result<(), String> {
        let told = self.told.get_or_init(|| {
            told(&self.state_dir).unwrap_or_else(|error| {
                tracing::warn!(%error, "the spool can't be read: what a crash left is told from its beginning");
                HashMap::new()
            })
        });
        let after = told.get(&session).copied();
        let mut listener = Listener::new(&self.host, session);
        let mut walk = Walk::open(&self.state_dir, session).map_err(|error| error.to_string())?;
        let mut events = Vec::new();
        while let Some(seen) = walk.next(|_| true).map_err(|error| error.to_string())? {
            let heard = after.is_some_and(|after| seen.seq <= after);
            listener.hear(seen.seq, seen.time, seen.kind, seen.body, &mut |event| {
                if !heard {
                    events.push(event);
                }
            });
            if events.len() >= AT_ONCE {
                self.spool.append(&events).map_err(|error| error.to_string())?;
                events.clear();
            }
        }
        self.spool.append(&events).map_err(|error| error.to_string())
    }
}

impl Subscriber for Feed {
    fn subscribe(&self, session: SessionId) -> Box<dyn Subscription> {
        Box::new(Heard { listener: Listener::new(&self.host, session), waiting: Arc::clone(&self.waiting) })
    }

    fn recovered(&self, session: SessionId) {
        if let Err(error) = self.retell(session) {
            tracing::error!(%session, error, "not all events of a record that a crash left reach the sinks");
        }
    }

    fn round(&self) {
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        // Whoever begins a record meanwhile does not wait for the disk.
        let mut events = std::mem::take(&mut *self.waiting());
        let mut at_once = AT_ONCE;
        while !events.is_empty() {
            let most = events.len().min(at_once);
            match self.spool.append(events.get(..most).unwrap_or_default()) {
                Ok(()) => drop(events.drain(..most)),
                // One that can't be written as it is keeps nobody from the others: it is found alone.
                Err(SpoolError::Event { .. }) if most > 1 => at_once = 1,
                Err(error @ SpoolError::Event { .. }) => {
                    tracing::error!(%error, "an event reaches no sink");
                    drop(events.drain(..most));
                }
                Err(error) => {
                    if !self.spool.is_full() {
                        tracing::error!(%error, waiting = events.len(), "events can't be spooled, and wait");
                    }
                    let mut waiting = self.waiting();
                    events.append(&mut waiting);
                    *waiting = events;
                    return;
                }
            }
        }
    }

    fn checkpoint(&self, note: &str) {
        self.waiting().push(own::checkpoint(note));
        self.round();
    }

    fn wait_for_room(&self, patience: Duration) -> bool {
        self.round();
        let waits = self.waiting().len();
        if waits > MOST_WAITING && !self.spool.is_full() {
            // It can't be written at all: there is nothing to be woken by.
            std::thread::sleep(patience);
        }
        self.spool.wait_for_room(patience) && waits <= MOST_WAITING
    }
}

/// Hears one record.
struct Heard {
    listener: Listener,
    waiting: Arc<Mutex<Vec<Event>>>,
}

impl Subscription for Heard {
    fn wrote(&mut self, first: u64, frames: &FrameBuffer) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        for (seq, (time, kind, body)) in (first..).zip(frames.iter()) {
            self.listener.hear(seq, time, kind, body, &mut |event| waiting.push(event));
        }
    }
}
