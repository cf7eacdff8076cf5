//! The open session: what both of its directions share.

use super::codec::{self, ErrorText};
use super::mask::{Masking, Sending};
use super::names::{Name, Names};
use super::pending::{Awaited, Item, Pending};
use super::places::Moves;
use super::record::Recorder;
use super::reported::Reported;
use super::{Fault, Limits};
use crate::buffer::Buffer;
use crate::protocol::{
    CloseReason, Directive, Encoding, Event, Interest, OperationId, Output, Pass, Refusal, Refused, Rename, Side, Standing,
    Totals, Transaction,
};
use std::collections::VecDeque;
use std::sync::Arc;

/// Descriptions, names and small messages are taken whole up to this; a longer one is refused.
pub(super) const HEAD: usize = 64 << 10;
/// A Flush: the server sends what it has answered so far.
pub(super) const FLUSH: [u8; 5] = [b'H', 0, 0, 0, 4];

/// The state of an open session.
#[derive(Debug)]
pub(super) struct Relay {
    pub(super) limits: Limits,
    /// Whether operations are asked about; names at the server are then this session's own.
    pub(super) ask: bool,
    /// Whether each execution is asked about.
    pub(super) executions: bool,
    /// What no other session and no client can know: part of every name that is made here.
    pub(super) nonce: String,
    pub(super) pending: Pending,
    pub(super) statements: Names,
    pub(super) portals: Names,
    pub(super) recorder: Recorder,
    pub(super) gate: Gate,
    /// The client waits until the server has answered everything.
    pub(super) stalled: bool,
    /// What was refused and not yet answered, in the order of the answers.
    pub(super) refusals: VecDeque<(u64, Box<Refused>)>,
    /// The names in texts that run, to be minded when their statements are done.
    pub(super) naming: VecDeque<Naming>,
    /// The newest texts in which names were written anew.
    pub(super) moves: VecDeque<(OperationId, Moves)>,
    /// What the client is to be told of names in the text that goes to the server now.
    pub(super) notices: Vec<u8>,
    /// What it is to be told as soon as no message of the server is half there.
    told: Vec<u8>,
    /// A copy from the client that is to fail: the message that it is, once the end was sent for it.
    pub(super) copy_failure: Option<(Option<u64>, Refusal)>,
    /// Counts up whenever something that was allowed has to be asked about again.
    pub(super) epoch: u64,
    /// How often code has run that nobody has read.
    pub(super) code_ran: u64,
    /// Counts the messages that the server answers with ReadyForQuery.
    pub(super) segment: u64,
    /// Something went to the server that may have changed settings which it has not reported yet.
    pub(super) unreported: bool,
    /// Something in this transaction may have changed the session.
    pub(super) changed_in_transaction: bool,
    pub(super) transaction: Transaction,
    pub(super) reported: Reported,
    /// The place, in its text, of the statement that the server answers now.
    pub(super) part: u32,
    pub(super) serial: u64,
    /// Bytes of a message of the client that are still to come, and go to the server as they do.
    pub(super) client_rest: usize,
    /// The same of one that does not go on.
    pub(super) client_drop: usize,
    /// Bytes of a message of the server that are still to come.
    pub(super) server_rest: usize,
    /// The message that is still coming in is the server's last.
    pub(super) ending: bool,
    /// The server is sending the data of a copy.
    pub(super) copying_out: bool,
    /// The function that was called has answered.
    pub(super) called: bool,
    /// What is to be hidden of what was sent and not answered, in the order of the answers.
    pub(super) masking: VecDeque<Masking>,
    /// What the result that is being sent goes through.
    pub(super) sending: Sending,
    /// Rows of it that reached the client otherwise than they came.
    pub(super) masked_rows: u64,
    /// Whether results may be masked here.
    pub(super) masks: bool,
    /// Whether the payloads of notifications go through.
    pub(super) payloads: bool,
    pub(super) operations: u64,
    pub(super) totals: Totals,
}

/// What a text that runs does to names.
#[derive(Debug)]
pub(super) struct Naming {
    /// The message that it came with.
    pub(super) serial: u64,
    pub(super) names: Arc<[Rename]>,
    /// The text, where it makes a name: what the name stands for is asked about again.
    pub(super) text: Option<Arc<[u8]>>,
}

/// Whether the operation at the front of the client's input may go on.
#[derive(Debug)]
pub(super) enum Gate {
    /// Nothing is asked about.
    Open,
    /// It was asked about, and nothing passes until the answer; whether all before it was answered then.
    Asked(OperationId, bool),
    /// It is asked about again once all before it is answered.
    Settling(OperationId),
    /// The answer was yes.
    Released(OperationId, Pass),
    /// The answer was no.
    Refusing(OperationId, Box<Refused>),
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
    /// So many of its bytes were replaced, and the rest of it goes on.
    Splice(usize),
    /// It does not go on.
    Drop,
}

/// How far some bytes have been looked at, and how far they have been moved on.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Cut {
    pub(super) at: usize,
    sent: usize,
}

impl Cut {
    /// Moves on what is before this place; what the caller writes comes behind it.
    pub(super) fn tail<'o>(&mut self, bytes: &[u8], to: &'o mut Buffer) -> &'o mut Vec<u8> {
        to.extend(bytes.get(self.sent..self.at).unwrap_or_default());
        self.sent = self.at;
        to.tail()
    }

    /// Leaves out the next `count` bytes.
    pub(super) fn skip(&mut self, count: usize, bytes: &[u8], to: &mut Buffer) {
        self.tail(bytes, to);
        self.at += count;
        self.sent = self.at;
    }

    /// Moves on the rest. Where nothing was left out or put in, nothing is copied.
    fn finish(self, input: &mut Buffer, to: &mut Buffer) {
        if self.sent == 0 {
            if self.at > 0 {
                input.forward(self.at, to);
            }
        } else {
            to.extend(input.as_slice().get(self.sent..self.at).unwrap_or_default());
            input.consume(self.at);
        }
    }
}

impl Relay {
    pub(super) fn new(limits: Limits, interest: Interest, nonce: &str) -> Self {
        Self {
            limits,
            ask: interest.operations,
            executions: interest.executions,
            // The server folds names that are not quoted.
            nonce: nonce.to_ascii_lowercase(),
            pending: Pending::default(),
            statements: Names::default(),
            portals: Names::default(),
            recorder: Recorder::new(interest),
            gate: Gate::Open,
            stalled: false,
            refusals: VecDeque::new(),
            naming: VecDeque::new(),
            moves: VecDeque::new(),
            notices: Vec::new(),
            told: Vec::new(),
            copy_failure: None,
            epoch: 0,
            code_ran: 0,
            segment: 0,
            unreported: false,
            changed_in_transaction: false,
            transaction: Transaction::Idle,
            reported: Reported::default(),
            part: 0,
            serial: 0,
            client_rest: 0,
            client_drop: 0,
            server_rest: 0,
            ending: false,
            copying_out: false,
            called: false,
            masking: VecDeque::new(),
            sending: Sending::default(),
            masked_rows: 0,
            masks: interest.masks,
            payloads: interest.payloads,
            operations: 0,
            totals: Totals::default(),
        }
    }

    pub(super) fn wants_client(&self) -> bool {
        let waits = self.stalled || matches!(self.gate, Gate::Settling(_));
        let settled = self.pending.is_empty() || self.pending.copies_in();
        !matches!(self.gate, Gate::Asked(..)) && self.pending.len() < self.limits.pipelined && (!waits || settled)
    }

    /// Passes on what has come from `from`; returns why the session is over, where it is.
    pub(super) fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<Option<CloseReason>, Fault> {
        let mut cut = Cut::default();
        let found = match from {
            Side::Client => self.scan_client(input.as_slice(), &mut cut, output),
            Side::Server => self.scan_server(input.as_slice(), &mut cut, output),
        };
        self.recorder.flush(if from == Side::Server { input.as_slice() } else { &[] }, output);
        let to = match from {
            Side::Client => &mut output.to_server,
            Side::Server => &mut output.to_client,
        };
        cut.finish(input, to);
        self.tell_client(output);
        found
    }

    /// The client is told something that nobody has asked for (PostgreSQL docs, "Asynchronous Operations").
    pub(super) fn notice(&mut self, message: &str, output: &mut Output) {
        codec::notice(&mut self.told, ErrorText { code: "00000", message, ..ErrorText::default() });
        self.tell_client(output);
    }

    fn tell_client(&mut self, output: &mut Output) {
        if self.server_rest == 0 && !self.told.is_empty() {
            output.to_client.extend(&self.told);
            self.told.clear();
        }
    }

    /// Hears the answer to what was asked.
    pub(super) fn verdict(&mut self, id: OperationId, directive: Directive, output: &mut Output) {
        let Gate::Asked(asked, settled) = self.gate else { return };
        if asked != id {
            return;
        }
        self.gate = match directive {
            Directive::Forward(pass) => Gate::Released(id, pass),
            Directive::Refuse(refused) => Gate::Refusing(id, refused),
            // It was settled already: whoever can't decide then, can't decide.
            Directive::Settle if settled => Gate::Refusing(id, Box::new(undecided())),
            Directive::Settle => {
                output.to_server.extend(&FLUSH);
                Gate::Settling(id)
            }
        };
    }

    /// What is prepared is asked about again before it runs.
    pub(super) fn policy_changed(&mut self, executions: bool) {
        self.executions = executions;
        self.epoch += 1;
    }

    /// The copy that the client is sending is to fail with this text; without a copy there is nothing to fail.
    pub(super) fn copy_must_fail(&mut self, refusal: Refusal) {
        if self.pending.copies_in() {
            self.copy_failure.get_or_insert((None, refusal));
        }
    }

    /// Something that may change the session went to the server, or was answered.
    pub(super) fn changed(&mut self) {
        self.epoch += 1;
        self.unreported = true;
        self.changed_in_transaction = true;
    }

    pub(super) fn standing(&self) -> Standing {
        Standing {
            transaction: self.transaction,
            settled: self.pending.is_empty(),
            settings_known: !self.unreported,
            changed: self.changed_in_transaction,
            standard_conforming_strings: self.reported.standard_conforming_strings,
            encoding: if self.unreported { Encoding::Other } else { self.reported.encoding() },
        }
    }

    /// Notes a message that goes to the server; returns its number, or none where the server will drop it.
    pub(super) fn await_answer(&mut self, awaited: Awaited, operation: OperationId, refused: bool) -> Option<u64> {
        self.serial += 1;
        let dropped = self.pending.push(Item { awaited, operation, serial: self.serial, refused });
        if matches!(awaited, Awaited::Query | Awaited::Sync | Awaited::FunctionCall) {
            self.segment += 1;
        }
        (!dropped).then_some(self.serial)
    }

    /// Tells of what happens to operations, where somebody asks about them.
    pub(super) fn tell(&self, event: Event, output: &mut Output) {
        if self.ask {
            output.events.push(event);
        }
    }

    /// Whether what `name` stands for is still open: the client then waits until it is not.
    pub(super) fn stalls(&mut self, of: NameOf, name: &Name, bytes: &[u8], cut: &mut Cut, output: &mut Output) -> bool {
        let names = match of {
            NameOf::Statement => &self.statements,
            NameOf::Portal => &self.portals,
        };
        if !self.ask || self.pending.is_empty() || !names.unsettled(name, self.segment) || self.pending.copies_in() {
            return false;
        }
        if !self.stalled {
            self.stalled = true;
            cut.tail(bytes, &mut output.to_server).extend_from_slice(&FLUSH);
        }
        true
    }

    pub(super) fn next_operation(&mut self) -> OperationId {
        self.operations += 1;
        OperationId(self.operations)
    }
}

/// The two kinds of names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum NameOf {
    Statement,
    Portal,
}

/// A refusal in the server's own words, for what the server would refuse by itself.
pub(super) fn natural(code: &'static str, message: String) -> Refused {
    let refusal = Refusal { code, message, detail: String::new(), hint: String::new(), position: None };
    Refused { refusal, keep: 0, statements: 0, pass: Pass::default() }
}

fn undecided() -> Refused {
    natural("42501", "weir could not decide on this statement".to_owned())
}
