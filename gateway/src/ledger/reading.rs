//! Reads the events of a ledger without opening it for anything else: for reports.

use super::event::{self, Event};
use super::{LedgerError, PAGE};
use rusqlite::{Connection, OpenFlags};
use std::path::{Path, PathBuf};

/// The events of a state directory, one behind the other.
pub struct Events {
    path: PathBuf,
    connection: Connection,
    page: std::vec::IntoIter<Event>,
    last: u64,
}

impl Events {
    /// From the first one on; none where nothing was ever decided.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub fn of(state_dir: &Path) -> Result<Option<Self>, LedgerError> {
        let path = state_dir.join("ledger.db");
        if !path.exists() {
            return Ok(None);
        }
        let connection = Connection::open_with_flags(&path, OpenFlags::SQLITE_OPEN_READ_ONLY)
            .map_err(|error| LedgerError::Database { path: path.clone(), error })?;
        Ok(Some(Self { path, connection, page: Vec::new().into_iter(), last: 0 }))
    }

    /// The next one; none behind the last.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn following(&mut self) -> Result<Option<Event>, LedgerError> {
        if let Some(event) = self.page.next() {
            return Ok(Some(event));
        }
        let page = event::since(&self.connection, self.last, PAGE)
            .map_err(|error| LedgerError::Database { path: self.path.clone(), error })?;
        self.last = page.last().map_or(self.last, |event| event.number);
        self.page = page.into_iter();
        Ok(self.page.next())
    }
}
