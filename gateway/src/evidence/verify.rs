//! Checks all records of a state directory, or one, against their chains and the log.

use super::log::{LogError, LogVerification, Problem as LogProblem, public_beside, verify_log};
use super::policies::kept;
use super::recover::NEVER;
use super::removal::{is_marked, tombstone};
use super::walk::is_live;
use super::{EvidenceError, files};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::log::{Entry, VerifierKey};
use gateway_core::record::verify::{ClosedAs, Mark, Problem, Report, Verifier};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// A record's frames may be older than its entry in the log by so much: they are made first.
const SLACK: Duration = Duration::from_mins(1);

/// What is believed, beside the files.
#[derive(Clone, Debug, Default)]
pub struct Trusted {
    /// The keys that the log may be signed by. Without any, the one beside the log is taken at its word.
    pub keys: Vec<VerifierKey>,
    /// Checkpoints that left the host.
    pub checkpoints: Vec<Vec<u8>>,
}

/// What came of checking records.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// How many entries the log has.
    pub log_entries: u64,
    /// How many of them its checkpoint covers.
    pub log_signed: u64,
    /// What is wrong with the log.
    pub log: Vec<LogProblem>,
    /// Each record.
    pub sessions: Vec<Verified>,
    /// Policy sets that the log names and whose text is not there, or another.
    pub policies: Vec<String>,
    /// Files in the directory of records that are none.
    pub strangers: Vec<String>,
}

/// What came of checking one record.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The session.
    pub session: SessionId,
    /// `live`: a gateway is writing it; `closed`: the log has its last hash; `unclosed`: its gateway died; `lost`: its host lost
    /// power before anything of it was on the disk; `removed`: the log says that it was removed, and by whom; `removing`: it
    /// says so, and the files are about to go.
    pub state: &'static str,
    /// How it ended, as the log says.
    pub end: Option<String>,
    /// What was found.
    #[serde(flatten)]
    pub report: Report,
}

impl Verification {
    /// How many things are wrong.
    #[must_use]
    pub fn problems(&self) -> u64 {
        let of = |verified: &Verified| verified.report.problems.len() as u64 + verified.report.more_problems;
        let other = self.log.len() + self.strangers.len() + self.policies.len();
        other as u64 + self.sessions.iter().map(of).sum::<u64>()
    }
}

/// Checks the record of one session, or of all. Gateways may go on writing meanwhile.
///
/// # Errors
/// Where files can't be read, or the session has no record.
pub fn verify(state_dir: &Path, only: Option<SessionId>, trusted: &Trusted) -> Result<Verification, EvidenceError> {
    let (files, strangers) = listing(state_dir)?;
    let mut listed: BTreeMap<SessionId, Listed> =
        files.into_iter().map(|(session, files)| (session, Listed { files, ..Listed::default() })).collect();
    // After the files: the log stays locked from the making of a file until it is named there.
    let mut policies = BTreeSet::new();
    let found = log_of(state_dir, &mut listed, &mut policies, trusted)?;
    if let Some(session) = only.filter(|session| !listed.contains_key(session)) {
        return Err(EvidenceError::NoSession { session, directory: files::sessions(state_dir) });
    }
    let wanted = listed.into_iter().filter(|(session, _)| only.is_none_or(|only| only == *session)).collect();
    let sessions = check_all(state_dir, wanted)?;
    let mut missing = Vec::new();
    for hash in policies.into_iter().filter(|_| only.is_none()) {
        if kept(state_dir, &hash)?.is_none() {
            missing.push(hash);
        }
    }
    let LogVerification { size, covered, problems } = found;
    Ok(Verification { log_entries: size, log_signed: covered, log: problems, sessions, policies: missing, strangers })
}

/// Checks the log, and hears what it says of each session.
fn log_of(
    state_dir: &Path,
    listed: &mut BTreeMap<SessionId, Listed>,
    policies: &mut BTreeSet<String>,
    trusted: &Trusted,
) -> Result<LogVerification, EvidenceError> {
    let beside = || public_beside(state_dir).map_err(LogError::from);
    let keys = if trusted.keys.is_empty() { beside()?.into_iter().collect() } else { trusted.keys.clone() };
    Ok(verify_log(state_dir, &keys, &trusted.checkpoints, &mut |entry| match entry {
        Entry::Grown { heads, .. } => {
            for head in heads {
                let mark = Mark { frames: head.frames, blocks: head.blocks, chain: head.chain };
                let listed = listed.entry(head.session).or_default();
                listed.grew = true;
                listed.marks.push(mark);
            }
        }
        Entry::Policy { hash, .. } => {
            policies.insert(hash.clone());
        }
        other => {
            if let Some(session) = other.session() {
                listed.entry(session).or_default().hear(other);
            }
        }
    }))
}

/// What the directory and the log say of a session.
#[derive(Default)]
struct Listed {
    files: Vec<PathBuf>,
    opened: u64,
    opened_at: u64,
    closings: u64,
    closed_at: u64,
    closed: Option<ClosedAs>,
    marks: Vec<Mark>,
    /// The log said that something of it was on the disk.
    grew: bool,
    removed: bool,
}

impl Listed {
    fn hear(&mut self, entry: &Entry) {
        match entry {
            Entry::Opened { at, .. } => {
                self.opened += 1;
                self.opened_at = *at;
            }
            Entry::Closed { at, frames, blocks, bytes, chain, end, .. } => {
                self.closings += 1;
                self.closed_at = *at;
                let mark = Mark { frames: *frames, blocks: *blocks, chain: *chain };
                self.closed.get_or_insert_with(|| ClosedAs { mark, bytes: *bytes, end: end.clone() });
                // Its end stands for all that was said before.
                self.marks = Vec::new();
            }
            Entry::Removed { .. } => self.removed = true,
            Entry::Viewed { .. }
            | Entry::Grown { .. }
            | Entry::Policy { .. }
            | Entry::Key { .. }
            | Entry::Started { .. }
            | Entry::Note { .. } => {}
        }
    }
}

/// Checks these records, on all processors: most of it is hashing.
fn check_all(state_dir: &Path, records: Vec<(SessionId, Listed)>) -> Result<Vec<Verified>, EvidenceError> {
    let workers = thread::available_parallelism().map_or(1, usize::from).min(records.len());
    let next = Mutex::new(records.into_iter());
    let take = || next.lock().unwrap_or_else(PoisonError::into_inner).next();
    let work =
        || std::iter::from_fn(take).map(|(session, listed)| check(state_dir, session, listed)).collect::<Result<Vec<_>, _>>();
    let mut sessions = thread::scope(|scope| {
        let others: Vec<_> = (1..workers).map(|_| scope.spawn(work)).collect();
        let mut all = work()?;
        for other in others {
            // A panic there is one here.
            all.extend(other.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
        }
        Ok::<_, EvidenceError>(all)
    })?;
    sessions.sort_by_key(|verified| verified.session);
    Ok(sessions)
}

fn check(state_dir: &Path, session: SessionId, mut listed: Listed) -> Result<Verified, EvidenceError> {
    let live = is_live(state_dir, session);
    if live || listed.files.is_empty() || listed.removed {
        // It may have grown, have been made or have been removed since the directory was listed.
        listed.files = files::segments(state_dir, session)?.into_iter().map(|(path, _)| path).collect();
    }
    let missing = listed.files.is_empty();
    if listed.removed && !missing && is_marked(state_dir, session) {
        return Ok(Verified { session, state: "removing", end: None, report: Report::default() });
    }
    let lost = missing && !listed.grew && listed.closed.as_ref().is_some_and(|closed| closed.end == NEVER);
    let state = match (&listed.closed, live) {
        _ if listed.removed && missing => "removed",
        _ if lost => "lost",
        (Some(_), _) => "closed",
        (None, true) => "live",
        (None, false) => "unclosed",
    };
    let end = listed.closed.as_ref().map(|closed| closed.end.clone());
    let until = listed.closed.as_ref().map_or(Timestamp(u64::MAX), |_| Timestamp(listed.closed_at).after(SLACK));
    let mut verifier = Verifier::new(&session.to_string(), listed.closed.filter(|_| !missing))
        .with_marks(listed.marks.into_iter().filter(|_| !missing))
        .made_between(Timestamp(listed.opened_at).before(SLACK), until);
    for path in listed.files {
        match std::fs::read(&path) {
            Ok(bytes) => verifier.segment(&bytes),
            // It was removed in order, since the log was read.
            Err(error) if error.kind() == io::ErrorKind::NotFound && tombstone(state_dir, session)?.is_some() => {
                return Ok(Verified { session, state: "removed", end: None, report: Report::default() });
            }
            Err(error) => return Err(EvidenceError::io("read", &path)(error)),
        }
    }
    let mut report = verifier.finish();
    if live {
        report.problems.retain(|problem| !matches!(problem, Problem::Torn { .. }));
    }
    match (missing, listed.removed) {
        (true, false) if lost => {}
        (true, false) => report.problems.push(Problem::Missing),
        (false, true) => report.problems.push(Problem::Returned),
        (true, true) | (false, false) => {}
    }
    match listed.opened {
        0 => report.problems.push(Problem::Unlisted),
        1 => {}
        count => report.problems.push(Problem::ListedTwice { what: "opened".into(), count }),
    }
    if listed.closings > 1 {
        report.problems.push(Problem::ListedTwice { what: "closed".into(), count: listed.closings });
    }
    Ok(Verified { session, state, end, report })
}

/// Each session's files in their order, and the files that belong to none.
type Listing = (BTreeMap<SessionId, Vec<PathBuf>>, Vec<String>);

/// Each session's files in their order, and what else is in the directory.
fn listing(state_dir: &Path) -> Result<Listing, EvidenceError> {
    let mut sessions: BTreeMap<SessionId, Vec<(u32, PathBuf)>> = BTreeMap::new();
    let mut strangers = Vec::new();
    for (path, name) in files::all(state_dir)? {
        match name {
            Some((session, segment)) => sessions.entry(session).or_default().push((segment, path)),
            None => strangers.push(path.display().to_string()),
        }
    }
    let in_order = |mut files: Vec<(u32, PathBuf)>| {
        files.sort();
        files.into_iter().map(|(_, path)| path).collect()
    };
    Ok((sessions.into_iter().map(|(session, files)| (session, in_order(files))).collect(), strangers))
}
