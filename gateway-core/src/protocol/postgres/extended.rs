//! The extended protocol's messages about names: Parse, Bind, Describe, Execute, Close.

use super::Fault;
use super::codec::{HEADER, Header, Reader};
use super::from_client::{Asking, MALFORMED, Operation, Passage, Scan};
use super::mask::result_formats;
use super::names::{Entry, Name, ServerName};
use super::pending::{Awaited, UNKNOWN};
use super::relay::{HEAD, NameOf, Naming, Relay, Step, natural};
use crate::protocol::{OperationId, OperationKind, Output, Pass, Refused};
use std::sync::Arc;

/// More prepared statements or portals than this are refused.
const MOST_NAMES: usize = 10_000;
/// More bytes of text behind them are refused.
const MOST_TEXT: usize = 64 << 20;

impl Relay {
    /// Bind's names are read and its parameters recorded; the rest of it goes by as it comes.
    pub(super) fn bind(&mut self, header: Header, rest: &[u8], scan: &mut Scan<'_>) -> Result<Step, Fault> {
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
        let Some(mut entry) = self.statements.current(&statement).cloned() else {
            if !self.ask {
                self.recorder.parameters(UNKNOWN, values, true, scan.output);
                self.await_answer(Awaited::Bind(portal), UNKNOWN, false);
                return Ok(Step::Pass);
            }
            let refused = no_statement(statement_text);
            self.refuse_bind(&portal, UNKNOWN, Box::new(refused), scan);
            return Ok(Step::Drop);
        };
        // Where results may be masked, in which formats they come stands behind the parameters.
        if self.masks && !complete && header.total <= self.limits.statement {
            return Ok(Step::Wait);
        }
        if let Some(text) = entry.text.clone().filter(|_| entry.each_use || entry.epoch != self.epoch) {
            let fits = header.total <= self.limits.statement;
            if fits && !complete {
                return Ok(Step::Wait);
            }
            let name = entry.sql_name.as_deref().unwrap_or_default();
            let asking = Asking { kind: OperationKind::Bind, name, text: &text, parameters: fits.then_some(values) };
            match self.pass(entry.operation, asking, scan.output) {
                Passage::Wait => return Ok(Step::Wait),
                Passage::Yes(_, pass) => {
                    self.statements.allowed(&statement, self.epoch, &pass);
                    entry.masks = pass.masks;
                    entry.shape = None;
                }
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
        let mut entry = self.renewed(&statement, entry, scan);
        if entry.hides() {
            let Some(formats) = result_formats(values).filter(|_| complete) else {
                if complete {
                    return Err(MALFORMED);
                }
                let most = self.limits.statement;
                let text = format!("weir reads at most {most} bytes of parameters where results are masked");
                self.refuse_bind(&portal, entry.operation, Box::new(natural("54000", text)), scan);
                return Ok(Step::Drop);
            };
            entry.formats = formats;
            if entry.shape.is_none() {
                let shape = self.look(NameOf::Statement, (statement_text, entry.server), &entry.masks, scan);
                self.statements.shaped(&statement, &shape);
                entry.shape = Some(shape);
            }
        }
        self.recorder.parameters(entry.operation, values, !entry.unrecorded(), scan.output);
        let server = match self.portals.current(&portal) {
            Some(entry) if !portal.is_empty() => entry.server,
            Some(_) | None if portal.is_empty() || !self.ask => ServerName::Same,
            Some(_) | None => ServerName::Own(self.serial + 1),
        };
        let names = (portal_text, server, statement_text, entry.server);
        let step = self.rewrite_bind(header, names, scan);
        let (operation, epoch) = (entry.operation, self.epoch);
        if let Some(serial) = self.await_answer(Awaited::Bind(portal), operation, false) {
            self.plan(Some(serial), &entry.masks, None, &entry.formats);
            self.portals.asked(&portal, serial, self.segment, Some(Entry { server, epoch, ..entry }));
        }
        Ok(step)
    }

    /// What a named statement stands for; prepared anew under another name where code has run that
    /// nobody has read, and that may have prepared something else under the one it had.
    ///
    /// Not what the client has had described: to prepare that anew would hide that its columns have
    /// changed, which the server says otherwise (`0A000`).
    fn renewed(&mut self, name: &Name, entry: Entry, scan: &mut Scan<'_>) -> Entry {
        let Some(text) =
            entry.text.as_deref().filter(|_| renewable(entry.server, entry.described) && entry.prepared_in != self.code_ran)
        else {
            return entry;
        };
        let server = ServerName::Own(self.serial + 2);
        let renamed = entry.names.as_deref().and_then(|names| self.renamed(entry.operation, text, names));
        // The client was told of its names when it prepared this.
        self.notices.clear();
        let text = renamed.as_deref().unwrap_or(text);
        self.write_renewal(entry.server, server, text, entry.parameters.as_deref().unwrap_or(&[0, 0]), scan);
        self.await_answer(Awaited::Disposal, entry.operation, false);
        let serial = self.await_answer(Awaited::Renewal(*name), entry.operation, false);
        let entry = Entry { server, prepared_in: self.code_ran, shape: None, ..entry };
        if let Some(serial) = serial {
            self.statements.asked(name, serial, self.segment, Some(entry.clone()));
        }
        entry
    }

    /// Describe, Execute and Close of a name.
    pub(super) fn named(&mut self, kind: u8, whole: Option<&[u8]>, scan: &mut Scan<'_>) -> Result<Step, Fault> {
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
        let mut entry = entry.cloned();
        if entry.is_none() && self.ask && kind != b'C' {
            let refused = if of == NameOf::Statement { no_statement(text) } else { no_portal(text) };
            self.refuse_named(kind, of, UNKNOWN, Box::new(refused), scan);
            return Ok(Step::Drop);
        }
        let operation = entry.as_ref().map_or(UNKNOWN, |entry| entry.operation);
        if let (b'E', Some(entry)) = (kind, &mut entry)
            && let Some(asked) = entry.text.clone().filter(|_| self.executions || entry.epoch != self.epoch)
        {
            let made_as = entry.sql_name.as_deref().unwrap_or_default();
            let asking = Asking { kind: OperationKind::Execute, name: made_as, text: &asked, parameters: None };
            match self.pass(operation, asking, scan.output) {
                Passage::Wait => return Ok(Step::Wait),
                Passage::Yes(_, pass) => {
                    self.portals.allowed(&name, self.epoch, &pass);
                    entry.masks = pass.masks;
                    entry.shape = None;
                }
                Passage::No(operation, refused) => {
                    self.refuse_named(kind, of, operation, refused, scan);
                    return Ok(Step::Drop);
                }
            }
        }
        if let (b'E', Some(entry)) = (kind, &mut entry)
            && entry.hides()
            && entry.shape.is_none()
        {
            // A cursor of SQL's, or something bound before there was anything to hide.
            entry.shape = Some(self.look(NameOf::Portal, (text, entry.server), &entry.masks, scan));
            entry.formats = Arc::default();
        }
        let step = self.rewrite_named(kind, (text, entry.as_ref().map(|entry| entry.server)), body, scan);
        match (kind, of) {
            (b'E', _) => self.execute_sent(operation, entry.as_ref(), scan.output),
            (b'D', of) => {
                if of == NameOf::Statement {
                    self.statements.described(&name);
                }
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

    pub(super) fn forward_parse(
        &mut self,
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
        let step = self.rewrite_parse(message, (operation, server), &pass, scan);
        let entry = Entry {
            operation,
            server,
            epoch: self.epoch,
            each_use: pass.each_use,
            changes: pass.changes,
            code: pass.code,
            prepared_in: self.code_ran,
            described: false,
            names: (!pass.names.is_empty()).then(|| pass.names.into()),
            text: self.ask.then(|| Arc::from(message.text)),
            sql_name: None,
            masks: pass.masks,
            shape: None,
            formats: Arc::default(),
            parameters: (self.ask && message.rest != [0, 0]).then(|| Arc::from(message.rest)),
        };
        if let Some(serial) = self.await_answer(Awaited::Parse(*name), operation, false) {
            self.plan(Some(serial), &entry.masks, None, &entry.formats);
            self.statements.asked(name, serial, self.segment, Some(entry));
        }
        Ok(step)
    }

    fn execute_sent(&mut self, operation: OperationId, entry: Option<&Entry>, output: &mut Output) {
        let serial = self.await_answer(Awaited::Execute, operation, false);
        if let Some(entry) = entry {
            self.plan(serial, &entry.masks, entry.shape.as_ref(), &entry.formats);
        }
        if let (Some(serial), Some((names, text))) = (serial, entry.and_then(|entry| entry.names.clone().zip(entry.text.clone())))
        {
            self.naming.push_back(Naming { serial, names, text: Some(text) });
        }
        let changes = entry.map_or((false, false), |entry| (entry.changes, entry.code));
        self.runs(operation, changes, output);
    }
}

const fn renewable(server: ServerName, described: bool) -> bool {
    matches!(server, ServerName::Own(_)) && !described
}

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
