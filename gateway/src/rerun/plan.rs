//! Which sessions are run again, and a first look at whether they can be.

use super::assemble::Assembler;
use super::exact::{Exact, Obstacle};
use super::source::Source;
use crate::evidence::{self, EvidenceError, Summary};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// So many of the operations that can't be run are named.
const MOST_NAMED: usize = 1_000;

/// Sessions, in the order of their beginnings.
#[derive(Clone, Debug)]
pub struct Plan {
    pub(super) state_dir: PathBuf,
    /// The sessions.
    pub sessions: Vec<Planned>,
}

/// A session that is run again.
#[derive(Clone, Debug)]
pub struct Planned {
    /// Its id.
    pub session: SessionId,
    /// Its run.
    pub run: Option<String>,
    /// The target that it was on.
    pub target: Option<String>,
    /// The database that it asked for.
    pub database: String,
    /// When it began.
    pub started: Timestamp,
    /// When its last frame was made.
    pub last: Timestamp,
}

/// What a first look at all operations says.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Survey {
    /// How many there are.
    pub operations: u64,
    /// How many can't be run again from what was recorded, by why.
    pub obstacles: BTreeMap<Obstacle, u64>,
    /// The first of these.
    pub named: Vec<Impossible>,
}

/// An operation that can't be run again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Impossible {
    /// Its session.
    pub session: SessionId,
    /// Its number there.
    pub operation: u64,
    /// Why.
    pub why: Obstacle,
    /// Whether the sealed layer would have what is missing.
    pub sealed_layer_has_it: bool,
}

/// Why there is nothing to run.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The records.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// What was asked for is no session of Postgres.
    #[error("{0} has nothing that could be run again: no session of Postgres that was logged in is recorded")]
    Nothing(String),
    /// A session belongs to no run.
    #[error("session {0} belongs to no run that is known")]
    NoRun(SessionId),
}

impl Plan {
    /// One session.
    ///
    /// # Errors
    /// Where there is no record of it, or it is none of Postgres.
    pub fn session(state_dir: &Path, session: SessionId) -> Result<Self, PlanError> {
        let summary = evidence::summary(state_dir, session)?;
        Self::of(state_dir, vec![summary], || session.to_string())
    }

    /// All sessions of a run.
    ///
    /// # Errors
    /// Where the records can't be read, or none is of it.
    pub fn run(state_dir: &Path, run: RunId) -> Result<Self, PlanError> {
        let name = run.to_string();
        let all = evidence::index(state_dir)?;
        Self::of(state_dir, all.into_iter().filter(|one| one.run.as_deref() == Some(&name)).collect(), || name.clone())
    }

    /// All sessions of the run that this one belongs to.
    ///
    /// # Errors
    /// Where the records can't be read.
    pub fn whole_run(state_dir: &Path, session: SessionId) -> Result<Self, PlanError> {
        let run = evidence::summary(state_dir, session)?.run.and_then(|run| run.parse().ok());
        Self::run(state_dir, run.ok_or(PlanError::NoRun(session))?)
    }

    fn of(state_dir: &Path, summaries: Vec<Summary>, name: impl Fn() -> String) -> Result<Self, PlanError> {
        let mut sessions: Vec<_> = summaries.into_iter().filter(Summary::is_session).filter_map(planned).collect();
        sessions.sort_by_key(|planned| (planned.started, planned.session));
        if sessions.is_empty() { Err(PlanError::Nothing(name())) } else { Ok(Self { state_dir: state_dir.to_owned(), sessions }) }
    }

    /// Looks at all operations, and runs none.
    ///
    /// # Errors
    /// Where a record can't be read.
    pub fn survey(&self) -> Result<Survey, EvidenceError> {
        let mut survey = Survey::default();
        for planned in &self.sessions {
            let mut reader = Reader::open(&self.state_dir, planned)?;
            while let Some(exact) = reader.next()? {
                survey.operations += 1;
                if let Some(why) = exact.obstacle {
                    *survey.obstacles.entry(why).or_default() += 1;
                    if survey.named.len() < MOST_NAMED && why != Obstacle::Unended {
                        survey.named.push(Impossible::new(&exact, why));
                    }
                }
            }
        }
        Ok(survey)
    }
}

impl Survey {
    /// How many operations can't be run again although they were then.
    #[must_use]
    pub fn impossible(&self) -> u64 {
        self.obstacles.iter().filter(|(why, _)| **why != Obstacle::Unended).map(|(_, count)| count).sum()
    }
}

impl Impossible {
    /// This one, for this reason.
    #[must_use]
    pub const fn new(exact: &Exact, why: Obstacle) -> Self {
        Self { session: exact.session, operation: exact.operation, why, sealed_layer_has_it: why.is_sealed() }
    }
}

fn planned(summary: Summary) -> Option<Planned> {
    let Summary { session, run, target, database, user, started, last, .. } = summary;
    // Without one of its own, a session is in the database of its user's name.
    let database = database.filter(|name| !name.is_empty()).or_else(|| user.filter(|name| !name.is_empty()))?;
    Some(Planned { session, run, target, database, started, last })
}

/// One session's operations, as they are read.
pub(super) struct Reader {
    source: Source,
    assembler: Assembler,
    over: bool,
}

impl Reader {
    pub(super) fn open(state_dir: &Path, planned: &Planned) -> Result<Self, EvidenceError> {
        let source = Source::plain(state_dir, planned.session)?;
        let assembler = Assembler::new(planned.session, source.is_exact());
        Ok(Self { source, assembler, over: false })
    }

    /// The next operation.
    pub(super) fn next(&mut self) -> Result<Option<Exact>, EvidenceError> {
        loop {
            if let Some(exact) = self.assembler.next() {
                return Ok(Some(exact));
            }
            if self.over {
                return Ok(None);
            }
            match self.source.frame()? {
                Some(seen) => self.assembler.hear(&seen),
                None => {
                    self.over = true;
                    self.assembler.end();
                }
            }
        }
    }

    /// How many operations the server passed over, so far.
    pub(super) const fn passed_over(&self) -> u64 {
        self.assembler.passed_over()
    }
}
