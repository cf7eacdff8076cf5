//! The ledger's tables. Entries are kept as JSON beside what is searched for.

use super::LedgerError;
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// How long another gateway's change may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// What makes each format out of the one before it, from an empty file on: format 1 is the first of them. None is ever
/// changed; a new one goes to the end.
const STEPS: [&str; 9] = [ENTRIES_AND_EVENTS, DELIVERIES, PEOPLE, ONCE, DIRECTORY, BINDINGS, LEGAL_HOLDS, ALERTS, UNSEALINGS];

const ENTRIES_AND_EVENTS: &str = "
CREATE TABLE hold (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX hold_open ON hold (id) WHERE open;
CREATE TABLE lease (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX lease_open ON lease (id) WHERE open;
CREATE TABLE block (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX block_open ON block (id) WHERE open;
CREATE TABLE glass (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX glass_open ON glass (id) WHERE open;
CREATE TABLE code (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX code_open ON code (id) WHERE open;
CREATE TABLE event (
  number INTEGER PRIMARY KEY,
  at INTEGER NOT NULL,
  kind TEXT NOT NULL,
  by TEXT NOT NULL,
  subject TEXT NOT NULL,
  details TEXT NOT NULL,
  key TEXT NOT NULL,
  signature TEXT NOT NULL,
  holder TEXT NOT NULL,
  recorded INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX event_unrecorded ON event (number) WHERE NOT recorded;
";

/// How far each notifier has come, and what has become of the events behind that.
const DELIVERIES: &str = "
CREATE TABLE notifier (
  name TEXT PRIMARY KEY,
  settled INTEGER NOT NULL,
  delivered INTEGER NOT NULL DEFAULT 0,
  skipped INTEGER NOT NULL DEFAULT 0,
  failed INTEGER NOT NULL DEFAULT 0,
  delivered_at INTEGER,
  error TEXT,
  error_at INTEGER
) STRICT;
CREATE TABLE delivery (
  notifier TEXT NOT NULL,
  number INTEGER NOT NULL,
  attempts INTEGER NOT NULL,
  next_at INTEGER NOT NULL,
  state TEXT NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (notifier, number)
) STRICT, WITHOUT ROWID;
";

/// Who is signed in, and tokens of the API's.
const PEOPLE: &str = "
CREATE TABLE sign_in (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX sign_in_open ON sign_in (id) WHERE open;
CREATE TABLE token (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX token_open ON token (id) WHERE open;
";

/// What was asked with a key of its own.
const ONCE: &str = "
CREATE TABLE once (
  key TEXT PRIMARY KEY,
  request TEXT NOT NULL,
  at INTEGER NOT NULL,
  status INTEGER,
  body TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX once_at ON once (at);
";

/// People and groups as the identity provider has them, who of them has left, and who has taken over what they owned.
const DIRECTORY: &str = "
CREATE TABLE account (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE account_group (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE called (
  kind TEXT NOT NULL,
  name TEXT NOT NULL,
  id INTEGER NOT NULL,
  PRIMARY KEY (kind, name, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX called_id ON called (id);
CREATE TABLE member (
  account_group INTEGER NOT NULL,
  account INTEGER NOT NULL,
  PRIMARY KEY (account_group, account)
) STRICT, WITHOUT ROWID;
CREATE INDEX member_account ON member (account);
CREATE TABLE left_as (
  name TEXT NOT NULL,
  id INTEGER NOT NULL,
  person TEXT NOT NULL,
  how TEXT NOT NULL,
  by TEXT NOT NULL,
  since INTEGER NOT NULL,
  holder TEXT NOT NULL,
  PRIMARY KEY (name, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX left_as_id ON left_as (id);
CREATE TABLE takeover (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX takeover_open ON takeover (id) WHERE open;
CREATE TABLE directory (version INTEGER NOT NULL) STRICT;
INSERT INTO directory (version) VALUES (0);
";

/// Shells in which somebody has signed in.
const BINDINGS: &str = "
CREATE TABLE binding (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
";

/// Records that nobody removes.
const LEGAL_HOLDS: &str = "
CREATE TABLE legal_hold (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX legal_hold_open ON legal_hold (id) WHERE open;
";

/// What detection has told, and what is snoozed.
const ALERTS: &str = "
CREATE TABLE alert (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE TABLE snooze (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX snooze_open ON snooze (id) WHERE open;
";

/// Requests to open sealed layers.
const UNSEALINGS: &str = "
CREATE TABLE unsealing (id INTEGER PRIMARY KEY, open INTEGER NOT NULL, body TEXT NOT NULL) STRICT;
CREATE INDEX unsealing_open ON unsealing (id) WHERE open;
";

/// The format that this version writes.
fn version() -> u32 {
    u32::try_from(STEPS.len()).unwrap_or(u32::MAX)
}

/// Makes the tables that are not there yet. What is written is on disk before it counts.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let failed = |error| LedgerError::Database { path: path.to_owned(), error };
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    // Statements are looked at: nobody else may read them.
    if let Err(error) = std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)) {
        tracing::warn!(%error, path = %path.display(), "the ledger's permissions can't be set");
    }
    connection.pragma_update(None, "journal_mode", "WAL").map_err(failed)?;
    connection.pragma_update(None, "synchronous", "FULL").map_err(failed)?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate).map_err(failed)?;
    let found: u32 = transaction.pragma_query_value(None, "user_version", |row| row.get(0)).map_err(failed)?;
    let Some(missing) = usize::try_from(found).ok().and_then(|found| STEPS.get(found..)) else {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known: version() });
    };
    for step in missing {
        transaction.execute_batch(step).map_err(failed)?;
    }
    if !missing.is_empty() {
        transaction.pragma_update(None, "user_version", version()).map_err(failed)?;
    }
    transaction.commit().map_err(failed)
}

/// A second connection, for what does not have to be on disk before it counts.
pub(super) fn beside(path: &Path) -> Result<Connection, LedgerError> {
    let failed = |error| LedgerError::Database { path: path.to_owned(), error };
    let connection = Connection::open(path).map_err(failed)?;
    connection.busy_timeout(PATIENCE).map_err(failed)?;
    connection.pragma_update(None, "synchronous", "NORMAL").map_err(failed)?;
    Ok(connection)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_each_format_becomes_this_ones_and_keeps_what_is_in_it() {
        for format in 0..=STEPS.len() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().join("ledger.db");
            let mut connection = Connection::open(&path).unwrap();
            for step in &STEPS[..format] {
                connection.execute_batch(step).unwrap();
            }
            connection.pragma_update(None, "user_version", u32::try_from(format).unwrap()).unwrap();
            if format > 0 {
                connection.execute("INSERT INTO hold (id, open, body) VALUES (7, 0, '{}')", []).unwrap();
            }
            prepare(&mut connection, &path).unwrap();
            prepare(&mut connection, &path).unwrap();
            let found: u32 = connection.pragma_query_value(None, "user_version", |row| row.get(0)).unwrap();
            let kept: i64 = connection.query_row("SELECT count(*) FROM hold", [], |row| row.get(0)).unwrap();
            assert_eq!((found, kept), (version(), i64::from(format > 0)), "from format {format}");
            connection.query_row("SELECT count(*) FROM delivery, notifier", [], |row| row.get::<_, i64>(0)).unwrap();
        }
    }
}
