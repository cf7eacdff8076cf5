//! What happened, as it is told to whoever collects events: derived from a record's frames, and from nothing else.

pub mod control;
pub mod format;
mod listen;
mod operations;
mod read;
mod severity;
#[cfg(test)]
mod tests;

pub use format::Format;
pub use listen::Listener;
pub use severity::Severity;

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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
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
    /// What its token says that it is, where that is attested: the token's subject.
    pub attested: Option<String>,
    /// The person who is signed in at the shell that it comes from.
    pub person: Option<String>,
    /// Who logged in at the host, whoever they have become since.
    pub login: Option<String>,
    /// The process that connected.
    pub pid: Option<u32>,
    /// Its user id.
    pub uid: Option<u32>,
    /// That user's name.
    pub user_name: Option<String>,
    /// Its executable's path.
    pub executable: Option<String>,
    /// SHA-256 of the executable, in hex.
    pub executable_sha256: Option<String>,
    /// The script that an interpreter was given.
    pub script: Option<String>,
    /// SHA-256 of the script, in hex.
    pub script_sha256: Option<String>,
    /// Its cgroup's path.
    pub cgroup: Option<String>,
    /// The systemd unit that the cgroup's path names.
    pub unit: Option<String>,
    /// The container that the cgroup's path names.
    pub container: Option<String>,
    /// The target's name.
    pub target: Option<String>,
    /// The target's environment.
    pub environment: Option<String>,
    /// What it speaks.
    pub protocol: Option<String>,
    /// The host name that was dialled, where it is known.
    pub domain: Option<String>,
    /// Address and port that were dialled.
    pub address: Option<String>,
    /// Address and port that it came from.
    pub client: Option<String>,
    /// The user that it asked for at the target.
    pub user: Option<String>,
    /// The database that it asked for.
    pub database: Option<String>,
    /// What it calls itself at the target.
    pub application: Option<String>,
    /// The version of the gateway.
    pub version: Option<String>,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum What {
    /// A session began, was refused at the door, or was let in after people were asked.
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
        /// The key that signed it, in hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        key: Option<String>,
        /// Its signature in the ledger, in hex.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signature: Option<String>,
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
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Decision {
    /// `allow`, `deny` or `hold`.
    pub outcome: String,
    /// What refused it at the door: `policy`, `block`, `owner_left`, `max_connections` …
    pub reason: Option<String>,
    /// The policies that decided, by their ids.
    pub policies: Vec<String>,
    /// The policy set's hash.
    pub set_hash: Option<String>,
    /// `enforce`, `observe` …
    pub mode: Option<String>,
    /// Whether it would have been refused, were it enforced.
    pub would_refuse: bool,
    /// Whether people were asked.
    pub held: bool,
    /// Policies that could not be evaluated.
    pub errors: Vec<String>,
    /// The policy's message.
    pub message: Option<String>,
    /// `low`, `medium` or `high`.
    pub alert: Option<String>,
}

impl Decision {
    /// Whether it refused.
    #[must_use]
    pub fn refuses(&self) -> bool {
        self.outcome == "deny" && !self.would_refuse
    }
}

/// How a statement ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// The server did it.
    #[default]
    Done,
    /// The server failed it.
    Failed,
    /// It was refused, and the server never had it.
    Refused,
    /// It ran when its session ended: the server may have done it.
    Cut,
}

impl Outcome {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Done, Self::Failed, Self::Refused, Self::Cut];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Failed => "failed",
            Self::Refused => "refused",
            Self::Cut => "cut",
        }
    }
}

/// A statement that ended.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Statement {
    /// The operation's number in its session; 0 is an error of the server's that belongs to none.
    pub operation: u64,
    /// Its place in a text of several, from 0.
    pub part: u32,
    /// How it ended.
    pub outcome: Outcome,
    /// The text as the record has it, cut at so many bytes; none where it is not kept any more.
    pub text: Option<String>,
    /// Whether the text was cut.
    pub text_cut: bool,
    /// Its command: `SELECT`, `DELETE` …
    pub command: Option<String>,
    /// What it touches, in words: `read public.customers`.
    pub accesses: Vec<String>,
    /// What policy said, where it was asked.
    pub decision: Option<Decision>,
    /// Rows that the server sent.
    pub rows: u64,
    /// Rows that were masked.
    pub masked_rows: u64,
    /// Bytes that the server sent.
    pub bytes: u64,
    /// From the request to its end, in nanoseconds; 0 where the request's time is not known.
    pub duration_ns: u64,
    /// The server's command tag.
    pub tag: Option<String>,
    /// SQLSTATE and message, where it failed.
    pub error: Option<(String, String)>,
    /// The classes that were shown unmasked.
    pub revealed: Vec<String>,
}

impl Statement {
    /// The tables that it touches, each once: `public.customers` of `read public.customers`.
    #[must_use]
    pub fn tables(&self) -> Vec<&str> {
        let mut tables = Vec::new();
        for access in &self.accesses {
            let mut words = access.split(' ');
            let (Some("read" | "write" | "define"), Some(table)) = (words.next(), words.next()) else { continue };
            if !matches!(table, "the" | "schema") && !tables.contains(&table) {
                tables.push(table);
            }
        }
        tables
    }
}
