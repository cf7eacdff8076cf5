//! One session that is played again: what it sends, and what the server answers.

use super::capture::Sent;
use crate::wire::{Connection, message};
use anyhow::Context as _;

/// A session at a fresh server.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) connection: Connection,
    /// The last ReadyForQuery: `I`, `T` or `E`.
    pub(super) status: u8,
}

/// How the server answered what was sent up to its ReadyForQuery.
#[derive(Clone, Debug, Default)]
pub(super) struct Answer {
    /// The command tags, in their order; an empty one for an empty text.
    pub(super) tags: Vec<Vec<u8>>,
    /// The first error: SQLSTATE and text.
    pub(super) error: Option<(String, String)>,
    /// How many messages of the client's were COPY data that this consumed.
    pub(super) consumed: usize,
}

impl Session {
    /// Opens it with the parameters that it was taken down with.
    pub(super) fn open(port: u16, sent: &Sent) -> anyhow::Result<Self> {
        let parameters: Vec<_> = sent.parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let connection = Connection::open("127.0.0.1", port, "", &parameters)?;
        Ok(Self { connection, status: b'I' })
    }

    /// A Query of our own that brings nothing; whether it succeeded.
    pub(super) fn command(&mut self, sql: &str) -> anyhow::Result<bool> {
        Ok(self.exchange(&message::query(sql.as_bytes()), &[])?.error.is_none())
    }

    /// Sends `messages` and reads up to ReadyForQuery. Where the server wants COPY data, `following`
    /// has what the client sent next.
    pub(super) fn exchange(&mut self, messages: &[u8], following: &[Vec<u8>]) -> anyhow::Result<Answer> {
        self.connection.send(messages)?;
        let mut answer = Answer::default();
        loop {
            let received = self.connection.receive()?;
            match received.kind {
                b'C' => answer.tags.push(received.tag().to_vec()),
                b'I' => answer.tags.push(Vec::new()),
                b'E' if answer.error.is_none() => answer.error = Some((received.field(b'C'), received.field(b'M'))),
                b'G' => self.copy(following.get(answer.consumed..).unwrap_or_default(), &mut answer)?,
                b'Z' => {
                    self.status = *received.body.first().context("ReadyForQuery has a status")?;
                    return Ok(answer);
                }
                _ => {}
            }
        }
    }

    fn copy(&mut self, following: &[Vec<u8>], answer: &mut Answer) -> anyhow::Result<()> {
        for message in following {
            match message.first() {
                Some(b'd') => self.connection.send(message)?,
                Some(b'c' | b'f') => {
                    answer.consumed += 1;
                    return self.connection.send(message);
                }
                _ => break,
            }
            answer.consumed += 1;
        }
        self.connection.send(&message::copy_fail("nothing was taken down"))
    }
}
