//! PostgreSQL's frontend/backend protocol, versions 3.0 to 3.2 (PostgreSQL docs, chapter
//! "Frontend/Backend Protocol"): a session from the client's first packet to its end.
//!
//! Files by concern: `begin` and `startup` the client's first packets, `login` up to the first ReadyForQuery,
//! `scram` its arithmetic, `from_client`, `extended` and `from_server` the open session, `pending` the order of
//! answers, `names` what statements and portals are called, `substitute` how something is refused,
//! `mask` and `withhold` what is hidden of results and texts, `reported` the server's settings, `record` what is kept, `recorded` how that reads again, `codec` the bytes.

mod begin;
mod codec;
mod extended;
mod from_client;
mod from_server;
mod fuzz;
mod login;
mod mask;
mod names;
mod pending;
mod places;
mod record;
pub mod recorded;
mod relay;
mod reported;
mod scram;
mod startup;
mod substitute;
#[cfg(test)]
mod tests;
mod withhold;

pub use fuzz::fuzz_entry;

use super::{Answer, CloseReason, Credential, Event, Interest, Output, Protocol, ProtocolError, Refusal, Side, Totals};
use crate::buffer::Buffer;
use codec::ErrorText;
use login::{Login, Progress, Terms};
use relay::Relay;
use startup::{Hello, Unfit};

/// What a session may do and how much of it is kept.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether a client that asks for TLS gets it.
    pub client_tls: bool,
    /// Whether a client without TLS is refused.
    pub require_client_tls: bool,
    /// Whether the server is spoken to under TLS.
    pub server_tls: ServerTls,
    /// Whether the client's own credential goes to the server.
    ///
    /// SCRAM-SHA-256-PLUS is then not offered: its binding to a TLS session cannot hold across
    /// this one. Where both sides use TLS, a client that supports binding (libpq by default, which
    /// then wants `channel_binding=disable`) says so, and the server takes that for a downgrade.
    pub passthrough: bool,
    /// Whether a client may speak the replication protocol: whole tables and logs leave by it unparsed.
    pub replication: bool,
    /// What is recorded and asked.
    pub interest: Interest,
    /// Characters that nobody can guess, new for each session: part of the names that it has at the
    /// server, at most 22 letters and digits.
    pub nonce: String,
    /// What is appended to the client's `application_name`, so that the server's logs name the session.
    pub application_tag: Option<String>,
    /// The ceilings.
    pub limits: Limits,
}

/// Whether the server is spoken to under TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerTls {
    /// It is not asked for.
    Never,
    /// Where the server offers it.
    Prefer,
    /// A server that doesn't offer it is not used.
    Require,
}

/// Ceilings on what is taken whole. What is longer is refused; what streams has none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of the start-up packet.
    pub startup: usize,
    /// Bytes of a Query, Parse or FunctionCall.
    pub statement: usize,
    /// Bytes of a message before the session is open.
    pub auth_message: usize,
    /// Messages of the client that the server has not answered.
    pub pipelined: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { startup: 10_000, statement: 16 << 20, auth_message: 64 << 10, pipelined: 65_536 }
    }
}

/// A session that speaks PostgreSQL's protocol.
///
/// What is refused is replaced by what the server itself must fail, so that both ends stay in step;
/// only the error that answers it is written anew.
#[derive(Debug)]
pub struct Session {
    settings: Settings,
    phase: Phase,
    /// What the client asked for before its StartupMessage; each at most once.
    asked_tls: bool,
    asked_gss: bool,
    client_tls: bool,
    hello: Hello,
    client_secret: [u8; 32],
    end_point: Option<Vec<u8>>,
    relay: Relay,
}

/// What the session waits for.
#[derive(Debug)]
enum Phase {
    ExpectStartup,
    ExpectClientTls,
    ExpectDial,
    ExpectTlsAnswer,
    ExpectServerTls,
    ExpectCredential,
    Login(Box<Login>),
    Open,
    Closed,
}

/// A peer left the protocol.
#[derive(Clone, Copy, Debug)]
struct Fault {
    side: Side,
    code: &'static str,
    what: &'static str,
}

/// Why a login does not go on.
#[derive(Clone, Copy, Debug)]
enum Stop {
    Fault(Fault),
    /// Nobody's fault: SQLSTATE and text for the client.
    Refuse(&'static str, &'static str),
}

impl From<Fault> for Stop {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<Unfit> for Stop {
    fn from(Unfit(code, what): Unfit) -> Self {
        if code == "08P01" { Self::Fault(Fault { side: Side::Client, code, what }) } else { Self::Refuse(code, what) }
    }
}

impl Session {
    /// A session whose client has not spoken yet.
    #[must_use]
    pub fn new(config: Settings) -> Self {
        let relay = Relay::new(config.limits, config.interest, &config.nonce);
        Self {
            settings: config,
            phase: Phase::ExpectStartup,
            asked_tls: false,
            asked_gss: false,
            client_tls: false,
            hello: Hello::default(),
            client_secret: [0; 32],
            end_point: None,
            relay,
        }
    }

    fn close(&mut self, reason: CloseReason, output: &mut Output) {
        if !matches!(self.phase, Phase::Closed) {
            self.phase = Phase::Closed;
            output.events.push(Event::Close(reason));
        }
    }

    /// Whether an error can be written to the client without landing inside of another message or
    /// of a TLS handshake.
    fn can_tell(&self) -> bool {
        match self.phase {
            Phase::Open => self.relay.server_rest == 0,
            Phase::ExpectClientTls | Phase::Closed => false,
            _ => true,
        }
    }

    fn end_with(&mut self, error: ErrorText<'_>, reason: CloseReason, output: &mut Output) {
        if self.can_tell() {
            codec::fatal(output.to_client.tail(), error);
        }
        self.close(reason, output);
    }

    fn stop(&mut self, stop: Stop, output: &mut Output) -> Result<(), ProtocolError> {
        match stop {
            Stop::Refuse(code, message) => {
                self.end_with(ErrorText { code, message, ..ErrorText::default() }, CloseReason::Refused, output);
                Ok(())
            }
            Stop::Fault(fault) => {
                let who = match fault.side {
                    Side::Client => "weir ends the session: the client sent ",
                    Side::Server => "weir ends the session: the server sent ",
                };
                let message = format!("{who}what the protocol does not allow: {}", fault.what);
                output.events.push(Event::Violation { side: fault.side, what: fault.what });
                let error = ErrorText { code: fault.code, message: &message, ..ErrorText::default() };
                self.end_with(error, CloseReason::Violation, output);
                Err(ProtocolError { side: fault.side, what: fault.what.to_owned() })
            }
        }
    }

    fn ask_credential(&mut self, output: &mut Output) {
        if self.settings.passthrough {
            self.log_in(None, output);
        } else {
            self.phase = Phase::ExpectCredential;
            output.events.push(Event::Credential);
        }
    }

    fn log_in(&mut self, credential: Option<Credential>, output: &mut Output) {
        let terms = Terms {
            credential,
            client_secret: self.client_secret,
            end_point: self.end_point.take(),
            limit: self.settings.limits.auth_message,
        };
        let login = Login::new(&self.hello, terms);
        let user = login.user(&self.hello);
        self.hello.write(user, self.settings.application_tag.as_deref(), output.to_server.tail());
        self.phase = Phase::Login(Box::new(login));
    }

    fn log_in_step(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), Stop> {
        let Phase::Login(login) = &mut self.phase else { return Ok(()) };
        let progress = match from {
            Side::Client => login.client(input, output)?,
            Side::Server => login.server(&self.hello, input, output)?,
        };
        match progress {
            Progress::Waiting => {}
            Progress::Opened => {
                self.relay.reported = login.reported;
                self.phase = Phase::Open;
                return self.relay_step(from, input, output);
            }
            Progress::Ended(reason) => {
                self.relay.totals.errors += u64::from(reason == CloseReason::ServerEnded);
                self.close(reason, output);
            }
        }
        Ok(())
    }

    fn relay_step(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), Stop> {
        if let Some(reason) = self.relay.receive(from, input, output)? {
            self.close(reason, output);
        }
        Ok(())
    }

    fn dialled(&mut self, client_secret: [u8; 32], output: &mut Output) {
        self.client_secret = client_secret;
        match self.settings.server_tls {
            ServerTls::Never => self.ask_credential(output),
            ServerTls::Prefer | ServerTls::Require => {
                startup::ssl_request(output.to_server.tail());
                self.phase = Phase::ExpectTlsAnswer;
            }
        }
    }
}

impl Protocol for Session {
    fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), ProtocolError> {
        let done = match (&self.phase, from) {
            (Phase::Closed, _) => {
                input.clear();
                Ok(())
            }
            (Phase::ExpectStartup, Side::Client) => self.expect_startup(input, output),
            (Phase::ExpectTlsAnswer, Side::Server) => self.tls_answer(input, output),
            (Phase::Login(_), _) => self.log_in_step(from, input, output),
            (Phase::Open, _) => self.relay_step(from, input, output),
            // Not wanted yet: it stays in the input.
            _ => Ok(()),
        };
        done.or_else(|stop| self.stop(stop, output))
    }

    fn answer(&mut self, answer: Answer, output: &mut Output) -> Result<(), ProtocolError> {
        match (&mut self.phase, answer) {
            (Phase::ExpectDial, Answer::Dialled { client_secret }) => self.dialled(client_secret, output),
            (Phase::ExpectDial, Answer::DialFailed(text)) => {
                let message = if text.starts_with("weir ") { text } else { format!("weir could not reach the server: {text}") };
                let error = ErrorText { code: "57P03", message: &message, ..ErrorText::default() };
                self.end_with(error, CloseReason::ServerEnded, output);
            }
            (Phase::ExpectClientTls, Answer::TlsStarted { side: Side::Client, .. }) => {
                self.client_tls = true;
                self.phase = Phase::ExpectStartup;
            }
            (Phase::ExpectServerTls, Answer::TlsStarted { side: Side::Server, end_point }) => {
                self.end_point = end_point;
                self.ask_credential(output);
            }
            (Phase::ExpectCredential, Answer::Credential(credential)) => self.log_in(credential, output),
            (Phase::Login(login), Answer::SaltedPassword(salted)) => login.salted(&salted, output),
            (Phase::Open, Answer::Verdict { id, directive }) => {
                self.relay.verdict(id, directive, output);
            }
            (_, Answer::PolicyChanged { executions }) => self.relay.policy_changed(executions),
            (Phase::Open, Answer::Notice(text)) => self.relay.notice(&text, output),
            (Phase::Open, Answer::FailCopy(refusal)) => self.relay.copy_must_fail(refusal),
            // An answer that comes too late, after the session has ended.
            _ => {}
        }
        Ok(())
    }

    /// A client that leaves without Terminate, and a server that leaves without an error, are done:
    /// all whole messages of theirs are already in the output.
    fn end(&mut self, from: Side, output: &mut Output) -> Result<(), ProtocolError> {
        match (from, &self.phase) {
            (Side::Client, _) => self.close(CloseReason::ClientDone, output),
            (Side::Server, Phase::Open | Phase::Closed) => self.close(CloseReason::ServerEnded, output),
            (Side::Server, _) => {
                let message = "the server closed the connection before the session was open";
                let error = ErrorText { code: "08006", message, ..ErrorText::default() };
                self.end_with(error, CloseReason::ServerEnded, output);
            }
        }
        Ok(())
    }

    fn refuse(&mut self, refusal: &Refusal, output: &mut Output) {
        let Refusal { code, message, detail, hint, position: _ } = refusal;
        self.end_with(ErrorText { code, message, detail, hint, position: "" }, CloseReason::Refused, output);
    }

    fn wants(&self, side: Side) -> bool {
        match (&self.phase, side) {
            (Phase::ExpectStartup, Side::Client) | (Phase::ExpectTlsAnswer, Side::Server) => true,
            (Phase::Login(login), Side::Client) => login.wants_client(),
            (Phase::Login(login), Side::Server) => login.wants_server(),
            (Phase::Open, Side::Client) => self.relay.wants_client(),
            (Phase::Open, Side::Server) => true,
            _ => false,
        }
    }

    fn totals(&self) -> Totals {
        self.relay.totals
    }
}
