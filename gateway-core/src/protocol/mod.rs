//! The seam that every protocol stands behind: a state machine without I/O.
//!
//! The session's relay is the only caller. It feeds bytes to [`Protocol::receive`], does what the
//! [`Event`]s in [`Output`] ask for, and reports what came of it through [`Protocol::answer`].
//! A protocol can forward, ask, replace and close; it never learns why something is refused.
//!
//! Laws that each protocol keeps, and that its tests show:
//! 1. what it does not know, it refuses with the protocol's own error;
//! 2. after an unresolved [`Event::Ask`] no byte of the client goes to the server;
//! 3. any chunking of the same bytes gives the same output;
//! 4. every length is checked against a ceiling before memory is taken for it.

pub mod masking;
pub mod opaque;
pub mod postgres;

use crate::buffer::Buffer;
pub use crate::inspect::NameKind;
use crate::model::time::Timestamp;
use crate::record::FrameBuffer;
use std::fmt;
use std::ops::Range;
use zeroize::Zeroizing;

/// One of a session's two peers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The job.
    Client,
    /// The target.
    Server,
}

/// A protocol's state machine for one session.
pub trait Protocol: Send {
    /// Called once before anything else, for a protocol that acts before the client has spoken.
    fn start(&mut self, _output: &mut Output) {}

    /// Consumes what it can of `input`, which came from `from`. What it leaves, it is given again
    /// with more behind it: after further bytes, or after an answer it was waiting for.
    fn receive(&mut self, from: Side, input: &mut Buffer, output: &mut Output) -> Result<(), ProtocolError>;

    /// Hears what came of an event.
    fn answer(&mut self, answer: Answer, output: &mut Output) -> Result<(), ProtocolError>;

    /// Hears that `from` will send no more.
    fn end(&mut self, from: Side, output: &mut Output) -> Result<(), ProtocolError>;

    /// Writes the protocol's own error with `refusal`'s text to the client, for a session that ends now.
    fn refuse(&mut self, refusal: &Refusal, output: &mut Output);

    /// Whether bytes of `side` would be consumed now. The relay does not read where this is false,
    /// so that the peer's own flow control holds it back.
    fn wants(&self, side: Side) -> bool;

    /// What the session has done so far.
    fn totals(&self) -> Totals;
}

/// What a protocol gives back. The relay keeps one for each worker and empties it after each call,
/// so that a message costs no allocation.
#[derive(Debug, Default)]
pub struct Output {
    /// The time of this call, set by the caller.
    pub now: Timestamp,
    /// Bytes for the server.
    pub to_server: Buffer,
    /// Bytes for the client.
    pub to_client: Buffer,
    /// What happened, in order.
    pub events: Vec<Event>,
    /// What is to be kept of it.
    pub record: FrameBuffer,
    /// Text that events refer to by [`Span`].
    pub text: Vec<u8>,
}

impl Output {
    /// Keeps `bytes` for an event to refer to.
    pub fn keep(&mut self, bytes: &[u8]) -> Span {
        let start = self.text.len();
        self.text.extend_from_slice(bytes);
        Span(start..self.text.len())
    }

    /// The bytes that `span` refers to.
    #[must_use]
    pub fn kept(&self, span: &Span) -> &[u8] {
        self.text.get(span.0.clone()).unwrap_or_default()
    }
}

/// A range of [`Output::text`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span(Range<usize>);

/// Something that the session's caller has to do or to know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// Connect to the target; answered by [`Answer::Dialled`] or [`Answer::DialFailed`]. The
    /// client's own wishes, where the protocol states them before the server is needed.
    Dial {
        /// The user that the client asked for.
        user: Span,
        /// The database that the client asked for.
        database: Span,
        /// The client's own name for itself.
        application: Span,
    },
    /// All further bytes of this side are TLS: answered by [`Answer::TlsStarted`]. Bytes of the
    /// client that are already in the input belong to its ClientHello.
    StartTls(Side),
    /// The credential is needed: answered by [`Answer::Credential`].
    Credential,
    /// SCRAM's slow step (RFC 5802 §3, `SaltedPassword`): answered by [`Answer::SaltedPassword`].
    SaltPassword {
        /// The salt, decoded.
        salt: Span,
        /// The iteration count, at most 1 000 000.
        iterations: u32,
    },
    /// The session is open. The server's key cancels what runs in it.
    Opened {
        /// The process id that the server gave, the same that the client was given.
        server_pid: u32,
        /// The server's secret, which the client never sees.
        server_secret: Span,
        /// The secret that the client was given instead.
        client_secret: Span,
    },
    /// This connection is a request to cancel what runs in another session; nothing follows it.
    CancelRequest {
        /// The process id that the client was given.
        pid: u32,
        /// The secret that the client was given.
        secret: Span,
    },
    /// May this go to the server? Nothing more of the client does until [`Answer::Verdict`] comes.
    Ask {
        /// Names the question. Questions about later executions of a statement have its id.
        id: OperationId,
        /// What kind of operation it is.
        kind: OperationKind,
        /// The name that the client gives to what it prepares. Of what is bound or executed, the name by which
        /// SQL made it, where it did: its text is that PREPARE or DECLARE. Empty elsewhere.
        name: Span,
        /// Its text, where it has one.
        text: Span,
        /// What it is run with, as it stands on the wire; none where that is not known whole: of an execution, which was
        /// bound before, and of what is longer than a statement may be.
        parameters: Option<Span>,
        /// The session at this moment.
        standing: Standing,
    },
    /// The server is about to run this: a Query, an Execute or a FunctionCall went to it.
    Running(OperationId),
    /// One statement of an operation was answered.
    Answered {
        /// The operation.
        id: OperationId,
        /// The statement's place in its text, from 0.
        part: u32,
        /// The answer.
        outcome: Outcome,
    },
    /// Rows of a statement's result were changed. Comes before its [`Event::Answered`].
    Masked {
        /// The operation.
        id: OperationId,
        /// The statement's place in its text, from 0.
        part: u32,
        /// How many rows.
        rows: u64,
        /// What detectors found: a JSON array of objects of `column`, `rule` and `count`. Empty where they found nothing.
        found: Span,
    },
    /// What ran is over: nothing more of it comes.
    Finished(OperationId),
    /// What was prepared as this can be fetched from under a name of the client's, as a cursor.
    Bound {
        /// What was prepared.
        id: OperationId,
        /// The cursor's name.
        name: Span,
    },
    /// The client dropped what it had prepared as this.
    Forgotten(OperationId),
    /// The server answered everything and stands as this says.
    Ready(Transaction),
    /// The client has begun to say what it speaks, and what it said is not enough yet to tell: this may not
    /// go on for ever.
    HelloBegun,
    /// What the client's first bytes say. Nothing of the client goes on until [`Answer::Greeted`] comes.
    Hello(Box<opaque::Hello>),
    /// Something was outside the protocol and was refused; the caller counts it.
    Violation {
        /// Whose message it was.
        side: Side,
        /// What was wrong with it.
        what: &'static str,
    },
    /// End the session once what is in the output has been written.
    Close(CloseReason),
}

/// What came of an event.
#[derive(Debug)]
pub enum Answer {
    /// The target was reached.
    Dialled {
        /// What the session's client is to be given as its cancel secret: 32 random bytes.
        client_secret: [u8; 32],
    },
    /// The target was not reached: the client gets the protocol's own error with this text.
    DialFailed(String),
    /// TLS is established with `side`.
    TlsStarted {
        /// With whom.
        side: Side,
        /// `tls-server-end-point` of the server's certificate (RFC 5929 §4.1), for SCRAM-…-PLUS.
        end_point: Option<Vec<u8>>,
    },
    /// The credential for the server, or none where the client's own passes through.
    Credential(Option<Credential>),
    /// [`Event::SaltPassword`]'s result.
    SaltedPassword(Zeroizing<[u8; 32]>),
    /// The policy is another: everything prepared is asked about again before it runs.
    PolicyChanged {
        /// Whether each execution is asked about from now on: [`Interest::executions`].
        executions: bool,
    },
    /// The copy that the client is sending must fail with this text.
    FailCopy(Refusal),
    /// The client is told this, beside what the server says: nothing is decided by it.
    Notice(String),
    /// The decision on an [`Event::Hello`].
    Greeted(Result<(), Box<Refusal>>),
    /// The decision on an [`Event::Ask`].
    Verdict {
        /// The question.
        id: OperationId,
        /// What to do.
        directive: Directive,
    },
}

/// What to authenticate with at the server.
pub struct Credential {
    /// The user; the client's own where there is none.
    pub user: Option<String>,
    /// The password. Empty where the server wants none.
    pub password: Zeroizing<String>,
    /// Random printable characters for SCRAM's client nonce (RFC 5802 §5.1); no comma.
    pub nonce: String,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Credential(..)")
    }
}

/// A protocol's verbs on an operation: the mechanism, without the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Directive {
    /// Let it through.
    Forward(Pass),
    /// Don't: the client gets the protocol's error with this text, and the session goes on in step.
    Refuse(Box<Refused>),
    /// Ask again once the server has answered everything before it: what it means depends on that.
    Settle,
}

/// What goes through, as far as the protocol has to know.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pass {
    /// Names in its text, in their order: where one stands for something that the protocol renamed, it is renamed too.
    pub names: Vec<Rename>,
    /// The session may be different after it: what is prepared is asked about again.
    pub changes: bool,
    /// It runs code that nobody has read, which may have put something else in the place of what is
    /// prepared: that is prepared anew before it is used.
    pub code: bool,
    /// What is hidden of its results.
    pub masks: masking::Plans,
    /// Of what is prepared: it is asked about each time that parameters are bound to it.
    pub each_use: bool,
}

/// What is refused, and what of it goes through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// What the reader sees.
    pub refusal: Refusal,
    /// Of a Query, how many bytes of its text stay: the statements before the refused one.
    pub keep: usize,
    /// How many statements those are.
    pub statements: u32,
    /// As of those.
    pub pass: Pass,
}

/// A name in a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rename {
    /// What kind of name.
    pub kind: NameKind,
    /// What its statement does with it.
    pub act: NameAct,
    /// The name as the server takes it; empty with [`NameAct::DropAll`].
    pub name: Vec<u8>,
    /// Where it stands in the text, in bytes, quotes included.
    pub span: Range<usize>,
    /// The statement's place in its text, from 0.
    pub statement: u32,
}

/// What a statement does with a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each is its own word")]
pub enum NameAct {
    Make,
    Use,
    Drop,
    DropAll,
}

/// A session as the server's answers so far show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The transaction, as of the last time the server was ready.
    pub transaction: Transaction,
    /// The server has answered everything before this.
    pub settled: bool,
    /// Nothing that may change the session has gone to the server since it last reported its settings.
    pub settings_known: bool,
    /// Something in the open transaction may have changed the session: its end may change it back.
    pub changed: bool,
    /// Whether a backslash is an ordinary character in a literal, as last reported.
    pub standard_conforming_strings: bool,
    /// How the client's bytes are to be read; [`Encoding::Other`] while that may be changing.
    pub encoding: Encoding,
}

/// A client encoding, as far as it matters here.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Encoding {
    /// UTF-8.
    #[default]
    Utf8,
    /// ISO 8859-1: one byte a character, the same number in Unicode.
    Latin1,
    /// Anything else. In some of these a quote or a backslash can be half of a character.
    Other,
}

/// Where the server's transaction stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Transaction {
    /// None is open.
    #[default]
    Idle,
    /// One is open.
    Open,
    /// One has failed and waits for its end.
    Failed,
}

/// How the server answered a statement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Done, with this command tag.
    Done(Span),
    /// It is prepared and can be executed.
    Prepared,
    /// It failed, with this SQLSTATE.
    Failed([u8; 5]),
    /// It was refused, and the client has been told.
    Refused,
    /// The server passed over it, because of an error before it.
    Skipped,
}

/// A refusal as its reader will see it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Refusal {
    /// Five characters of SQLSTATE where the protocol is Postgres; other protocols map it.
    pub code: &'static str,
    /// One line: what was refused.
    pub message: String,
    /// By which policy, in which run and session.
    pub detail: String,
    /// What the reader can do.
    pub hint: String,
    /// Where in the client's own text it is, in characters and from 1, where it is about a place.
    pub position: Option<u32>,
}

impl Refusal {
    /// The message for those who must not see the client's text: a syntax error repeats a piece of it.
    #[must_use]
    pub fn without_text(&self) -> &str {
        let end = self.position.and_then(|_| self.message.find(" at or near \""));
        self.message.get(..end.unwrap_or(self.message.len())).unwrap_or_default()
    }
}

/// Names an operation within its session: they count up from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OperationId(pub u64);

/// What an operation is, as far as the wire tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OperationKind {
    /// Text to be parsed and run at once: Postgres' Query.
    Query,
    /// Text to be parsed: Postgres' Parse.
    Prepare,
    /// Parameters for what was prepared: Postgres' Bind. Asked about where the session or the policy has changed
    /// since it was prepared.
    Bind,
    /// What was bound is run: Postgres' Execute. Asked about in the same cases, and always with [`Interest::executions`].
    Execute,
    /// A function called by number: Postgres' FunctionCall.
    FunctionCall,
}

/// Counts of a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Statements that the server completed, failed ones included.
    pub statements: u64,
    /// Rows that the server sent.
    pub rows: u64,
    /// Those of them that reached the client otherwise than they came.
    pub masked_rows: u64,
    /// Errors that the server sent.
    pub errors: u64,
}

/// Why a session ended by the protocol's own doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CloseReason {
    /// The client said goodbye.
    ClientDone,
    /// The server ended the session with an error of its own.
    ServerEnded,
    /// The client was refused.
    Refused,
    /// A peer left the protocol.
    Violation,
    /// The request was answered and nothing can follow: a CancelRequest.
    Answered,
}

impl fmt::Display for CloseReason {
    /// The reason as records name it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::ClientDone => "client_done",
            Self::ServerEnded => "server_ended",
            Self::Refused => "refused",
            Self::Violation => "violation",
            Self::Answered => "answered",
        })
    }
}

/// A peer left the protocol, or passed one of its ceilings. The client has its error in the output.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {what}", match .side { Side::Client => "the client", Side::Server => "the server" })]
pub struct ProtocolError {
    /// Who left it.
    pub side: Side,
    /// How.
    pub what: String,
}

/// How much of a session its record keeps, and which questions are asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interest {
    /// Whether each operation is asked about before it goes to the server.
    pub operations: bool,
    /// Whether each execution of what was prepared is asked about, too.
    pub executions: bool,
    /// How many rows of each result are recorded.
    pub result_rows: u64,
    /// How many bytes of each result are recorded: 0 for none.
    pub result_bytes: u64,
    /// How many bytes of each statement's parameters are recorded: 0 for none.
    pub parameter_bytes: u64,
    /// Whether the rows of each result are digested as they are sent.
    pub digests: bool,
    /// Whether the sealed layer is kept: exact texts and parameters, and a digest of each result as the server sent it.
    pub sealed: bool,
    /// Whether the protocol records the texts of statements as they come; else who is asked about them does.
    pub texts: bool,
    /// Whether results may be masked: [`Pass::masks`].
    pub masks: bool,
    /// Whether the payloads of notifications go through.
    pub payloads: bool,
}
