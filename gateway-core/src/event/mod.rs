//! What happened, as it is told to whoever collects events: derived from a record's frames, and from nothing else.

use crate::model::ids::SessionId;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// Names it for ever: `<session>-<frame>`. Told a second time, it has the same.
    pub uid: String,
    /// When it happened.
    pub at: Timestamp,
    /// The host on which it did.
    pub host: String,
    /// The record that it is from.
    pub session: SessionId,
    /// Who, and where to.
    pub context: Context,
    /// What.
    pub what: What,
}

/// Who acts in a session, and on what.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Context {
    /// The run.
    pub run: Option<String>,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The `[[workload]]` entry's name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How the identity is known: `claimed`, `kernel` or `attested`.
    pub grade: Option<String>,
    /// The person who is signed in at the shell that it comes from.
    pub person: Option<String>,
    /// The process that connected.
    pub pid: Option<u32>,
    /// Its user id.
    pub uid: Option<u32>,
    /// Its executable's path.
    pub executable: Option<String>,
    /// SHA-256 of the executable, in hex.
    pub executable_sha256: Option<String>,
    /// Its cgroup's path.
    pub cgroup: Option<String>,
    /// The target's name.
    pub target: Option<String>,
    /// The target's environment.
    pub environment: Option<String>,
    /// What it speaks.
    pub protocol: Option<String>,
    /// Address and port that were dialled.
    pub address: Option<String>,
    /// Address and port that it came from.
    pub client: Option<String>,
    /// The user that it asked for at the target.
    pub user: Option<String>,
    /// The database that it asked for.
    pub database: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A session began, or was refused at the door.
    Opened {
        /// What policy said.
        decision: Decision,
    },
    /// A statement ended: answered, failed or refused.
    Statement(Box<Statement>),
    /// The session ended.
    Ended {
        /// Why.
        reason: String,
        /// Statements that ended.
        statements: u64,
        /// Rows that the server sent.
        rows: u64,
        /// Errors.
        errors: u64,
        /// Bytes from the client.
        bytes_in: u64,
        /// Bytes from the server.
        bytes_out: u64,
        /// How long it was, in nanoseconds.
        duration_ns: u64,
        /// Whether it was killed.
        killed: bool,
    },
    /// Something that someone should look at.
    Finding {
        /// Its name: `hidden_by_class`, `quota`, `left_its_job` …
        name: String,
        /// `low`, `medium` or `high`, where that is said.
        alert: Option<String>,
        /// The rest of it.
        fields: Value,
    },
    /// What a person, or weir in its own name, decided: an event of the ledger.
    Control {
        /// Its number in the ledger.
        number: u64,
        /// Its kind: `hold.approved`, `block.added` …
        name: String,
        /// Who.
        by: String,
        /// The id of what it is about.
        subject: String,
        /// The rest.
        details: Value,
    },
    /// The log of what is recorded, signed: an anchor off the host.
    Checkpoint {
        /// The signed note.
        note: String,
    },
    /// Events that no receiver will get, for the spool was full.
    Dropped {
        /// How many.
        events: u64,
        /// For whom.
        sink: String,
    },
}

/// What policy said.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Decision {
    /// `allow`, `deny` or `hold`.
    pub outcome: String,
    /// The policies that decided, by their ids.
    pub policies: Vec<String>,
    /// The policy set's hash.
    pub set_hash: Option<String>,
    /// `enforce`, `observe` …
    pub mode: Option<String>,
    /// Whether it would have been refused, were it enforced.
    pub would_refuse: bool,
    /// The policy's message.
    pub message: Option<String>,
    /// `low`, `medium` or `high`.
    pub alert: Option<String>,
}

/// A statement that ended.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Statement {
    /// The operation's number in its session.
    pub operation: u64,
    /// Its text as the record has it, cut at so many bytes.
    pub text: Option<String>,
    /// Whether the text was cut.
    pub text_cut: bool,
    /// Its command: `SELECT`, `DELETE` …
    pub command: Option<String>,
    /// What it touches, in words: `read of table public.customers`.
    pub accesses: Vec<String>,
    /// What policy said, where it was asked.
    pub decision: Option<Decision>,
    /// Rows that the server sent, or took.
    pub rows: u64,
    /// Rows that were masked.
    pub masked_rows: u64,
    /// Bytes that the server sent.
    pub bytes: u64,
    /// From the request to its end, in nanoseconds.
    pub duration_ns: u64,
    /// The server's command tag.
    pub tag: Option<String>,
    /// SQLSTATE and message, where it failed.
    pub error: Option<(String, String)>,
    /// The classes that were shown unmasked.
    pub revealed: Vec<String>,
}
