//! What can go wrong with the spool, in words for whoever runs the gateway.

use std::io;
use std::path::{Path, PathBuf};

/// The spool could not be opened, read or written.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A file or directory of the spool.
    #[error("spool: cannot {what} {}: {error}{}", .path.display(), advice(.error))]
    Io {
        /// What was tried: "open", "create" …
        what: &'static str,
        /// On what.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// It has as much as it may, and a sink with `on_full = "block"` needs all of it.
    #[error(
        "spool: it is full ({mib} MiB), and the sink {sink} has not taken what is in it; see `weir sink list`, or raise [spool] max_mib"
    )]
    Full {
        /// How much it may have.
        mib: u64,
        /// For whom it is kept.
        sink: String,
    },
    /// An event that can't be told.
    #[error("spool: the event {uid} can't be written: {why}")]
    Event {
        /// Which.
        uid: String,
        /// Why not.
        why: String,
    },
}

impl SpoolError {
    /// For `map_err`: `what` was tried on `path`.
    pub(in super::super) fn io<'a>(what: &'static str, path: &'a Path) -> impl Fn(io::Error) -> Self + use<'a> {
        move |error| Self::Io { what, path: path.to_owned(), error }
    }
}

/// What to do about an error, where that is known.
fn advice(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "; make room there, or lower [spool] max_mib",
        io::ErrorKind::PermissionDenied => "; run as the gateway's user or as root",
        io::ErrorKind::ReadOnlyFilesystem => "; the state directory must be writable",
        _ => "",
    }
}
