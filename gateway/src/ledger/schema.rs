//! The ledger's tables. Entries are kept as JSON beside what is searched for.

use super::LedgerError;
use rusqlite::Connection;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::time::Duration;

/// The format that this version writes.
const VERSION: u32 = 1;
/// How long another gateway's change may take.
const PATIENCE: Duration = Duration::from_secs(10);

const TABLES: &str = "
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

/// Makes the tables where there are none. What is written is on disk before it counts.
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
    match found {
        0 => {
            transaction.execute_batch(TABLES).map_err(failed)?;
            transaction.pragma_update(None, "user_version", VERSION).map_err(failed)?;
        }
        VERSION => {}
        found => return Err(LedgerError::Newer { path: path.to_owned(), found, known: VERSION }),
    }
    transaction.commit().map_err(failed)
}
