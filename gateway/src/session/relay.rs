//! The one I/O pump: moves bytes between the two peers and the protocol, and alone waits for them.
//!
//! A question of the protocol is awaited beside it (`question`): the server's bytes go on, the client's
//! end is seen, a kill wins. `events` takes what the protocol reports.

mod events;
mod question;
#[cfg(test)]
mod tests;

use crate::evidence::{Failed, Recorder, now};
use crate::session::enforce::{Ask, Enforcer};
use crate::session::gate::Gate;
use crate::session::live::Session;
use crate::session::moment::{self, Turn as Moment};
use crate::session::pool;
use crate::session::transport::Peer;
use gateway_core::protocol::{Answer, CloseReason, Output, Protocol, ProtocolError, Refusal, Side, Totals};
use gateway_core::record::{FrameBuffer, FrameKind};
use question::Question;
use std::collections::VecDeque;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep};

/// Frames go to the recorder once this many bytes wait, or after the flush interval.
const RECORD_BATCH: usize = 32 * 1024;
/// How long a peer may take to read the last of what is for it.
const FAREWELL: Duration = Duration::from_secs(30);
/// Turns of the pump before other sessions of the worker get theirs.
const TURNS: usize = 16;

/// What the pump can't do by itself.
#[derive(Debug)]
pub enum Step {
    /// Something to wait for: the session performs it and answers.
    Do(Action),
    /// The session is over; all that was to be written has been.
    Closed(CloseReason),
    /// A peer's connection failed.
    Broken(Side, io::Error),
    /// A kill was ordered.
    Killed,
    /// The start-up's deadline has passed.
    Late,
    /// The record's writer is behind: nothing moves until it has [room](Relay::room).
    Full,
    /// The record can't be written.
    Unrecordable,
}

/// An event that needs waiting for, with its own copy of what it refers to.
#[derive(Debug)]
#[expect(missing_docs, reason = "each stands for the event of its name")]
pub enum Action {
    Dial { user: String, database: String, application: String },
    StartTls(Side),
    Credential,
    SaltPassword { salt: Vec<u8>, iterations: u32 },
    CancelRequest { pid: u32, secret: Vec<u8> },
}

/// The pump of one session.
pub struct Relay {
    engine: Box<dyn Protocol>,
    /// The job's end.
    pub client: Peer,
    /// The target's end, once it is dialled.
    pub server: Option<Peer>,
    session: Arc<Session>,
    recorder: Recorder,
    frames: FrameBuffer,
    /// What the record has of a statement is on the disk before the statement goes to the server.
    record_first: bool,
    /// What was submitted last for that.
    submission: u64,
    flush_every: Duration,
    flush: Option<Pin<Box<Sleep>>>,
    deadline: Option<Pin<Box<Sleep>>>,
    farewell: Option<Pin<Box<Sleep>>>,
    actions: VecDeque<Action>,
    closing: Option<CloseReason>,
    registered: bool,
    enforcer: Option<Box<Enforcer>>,
    gate: Option<Box<Gate>>,
    startup: Duration,
    /// What was asked and is not looked into yet.
    asked: Option<Ask<Vec<u8>>>,
    /// What was asked and could be answered at once.
    answered: Option<Answer>,
    question: Option<Question>,
    look: Option<Pin<Box<Sleep>>>,
}

impl Relay {
    /// A pump whose session has to be open within `startup`.
    pub fn new(
        engine: Box<dyn Protocol>,
        client: Peer,
        session: Arc<Session>,
        recorder: Recorder,
        startup: Duration,
        flush_every: Duration,
    ) -> Self {
        let mut relay = Self {
            engine,
            client,
            server: None,
            session,
            record_first: recorder.comes_first(),
            submission: 0,
            recorder,
            frames: FrameBuffer::default(),
            flush_every,
            flush: None,
            deadline: Some(Box::pin(sleep(startup))),
            farewell: None,
            actions: VecDeque::new(),
            closing: None,
            registered: false,
            enforcer: None,
            gate: None,
            startup,
            asked: None,
            answered: None,
            question: None,
            look: None,
        };
        relay.with_engine(|engine, output, _| {
            engine.start(output);
            Ok(())
        });
        relay
    }

    /// Has `enforcer` judge the session's operations. Without one, each that is asked about is refused.
    pub fn enforce(&mut self, enforcer: Enforcer) {
        self.enforcer = Some(Box::new(enforcer));
    }

    /// Has `gate` judge what the client says first, and what is moved.
    pub fn guard(&mut self, gate: Gate) {
        self.gate = Some(Box::new(gate));
    }

    /// The session's judge.
    pub fn enforcer(&mut self) -> Option<&mut Enforcer> {
        self.enforcer.as_deref_mut()
    }

    /// Moves bytes until something has to be done that the pump can't do.
    pub async fn run(&mut self) -> Step {
        std::future::poll_fn(|cx| self.poll(cx)).await
    }

    /// Tells the protocol what came of an action.
    pub fn answer(&mut self, answer: Answer) {
        self.with_engine(|engine, output, _| engine.answer(answer, output));
        self.resume();
    }

    /// Has the protocol refuse the session in its own words.
    pub fn refuse(&mut self, refusal: &Refusal) {
        self.with_engine(|engine, output, _| {
            engine.refuse(refusal, output);
            Ok(())
        });
        self.closing.get_or_insert(CloseReason::Refused);
    }

    /// Waits until the record's writer has caught up.
    pub async fn room(&mut self) {
        self.recorder.room().await;
    }

    /// What the session has waited for was not its own: it has its time once more.
    pub fn begin_again(&mut self) {
        self.deadline = Some(Box::pin(sleep(self.startup)));
    }

    /// The start-up is over: its deadline no longer holds.
    pub fn opened(&mut self) {
        self.deadline = None;
    }

    /// Adds a frame of the gateway's own.
    pub fn note(&mut self, kind: FrameKind, value: &serde_json::Value) {
        self.frames.push_json(now(), kind, value);
    }

    /// The session's counts so far.
    pub fn totals(&self) -> Totals {
        self.engine.totals()
    }

    /// Ends the record with `ended`, and then the connections.
    pub async fn close(mut self, ended: &serde_json::Value) {
        self.publish();
        let mut submitted = self.recorder.submit(&mut self.frames);
        while matches!(submitted, Err(Failed::Full)) {
            self.recorder.room().await;
            submitted = self.recorder.submit(&mut self.frames);
        }
        if let Err(error) = submitted {
            tracing::error!(session = %self.session.id, %error, "the last frames of the record could not be written");
        }
        if let Err(error) = self.recorder.close(ended).await {
            tracing::error!(session = %self.session.id, %error, "the record could not be ended");
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        let _turn = Moment::begin();
        if !self.registered {
            self.session.wake_on_kill(cx.waker());
            self.registered = true;
        }
        if let Some(deadline) = &mut self.deadline
            && deadline.as_mut().poll(cx).is_ready()
        {
            self.deadline = None;
            return Poll::Ready(Step::Late);
        }
        if self.recorder.failed() {
            return Poll::Ready(Step::Unrecordable);
        }
        self.look(cx);
        for _ in 0..TURNS {
            // What was counted or answered in the last turn may have ended the session: nothing of it is handed on.
            if self.session.kill_order().is_some() {
                self.registered = false;
                return Poll::Ready(Step::Killed);
            }
            match self.turn(cx) {
                Turn::Moved => {}
                Turn::Idle => return self.rest(cx),
                Turn::Stop(step) => {
                    // What the session does next may be awaited under another waker.
                    self.registered = false;
                    return Poll::Ready(step);
                }
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// Writes, then reads and processes once on each side.
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        let open = self.closing.is_none();
        for side in [Side::Client, Side::Server] {
            if side == Side::Server {
                match self.waits_for_the_record(cx) {
                    Ok(false) => {}
                    Ok(true) => continue,
                    Err(step) => return Turn::Stop(step),
                }
            }
            if let Some(peer) = self.peer(side)
                && let Poll::Ready(Err(error)) = peer.poll_flush(cx)
            {
                // What a server said before it closed is still to be read.
                if side == Side::Server && open && peer.write_no_more() {
                    continue;
                }
                return Turn::Stop(match self.closing {
                    Some(reason) => Step::Closed(reason),
                    None => Step::Broken(side, error),
                });
            }
        }
        let waits = !self.actions.is_empty() || self.closing.is_some();
        let drained = waits && self.client.settle() && self.server.as_mut().is_none_or(Peer::settle);
        if drained && let Some(action) = self.actions.pop_front() {
            return Turn::Stop(Step::Do(action));
        }
        if let Some(reason) = self.closing {
            let farewell = self.farewell.get_or_insert_with(|| Box::pin(sleep(FAREWELL)));
            let over = drained || farewell.as_mut().poll(cx).is_ready();
            return if over { Turn::Stop(Step::Closed(reason)) } else { Turn::Idle };
        }
        let mut moved = self.pursue(cx);
        for from in [Side::Client, Side::Server] {
            match self.read(from, cx) {
                Ok(read) => moved |= read,
                Err(error) => return Turn::Stop(Step::Broken(from, error)),
            }
        }
        if self.frames.len() >= RECORD_BATCH
            && let Err(step) = self.submit()
        {
            return Turn::Stop(step);
        }
        if moved { Turn::Moved } else { Turn::Idle }
    }

    /// Whether what goes to the server has to wait until its frames are on the disk.
    fn waits_for_the_record(&mut self, cx: &Context<'_>) -> Result<bool, Step> {
        if !self.record_first || self.server.as_ref().is_none_or(|server| server.pending.is_empty()) {
            return Ok(false);
        }
        if !self.frames.is_empty() {
            self.submit()?;
            self.submission = self.recorder.submitted();
        }
        Ok(!self.recorder.is_on_disk(self.submission, cx))
    }

    /// Reads from one side and lets the protocol have it, unless the other side can't take more.
    fn read(&mut self, from: Side, cx: &mut Context<'_>) -> io::Result<bool> {
        if from == Side::Client && self.question.is_some() {
            return self.read_ahead(cx);
        }
        if !self.actions.is_empty() || self.closing.is_some() || !self.engine.wants(from) || self.blocked(from) {
            return Ok(false);
        }
        let Some(peer) = self.peer(from) else { return Ok(false) };
        if peer.ended {
            return Ok(false);
        }
        match peer.poll_read(cx) {
            Poll::Pending => return Ok(false),
            Poll::Ready(Err(error)) => return Err(error),
            Poll::Ready(Ok(0)) => self.ended(from),
            Poll::Ready(Ok(_)) => self.receive(from),
        }
        self.resume();
        Ok(true)
    }

    /// A peer has sent all that it will.
    fn ended(&mut self, from: Side) {
        self.with_engine(|engine, output, _| engine.end(from, output));
        if self.closing.is_none()
            && let Some(other) = self.peer(other(from))
        {
            other.finish();
        }
        if self.closing.is_none() && self.peer(Side::Server).is_none_or(|peer| peer.ended) && self.client.ended {
            self.closing = Some(CloseReason::ClientDone);
        }
    }

    /// Offers the protocol again what it had left, since its mind may have changed.
    fn resume(&mut self) {
        for from in [Side::Client, Side::Server] {
            let waiting = self.peer(from).is_some_and(|peer| !peer.input.is_empty());
            if waiting && self.actions.is_empty() && self.closing.is_none() && self.engine.wants(from) {
                self.receive(from);
            }
        }
    }

    fn receive(&mut self, from: Side) {
        self.with_engine(|engine, output, peers| match peers.input(from) {
            Some(input) => engine.receive(from, input, output),
            None => Ok(()),
        });
    }

    /// Calls the protocol with the worker's output and takes what it put there.
    fn with_engine(&mut self, call: impl FnOnce(&mut dyn Protocol, &mut Output, &mut Peers<'_>) -> Result<(), ProtocolError>) {
        pool::with_output(|output| {
            output.now = moment::wall();
            let mut peers = Peers { client: &mut self.client, server: self.server.as_mut() };
            let mut result = call(self.engine.as_mut(), output, &mut peers);
            self.take_events(output);
            // What can be answered at once is, and the protocol goes on with what the client has sent.
            while let Some(answer) = self.answered.take().filter(|_| result.is_ok() && self.closing.is_none()) {
                output.text.clear();
                let answered = self.engine.answer(answer, output);
                result = answered.and_then(|()| self.engine.receive(Side::Client, &mut self.client.input, output));
                self.take_events(output);
            }
            let length = output.to_client.len();
            output.to_client.forward(length, &mut self.client.pending);
            let length = output.to_server.len();
            if let Some(server) = &mut self.server {
                output.to_server.forward(length, &mut server.pending);
            }
            output.to_server.clear();
            if let Err(error) = result {
                tracing::warn!(session = %self.session.id, %error, "the session left the protocol");
                let note = serde_json::json!({ "what": "violation", "error": error.to_string() });
                self.note(FrameKind::Note, &note);
                self.closing.get_or_insert(CloseReason::Violation);
            }
            output.record.drain_into(&mut self.frames);
            output.text.clear();
        });
        self.count();
    }

    /// Nothing can move: keep the record's time, and lend out memory that is not needed.
    fn rest(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        self.client.rest();
        if let Some(server) = &mut self.server {
            server.rest();
        }
        if self.frames.is_empty() {
            return Poll::Pending;
        }
        let every = self.flush_every;
        let flush = self.flush.get_or_insert_with(|| Box::pin(sleep(every)));
        if flush.as_mut().poll(cx).is_pending() {
            return Poll::Pending;
        }
        // The next frames find the timer in the past and would go at once: set it first.
        flush.as_mut().reset(Instant::now() + every);
        let again = flush.as_mut().poll(cx);
        if again.is_ready() {
            cx.waker().wake_by_ref();
        }
        match self.submit() {
            Ok(()) => Poll::Pending,
            Err(step) => {
                self.registered = false;
                Poll::Ready(step)
            }
        }
    }

    /// Has others know how far the session is.
    fn publish(&self) {
        let server = self.server.as_ref().map_or(0, |server| server.received);
        self.session.count(self.engine.totals(), self.client.received + server);
    }

    fn submit(&mut self) -> Result<(), Step> {
        self.publish();
        self.recorder.submit(&mut self.frames).map_err(|failed| match failed {
            Failed::Full => Step::Full,
            Failed::Write { .. } | Failed::Closed => Step::Unrecordable,
        })
    }

    fn peer(&mut self, side: Side) -> Option<&mut Peer> {
        match side {
            Side::Client => Some(&mut self.client),
            Side::Server => self.server.as_mut(),
        }
    }

    /// Whether what `from` sends has nowhere to go for now.
    fn blocked(&self, from: Side) -> bool {
        match from {
            Side::Client => self.server.as_ref().is_some_and(|server| !server.pending.is_empty()),
            Side::Server => !self.client.pending.is_empty(),
        }
    }
}

enum Turn {
    Moved,
    Idle,
    Stop(Step),
}

/// The peers' inputs, borrowed beside the protocol.
struct Peers<'a> {
    client: &'a mut Peer,
    server: Option<&'a mut Peer>,
}

impl Peers<'_> {
    fn input(&mut self, side: Side) -> Option<&mut gateway_core::buffer::Buffer> {
        match side {
            Side::Client => Some(&mut self.client.input),
            Side::Server => self.server.as_mut().map(|peer| &mut peer.input),
        }
    }
}

const fn other(side: Side) -> Side {
    match side {
        Side::Client => Side::Server,
        Side::Server => Side::Client,
    }
}
