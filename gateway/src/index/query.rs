//! Which sessions, the newest first: by filters and words, a page at a time, in a time that does not grow with their number.

use super::IndexError;
use super::kinds::{Of, state_number, state_of};
use super::plan::{Hints, Plan};
use super::words::{Found, find};
use crate::evidence::{State, Summary};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use rusqlite::{Connection, OptionalExtension as _, params};

/// Words that are looked for at once.
const WORDS: usize = 8;

/// Which sessions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Query {
    /// How many at most.
    pub limit: usize,
    /// Older than this one.
    pub before: Option<SessionId>,
    /// Words, each of which is somewhere in what the session is or did; parts of names are enough.
    pub search: Option<String>,
    /// Part of the workload's SPIFFE id or name.
    pub workload: Option<String>,
    /// The target's name.
    pub target: Option<String>,
    /// The run.
    pub run: Option<String>,
    /// The owner.
    pub owner: Option<String>,
    /// Where it is.
    pub state: Option<State>,
    /// Begun at this time or later.
    pub since: Option<Timestamp>,
    /// Begun at this time or before.
    pub until: Option<Timestamp>,
    /// What the records are to be of; all where there is none.
    pub of: Vec<Of>,
}

/// What a session may be looked at for: by its target, its workload and that one's configured name.
pub type May<'m> = dyn Fn(Option<&str>, Option<&str>, Option<&str>) -> bool + 'm;

/// A page of sessions.
#[derive(Clone, Debug, Default)]
pub struct Page {
    /// They, the newest first.
    pub sessions: Vec<Summary>,
    /// Behind which the next page begins; none where this is the last.
    pub next: Option<SessionId>,
}

/// A session that may be one of them.
pub(super) struct Candidate {
    pub(super) id: i64,
    pub(super) profile: i64,
    run: Option<i64>,
    state: i64,
}

impl Query {
    /// Whether this is one of them, as far as its summary says; words are looked for in more than that.
    #[must_use]
    pub fn wants(&self, summary: &Summary) -> bool {
        let is = |wanted: &Option<String>, found: &Option<String>| wanted.is_none() || wanted == found;
        let names = [&summary.workload, &summary.name];
        let begun = summary.session.made_at();
        (self.of.is_empty() || self.of.contains(&Of::record(summary)))
            && self.workload.as_ref().is_none_or(|part| names.into_iter().flatten().any(|name| name.contains(part.as_str())))
            && is(&self.target, &summary.target)
            && is(&self.owner, &summary.owner)
            && is(&self.run, &summary.run)
            && self.state.is_none_or(|state| state == summary.state)
            && self.since.is_none_or(|since| begun >= since)
            && self.until.is_none_or(|until| begun <= until)
            && self.before.is_none_or(|before| summary.session < before)
    }

    /// The page that they are on, of what `may` be seen.
    pub(super) fn page(&self, connection: &Connection, may: &May<'_>) -> Result<Page, IndexError> {
        let failed = super::failed(connection);
        let Some(mut hints) = self.hints(connection, may).map_err(&failed)? else { return Ok(Page::default()) };
        let words = self.search.iter().flat_map(|text| text.split_whitespace()).take(WORDS);
        let mut found = Vec::new();
        for word in words {
            found.push(find(connection, word, &hints).map_err(&failed)?);
        }
        // A word that no session has but by its profile leaves only these.
        for word in found.iter().filter(|word| word.is_of_profiles()) {
            hints.retain(|profile| word.profiles.contains(&profile));
        }
        let mut ids = self.ids(connection, hints, &found).map_err(&failed)?;
        let more = ids.len() > self.limit;
        ids.truncate(self.limit);
        let next = if more { ids.last().map(|id| SessionId::from_number(id.cast_unsigned())) } else { None };
        let sessions: rusqlite::Result<Vec<_>> = ids.into_iter().map(|id| summary(connection, id)).collect();
        Ok(Page { sessions: sessions.map_err(&failed)?.into_iter().flatten().collect(), next })
    }

    /// One more than are wanted.
    fn ids(&self, connection: &Connection, hints: Hints, found: &[Found]) -> rusqlite::Result<Vec<i64>> {
        let mut plan = Plan::make(connection, self, hints, found)?;
        let mut ids = Vec::new();
        while ids.len() <= self.limit {
            let Some(id) = plan.next()? else { break };
            let Some(candidate) = candidate(connection, id)? else { continue };
            if self.takes(connection, &plan, &candidate, found)? {
                ids.push(id);
            }
        }
        Ok(ids)
    }

    fn takes(&self, connection: &Connection, plan: &Plan<'_>, candidate: &Candidate, found: &[Found]) -> rusqlite::Result<bool> {
        let wanted = self.state.is_none_or(|state| state_number(state) == candidate.state)
            && self.run_number().is_none_or(|run| candidate.run == Some(run))
            && plan.hints.has(candidate.profile);
        if !wanted {
            return Ok(false);
        }
        for word in found {
            if !word.is_in(connection, candidate.id, candidate.profile, candidate.run)? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The profiles that the filters let through; none where nothing can be found.
    fn hints(&self, connection: &Connection, may: &May<'_>) -> rusqlite::Result<Option<Hints>> {
        if self.run.is_some() && self.run_number().is_none() {
            return Ok(None);
        }
        let mut statement = connection.prepare_cached(
            "SELECT id, kind, workload, name, target, count, newest, oldest FROM profile
             WHERE (?1 IS NULL OR target = ?1) AND (?2 IS NULL OR owner = ?2)",
        )?;
        let mut rows = statement.query(params![self.target, self.owner])?;
        let mut hints = Hints::default();
        while let Some(row) = rows.next()? {
            let text = |column| row.get_ref(column).ok().and_then(|value| value.as_str_or_null().ok()).flatten();
            let (workload, name, target) = (text(2), text(3), text(4));
            let of = Of::of_number(row.get(1)?);
            let part = self
                .workload
                .as_deref()
                .is_none_or(|wanted| [workload, name].into_iter().flatten().any(|text| text.contains(wanted)));
            let sort = self.of.is_empty() || of.is_some_and(|of| self.of.contains(&of));
            if part && sort && may(target, workload, name) {
                hints.add(row.get(0)?, (row.get(5)?, row.get(6)?, row.get(7)?));
            }
        }
        Ok(Some(hints))
    }

    pub(super) fn run_number(&self) -> Option<i64> {
        self.run.as_deref()?.parse::<RunId>().ok().map(|run| run.number().cast_signed())
    }

    /// The ids that the time and the page leave, the first and the last.
    pub(super) fn range(&self) -> (i64, i64) {
        let at = |time: Timestamp, random| SessionId::new(time, random).number().cast_signed();
        let first = self.since.map_or(0, |since| at(since, 0));
        let last = self.until.map_or(i64::MAX, |until| at(until, u32::MAX));
        let before = self.before.map_or(i64::MAX, |before| before.number().cast_signed() - 1);
        (first, last.min(before))
    }
}

fn candidate(connection: &Connection, id: i64) -> rusqlite::Result<Option<Candidate>> {
    connection
        .prepare_cached("SELECT profile, run, state FROM session WHERE id = ?1")?
        .query_row([id], |row| Ok(Candidate { id, profile: row.get(0)?, run: row.get(1)?, state: row.get(2)? }))
        .optional()
}

/// The columns of a session in a line, for [`read_summary`].
pub(super) const SUMMARY: &str = "s.id, s.run, p.workload, p.name, p.owner, p.grade, p.target, s.original, p.user, p.database,
    s.started, s.last, s.statements, s.rows, s.errors, s.state, (SELECT text FROM thing WHERE id = s.reason), s.frames, s.bytes";

fn summary(connection: &Connection, id: i64) -> rusqlite::Result<Option<Summary>> {
    let text = format!("SELECT {SUMMARY} FROM session s JOIN profile p ON p.id = s.profile WHERE s.id = ?1");
    connection.prepare_cached(&text)?.query_row([id], read_summary).optional()
}

/// A session in a line, of the first columns of a row.
pub(super) fn read_summary(row: &rusqlite::Row<'_>) -> rusqlite::Result<Summary> {
    let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let (started, last) = (Timestamp(count(10)?), Timestamp(count(11)?));
    Ok(Summary {
        session: SessionId::from_number(count(0)?),
        run: row.get::<_, Option<i64>>(1)?.map(|run| RunId::from_number(run.cast_unsigned()).to_string()),
        workload: row.get(2)?,
        name: row.get(3)?,
        owner: row.get(4)?,
        grade: row.get(5)?,
        target: row.get(6)?,
        original: row.get(7)?,
        user: row.get(8)?,
        database: row.get(9)?,
        started,
        last,
        duration_ms: last.0.saturating_sub(started.0) / 1_000_000,
        statements: count(12)?,
        rows: count(13)?,
        errors: count(14)?,
        state: state_of(row.get(15)?),
        reason: row.get(16)?,
        frames: count(17)?,
        bytes: count(18)?,
    })
}
