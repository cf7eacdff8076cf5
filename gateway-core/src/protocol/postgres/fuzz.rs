//! Drives a session with hostile bytes: for the fuzz targets and the properties.

use super::{Limits, ServerTls, Session, Settings};
use crate::buffer::Buffer;
use crate::protocol::{Answer, Credential, Directive, Event, Interest, Output, Protocol, Side};
use zeroize::Zeroizing;

/// What a client says before its server is reached.
const HELLO: &[u8] = b"\0\0\0\x1d\0\x03\0\0user\0ann\0database\0x\0\0";

/// Feeds `bytes`, which came from `side`, to a session, in chunks whose size the first byte says.
///
/// Every event is answered. Whatever the bytes, it has to return.
pub fn fuzz_entry(side: Side, bytes: &[u8]) {
    let Some((&choice, bytes)) = bytes.split_first() else { return };
    let mut drive = Drive::new(choice);
    if side == Side::Server {
        drive.feed(Side::Client, HELLO);
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
        let interest = Interest { operations: choice & 1 != 0, result_bytes: 4096, parameter_bytes: 64 };
        let settings = Settings {
            client_tls: choice & 2 != 0,
            require_client_tls: false,
            server_tls: ServerTls::Never,
            passthrough: choice & 4 != 0,
            interest,
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
        Event::Ask { id, .. } => Some(Answer::Verdict { id: *id, directive: Directive::Forward }),
        Event::Opened { .. } | Event::CancelRequest { .. } | Event::Violation { .. } | Event::Close(_) => None,
    }
}
