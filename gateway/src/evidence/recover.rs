//! Closes records that a gateway left open when it died: at their last whole block, and says so.
//!
//! A host that lost its power may have left any page that was not synced as it was: a block in the middle, before others that
//! are whole. What the log says of a record was synced before; nothing behind that is worth more than a block whose chain holds.

use super::log::Log;
use super::marks::{Died, Marks};
use super::subscriber::Subscriber;
use super::tape::{Left, Press, Tape};
use super::{Closed, EvidenceError, files, now};
use crate::durable;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::chain::FILE_HEADER;
use gateway_core::record::log::Entry;
use gateway_core::record::read::Blocks;
use gateway_core::record::seal::Sealer;
use gateway_core::record::verify::Mark;
use gateway_core::record::{FrameBuffer, FrameKind, Hash};
use serde_json::json;
use std::collections::BTreeSet;
use std::fs::{File, OpenOptions, TryLockError};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// An entry may be older than the one before it by so much: gateways write side by side.
const SLACK: Duration = Duration::from_mins(1);
/// What a host that lost its power had not brought to the disk is no older than this: names, marks and entries are synced
/// together, each `record.sync_ms`, which is a minute at most.
const UNSYNCED: Duration = Duration::from_mins(2);

/// How a record ended of which nothing had reached the disk when its host lost power.
pub(super) const NEVER: &str = "never-written";

/// A record that was found open and is now closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The session.
    pub session: SessionId,
    /// How many whole frames it had.
    pub frames: u64,
    /// How many bytes behind its last whole block were cut off.
    pub cut_bytes: u64,
    /// `crash`; `damaged` where it was left as it is, for it is broken within what the log says was on the disk;
    /// `missing` where there is no file, [`NEVER`] where the log never said that anything of it was on the disk.
    pub end: &'static str,
}

/// Closes what gateways left open that `died`. Their host may have died with them: records without a mark are looked for then, which
/// takes longer the more records there are.
pub(super) fn recover(
    state_dir: &Path,
    log: &Log,
    (open, died): (&Marks, &Died),
    subscriber: Option<&dyn Subscriber>,
) -> Result<Vec<Recovered>, EvidenceError> {
    let mut recovered = Vec::new();
    let mut left = died.open.clone();
    if !died.files.is_empty() {
        left.extend(unmarked(state_dir, log)?);
    }
    for session in left {
        let before = log.size()?;
        let known = Known::of(log, session)?;
        let closed = log.locked(|log| {
            // Another gateway that starts may have been faster.
            if log.since(before)?.iter().any(|entry| matches!(entry, Entry::Closed { session: closed, .. } if *closed == session))
            {
                return Ok(None);
            }
            let Some((found, closed)) = close(state_dir, session, &known)? else { return Ok(None) };
            let mut entries = Vec::new();
            if !known.opened && closed.is_some() {
                // It was begun, and the host lost power before the log had its name.
                entries.push(Entry::belated(session));
            }
            entries.extend(closed);
            log.append(&entries)?;
            Ok::<_, EvidenceError>(Some(found))
        })?;
        let Some(found) = closed else { continue };
        log.sync()?;
        open.remove(session);
        let Some(found) = found else { continue };
        if let Some(subscriber) = subscriber {
            subscriber.recovered(session);
        }
        recovered.push(found);
    }
    Ok(recovered)
}

/// Records without a mark that nothing closed: of a record's file, its mark and its entry in the log, a host that lost its power
/// may have kept any alone.
fn unmarked(state_dir: &Path, log: &Log) -> Result<BTreeSet<SessionId>, EvidenceError> {
    let (mut opened, mut ended, mut last) = (BTreeSet::new(), BTreeSet::new(), 0);
    for bundle in log.bundles_back()? {
        let mut oldest = u64::MAX;
        for entry in bundle? {
            // This gateway's own start says nothing of the one before.
            if !matches!(entry, Entry::Started { .. }) {
                (oldest, last) = (oldest.min(entry.at()), last.max(entry.at()));
            }
            match entry {
                Entry::Opened { session, .. } => drop(opened.insert(session)),
                Entry::Closed { session, .. } | Entry::Removed { session, .. } => drop(ended.insert(session)),
                _ => {}
            }
        }
        if oldest < Timestamp(last).before(UNSYNCED + SLACK).0 {
            break;
        }
    }
    if last == 0 {
        return Ok(BTreeSet::new());
    }
    let since = Timestamp(last).before(UNSYNCED);
    let files = files::all(state_dir)?.into_iter().filter_map(|(_, name)| name).map(|(session, _)| session);
    let unlisted = files.filter(|session| session.made_at() >= since && !opened.contains(session));
    Ok(opened.iter().copied().chain(unlisted).filter(|session| !ended.contains(session)).collect())
}

/// What the log has of a session.
#[derive(Default)]
struct Known {
    opened: bool,
    closed: bool,
    /// How far it was on the disk, as it said last.
    grown: Option<Mark>,
}

impl Known {
    /// Looks from the log's end back to where the session can't have been yet.
    fn of(log: &Log, session: SessionId) -> Result<Self, EvidenceError> {
        let mut known = Self::default();
        for bundle in log.bundles_back()? {
            let (mut oldest, mut grown) = (u64::MAX, None);
            for entry in bundle? {
                oldest = oldest.min(entry.at());
                known.opened |= matches!(entry, Entry::Opened { session: opened, .. } if opened == session);
                known.closed |= matches!(entry, Entry::Closed { session: closed, .. } if closed == session);
                if let Entry::Grown { heads, .. } = &entry {
                    let head = heads.iter().find(|head| head.session == session);
                    grown = head.map(|head| Mark { frames: head.frames, blocks: head.blocks, chain: head.chain }).or(grown);
                }
            }
            known.grown = known.grown.or(grown);
            if known.opened || oldest < session.made_at().before(SLACK).0 {
                break;
            }
        }
        Ok(known)
    }
}

/// What came of an open record: none where nothing of it was ever there; and what the log is to say of it.
type Outcome = (Option<Recovered>, Option<Entry>);

/// Closes one record, unless a live gateway holds it.
fn close(state_dir: &Path, session: SessionId, known: &Known) -> Result<Option<Outcome>, EvidenceError> {
    if known.closed {
        return Ok(Some((None, None)));
    }
    let path = files::segment(state_dir, session, 0);
    let first = match OpenOptions::new().read(true).write(true).open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound && !known.opened => return Ok(Some((None, None))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let nothing = Closed { frames: 0, blocks: 0, bytes: 0, chain: Hash::genesis(&session.to_string(), 0, None) };
            let end = if known.grown.is_some() { "missing" } else { NEVER };
            let (found, closed) = entry(session, nothing, 0, 0, end);
            return Ok(Some((Some(found), Some(closed))));
        }
        Err(error) => return Err(EvidenceError::io("open", &path)(error)),
    };
    match first.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Ok(None),
        Err(TryLockError::Error(error)) => return Err(EvidenceError::io("lock", &path)(error)),
    }
    let (found, closed) = mend(state_dir, session, first, known.grown.as_ref())?;
    Ok(Some((Some(found), Some(closed))))
}

fn mend(state_dir: &Path, session: SessionId, first: File, grown: Option<&Mark>) -> Result<(Recovered, Entry), EvidenceError> {
    let survey = survey(state_dir, session, grown)?;
    let Survey { left, cut, ended, damaged, behind } = survey;
    let Sealer { next_frame: whole, next_block: blocks, chain } = left.sealer;
    let segments = left.segment + 1;
    if damaged {
        let segments = segments + u32::try_from(behind.len()).unwrap_or(u32::MAX);
        let as_it_is = Closed { frames: whole, blocks, bytes: left.before + left.offset, chain };
        return Ok(entry(session, as_it_is, segments, cut, "damaged"));
    }
    // The last one first: a crash meanwhile leaves no gap.
    for path in behind.iter().rev() {
        std::fs::remove_file(path).map_err(EvidenceError::io("remove", path))?;
    }
    let mut tape = Tape::resume(state_dir, session, first, left)?;
    let mut last = FrameBuffer::default();
    if !ended {
        let note = json!({"what": "recovered", "cut_bytes": cut, "whole_frames": whole});
        last.push_json(now(), FrameKind::Note, &note);
        let reason = json!({"reason": "crash"});
        last.push_json(now(), FrameKind::Ended, &reason);
    }
    tape.write(&last, &mut Press::default())?;
    tape.sync()?;
    // The gateway before may have died before it did that: what the log closes is there after the next power cut, too.
    let records = files::sessions(state_dir);
    durable::sync_names(&records).map_err(EvidenceError::io("sync", &records))?;
    let end = if ended { "ended" } else { "crash" };
    let (mut found, head) = entry(session, tape.closed(), segments, cut, end);
    found.frames = whole;
    Ok((found, head))
}

/// What there is of a record.
struct Survey {
    left: Left,
    /// Bytes behind the last whole block.
    cut: u64,
    /// Whether the last whole block ends the session.
    ended: bool,
    /// Whether it is broken within what the log says of it, so that nothing may be cut off.
    damaged: bool,
    /// The segments behind that of the last whole block.
    behind: Vec<PathBuf>,
}

/// Walks a record to the last block whose chain holds. `grown` is what the log says was on the disk: what is broken within that
/// stays as it is, for `weir audit verify` to name.
fn survey(state_dir: &Path, session: SessionId, grown: Option<&Mark>) -> Result<Survey, EvidenceError> {
    let mut survey = Survey { left: Left::new(session), cut: 0, ended: false, damaged: false, behind: Vec::new() };
    let mut fits = grown.is_none();
    let mut segments = files::segments(state_dir, session)?.into_iter().enumerate();
    for (number, (path, length)) in segments.by_ref() {
        let segment = u32::try_from(number).unwrap_or(u32::MAX);
        let bytes = std::fs::read(&path).map_err(EvidenceError::io("read", &path))?;
        let left = &mut survey.left;
        if number > 0 {
            left.before += left.offset;
            left.sealer.rotate(&session.to_string(), segment);
        }
        (left.segment, left.offset) = (segment, 0);
        if let Ok(blocks) = Blocks::new(&bytes, segment) {
            left.offset = FILE_HEADER as u64;
            for block in blocks.map_while(Result::ok) {
                let (header, sealer) = (block.header, &mut left.sealer);
                let goes_on = (header.number, header.first) == (sealer.next_block, sealer.next_frame);
                if !goes_on || sealer.chain.next(block.covered) != block.chain {
                    break;
                }
                *sealer = Sealer {
                    next_block: header.number.saturating_add(1),
                    next_frame: header.first.saturating_add(u64::from(header.frames)),
                    chain: block.chain,
                };
                fits |= grown.is_some_and(|mark| (mark.blocks, mark.chain) == (sealer.next_block, sealer.chain));
                left.offset += header.length as u64;
                survey.ended = header.ends;
            }
        }
        survey.cut = length.saturating_sub(left.offset);
        if survey.cut > 0 {
            break;
        }
    }
    for (_, (path, length)) in segments {
        survey.cut += length;
        survey.behind.push(path);
    }
    survey.damaged = !fits;
    Ok(survey)
}

fn entry(session: SessionId, closed: Closed, segments: u32, cut_bytes: u64, end: &'static str) -> (Recovered, Entry) {
    let Closed { frames, blocks, bytes, chain } = closed;
    tracing::warn!(%session, frames, cut_bytes, end, "a record that a gateway left open is closed");
    let closed = Entry::Closed { at: now().0, session, frames, blocks, bytes, segments, chain, end: end.to_owned() };
    (Recovered { session, frames, cut_bytes, end }, closed)
}
