//! Where something was done, and where a check says that it was.

use gateway_core::model::ids::SessionId;
use std::fmt;

/// A place in a store of evidence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// Blocks of a record, both ends among them.
    Blocks(SessionId, u64, u64),
    /// The header of a record's segment.
    Segment(SessionId, u32),
    /// A record as a whole.
    Record(SessionId),
    /// Entries of the log, both ends among them.
    Entries(u64, u64),
    /// A checkpoint of this size.
    Checkpoint(u64),
    /// A file, by its path below the state directory.
    File(String),
    /// An event of the ledger.
    Event(u64),
    /// A policy set.
    Policy(String),
}

/// What a check says is wrong.
#[derive(Clone, Debug)]
pub(crate) struct Finding {
    pub(crate) place: Place,
    /// In its words.
    pub(crate) what: String,
}

impl Place {
    /// Whether whoever looks here finds what was done at `other`.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Blocks(one, from, to), Self::Blocks(two, first, last)) => one == two && from <= last && first <= to,
            (Self::Entries(from, to), Self::Entries(first, last)) => from <= last && first <= to,
            // What was done to a record as a whole is where any of its parts is told of.
            (Self::Blocks(one, ..) | Self::Segment(one, _), Self::Record(two)) => one == two,
            (one, two) => one == two,
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Blocks(session, from, to) => write!(f, "{session}, blocks {from} to {to}"),
            Self::Segment(session, segment) => write!(f, "{session}, header of segment {segment}"),
            Self::Record(session) => write!(f, "{session}"),
            Self::Entries(from, to) => write!(f, "log entries {from} to {to}"),
            Self::Checkpoint(size) => write!(f, "checkpoint of size {size}"),
            Self::File(path) => f.write_str(path),
            Self::Event(number) => write!(f, "event {number}"),
            Self::Policy(hash) => write!(f, "policy set {hash}"),
        }
    }
}
