//! The protocol seam carries a hold and a mask: a proof of its shape (ADR 1), not the product's mask.
//!
//! The hold is the real one. The mask is a throwaway: [`Masked`] wraps a Postgres session, and what
//! the seam does not have yet stands beside it, [`AskResult`] for an event and [`Masked::decide`]
//! for an answer. Of a result it knows only that rows follow their description; it does not tell
//! portals or formats apart.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use gateway_core::buffer::Buffer;
use gateway_core::protocol::postgres::{Limits, ServerTls, Session, Settings};
use gateway_core::protocol::{
    Answer, CloseReason, Credential, Directive, Event, Interest, OperationId, OperationKind, Output, Protocol, ProtocolError,
    Refusal, Side, Totals,
};
use gateway_core::protocol::{Pass, Refused};
use zeroize::Zeroizing;

/// How many bytes one read brings.
const CHUNKS: [usize; 6] = [1, 2, 3, 7, 64, usize::MAX];
/// Bytes of the longest description or row that the mask takes whole.
const CEILING: usize = 64 << 10;
const HEADER: usize = 5;

#[test]
fn a_hold_parks_the_client_alone_and_releases_the_same_bytes() {
    for chunk in CHUNKS {
        let mut wire = Wire::open(Session::new(settings(true)), chunk);
        let (first, second) = (query("select 1"), query("select 2"));
        wire.send(Side::Client, &[&first[..], &second].concat());
        assert_eq!(wire.asked, [(OperationId(1), OperationKind::Query, "select 1".to_owned())]);
        assert!(!wire.protocol.wants(Side::Client) && wire.protocol.wants(Side::Server));

        let notification = message(b'A', b"\0\0\0\x01news\0\0");
        wire.send(Side::Server, &notification);
        assert_eq!(wire.to_client, notification, "the server's bytes flow past a parked client");
        let unread = wire.client.unread.len();
        wire.send(Side::Client, &message(b'X', b""));
        assert_eq!(wire.client.unread.len(), unread + HEADER, "a parked client is not read from");
        wire.verdict(7, Directive::Forward(Pass::default()));
        assert!(wire.to_server.is_empty(), "nothing passes before its own answer, in chunks of {chunk}");

        wire.verdict(1, Directive::Forward(Pass::default()));
        assert_eq!(wire.to_server, first);
        assert_eq!(wire.asked.last().unwrap(), &(OperationId(2), OperationKind::Query, "select 2".to_owned()));
        wire.verdict(2, Directive::Forward(Pass::default()));
        assert_eq!(wire.to_server, [first, second, message(b'X', b"")].concat());
        assert_eq!((wire.closed, wire.to_client), (Some(CloseReason::ClientDone), notification));
    }
}

#[test]
fn a_refused_hold_leaves_both_ends_in_step() {
    for chunk in CHUNKS {
        let mut wire = Wire::open(Session::new(settings(true)), chunk);
        wire.send(Side::Client, &[query("drop table orders"), query("select 2")].concat());
        wire.verdict(1, refuse(refusal()));
        let replaced = query(" EXECUTE weir_refused_n_1");
        assert_eq!(wire.to_server, replaced);
        wire.verdict(2, Directive::Forward(Pass::default()));
        assert_eq!(wire.to_server, [replaced, query("select 2")].concat());
        let failed = b"SERROR\0VERROR\0C26000\0Mprepared statement \"weir_refused_n_1\" does not exist\0\0";
        let ready = message(b'Z', b"I");
        wire.send(Side::Server, &[&message(b'E', failed)[..], &ready].concat());
        assert_eq!(
            wire.to_client,
            [message(b'E', b"SERROR\0VERROR\0C42501\0Mweir refused this\0Dby policy p1\0Hask ann\0\0"), ready].concat()
        );
        assert_eq!(wire.closed, None, "the session goes on, in chunks of {chunk}");
    }
}

#[test]
fn a_mask_parks_the_server_alone_and_rewrites_its_rows() {
    let notification = message(b'A', b"\0\0\0\x01news\0\0");
    let first = description(&["id", "email", "card"]);
    let second = description(&["email"]);
    let done = |tag: &str| message(b'C', format!("{tag}\0").as_bytes());
    let reply = [
        notification.clone(),
        first.clone(),
        row(&[Some("1"), Some("ann@example.com"), Some("4111")]),
        notification.clone(),
        row(&[Some("2"), None, Some("")]),
        done("SELECT 2"),
        second.clone(),
        row(&[Some("open")]),
        done("SELECT 1"),
        message(b'Z', b"I"),
    ]
    .concat();
    // By hand, so that the rewriting is not its own judge.
    let masked = [
        notification.clone(),
        first,
        row(&[Some("1"), Some("***"), Some("***")]),
        notification.clone(),
        row(&[Some("2"), None, Some("***")]),
        done("SELECT 2"),
    ]
    .concat();
    let rest = [second, row(&[Some("open")]), done("SELECT 1"), message(b'Z', b"I")].concat();

    for chunk in CHUNKS {
        let mut wire = Wire::open(Masked::new(Session::new(settings(false))), chunk);
        let asked = query("select * from people; select email from lists");
        wire.send(Side::Client, &asked);
        wire.send(Side::Server, &reply);
        let question = AskResult { id: OperationId(1), columns: ["id", "email", "card"].map(str::to_owned).to_vec() };
        assert_eq!(wire.protocol.asked, Some(question));
        assert_eq!(wire.to_client, notification, "what stands before the result has passed, the result has not");
        assert!(!wire.protocol.wants(Side::Server) && wire.protocol.wants(Side::Client));

        let behind = query("select 'pipelined'");
        wire.send(Side::Client, &behind);
        assert_eq!(wire.to_server, [asked, behind].concat(), "the client's bytes flow past a parked server");
        let unread = wire.server.unread.len();
        wire.send(Side::Server, &notification);
        assert_eq!(wire.server.unread.len(), unread + notification.len(), "a parked server is not read from");
        wire.decide(7, &[]);
        assert_eq!(wire.to_client, notification, "nothing passes on the answer to another question");

        wire.decide(1, &[1, 2]);
        assert_eq!(wire.to_client, masked, "in chunks of {chunk}");
        assert_eq!(wire.protocol.asked, Some(AskResult { id: OperationId(2), columns: vec!["email".to_owned()] }));
        wire.decide(2, &[]);
        assert_eq!(wire.to_client, [&masked[..], &rest, &notification].concat(), "in chunks of {chunk}");
        assert_eq!(wire.protocol.totals(), Totals { statements: 2, rows: 3, masked_rows: 0, errors: 0 });
        assert!(has(&wire.record, "***") && !has(&wire.record, "ann@example.com"), "what is hidden is not recorded either");
    }
}

#[test]
fn a_parked_result_lets_the_client_leave_and_can_be_refused() {
    for chunk in CHUNKS {
        let result = [description(&["card"]), row(&[Some("4111")])].concat();
        let parked = || {
            let mut wire = Wire::open(Masked::new(Session::new(settings(false))), chunk);
            wire.send(Side::Client, &query("select card from people"));
            wire.send(Side::Server, &result);
            wire.to_server.clear();
            wire
        };
        let mut wire = parked();
        wire.send(Side::Client, &message(b'X', b""));
        assert_eq!((&wire.to_server[..], wire.closed), (&message(b'X', b"")[..], Some(CloseReason::ClientDone)));
        wire.decide(1, &[]);
        assert!(wire.to_client.is_empty(), "nothing follows the goodbye");

        let mut wire = parked();
        wire.protocol.refuse(&refusal(), &mut wire.output);
        wire.collect();
        wire.decide(1, &[]);
        assert_eq!((wire.to_client, wire.closed), (refused(), Some(CloseReason::Refused)));
    }
}

#[test]
fn a_row_that_cannot_be_masked_does_not_pass() {
    let long = [&b"D"[..], &(CEILING as u32 + 1).to_be_bytes()].concat();
    let bad = [message(b'D', b"\0\x01\0\0\0\x094111"), message(b'D', b"\0\x01\0\0\0\x044111!"), message(b'D', b"\0"), long];
    for (bad, chunk) in bad.iter().flat_map(|bad| CHUNKS.map(|chunk| (bad, chunk))) {
        let mut wire = Wire::open(Masked::new(Session::new(settings(false))), chunk);
        wire.send(Side::Client, &query("select card from people"));
        wire.send(Side::Server, &[description(&["card"]), row(&[Some("1")]), bad.clone()].concat());
        wire.decide(1, &[0]);
        assert_eq!(wire.error.as_ref().map(|error| error.side), Some(Side::Server));
        let before = [description(&["card"]), row(&[Some("***")])].concat();
        let error = wire.to_client.strip_prefix(&before[..]).unwrap();
        assert!(error.starts_with(b"E") && has(error, "C08P01\0") && !has(error, "4111"));
        assert!(wire.closed.is_some() && !wire.protocol.wants(Side::Server));
    }
}

/// What a mask asks: which of these columns may the client see? An event, once the seam has it.
#[derive(Debug, PartialEq, Eq)]
struct AskResult {
    id: OperationId,
    columns: Vec<String>,
}

/// Whether the description at the front of the server's input may go on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gate {
    Open,
    Asked(OperationId),
    Released,
}

/// A Postgres session (without TLS to the server) whose results are asked about and rewritten.
struct Masked {
    inner: Session,
    gate: Gate,
    asked: Option<AskResult>,
    results: u64,
    /// The columns to hide in the rows of this result.
    hidden: Vec<usize>,
    /// Bytes of a message of the server that are still to come, and are not looked into.
    rest: usize,
    /// What the inner session, and so its record, gets to see instead of the server's bytes.
    rewritten: Buffer,
}

impl Masked {
    fn new(inner: Session) -> Self {
        Self { inner, gate: Gate::Open, asked: None, results: 0, hidden: Vec::new(), rest: 0, rewritten: Buffer::new() }
    }

    /// Hears which columns to hide: an answer, once the seam has it.
    fn decide(&mut self, id: u64, hidden: &[usize]) {
        if self.gate == Gate::Asked(OperationId(id)) {
            self.gate = Gate::Released;
            self.hidden = hidden.to_vec();
        }
    }

    /// Moves what of `input` may pass to `rewritten`.
    fn rewrite(&mut self, input: &mut Buffer) -> Result<(), &'static str> {
        loop {
            if self.rest > 0 && !input.is_empty() {
                let count = self.rest.min(input.len());
                input.forward(count, &mut self.rewritten);
                self.rest -= count;
                continue;
            }
            let [kind, a, b, c, d, ..] = *input.as_slice() else { return Ok(()) };
            let length = u32::from_be_bytes([a, b, c, d]) as usize;
            if kind != b'T' && (kind != b'D' || self.hidden.is_empty()) {
                // A length that is wrong is the inner session's to refuse.
                self.rest = (length + 1).max(HEADER);
                continue;
            }
            if !(4..=CEILING).contains(&length) {
                return Err("a result's message has a length that is not taken");
            }
            let Some(body) = input.as_slice().get(HEADER..=length) else { return Ok(()) };
            if kind == b'D' {
                let row = mask(body, &self.hidden).ok_or("a row's fields do not fill it")?;
                self.rewritten.extend(&row);
                input.consume(length + 1);
            } else if self.gate == Gate::Released {
                self.gate = Gate::Open;
                self.rest = length + 1;
            } else {
                let columns = columns(body).ok_or("a description's fields do not fill it")?;
                self.results += 1;
                let id = OperationId(self.results);
                self.gate = Gate::Asked(id);
                self.asked = Some(AskResult { id, columns });
                return Ok(());
            }
        }
    }
}

impl Protocol for Masked {
    fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), ProtocolError> {
        if from == Side::Client {
            return self.inner.receive(from, input, output);
        }
        if !self.wants(Side::Server) {
            return Ok(());
        }
        let rewritten = self.rewrite(input);
        self.inner.receive(Side::Server, &mut self.rewritten, output)?;
        rewritten.map_err(|what| {
            output.events.push(Event::Violation { side: Side::Server, what });
            let refusal =
                Refusal { code: "08P01", message: what.to_owned(), detail: String::new(), hint: String::new(), position: None };
            self.inner.refuse(&refusal, output);
            ProtocolError { side: Side::Server, what: what.to_owned() }
        })
    }

    fn answer(&mut self, answer: Answer, output: &mut Output) -> Result<(), ProtocolError> {
        self.inner.answer(answer, output)?;
        self.inner.receive(Side::Server, &mut self.rewritten, output)
    }

    fn end(&mut self, from: Side, output: &mut Output) -> Result<(), ProtocolError> {
        self.inner.end(from, output)
    }

    fn refuse(&mut self, refusal: &Refusal, output: &mut Output) {
        self.inner.refuse(refusal, output);
    }

    fn wants(&self, side: Side) -> bool {
        let parked = side == Side::Server && matches!(self.gate, Gate::Asked(_));
        !parked && self.inner.wants(side)
    }

    fn totals(&self) -> Totals {
        self.inner.totals()
    }
}

/// The names in a RowDescription's body (PostgreSQL docs, "Message Formats").
fn columns(body: &[u8]) -> Option<Vec<String>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut names = Vec::new();
    for _ in 0..u16::from_be_bytes(*count) {
        let end = rest.iter().position(|&byte| byte == 0)?;
        let (name, after) = rest.split_at(end);
        names.push(String::from_utf8_lossy(name).into_owned());
        // The zero byte, then table, column, type, size, modifier and format.
        (_, rest) = after.split_at_checked(1 + 18)?;
    }
    rest.is_empty().then_some(names)
}

/// The DataRow that stands for the one with `body`: a NULL stays one.
fn mask(body: &[u8], hidden: &[usize]) -> Option<Vec<u8>> {
    let (count, mut rest) = body.split_first_chunk::<2>()?;
    let mut values = Vec::new();
    for column in 0..usize::from(u16::from_be_bytes(*count)) {
        let (length, after) = rest.split_first_chunk::<4>()?;
        rest = after;
        let mut value = None;
        if *length != [0xff; 4] {
            let (taken, after) = rest.split_at_checked(u32::from_be_bytes(*length) as usize)?;
            rest = after;
            value = Some(if hidden.contains(&column) { b"***" } else { taken });
        }
        values.push(value);
    }
    rest.is_empty().then(|| data_row(&values))
}

/// A session between two scripted peers: does what the relay does, and keeps what came out.
struct Wire<P> {
    protocol: P,
    chunk: usize,
    client: Peer,
    server: Peer,
    output: Output,
    to_client: Vec<u8>,
    to_server: Vec<u8>,
    record: Vec<u8>,
    asked: Vec<(OperationId, OperationKind, String)>,
    closed: Option<CloseReason>,
    error: Option<ProtocolError>,
}

/// What a peer has sent: first what was not read from it yet, then what was read and not consumed.
#[derive(Default)]
struct Peer {
    unread: Vec<u8>,
    input: Buffer,
}

impl<P: Protocol> Wire<P> {
    /// A session that is open, with what it took forgotten.
    fn open(protocol: P, chunk: usize) -> Self {
        let mut wire = Self {
            protocol,
            chunk,
            client: Peer::default(),
            server: Peer::default(),
            output: Output::default(),
            to_client: Vec::new(),
            to_server: Vec::new(),
            record: Vec::new(),
            asked: Vec::new(),
            closed: None,
            error: None,
        };
        wire.send(Side::Client, b"\0\0\0\x12\0\x03\0\0user\0ann\0\0");
        wire.send(Side::Server, &[message(b'R', &[0; 4]), message(b'K', b"\0\0\0\x01keys"), message(b'Z', b"I")].concat());
        assert!(wire.to_client.ends_with(&message(b'Z', b"I")) && wire.protocol.wants(Side::Client));
        wire.to_client.clear();
        wire.to_server.clear();
        wire.record.clear();
        wire
    }

    fn send(&mut self, side: Side, bytes: &[u8]) {
        match side {
            Side::Client => self.client.unread.extend_from_slice(bytes),
            Side::Server => self.server.unread.extend_from_slice(bytes),
        }
        self.pump();
    }

    /// Reads where bytes are wanted, a chunk at a time, and offers again what was left.
    fn pump(&mut self) {
        let mut moved = true;
        while moved {
            moved = false;
            for side in [Side::Client, Side::Server] {
                if self.closed.is_some() || !self.protocol.wants(side) {
                    continue;
                }
                let peer = match side {
                    Side::Client => &mut self.client,
                    Side::Server => &mut self.server,
                };
                let before = peer.input.len();
                let read = self.chunk.min(peer.unread.len());
                peer.input.extend(&peer.unread[..read]);
                peer.unread.drain(..read);
                if let Err(error) = self.protocol.receive(side, &mut peer.input, &mut self.output) {
                    self.error = Some(error);
                }
                moved |= read > 0 || peer.input.len() < before;
                self.collect();
            }
        }
    }

    fn collect(&mut self) {
        let mut answers = Vec::new();
        for event in std::mem::take(&mut self.output.events) {
            match event {
                Event::Dial { .. } => answers.push(Answer::Dialled { client_secret: [7; 32] }),
                Event::Credential => answers.push(Answer::Credential(Some(Credential {
                    user: None,
                    password: Zeroizing::default(),
                    nonce: "n".to_owned(),
                }))),
                Event::Ask { id, kind, text, .. } => {
                    self.asked.push((id, kind, String::from_utf8_lossy(self.output.kept(&text)).into_owned()));
                }
                Event::Close(reason) => self.closed = Some(reason),
                Event::Opened { .. }
                | Event::Violation { .. }
                | Event::Running(_)
                | Event::Answered { .. }
                | Event::Finished(_)
                | Event::Ready(_) => {}
                other => unreachable!("{other:?} has no place in these scripts"),
            }
        }
        self.to_client.extend_from_slice(self.output.to_client.as_slice());
        self.to_server.extend_from_slice(self.output.to_server.as_slice());
        for (_, _, body) in self.output.record.iter() {
            self.record.extend_from_slice(body);
        }
        self.output.to_client.clear();
        self.output.to_server.clear();
        self.output.record.clear();
        self.output.text.clear();
        for answer in answers {
            self.protocol.answer(answer, &mut self.output).unwrap();
            self.collect();
        }
    }

    fn verdict(&mut self, id: u64, directive: Directive) {
        self.protocol.answer(Answer::Verdict { id: OperationId(id), directive }, &mut self.output).unwrap();
        self.collect();
        self.pump();
    }
}

impl Wire<Masked> {
    fn decide(&mut self, id: u64, hidden: &[usize]) {
        self.protocol.decide(id, hidden);
        self.pump();
    }
}

fn settings(operations: bool) -> Settings {
    Settings {
        client_tls: false,
        require_client_tls: false,
        server_tls: ServerTls::Never,
        passthrough: false,
        replication: false,
        interest: Interest {
            operations,
            executions: false,
            result_rows: u64::MAX,
            result_bytes: 1 << 20,
            parameter_bytes: 0,
            digests: false,
            sealed: false,
            texts: true,
            masks: false,
            payloads: true,
        },
        nonce: "n".to_owned(),
        application_tag: None,
        limits: Limits::default(),
    }
}

fn refusal() -> Refusal {
    Refusal {
        code: "42501",
        message: "weir refused this".to_owned(),
        detail: "by policy p1".to_owned(),
        hint: "ask ann".to_owned(),
        position: None,
    }
}

/// The ErrorResponse with [`refusal`]'s text.
fn refused() -> Vec<u8> {
    message(b'E', b"SFATAL\0VFATAL\0C42501\0Mweir refused this\0Dby policy p1\0Hask ann\0\0")
}

fn has(bytes: &[u8], text: &str) -> bool {
    bytes.windows(text.len()).any(|window| window == text.as_bytes())
}

fn message(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind][..], &(body.len() as u32 + 4).to_be_bytes(), body].concat()
}

fn query(text: &str) -> Vec<u8> {
    message(b'Q', format!("{text}\0").as_bytes())
}

fn description(names: &[&str]) -> Vec<u8> {
    let mut body = (names.len() as u16).to_be_bytes().to_vec();
    for name in names {
        body.extend_from_slice(name.as_bytes());
        body.extend_from_slice(&[0; 1 + 18]);
    }
    message(b'T', &body)
}

fn row(values: &[Option<&str>]) -> Vec<u8> {
    data_row(&values.iter().map(|value| value.map(str::as_bytes)).collect::<Vec<_>>())
}

fn data_row(values: &[Option<&[u8]>]) -> Vec<u8> {
    let mut body = (values.len() as u16).to_be_bytes().to_vec();
    for value in values {
        let length = value.map_or(-1, |value| value.len() as i32);
        body.extend_from_slice(&length.to_be_bytes());
        body.extend_from_slice(value.unwrap_or_default());
    }
    message(b'D', &body)
}

/// A refusal of the whole text.
fn refuse(refusal: Refusal) -> Directive {
    Directive::Refuse(Box::new(Refused { refusal, keep: 0, statements: 0, pass: Pass::default() }))
}
