//! Brings the index to what the records are: at a start, after a rebuild, and where notices were missed.

use super::reading::Reading;
use super::schema::{self, meta, set_meta};
use super::tally::Tally;
use super::{IndexError, failed, fresh, write};
use crate::evidence::{EvidenceError, files, now};
use gateway_core::model::ids::SessionId;
use rusqlite::Connection;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

/// Records that are written to the index at once.
const BATCH: usize = 128;
/// A change of a folder within this time may be followed by one that its time does not tell from it.
const TICK: u64 = 2_000_000_000;
/// How often somebody is told how far it is.
const TELL: Duration = Duration::from_millis(500);

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Records that were looked at.
    pub done: usize,
    /// Records that are to be.
    pub all: usize,
}

/// What goes on while it catches up.
pub(super) struct Watch<'w> {
    /// Whether it is to stop.
    pub(super) stop: &'w dyn Fn() -> bool,
    /// Hears how far it is.
    pub(super) tell: &'w mut dyn FnMut(Progress),
    /// Leaves the processor to others for as long as it has used it.
    pub(super) gentle: bool,
}

/// Throws the index away and makes it anew. Where a gateway keeps it, that gateway does it.
///
/// # Errors
/// Where the records can't be read, or the index can't be written.
pub fn reindex(state_dir: &Path, tell: &mut dyn FnMut(Progress)) -> Result<u64, IndexError> {
    if let Some(_lock) = fresh::Lock::take(state_dir)? {
        schema::remove(state_dir)?;
        let connection = schema::write(state_dir)?;
        let mut watch = Watch { stop: &|| false, tell, gentle: false };
        catch_up(&connection, state_dir, &mut watch)?;
        return count(&connection).map_err(failed(&connection));
    }
    fresh::ask_for_rebuild(state_dir, tell)
}

/// Makes an index of what no record has: for measurements.
///
/// # Errors
/// Where it can't be written.
#[doc(hidden)]
pub fn fill(state_dir: &Path, mut tallies: impl Iterator<Item = Tally>) -> Result<(), IndexError> {
    let connection = schema::write(state_dir)?;
    loop {
        let batch: Vec<_> = tallies.by_ref().take(BATCH * 16).collect();
        if batch.is_empty() {
            return in_one(&connection, |connection| set_meta(connection, "complete", 1));
        }
        in_one(&connection, |connection| batch.iter().try_for_each(|tally| write::put(connection, tally)))?;
    }
}

/// How many sessions are in it.
pub(super) fn count(connection: &Connection) -> rusqlite::Result<u64> {
    connection.query_row("SELECT count(*) FROM session", [], |row| row.get::<_, i64>(0)).map(i64::cast_unsigned)
}

/// Indexes what is new, forgets what is gone, looks again at what was not over. Those that are live.
pub(super) fn catch_up(connection: &Connection, state_dir: &Path, watch: &mut Watch<'_>) -> Result<Vec<SessionId>, IndexError> {
    let failed = failed(connection);
    let at = now();
    let mtime = mtime(state_dir)?;
    let complete = meta(connection, "complete").map_err(&failed)? == Some(1);
    let unchanged = complete && mtime.is_some() && meta(connection, "mtime").map_err(&failed)? == mtime;
    let mut todo = unfinished(connection).map_err(&failed)?;
    if !unchanged {
        let (new, gone) = differences(connection, state_dir)?;
        todo.extend(new);
        for batch in gone.chunks(BATCH) {
            in_one(connection, |connection| batch.iter().try_for_each(|session| write::remove(connection, *session)))?;
        }
    }
    todo.sort_unstable();
    todo.dedup();
    // The newest are asked for most.
    todo.reverse();
    let mut open = Vec::new();
    let (all, mut told) = (todo.len(), Instant::now());
    for (number, batch) in todo.chunks(BATCH).enumerate() {
        let begun = Instant::now();
        if (watch.stop)() {
            return Ok(open);
        }
        open.extend(index(connection, state_dir, batch)?);
        if told.elapsed() > TELL {
            told = Instant::now();
            (watch.tell)(Progress { done: number * BATCH + batch.len(), all });
        }
        if watch.gentle {
            std::thread::sleep(begun.elapsed().min(Duration::from_millis(200)));
        }
    }
    in_one(connection, |connection| {
        set_meta(connection, "complete", 1)?;
        set_meta(connection, "mtime", mtime.unwrap_or_default())?;
        set_meta(connection, "at", at.0.cast_signed())
    })?;
    Ok(open)
}

/// Reads records and keeps them; those that are live.
fn index(connection: &Connection, state_dir: &Path, sessions: &[SessionId]) -> Result<Vec<SessionId>, IndexError> {
    let mut open = Vec::new();
    let mut readings = Vec::with_capacity(sessions.len());
    for session in sessions {
        match read(state_dir, *session) {
            Ok(Some(reading)) => {
                if reading.is_live() {
                    open.push(*session);
                }
                readings.push(reading);
            }
            // It has gone meanwhile.
            Ok(None) => {}
            Err(error) => {
                tracing::warn!(%session, %error, "a record can't be indexed");
                open.push(*session);
            }
        }
    }
    in_one(connection, |connection| readings.iter().try_for_each(|reading| write::put(connection, &reading.tally)))?;
    Ok(open)
}

fn read(state_dir: &Path, session: SessionId) -> Result<Option<Reading>, EvidenceError> {
    let Some(mut reading) = Reading::open(state_dir, session)? else { return Ok(None) };
    reading.go_on(state_dir)?;
    Ok(Some(reading))
}

/// Sessions whose records were not over when they were read last.
fn unfinished(connection: &Connection) -> rusqlite::Result<Vec<SessionId>> {
    let mut statement = connection.prepare_cached("SELECT id FROM session WHERE state <> 1")?;
    statement.query_map([], |row| row.get::<_, i64>(0).map(|id| SessionId::from_number(id.cast_unsigned())))?.collect()
}

/// Records that the index has not, and those that it has and that are gone.
fn differences(connection: &Connection, state_dir: &Path) -> Result<(Vec<SessionId>, Vec<SessionId>), IndexError> {
    let failed = failed(connection);
    let mut there = sessions(state_dir)?;
    there.sort_unstable();
    let mut there = there.into_iter().peekable();
    let (mut new, mut gone) = (Vec::new(), Vec::new());
    let mut statement = connection.prepare_cached("SELECT id FROM session ORDER BY id").map_err(&failed)?;
    let mut rows = statement.query([]).map_err(&failed)?;
    while let Some(row) = rows.next().map_err(&failed)? {
        let known = SessionId::from_number(row.get::<_, i64>(0).map_err(&failed)?.cast_unsigned());
        while let Some(session) = there.next_if(|session| *session < known) {
            new.push(session);
        }
        if there.next_if_eq(&known).is_none() {
            gone.push(known);
        }
    }
    new.extend(there);
    Ok((new, gone))
}

/// The sessions whose records are there: eight bytes for each, where a list of files would take a hundred.
fn sessions(state_dir: &Path) -> Result<Vec<SessionId>, IndexError> {
    let directory = files::sessions(state_dir);
    let failed = |error| IndexError::File { path: directory.clone(), error };
    let entries = match std::fs::read_dir(&directory) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(failed(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let named = entry.map_err(failed)?.file_name().to_str().and_then(files::parse_name);
        found.extend(named.filter(|(_, segment)| *segment == 0).map(|(session, _)| session));
    }
    Ok(found)
}

/// When a record was last made or removed; none where that can't be told from what comes next.
fn mtime(state_dir: &Path) -> Result<Option<i64>, IndexError> {
    let directory = files::sessions(state_dir);
    let about = match std::fs::metadata(&directory) {
        Ok(about) => about,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(IndexError::File { path: directory, error }),
    };
    let changed = about.mtime().saturating_mul(1_000_000_000).saturating_add(about.mtime_nsec());
    Ok((changed.cast_unsigned().saturating_add(TICK) < now().0).then_some(changed))
}

/// Does all of it or nothing.
pub(super) fn in_one(connection: &Connection, work: impl FnOnce(&Connection) -> rusqlite::Result<()>) -> Result<(), IndexError> {
    let failed = failed(connection);
    let transaction = connection.unchecked_transaction().map_err(&failed)?;
    work(&transaction).map_err(&failed)?;
    transaction.commit().map_err(failed)
}
