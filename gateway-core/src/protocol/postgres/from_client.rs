//! The client's messages in an open session: PostgreSQL docs, "Message Flow".

use super::Fault;
use super::codec::{self, Front, HEADER, Header, Reader};
use super::pending::{Awaited, Name, UNKNOWN};
use super::record::Recorder;
use super::relay::{Gate, HEAD, Relay, Step};
use crate::protocol::{CloseReason, Event, OperationId, OperationKind, Output, Side};
use std::io::Write;

/// Bytes of the longest number that names a function.
const DIGITS: usize = 10;

impl Relay {
    /// Moves `at` over what of `bytes` goes to the server.
    pub(super) fn scan_client(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
        output: &mut Output,
    ) -> Result<Option<CloseReason>, Fault> {
        loop {
            let rest = bytes.get(*at..).unwrap_or_default();
            if self.client_rest > 0 {
                let count = self.client_rest.min(rest.len());
                self.client_rest -= count;
                *at += count;
                if self.client_rest > 0 {
                    return Ok(None);
                }
                continue;
            }
            if !self.wants_client() {
                return Ok(None);
            }
            known(rest)?;
            let header = match codec::front(rest) {
                Front::Partial => return Ok(None),
                Front::Wrong => return Err(Fault::client("a message's length is outside the protocol")),
                Front::Message(header) => header,
            };
            let step = self.client_message(header, rest, output)?;
            if step == Step::Wait {
                return Ok(None);
            }
            let there = header.total.min(rest.len());
            *at += there;
            self.client_rest = header.total - there;
            if let Step::Last(reason) = step {
                return Ok(Some(reason));
            }
        }
    }

    fn client_message(&mut self, header: Header, rest: &[u8], output: &mut Output) -> Result<Step, Fault> {
        let whole = rest.get(HEADER..header.total);
        let empty = header.total == HEADER;
        match header.kind {
            b'Q' | b'P' | b'F' => self.operation(header, whole, output),
            b'B' => self.bind(header, rest, output),
            b'D' | b'E' | b'C' if header.total > HEAD => {
                Err(Fault::client_limit("a Describe, Execute or Close is longer than 64 KiB"))
            }
            b'D' | b'E' | b'C' => self.named(header.kind, whole),
            b'S' if empty => {
                self.pending.push(Awaited::Sync, UNKNOWN);
                Ok(Step::Pass)
            }
            b'c' if empty => {
                self.pending.push(Awaited::CopyEnd, UNKNOWN);
                Ok(Step::Pass)
            }
            b'f' => {
                self.pending.push(Awaited::CopyEnd, UNKNOWN);
                Ok(Step::Pass)
            }
            b'H' if empty => Ok(Step::Pass),
            b'd' => Ok(Step::Pass),
            b'X' if empty => Ok(Step::Last(CloseReason::ClientDone)),
            b'S' | b'c' | b'H' | b'X' => Err(Fault::client("a message that has no body came with one")),
            _ => Err(UNKNOWN_KIND),
        }
    }

    /// A message that brings something to run: taken whole, recorded, asked about.
    fn operation(&mut self, header: Header, whole: Option<&[u8]>, output: &mut Output) -> Result<Step, Fault> {
        if header.total - HEADER > self.limits.statement {
            return Err(Fault::client_limit("a statement is longer than the limit"));
        }
        let Some(body) = whole else { return Ok(Step::Wait) };
        let mut number = [0; DIGITS];
        let message = Operation::read(header.kind, body, &mut number).ok_or(MALFORMED)?;
        let operation = match std::mem::replace(&mut self.gate, Gate::Open) {
            Gate::Released(operation) => operation,
            Gate::Open | Gate::Asked(_) => {
                let operation = self.next_operation();
                Recorder::statement(operation, header.kind, message.text, output);
                if header.kind == b'F' {
                    self.recorder.parameters(operation, body.get(4..).unwrap_or_default(), output);
                }
                if self.ask {
                    let text = output.keep(message.text);
                    let (name, standing) = (output.keep(b""), self.standing());
                    output.events.push(Event::Ask { id: operation, kind: message.kind, name, text, standing });
                    self.gate = Gate::Asked(operation);
                    return Ok(Step::Wait);
                }
                operation
            }
        };
        let dropped = self.pending.push(message.awaited, operation);
        if let (Awaited::Parse(name), false) = (message.awaited, dropped) {
            self.statements.asked(&name, operation);
        }
        Ok(Step::Pass)
    }

    /// Bind's names are read and its parameters recorded; the rest of it goes by as it comes.
    fn bind(&mut self, header: Header, rest: &[u8], output: &mut Output) -> Result<Step, Fault> {
        let body = rest.get(HEADER..header.total).unwrap_or_else(|| rest.get(HEADER..).unwrap_or_default());
        let complete = rest.len() >= header.total;
        let mut reader = Reader(body);
        let (Some(portal), Some(statement)) = (reader.text(), reader.text()) else {
            return if complete || body.len() > HEAD { Err(MALFORMED) } else { Ok(Step::Wait) };
        };
        let values = reader.0;
        if !complete && values.len() < self.recorder.parameter_bytes().min(self.limits.statement) {
            return Ok(Step::Wait);
        }
        let operation = self.statements.operation(&Name::new(statement));
        self.recorder.parameters(operation, values, output);
        let portal = Name::new(portal);
        if !self.pending.push(Awaited::Bind(portal), operation) {
            self.portals.asked(&portal, operation);
        }
        Ok(Step::Pass)
    }

    /// Describe, Execute and Close of a name.
    fn named(&mut self, kind: u8, whole: Option<&[u8]>) -> Result<Step, Fault> {
        let Some(body) = whole else { return Ok(Step::Wait) };
        let mut reader = Reader(body);
        let of = if kind == b'E' { b'P' } else { reader.byte().ok_or(MALFORMED)? };
        let name = Name::new(reader.text().ok_or(MALFORMED)?);
        if kind == b'E' {
            reader.number().ok_or(MALFORMED)?;
        }
        if !reader.0.is_empty() {
            return Err(MALFORMED);
        }
        let operation = match of {
            b'S' => self.statements.operation(&name),
            b'P' => self.portals.operation(&name),
            _ => return Err(MALFORMED),
        };
        let awaited = match (kind, of) {
            (b'E', _) => Awaited::Execute,
            (b'D', _) => Awaited::Describe,
            (_, b'S') => Awaited::CloseStatement(name),
            _ => Awaited::ClosePortal(name),
        };
        self.pending.push(awaited, operation);
        Ok(Step::Pass)
    }
}

const UNKNOWN_KIND: Fault = Fault::client("a message of a kind that the protocol does not have");
const MALFORMED: Fault = Fault::client("a message's fields do not fill it");

/// Refuses an unknown kind as soon as it is seen, before its length is.
fn known(rest: &[u8]) -> Result<(), Fault> {
    match rest.first() {
        None | Some(b'Q' | b'P' | b'B' | b'D' | b'E' | b'C' | b'S' | b'H' | b'F' | b'd' | b'c' | b'f' | b'X') => Ok(()),
        Some(_) => Err(UNKNOWN_KIND),
    }
}

/// A Query, Parse or FunctionCall.
struct Operation<'a> {
    kind: OperationKind,
    awaited: Awaited,
    text: &'a [u8],
}

impl<'a> Operation<'a> {
    fn read(kind: u8, body: &'a [u8], number: &'a mut [u8; DIGITS]) -> Option<Self> {
        let mut reader = Reader(body);
        match kind {
            b'Q' => {
                let text = reader.text()?;
                reader.0.is_empty().then_some(Self { kind: OperationKind::Query, awaited: Awaited::Query, text })
            }
            b'P' => {
                let name = Name::new(reader.text()?);
                let text = reader.text()?;
                Some(Self { kind: OperationKind::Prepare, awaited: Awaited::Parse(name), text })
            }
            _ => {
                let function = reader.number()?;
                let mut left = &mut number[..];
                write!(left, "{function}").ok()?;
                let unused = left.len();
                let text = number.get(..DIGITS - unused)?;
                Some(Self { kind: OperationKind::FunctionCall, awaited: Awaited::FunctionCall, text })
            }
        }
    }
}

impl Fault {
    pub(super) const fn client(what: &'static str) -> Self {
        Self { side: Side::Client, code: "08P01", what }
    }

    pub(super) const fn client_limit(what: &'static str) -> Self {
        Self { side: Side::Client, code: "54000", what }
    }

    pub(super) const fn server(what: &'static str) -> Self {
        Self { side: Side::Server, code: "08P01", what }
    }
}

/// An operation's id travels with what awaits its answer.
const _: () = assert!(size_of::<(Awaited, OperationId)>() <= 80);
