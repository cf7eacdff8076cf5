//! Who was at a target in a time: run by run, with what each saw and did there, and where else it went.

use super::kinds::{Kind, Of, Outcome, Verb, Wrote, state_number};
use super::{Index, IndexError, failed};
use crate::evidence::State;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use rusqlite::{Connection, Row, params};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Objects that are told of a run, and other targets.
const OBJECTS: i64 = 12;
const ELSEWHERE: i64 = 20;
/// Sessions with something missing that are told.
const UNWHOLE: i64 = 1_000;

/// A target, in a time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Window {
    /// The target's name.
    pub target: String,
    /// Sessions that went on at this time or later,
    pub since: Timestamp,
    /// and had begun by that.
    pub until: Timestamp,
}

/// All who were there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Visits {
    /// The runs, those with the most rows first.
    pub runs: Vec<Visit>,
    /// How many runs there were, those that are not told with them.
    pub all_runs: u64,
    /// Their sessions.
    pub sessions: u64,
    /// Rows that the target sent to them.
    pub rows: u64,
    /// Microseconds for which it worked for them.
    pub server_us: u64,
    /// Runs that changed something, as far as that is known.
    pub wrote: u64,
    /// What they saw of each class.
    pub exposure: Vec<Exposure>,
}

/// A run at a target.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Visit {
    /// The run; none where its records don't say it.
    pub run: Option<String>,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The name of its `[[workload]]`.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How well that is known.
    pub grade: Option<String>,
    /// Who had signed in to its shell.
    pub person: Option<String>,
    /// The credential that it got, by its reference.
    pub credential: Option<String>,
    /// The user at the target.
    pub login: Option<String>,
    /// When its first session there began.
    pub first: Timestamp,
    /// When its last one did something last.
    pub last: Timestamp,
    /// Whether one of them goes on.
    pub live: bool,
    /// Its sessions there.
    pub sessions: u64,
    /// Statements.
    pub statements: u64,
    /// Rows that the target sent.
    pub rows: u64,
    /// Microseconds for which the target worked for it.
    pub server_us: u64,
    /// Statements that failed or were refused.
    pub errors: u64,
    /// Whether it changed anything there.
    pub wrote: Wrote,
    /// Its newest session there.
    pub session: SessionId,
    /// What it saw of each class.
    pub exposure: Vec<Exposure>,
    /// What it did with what, the most rows first.
    pub objects: Vec<Object>,
    /// Where else it connected.
    pub elsewhere: Vec<Elsewhere>,
}

/// Rows with values of a class.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Exposure {
    /// The class.
    pub class: String,
    /// Rows in which they were masked.
    pub masked_rows: u64,
    /// Rows in which they were shown as they are.
    pub clear_rows: u64,
}

/// What was done with something.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Object {
    /// `read`, `write` …
    pub verb: Verb,
    /// The relation, function or schema.
    pub object: String,
    /// What came of it.
    pub outcome: Outcome,
    /// How often.
    pub count: u64,
    /// Rows that the statements brought which did it.
    pub rows: u64,
}

/// Another target of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Elsewhere {
    /// The target: an address where the configuration has no name for it.
    pub target: String,
    /// What it speaks.
    pub protocol: Option<String>,
    /// Sessions, refused ones included.
    pub sessions: u64,
    /// Of them those that were refused at the door.
    pub refused: u64,
    /// Bytes that the run sent there.
    pub sent: u64,
    /// Bytes that it was sent.
    pub received: u64,
}

/// A session of whose record something is missing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwhole {
    /// The session.
    pub session: SessionId,
    /// Its host.
    pub host: Option<String>,
    /// Its target.
    pub target: Option<String>,
    /// From when on something is missing,
    pub started: Timestamp,
    /// until when.
    pub last: Timestamp,
    /// Frames that could not be written.
    pub lost: u64,
    /// It can't be read to its end.
    pub damaged: bool,
}

impl Index {
    /// Who was there; none where there is no whole index. `most` runs are told one by one.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub fn visits(&self, window: &Window, most: usize) -> Result<Option<Visits>, IndexError> {
        self.ask(|connection| visits(connection, window, most).map_err(failed(connection)))
    }

    /// Sessions of whose records something is missing, that went on between these times; of one target where it is named.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub fn unwhole(&self, since: Timestamp, until: Timestamp, target: Option<&str>) -> Result<Option<Vec<Unwhole>>, IndexError> {
        self.ask(|connection| unwhole(connection, (since, until), target).map_err(failed(connection)))
    }
}

fn visits(connection: &Connection, window: &Window, most: usize) -> rusqlite::Result<Visits> {
    let mut runs: BTreeMap<Option<i64>, Visit> = BTreeMap::new();
    let mut statement = connection.prepare_cached(
        "SELECT s.run, p.workload, p.name, p.owner, p.grade, p.person, p.credential, p.login, min(s.started), max(s.last),
                max(s.state = ?4), count(*), sum(s.statements), sum(s.rows), sum(s.server_us), sum(s.errors), max(s.wrote = 1),
                max(s.wrote = 2), max(s.id)
         FROM session s JOIN profile p ON p.id = s.profile
         WHERE s.last >= ?2 AND s.started <= ?3 AND p.target = ?1 AND p.kind = 0
         GROUP BY s.run, p.id",
    )?;
    let live = state_number(State::Live);
    let mut rows = statement.query(params![window.target, window.since.0.cast_signed(), window.until.0.cast_signed(), live])?;
    while let Some(row) = rows.next()? {
        let visit = visit(row)?;
        runs.entry(row.get(0)?).and_modify(|known| known.add(&visit)).or_insert(visit);
    }
    let mut found = Visits { all_runs: runs.len() as u64, ..Visits::default() };
    for visit in runs.values() {
        found.sessions += visit.sessions;
        found.rows += visit.rows;
        found.server_us += visit.server_us;
        found.wrote += u64::from(visit.wrote == Wrote::Yes);
    }
    let mut runs: Vec<_> = runs.into_iter().collect();
    runs.sort_by_key(|(_, visit)| std::cmp::Reverse((visit.rows, visit.server_us)));
    runs.truncate(most);
    for (run, mut visit) in runs {
        visit.exposure = exposure(connection, window, Some(run))?;
        visit.objects = objects(connection, window, run)?;
        visit.elsewhere = elsewhere(connection, window, run)?;
        found.runs.push(visit);
    }
    found.exposure = exposure(connection, window, None)?;
    Ok(found)
}

fn visit(row: &Row<'_>) -> rusqlite::Result<Visit> {
    let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
    let wrote = match (row.get(16)?, row.get(17)?) {
        (true, _) => Wrote::Yes,
        (false, true) => Wrote::Unknown,
        (false, false) => Wrote::No,
    };
    Ok(Visit {
        run: row.get::<_, Option<i64>>(0)?.map(|run| RunId::from_number(run.cast_unsigned()).to_string()),
        workload: row.get(1)?,
        name: row.get(2)?,
        owner: row.get(3)?,
        grade: row.get(4)?,
        person: row.get(5)?,
        credential: row.get(6)?,
        login: row.get(7)?,
        first: Timestamp(count(8)?),
        last: Timestamp(count(9)?),
        live: row.get(10)?,
        sessions: count(11)?,
        statements: count(12)?,
        rows: count(13)?,
        server_us: count(14)?,
        errors: count(15)?,
        wrote,
        session: SessionId::from_number(count(18)?),
        exposure: Vec::new(),
        objects: Vec::new(),
        elsewhere: Vec::new(),
    })
}

impl Visit {
    /// The same run as somebody else there.
    fn add(&mut self, other: &Self) {
        self.sessions += other.sessions;
        self.statements += other.statements;
        self.rows += other.rows;
        self.server_us += other.server_us;
        self.errors += other.errors;
        self.wrote = self.wrote.or(other.wrote);
        self.live |= other.live;
        if other.last > self.last {
            (self.login, self.credential) = (other.login.clone(), other.credential.clone());
        }
        self.session = self.session.max(other.session);
        (self.first, self.last) = (self.first.min(other.first), self.last.max(other.last));
    }
}

/// The sessions of the window, of all runs (`?4` is none) or of one: for a statement that says more of them.
const SESSIONS: &str = "SELECT s.id FROM session s JOIN profile p ON p.id = s.profile
    WHERE ?4 IS NULL AND s.last >= ?2 AND s.started <= ?3 AND p.target = ?1 AND p.kind = 0";
const OF_RUN: &str = "SELECT s.id FROM session s JOIN profile p ON p.id = s.profile
    WHERE s.run = ?4 AND s.run IS NOT NULL AND s.last >= ?2 AND s.started <= ?3 AND p.target = ?1 AND p.kind = 0";

fn exposure(connection: &Connection, window: &Window, run: Option<Option<i64>>) -> rusqlite::Result<Vec<Exposure>> {
    let Window { target, since, until } = window;
    let (sessions, run) = match run {
        None => (SESSIONS, None),
        Some(Some(run)) => (OF_RUN, Some(run)),
        // Those that say no run are no run's.
        Some(None) => return Ok(Vec::new()),
    };
    let text = format!(
        "SELECT t.text, d.verb, sum(d.rows) FROM deed d JOIN thing t ON t.id = d.thing
         WHERE d.session IN ({sessions}) AND t.kind = {} GROUP BY t.text, d.verb",
        Kind::Class.number()
    );
    let mut statement = connection.prepare_cached(&text)?;
    let mut rows = statement.query(params![target, since.0.cast_signed(), until.0.cast_signed(), run])?;
    let mut classes: BTreeMap<String, Exposure> = BTreeMap::new();
    while let Some(row) = rows.next()? {
        let class: String = row.get(0)?;
        let entry = classes.entry(class.clone()).or_insert(Exposure { class, masked_rows: 0, clear_rows: 0 });
        let rows = row.get::<_, i64>(2)?.cast_unsigned();
        match Verb::of_number(row.get(1)?) {
            Some(Verb::Clear) => entry.clear_rows += rows,
            _ => entry.masked_rows += rows,
        }
    }
    let mut found: Vec<_> = classes.into_values().collect();
    found.sort_by_key(|class| std::cmp::Reverse((class.clear_rows, class.masked_rows)));
    Ok(found)
}

fn objects(connection: &Connection, window: &Window, run: Option<i64>) -> rusqlite::Result<Vec<Object>> {
    let text = format!(
        "SELECT d.verb, t.text, d.outcome, sum(d.count), sum(d.rows) FROM deed d JOIN thing t ON t.id = d.thing
         WHERE d.session IN ({OF_RUN}) AND t.kind = {}
         GROUP BY d.verb, t.text, d.outcome ORDER BY sum(d.rows) DESC, sum(d.count) DESC, t.text LIMIT {OBJECTS}",
        Kind::Object.number()
    );
    let mut statement = connection.prepare_cached(&text)?;
    let read = |row: &Row<'_>| {
        Ok(Object {
            verb: Verb::of_number(row.get(0)?).unwrap_or(Verb::Other),
            object: row.get(1)?,
            outcome: Outcome::of_number(row.get(2)?).unwrap_or(Outcome::Unasked),
            count: row.get::<_, i64>(3)?.cast_unsigned(),
            rows: row.get::<_, i64>(4)?.cast_unsigned(),
        })
    };
    statement.query_map(params![window.target, window.since.0.cast_signed(), window.until.0.cast_signed(), run], read)?.collect()
}

fn elsewhere(connection: &Connection, window: &Window, run: Option<i64>) -> rusqlite::Result<Vec<Elsewhere>> {
    let text = format!(
        "SELECT p.target, p.protocol, count(*), sum(s.sent), sum(s.received),
                sum(EXISTS (SELECT 1 FROM deed d JOIN thing t ON t.id = d.thing WHERE d.session = s.id
                            AND d.verb = {} AND d.outcome = {} AND t.text = p.target))
         FROM session s JOIN profile p ON p.id = s.profile
         WHERE s.run = ?2 AND s.run IS NOT NULL AND p.kind = {} AND p.target <> ?1
         GROUP BY p.target, p.protocol ORDER BY sum(s.sent) DESC LIMIT {ELSEWHERE}",
        Verb::Session.number(),
        Outcome::Denied.number(),
        Of::Session.number(),
    );
    let mut statement = connection.prepare_cached(&text)?;
    let read = |row: &Row<'_>| {
        let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Elsewhere {
            target: row.get(0)?,
            protocol: row.get(1)?,
            sessions: count(2)?,
            sent: count(3)?,
            received: count(4)?,
            refused: count(5)?,
        })
    };
    statement.query_map(params![window.target, run], read)?.collect()
}

fn unwhole(
    connection: &Connection,
    (since, until): (Timestamp, Timestamp),
    target: Option<&str>,
) -> rusqlite::Result<Vec<Unwhole>> {
    let mut statement = connection.prepare_cached(
        "SELECT s.id, p.host, p.target, coalesce(s.cut, s.started), s.last, s.lost, s.state = ?5
         FROM session s JOIN profile p ON p.id = s.profile
         WHERE s.last >= ?1 AND s.started <= ?2 AND (s.cut IS NOT NULL OR s.lost > 0 OR s.state = ?5)
           AND p.kind IN (0, 3) AND (?3 IS NULL OR p.target = ?3)
         ORDER BY s.id LIMIT ?4",
    )?;
    let read = |row: &Row<'_>| {
        let count = |column| row.get::<_, i64>(column).map(i64::cast_unsigned);
        Ok(Unwhole {
            session: SessionId::from_number(count(0)?),
            host: row.get(1)?,
            target: row.get(2)?,
            started: Timestamp(count(3)?),
            last: Timestamp(count(4)?),
            lost: count(5)?,
            damaged: row.get(6)?,
        })
    };
    let parameters = params![since.0.cast_signed(), until.0.cast_signed(), target, UNWHOLE, state_number(State::Damaged)];
    statement.query_map(parameters, read)?.collect()
}
