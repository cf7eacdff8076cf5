//! What waits beside the bytes: the question that the protocol asked, and the time of what runs.

use super::Relay;
use crate::ledger::Hold;
use crate::session::enforce::{Approval, Ask, Order, Pending, Read, Request, Verdict, refuse};
use crate::telemetry;
use gateway_core::model::ids::HoldId;
use gateway_core::protocol::{Answer, Refusal, Side};
use gateway_core::record::FrameKind;
use std::future::Future;
use std::io;
use std::task::{Context, Poll};
use tokio::time::sleep_until;

/// How much of the client is read while its question waits, so that its end is seen.
const AHEAD: usize = 64 * 1024;

/// A question that is being looked into. Nothing of the client passes until it is answered.
pub(super) struct Question {
    ask: Ask<Vec<u8>>,
    stage: Stage,
    /// How much of the client may wait in its input.
    room: usize,
}

/// What is waited for.
enum Stage {
    /// What the answer rests on, and what people have approved for it.
    Reading(Pending<Read>, Option<Approval>),
    /// People.
    Held(Box<Request>, Pending<Result<Hold, String>>),
}

/// What has come.
enum Come {
    Read(Read),
    People(Box<Result<Hold, String>>),
}

impl Relay {
    /// Looks into what was asked, and answers what is known. Says whether anything was answered.
    pub(super) fn pursue(&mut self, cx: &mut Context<'_>) -> bool {
        if let Some(ask) = self.asked.take() {
            let Some(judge) = &self.enforcer else {
                self.answer(Answer::Verdict { id: ask.id, directive: refuse(unjudged()) });
                return true;
            };
            let (stage, room) = (Stage::Reading(judge.read(&ask), None), self.client.input.len() + AHEAD);
            self.question = Some(Question { ask, stage, room });
        }
        self.withdraw();
        let Some(question) = &mut self.question else { return false };
        let come = match &mut question.stage {
            Stage::Reading(read, _) => read.as_mut().poll(cx).map(Come::Read),
            Stage::Held(_, ended) => ended.as_mut().poll(cx).map(|ended| Come::People(Box::new(ended))),
        };
        let Poll::Ready(come) = come else { return false };
        let Some(Question { ask, stage, room }) = self.question.take() else { return false };
        match (come, stage) {
            (Come::Read(read), Stage::Reading(_, approval)) => self.read_up(ask, room, read, approval.as_ref()),
            (Come::People(ended), Stage::Held(request, _)) => self.people_have_answered(ask, room, &request, *ended),
            (Come::Read(_), Stage::Held(..)) | (Come::People(_), Stage::Reading(..)) => {}
        }
        true
    }

    fn read_up(&mut self, ask: Ask<Vec<u8>>, room: usize, read: Read, approval: Option<&Approval>) {
        let Some(judge) = &mut self.enforcer else { return };
        match judge.verdict(&ask, read, approval, &mut self.frames) {
            Verdict::Answer(directive) => {
                self.answer(Answer::Verdict { id: ask.id, directive });
                if let Some(judge) = &mut self.enforcer {
                    // A place on the target that was taken and is not used.
                    judge.rest();
                }
            }
            Verdict::Hold(request) => {
                judge.rest();
                let (id, ended) = judge.ask_people(&request);
                self.question = Some(Question { ask, stage: Stage::Held(request, ended), room });
                self.tell_of_hold(id);
            }
            Verdict::Killed => {}
        }
    }

    /// Tells the client, and the job's log, that they wait: for whom, and how long at most.
    fn tell_of_hold(&mut self, id: HoldId) {
        let Some(Question { stage: Stage::Held(request, _), .. }) = &self.question else { return };
        let notice = format!("{} (hold {id}, session {})", request.notice, self.session.id);
        telemetry::inform_job(notice.strip_prefix("weir ").unwrap_or(&notice));
        self.answer(Answer::Notice(notice));
    }

    fn people_have_answered(&mut self, ask: Ask<Vec<u8>>, room: usize, request: &Request, ended: Result<Hold, String>) {
        let Some(judge) = &mut self.enforcer else { return };
        let answered = match ended {
            Ok(ended) => judge.answered_by_people(&ask, request, &ended, &mut self.frames),
            Err(error) => {
                tracing::error!(session = %self.session.id, %error, "nobody could be asked: refused");
                Err(Box::new(unasked()))
            }
        };
        match answered {
            // It is put again: what it rests on may be another by now.
            Ok(approval) => {
                let stage = Stage::Reading(judge.read(&ask), Some(approval));
                self.question = Some(Question { ask, stage, room });
            }
            Err(refusal) => self.answer(Answer::Verdict { id: ask.id, directive: refuse(*refusal) }),
        }
    }

    /// The client has asked to cancel what it waits for: nobody has to look at it any more.
    fn withdraw(&mut self) {
        let held = matches!(&self.question, Some(Question { stage: Stage::Held(..), .. }));
        if !self.session.take_withdrawal() || !held {
            return;
        }
        if let Some(question) = self.question.take() {
            let note = serde_json::json!({ "what": "hold", "operation": question.ask.id.0, "state": "withdrawn" });
            self.note(FrameKind::Note, &note);
            self.answer(Answer::Verdict { id: question.ask.id, directive: refuse(cancelled()) });
        }
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

/// Nobody could be asked.
fn unasked() -> Refusal {
    Refusal {
        code: "42501",
        message: "weir could not write down what it has to ask people".to_owned(),
        detail: String::new(),
        hint: "its log says why".to_owned(),
        position: None,
    }
}

/// What the server says to a statement that its client has cancelled (57014, `query_canceled`).
fn cancelled() -> Refusal {
    Refusal {
        code: "57014",
        message: "canceling statement due to user request".to_owned(),
        detail: "weir held it; nobody had approved it yet".to_owned(),
        hint: String::new(),
        position: None,
    }
}
