//! The client's messages in an open session: PostgreSQL docs, "Message Flow".

use super::Fault;
use super::codec::{self, Front, HEADER, Header, Reader};
use super::names::Name;
use super::pending::{Awaited, UNKNOWN};
use super::relay::{Cut, Gate, HEAD, NameOf, Naming, Relay, Step, natural};
use crate::protocol::{CloseReason, Event, NameAct, OperationId, OperationKind, Outcome, Output, Pass, Refused, Side};
use std::io::Write;
use std::sync::Arc;

/// Bytes of the longest number that names a function.
const DIGITS: usize = 10;
/// Of a message that is too long, this much is looked at and recorded.
const OVERSIZE_HEAD: usize = 1024;
const TOO_LONG: &str = "a statement is longer than the limit";
/// Where a scan stands: the bytes, and how far it is.
pub(super) struct Scan<'a> {
    pub(super) bytes: &'a [u8],
    pub(super) cut: &'a mut Cut,
    pub(super) output: &'a mut Output,
}

/// What is asked about, as [`Event::Ask`] has it.
pub(super) struct Asking<'a> {
    pub(super) kind: OperationKind,
    pub(super) name: &'a [u8],
    pub(super) text: &'a [u8],
    pub(super) parameters: Option<&'a [u8]>,
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
            if step != Step::Wait {
                self.answer_is_spent(output);
            }
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
            b'Q' | b'P' | b'F' if header.total - HEADER > self.limits.statement => self.oversize(header, rest, scan),
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

    /// A message that is too long to be taken whole, and so to be understood: refused, its beginning recorded.
    fn oversize(&mut self, header: Header, rest: &[u8], scan: &mut Scan<'_>) -> Result<Step, Fault> {
        if !self.ask {
            return Err(Fault::client_limit(TOO_LONG));
        }
        let Some(head) = rest.get(HEADER..(HEADER + OVERSIZE_HEAD).min(header.total)) else { return Ok(Step::Wait) };
        if self.passed_over() {
            return Ok(Step::Drop);
        }
        let (kind, name) = Operation::named(header.kind, head);
        let text = if kind == OperationKind::Prepare { head.get(name.len() + 1..).unwrap_or(head) } else { head };
        let operation = self.next_operation();
        self.recorder.statement(operation, header.kind, text, scan.output);
        scan.output.events.push(Event::Violation { side: Side::Client, what: TOO_LONG });
        let text = format!(
            "weir refused a statement of {} bytes: it reads and judges at most {}",
            header.total - HEADER,
            self.limits.statement
        );
        let message = Operation { kind, name, text: b"", rest: b"" };
        self.refuse_operation(&message, &Name::new(name), operation, Box::new(natural("54000", text)), scan);
        Ok(Step::Drop)
    }

    /// A message whose fields don't fill it: refused as the server would.
    fn malformed(&mut self, header: Header, body: &[u8], wrong: &'static str, scan: &mut Scan<'_>) -> Result<Step, Fault> {
        if !self.ask {
            return Err(MALFORMED);
        }
        if self.passed_over() {
            return Ok(Step::Drop);
        }
        // The server would not have come to what the name stands for: one that nothing has, so that nothing of it goes.
        let (kind, name) = (Operation::named(header.kind, body).0, b"?");
        let operation = self.next_operation();
        self.recorder.statement(operation, header.kind, body.get(..OVERSIZE_HEAD).unwrap_or(body), scan.output);
        scan.output.events.push(Event::Violation { side: Side::Client, what: MALFORMED.what });
        let message = Operation { kind, name, text: b"", rest: b"" };
        self.refuse_operation(&message, &Name::new(name), operation, Box::new(natural("08P01", wrong.to_owned())), scan);
        Ok(Step::Drop)
    }

    /// A message that brings something to run: taken whole, recorded, asked about.
    fn operation(&mut self, header: Header, whole: Option<&[u8]>, scan: &mut Scan<'_>) -> Result<Step, Fault> {
        let Some(body) = whole else { return Ok(Step::Wait) };
        let mut number = [0; DIGITS];
        let message = match Operation::read(header.kind, body, &mut number) {
            Ok(message) => message,
            Err(wrong) => return self.malformed(header, body, wrong, scan),
        };
        if self.passed_over() {
            return Ok(Step::Drop);
        }
        let name = Name::new(message.name);
        if !name.is_empty() && self.stalls(NameOf::Statement, &name, scan.bytes, scan.cut, scan.output) {
            return Ok(Step::Wait);
        }
        let operation = if matches!(self.gate, Gate::Open) {
            let operation = self.next_operation();
            self.recorder.statement(operation, header.kind, message.text, scan.output);
            if message.kind == OperationKind::FunctionCall {
                let kept = self.recorder.keeps_texts();
                self.recorder.parameters(operation, body.get(4..).unwrap_or_default(), kept, scan.output);
            }
            operation
        } else {
            UNKNOWN
        };
        let parameters = if message.kind == OperationKind::FunctionCall { body.get(4..) } else { Some(&[][..]) };
        let asking = Asking { kind: message.kind, name: name.as_slice(), text: message.text, parameters };
        let (operation, pass) = match self.pass(operation, asking, scan.output) {
            Passage::Wait => return Ok(Step::Wait),
            Passage::Yes(operation, pass) => (operation, pass),
            Passage::No(operation, refused) => {
                self.refuse_operation(&message, &name, operation, refused, scan);
                return Ok(Step::Drop);
            }
        };
        match message.kind {
            OperationKind::Prepare => self.forward_parse(&message, &name, operation, pass, scan),
            OperationKind::FunctionCall => {
                let serial = self.await_answer(Awaited::FunctionCall, operation, false);
                self.plan(serial, &pass.masks, None, &Arc::default());
                self.runs(operation, (pass.changes, pass.code), scan.output);
                Ok(Step::Pass)
            }
            OperationKind::Query | OperationKind::Bind | OperationKind::Execute => {
                let step = self.rewrite_query(&message, operation, &pass, scan);
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
            self.plan(Some(serial), &pass.masks, None, &Arc::default());
            self.statements.asked(&nothing, serial, self.segment - 1, None);
            self.portals.asked(&nothing, serial, self.segment - 1, None);
            if !pass.names.is_empty() {
                let makes = pass.names.iter().any(|rename| rename.act == NameAct::Make);
                let text = makes.then(|| Arc::from(text));
                self.naming.push_back(Naming { serial, names: pass.names.into(), text });
            }
        }
        self.runs(operation, (pass.changes, pass.code), output);
    }

    /// Something went to the server to be run.
    pub(super) fn runs(&mut self, operation: OperationId, (changes, code): (bool, bool), output: &mut Output) {
        if changes || code {
            self.changed();
        }
        self.code_ran += u64::from(code);
        self.tell(Event::Running(operation), output);
    }

    /// An answer is about one message. Where that went no further all the same, for the server passes over it or
    /// what it names has gone meanwhile, the answer must not be taken for the next one's.
    fn answer_is_spent(&mut self, output: &mut Output) {
        match std::mem::replace(&mut self.gate, Gate::Open) {
            Gate::Open => {}
            Gate::Asked(id, _) | Gate::Settling(id) | Gate::Released(id, _) | Gate::Refusing(id, _) => {
                self.tell(Event::Answered { id, part: 0, outcome: Outcome::Skipped }, output);
            }
        }
    }

    /// The server passes over this message, so it need not go there.
    pub(super) fn passed_over(&self) -> bool {
        self.ask && self.pending.skips()
    }

    /// Whether what is at the front of the client's input may go on; asks where nobody has said so.
    pub(super) fn pass(&mut self, id: OperationId, asking: Asking<'_>, output: &mut Output) -> Passage {
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
        let Asking { kind, name, text, parameters } = asking;
        let (name, text) = (output.keep(name), output.keep(text));
        let parameters = parameters.map(|parameters| output.keep(parameters));
        output.events.push(Event::Ask { id, kind, name, text, parameters, standing });
        self.gate = Gate::Asked(id, standing.settled);
        Passage::Wait
    }
}

const NO_STRING: &str = "invalid string in message";
const NO_DATA: &str = "insufficient data left in message";
const UNKNOWN_KIND: Fault = Fault::client("a message of a kind that the protocol does not have");
pub(super) const MALFORMED: Fault = Fault::client("a message's fields do not fill it");

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
    /// Reads its fields; else what is wrong, in the server's words (PostgreSQL, `pqformat.c`).
    fn read(kind: u8, body: &'a [u8], number: &'a mut [u8; DIGITS]) -> Result<Self, &'static str> {
        let mut reader = Reader(body);
        match kind {
            b'Q' => {
                let text = reader.text().ok_or(NO_STRING)?;
                let whole = reader.0.is_empty().then_some(Self { kind: OperationKind::Query, name: b"", text, rest: b"" });
                whole.ok_or("invalid message format")
            }
            b'P' => {
                let name = reader.text().ok_or(NO_STRING)?;
                let text = reader.text().ok_or(NO_STRING)?;
                Ok(Self { kind: OperationKind::Prepare, name, text, rest: reader.0 })
            }
            _ => {
                let function = reader.number().ok_or(NO_DATA)?;
                let mut left = &mut number[..];
                write!(left, "{function}").map_err(|_| NO_DATA)?;
                let unused = left.len();
                let text = number.get(..DIGITS - unused).ok_or(NO_DATA)?;
                Ok(Self { kind: OperationKind::FunctionCall, name: b"", text, rest: b"" })
            }
        }
    }

    /// The kind and the name of one that can't be read as a whole; a name that has no end is another than any.
    fn named(kind: u8, head: &'a [u8]) -> (OperationKind, &'a [u8]) {
        match kind {
            b'P' => (OperationKind::Prepare, Reader(head).text().unwrap_or(b"?")),
            b'Q' => (OperationKind::Query, b""),
            _ => (OperationKind::FunctionCall, b""),
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
