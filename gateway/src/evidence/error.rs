//! What can go wrong with evidence, in words for whoever runs the gateway.

use gateway_core::model::ids::SessionId;
use std::io;
use std::path::{Path, PathBuf};

/// The store could not be opened, read or begun in.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// A file or directory of the store.
    #[error("evidence: cannot {what} {}: {error}{}", .path.display(), advice(.error))]
    Io {
        /// What was tried: "open", "create" …
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// A record with this session's name is there already.
    #[error("evidence: a record of session {session} is there already ({}); a record is never overwritten", .path.display())]
    Exists {
        /// The session.
        session: SessionId,
        /// Its record.
        path: PathBuf,
    },
    /// The writer thread could not be started.
    #[error("evidence: cannot start the writer thread: {0}; look at the limit on threads (RLIMIT_NPROC, TasksMax=)")]
    Thread(#[source] io::Error),
    /// A session that the store has no record of.
    #[error("evidence: {} holds no record of session {session}; `weir session list` names those that are there", .directory.display())]
    NoSession {
        /// The session.
        session: SessionId,
        /// The directory that was searched.
        directory: PathBuf,
    },
    /// A place in a record where no frame can be read.
    #[error("evidence: {} cannot be read at byte {offset}: {error}; `weir audit verify` names what was done to it", .path.display())]
    Broken {
        /// The file.
        path: PathBuf,
        /// The place.
        offset: u64,
        /// What is wrong there.
        #[source]
        error: gateway_core::record::read::ReadError,
    },
    /// Frames that can't be made a block of.
    #[error("evidence: {0}")]
    Frame(#[from] gateway_core::record::seal::SealError),
    /// The sealed layer.
    #[error("evidence: {0}")]
    Sealed(#[from] super::sealed::SealedError),
    /// The log was not signed in time.
    #[error("evidence: no checkpoint covers the log's end: nothing is removed before one does; the log of the gateway says why")]
    Unsigned,
    /// The transparency log.
    #[error(transparent)]
    Log(#[from] super::log::LogError),
}

impl EvidenceError {
    /// For `map_err`: `what` was tried on `path`.
    pub(super) fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + use<'a> {
        move |error| Self::Io { what, path: path.to_owned(), error }
    }
}

/// What to do about an error, where that is known.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room there, or move the state directory",
        io::ErrorKind::PermissionDenied => "; run as the gateway's user or as root",
        io::ErrorKind::ReadOnlyFilesystem => "; the state directory must be writable",
        _ => "",
    }
}

/// Why a session's frames were not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failed {
    /// As much is waiting to be written as may: stop reading, await `room`, submit again. The
    /// frames are still in the caller's buffer.
    #[error("the record's writer is behind")]
    Full,
    /// The record can't be written, and the session has to stop.
    #[error("the record cannot be written: {0}")]
    Write(String),
    /// The store has been shut down, or the recorder closed.
    #[error("the evidence store is closed")]
    Closed,
}
