//! What waits beside the bytes: the question that the protocol asked, and the time of what runs.

use super::Relay;
use crate::session::enforce::{Ask, Order, Pending, Read, Verdict, refuse};
use gateway_core::protocol::{Answer, Refusal, Side};
use std::future::Future;
use std::io;
use std::task::{Context, Poll};
use tokio::time::sleep_until;

/// How much of the client is read while its question waits, so that its end is seen.
const AHEAD: usize = 64 * 1024;

/// A question that is being looked into. Nothing of the client passes until it is answered.
pub(super) struct Question {
    ask: Ask<Vec<u8>>,
    read: Pending<Read>,
    /// How much of the client may wait in its input.
    room: usize,
}

impl Relay {
    /// Looks into what was asked, and answers what is known. Says whether anything was answered.
    pub(super) fn pursue(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(ask) = self.asked.take() {
            let Some(judge) = &self.enforcer else {
                self.answer(Answer::Verdict { id: ask.id, directive: refuse(unjudged()) });
                return true;
            };
            self.question = Some(Question { read: judge.read(&ask), ask, room: self.client.input.len() + AHEAD });
        }
        let Some(question) = &mut self.question else { return false };
        let Poll::Ready(read) = question.read.as_mut().poll(cx) else { return false };
        let (Some(question), Some(judge)) = (self.question.take(), &mut self.enforcer) else { return false };
        match judge.verdict(&question.ask, read, &mut self.frames) {
            Verdict::Answer(directive) => {
                self.answer(Answer::Verdict { id: question.ask.id, directive });
                if let Some(judge) = &mut self.enforcer {
                    // A place on the target that was taken and is not used.
                    judge.rest();
                }
            }
            Verdict::Killed => {}
        }
        true
    }

    /// Reads the client while its question waits. Its end withdraws the question.
    pub(super) fn read_ahead(&mut self, cx: &mut Context<'_>) -> io::Result<bool> {
        let room = self.question.as_ref().map_or(0, |question| question.room);
        if self.closing.is_some() || self.client.ended || self.client.input.len() >= room {
            return Ok(false);
        }
        match self.client.poll_read(cx) {
            Poll::Pending => Ok(false),
            Poll::Ready(Err(error)) => Err(error),
            Poll::Ready(Ok(0)) => {
                self.question = None;
                self.ended(Side::Client);
                Ok(true)
            }
            Poll::Ready(Ok(_)) => Ok(true),
        }
    }

    /// Takes a new policy set to the judge and the protocol, and looks at the time of what runs.
    pub(super) fn look(&mut self, cx: &mut Context<'_>) {
        if self.session.take_policy_change() {
            if let Some(gate) = &mut self.gate {
                gate.refresh();
            }
            if let Some(judge) = &mut self.enforcer {
                judge.refresh();
                let executions = judge.executions();
                self.answer(Answer::PolicyChanged { executions });
            }
        }
        while let Some(judge) = &mut self.enforcer
            && let Some(next) = judge.next_look()
        {
            // Most of what runs is over long before: the timer is set anew when it has passed, not each time.
            let timer = self.look.get_or_insert_with(|| Box::pin(sleep_until(next)));
            if timer.deadline() > next || (timer.is_elapsed() && timer.deadline() < next) {
                timer.as_mut().reset(next);
            }
            if timer.as_mut().poll(cx).is_pending() {
                return;
            }
            if timer.deadline() < next {
                continue;
            }
            let order = judge.look(&mut self.frames);
            self.obey(order);
            if self.session.kill_order().is_some() {
                return;
            }
        }
    }

    /// Counts what was moved; what is over a quota is not handed on.
    pub(super) fn count(&mut self) {
        if let Some(gate) = &mut self.gate {
            let bytes = self.client.received + self.server.as_ref().map_or(0, |server| server.received);
            gate.count(bytes, &mut self.frames);
        }
        let Some(judge) = &mut self.enforcer else { return };
        let bytes = self.client.received + self.server.as_ref().map_or(0, |server| server.received);
        let order = judge.count(self.engine.totals().rows, bytes, &mut self.frames);
        if order.is_some() {
            self.obey(order);
        }
    }

    fn obey(&mut self, order: Option<Order>) {
        match order {
            None => {}
            Some(Order::FailCopy(refusal)) => self.answer(Answer::FailCopy(refusal)),
        }
    }
}

/// Nobody judges: whoever asked for the question gets no answer but no.
pub(super) fn unjudged() -> Refusal {
    Refusal {
        code: "42501",
        message: "weir has no policy for operations".to_owned(),
        detail: String::new(),
        hint: String::new(),
        position: None,
    }
}
