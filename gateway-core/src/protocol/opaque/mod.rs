//! Any TCP: what the client's first bytes say is asked about once, everything else goes as it comes.
//!
//! The server may be the first to speak, so it is dialled at once and its bytes are never held back. The
//! client's first bytes wait until `hello` can tell what they are, and until what they say was let through.

mod fuzz;
mod hello;
#[cfg(test)]
mod tests;

pub use fuzz::fuzz_entry;
pub use hello::{HELLO_BYTES, Hello, Speaks};

use super::{Answer, CloseReason, Event, Output, Protocol, ProtocolError, Refusal, Side, Totals};
use crate::buffer::Buffer;
use hello::Heard;

/// A session whose bytes go both ways as they come, once its client has said what it speaks.
#[derive(Debug)]
pub struct Session {
    stage: Stage,
    /// As far as the client's first bytes have told.
    speaks: Speaks,
    client_ended: bool,
    server_ended: bool,
}

/// What the session waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// The server's connection.
    Dialling,
    /// The client's first bytes; whether it was told that some have come.
    Listening {
        begun: bool,
    },
    /// The answer to what they say.
    Asked,
    /// Nothing: all goes on.
    Open,
    Closed,
}

impl Session {
    /// A session that has not dialled yet: [`Protocol::start`] asks for it.
    #[must_use]
    pub const fn new() -> Self {
        Self { stage: Stage::Dialling, speaks: Speaks::Unknown, client_ended: false, server_ended: false }
    }

    fn close(&mut self, reason: CloseReason, output: &mut Output) {
        if self.stage != Stage::Closed {
            self.stage = Stage::Closed;
            output.events.push(Event::Close(reason));
        }
    }

    /// Looks at the client's first bytes; `last` where no more will come.
    fn listen(&mut self, first: &[u8], last: bool, output: &mut Output) {
        let Stage::Listening { begun } = self.stage else { return };
        let hello = match hello::hear(first, last) {
            Heard::Nothing => return,
            Heard::More => {
                if !begun {
                    self.stage = Stage::Listening { begun: true };
                    output.events.push(Event::HelloBegun);
                }
                return;
            }
            Heard::Hello(hello) => hello,
        };
        self.speaks = hello.speaks;
        self.stage = Stage::Asked;
        output.events.push(Event::Hello(Box::new(hello)));
    }
}

impl Default for Session {
    fn default() -> Self {
        Self::new()
    }
}

impl Protocol for Session {
    /// The server may be the first to speak, so it is dialled at once.
    fn start(&mut self, output: &mut Output) {
        let nothing = output.keep(b"");
        output.events.push(Event::Dial { user: nothing.clone(), database: nothing.clone(), application: nothing });
    }

    fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), ProtocolError> {
        if !self.wants(from) {
            return Ok(());
        }
        if from == Side::Server {
            input.forward(input.len(), &mut output.to_client);
        } else if self.stage == Stage::Open {
            input.forward(input.len(), &mut output.to_server);
        } else {
            self.listen(input.as_slice(), false, output);
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer, output: &mut Output) -> Result<(), ProtocolError> {
        match answer {
            Answer::Dialled { .. } => self.stage = Stage::Listening { begun: false },
            Answer::DialFailed(_) => self.close(CloseReason::ServerEnded, output),
            Answer::Greeted(Ok(())) if self.stage == Stage::Asked => self.stage = Stage::Open,
            Answer::Greeted(Ok(())) => {}
            Answer::Greeted(Err(refusal)) => self.refuse(&refusal, output),
            // Nothing that these would answer is ever asked.
            Answer::TlsStarted { .. }
            | Answer::Credential(_)
            | Answer::SaltedPassword(_)
            | Answer::PolicyChanged { .. }
            | Answer::Notice(_)
            | Answer::FailCopy(_)
            | Answer::Verdict { .. } => {}
        }
        Ok(())
    }

    /// The relay passes a half-close on; the session is over when both sides have ended.
    fn end(&mut self, from: Side, output: &mut Output) -> Result<(), ProtocolError> {
        let first = match from {
            Side::Client => std::mem::replace(&mut self.client_ended, true),
            Side::Server => std::mem::replace(&mut self.server_ended, true),
        };
        if !first && self.client_ended && self.server_ended {
            let reason = match from {
                Side::Client => CloseReason::ClientDone,
                Side::Server => CloseReason::ServerEnded,
            };
            self.close(reason, output);
        }
        Ok(())
    }

    /// The client's own protocol has an error where it is known; else the session just ends.
    fn refuse(&mut self, refusal: &Refusal, output: &mut Output) {
        if matches!(self.stage, Stage::Asked) {
            hello::write_refusal(self.speaks, refusal, &mut output.to_client);
        }
        self.close(CloseReason::Refused, output);
    }

    fn wants(&self, side: Side) -> bool {
        match side {
            Side::Client => matches!(self.stage, Stage::Listening { .. } | Stage::Open) && !self.client_ended,
            Side::Server => !matches!(self.stage, Stage::Dialling | Stage::Closed) && !self.server_ended,
        }
    }

    fn totals(&self) -> Totals {
        Totals::default()
    }
}
