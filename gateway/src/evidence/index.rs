//! Summaries of all sessions, read from their records. A scan; an index can be built from it later.

use super::walk::{Walk, is_live};
use super::{EvidenceError, files};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{Completed, Failure};
use serde::{Serialize, Serializer};
use serde_json::Value;
use std::path::Path;

/// Where the gateway's own record says that it went: it speaks of itself, and connected to nothing.
pub const NOWHERE: &str = "[::]:0";

/// What can be said of a session in a line.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Summary {
    /// The session.
    pub session: SessionId,
    /// Its run.
    pub run: Option<String>,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The configured workload's name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How well that is known.
    pub grade: Option<String>,
    /// What it dialled, by name.
    pub target: Option<String>,
    /// What it dialled, by address.
    pub original: Option<String>,
    /// The user that it asked for at the target.
    pub user: Option<String>,
    /// The database that it asked for.
    pub database: Option<String>,
    /// When it began.
    #[serde(serialize_with = "rfc3339")]
    pub started: Timestamp,
    /// When its last frame was made.
    #[serde(serialize_with = "rfc3339")]
    pub last: Timestamp,
    /// From the first frame to the last, in milliseconds.
    pub duration_ms: u64,
    /// Statements that ended, failed ones included.
    pub statements: u64,
    /// Rows that the server sent.
    pub rows: u64,
    /// Errors.
    pub errors: u64,
    /// Whether it is still going on.
    pub state: State,
    /// Why it ended.
    pub reason: Option<String>,
    /// Whole frames in its record.
    pub frames: u64,
    /// Bytes of its record.
    pub bytes: u64,
}

/// Whether a session is going on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// A gateway is recording it.
    Live,
    /// It ended, and its record says how.
    Ended,
    /// Its gateway died; the next one closes its record.
    Unclosed,
    /// Its record can't be read to its end.
    Damaged,
}

impl State {
    /// Its name, as it is written.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Unclosed => "unclosed",
            Self::Damaged => "damaged",
        }
    }
}

/// All sessions of a state directory, in the order of their beginnings. A record that can't be read is
/// there as damaged: `weir audit verify` names what is wrong with it.
pub fn index(state_dir: &Path) -> Result<Vec<Summary>, EvidenceError> {
    let sessions = files::all(state_dir)?.into_iter().filter_map(|(_, name)| match name {
        Some((session, 0)) => Some(session),
        _ => None,
    });
    sessions.map(|session| summary(state_dir, session)).collect()
}

/// One session.
pub fn summary(state_dir: &Path, session: SessionId) -> Result<Summary, EvidenceError> {
    let live = is_live(state_dir, session);
    let mut walk = Walk::open(state_dir, session)?;
    let mut summary = Summary::new(session, live);
    loop {
        match walk.next(|_| true) {
            Ok(Some(seen)) => summary.add(seen.time, seen.kind, seen.body),
            Ok(None) => break,
            Err(EvidenceError::Broken { .. }) => {
                summary.state = State::Damaged;
                break;
            }
            Err(error) => return Err(error),
        }
    }
    summary.bytes = walk.bytes();
    Ok(summary)
}

impl Summary {
    /// Whether it is no session's record: a run's names, or what the kernel side refused a run.
    #[must_use]
    pub fn is_of_a_run(&self) -> bool {
        self.original.is_none() && matches!(self.target.as_deref(), Some("names" | "kernel"))
    }

    /// Whether it is a session's record: no run's, and not the gateway's own.
    #[must_use]
    pub fn is_session(&self) -> bool {
        self.original.as_deref().is_some_and(|original| original != NOWHERE)
    }

    /// Of a record of which nothing was read yet.
    #[must_use]
    pub fn new(session: SessionId, live: bool) -> Self {
        let state = if live { State::Live } else { State::Unclosed };
        let started = session.made_at();
        Self {
            session,
            run: None,
            workload: None,
            name: None,
            owner: None,
            grade: None,
            target: None,
            original: None,
            user: None,
            database: None,
            started,
            last: started,
            duration_ms: 0,
            statements: 0,
            rows: 0,
            errors: 0,
            state,
            reason: None,
            frames: 0,
            bytes: 0,
        }
    }

    /// Counts a frame that was made then.
    pub fn tick(&mut self, time: Timestamp) {
        if self.frames == 0 {
            self.started = time;
        }
        self.frames += 1;
        self.last = time;
        self.duration_ms = time.0.saturating_sub(self.started.0) / 1_000_000;
    }

    fn add(&mut self, time: Timestamp, kind: FrameKind, body: &[u8]) {
        self.tick(time);
        match kind {
            FrameKind::Opened => self.opened(&json(body)),
            FrameKind::Note => self.note(&json(body)),
            FrameKind::Ended => self.ended(&json(body)),
            FrameKind::Completed => {
                self.statements += 1;
                self.rows += Completed::parse(body).map_or(0, |completed| completed.rows);
            }
            FrameKind::Failed => {
                self.errors += 1;
                self.statements += u64::from(Failure::parse(body).is_some_and(|failure| failure.operation != 0));
            }
            FrameKind::Decision | FrameKind::Statement | FrameKind::Parameters | FrameKind::Rows | FrameKind::Digest => {}
        }
    }

    fn opened(&mut self, opened: &Value) {
        let text = |pointer: &str| opened.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
        self.run = text("/run");
        self.workload = text("/principal/workload");
        self.name = text("/principal/name");
        self.owner = text("/principal/owner");
        self.grade = text("/principal/grade");
        self.target = text("/target/name");
        self.original = text("/original");
    }

    fn note(&mut self, note: &Value) {
        if note.get("what").and_then(Value::as_str) == Some("startup") {
            let text = |name: &str| note.get(name).and_then(Value::as_str).map(str::to_owned);
            self.user = text("user");
            self.database = text("database");
        }
    }

    /// Hears the session's own totals, where it lived to say them.
    pub fn ended(&mut self, ended: &Value) {
        let count = |name: &str, counted: u64| ended.get(name).and_then(Value::as_u64).unwrap_or(counted);
        self.statements = count("statements", self.statements);
        self.rows = count("rows", self.rows);
        self.errors = count("errors", self.errors);
        self.reason = ended.get("reason").and_then(Value::as_str).map(str::to_owned);
        self.state = State::Ended;
    }
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

fn rfc3339<S: Serializer>(time: &Timestamp, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(&super::utc(*time))
}
