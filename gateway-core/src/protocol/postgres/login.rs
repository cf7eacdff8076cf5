//! From the first byte of the server to its first ReadyForQuery: who logs in, and with what.

use super::codec::{self, Front, HEADER, Header, Reader};
use super::reported::Reported;
use super::scram::{self, Scram};
use super::startup::{Hello, NEWEST_MINOR, VERSION_3};
use super::{Fault, Stop};
use crate::buffer::Buffer;
use crate::protocol::{CloseReason, Credential, Event, Output};

/// A login that is under way.
#[derive(Debug)]
pub(super) struct Login {
    /// None where the client's own passes through.
    credential: Option<Credential>,
    stage: Stage,
    scram: Option<Scram>,
    minor: u32,
    negotiated: bool,
    client_turn: bool,
    server_pid: u32,
    server_secret: Vec<u8>,
    client_secret: [u8; 32],
    end_point: Option<Vec<u8>>,
    limit: usize,
    /// The settings that the greeting told.
    pub(super) reported: Reported,
}

/// What the server's next message has to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Method,
    /// Ours to move: the salted password is being computed.
    Salted,
    Challenge,
    Signature,
    Welcome,
    Ready,
}

/// What became of the server's messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Progress {
    Waiting,
    Opened,
    Ended(CloseReason),
}

/// What to do with a message of the server.
enum Then {
    Forward,
    Drop,
    Open,
    End,
}

const MALFORMED: Fault = Fault::server("an authentication message's fields do not fill it");
const OUT_OF_TURN: Fault = Fault::server("an authentication message out of turn");

/// What a login needs to know of its session.
pub(super) struct Terms {
    pub(super) credential: Option<Credential>,
    pub(super) client_secret: [u8; 32],
    pub(super) end_point: Option<Vec<u8>>,
    pub(super) limit: usize,
}

impl Login {
    pub(super) fn new(hello: &Hello, terms: Terms) -> Self {
        Self {
            credential: terms.credential,
            stage: Stage::Method,
            scram: None,
            minor: hello.minor.min(NEWEST_MINOR),
            negotiated: false,
            client_turn: false,
            server_pid: 0,
            server_secret: Vec::new(),
            client_secret: terms.client_secret,
            end_point: terms.end_point,
            limit: terms.limit,
            reported: Reported::default(),
        }
    }

    /// The user that logs in at the server.
    pub(super) fn user<'a>(&'a self, hello: &'a Hello) -> &'a [u8] {
        let own = self.credential.as_ref().and_then(|credential| credential.user.as_ref());
        own.map_or(hello.user.as_slice(), |user| user.as_bytes())
    }

    pub(super) fn wants_client(&self) -> bool {
        self.client_turn
    }

    pub(super) fn wants_server(&self) -> bool {
        self.stage != Stage::Salted
    }

    /// The client's part of a login that passes through.
    pub(super) fn client(&mut self, input: &mut Buffer, output: &mut Output) -> Result<Progress, Fault> {
        if !self.client_turn {
            return Ok(Progress::Waiting);
        }
        let header = match codec::front(input.as_slice()) {
            Front::Partial => return Ok(Progress::Waiting),
            Front::Wrong => return Err(Fault::client("a message's length is outside the protocol")),
            Front::Message(header) => header,
        };
        match header.kind {
            b'p' if header.total <= self.limit => {
                if input.len() >= header.total {
                    input.forward(header.total, &mut output.to_server);
                    self.client_turn = false;
                }
                Ok(Progress::Waiting)
            }
            b'p' => Err(Fault::client_limit("an authentication message is longer than the limit")),
            b'X' if header.total == HEADER => {
                input.forward(HEADER, &mut output.to_server);
                Ok(Progress::Ended(CloseReason::ClientDone))
            }
            _ => Err(Fault::client("something other than an authentication message during the login")),
        }
    }

    /// The server's messages up to ReadyForQuery.
    pub(super) fn server(&mut self, hello: &Hello, input: &mut Buffer, output: &mut Output) -> Result<Progress, Stop> {
        while self.wants_server() {
            let header = match codec::front(input.as_slice()) {
                Front::Partial => break,
                Front::Wrong => return Err(Fault::server("a message's length is outside the protocol").into()),
                Front::Message(header) => header,
            };
            if header.total > self.limit {
                return Err(Fault::server("a message before the session was open is longer than the limit").into());
            }
            let Some(body) = input.as_slice().get(HEADER..header.total) else { break };
            let then = self.message(hello, header, body, output)?;
            match then {
                Then::Drop => input.consume(header.total),
                Then::Forward | Then::Open | Then::End => input.forward(header.total, &mut output.to_client),
            }
            match then {
                Then::Open => return Ok(Progress::Opened),
                Then::End => return Ok(Progress::Ended(CloseReason::ServerEnded)),
                Then::Forward | Then::Drop => {}
            }
        }
        Ok(Progress::Waiting)
    }

    fn message(&mut self, hello: &Hello, header: Header, body: &[u8], output: &mut Output) -> Result<Then, Stop> {
        if !matches!(header.kind, b'v' | b'E' | b'N') {
            self.negotiate(hello, output);
        }
        match header.kind {
            b'v' => {
                self.negotiation(body)?;
                self.negotiate(hello, output);
                Ok(Then::Drop)
            }
            b'E' => Ok(Then::End),
            b'N' => Ok(Then::Forward),
            b'R' if self.stage == Stage::Ready => Err(OUT_OF_TURN.into()),
            b'R' if self.credential.is_none() => self.relayed(body, output),
            b'R' => self.authentication(hello, body, output),
            b'S' | b'K' | b'Z' if self.stage != Stage::Ready => {
                Err(Fault::server("the session's greeting before the login is over").into())
            }
            b'S' => {
                self.reported.hear(body);
                Ok(Then::Forward)
            }
            b'K' => self.key(body, output),
            b'Z' if header.total == HEADER + 1 => {
                let server_secret = output.keep(&self.server_secret);
                let client_secret = output.keep(if self.server_pid == 0 { &[] } else { self.own_secret() });
                output.events.push(Event::Opened { server_pid: self.server_pid, server_secret, client_secret });
                Ok(Then::Open)
            }
            _ => Err(Fault::server("a message that has no place in a login").into()),
        }
    }

    /// The server's NegotiateProtocolVersion: it speaks less than it was asked for.
    fn negotiation(&mut self, body: &[u8]) -> Result<(), Fault> {
        let newest = Reader(body).number().ok_or(MALFORMED)?;
        if self.negotiated || self.stage != Stage::Method || !matches!(newest >> 16, 0 | 3) {
            return Err(Fault::server("a version negotiation that was not asked for"));
        }
        self.minor = self.minor.min(newest & 0xffff);
        Ok(())
    }

    /// Tells the client, once and before anything else, where it gets less than it asked for.
    fn negotiate(&mut self, hello: &Hello, output: &mut Output) {
        if std::mem::replace(&mut self.negotiated, true) || (hello.minor == self.minor && hello.unknown_count == 0) {
            return;
        }
        codec::message(output.to_client.tail(), b'v', |body| {
            body.extend_from_slice(&(VERSION_3 | self.minor).to_be_bytes());
            body.extend_from_slice(&hello.unknown_count.to_be_bytes());
            body.extend_from_slice(&hello.unknown);
        });
    }

    /// An authentication message whose answer is the client's.
    fn relayed(&mut self, body: &[u8], output: &mut Output) -> Result<Then, Stop> {
        let mut reader = Reader(body);
        match reader.number().ok_or(MALFORMED)? {
            0 => self.stage = Stage::Ready,
            3 | 5 | 11 => self.client_turn = true,
            10 => {
                self.client_turn = true;
                return without_binding(reader, output);
            }
            12 => {}
            _ => return Err(UNSPOKEN),
        }
        Ok(Then::Forward)
    }

    /// An authentication message whose answer is ours.
    fn authentication(&mut self, hello: &Hello, body: &[u8], output: &mut Output) -> Result<Then, Stop> {
        let mut reader = Reader(body);
        let method = reader.number().ok_or(MALFORMED)?;
        let Some(credential) = &self.credential else { return Err(OUT_OF_TURN.into()) };
        match (method, self.stage) {
            // At once where the server trusts, else behind what it asked for.
            (0, Stage::Method | Stage::Welcome) => {
                self.stage = Stage::Ready;
                return Ok(Then::Forward);
            }
            (3, Stage::Method) => {
                respond(credential.password.as_bytes(), true, output);
                self.stage = Stage::Welcome;
            }
            (5, Stage::Method) => {
                let salt = reader.take(4).ok_or(MALFORMED)?;
                let answer = scram::md5_password(self.user(hello), &credential.password, salt);
                respond(answer.as_bytes(), true, output);
                self.stage = Stage::Welcome;
            }
            (10, Stage::Method) => self.start_scram(reader, output)?,
            (11, Stage::Challenge) => {
                let scram = self.scram.as_mut().ok_or(OUT_OF_TURN)?;
                let challenge = scram.challenge(reader.0).ok_or(Fault::server("a SCRAM challenge that does not answer ours"))?;
                let salt = output.keep(&challenge.salt);
                output.events.push(Event::SaltPassword { salt, iterations: challenge.iterations });
                self.stage = Stage::Salted;
            }
            (12, Stage::Signature) => {
                if !self.scram.as_mut().is_some_and(|scram| scram.verify(reader.0)) {
                    return Err(Fault::server("the server could not show that it knows the credential").into());
                }
                self.stage = Stage::Welcome;
            }
            (0 | 3 | 5 | 10 | 11 | 12, _) => return Err(OUT_OF_TURN.into()),
            _ => return Err(UNSPOKEN),
        }
        Ok(Then::Drop)
    }

    fn start_scram(&mut self, mut mechanisms: Reader<'_>, output: &mut Output) -> Result<(), Stop> {
        let (mut plain, mut plus) = (false, false);
        loop {
            match mechanisms.text().ok_or(MALFORMED)? {
                b"" => break,
                name => {
                    plain |= name == scram::SHA_256;
                    plus |= name == scram::SHA_256_PLUS;
                }
            }
        }
        let end_point = self.end_point.as_deref();
        if !(plain || plus && end_point.is_some()) {
            return Err(UNSPOKEN);
        }
        let nonce = self.credential.as_ref().map_or("", |credential| credential.nonce.as_str());
        // The server takes the user from the start-up packet and ignores this one.
        let (scram, mechanism, first) = Scram::start(plus, end_point, "", nonce);
        codec::message(output.to_server.tail(), b'p', |body| {
            codec::text(body, mechanism);
            body.extend_from_slice(&u32::try_from(first.len()).unwrap_or(u32::MAX).to_be_bytes());
            body.extend_from_slice(first.as_bytes());
        });
        self.scram = Some(scram);
        self.stage = Stage::Challenge;
        Ok(())
    }

    /// The slow step is done.
    pub(super) fn salted(&mut self, salted: &[u8; 32], output: &mut Output) {
        if self.stage == Stage::Salted
            && let Some(reply) = self.scram.as_mut().and_then(|scram| scram.respond(salted))
        {
            respond(reply.as_bytes(), false, output);
            self.stage = Stage::Signature;
        }
    }

    /// The key that cancels: the client gets the server's pid, and a secret that only weir knows.
    fn key(&mut self, body: &[u8], output: &mut Output) -> Result<Then, Stop> {
        let mut reader = Reader(body);
        self.server_pid = reader.number().ok_or(MALFORMED)?;
        if !(4..=256).contains(&reader.0.len()) || (self.minor < NEWEST_MINOR && reader.0.len() != 4) {
            return Err(MALFORMED.into());
        }
        self.server_secret = reader.0.to_vec();
        codec::message(output.to_client.tail(), b'K', |body| {
            body.extend_from_slice(&self.server_pid.to_be_bytes());
            body.extend_from_slice(self.own_secret());
        });
        Ok(Then::Drop)
    }

    /// Protocol 3.0 has room for four bytes.
    fn own_secret(&self) -> &[u8] {
        if self.minor < NEWEST_MINOR {
            self.client_secret.first_chunk::<4>().map_or(&[], |four| four)
        } else {
            &self.client_secret
        }
    }
}

const UNSPOKEN: Stop = Stop::Refuse("28000", "the server asks for a kind of login that weir does not speak");

fn respond(answer: &[u8], terminated: bool, output: &mut Output) {
    codec::message(output.to_server.tail(), b'p', |body| {
        body.extend_from_slice(answer);
        if terminated {
            body.push(0);
        }
    });
}

/// A binding to a TLS session that ends here can't hold at the server, so it is not offered.
fn without_binding(mut mechanisms: Reader<'_>, output: &mut Output) -> Result<Then, Stop> {
    let mut kept = Vec::new();
    loop {
        match mechanisms.text().ok_or(MALFORMED)? {
            b"" => break,
            scram::SHA_256_PLUS => {}
            name => codec::text(&mut kept, name),
        }
    }
    if kept.is_empty() {
        return Err(UNSPOKEN);
    }
    codec::message(output.to_client.tail(), b'R', |body| {
        body.extend_from_slice(&10u32.to_be_bytes());
        body.extend_from_slice(&kept);
        body.push(0);
    });
    Ok(Then::Drop)
}
