//! What comes into force is applied to what is live, and what people did gets into the gateway's own record.

use super::owners;
use crate::host::Diary;
use crate::ledger::{Event, InForce, Ledger};
use crate::session::context::Shared;
use crate::session::judge::{block, blocked, judge_again};
use crate::session::live;
use serde_json::json;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// How long an event may take to the disk by the record's own way. Until then it counts as not recorded.
const TO_DISK: Duration = Duration::from_secs(3);
/// How often events are looked for that nobody has told of.
const LOOK: Duration = Duration::from_secs(1);

/// Applies what comes into force until it is told to stop.
pub async fn apply_changes(shared: Arc<Shared>, mut stopped: oneshot::Receiver<()>) {
    let mut changes = shared.ledger.changes();
    let mut before = shared.ledger.in_force();
    loop {
        tokio::select! {
            biased;
            _ = &mut stopped => return,
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
        }
        let now = shared.ledger.in_force();
        cut_blocked(&shared, &now);
        owners::follow(&shared, &before, &now);
        if before.grants != now.grants || before.glasses != now.glasses {
            judge_again(&shared);
        }
        before = now;
    }
}

/// Ends every live session that a block names; those that it ended.
///
/// A session is in the table before it is judged, so none is missed between a new block and this.
pub(super) fn cut_blocked(shared: &Shared, in_force: &InForce) -> Vec<Arc<live::Session>> {
    if in_force.blocks.is_empty() {
        return Vec::new();
    }
    let mut cut = Vec::new();
    for session in shared.live.all() {
        if let Some(block) = block(shared, in_force, &session) {
            session.kill(blocked(&block));
            cut.push(session);
        }
    }
    cut
}

/// Writes events into the gateway's own record, and notes in the ledger which are there.
pub struct Scribe {
    ledger: Arc<Ledger>,
    diary: Arc<Diary>,
    /// The last event that was handed to the record.
    last: u64,
    /// Those that are on their way to the disk.
    underway: Vec<(Instant, Vec<u64>)>,
}

impl Scribe {
    /// A scribe that begins with what others have left.
    #[must_use]
    pub const fn new(ledger: Arc<Ledger>, diary: Arc<Diary>) -> Self {
        Self { ledger, diary, last: 0, underway: Vec::new() }
    }

    /// Goes on until it is told to stop; what is left then is written.
    pub async fn run(mut self, mut stopped: oneshot::Receiver<()>) {
        let mut events = self.ledger.events();
        loop {
            self.write(false);
            tokio::select! {
                biased;
                _ = &mut stopped => break,
                // One that was missed is in the ledger.
                _heard = events.recv() => {}
                () = tokio::time::sleep(LOOK) => {}
            }
        }
        self.write(true);
    }

    fn write(&mut self, all: bool) {
        match self.ledger.unrecorded() {
            Ok(events) => {
                let fresh: Vec<_> = events.iter().filter(|event| event.number > self.last).collect();
                fresh.iter().for_each(|event| self.diary.note(&frame(event)));
                if let Some(last) = fresh.last() {
                    self.last = last.number;
                    self.underway.push((Instant::now(), fresh.iter().map(|event| event.number).collect()));
                }
            }
            Err(error) => tracing::error!(%error, "what people did can't be read from the ledger"),
        }
        let there = self.underway.iter().take_while(|(since, _)| all || since.elapsed() >= TO_DISK).count();
        for (_, numbers) in self.underway.drain(..there) {
            if let Err(error) = self.ledger.recorded(&numbers) {
                tracing::error!(%error, "that events are recorded can't be noted: they will be twice");
            }
        }
    }
}

/// An event as its frame holds it, with all that its signature is over.
fn frame(event: &Event) -> serde_json::Value {
    json!({ "what": "control", "event": event })
}
