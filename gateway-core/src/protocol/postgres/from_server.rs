//! The server's messages in an open session, each matched with what the client asked.

use super::Fault;
use super::codec::{self, Front, HEADER, Header, Reader};
use super::names::{Entry, Name};
use super::pending::{Awaited, Item, Ready, UNKNOWN};
use super::record::ResultMessage;
use super::relay::{Cut, HEAD, Relay, Step};
use super::substitute;
use super::withhold;
use crate::protocol::masking::Texts;
use crate::protocol::{CloseReason, Event, NameAct, NameKind, Outcome, Output, Transaction};
use std::sync::Arc;

const UNEXPECTED: Fault = Fault::server("a message that answers nothing the client asked");
const RAN_ALL_THE_SAME: Fault = Fault::server("success for what was refused");
const UNKNOWN_KIND: Fault = Fault::server("a message of a kind that the protocol does not have here");
const MALFORMED: Fault = Fault::server("a message's fields do not fill it");
/// Tags for the two ends of an execution for which the server sends none.
const EMPTY: &[u8] = b"EMPTY QUERY";
const SUSPENDED: &[u8] = b"PORTAL SUSPENDED";
const CALLED: &[u8] = b"FUNCTION CALL";

impl Relay {
    /// Moves `cut` over what of `bytes` goes to the client.
    pub(super) fn scan_server(&mut self, bytes: &[u8], cut: &mut Cut, output: &mut Output) -> Result<Option<CloseReason>, Fault> {
        loop {
            let rest = bytes.get(cut.at..).unwrap_or_default();
            if self.server_rest > 0 {
                let count = self.server_rest.min(rest.len());
                self.server_rest -= count;
                self.recorder.more(rest.get(..count).unwrap_or_default(), self.server_rest == 0, output);
                cut.at += count;
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
            let step = self.server_message(header, bytes, cut, output)?;
            match step {
                Step::Wait => return Ok(None),
                // What was replaced was there as a whole.
                Step::Drop => cut.skip(header.total, bytes, &mut output.to_client),
                Step::Pass | Step::Last(_) | Step::Splice(_) => {
                    let there = header.total.min(rest.len());
                    cut.at += there;
                    self.server_rest = header.total - there;
                }
            }
        }
    }

    fn server_message(&mut self, header: Header, bytes: &[u8], cut: &mut Cut, output: &mut Output) -> Result<Step, Fault> {
        let at = cut.at;
        let there = bytes.len() - at;
        // Of every message that is looked into, this much has to be there.
        let needed = match header.kind {
            b'C' | b'E' | b'Z' | b'S' => header.total.min(HEAD),
            _ => HEADER,
        };
        if there < needed {
            return Ok(Step::Wait);
        }
        let body = bytes.get(at + HEADER..at + header.total.min(there)).unwrap_or_default();
        let front = self.pending.front();
        if let Some(step) = self.masked(header, front, bytes, cut, output)? {
            return Ok(step);
        }
        match header.kind {
            b'N' | b'A' => {}
            b'S' => self.reported.hear(body),
            b'T' | b'D' | b'd' | b'V' => self.result(header, front, bytes, at, output)?,
            b'C' | b'I' | b's' => {
                self.recorder.flush(bytes, output);
                self.completed(header, front, body, output)?;
            }
            b'E' => {
                self.recorder.flush(bytes, output);
                return Ok(self.failed(header, front, bytes, cut, output));
            }
            b'Z' => {
                self.recorder.flush(bytes, output);
                self.ready(header, body, output)?;
            }
            b'1' | b'2' | b'3' | b'n' | b't' => return self.acknowledged(header.kind, front, output),
            b'G' | b'H' | b'W' | b'c' => self.copy(header.kind, front)?,
            _ => return Err(UNKNOWN_KIND),
        }
        Ok(Step::Pass)
    }

    fn result(&mut self, header: Header, front: Option<Item>, bytes: &[u8], at: usize, output: &mut Output) -> Result<(), Fault> {
        let item = front.ok_or(UNEXPECTED)?;
        let row = match (header.kind, item.awaited) {
            (b'D', Awaited::Query | Awaited::Execute) => true,
            (b'd', Awaited::Query | Awaited::Execute) if self.copying_out => true,
            (b'T', Awaited::Query | Awaited::Describe) | (b'V', Awaited::FunctionCall) => false,
            _ => return Err(UNEXPECTED),
        };
        if self.must_fail(item) {
            return Err(RAN_ALL_THE_SAME);
        }
        self.totals.rows += u64::from(row);
        self.recorder.result(ResultMessage { operation: item.operation, row, at, total: header.total }, bytes, output);
        if item.awaited == Awaited::Describe {
            self.pending.pop();
            self.recorder.reset();
        }
        self.called |= header.kind == b'V';
        Ok(())
    }

    fn completed(&mut self, header: Header, front: Option<Item>, body: &[u8], output: &mut Output) -> Result<(), Fault> {
        let item = front.ok_or(UNEXPECTED)?;
        let tag = match header.kind {
            b'C' => Reader(body).text().ok_or(MALFORMED)?,
            b'I' => EMPTY,
            _ => SUSPENDED,
        };
        if self.must_fail(item) {
            return Err(RAN_ALL_THE_SAME);
        }
        match item.awaited {
            Awaited::Execute => self.pending.pop(),
            Awaited::Query if header.kind != b's' => {}
            _ => return Err(UNEXPECTED),
        }
        self.pending.completed();
        self.copying_out = false;
        self.sent(Some(item), output);
        self.mind_names(item, tag, output);
        self.recorder.completed(item.operation, tag, output);
        self.totals.statements += 1;
        if self.ask && header.kind != b's' {
            let outcome = Outcome::Done(output.keep(tag));
            self.tell(Event::Answered { id: item.operation, part: self.part, outcome }, output);
        }
        if item.awaited == Awaited::Query {
            self.part += 1;
        } else {
            self.over(item, output);
        }
        Ok(())
    }

    /// What a completed statement did to names, by SQL.
    fn mind_names(&mut self, item: Item, tag: &[u8], output: &mut Output) {
        // Without questions its text was not read: PREPARE may have given a name another meaning.
        if matches!(tag, b"DISCARD ALL" | b"DEALLOCATE ALL") || (!self.ask && tag == b"PREPARE") {
            self.statements.all_closed(!self.ask);
        }
        let Some(naming) = self.naming.front().filter(|naming| naming.serial == item.serial) else { return };
        let (names, text) = (Arc::clone(&naming.names), naming.text.clone());
        let part = self.part;
        for rename in names.iter().filter(|rename| rename.statement == part) {
            let made = (rename.act == NameAct::Make).then(|| self.made_by_sql(&rename.name, text.as_ref(), output));
            let of = match rename.kind {
                NameKind::Prepared => &mut self.statements,
                NameKind::Cursor => &mut self.portals,
            };
            match rename.act {
                NameAct::Use => {}
                NameAct::DropAll => of.all_closed(false),
                NameAct::Make | NameAct::Drop => drop(of.set(&Name::new(&rename.name), made)),
            }
        }
    }

    /// What SQL prepared or declared: an operation of its own, asked about before it is first bound or run.
    fn made_by_sql(&mut self, name: &[u8], text: Option<&Arc<[u8]>>, output: &mut Output) -> Entry {
        let operation = self.next_operation();
        if let Some(text) = text {
            self.recorder.statement(operation, b'P', text, output);
        }
        Entry { epoch: u64::MAX, text: text.cloned(), sql_name: Some(name.into()), ..Entry::of(operation) }
    }

    /// Nothing more of `item` comes.
    fn over(&mut self, item: Item, output: &mut Output) {
        self.part = 0;
        if self.naming.front().is_some_and(|naming| naming.serial == item.serial) {
            self.naming.pop_front();
        }
        if item.refused {
            self.forget_refusal(item.serial);
        }
        if matches!(item.awaited, Awaited::Query | Awaited::Execute | Awaited::FunctionCall) {
            self.tell(Event::Finished(item.operation), output);
        }
    }

    fn failed(&mut self, header: Header, front: Option<Item>, bytes: &[u8], cut: &mut Cut, output: &mut Output) -> Step {
        let there = header.total.min(bytes.len() - cut.at);
        let body = bytes.get(cut.at + HEADER..cut.at + there).unwrap_or_default();
        let fields = codec::error_fields(body);
        let whole = there == header.total;
        let told = if whole { self.told(front, &fields) } else { None };
        let operation = front.map_or(UNKNOWN, |item| item.operation);
        let texts = self.texts(front);
        let (code, message) = match &told {
            Some(refusal) => (refusal.code.as_bytes(), refusal.without_text().as_bytes()),
            None => (withhold::code(fields.code, texts), withhold::message(fields.code, fields.message, texts)),
        };
        self.recorder.failed(operation, code, message, output);
        self.totals.errors += 1;
        self.totals.statements += u64::from(front.is_some());
        self.copying_out = false;
        self.sent(front, output);
        self.ending = fields.fatal;
        let step = match (&told, self.in_clients_terms(front, body).filter(|_| whole)) {
            (Some(refusal), _) => {
                substitute::error(cut.tail(bytes, &mut output.to_client), refusal);
                Step::Drop
            }
            (None, anew) if texts != Texts::Clear && whole => {
                let body = anew.as_deref().unwrap_or(body);
                codec::message(cut.tail(bytes, &mut output.to_client), b'E', |to| withhold::fields(body, texts, to));
                Step::Drop
            }
            (None, Some(body)) => {
                codec::message(cut.tail(bytes, &mut output.to_client), b'E', |to| to.extend_from_slice(&body));
                Step::Drop
            }
            (None, None) => Step::Pass,
        };
        if let Some(item) = front {
            let mut short = [b'?'; 5];
            short.iter_mut().zip(fields.code).for_each(|(to, from)| *to = *from);
            let outcome = if told.is_some() { Outcome::Refused } else { Outcome::Failed(short) };
            self.tell(Event::Answered { id: item.operation, part: self.part, outcome }, output);
        }
        self.pass_over(fields.code == b"08P01", output);
        step
    }

    /// Everything up to the next Sync will not be answered, its first message apart: that one failed.
    fn pass_over(&mut self, out_of_place: bool, output: &mut Output) {
        let mut pending = std::mem::take(&mut self.pending);
        let mut failed = true;
        pending.failed(out_of_place, |item| {
            let first = std::mem::take(&mut failed);
            match item.awaited {
                Awaited::Parse(name) => {
                    self.statements.undone(&name, item.serial);
                    // The server drops the unnamed statement before it reads what is to replace it.
                    if first && name.is_empty() {
                        let before = self.statements.set(&name, None);
                        self.forgotten(before, output);
                    }
                }
                Awaited::CloseStatement(name) | Awaited::Renewal(name) => self.statements.undone(&name, item.serial),
                Awaited::Bind(name) | Awaited::ClosePortal(name) => self.portals.undone(&name, item.serial),
                Awaited::Query => {
                    let nothing = Name::new(b"");
                    self.statements.undone(&nothing, item.serial);
                    self.portals.undone(&nothing, item.serial);
                }
                Awaited::Describe
                | Awaited::Execute
                | Awaited::Sync
                | Awaited::FunctionCall
                | Awaited::CopyEnd
                | Awaited::Look
                | Awaited::Disposal => {}
            }
            let runs = matches!(item.awaited, Awaited::Parse(_) | Awaited::Execute | Awaited::Query | Awaited::FunctionCall);
            if runs && !first {
                self.tell(Event::Answered { id: item.operation, part: 0, outcome: Outcome::Skipped }, output);
            }
            self.over(item, output);
        });
        self.pending = pending;
    }

    fn ready(&mut self, header: Header, body: &[u8], output: &mut Output) -> Result<(), Fault> {
        let [status @ (b'I' | b'T' | b'E')] = *body else { return Err(MALFORMED) };
        if header.total != HEADER + 1 {
            return Err(MALFORMED);
        }
        let Ready::Due(answered) = self.pending.ready() else { return Err(UNEXPECTED) };
        self.copying_out = false;
        let queried = answered.filter(|item| item.awaited != Awaited::Sync);
        // Written here and not at the response, which may still be coming in then.
        if std::mem::take(&mut self.called)
            && let Some(item) = queried.filter(|item| item.awaited == Awaited::FunctionCall)
        {
            self.recorder.completed(item.operation, CALLED, output);
            self.totals.statements += 1;
            let outcome = Outcome::Done(output.keep(CALLED));
            self.tell(Event::Answered { id: item.operation, part: 0, outcome }, output);
        }
        self.recorder.reset();
        if let Some(item) = queried {
            if item.awaited == Awaited::Query {
                let nothing = Name::new(b"");
                let before = self.statements.done(&nothing, item.serial);
                self.forgotten(before, output);
                drop(self.portals.done(&nothing, item.serial));
            }
            self.over(item, output);
        }
        self.stands(status, output);
        Ok(())
    }

    fn stands(&mut self, status: u8, output: &mut Output) {
        self.transaction = match status {
            b'I' => Transaction::Idle,
            b'T' => Transaction::Open,
            _ => Transaction::Failed,
        };
        // Portals end with their transaction, and so may what it changed.
        if self.transaction == Transaction::Idle {
            self.portals.transaction_ended();
            if self.pending.is_empty() && std::mem::take(&mut self.changed_in_transaction) {
                self.epoch += 1;
            }
        }
        // Settings are reported right before this.
        if self.pending.is_empty() {
            self.masking.clear();
            self.unreported = false;
            self.copy_failure = None;
        }
        self.tell(Event::Ready(self.transaction), output);
    }

    fn acknowledged(&mut self, kind: u8, front: Option<Item>, output: &mut Output) -> Result<Step, Fault> {
        let item = front.ok_or(UNEXPECTED)?;
        if item.refused {
            return Err(RAN_ALL_THE_SAME);
        }
        match (kind, item.awaited) {
            (b'1', Awaited::Parse(name)) => {
                let before = self.statements.done(&name, item.serial);
                self.forgotten(before, output);
                self.tell(Event::Answered { id: item.operation, part: 0, outcome: Outcome::Prepared }, output);
            }
            (b'2', Awaited::Bind(name)) => {
                drop(self.portals.done(&name, item.serial));
                // SQL can't name the unnamed one.
                if !name.is_empty() {
                    let name = output.keep(name.as_slice());
                    self.tell(Event::Bound { id: item.operation, name }, output);
                }
            }
            (b'3', Awaited::CloseStatement(name)) => {
                let before = self.statements.done(&name, item.serial);
                self.forgotten(before, output);
            }
            (b'3', Awaited::ClosePortal(name)) => drop(self.portals.done(&name, item.serial)),
            (b'n', Awaited::Describe) => {}
            (b't', Awaited::Describe) => return Ok(Step::Pass),
            (b'1', Awaited::Renewal(name)) => drop(self.statements.done(&name, item.serial)),
            (b'3', Awaited::Disposal) => {}
            _ => return Err(UNEXPECTED),
        }
        self.pending.pop();
        let own = matches!(item.awaited, Awaited::Renewal(_) | Awaited::Disposal);
        Ok(if own { Step::Drop } else { Step::Pass })
    }

    fn forgotten(&self, before: Option<Entry>, output: &mut Output) {
        if let Some(entry) = before {
            self.tell(Event::Forgotten(entry.operation), output);
        }
    }

    fn copy(&mut self, kind: u8, front: Option<Item>) -> Result<(), Fault> {
        let Some(Awaited::Query | Awaited::Execute) = front.map(|item| item.awaited) else { return Err(UNEXPECTED) };
        match kind {
            b'G' => self.pending.copy_in(),
            b'H' | b'W' => self.copying_out = true,
            _ if self.copying_out => self.copying_out = false,
            _ => return Err(UNEXPECTED),
        }
        Ok(())
    }
}
