//! Reads everything once: sessions go to a temporary file, a line each, and totals stay. So memory does not grow with time.

use super::access::Access;
use super::{AuditingError, Range};
use crate::evidence::{self, PolicyHistory, Trusted, Verification, files};
use crate::ledger::{self, Event, Events};
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufRead as _, BufReader, BufWriter, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

/// Pairs of a workload and a target that are told apart; what is beyond is counted together.
const MOST_PAIRS: usize = 2_000;
/// So many problems of records are told.
const MOST_PROBLEMS: usize = 1_000;

/// What was read.
pub struct Gathered {
    /// What it is about.
    pub range: Range,
    /// When it was read.
    pub at: Timestamp,
    /// All sums.
    pub totals: Totals,
    /// Workloads by target.
    pub pairs: BTreeMap<(String, String), Pair>,
    /// Sessions of pairs that are not told apart.
    pub beyond: u64,
    /// What is wrong with records and ledger.
    pub problems: Vec<String>,
    /// The policy sets in force, and since when.
    pub policies: Vec<(String, Timestamp)>,
    state_dir: PathBuf,
    spool: File,
}

/// All sums of a report.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Totals {
    /// Sessions.
    pub sessions: u64,
    /// Of these, those that were refused, or of which something was.
    pub refused_sessions: u64,
    /// Those in which something waited for people.
    pub approved_sessions: u64,
    /// Those without an owner.
    pub ownerless_sessions: u64,
    /// Those by broken glass.
    pub glass_sessions: u64,
    /// Statements.
    pub statements: u64,
    /// Rows.
    pub rows: u64,
    /// Refusals by policy.
    pub refusals: u64,
    /// What observe mode would have refused.
    pub would_refuse: u64,
    /// Findings.
    pub findings: u64,
    /// Names that the resolver refused.
    pub names_refused: u64,
    /// What the kernel side refused.
    pub kernel_refused: u64,
    /// Events of what people decided.
    pub events: u64,
    /// Records that were checked, of all times.
    pub records_checked: u64,
    /// Frames of them.
    pub frames_checked: u64,
    /// Events of the ledger that were checked, of all times.
    pub events_checked: u64,
    /// What is wrong with them.
    pub problems: u64,
}

/// A workload on a target.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Pair {
    /// Who answers for it.
    pub owner: Option<String>,
    /// Sessions.
    pub sessions: u64,
    /// Statements.
    pub statements: u64,
    /// Rows.
    pub rows: u64,
    /// Refusals.
    pub refused: u64,
}

impl Gathered {
    /// Reads all of a range.
    ///
    /// # Errors
    /// Where records, ledger or the temporary file can't be read or written.
    pub fn read(state_dir: &Path, range: &Range) -> Result<Self, AuditingError> {
        let mut gathered = Self {
            range: range.clone(),
            at: evidence::now(),
            totals: Totals::default(),
            pairs: BTreeMap::new(),
            beyond: 0,
            problems: Vec::new(),
            policies: in_force(state_dir, range)?,
            state_dir: state_dir.to_owned(),
            spool: tempfile::tempfile()?,
        };
        gathered.sessions()?;
        let mut events = 0;
        gathered.each_event(|_event| {
            events += 1;
            Ok(())
        })?;
        gathered.totals.events = events;
        gathered.verify()?;
        Ok(gathered)
    }

    fn sessions(&mut self) -> Result<(), AuditingError> {
        let mut spool = BufWriter::new(self.spool.try_clone()?);
        let found = files::all(&self.state_dir)?.into_iter().filter_map(|(_, name)| name);
        for (session, _) in found.filter(|(_, segment)| *segment == 0) {
            // What began behind the range need not be read.
            if self.range.until.is_some_and(|until| session.made_at() >= until) {
                continue;
            }
            let access = Access::read(&self.state_dir, session)?;
            let workload = [access.name.as_deref(), access.workload.as_deref()];
            if !self.range.touches(Timestamp(access.began), Timestamp(access.last)) {
                continue;
            }
            if !access.is_session() {
                // Of a run it is known which, and not on which target.
                if self.range.is_about(self.range.target.as_deref(), &workload) {
                    self.count_of_run(&access);
                }
            } else if self.range.is_about(access.target.as_deref(), &workload) {
                self.count(&access);
                serde_json::to_writer(&mut spool, &access).map_err(std::io::Error::from)?;
                spool.write_all(b"\n")?;
            }
        }
        Ok(spool.flush()?)
    }

    fn count_of_run(&mut self, access: &Access) {
        match access.target.as_deref() {
            Some("names") => self.totals.names_refused += access.refused,
            _ => self.totals.kernel_refused += access.kernel.values().sum::<u64>(),
        }
        self.totals.findings += access.findings.values().sum::<u64>();
    }

    fn count(&mut self, access: &Access) {
        let totals = &mut self.totals;
        totals.sessions += 1;
        totals.refused_sessions += u64::from(access.refused > 0);
        totals.approved_sessions += u64::from(!access.approvals.is_empty());
        totals.ownerless_sessions += u64::from(access.owner.is_none());
        totals.glass_sessions += u64::from(access.break_glass.is_some());
        totals.statements += access.statements;
        totals.rows += access.rows;
        totals.refusals += access.refused;
        totals.would_refuse += access.would_refuse;
        totals.findings += access.findings.values().sum::<u64>();
        let key = (access.who().to_owned(), access.target.clone().unwrap_or_else(|| "-".to_owned()));
        if self.pairs.len() >= MOST_PAIRS && !self.pairs.contains_key(&key) {
            self.beyond += 1;
            return;
        }
        let pair = self.pairs.entry(key).or_default();
        pair.owner = pair.owner.take().or_else(|| access.owner.clone());
        pair.sessions += 1;
        pair.statements += access.statements;
        pair.rows += access.rows;
        pair.refused += access.refused;
    }

    /// Checks records and ledger, of all times: what was changed may be what a range would have had.
    fn verify(&mut self) -> Result<(), AuditingError> {
        let found: Verification = evidence::verify(&self.state_dir, None, &Trusted::default())?;
        self.totals.records_checked = found.sessions.len() as u64;
        self.totals.frames_checked = found.sessions.iter().map(|one| one.report.frames).sum();
        self.totals.problems = found.problems();
        let heads = found.log.iter().map(ToString::to_string);
        let policies = found.policies.iter().map(|hash| format!("policy set {hash}: its text is not there, or another"));
        let strangers = found.strangers.iter().map(|name| format!("{name}: not a record: it does not belong there"));
        let records = found.sessions.iter().flat_map(|one| {
            let session = one.session;
            one.report.problems.iter().map(move |problem| format!("{session}: {problem}"))
        });
        self.problems = heads.chain(policies).chain(strangers).chain(records).take(MOST_PROBLEMS).collect();
        if let Some(checked) = ledger::check(&self.state_dir)? {
            self.totals.events_checked = checked.events;
            self.totals.problems += checked.problems.len() as u64;
            let lines = checked.problems.into_iter().map(|problem| format!("ledger: {problem}"));
            let room = MOST_PROBLEMS.saturating_sub(self.problems.len());
            self.problems.extend(lines.take(room));
        }
        Ok(())
    }

    /// Each session, the oldest first.
    ///
    /// # Errors
    /// Where the temporary file can't be read, or `each` fails.
    pub fn each_session(&mut self, mut each: impl FnMut(Access) -> Result<(), AuditingError>) -> Result<(), AuditingError> {
        self.spool.seek(SeekFrom::Start(0))?;
        let mut reader = BufReader::new(&self.spool);
        let mut line = Vec::new();
        while reader.read_until(b'\n', &mut line)? > 0 {
            each(serde_json::from_slice(&line).map_err(std::io::Error::from)?)?;
            line.clear();
        }
        Ok(())
    }

    /// Each event of the range, the oldest first.
    ///
    /// # Errors
    /// Where the ledger can't be read, or `each` fails.
    pub fn each_event(&self, mut each: impl FnMut(Event) -> Result<(), AuditingError>) -> Result<(), AuditingError> {
        let Some(mut events) = Events::of(&self.state_dir)? else { return Ok(()) };
        while let Some(event) = events.following()? {
            if self.range.touches(event.at, event.at) && self.range.is_about_event(&event.details) {
                each(event)?;
            }
        }
        Ok(())
    }
}

/// The policy sets that came into force within the range, and the one that was in force when it began.
fn in_force(state_dir: &Path, range: &Range) -> Result<Vec<(String, Timestamp)>, AuditingError> {
    let mut history = PolicyHistory::default();
    let sets: Vec<_> = history.read(state_dir)?.iter().map(|set| (set.hash.clone(), set.at)).collect();
    let first = range.since.map_or(0, |since| sets.partition_point(|(_, at)| *at <= since).saturating_sub(1));
    let of_it = sets.into_iter().skip(first).filter(|(_, since)| range.until.is_none_or(|until| *since < until));
    Ok(of_it.collect())
}
