//! Which policy set decided at a moment: by what records, the ledger and the kept sets say.

use crate::evidence::{EvidenceError, Walk, files, kept_policies};
use crate::ledger::{Event, Kind, Ledger, LedgerError};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use serde_json::Value;
use std::path::Path;

/// Records that are looked into before the moment: the newest first.
const RECORDS: usize = 50;
/// Replacements that are looked back at.
const EVENTS: usize = 100_000;

/// A set that was in force.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Found {
    /// When that was seen last, before the moment.
    pub seen: Timestamp,
    /// The set's hash.
    pub hash: String,
    /// By what it is known.
    pub by: String,
}

/// Why it can't be told.
#[derive(Debug, thiserror::Error)]
pub enum InForceError {
    /// The records can't be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The ledger can't be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
}

/// The set in force at that moment, as far as is known; none before the first.
///
/// # Errors
/// Where what is kept can't be read.
pub fn in_force(state_dir: &Path, at: Timestamp) -> Result<Option<Found>, InForceError> {
    let mut found = Vec::new();
    for (hash, since) in kept_policies(state_dir)? {
        found.push(Found { seen: since, hash, by: "it was kept then for the first time".to_owned() });
    }
    if state_dir.join("ledger.db").exists() {
        let events = Ledger::open(state_dir)?.events_of(Kind::PolicyReplaced, EVENTS)?;
        found.extend(events.iter().filter_map(replaced));
    }
    found.retain(|found| found.seen <= at);
    for session in newest(state_dir, at)? {
        found.extend(decided(state_dir, session, at)?);
    }
    Ok(found.into_iter().max())
}

fn replaced(event: &Event) -> Option<Found> {
    let hash = event.details.get("set_hash")?.as_str()?.to_owned();
    Some(Found { seen: event.at, hash, by: format!("{} put it in force (event {})", event.by, event.number) })
}

/// The records that began before that moment, the newest first.
fn newest(state_dir: &Path, at: Timestamp) -> Result<Vec<SessionId>, EvidenceError> {
    let all = files::all(state_dir)?.into_iter().rev().filter_map(|(_, name)| name);
    let first = all.filter(|(session, segment)| *segment == 0 && session.made_at() <= at);
    Ok(first.map(|(session, _)| session).take(RECORDS).collect())
}

/// The set that decided last in a record, before that moment.
fn decided(state_dir: &Path, session: SessionId, at: Timestamp) -> Result<Option<Found>, EvidenceError> {
    let mut walk = Walk::open(state_dir, session)?;
    let mut last = None;
    loop {
        let seen = match walk.next(|kind| matches!(kind, FrameKind::Opened | FrameKind::Decision)) {
            Ok(Some(seen)) if seen.time <= at => seen,
            Ok(_) | Err(EvidenceError::Broken { .. }) => return Ok(last),
            Err(error) => return Err(error),
        };
        let place = match seen.kind {
            FrameKind::Opened => "/decision/set_hash",
            FrameKind::Decision => "/set_hash",
            _ => continue,
        };
        let body: Value = serde_json::from_slice(seen.body).unwrap_or_default();
        if let Some(hash) = body.pointer(place).and_then(Value::as_str) {
            last = Some(Found { seen: seen.time, hash: hash.to_owned(), by: format!("it decided in {session}") });
        }
    }
}
