//! The index: what can be asked of all records without reading them, `<state>/index.db`.
//!
//! The records are the truth. The index can be thrown away at any time, and is made of them again. One process at a time
//! writes it ([`Indexer`], in each gateway: the first one leads, and the others wait to take its place); any number
//! read it ([`Index`]). Nothing of it is on the way of a session's bytes.

mod catchup;
mod credentials;
mod fresh;
mod indexer;
mod kinds;
mod operations;
mod plan;
mod query;
mod reading;
mod schema;
mod tally;
mod visits;
mod words;
mod write;

#[doc(hidden)]
pub use catchup::fill;
pub use catchup::{Progress, reindex};
pub use credentials::{Login, LoginUse};
pub use fresh::open_fresh;
pub use indexer::Indexer;
pub use kinds::{Kind, Of, Outcome, Verb, Wrote};
pub use query::{May, Page, Query};
pub use tally::{Counts, Deed, Profile, Tally};
pub use visits::{Elsewhere, Exposure, Object, Unwhole, Visit, Visits, Window};

use crate::evidence::EvidenceError;
use rusqlite::{Connection, ErrorCode};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// Why the index could not be read or written.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Its database.
    #[error("the index {path}: {error}; it can be thrown away: weir audit reindex")]
    Database {
        /// Where it is.
        path: PathBuf,
        /// What failed.
        error: rusqlite::Error,
    },
    /// A file beside it.
    #[error("the index's file {path}: {error}")]
    File {
        /// Where it is.
        path: PathBuf,
        /// What failed.
        error: std::io::Error,
    },
    /// The records that it is made of.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// Somebody else writes it, and does not say that it is done.
    #[error("a gateway makes the index of {directory} and is not done yet: ask again in a while")]
    Busy {
        /// The state directory.
        directory: PathBuf,
    },
}

/// The index of a state directory, for reading.
#[derive(Debug)]
pub struct Index {
    state_dir: PathBuf,
    open: Mutex<Option<Open>>,
}

#[derive(Debug)]
struct Open {
    connection: Connection,
    /// The file, which another one may have taken the place of.
    inode: u64,
}

impl Index {
    /// The one of `state_dir`, whether it is there or not.
    #[must_use]
    pub fn new(state_dir: &Path) -> Self {
        Self { state_dir: state_dir.to_owned(), open: Mutex::new(None) }
    }

    /// A page of sessions, of what `may` be seen; none where there is no whole index: then the records have to be read.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub fn page(&self, query: &Query, may: &May<'_>) -> Result<Option<Page>, IndexError> {
        self.ask(|connection| query.page(connection, may))
    }

    /// Has what has been recorded by now be in the index, as far as that takes no longer than a moment.
    pub fn freshen(&self) {
        fresh::poke(&self.state_dir, fresh::MOMENT);
    }

    /// What `work` makes of it; none where there is no whole index.
    ///
    /// # Errors
    /// Where the index can't be read.
    pub fn ask<T>(&self, work: impl FnOnce(&Connection) -> Result<T, IndexError>) -> Result<Option<T>, IndexError> {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let inode = std::fs::metadata(schema::path(&self.state_dir)).map(|about| about.ino()).ok();
        if open.as_ref().map(|open| open.inode) != inode {
            *open = None;
        }
        if open.is_none() {
            let connection = match schema::read(&self.state_dir) {
                Ok(connection) => connection,
                Err(error) if error.is_damage() => None,
                Err(error) => return Err(error),
            };
            *open = connection.zip(inode).map(|(connection, inode)| Open { connection, inode });
        }
        let Some(Open { connection, .. }) = open.as_ref() else { return Ok(None) };
        // One picture of it, whatever is written meanwhile.
        let failed = failed(connection);
        connection.execute_batch("BEGIN").map_err(&failed)?;
        let done = work(connection);
        let ended = connection.execute_batch("COMMIT").map_err(&failed);
        match done.and_then(|done| ended.map(|()| done)) {
            Ok(done) => Ok(Some(done)),
            Err(error) => {
                *open = None;
                if !error.is_damage() {
                    return Err(error);
                }
                tracing::warn!(%error, "the index is damaged: the records are read instead");
                Ok(None)
            }
        }
    }
}

impl IndexError {
    /// Whether the file is no good, and another would be.
    fn is_damage(&self) -> bool {
        matches!(self, Self::Database { error, .. } if is_damage(error))
    }
}

/// Whether SQLite can't make sense of its file.
fn is_damage(error: &rusqlite::Error) -> bool {
    use rusqlite::Error;
    match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => true,
        Some(_) => false,
        // A table or a value that this version does not write.
        None => matches!(error, Error::InvalidColumnType(..) | Error::IntegralValueOutOfRange(..)),
    }
}

/// Says of which file an error is.
fn failed(connection: &Connection) -> impl Fn(rusqlite::Error) -> IndexError + use<> {
    let path = connection.path().map(PathBuf::from).unwrap_or_default();
    move |error| IndexError::Database { path: path.clone(), error }
}

#[cfg(test)]
mod tests;
