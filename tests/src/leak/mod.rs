//! Leaks: every way that is known to ask for a value of a classed column, tried through weir against a real server.
//!
//! Each way is played five times: without weir in two states of the database that differ in nothing but classed values,
//! which shows that it can leak; through weir with masks as one would use them, where no byte that reaches the client, the
//! record or the log may have a canary in it, in any form; and through weir in both states with all masks the same, where
//! what the client gets may not differ by a byte.

mod canary;
pub mod cases;
mod ground;
mod job;
mod needles;
mod recorded;
mod script;
mod seen;
mod verdict;

pub use canary::State;
pub use ground::{Ground, Played, Round};
pub use job::main as job;
pub use verdict::{Outcome, Row, judge, summary};

use crate::wire::Script;

/// One way to ask, or one harmless statement.
#[derive(Clone, Debug)]
pub struct Case {
    /// Its name, unique.
    pub id: String,
    /// What it plays on.
    pub clause: &'static str,
    /// Who asks.
    pub client: Client,
    /// How the client asks: what it knows the word for.
    pub mode: &'static str,
    /// What is sent, one after the other.
    pub statements: Vec<String>,
    /// The messages, where the client is [`Client::Wire`].
    pub script: Script,
    /// What must hold.
    pub aim: Aim,
    /// What the client gets is not the same each time, and can't be compared.
    pub varies: bool,
    /// Without weir no value comes back either: what counts is the record, or that nothing is refused for nothing.
    pub unshown: bool,
}

/// What must hold of a case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aim {
    /// No value gets out, and nothing tells of one.
    Hide,
    /// It is as it would be without weir.
    Keep,
}

/// Who asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Client {
    /// Exact protocol messages, on a connection that serves many cases.
    Wire,
    /// The same, on a connection of its own.
    WireAlone,
    /// The same, as a replication connection.
    WireReplication,
    /// psql.
    Psql,
    /// pg_dump.
    PgDump,
    /// psycopg 3.
    Psycopg,
    /// asyncpg.
    Asyncpg,
    /// tokio-postgres.
    TokioPostgres,
    /// pgjdbc.
    Jdbc,
}

impl Client {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wire => "wire",
            Self::WireAlone => "wire-alone",
            Self::WireReplication => "wire-replication",
            Self::Psql => "psql",
            Self::PgDump => "pg_dump",
            Self::Psycopg => "psycopg",
            Self::Asyncpg => "asyncpg",
            Self::TokioPostgres => "tokio-postgres",
            Self::Jdbc => "jdbc",
        }
    }
}

impl Case {
    /// Whether it locks a table against readers, the gateway's reading of the catalog among them.
    #[must_use]
    pub fn locks(&self) -> bool {
        let words = [
            "ALTER ",
            "LOCK ",
            "TRUNCATE",
            "REFRESH ",
            "DROP ",
            "CREATE INDEX",
            "CREATE UNIQUE",
            "CREATE TRIGGER",
            "CREATE RULE",
            "CREATE OR",
            "PARTITION OF",
            "CREATE POLICY",
            "INHERITS",
        ];
        let sent = |bytes: &[u8]| words.iter().any(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()));
        self.statements.iter().any(|statement| sent(statement.as_bytes())) || sent(&self.script.encode())
    }

    /// As an order to the job: its number, client, mode, and what to send, each in base64.
    fn order(&self, number: usize) -> String {
        use base64::Engine as _;
        let encode = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let sent: Vec<String> = match self.client {
            Client::Wire | Client::WireAlone | Client::WireReplication => vec![encode(&self.script.encode())],
            _ => self.statements.iter().map(|statement| encode(statement.as_bytes())).collect(),
        };
        format!("{}\t{}\t{}\t{}\n", key(number), self.client.name(), self.mode, sent.join("\t"))
    }
}

/// What a case is called between the harness and the job: its application_name and the names of its files.
fn key(number: usize) -> String {
    format!("c{number:05}")
}
