//! Drives a session with hostile bytes: for the fuzz targets and the properties.

use super::{Limits, ServerTls, Session, Settings};
use crate::buffer::Buffer;
use crate::mask::Key;
use crate::protocol::masking::{Columns, MaskPlan, Texts};
use crate::protocol::{
    Answer, Credential, Directive, Event, Interest, NameAct, NameKind, OperationId, Output, Pass, Protocol, Refusal, Refused,
    Rename, Side,
};
use std::sync::Arc;
use zeroize::Zeroizing;

/// What a client says before its server is reached.
const HELLO: &[u8] = b"\0\0\0\x1d\0\x03\0\0user\0ann\0database\0x\0\0";
/// A server that trusts: AuthenticationOk, BackendKeyData, ReadyForQuery.
const GREETING: &[u8] = b"R\0\0\0\x08\0\0\0\0K\0\0\0\x0c\0\0\0\x01keysZ\0\0\0\x05I";
/// Parse, Bind, Describe, Execute, Sync, Query, Sync, CopyDone, Sync.
const REQUESTS: &[u8] = b"P\0\0\0\x0as\0x\0\0\0B\0\0\0\x0d\0s\0\0\0\0\0\0\0D\0\0\0\x06P\0E\0\0\0\x09\0\0\0\0\0\
S\0\0\0\x04Q\0\0\0\x06x\0S\0\0\0\x04c\0\0\0\x04S\0\0\0\x04";

/// Feeds `bytes`, which came from `side`, to a session, in chunks whose size the first byte says.
///
/// Every event is answered. Whatever the bytes, it has to return.
pub fn fuzz_entry(side: Side, bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let mut drive = Drive::new(choice);
    // Half of the choices begin where the session is open, and a server has something to answer.
    let open = choice & 8 != 0;
    if open || side == Side::Server {
        drive.feed(Side::Client, HELLO);
    }
    if open {
        drive.feed(Side::Server, GREETING);
    }
    if open && side == Side::Server {
        drive.feed(Side::Client, REQUESTS);
    }
    for chunk in bytes.chunks(1 + usize::from(choice >> 4) * 7) {
        drive.feed(side, chunk);
    }
}

struct Drive {
    session: Session,
    output: Output,
    from_client: Buffer,
    from_server: Buffer,
}

impl Drive {
    fn new(choice: u8) -> Self {
        let interest = Interest {
            operations: choice & 1 != 0,
            executions: false,
            result_rows: u64::MAX,
            result_bytes: 4096,
            parameter_bytes: 64,
            digests: true,
            sealed: true,
            texts: true,
            masks: true,
            payloads: false,
        };
        let settings = Settings {
            client_tls: choice & 2 != 0,
            require_client_tls: false,
            server_tls: ServerTls::Never,
            passthrough: choice & 4 != 0,
            replication: choice & 8 != 0,
            interest,
            nonce: "n".to_owned(),
            application_tag: Some("weir:s-0000000000000".to_owned()),
            limits: Limits { statement: 4096, pipelined: 64, ..Limits::default() },
        };
        Self {
            session: Session::new(settings),
            output: Output::default(),
            from_client: Buffer::new(),
            from_server: Buffer::new(),
        }
    }

    fn feed(&mut self, side: Side, bytes: &[u8]) {
        let input = match side {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        };
        input.extend(bytes);
        // An answer may free what the other side had sent, and that may raise the next event.
        while self.step(Side::Client) | self.step(Side::Server) {}
    }

    /// Offers one side's bytes; returns whether an event was answered.
    fn step(&mut self, side: Side) -> bool {
        let input = match side {
            Side::Client => &mut self.from_client,
            Side::Server => &mut self.from_server,
        };
        let failed = self.session.receive(side, input, &mut self.output).is_err();
        let events = std::mem::take(&mut self.output.events);
        let mut answered = false;
        for event in events {
            if let Some(answer) = reply(&event) {
                answered |= self.session.answer(answer, &mut self.output).is_ok();
            }
        }
        // Answers may raise events of their own: the next step answers them.
        for event in std::mem::take(&mut self.output.events) {
            if let Some(answer) = reply(&event) {
                answered |= self.session.answer(answer, &mut self.output).is_ok();
            }
        }
        self.output.to_client.clear();
        self.output.to_server.clear();
        self.output.record.clear();
        self.output.text.clear();
        answered && !failed
    }
}

fn reply(event: &Event) -> Option<Answer> {
    match event {
        Event::Dial { .. } => Some(Answer::Dialled { client_secret: [7; 32] }),
        Event::StartTls(side) => Some(Answer::TlsStarted { side: *side, end_point: Some(vec![1; 32]) }),
        Event::Credential => Some(Answer::Credential(Some(Credential {
            user: Some("owner".to_owned()),
            password: Zeroizing::new("secret".to_owned()),
            nonce: "nonce".to_owned(),
        }))),
        Event::SaltPassword { .. } => Some(Answer::SaltedPassword(Zeroizing::new([3; 32]))),
        Event::Ask { id, standing, .. } => Some(Answer::Verdict { id: *id, directive: directive(*id, standing.settled) }),
        Event::Opened { .. }
        | Event::CancelRequest { .. }
        | Event::HelloBegun
        | Event::Hello(_)
        | Event::Violation { .. }
        | Event::Running(_)
        | Event::Answered { .. }
        | Event::Masked { .. }
        | Event::Finished(_)
        | Event::Bound { .. }
        | Event::Forgotten(_)
        | Event::Ready(_)
        | Event::Close(_) => None,
    }
}

/// Everything hidden.
fn whole() -> MaskPlan {
    MaskPlan {
        columns: Columns::Whole,
        hidden: Arc::default(),
        unclassed: None,
        key: Arc::new(Key::new(Zeroizing::new([9; 32]))),
        copy: None,
        texts: Texts::Code,
        rows_unrecorded: false,
        parameters_unrecorded: true,
    }
}

/// Every verdict in turn, with names that may or may not stand where it says.
fn directive(id: OperationId, settled: bool) -> Directive {
    let rename = |act| Rename { kind: NameKind::Prepared, act, name: b"s".to_vec(), span: 1..3, statement: 0 };
    let pass = |acts: &[NameAct]| Pass {
        names: acts.iter().copied().map(rename).collect(),
        changes: id.0.is_multiple_of(2),
        code: id.0.is_multiple_of(3),
        each_use: id.0.is_multiple_of(4),
        masks: id.0.is_multiple_of(5).then(|| Arc::from([Some(Arc::new(whole()))])),
    };
    let text = || "no".to_owned();
    let refusal = Refusal { code: "42501", message: text(), detail: text(), hint: text(), position: None };
    match id.0 % 7 {
        0 | 1 if !settled => Directive::Settle,
        0 => Directive::Forward(pass(&[NameAct::Make, NameAct::Use])),
        1 => Directive::Forward(pass(&[NameAct::Drop, NameAct::DropAll])),
        2 => Directive::Refuse(Box::new(Refused { refusal, keep: 2, statements: 1, pass: pass(&[NameAct::Use]) })),
        3 => Directive::Refuse(Box::new(Refused { refusal, keep: 0, statements: 0, pass: Pass::default() })),
        _ => Directive::Forward(pass(&[])),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_way_to_the_open_session_is_well_formed() {
        let mut drive = Drive::new(8);
        for (side, bytes) in [(Side::Client, HELLO), (Side::Server, GREETING), (Side::Client, REQUESTS)] {
            drive.feed(side, bytes);
        }
        assert!(drive.session.wants(Side::Client) && drive.session.wants(Side::Server));
        assert!(drive.from_client.is_empty() && drive.from_server.is_empty());
    }
}
