//! The open session: what both of its directions share.

use super::pending::{Names, Pending};
use super::record::Recorder;
use super::{Fault, Limits};
use crate::buffer::Buffer;
use crate::protocol::{
    CloseReason, Directive, Encoding, Interest, OperationId, Output, Refusal, Side, Standing, Totals, Transaction,
};

/// Descriptions, names and small messages are taken whole up to this; a longer one is refused.
pub(super) const HEAD: usize = 64 << 10;

/// The state of an open session.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) limits: Limits,
    pub(super) ask: bool,
    pub(super) pending: Pending,
    pub(super) statements: Names,
    pub(super) portals: Names,
    pub(super) recorder: Recorder,
    pub(super) gate: Gate,
    /// Bytes of a message of the client that are still to come, and go to the server as they do.
    pub(super) client_rest: usize,
    /// The same of the server's.
    pub(super) server_rest: usize,
    /// The message that is still coming in is the server's last.
    pub(super) ending: bool,
    /// The server is sending the data of a copy.
    pub(super) copying_out: bool,
    /// The function that was called has answered.
    pub(super) called: bool,
    pub(super) operations: u64,
    pub(super) totals: Totals,
}

/// Whether the operation at the front of the client's input may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gate {
    /// None is asked about.
    Open,
    /// It was asked about, and nothing passes until the answer.
    Asked(OperationId),
    /// The answer was yes.
    Released(OperationId),
}

/// What a message asks of the loop that found it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// It goes on, as far as it is there.
    Pass,
    /// It needs more bytes, or an answer.
    Wait,
    /// It goes on and is the last.
    Last(CloseReason),
}

impl Relay {
    pub(super) fn new(limits: Limits, interest: Interest) -> Self {
        Self {
            limits,
            ask: interest.operations,
            pending: Pending::default(),
            statements: Names::default(),
            portals: Names::default(),
            recorder: Recorder::new(interest),
            gate: Gate::Open,
            client_rest: 0,
            server_rest: 0,
            ending: false,
            copying_out: false,
            called: false,
            operations: 0,
            totals: Totals::default(),
        }
    }

    pub(super) fn wants_client(&self) -> bool {
        !matches!(self.gate, Gate::Asked(_)) && self.pending.len() < self.limits.pipelined
    }

    /// Passes on what has come from `from`; returns why the session is over, where it is.
    pub(super) fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<Option<CloseReason>, Fault> {
        let mut at = 0;
        let found = match from {
            Side::Client => self.scan_client(input.as_slice(), &mut at, output),
            Side::Server => self.scan_server(input.as_slice(), &mut at, output),
        };
        self.recorder.flush(if from == Side::Server { input.as_slice() } else { &[] }, output);
        let to = match from {
            Side::Client => &mut output.to_server,
            Side::Server => &mut output.to_client,
        };
        if at > 0 {
            input.forward(at, to);
        }
        found
    }

    /// Hears the answer to what was asked; returns the refusal, where it is one.
    pub(super) fn verdict(&mut self, id: OperationId, directive: Directive) -> Option<Refusal> {
        if self.gate != Gate::Asked(id) {
            return None;
        }
        match directive {
            Directive::Forward(_) | Directive::Settle => {
                self.gate = Gate::Released(id);
                None
            }
            Directive::Refuse(refused) => Some(refused.refusal),
        }
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            transaction: Transaction::Idle,
            settled: self.pending.len() == 0,
            settings_known: false,
            standard_conforming_strings: true,
            encoding: Encoding::Utf8,
        }
    }

    pub(super) fn next_operation(&mut self) -> OperationId {
        self.operations += 1;
        OperationId(self.operations)
    }
}
