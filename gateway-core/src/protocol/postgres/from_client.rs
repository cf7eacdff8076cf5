//! The client's messages in an open session: PostgreSQL docs, "Message Flow".

use super::Fault;
use super::codec::{self, Front, HEADER, Header, Reader};
use super::names::{Entry, Name, ServerName};
use super::pending::{Awaited, UNKNOWN};
use super::record::Recorder;
use super::relay::{Cut, Gate, HEAD, NameOf, Naming, Relay, Step, natural};
use crate::protocol::{CloseReason, Event, NameAct, OperationId, OperationKind, Output, Pass, Refused, Side};
use std::io::Write;
use std::sync::Arc;

/// Bytes of the longest number that names a function.
const DIGITS: usize = 10;
/// More prepared statements or portals than this are refused.
const MOST_NAMES: usize = 10_000;
/// More bytes of text behind them are refused.
const MOST_TEXT: usize = 64 << 20;

/// Where a scan stands: the bytes, and how far it is.
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) cut: &'a mut Cut,
    pub(super) output: &'a mut Output,
}

/// May it go on?
pub(super) enum Passage {
    /// Not yet.
    Wait,
    Yes(OperationId, Pass),
    No(OperationId, Box<Refused>),
}

impl Relay {
    /// Moves `cut` over what of `bytes` goes to the server.
    pub(super) fn scan_client(&mut self, bytes: &[u8], cut: &mut Cut, output: &mut Output) -> Result<Option<CloseReason>, Fault> {
        loop {
            let rest = bytes.get(cut.at..).unwrap_or_default();
            if self.client_rest > 0 || self.client_drop > 0 {
                let passed = self.client_rest.min(rest.len());
                self.client_rest -= passed;
                cut.at += passed;
                let dropped = self.client_drop.min(rest.len() - passed);
                if dropped > 0 {
                    self.client_drop -= dropped;
                    cut.skip(dropped, bytes, &mut output.to_server);
                }
                if self.client_rest > 0 || self.client_drop > 0 {
                    return Ok(None);
                }
                continue;
            }
            self.fail_copy(&mut Scan { bytes, cut, output });
            if !self.wants_client() {
                return Ok(None);
            }
            self.stalled = false;
            known(rest)?;
            let header = match codec::front(rest) {
                Front::Partial => return Ok(None),
                Front::Wrong => return Err(Fault::client("a message's length is outside the protocol")),
                Front::Message(header) => header,
            };
            let step = self.client_message(header, rest, &mut Scan { bytes, cut, output })?;
            let skipped = match step {
                Step::Wait => return Ok(None),
                Step::Pass | Step::Last(_) => 0,
                Step::Splice(skipped) => skipped,
                Step::Drop => header.total,
            };
            let skipped_here = skipped.min(rest.len());
            if skipped > 0 {
                cut.skip(skipped_here, bytes, &mut output.to_server);
            }
            self.client_drop = skipped - skipped_here;
            let passed = (header.total - skipped).min(rest.len() - skipped_here);
            cut.at += passed;
            self.client_rest = header.total - skipped - passed;
            if let Step::Last(reason) = step {
                return Ok(Some(reason));
            }
        }
    }

    fn client_message(&mut self, header: Header, rest: &[u8], scan: &mut Scan<'_>) -> Result<Step, Fault> {
        let whole = rest.get(HEADER..header.total);
        let empty = header.total == HEADER;
        match header.kind {
            b'Q' | b'P' | b'F' => self.operation(header, whole, scan),
            b'B' => self.bind(header, rest, scan),
            b'D' | b'E' | b'C' if header.total > HEAD => {
                Err(Fault::client_limit("a Describe, Execute or Close is longer than 64 KiB"))
            }
            b'D' | b'E' | b'C' => self.named(header.kind, whole, scan),
            b'S' if empty => {
                self.await_answer(Awaited::Sync, UNKNOWN, false);
                Ok(Step::Pass)
            }
            b'c' if empty => {
                self.await_answer(Awaited::CopyEnd, UNKNOWN, false);
                Ok(Step::Pass)
            }
            b'f' => {
                self.await_answer(Awaited::CopyEnd, UNKNOWN, false);
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
    fn operation(&mut self, header: Header, whole: Option<&[u8]>, scan: &mut Scan<'_>) -> Result<Step, Fault> {
        if header.total - HEADER > self.limits.statement {
            return Err(Fault::client_limit("a statement is longer than the limit"));
        }
        let Some(body) = whole else { return Ok(Step::Wait) };
        let mut number = [0; DIGITS];
        let message = Operation::read(header.kind, body, &mut number).ok_or(MALFORMED)?;
        if self.passed_over() {
            return Ok(Step::Drop);
        }
        let name = Name::new(message.name);
        if !name.is_empty() && self.stalls(NameOf::Statement, &name, scan.bytes, scan.cut, scan.output) {
            return Ok(Step::Wait);
        }
        let operation = if matches!(self.gate, Gate::Open) {
            let operation = self.next_operation();
            Recorder::statement(operation, header.kind, message.text, scan.output);
            if message.kind == OperationKind::FunctionCall {
                self.recorder.parameters(operation, body.get(4..).unwrap_or_default(), scan.output);
            }
            operation
        } else {
            UNKNOWN
        };
        let (operation, pass) = match self.pass(operation, message.kind, message.name, message.text, scan.output) {
            Passage::Wait => return Ok(Step::Wait),
            Passage::Yes(operation, pass) => (operation, pass),
            Passage::No(operation, refused) => {
                self.refuse_operation(&message, &name, operation, refused, scan);
                return Ok(Step::Drop);
            }
        };
        match message.kind {
            OperationKind::Prepare => self.forward_parse(header, &message, &name, operation, pass, scan),
            OperationKind::FunctionCall => {
                self.await_answer(Awaited::FunctionCall, operation, false);
                self.runs(operation, pass.changes, scan.output);
                Ok(Step::Pass)
            }
            OperationKind::Query | OperationKind::Bind | OperationKind::Execute => {
                let step = self.rewrite_query(&message, &pass, scan);
                let serial = self.await_answer(Awaited::Query, operation, false);
                self.query_sent(serial, operation, (message.text, pass), scan.output);
                Ok(step)
            }
        }
    }

    /// A Query is on its way: the unnamed statement and portal go with it, and its text may name others.
    pub(super) fn query_sent(
        &mut self,
        serial: Option<u64>,
        operation: OperationId,
        (text, pass): (&[u8], Pass),
        output: &mut Output,
    ) {
        if let Some(serial) = serial {
            let nothing = Name::new(b"");
            self.statements.asked(&nothing, serial, self.segment - 1, None);
            self.portals.asked(&nothing, serial, self.segment - 1, None);
            if !pass.names.is_empty() {
                let makes = pass.names.iter().any(|rename| rename.act == NameAct::Make);
                let text = makes.then(|| Arc::from(text));
                self.naming.push_back(Naming { serial, names: pass.names.into(), text });
            }
        }
        self.runs(operation, pass.changes, output);
    }

    fn forward_parse(
        &mut self,
        header: Header,
        message: &Operation<'_>,
        name: &Name,
        operation: OperationId,
        pass: Pass,
        scan: &mut Scan<'_>,
    ) -> Result<Step, Fault> {
        let (names, text_bytes) = self.statements.size();
        if self.ask && (names >= MOST_NAMES || text_bytes + message.text.len() > MOST_TEXT) && !name.is_empty() {
            let text = "weir: too many prepared statements in this session: close some".to_owned();
            self.refuse_operation(message, name, operation, Box::new(natural("54000", text)), scan);
            return Ok(Step::Drop);
        }
        let server = match self.statements.current(name) {
            // The server has it already and will say so.
            Some(entry) if !name.is_empty() => entry.server,
            Some(_) | None if name.is_empty() || !self.ask => ServerName::Same,
            Some(_) | None => ServerName::Own(self.serial + 1),
        };
        let step = self.rewrite_parse(header, message, server, &pass, scan);
        let entry = Entry {
            operation,
            server,
            epoch: self.epoch,
            changes: pass.changes,
            names: (!pass.names.is_empty()).then(|| pass.names.into()),
            text: self.ask.then(|| Arc::from(message.text)),
        };
        if let Some(serial) = self.await_answer(Awaited::Parse(*name), operation, false) {
            self.statements.asked(name, serial, self.segment, Some(entry));
        }
        Ok(step)
    }

    /// Bind's names are read and its parameters recorded; the rest of it goes by as it comes.
    fn bind(&mut self, header: Header, rest: &[u8], scan: &mut Scan<'_>) -> Result<Step, Fault> {
        let body = rest.get(HEADER..header.total).unwrap_or_else(|| rest.get(HEADER..).unwrap_or_default());
        let complete = rest.len() >= header.total;
        let mut reader = Reader(body);
        let (Some(portal_text), Some(statement_text)) = (reader.text(), reader.text()) else {
            return if complete || body.len() > HEAD { Err(MALFORMED) } else { Ok(Step::Wait) };
        };
        let values = reader.0;
        if !complete && values.len() < self.recorder.parameter_bytes().min(self.limits.statement) {
            return Ok(Step::Wait);
        }
        if self.passed_over() {
            return Ok(Step::Drop);
        }
        let (portal, statement) = (Name::new(portal_text), Name::new(statement_text));
        if self.stalls(NameOf::Statement, &statement, scan.bytes, scan.cut, scan.output)
            || !portal.is_empty() && self.stalls(NameOf::Portal, &portal, scan.bytes, scan.cut, scan.output)
        {
            return Ok(Step::Wait);
        }
        let Some(entry) = self.statements.current(&statement).cloned() else {
            if !self.ask {
                self.recorder.parameters(UNKNOWN, values, scan.output);
                self.await_answer(Awaited::Bind(portal), UNKNOWN, false);
                return Ok(Step::Pass);
            }
            let refused = no_statement(statement_text);
            self.refuse_bind(&portal, UNKNOWN, Box::new(refused), scan);
            return Ok(Step::Drop);
        };
        if let Some(text) = entry.text.as_deref().filter(|_| entry.epoch != self.epoch) {
            match self.pass(entry.operation, OperationKind::Bind, statement_text, text, scan.output) {
                Passage::Wait => return Ok(Step::Wait),
                Passage::Yes(..) => self.statements.allowed(&statement, self.epoch),
                Passage::No(operation, refused) => {
                    self.refuse_bind(&portal, operation, refused, scan);
                    return Ok(Step::Drop);
                }
            }
        }
        if self.ask && self.portals.size().0 >= MOST_NAMES {
            let text = "weir: too many portals in this transaction: close some".to_owned();
            self.refuse_bind(&portal, entry.operation, Box::new(natural("54000", text)), scan);
            return Ok(Step::Drop);
        }
        self.recorder.parameters(entry.operation, values, scan.output);
        let server = match self.portals.current(&portal) {
            Some(entry) if !portal.is_empty() => entry.server,
            Some(_) | None if portal.is_empty() || !self.ask => ServerName::Same,
            Some(_) | None => ServerName::Own(self.serial + 1),
        };
        let names = (portal_text, server, statement_text, entry.server);
        let step = self.rewrite_bind(header, names, scan);
        let (operation, epoch) = (entry.operation, self.epoch);
        if let Some(serial) = self.await_answer(Awaited::Bind(portal), operation, false) {
            self.portals.asked(&portal, serial, self.segment, Some(Entry { server, epoch, ..entry }));
        }
        Ok(step)
    }

    /// Describe, Execute and Close of a name.
    fn named(&mut self, kind: u8, whole: Option<&[u8]>, scan: &mut Scan<'_>) -> Result<Step, Fault> {
        let Some(body) = whole else { return Ok(Step::Wait) };
        let mut reader = Reader(body);
        let of = match if kind == b'E' { b'P' } else { reader.byte().ok_or(MALFORMED)? } {
            b'S' => NameOf::Statement,
            b'P' => NameOf::Portal,
            _ => return Err(MALFORMED),
        };
        let text = reader.text().ok_or(MALFORMED)?;
        let name = Name::new(text);
        if kind == b'E' {
            reader.number().ok_or(MALFORMED)?;
        }
        if !reader.0.is_empty() {
            return Err(MALFORMED);
        }
        if self.passed_over() {
            return Ok(Step::Drop);
        }
        if self.stalls(of, &name, scan.bytes, scan.cut, scan.output) {
            return Ok(Step::Wait);
        }
        let entry = match of {
            NameOf::Statement => self.statements.current(&name),
            NameOf::Portal => self.portals.current(&name),
        };
        let entry = entry.cloned();
        if entry.is_none() && self.ask && kind != b'C' {
            let refused = if of == NameOf::Statement { no_statement(text) } else { no_portal(text) };
            self.refuse_named(kind, of, UNKNOWN, Box::new(refused), scan);
            return Ok(Step::Drop);
        }
        let operation = entry.as_ref().map_or(UNKNOWN, |entry| entry.operation);
        if let (b'E', Some(entry)) = (kind, &entry)
            && let Some(asked) = entry.text.as_deref().filter(|_| self.executions || entry.epoch != self.epoch)
        {
            match self.pass(operation, OperationKind::Execute, text, asked, scan.output) {
                Passage::Wait => return Ok(Step::Wait),
                Passage::Yes(..) => self.portals.allowed(&name, self.epoch),
                Passage::No(operation, refused) => {
                    self.refuse_named(kind, of, operation, refused, scan);
                    return Ok(Step::Drop);
                }
            }
        }
        let step = self.rewrite_named(kind, (text, entry.as_ref().map(|entry| entry.server)), body, scan);
        match (kind, of) {
            (b'E', _) => self.execute_sent(operation, entry.as_ref(), scan.output),
            (b'D', _) => {
                self.await_answer(Awaited::Describe, operation, false);
            }
            (_, NameOf::Statement) => {
                if let Some(serial) = self.await_answer(Awaited::CloseStatement(name), operation, false) {
                    self.statements.asked(&name, serial, self.segment, None);
                }
            }
            (_, NameOf::Portal) => {
                if let Some(serial) = self.await_answer(Awaited::ClosePortal(name), operation, false) {
                    self.portals.asked(&name, serial, self.segment, None);
                }
            }
        }
        Ok(step)
    }

    fn execute_sent(&mut self, operation: OperationId, entry: Option<&Entry>, output: &mut Output) {
        let serial = self.await_answer(Awaited::Execute, operation, false);
        if let (Some(serial), Some((names, text))) = (serial, entry.and_then(|entry| entry.names.clone().zip(entry.text.clone())))
        {
            self.naming.push_back(Naming { serial, names, text: Some(text) });
        }
        self.runs(operation, entry.is_some_and(|entry| entry.changes), output);
    }

    /// Something went to the server to be run.
    fn runs(&mut self, operation: OperationId, changes: bool, output: &mut Output) {
        if changes {
            self.changed();
        }
        self.tell(Event::Running(operation), output);
    }

    /// The server passes over this message, so it need not go there.
    fn passed_over(&self) -> bool {
        self.ask && self.pending.skips()
    }

    /// Whether what is at the front of the client's input may go on; asks where nobody has said so.
    fn pass(&mut self, id: OperationId, kind: OperationKind, name: &[u8], text: &[u8], output: &mut Output) -> Passage {
        let id = match std::mem::replace(&mut self.gate, Gate::Open) {
            Gate::Released(id, pass) => return Passage::Yes(id, pass),
            Gate::Refusing(id, refused) => return Passage::No(id, refused),
            asked @ Gate::Asked(..) => {
                self.gate = asked;
                return Passage::Wait;
            }
            Gate::Settling(id) if self.pending.copies_in() => {
                // The server takes nothing but the copy's data now.
                return Passage::No(id, Box::new(natural("08P01", "weir: a statement in the middle of a copy".to_owned())));
            }
            Gate::Settling(id) => id,
            Gate::Open => id,
        };
        if !self.ask {
            return Passage::Yes(id, Pass::default());
        }
        let standing = self.standing();
        let name = if kind == OperationKind::Prepare { output.keep(name) } else { output.keep(b"") };
        let text = output.keep(text);
        output.events.push(Event::Ask { id, kind, name, text, standing });
        self.gate = Gate::Asked(id, standing.settled);
        Passage::Wait
    }
}

const UNKNOWN_KIND: Fault = Fault::client("a message of a kind that the protocol does not have");
const MALFORMED: Fault = Fault::client("a message's fields do not fill it");

/// In the server's words (PostgreSQL, `FetchPreparedStatement`).
fn no_statement(name: &[u8]) -> Refused {
    let text = match name {
        b"" => "unnamed prepared statement does not exist".to_owned(),
        name => format!("prepared statement \"{}\" does not exist", String::from_utf8_lossy(name)),
    };
    natural("26000", text)
}

/// In the server's words (PostgreSQL, `exec_execute_message`).
fn no_portal(name: &[u8]) -> Refused {
    natural("34000", format!("portal \"{}\" does not exist", String::from_utf8_lossy(name)))
}

/// Refuses an unknown kind as soon as it is seen, before its length is.
fn known(rest: &[u8]) -> Result<(), Fault> {
    match rest.first() {
        None | Some(b'Q' | b'P' | b'B' | b'D' | b'E' | b'C' | b'S' | b'H' | b'F' | b'd' | b'c' | b'f' | b'X') => Ok(()),
        Some(_) => Err(UNKNOWN_KIND),
    }
}

/// A Query, Parse or FunctionCall.
pub(super) struct Operation<'a> {
    pub(super) kind: OperationKind,
    /// The name that a Parse gives.
    pub(super) name: &'a [u8],
    pub(super) text: &'a [u8],
    /// What follows the text.
    pub(super) rest: &'a [u8],
}

impl<'a> Operation<'a> {
    fn read(kind: u8, body: &'a [u8], number: &'a mut [u8; DIGITS]) -> Option<Self> {
        let mut reader = Reader(body);
        match kind {
            b'Q' => {
                let text = reader.text()?;
                reader.0.is_empty().then_some(Self { kind: OperationKind::Query, name: b"", text, rest: b"" })
            }
            b'P' => {
                let name = reader.text()?;
                let text = reader.text()?;
                Some(Self { kind: OperationKind::Prepare, name, text, rest: reader.0 })
            }
            _ => {
                let function = reader.number()?;
                let mut left = &mut number[..];
                write!(left, "{function}").ok()?;
                let unused = left.len();
                let text = number.get(..DIGITS - unused)?;
                Some(Self { kind: OperationKind::FunctionCall, name: b"", text, rest: b"" })
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
