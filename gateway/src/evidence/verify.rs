//! Checks all records of a state directory, or one, against their chains and the log of heads.

use super::walk::is_live;
use super::{EvidenceError, files};
use gateway_core::model::ids::SessionId;
use gateway_core::record::Hash;
use gateway_core::record::heads::{Head, Heads, HeadsProblem};
use gateway_core::record::verify::{ClosedAs, Mark, Problem, Report, Verifier};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What came of checking records.
#[derive(Clone, Debug, Serialize)]
pub struct Verification {
    /// What is wrong with the log of heads.
    pub heads: Vec<HeadsProblem>,
    /// Each record.
    pub sessions: Vec<Verified>,
    /// Files in the directory of records that are none.
    pub strangers: Vec<String>,
}

/// What came of checking one record.
#[derive(Clone, Debug, Serialize)]
pub struct Verified {
    /// The session.
    pub session: SessionId,
    /// `live`: a gateway is writing it; `closed`: the log has its last hash; `unclosed`: its gateway died.
    pub state: &'static str,
    /// What was found.
    #[serde(flatten)]
    pub report: Report,
}

impl Verification {
    /// How many things are wrong.
    #[must_use]
    pub fn problems(&self) -> u64 {
        let of = |verified: &Verified| verified.report.problems.len() as u64 + verified.report.more_problems;
        self.heads.len() as u64 + self.strangers.len() as u64 + self.sessions.iter().map(of).sum::<u64>()
    }
}

/// Checks the record of one session, or of all. Gateways may go on writing meanwhile.
pub fn verify(state_dir: &Path, only: Option<SessionId>) -> Result<Verification, EvidenceError> {
    let (files, strangers) = listing(state_dir)?;
    // After the files: the log stays locked from the making of a file until it is named there.
    let heads = read_heads(state_dir)?;
    let mut listed: BTreeMap<SessionId, Listed> =
        files.into_iter().map(|(session, files)| (session, Listed { files, ..Listed::default() })).collect();
    for head in heads.entries {
        let listed = listed.entry(head.session()).or_default();
        match head {
            Head::Opened { .. } => listed.opened += 1,
            Head::Closed { frames, blocks, bytes, chain, end, .. } => {
                listed.closings += 1;
                let chain = Hash::from_hex(&chain).unwrap_or_default();
                listed.closed.get_or_insert(ClosedAs { mark: Mark { frames, blocks, chain }, bytes, end });
            }
        }
    }
    if let Some(session) = only.filter(|session| !listed.contains_key(session)) {
        return Err(EvidenceError::NoSession { session, directory: files::sessions(state_dir) });
    }
    let mut sessions = Vec::new();
    for (session, listed) in listed {
        if only.is_none_or(|only| only == session) {
            sessions.push(check(state_dir, session, listed)?);
        }
    }
    Ok(Verification { heads: heads.problems, sessions, strangers })
}

/// What the directory and the log say of a session.
#[derive(Default)]
struct Listed {
    files: Vec<PathBuf>,
    opened: u64,
    closings: u64,
    closed: Option<ClosedAs>,
}

fn check(state_dir: &Path, session: SessionId, mut listed: Listed) -> Result<Verified, EvidenceError> {
    let live = is_live(state_dir, session);
    if live || listed.files.is_empty() {
        // It may have grown, or have been made, since the directory was listed.
        listed.files = files::segments(state_dir, session)?.into_iter().map(|(path, _)| path).collect();
    }
    let state = match (&listed.closed, live) {
        (Some(_), _) => "closed",
        (None, true) => "live",
        (None, false) => "unclosed",
    };
    let missing = listed.files.is_empty();
    let mut verifier = Verifier::new(&session.to_string(), listed.closed.filter(|_| !missing));
    for path in listed.files {
        let bytes = std::fs::read(&path).map_err(EvidenceError::io("read", &path))?;
        verifier.segment(&bytes);
    }
    let mut report = verifier.finish();
    if live {
        report.problems.retain(|problem| !matches!(problem, Problem::Torn { .. }));
    }
    if missing {
        report.problems.push(Problem::Missing);
    }
    match listed.opened {
        0 => report.problems.push(Problem::Unlisted),
        1 => {}
        count => report.problems.push(Problem::ListedTwice { what: "opened".into(), count }),
    }
    if listed.closings > 1 {
        report.problems.push(Problem::ListedTwice { what: "closed".into(), count: listed.closings });
    }
    Ok(Verified { session, state, report })
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

fn read_heads(state_dir: &Path) -> Result<Heads, EvidenceError> {
    let path = files::heads_log(state_dir);
    let mut file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Heads::default()),
        Err(error) => return Err(EvidenceError::io("open", &path)(error)),
    };
    let mut log = Vec::new();
    // Not while a line is being written: it would look torn.
    file.lock_shared().and_then(|()| file.read_to_end(&mut log)).map_err(EvidenceError::io("read", &path))?;
    Ok(Heads::parse(&log))
}
