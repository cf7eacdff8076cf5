//! What a Postgres session does, shown on scripts of bytes: a client and a server on either side.

mod begin;
mod chunking;
mod flow;
mod hold;
mod login;
mod refuse;

use super::{Limits, ServerTls, Session, Settings};
use crate::buffer::Buffer;
use crate::protocol::{
    Answer, Credential, Directive, Event, Interest, OperationId, OperationKind, Outcome, Output, Pass, Protocol, ProtocolError,
    Refusal, Refused, Side,
};
use crate::record::FrameBuffer;
use std::ops::{Deref, DerefMut};
use zeroize::Zeroizing;

const TAG: &str = "weir:s-0000000000001";

/// A session with everything that went in and came out of it.
struct Script {
    session: Session,
    output: Output,
    client: Buffer,
    server: Buffer,
    /// Bytes and events so far.
    seen: Seen,
    /// Whether questions are answered with yes at once.
    yes: bool,
    dial: Option<String>,
    credential: Option<&'static str>,
    end_point: Option<Vec<u8>>,
    salted: [u8; 32],
    /// Each `receive` gets at most this much more.
    chunk: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Seen {
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    events: Vec<String>,
    frames: Vec<Frame>,
    error: Option<ProtocolError>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    kind: u8,
    operation: u64,
    rest: Vec<u8>,
}

fn settings() -> Settings {
    Settings {
        client_tls: false,
        require_client_tls: false,
        server_tls: ServerTls::Never,
        passthrough: false,
        replication: false,
        interest: Interest {
            operations: false,
            executions: false,
            result_rows: u64::MAX,
            result_bytes: 1 << 20,
            parameter_bytes: 1 << 10,
            digests: false,
            sealed: false,
            texts: true,
            masks: false,
            payloads: true,
        },
        nonce: "N".to_owned(),
        application_tag: Some(TAG.to_owned()),
        limits: Limits::default(),
    }
}

impl Script {
    fn new(settings: Settings) -> Self {
        Self {
            session: Session::new(settings),
            output: Output::default(),
            client: Buffer::new(),
            server: Buffer::new(),
            seen: Seen::default(),
            yes: true,
            dial: None,
            credential: Some("secret"),
            end_point: None,
            salted: [0; 32],
            chunk: usize::MAX,
        }
    }

    /// A session that is open, with what it took forgotten.
    fn open(settings: Settings) -> Self {
        let mut script = Self::new(settings);
        script.client(startup(0, &[("user", "ann"), ("database", "shop")]));
        script.server([auth(0, b""), m(b'K', b"\0\0\x30\x39keys"), ready(b'I')].concat());
        assert!(script.session.wants(Side::Client), "{:?}", script.seen);
        script.seen = Seen::default();
        script
    }

    fn client(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.send(Side::Client, bytes.as_ref())
    }

    fn server(&mut self, bytes: impl AsRef<[u8]>) -> &mut Self {
        self.send(Side::Server, bytes.as_ref())
    }

    fn send(&mut self, side: Side, bytes: &[u8]) -> &mut Self {
        for chunk in bytes.chunks(self.chunk.min(bytes.len().max(1))) {
            match side {
                Side::Client => self.client.extend(chunk),
                Side::Server => self.server.extend(chunk),
            }
            self.pump();
        }
        self
    }

    /// Does what the relay does: offers bytes where they are wanted, answers what is asked.
    fn pump(&mut self) {
        loop {
            let before = (self.client.len(), self.server.len(), self.seen.events.len());
            for side in [Side::Server, Side::Client] {
                let input = match side {
                    Side::Client => &mut self.client,
                    Side::Server => &mut self.server,
                };
                if !input.is_empty() && self.session.wants(side) {
                    let result = self.session.receive(side, input, &mut self.output);
                    self.collect(result);
                }
            }
            if before == (self.client.len(), self.server.len(), self.seen.events.len()) {
                return;
            }
        }
    }

    fn collect(&mut self, result: Result<(), ProtocolError>) {
        if let Err(error) = result {
            self.seen.error = Some(error);
        }
        let mut answers = Vec::new();
        for event in std::mem::take(&mut self.output.events) {
            let text = |span| String::from_utf8_lossy(self.output.kept(span)).into_owned();
            self.seen.events.push(match &event {
                Event::Dial { user, database, application } => {
                    format!("dial {}/{}/{}", text(user), text(database), text(application))
                }
                Event::SaltPassword { salt, iterations } => format!("salt {} {iterations}", text(salt)),
                Event::Opened { server_pid, server_secret, client_secret } => {
                    format!("opened {server_pid} {} {}", text(server_secret), text(client_secret))
                }
                Event::CancelRequest { pid, secret } => format!("cancel {pid} {}", text(secret)),
                Event::Answered { id, part, outcome: Outcome::Done(tag) } => format!("answered {} {part} {}", id.0, text(tag)),
                Event::Ask { id, kind, text: asked, parameters, .. } => {
                    let bound = parameters.as_ref().filter(|_| *kind == OperationKind::Bind).map(text).unwrap_or_default();
                    let with: String = bound.chars().filter(char::is_ascii_alphanumeric).collect();
                    // Of most scripts the value is of no matter: one letter.
                    let with = if with.len() > 1 { with } else { String::new() };
                    format!("ask {} {kind:?} {} {with}", id.0, text(asked)).trim_end().to_owned()
                }
                other => format!("{other:?}"),
            });
            answers.extend(self.reply(&event));
        }
        self.seen.to_client.extend_from_slice(self.output.to_client.as_slice());
        self.seen.to_server.extend_from_slice(self.output.to_server.as_slice());
        self.output.to_client.clear();
        self.output.to_server.clear();
        self.output.text.clear();
        frames(&self.output.record, &mut self.seen.frames);
        self.output.record.clear();
        for answer in answers {
            let result = self.session.answer(answer, &mut self.output);
            self.collect(result);
        }
    }

    fn reply(&self, event: &Event) -> Option<Answer> {
        match event {
            Event::Dial { .. } => {
                Some(self.dial.clone().map_or(Answer::Dialled { client_secret: [b'w'; 32] }, Answer::DialFailed))
            }
            Event::StartTls(side) => Some(Answer::TlsStarted { side: *side, end_point: self.end_point.clone() }),
            Event::Credential => Some(Answer::Credential(self.credential.map(|password| Credential {
                user: Some("owner".to_owned()),
                password: Zeroizing::new(password.to_owned()),
                nonce: "rOprNGfwEbeRWgbNEkqO".to_owned(),
            }))),
            Event::SaltPassword { .. } => Some(Answer::SaltedPassword(Zeroizing::new(self.salted))),
            Event::Ask { id, .. } if self.yes => {
                Some(Answer::Verdict { id: *id, directive: Directive::Forward(Pass::default()) })
            }
            _ => None,
        }
    }

    fn verdict(&mut self, id: u64, directive: Directive) -> &mut Self {
        let result = self.session.answer(Answer::Verdict { id: OperationId(id), directive }, &mut self.output);
        self.collect(result);
        self.pump();
        self
    }

    fn answer(&mut self, answer: Answer) -> &mut Self {
        let result = self.session.answer(answer, &mut self.output);
        self.collect(result);
        self.pump();
        self
    }

    /// Both sides' bytes pass unchanged, and nothing was wrong with them.
    fn passes(&mut self, side: Side, bytes: &[u8]) -> &mut Self {
        self.seen.to_client.clear();
        self.seen.to_server.clear();
        self.send(side, bytes);
        assert_eq!(self.seen.error, None);
        let out = match side {
            Side::Client => &self.seen.to_server,
            Side::Server => &self.seen.to_client,
        };
        assert_eq!(String::from_utf8_lossy(out), String::from_utf8_lossy(bytes));
        self
    }
}

impl Deref for Script {
    type Target = Seen;
    fn deref(&self) -> &Seen {
        &self.seen
    }
}

impl DerefMut for Script {
    fn deref_mut(&mut self) -> &mut Seen {
        &mut self.seen
    }
}

impl Seen {
    /// The frames of `kind`, as operation and the rest as text.
    fn recorded(&self, kind: u8) -> Vec<(u64, String)> {
        let wanted = self.frames.iter().filter(|frame| frame.kind == kind);
        wanted.map(|frame| (frame.operation, String::from_utf8_lossy(&frame.rest).into_owned())).collect()
    }

    fn has_event(&self, text: &str) -> bool {
        self.events.iter().any(|event| event.contains(text))
    }

    fn client_has(&self, text: &str) -> bool {
        String::from_utf8_lossy(&self.to_client).contains(text)
    }
}

/// Takes frames apart; rows of one operation that follow each other become one.
fn frames(buffer: &FrameBuffer, into: &mut Vec<Frame>) {
    for (_, kind, body) in buffer.iter() {
        let operation = u64::from_le_bytes(*body.first_chunk().unwrap());
        let kind = kind as u8;
        match into.last_mut() {
            Some(last) if kind == 5 && last.kind == 5 && last.operation == operation => {
                last.rest.extend_from_slice(&body[8..]);
            }
            _ => into.push(Frame { kind, operation, rest: body[8..].to_vec() }),
        }
    }
}

fn m(kind: u8, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = Vec::new();
    super::codec::message(&mut bytes, kind, |to| to.extend_from_slice(body.as_ref()));
    bytes
}

fn startup(minor: u16, parameters: &[(&str, &str)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    super::codec::untyped(&mut bytes, |to| {
        to.extend_from_slice(&[0, 3]);
        to.extend_from_slice(&minor.to_be_bytes());
        for (name, value) in parameters {
            to.extend_from_slice(format!("{name}\0{value}\0").as_bytes());
        }
        to.push(0);
    });
    bytes
}

fn auth(method: u32, body: &[u8]) -> Vec<u8> {
    m(b'R', [&method.to_be_bytes(), body].concat())
}

fn ready(status: u8) -> Vec<u8> {
    m(b'Z', [status])
}

fn query(text: &str) -> Vec<u8> {
    m(b'Q', format!("{text}\0"))
}

fn parse(name: &str, text: &str) -> Vec<u8> {
    m(b'P', format!("{name}\0{text}\0\0\0"))
}

fn bind(portal: &str, statement: &str, value: &str) -> Vec<u8> {
    let mut body = format!("{portal}\0{statement}\0\0\0\0\x01").into_bytes();
    body.extend_from_slice(&(value.len() as u32).to_be_bytes());
    body.extend_from_slice(value.as_bytes());
    body.extend_from_slice(&[0, 0]);
    m(b'B', body)
}

fn describe(kind: char, name: &str) -> Vec<u8> {
    m(b'D', format!("{kind}{name}\0"))
}

fn close(kind: char, name: &str) -> Vec<u8> {
    m(b'C', format!("{kind}{name}\0"))
}

fn execute(portal: &str) -> Vec<u8> {
    m(b'E', format!("{portal}\0\0\0\0\0"))
}

fn sync() -> Vec<u8> {
    m(b'S', "")
}

fn row(text: &str) -> Vec<u8> {
    m(b'D', [&[0, 1][..], &(text.len() as u32).to_be_bytes(), text.as_bytes()].concat())
}

fn complete(tag: &str) -> Vec<u8> {
    m(b'C', format!("{tag}\0"))
}

fn error(severity: &str, code: &str, message: &str) -> Vec<u8> {
    m(b'E', format!("S{severity}\0V{severity}\0C{code}\0M{message}\0\0"))
}
