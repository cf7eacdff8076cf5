//! What can go wrong with the log, in words for whoever runs the gateway.

use super::problem::Problem;
use super::signer::SignerError;
use gateway_core::record::log::{CheckpointError, EntryError};
use std::io;
use std::path::{Path, PathBuf};

/// The log can't be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// A file of it.
    #[error("log: cannot {what} {}: {error}", .path.display())]
    Io {
        /// What was tried: "open", "append to" …
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// It is not as it was written: nothing is signed over that.
    #[error(
        "log: {} is not as it was written: {problem}. `weir audit verify` says what was done to it. Keep a copy of the directory, \
         then bring back what is missing from a backup, or move the directory away: a new log begins, and says so",
        .directory.display()
    )]
    Damaged {
        /// The log's directory.
        directory: PathBuf,
        /// What is wrong.
        problem: Problem,
    },
    /// An entry can't be written, or was not written by this version.
    #[error("log: {0}")]
    Entry(#[from] EntryError),
    /// There is no such entry, or no checkpoint covers it yet.
    #[error("log: entry {index} is not there: the log's last checkpoint covers {size} entries")]
    NoEntry {
        /// Which was asked for.
        index: u64,
        /// How many are covered.
        size: u64,
    },
    /// The checkpoint on disk is not signed by the key at hand.
    #[error(
        "log: {} is not signed by {key}: {why}. If the key was replaced, name the new one (log.key), and restart this gateway",
        .path.display()
    )]
    OtherKey {
        /// The checkpoint.
        path: PathBuf,
        /// The key at hand.
        key: String,
        /// What is wrong.
        why: CheckpointError,
    },
    /// A checkpoint can't be written: its origin has a line feed, say.
    #[error("log: {0}")]
    Checkpoint(#[from] CheckpointError),
    /// The key can't be used.
    #[error(transparent)]
    Signer(#[from] SignerError),
}

impl LogError {
    /// For `map_err`: `what` was tried on `path`.
    pub(super) fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + use<'a> {
        move |error| Self::Io { what, path: path.to_owned(), error }
    }
}
