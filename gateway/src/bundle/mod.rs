//! A bundle: one session's record with all that proves it, in a tar file that verifies anywhere, offline.
//!
//! | member | holds |
//! |---|---|
//! | `README.txt` | what it is, and how it is checked |
//! | `record/0000.weir` … | the record's files |
//! | `log/opened.proof`, `log/closed.proof` | the log's entries of its beginning and its end, each with the proof that a checkpoint covers it |
//! | `log/removed.proof` | of a record that was removed: its tombstone; there is no `record/` then |
//! | `log/log.pub` | the log's key, for who has no other way to it |
//! | `policies/<hash>.json` | the policy sets that the record names |
//! | `events.jsonl` | what people decided about the session, signed each |
//! | `identity.json` | who it was, as the record's first frame says: for reading, it proves nothing |

mod check;
mod make;

pub use check::{BundleReport, check};
pub use make::make;

use crate::evidence::EvidenceError;
use crate::ledger::LedgerError;
use gateway_core::model::ids::SessionId;
use std::io;
use std::path::PathBuf;

/// The most bytes that a member may have beside the record's own files.
const MOST: u64 = 64 << 20;

/// A bundle can't be made or read.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The record or the log.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The bundle's file.
    #[error("bundle {}: {error}", .path.display())]
    Io {
        /// It.
        path: PathBuf,
        /// What the system said.
        #[source]
        error: io::Error,
    },
    /// The session goes on, or its gateway died.
    #[error("session {0} is not closed: only what is over can be proved as a whole; `weir session list` says how it is")]
    Open(SessionId),
    /// Its end is too new.
    #[error("no checkpoint covers the end of session {0} yet: try again in some seconds (transparency.checkpoint_seconds)")]
    Unsigned(SessionId),
}
