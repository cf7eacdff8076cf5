//! What can be wrong with a log, and where.

use serde::Serialize;

/// Something wrong with the log. Entries count from 0.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// An entry is not what was written.
    #[error("log entry {entry} was changed")]
    Changed {
        /// The entry.
        entry: u64,
    },
    /// An entry can't be read.
    #[error("log entry {entry} can't be read: {why}")]
    Unreadable {
        /// The entry.
        entry: u64,
        /// Why.
        why: String,
    },
    /// Entries are not there.
    #[error("log entries {from} to {} are missing", .to - 1)]
    Missing {
        /// The first of them.
        from: u64,
        /// The first one behind them.
        to: u64,
    },
    /// A tile is not what was written.
    #[error("{tile} was changed: it is not of the log's entries")]
    TileChanged {
        /// Its path.
        tile: String,
    },
    /// A tile is not there.
    #[error("{tile} is missing")]
    TileMissing {
        /// Its path.
        tile: String,
    },
    /// A file lies there that the log has not made, or a tile of entries that the log does not have.
    #[error("{path} does not belong to the log: it was put there, or the log was cut behind it")]
    Extra {
        /// Its path.
        path: String,
    },
    /// The log has no checkpoint, or none that can be read.
    #[error("the log's checkpoint can't be read: {why}")]
    NoCheckpoint {
        /// Why.
        why: String,
    },
    /// A checkpoint is not signed by the log's key.
    #[error("the checkpoint of size {size} is forged: {why}")]
    Forged {
        /// The size that it says.
        size: u64,
        /// Why it is not believed.
        why: String,
    },
    /// The checkpoint is of another tree.
    #[error("the checkpoint of size {size} is not of these entries: entries and tiles were rewritten together")]
    Rewritten {
        /// Its size.
        size: u64,
    },
    /// A checkpoint from outside of the host is of another tree than the log's first entries are.
    #[error("the log was rolled back or rewritten: the checkpoint of size {size} from outside is not a prefix of it")]
    RolledBack {
        /// The size of the checkpoint from outside.
        size: u64,
    },
    /// The log's checkpoint covers less than one that left the host: an older one was put there, or none was signed since.
    #[error("the checkpoint covers {size} entries; one that left the host covers {outside}: an older one was put in its place")]
    Older {
        /// How many it covers.
        size: u64,
        /// How many that from outside does.
        outside: u64,
    },
    /// The public key that lies beside the log is not the one that signs it.
    #[error("log.pub is not the key that signs the log: {why}")]
    PublicKey {
        /// How it differs.
        why: String,
    },
    /// The journal is not there, or its header is none.
    #[error("the log's journal can't be read: {why}")]
    NoJournal {
        /// Why.
        why: String,
    },
    /// The journal ends within an entry that no checkpoint covers: a crash, or a cut.
    #[error("the log's journal ends within entry {entry}")]
    Torn {
        /// The entry.
        entry: u64,
    },
    /// An entry says that it is older than the one before it.
    #[error("times run backwards at log entry {entry}, by {seconds} s: the clock was set back, or entries were moved")]
    Backwards {
        /// The entry.
        entry: u64,
        /// By how much.
        seconds: u64,
    },
}
