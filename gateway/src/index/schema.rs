//! The index's tables, and how its file is opened. Nothing in it is the only copy of anything: another schema is another file.

use super::IndexError;
use rusqlite::{Connection, OpenFlags, OptionalExtension as _};
use std::fs::{self, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The schema that this version reads and writes. A file of any other is made anew.
const VERSION: u32 = 1;
/// How long another process's write may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// Memory for pages, in KiB.
const CACHE_KIB: i64 = 16 << 10;

/// A `profile` is who connects as whom to what: a few thousand of them stand for any number of sessions, so that what is
/// said of a session by name is looked for there. A `thing` is what sessions do something with. `deed` has the things of a
/// session, `link` the sessions of a thing, `seen` which profiles have which things at all. The hints `count`, `newest` and
/// `oldest` may be too wide, never too narrow.
const TABLES: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE profile (
  id INTEGER PRIMARY KEY,
  key TEXT NOT NULL UNIQUE,
  kind INTEGER NOT NULL,
  workload TEXT, name TEXT, owner TEXT, grade TEXT, person TEXT, uid INTEGER, executable TEXT, host TEXT,
  target TEXT, environment TEXT, protocol TEXT, user TEXT, database TEXT, credential TEXT, login TEXT,
  count INTEGER NOT NULL DEFAULT 0,
  newest INTEGER NOT NULL,
  oldest INTEGER NOT NULL
) STRICT;
CREATE VIRTUAL TABLE profile_text USING fts5(text, content='', tokenize='trigram');
CREATE TABLE thing (
  id INTEGER PRIMARY KEY,
  kind INTEGER NOT NULL,
  text TEXT NOT NULL,
  count INTEGER NOT NULL DEFAULT 0,
  UNIQUE (kind, text)
) STRICT;
CREATE VIRTUAL TABLE thing_text USING fts5(text, content='', tokenize='trigram');
CREATE TABLE session (
  id INTEGER PRIMARY KEY,
  profile INTEGER NOT NULL,
  run INTEGER,
  original TEXT,
  started INTEGER NOT NULL,
  last INTEGER NOT NULL,
  state INTEGER NOT NULL,
  reason INTEGER,
  set_hash INTEGER,
  statements INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  errors INTEGER NOT NULL,
  masked_rows INTEGER NOT NULL,
  server_us INTEGER NOT NULL,
  sent INTEGER NOT NULL,
  received INTEGER NOT NULL,
  wrote INTEGER NOT NULL,
  lost INTEGER NOT NULL,
  cut INTEGER,
  frames INTEGER NOT NULL,
  bytes INTEGER NOT NULL
) STRICT;
CREATE INDEX session_profile ON session (profile, id);
CREATE INDEX session_run ON session (run, id) WHERE run IS NOT NULL;
CREATE INDEX session_last ON session (last);
CREATE INDEX session_open ON session (state, id) WHERE state <> 1;
CREATE TABLE deed (
  session INTEGER NOT NULL,
  thing INTEGER NOT NULL,
  verb INTEGER NOT NULL,
  outcome INTEGER NOT NULL,
  count INTEGER NOT NULL,
  rows INTEGER NOT NULL,
  PRIMARY KEY (session, thing, verb, outcome)
) STRICT, WITHOUT ROWID;
CREATE TABLE link (
  thing INTEGER NOT NULL,
  profile INTEGER NOT NULL,
  session INTEGER NOT NULL,
  PRIMARY KEY (thing, session)
) STRICT, WITHOUT ROWID;
CREATE INDEX link_profile ON link (thing, profile, session);
CREATE TABLE seen (
  thing INTEGER NOT NULL,
  profile INTEGER NOT NULL,
  count INTEGER NOT NULL,
  newest INTEGER NOT NULL,
  oldest INTEGER NOT NULL,
  PRIMARY KEY (thing, profile)
) STRICT, WITHOUT ROWID;
";

/// Where the index is.
pub(super) fn path(state_dir: &Path) -> PathBuf {
    state_dir.join("index.db")
}

/// Opens it to be read; none where there is none of this version, or not a whole one.
pub(super) fn read(state_dir: &Path) -> Result<Option<Connection>, IndexError> {
    let path = path(state_dir);
    let failed = |error| IndexError::Database { path: path.clone(), error };
    if !path.exists() {
        return Ok(None);
    }
    // Read-only files can't be read by WAL's rules where nobody else has them open.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(&path, flags).map_err(failed)?;
    settle(&connection).map_err(failed)?;
    if version(&connection).map_err(failed)? != VERSION {
        return Ok(None);
    }
    connection.pragma_update(None, "query_only", true).map_err(failed)?;
    Ok((meta(&connection, "complete").map_err(failed)? == Some(1)).then_some(connection))
}

/// Opens it to be written, and makes it where there is none of this version.
pub(super) fn write(state_dir: &Path) -> Result<Connection, IndexError> {
    let path = path(state_dir);
    let failed = |error| IndexError::Database { path: path.clone(), error };
    match opened(&path) {
        Ok(connection) if version(&connection).map_err(failed)? == VERSION => return Ok(connection),
        Ok(connection) => drop(connection),
        Err(error) if super::is_damage(&error) => tracing::warn!(%error, "the index is damaged, and is made anew"),
        Err(error) => return Err(failed(error)),
    }
    remove(state_dir)?;
    let mut connection = opened(&path).map_err(failed)?;
    let transaction = connection.transaction().map_err(failed)?;
    transaction.execute_batch(TABLES).map_err(failed)?;
    transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
    transaction.commit().map_err(failed)?;
    Ok(connection)
}

/// Removes it, with what SQLite has beside it.
pub(super) fn remove(state_dir: &Path) -> Result<(), IndexError> {
    for suffix in ["", "-wal", "-shm"] {
        let mut name = path(state_dir).into_os_string();
        name.push(suffix);
        let path = PathBuf::from(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(IndexError::File { path, error }),
            _ => {}
        }
    }
    Ok(())
}

fn opened(path: &Path) -> rusqlite::Result<Connection> {
    // Statements are in it: nobody else may read them, and SQLite gives what it makes beside it the same mode.
    let made = OpenOptions::new().create(true).append(true).mode(0o600).open(path);
    if let Err(error) = made {
        tracing::debug!(%error, path = %path.display(), "the index can't be made");
    }
    let connection = Connection::open(path)?;
    settle(&connection)?;
    // What a power cut takes of it is indexed again; NORMAL keeps what is left in order.
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "synchronous", "NORMAL")?;
    connection.pragma_update(None, "journal_size_limit", 64 << 20)?;
    // Damage is noticed where a page is read: the first ones are here.
    version(&connection)?;
    Ok(connection)
}

fn settle(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(PATIENCE)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)?;
    // Not mapped: who cuts the file off would end the process.
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn version(connection: &Connection) -> rusqlite::Result<u32> {
    connection.pragma_query_value(None, "user_version", |row| row.get(0))
}

/// A number that is kept beside the tables.
pub(super) fn meta(connection: &Connection, name: &str) -> rusqlite::Result<Option<i64>> {
    let mut statement = connection.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
    statement.query_row([name], |row| row.get(0)).optional()
}

/// Keeps it.
pub(super) fn set_meta(connection: &Connection, name: &str, value: i64) -> rusqlite::Result<()> {
    let mut statement = connection.prepare_cached("INSERT OR REPLACE INTO meta (name, value) VALUES (?1, ?2)")?;
    statement.execute((name, value)).map(drop)
}
