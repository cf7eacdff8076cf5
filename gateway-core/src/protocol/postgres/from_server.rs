//! The server's messages in an open session, each matched with what the client asked.

use super::Fault;
use super::codec::{self, Front, HEADER, Header, Reader};
use super::pending::{Awaited, Ready, UNKNOWN};
use super::record::ResultMessage;
use super::relay::{HEAD, Relay, Step};
use crate::protocol::{CloseReason, OperationId, Output};

const UNEXPECTED: Fault = Fault::server("a message that answers nothing the client asked");
const UNKNOWN_KIND: Fault = Fault::server("a message of a kind that the protocol does not have here");
const MALFORMED: Fault = Fault::server("a message's fields do not fill it");
/// Tags for the two ends of an execution for which the server sends none.
const EMPTY: &[u8] = b"EMPTY QUERY";
const SUSPENDED: &[u8] = b"PORTAL SUSPENDED";
const CALLED: &[u8] = b"FUNCTION CALL";

impl Relay {
    /// Moves `at` over what of `bytes` goes to the client.
    pub(super) fn scan_server(
        &mut self,
        bytes: &[u8],
        at: &mut usize,
        output: &mut Output,
    ) -> Result<Option<CloseReason>, Fault> {
        loop {
            let rest = bytes.get(*at..).unwrap_or_default();
            if self.server_rest > 0 {
                let count = self.server_rest.min(rest.len());
                self.server_rest -= count;
                self.recorder.more(rest.get(..count).unwrap_or_default(), self.server_rest == 0, output);
                *at += count;
                if self.server_rest > 0 {
                    return Ok(None);
                }
                continue;
            }
            if self.ending {
                return Ok(Some(CloseReason::ServerEnded));
            }
            let header = match codec::front(rest) {
                Front::Partial => return Ok(None),
                Front::Wrong => return Err(Fault::server("a message's length is outside the protocol")),
                Front::Message(header) => header,
            };
            let step = self.server_message(header, bytes, *at, output)?;
            if step == Step::Wait {
                return Ok(None);
            }
            let there = header.total.min(rest.len());
            *at += there;
            self.server_rest = header.total - there;
        }
    }

    fn server_message(&mut self, header: Header, bytes: &[u8], at: usize, output: &mut Output) -> Result<Step, Fault> {
        let there = bytes.len() - at;
        // Of every message that is looked into, this much has to be there.
        let needed = match header.kind {
            b'C' | b'E' | b'Z' => header.total.min(HEAD),
            _ => HEADER,
        };
        if there < needed {
            return Ok(Step::Wait);
        }
        let body = bytes.get(at + HEADER..at + header.total.min(there)).unwrap_or_default();
        let front = self.pending.front();
        match header.kind {
            b'N' | b'A' | b'S' => {}
            b'T' | b'D' | b'd' | b'V' => self.result(header, front, bytes, at, output)?,
            b'C' | b'I' | b's' => {
                self.recorder.flush(bytes, output);
                self.completed(header, front, body, output)?;
            }
            b'E' => {
                self.recorder.flush(bytes, output);
                self.failed(front, body, output);
            }
            b'Z' => {
                self.recorder.flush(bytes, output);
                self.ready(header, front, body, output)?;
            }
            b'1' | b'2' | b'3' | b'n' | b't' => self.acknowledged(header.kind, front)?,
            b'G' | b'H' | b'W' | b'c' => self.copy(header.kind, front)?,
            _ => return Err(UNKNOWN_KIND),
        }
        Ok(Step::Pass)
    }

    fn result(
        &mut self,
        header: Header,
        front: Option<(Awaited, OperationId)>,
        bytes: &[u8],
        at: usize,
        output: &mut Output,
    ) -> Result<(), Fault> {
        let (awaited, operation) = front.ok_or(UNEXPECTED)?;
        let row = match (header.kind, awaited) {
            (b'D', Awaited::Query | Awaited::Execute) => true,
            (b'd', Awaited::Query | Awaited::Execute) if self.copying_out => true,
            (b'T', Awaited::Query | Awaited::Describe) | (b'V', Awaited::FunctionCall) => false,
            _ => return Err(UNEXPECTED),
        };
        self.totals.rows += u64::from(row);
        self.recorder.result(ResultMessage { operation, row, at, total: header.total }, bytes, output);
        if awaited == Awaited::Describe {
            self.pending.pop();
            self.recorder.reset();
        }
        self.called |= header.kind == b'V';
        Ok(())
    }

    fn completed(
        &mut self,
        header: Header,
        front: Option<(Awaited, OperationId)>,
        body: &[u8],
        output: &mut Output,
    ) -> Result<(), Fault> {
        let (awaited, operation) = front.ok_or(UNEXPECTED)?;
        let tag = match header.kind {
            b'C' => Reader(body).text().ok_or(MALFORMED)?,
            b'I' => EMPTY,
            _ => SUSPENDED,
        };
        match awaited {
            Awaited::Execute => self.pending.pop(),
            Awaited::Query if header.kind != b's' => {}
            _ => return Err(UNEXPECTED),
        }
        self.pending.completed();
        self.copying_out = false;
        // SQL's own PREPARE may give a name another meaning, which only its text tells.
        if matches!(tag, b"PREPARE" | b"DISCARD ALL" | b"DEALLOCATE ALL") {
            self.statements.all_closed();
        }
        self.recorder.completed(operation, tag, output);
        self.totals.statements += 1;
        Ok(())
    }

    fn failed(&mut self, front: Option<(Awaited, OperationId)>, body: &[u8], output: &mut Output) {
        let fields = codec::error_fields(body);
        let operation = front.map_or(UNKNOWN, |(_, operation)| operation);
        self.recorder.failed(operation, fields.code, fields.message, output);
        self.totals.errors += 1;
        self.totals.statements += u64::from(front.is_some());
        self.copying_out = false;
        self.ending = fields.fatal;
        let (statements, portals) = (&mut self.statements, &mut self.portals);
        self.pending.failed(fields.code == b"08P01", |awaited, operation| match awaited {
            Awaited::Parse(name) => statements.failed(&name, operation),
            Awaited::Bind(name) => portals.failed(&name, operation),
            _ => {}
        });
    }

    fn ready(
        &mut self,
        header: Header,
        front: Option<(Awaited, OperationId)>,
        body: &[u8],
        output: &mut Output,
    ) -> Result<(), Fault> {
        let [status @ (b'I' | b'T' | b'E')] = *body else { return Err(MALFORMED) };
        if header.total != HEADER + 1 {
            return Err(MALFORMED);
        }
        if self.pending.ready() == Ready::NotDue {
            return Err(UNEXPECTED);
        }
        self.copying_out = false;
        // Written here and not at the response, which may still be coming in then.
        if std::mem::take(&mut self.called)
            && let Some((Awaited::FunctionCall, operation)) = front
        {
            self.recorder.completed(operation, CALLED, output);
            self.totals.statements += 1;
        }
        self.recorder.reset();
        // Portals end with their transaction.
        if status == b'I' {
            self.portals.all_closed();
        }
        Ok(())
    }

    fn acknowledged(&mut self, kind: u8, front: Option<(Awaited, OperationId)>) -> Result<(), Fault> {
        let (awaited, operation) = front.ok_or(UNEXPECTED)?;
        match (kind, awaited) {
            (b'1', Awaited::Parse(name)) => self.statements.confirmed(&name, operation),
            (b'2', Awaited::Bind(name)) => self.portals.confirmed(&name, operation),
            (b'3', Awaited::CloseStatement(name)) => self.statements.closed(&name),
            (b'3', Awaited::ClosePortal(name)) => self.portals.closed(&name),
            (b'n', Awaited::Describe) => {}
            (b't', Awaited::Describe) => return Ok(()),
            _ => return Err(UNEXPECTED),
        }
        self.pending.pop();
        Ok(())
    }

    fn copy(&mut self, kind: u8, front: Option<(Awaited, OperationId)>) -> Result<(), Fault> {
        let Some((Awaited::Query | Awaited::Execute, _)) = front else { return Err(UNEXPECTED) };
        match kind {
            b'G' => self.pending.copy_in(),
            b'H' | b'W' => self.copying_out = true,
            _ if self.copying_out => self.copying_out = false,
            _ => return Err(UNEXPECTED),
        }
        Ok(())
    }
}
