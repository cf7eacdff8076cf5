//! Refusing in step: what goes to the server instead of a refused message, so that the server itself
//! fails it; and the error that answers it, in the policy's words.
//!
//! So the transaction's state, what is passed over up to the next Sync, and the order of answers are
//! the server's own. Also here: names that only the server and this session use.

use super::codec::{self, ErrorFields, ErrorText, HEADER, Header};
use super::from_client::{Operation, Scan};
use super::names::{Name, ServerName};
use super::pending::{Awaited, Item};
use super::places::{self, Moves};
use super::relay::{NameOf, Relay, Step};
use crate::protocol::{NameAct, NameKind, OperationId, OperationKind, Output, Pass, Refusal, Refused, Rename};

/// How every name begins that is made here.
const OWN: &str = "weir_";
/// And that of what has to fail.
const REFUSED: &str = "weir_refused_";
/// Of so many texts in which names were written anew it is known where: in errors of older ones the place is the server's.
const MOVED_TEXTS: usize = 256;

impl Relay {
    /// A refused Query, Parse or FunctionCall.
    pub(super) fn refuse_operation(
        &mut self,
        message: &Operation<'_>,
        name: &Name,
        operation: OperationId,
        refused: Box<Refused>,
        scan: &mut Scan<'_>,
    ) {
        let fails = self.failing(operation);
        match message.kind {
            OperationKind::Prepare => {
                codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'P', |body| {
                    self.write_name(b"", stand_in(name), body);
                    // No statement begins with a name: a syntax error, whatever the transaction's state.
                    codec::text(body, fails.as_bytes());
                    body.extend_from_slice(&[0, 0]);
                });
                self.refusal(Awaited::Parse(*name), operation, refused);
            }
            OperationKind::FunctionCall => {
                // No function has the OID 0.
                codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'F', |body| {
                    body.extend_from_slice(&[0; 4 + 2 + 2 + 2]);
                });
                self.refusal(Awaited::FunctionCall, operation, refused);
            }
            OperationKind::Query | OperationKind::Bind | OperationKind::Execute => {
                let kept = message.text.get(..refused.keep).unwrap_or_default();
                let text = self.renamed(operation, kept, &refused.pass.names);
                self.tell_notices(scan.output);
                let sent = (kept, refused.pass.clone());
                codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'Q', |body| {
                    body.extend_from_slice(text.as_deref().unwrap_or(kept));
                    body.extend_from_slice(b" EXECUTE ");
                    codec::text(body, fails.as_bytes());
                });
                let serial = self.refusal(Awaited::Query, operation, refused);
                self.query_sent(serial, operation, sent, scan.output);
            }
        }
    }

    /// A refused Bind: of a statement that can't exist.
    pub(super) fn refuse_bind(&mut self, portal: &Name, operation: OperationId, refused: Box<Refused>, scan: &mut Scan<'_>) {
        let fails = self.failing(operation);
        codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'B', |body| {
            self.write_name(b"", stand_in(portal), body);
            codec::text(body, fails.as_bytes());
            body.extend_from_slice(&[0; 2 + 2 + 2]);
        });
        self.refusal(Awaited::Bind(*portal), operation, refused);
    }

    /// A refused Execute or Describe: of a name that can't exist.
    pub(super) fn refuse_named(
        &mut self,
        kind: u8,
        of: NameOf,
        operation: OperationId,
        refused: Box<Refused>,
        scan: &mut Scan<'_>,
    ) {
        let fails = self.failing(operation);
        codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), kind, |body| {
            if kind == b'E' {
                codec::text(body, fails.as_bytes());
                body.extend_from_slice(&[0; 4]);
            } else {
                body.push(if of == NameOf::Statement { b'S' } else { b'P' });
                codec::text(body, fails.as_bytes());
            }
        });
        let awaited = if kind == b'E' { Awaited::Execute } else { Awaited::Describe };
        self.refusal(awaited, operation, refused);
    }

    /// Ends a copy from the client that is to fail, where one runs and no message of it is half sent.
    pub(super) fn fail_copy(&mut self, scan: &mut Scan<'_>) {
        let Some(front) = self.pending.front().filter(|_| self.copy_failure.is_some() && self.pending.copies_in()) else {
            return;
        };
        let fails = self.failing(front.operation);
        let Some((sent @ None, _)) = &mut self.copy_failure else { return };
        *sent = Some(front.serial);
        codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'f', |body| codec::text(body, fails.as_bytes()));
        self.await_answer(Awaited::CopyEnd, front.operation, false);
    }

    /// What the client is told instead of `fields`, where these answer something that was refused.
    pub(super) fn told(&mut self, front: Option<Item>, fields: &ErrorFields<'_>) -> Option<Refusal> {
        let item = front.filter(|_| !fields.fatal)?;
        let ours = contains(fields.message, self.marker().as_bytes());
        if let Some((Some(serial), refusal)) = &self.copy_failure
            && *serial == item.serial
            && ours
        {
            let refusal = refusal.clone();
            self.copy_failure = None;
            return Some(refusal);
        }
        let (_, refused) = self.refusals.iter().find(|(serial, _)| item.refused && *serial == item.serial)?;
        // Of a Query, the statements before the refused one are the server's to fail.
        let reached = self.part == refused.statements;
        let aborted = matches!(item.awaited, Awaited::Query | Awaited::FunctionCall) && fields.code == b"25P02";
        let no_function = item.awaited == Awaited::FunctionCall && fields.code == b"42883";
        (reached && (ours || aborted || no_function)).then(|| refused.refusal.clone())
    }

    /// Whether the server must not have answered `item` with success by now.
    pub(super) fn must_fail(&self, item: Item) -> bool {
        let reached = |refused: &Refused| self.part >= refused.statements;
        item.refused && self.refusals.iter().any(|(serial, refused)| *serial == item.serial && reached(refused))
    }

    /// What was refused as `serial` is over.
    pub(super) fn forget_refusal(&mut self, serial: u64) {
        self.refusals.retain(|(refused, _)| *refused != serial);
    }

    /// The error's body in the client's terms, where it has names of this session, or a place in a text that had some.
    pub(super) fn in_clients_terms(&self, front: Option<Item>, body: &[u8]) -> Option<Vec<u8>> {
        let text = front.and_then(|item| self.moves.iter().find(|(operation, _)| *operation == item.operation));
        let moved = text.and_then(|(_, moves)| places::moved(body, moves));
        self.client_names(moved.as_deref().unwrap_or(body)).or(moved)
    }

    /// The error's body with the client's own names in it, where it has names of this session.
    fn client_names(&self, body: &[u8]) -> Option<Vec<u8>> {
        let marker = format!("{OWN}{}_", self.nonce);
        let marker = marker.as_bytes();
        if !self.ask || !contains(body, marker) {
            return None;
        }
        let mut text = Vec::with_capacity(body.len());
        let mut rest = body;
        while let Some(place) = rest.windows(marker.len()).position(|window| window == marker) {
            let (before, from) = rest.split_at(place);
            let after = from.get(marker.len()..).unwrap_or_default();
            let digits = after.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let number = after.get(..digits).and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
            text.extend_from_slice(before);
            let name = number.and_then(|number| self.statements.client_name(number).or_else(|| self.portals.client_name(number)));
            text.extend_from_slice(name.unwrap_or(b"?"));
            rest = after.get(digits..).unwrap_or_default();
        }
        text.extend_from_slice(rest);
        Some(text)
    }

    /// A Parse under the server's name, with the names in its text renamed.
    pub(super) fn rewrite_parse(
        &mut self,
        message: &Operation<'_>,
        (operation, server): (OperationId, ServerName),
        pass: &Pass,
        scan: &mut Scan<'_>,
    ) -> Step {
        let text = self.renamed(operation, message.text, &pass.names);
        self.tell_notices(scan.output);
        if server == ServerName::Same && text.is_none() {
            return Step::Pass;
        }
        let to = scan.cut.tail(scan.bytes, &mut scan.output.to_server);
        codec::message(to, b'P', |body| {
            self.write_name(message.name, server, body);
            codec::text(body, text.as_deref().unwrap_or(message.text));
            body.extend_from_slice(message.rest);
        });
        Step::Drop
    }

    /// A Close of the one name and a Parse under the other.
    pub(super) fn write_renewal(&self, before: ServerName, now: ServerName, text: &[u8], parameters: &[u8], scan: &mut Scan<'_>) {
        let to = scan.cut.tail(scan.bytes, &mut scan.output.to_server);
        codec::message(to, b'C', |body| {
            body.push(b'S');
            self.write_name(b"", before, body);
        });
        codec::message(to, b'P', |body| {
            self.write_name(b"", now, body);
            codec::text(body, text);
            body.extend_from_slice(parameters);
        });
    }

    /// A Query with the names in its text renamed.
    pub(super) fn rewrite_query(
        &mut self,
        message: &Operation<'_>,
        operation: OperationId,
        pass: &Pass,
        scan: &mut Scan<'_>,
    ) -> Step {
        let Some(text) = self.renamed(operation, message.text, &pass.names) else { return Step::Pass };
        self.tell_notices(scan.output);
        codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), b'Q', |body| codec::text(body, &text));
        Step::Drop
    }

    /// A Bind under the server's names; its parameters follow as they come.
    pub(super) fn rewrite_bind(
        &self,
        header: Header,
        (portal, own_portal, statement, own_statement): (&[u8], ServerName, &[u8], ServerName),
        scan: &mut Scan<'_>,
    ) -> Step {
        if own_portal == ServerName::Same && own_statement == ServerName::Same {
            return Step::Pass;
        }
        let skipped = HEADER + portal.len() + 1 + statement.len() + 1;
        let following = header.total - skipped;
        let to = scan.cut.tail(scan.bytes, &mut scan.output.to_server);
        codec::beginning(to, b'B', following, |body| {
            self.write_name(portal, own_portal, body);
            self.write_name(statement, own_statement, body);
        });
        Step::Splice(skipped)
    }

    /// A Describe, Execute or Close under the server's name. Of a Close of nothing, a name that can't exist.
    pub(super) fn rewrite_named(
        &self,
        kind: u8,
        (name, server): (&[u8], Option<ServerName>),
        body: &[u8],
        scan: &mut Scan<'_>,
    ) -> Step {
        let server = match server {
            Some(server) => server,
            None if self.ask && !name.is_empty() => ServerName::Own(0),
            None => ServerName::Same,
        };
        if server == ServerName::Same {
            return Step::Pass;
        }
        // The name stands between the kind of a Describe or Close, and the most rows of an Execute.
        let (before, after) = if kind == b'E' { (0, 4) } else { (1, 0) };
        codec::message(scan.cut.tail(scan.bytes, &mut scan.output.to_server), kind, |to| {
            to.extend_from_slice(body.get(..before).unwrap_or_default());
            self.write_name(name, server, to);
            to.extend_from_slice(body.get(body.len() - after..).unwrap_or_default());
        });
        Step::Drop
    }

    /// Tells the client of names that were too long. Their texts are only sent once everything before them is answered.
    fn tell_notices(&mut self, output: &mut Output) {
        // Not into the middle of what the server says by itself.
        let notices = std::mem::take(&mut self.notices);
        if self.server_rest == 0 {
            output.to_client.extend(&notices);
        }
    }

    /// The text of `operation` with the server's names in the places of the client's, where any differs.
    pub(super) fn renamed(&mut self, operation: OperationId, text: &[u8], names: &[Rename]) -> Option<Vec<u8>> {
        let encoding = self.standing().encoding;
        let (mut renamed, mut moves) = (None::<Vec<u8>>, Moves::default());
        let mut done = 0;
        for rename in names.iter().filter(|rename| rename.act != NameAct::DropAll) {
            let name = Name::new(&rename.name);
            let entry = match rename.kind {
                NameKind::Prepared => self.statements.current(&name),
                NameKind::Cursor => self.portals.current(&name),
            };
            let Some(ServerName::Own(number)) = entry.map(|entry| entry.server) else { continue };
            let Some(between) = text.get(done..rename.span.start).filter(|_| rename.span.end <= text.len()) else { continue };
            let to = renamed.get_or_insert_with(|| Vec::with_capacity(text.len() + 64));
            let own = format!("\"{}\"", self.own(number));
            let written = text.get(rename.span.clone()).unwrap_or_default();
            moves.add(between, own.as_bytes(), written, encoding);
            places::note_cut(&mut self.notices, written, &rename.name);
            to.extend_from_slice(between);
            to.extend_from_slice(own.as_bytes());
            done = rename.span.end;
        }
        if let Some(to) = &mut renamed {
            to.extend_from_slice(text.get(done..).unwrap_or_default());
            self.moves.retain(|(other, _)| *other != operation);
            if self.moves.len() == MOVED_TEXTS {
                self.moves.pop_front();
            }
            self.moves.push_back((operation, moves));
        }
        renamed
    }

    /// Notes what was refused as awaiting its error.
    fn refusal(&mut self, awaited: Awaited, operation: OperationId, mut refused: Box<Refused>) -> Option<u64> {
        if awaited != Awaited::Query {
            refused.statements = 0;
        }
        let serial = self.await_answer(awaited, operation, true)?;
        self.refusals.push_back((serial, refused));
        Some(serial)
    }

    /// A name of this session's that nothing has or gets.
    fn failing(&self, operation: OperationId) -> String {
        format!("{}{}", self.marker(), operation.0)
    }

    /// How the names begin that have to fail.
    fn marker(&self) -> String {
        format!("{REFUSED}{}_", self.nonce)
    }

    /// The name that the server knows by `number`; none has the number 0.
    fn own(&self, number: u64) -> String {
        format!("{OWN}{}_{number}", self.nonce)
    }

    /// Writes a name and the zero byte behind it, without memory of its own.
    pub(super) fn write_name(&self, client: &[u8], server: ServerName, to: &mut Vec<u8>) {
        match server {
            ServerName::Same => codec::text(to, client),
            ServerName::Own(number) => {
                to.extend_from_slice(OWN.as_bytes());
                to.extend_from_slice(self.nonce.as_bytes());
                to.push(b'_');
                to.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
                to.push(0);
            }
        }
    }
}

/// For what fails before its name matters: the empty name where the client's is, for that has effects.
const fn stand_in(name: &Name) -> ServerName {
    if name.is_empty() { ServerName::Same } else { ServerName::Own(0) }
}

/// Appends an ErrorResponse of `severity` ERROR.
pub(super) fn error(to: &mut Vec<u8>, refusal: &Refusal) {
    let Refusal { code, message, detail, hint, position } = refusal;
    let position = position.map(|position| position.to_string()).unwrap_or_default();
    codec::error(to, "ERROR", ErrorText { code, message, detail, hint, position: &position });
}

fn contains(bytes: &[u8], what: &[u8]) -> bool {
    bytes.windows(what.len().max(1)).any(|window| window == what)
}
