//! Any TCP, relayed without a look inside.

use super::{Answer, CloseReason, Event, Output, Protocol, ProtocolError, Refusal, Side, Totals};
use crate::buffer::Buffer;

/// A session whose bytes go both ways as they come.
#[derive(Debug, Default)]
pub struct Session {
    dialled: bool,
    closed: bool,
    client_ended: bool,
    server_ended: bool,
}

impl Session {
    /// A session that has not dialled yet: [`Protocol::start`] asks for it.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    fn close(&mut self, reason: CloseReason, output: &mut Output) {
        if !self.closed {
            self.closed = true;
            output.events.push(Event::Close(reason));
        }
    }
}

impl Protocol for Session {
    /// The server may be the first to speak, so it is dialled at once.
    fn start(&mut self, output: &mut Output) {
        let nothing = output.keep(b"");
        output.events.push(Event::Dial { user: nothing.clone(), database: nothing.clone(), application: nothing });
    }

    fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), ProtocolError> {
        if self.wants(from) {
            let to = match from {
                Side::Client => &mut output.to_server,
                Side::Server => &mut output.to_client,
            };
            input.forward(input.len(), to);
        }
        Ok(())
    }

    fn answer(&mut self, answer: Answer, output: &mut Output) -> Result<(), ProtocolError> {
        match answer {
            Answer::Dialled { .. } => self.dialled = true,
            Answer::DialFailed(_) => self.close(CloseReason::ServerEnded, output),
            // Nothing that these would answer is ever asked.
            Answer::TlsStarted { .. }
            | Answer::Credential(_)
            | Answer::SaltedPassword(_)
            | Answer::PolicyChanged { .. }
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

    /// There is no error to write where the protocol is unknown: the session just ends.
    fn refuse(&mut self, _refusal: &Refusal, output: &mut Output) {
        self.close(CloseReason::Refused, output);
    }

    fn wants(&self, side: Side) -> bool {
        let ended = match side {
            Side::Client => self.client_ended,
            Side::Server => self.server_ended,
        };
        self.dialled && !self.closed && !ended
    }

    fn totals(&self) -> Totals {
        Totals::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_wait_for_the_server_and_then_go_both_ways() {
        let (mut session, mut output, mut input) = (Session::new(), Output::default(), Buffer::new());
        session.start(&mut output);
        assert!(matches!(output.events.as_slice(), [Event::Dial { .. }]));
        input.extend(b"hello");
        session.receive(Side::Client, &mut input, &mut output).unwrap();
        assert!(output.to_server.is_empty() && !session.wants(Side::Server));
        session.answer(Answer::Dialled { client_secret: [0; 32] }, &mut output).unwrap();
        session.receive(Side::Client, &mut input, &mut output).unwrap();
        assert_eq!(output.to_server.as_slice(), b"hello");
        input.extend(b"welcome");
        session.receive(Side::Server, &mut input, &mut output).unwrap();
        assert_eq!(output.to_client.as_slice(), b"welcome");
        session.end(Side::Client, &mut output).unwrap();
        assert!(session.wants(Side::Server) && output.events.len() == 1);
        session.end(Side::Server, &mut output).unwrap();
        assert_eq!(output.events.last(), Some(&Event::Close(CloseReason::ServerEnded)));
    }
}
