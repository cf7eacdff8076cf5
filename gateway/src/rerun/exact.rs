//! One operation of a session, exactly as it went to the server, and what the server answered.

use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use std::sync::Arc;

/// An operation to be run again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exact {
    /// Its session.
    pub session: SessionId,
    /// Its number there: the executions of one prepared statement share it.
    pub operation: u64,
    /// When it was sent.
    pub at: Timestamp,
    /// When its end came.
    pub ended: Timestamp,
    /// What was sent.
    pub kind: Kind,
    /// Whether a Sync stood behind it: until then an error undoes what ran before, too.
    pub synced: bool,
    /// What came back.
    pub expected: Expected,
    /// Why it can't be run again from what was recorded; none where it can.
    pub obstacle: Option<Obstacle>,
}

/// What was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A Query.
    Simple(Arc<[u8]>),
    /// A Parse that the server refused, or what follows it before anything was bound.
    Prepare(Arc<Prepared>),
    /// Bind, its body from the format codes on, and Execute.
    Execute(Arc<Prepared>, Box<[u8]>),
    /// An Execute that goes on with a portal that an earlier one had left off.
    Continue(Arc<Prepared>),
    /// A FunctionCall, its body behind the function's OID.
    Function(u32, Box<[u8]>),
    /// What weir refused: the statements before it in the same Query, and whether it came by the extended protocol. The
    /// server is sent what it must fail in its place, as it was then.
    Refused(Arc<[u8]>, bool),
}

/// A statement that was prepared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prepared {
    /// Its operation.
    pub operation: u64,
    /// Its text.
    pub text: Arc<[u8]>,
    /// The OIDs of its parameters' types that were named; 0 where the server was to find out.
    pub types: Vec<u32>,
}

/// What the server answered.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Expected {
    /// The ends of its statements, of which a Query may have several.
    pub ends: Vec<End>,
    /// Its error: SQLSTATE and message.
    pub error: Option<(String, String)>,
    /// The rows, or lines of a copy, as far as they were recorded.
    pub rows: Rows,
    /// The digest of all its rows as the server sent them, where the sealed layer has it.
    pub digest: Option<[u8; 32]>,
}

/// The end of a statement.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct End {
    /// The command tag.
    pub tag: String,
    /// Rows that the server sent.
    pub rows: u64,
}

/// Recorded rows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rows {
    /// Whole messages, one behind the other, as many as are held.
    pub bytes: Vec<u8>,
    /// How many were recorded, those that are not held included.
    pub recorded: u64,
    /// How many are held.
    pub held: u64,
    /// The record has other values than the server sent: nothing can be said of them.
    pub masked: bool,
}

/// Why an operation can't be run again from what was recorded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Obstacle {
    /// A password in its text was left out.
    Password,
    /// Literals of its text were left out.
    Literals,
    /// Its parameters were left out.
    Parameters,
    /// Its parameters were cut at the limit.
    Cut,
    /// A copy's data are not recorded.
    Copy,
    /// Its text is not in the record.
    Text,
    /// A function that has another number at each server.
    Function,
    /// The record does not say how it ended.
    Unended,
    /// The frames of it are not in an order that can be followed.
    Order,
}

impl Obstacle {
    /// In a reader's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Password => "a password in its text is not in the plain record",
            Self::Literals => "literals of its text are not in the plain record, for they may be values of a class",
            Self::Parameters => "its parameters are not in the plain record",
            Self::Cut => "its parameters are longer than record.parameter_bytes",
            Self::Copy => "the data of COPY FROM STDIN are not recorded",
            Self::Text => "its text is not in the record",
            Self::Function => "it calls a function of the database's own by a number that another server gives otherwise",
            Self::Unended => "the record does not say how it ended",
            Self::Order => "it was bound and run in an order that the record does not tell",
        }
    }

    /// Whether the sealed layer would have it.
    #[must_use]
    pub const fn is_sealed(self) -> bool {
        match self {
            Self::Password | Self::Literals | Self::Parameters | Self::Cut | Self::Text => true,
            Self::Copy | Self::Function | Self::Unended | Self::Order => false,
        }
    }
}

impl Exact {
    /// The text of its statement, where it has one.
    #[must_use]
    pub fn text(&self) -> &[u8] {
        match &self.kind {
            Kind::Simple(text) | Kind::Refused(text, _) => text,
            Kind::Prepare(prepared) | Kind::Execute(prepared, _) | Kind::Continue(prepared) => &prepared.text,
            Kind::Function(..) => b"",
        }
    }
}
