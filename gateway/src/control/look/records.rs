//! Recorded sessions: which there are, their frames, and whether they are as they were written.

use super::super::CommandError;
use super::{Actor, On, Role};
use crate::evidence::{self, EvidenceError, How, State, Store, Summary, Trusted, Walk, files, is_live};
use crate::index::{Index, Of, Query};
use crate::ledger;
use crate::replay::{self, Formats};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use serde::Serialize;
use serde_json::{Value, json};
use std::collections::HashMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

/// Records that a list shows at most.
const MOST: usize = 200;
/// Records that are looked at for a list.
const LOOKED_AT: usize = 2_000;
/// Summaries of ended records that are remembered.
const REMEMBERED: usize = 20_000;
/// Frames that are shown at once, at most, and about so many bytes of them.
const FRAMES: usize = 2_000;
const FRAME_BYTES: usize = 1 << 20;
/// Problems that are told.
const PROBLEMS: usize = 1_000;

/// Which records are wanted. The newest come first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordQuery {
    /// How many at most.
    pub limit: usize,
    /// Older than this one.
    pub before: Option<SessionId>,
    /// Part of the workload's SPIFFE id or name.
    pub workload: Option<String>,
    /// The target's name.
    pub target: Option<String>,
    /// The run.
    pub run: Option<String>,
    /// The owner.
    pub owner: Option<String>,
    /// `live`, `ended`, `unclosed` or `damaged`.
    pub state: Option<String>,
    /// Words, each of which is somewhere in what the session is or did.
    pub search: Option<String>,
    /// Begun at this time or later.
    pub since: Option<Timestamp>,
    /// Begun at this time or before.
    pub until: Option<Timestamp>,
}

/// A page of them.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct RecordPage {
    /// The records.
    pub records: Vec<Summary>,
    /// Behind which the next page begins; none where this is the last.
    #[serde(skip)]
    pub next: Option<SessionId>,
}

/// A record in a few words.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ShownRecord {
    /// What can be said of it in a line.
    pub summary: Summary,
    /// Its first frame: who, what, where, which decision.
    #[schema(value_type = Object)]
    pub opened: Value,
}

/// Frames of a record.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Frames {
    /// They.
    #[schema(value_type = Vec<Object>)]
    pub frames: Vec<Value>,
    /// Whether more come: `live` where a gateway writes it, else `ended`, `unclosed` or `damaged`.
    pub state: State,
    /// Whether there are more now than are here.
    pub more: bool,
}

/// What came of checking a record.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CheckedRecord {
    /// Which.
    pub session: SessionId,
    /// `live`, `closed` or `unclosed`.
    pub state: &'static str,
    /// Whole frames.
    pub frames: u64,
    /// What is wrong.
    pub problems: Vec<String>,
    /// The files.
    pub files: Vec<RecordFile>,
    /// The last frame's hash, in hex: it stands for all that is before it.
    pub chain: String,
}

/// A file of a record.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct RecordFile {
    /// Its name.
    pub name: String,
    /// Its length in bytes.
    pub bytes: u64,
}

/// What came of checking all.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CheckedAll {
    /// Records.
    pub records: usize,
    /// Their frames.
    pub frames: u64,
    /// Of the records those whose last hash is in the log.
    pub closed: usize,
    /// Those that are being written.
    pub live: usize,
    /// Those whose gateway died.
    pub unclosed: usize,
    /// Events of people's decisions.
    pub events: u64,
    /// What is wrong, up to 1 000 of it.
    pub problems: Vec<Where>,
    /// How much is wrong.
    pub problem_count: u64,
    /// How long the check took, in milliseconds.
    pub took_ms: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Where {
    /// Where.
    #[serde(rename = "where")]
    pub place: String,
    /// What.
    pub what: String,
}

/// What is remembered of ended records: they don't change.
#[derive(Debug, Default)]
pub(super) struct Shelf(Mutex<HashMap<SessionId, Summary>>);

impl Shelf {
    fn summary(&self, state_dir: &Path, id: SessionId) -> Result<Summary, EvidenceError> {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner).get(&id).cloned();
        // One that was removed is remembered by nobody.
        if let Some(known) = known.filter(|_| files::segment(state_dir, id, 0).exists()) {
            return Ok(known);
        }
        let summary = evidence::summary(state_dir, id)?;
        if summary.state == State::Ended {
            let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if known.len() >= REMEMBERED {
                known.clear();
            }
            known.insert(id, summary.clone());
        }
        Ok(summary)
    }
}

/// From the index; from the records themselves where there is none yet.
pub(super) fn list(
    state_dir: &Path,
    (index, shelf): (&Index, &Shelf),
    actor: &Actor,
    query: &RecordQuery,
) -> Result<RecordPage, CommandError> {
    // Nothing is in a state that there is not.
    let Some(query) = query.indexed() else { return Ok(RecordPage { records: Vec::new(), next: None }) };
    index.freshen();
    let may = |target: Option<&str>, workload: Option<&str>, name: Option<&str>| {
        actor.may(Role::Viewer, On { target, workload: workload.map(|workload| (workload, name)) })
    };
    match index.page(&query, &may) {
        Ok(Some(page)) => return Ok(RecordPage { records: page.sessions, next: page.next }),
        Ok(None) => {}
        Err(error) => tracing::warn!(%error, "the records are read, not the index"),
    }
    if query.search.is_some() {
        return Err(CommandError::Wrong("the records are not indexed yet: search again in a while".to_owned()));
    }
    read(state_dir, shelf, actor, &query)
}

/// The same from the records themselves, of the newest of them.
fn read(state_dir: &Path, shelf: &Shelf, actor: &Actor, query: &Query) -> Result<RecordPage, CommandError> {
    let mut page = RecordPage { records: Vec::new(), next: None };
    for (looked, id) in newest_first(state_dir)?.filter(|id| query.before.is_none_or(|before| *id < before)).enumerate() {
        if page.records.len() == query.limit || looked == LOOKED_AT {
            return Ok(page);
        }
        // One that has gone meanwhile is none.
        let Ok(summary) = shelf.summary(state_dir, id) else { continue };
        if may(actor, Role::Viewer, &summary) && query.wants(&summary) {
            page.records.push(summary);
        }
        page.next = Some(id);
    }
    page.next = None;
    Ok(page)
}

/// The sessions of all records.
pub(super) fn newest_first(state_dir: &Path) -> Result<impl Iterator<Item = SessionId> + use<>, EvidenceError> {
    let all = files::all(state_dir)?.into_iter().rev();
    Ok(all.filter_map(|(_, name)| name.filter(|(_, segment)| *segment == 0).map(|(session, _)| session)))
}

pub(super) fn one(
    (state_dir, store): (&Path, &Store),
    shelf: &Shelf,
    actor: &Actor,
    id: SessionId,
) -> Result<ShownRecord, CommandError> {
    let summary = visible(state_dir, shelf, actor, id)?;
    store.viewed(actor.name(), &[id], How::Shown)?;
    Ok(ShownRecord { summary, opened: opened(state_dir, id)? })
}

/// The first frame of a record.
pub(super) fn opened(state_dir: &Path, id: SessionId) -> Result<Value, EvidenceError> {
    let mut walk = Walk::open(state_dir, id)?;
    let first = walk.next(|kind| kind == FrameKind::Opened)?;
    Ok(first.and_then(|seen| serde_json::from_slice(seen.body).ok()).unwrap_or_default())
}

pub(super) fn frames(
    (state_dir, store): (&Path, &Store),
    shelf: &Shelf,
    actor: &Actor,
    id: SessionId,
    after: Option<u64>,
    most: usize,
) -> Result<Frames, CommandError> {
    let summary = visible(state_dir, shelf, actor, id)?;
    store.viewed(actor.name(), &[id], How::Played)?;
    let sees_values = may(actor, Role::Auditor, &summary);
    let live = is_live(state_dir, id);
    let mut found = Frames { frames: Vec::new(), state: if live { State::Live } else { State::Unclosed }, more: false };
    let (mut walk, mut formats, mut bytes) = (Walk::open(state_dir, id)?, Formats::default(), 0);
    let mut at = None;
    let most = most.clamp(1, FRAMES);
    loop {
        let before = after.is_some_and(|after| at.is_none_or(|at| at < after));
        let seen = match walk.next(|kind| !before || kind == FrameKind::Parameters) {
            Ok(Some(seen)) => seen,
            Ok(None) => return Ok(found),
            Err(EvidenceError::Broken { .. }) => {
                found.state = State::Damaged;
                return Ok(found);
            }
            Err(error) => return Err(error.into()),
        };
        at = Some(seen.seq);
        let formats = formats.hear(&seen);
        if seen.kind == FrameKind::Ended {
            found.state = State::Ended;
        }
        if before {
            continue;
        }
        if found.frames.len() == most || bytes > FRAME_BYTES {
            // How it ends is told with its end.
            found.state = if live { State::Live } else { summary.state };
            found.more = true;
            return Ok(found);
        }
        bytes += seen.body.len();
        let mut frame = replay::frame(&seen, formats);
        if !sees_values && matches!(seen.kind, FrameKind::Rows | FrameKind::Parameters) {
            frame["body"] = json!({ "withheld": Role::Auditor.name() });
        }
        found.frames.push(frame);
    }
}

pub(super) fn check(state_dir: &Path, shelf: &Shelf, actor: &Actor, id: SessionId) -> Result<CheckedRecord, CommandError> {
    visible(state_dir, shelf, actor, id)?;
    let verification = evidence::verify(state_dir, Some(id), &Trusted::default())?;
    let mut problems: Vec<_> = verification.log.iter().map(ToString::to_string).collect();
    let verified = verification.sessions.into_iter().next().ok_or(CommandError::NoSession(id))?;
    problems.extend(verified.report.problems.iter().take(PROBLEMS).map(ToString::to_string));
    if verified.report.more_problems > 0 {
        problems.push(format!("and {} more", verified.report.more_problems));
    }
    let segments = files::segments(state_dir, id)?;
    let chain = segments.last().map(|(path, _)| evidence::last_hash(path)).transpose()?.flatten();
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(CheckedRecord {
        session: id,
        state: verified.state,
        frames: verified.report.frames,
        problems,
        files: segments.iter().map(|(path, bytes)| RecordFile { name: name(path), bytes: *bytes }).collect(),
        chain: chain.map(|hash| hash.to_string()).unwrap_or_default(),
    })
}

pub(super) fn check_all(state_dir: &Path, actor: &Actor) -> Result<CheckedAll, CommandError> {
    actor.must(Role::Auditor, On::default(), "to check all that is recorded")?;
    let began = Instant::now();
    let found = evidence::verify(state_dir, None, &Trusted::default())?;
    let ledger = ledger::check(state_dir)?;
    let at = |place: &str, what: String| Where { place: place.to_owned(), what };
    let mut problems: Vec<_> = found.log.iter().map(|problem| at("the log", problem.to_string())).collect();
    problems.extend(found.strangers.iter().map(|name| at(name, "not a record: it does not belong there".to_owned())));
    problems.extend(
        found
            .policies
            .iter()
            .map(|hash| at(hash, "a policy set that was in force: its text is not there, or another".to_owned())),
    );
    for verified in &found.sessions {
        let session = verified.session.to_string();
        problems.extend(verified.report.problems.iter().map(|problem| at(&session, problem.to_string())));
    }
    problems.extend(ledger.iter().flat_map(|ledger| &ledger.problems).map(|problem| at("the ledger", problem.to_string())));
    let problem_count = found.problems() + ledger.as_ref().map_or(0, |ledger| ledger.problems.len() as u64);
    problems.truncate(PROBLEMS);
    let those = |state: &str| found.sessions.iter().filter(|verified| verified.state == state).count();
    Ok(CheckedAll {
        records: found.sessions.len(),
        frames: found.sessions.iter().map(|verified| verified.report.frames).sum(),
        closed: those("closed"),
        live: those("live"),
        unclosed: those("unclosed"),
        events: ledger.map_or(0, |ledger| ledger.events),
        problems,
        problem_count,
        took_ms: u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    })
}

/// The summary of a record that `actor` may see; what they may not see is not there.
fn visible(state_dir: &Path, shelf: &Shelf, actor: &Actor, id: SessionId) -> Result<Summary, CommandError> {
    match shelf.summary(state_dir, id) {
        Ok(summary) if may(actor, Role::Viewer, &summary) => Ok(summary),
        Ok(_) | Err(EvidenceError::NoSession { .. }) => Err(CommandError::Missing(format!("record of session {id}"))),
        Err(error) => Err(error.into()),
    }
}

/// Whether `actor` has that role for what a record is of.
fn may(actor: &Actor, role: Role, summary: &Summary) -> bool {
    let workload = summary.workload.as_deref().map(|workload| (workload, summary.name.as_deref()));
    actor.may(role, On { target: summary.target.as_deref(), workload })
}

impl RecordQuery {
    /// As the index is asked; none where its state is none.
    fn indexed(&self) -> Option<Query> {
        let all = [State::Live, State::Ended, State::Unclosed, State::Damaged];
        let state = match self.state.as_deref() {
            Some(name) => Some(all.into_iter().find(|state| state.name() == name)?),
            None => None,
        };
        let of = if self.target.is_some() { Vec::new() } else { vec![Of::Session] };
        Some(Query {
            limit: self.limit.clamp(1, MOST),
            before: self.before,
            search: self.search.clone(),
            workload: self.workload.clone(),
            target: self.target.clone(),
            run: self.run.clone(),
            owner: self.owner.clone(),
            state,
            since: self.since,
            until: self.until,
            of,
        })
    }
}
