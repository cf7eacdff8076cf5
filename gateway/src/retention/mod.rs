//! How long records are kept: what is older goes, but for what a legal hold is on, and a tombstone of it stays in the log.

mod pass;

pub use pass::Pass;

use crate::evidence::{Candidate, EvidenceError, Remover, Walk, due, now};
use crate::ledger::{Kind, Ledger, LedgerError, LegalHold, Recorded};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use serde::Serialize;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Duration;

/// Records that are removed at once: while their tombstones are entered, nobody sets a hold.
const BATCH: usize = 100;
/// Sessions that are told by name.
const NAMED: usize = 1_000;
/// Whoever removes what is over without being asked.
const WEIR: &str = "weir";

/// What is to go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Order {
    /// What was closed so long ago.
    pub older_than: Duration,
    /// Who asks; none where it is the time of keeping that is over.
    pub by: Option<String>,
    /// Only say what would go.
    pub dry_run: bool,
}

/// What went, and what did not.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, utoipa::ToSchema)]
pub struct Removal {
    /// Records that were closed before this were looked at.
    pub before: Timestamp,
    /// Whether nothing was done: then `removed` is what would be.
    pub dry_run: bool,
    /// How many records were removed.
    pub removed: u64,
    /// Their bytes.
    pub bytes: u64,
    /// How many are kept, for a legal hold is on them.
    pub held: u64,
    /// How many are kept, for they are not what the log says was closed: `weir audit verify` says what was done to them.
    pub not_whole: u64,
    /// How many are kept for now, for no checkpoint of the log covers their end yet.
    pub unsigned: u64,
    /// The sessions whose records went, up to 1 000 of them.
    pub sessions: Vec<SessionId>,
}

/// Why nothing more was removed.
#[derive(Debug, thiserror::Error)]
pub enum RetentionError {
    /// Records or log.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// It can't be told what is on hold, or nothing can be written down.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// Removes what an order names. What a person asked for is an event of the ledger, when it begins and when it has ended.
///
/// # Errors
/// Where something can't be read or written. What was begun is then gone on with by the next start.
pub fn remove(state_dir: &Path, ledger: &Ledger, remover: &Remover<'_>, order: &Order) -> Result<Removal, RetentionError> {
    let before = now().before(order.older_than);
    let found = due(state_dir, before)?;
    let mut removal = Removal { before, dry_run: order.dry_run, unsigned: found.unsigned, ..Removal::default() };
    let told = order.by.as_deref().filter(|_| !order.dry_run);
    let began = json!({ "state": "began", "before": before, "records": found.candidates.len() });
    told.map(|by| tell(ledger, by, &began)).transpose()?;
    let done = go_through(state_dir, ledger, remover, order, found.candidates, &mut removal);
    let done = done.and_then(|()| away_again(state_dir, ledger, remover, order, &found.returned));
    let ended = json!({
        "state": "ended", "before": before, "removed": removal.removed, "bytes": removal.bytes, "held": removal.held,
        "not_whole": removal.not_whole, "error": done.as_ref().err().map(ToString::to_string),
    });
    told.map(|by| tell(ledger, by, &ended)).transpose()?;
    done.map(|()| removal)
}

fn go_through(
    state_dir: &Path,
    ledger: &Ledger,
    remover: &Remover<'_>,
    order: &Order,
    candidates: Vec<Candidate>,
    removal: &mut Removal,
) -> Result<(), RetentionError> {
    let by = order.by.as_deref().unwrap_or(WEIR);
    let why = format!("closed more than {} ago", spoken(order.older_than));
    let mut whole = Vec::new();
    for candidate in candidates {
        match remover.is_as_closed(&candidate)? {
            true => whole.push((About::read(state_dir, candidate.session), candidate)),
            false => removal.not_whole += 1,
        }
    }
    for batch in whole.chunks(BATCH) {
        let chosen = |holds: &[LegalHold]| {
            let free = batch.iter().filter(|(about, candidate)| !about.is_held(candidate, holds));
            free.map(|(_, candidate)| *candidate).collect::<Vec<_>>()
        };
        let free = if order.dry_run {
            chosen(&ledger.legal_holds()?)
        } else {
            // Whoever sets a hold waits, or has set it: none is set on what is going at this moment.
            let free = ledger.change(|change| {
                let free = chosen(&change.open::<LegalHold>()?);
                remover.entomb(&free, by, &why)?;
                Ok::<_, RetentionError>(free)
            })?;
            let sessions: Vec<_> = free.iter().map(|candidate| candidate.session).collect();
            remover.bury(&sessions)?;
            free
        };
        removal.held += (batch.len() - free.len()) as u64;
        removal.removed += free.len() as u64;
        removal.bytes += free.iter().map(Candidate::bytes).sum::<u64>();
        let room = NAMED.saturating_sub(removal.sessions.len());
        removal.sessions.extend(free.iter().take(room).map(|candidate| candidate.session));
    }
    Ok(())
}

/// What a backup brought back goes again, unless somebody holds it.
fn away_again(
    state_dir: &Path,
    ledger: &Ledger,
    remover: &Remover<'_>,
    order: &Order,
    returned: &[SessionId],
) -> Result<(), RetentionError> {
    if order.dry_run || returned.is_empty() {
        return Ok(());
    }
    let holds = ledger.legal_holds()?;
    let free = returned.iter().filter(|session| {
        let about = About::read(state_dir, **session);
        !holds.iter().any(|hold| about.is_by(hold, **session, now()))
    });
    let free: Vec<_> = free.copied().collect();
    Ok(remover.bury(&free)?)
}

fn tell(ledger: &Ledger, by: &str, details: &Value) -> Result<(), LedgerError> {
    ledger.change(|change| change.tell(Kind::RecordsPruned, by, "records", details))
}

/// What a legal hold may name of a record: its first frame.
#[derive(Default)]
struct About {
    /// None where the frame can't be read: then any hold may be on it.
    opened: Option<Value>,
}

impl About {
    fn read(state_dir: &Path, session: SessionId) -> Self {
        let read = || {
            let mut walk = Walk::open(state_dir, session).ok()?;
            let first = walk.next(|kind| kind == FrameKind::Opened).ok()??;
            serde_json::from_slice(first.body).ok()
        };
        Self { opened: read() }
    }

    fn is_held(&self, candidate: &Candidate, holds: &[LegalHold]) -> bool {
        holds.iter().any(|hold| self.is_by(hold, candidate.session, candidate.closed_at))
    }

    /// Its last frame was made before it was closed: for a hold's beginning that is the later one.
    fn is_by(&self, hold: &LegalHold, session: SessionId, last: Timestamp) -> bool {
        let Some(opened) = &self.opened else { return true };
        let text = |place: &str| opened.pointer(place).and_then(Value::as_str);
        hold.covers(&Recorded {
            session,
            run: text("/run").and_then(|run| run.parse::<RunId>().ok()),
            target: text("/target/name"),
            workload: text("/principal/workload"),
            name: text("/principal/name"),
            started: session.made_at(),
            last,
        })
    }
}

/// A time as people write it.
fn spoken(time: Duration) -> String {
    let seconds = time.as_secs();
    match (seconds % 86_400, seconds % 3_600, seconds % 60) {
        (0, ..) if seconds > 0 => format!("{}d", seconds / 86_400),
        (_, 0, _) if seconds > 0 => format!("{}h", seconds / 3_600),
        (_, _, 0) if seconds > 0 => format!("{}m", seconds / 60),
        _ => format!("{seconds}s"),
    }
}

#[cfg(test)]
mod tests;
