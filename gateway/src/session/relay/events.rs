//! What the protocol reports: errands for the session, questions and answers for its judge.

use super::question::unjudged;
use super::{Action, Relay};
use crate::session::enforce::{Answered, Ask};
use crate::session::live::Keys;
use gateway_core::protocol::{Answer, Event, Outcome, Output};

impl Relay {
    pub(super) fn take_events(&mut self, output: &mut Output) {
        let mut events = std::mem::take(&mut output.events);
        for event in events.drain(..) {
            self.take_event(event, output);
        }
        output.events = events;
    }

    fn take_event(&mut self, event: Event, output: &mut Output) {
        if matches!(event, Event::Ask { .. }) {
            // What is decided is recorded behind what it is decided on.
            output.record.drain_into(&mut self.frames);
        }
        let output = &*output;
        let text = |span| String::from_utf8_lossy(output.kept(span)).into_owned();
        match event {
            Event::Dial { user, database, application } => self.actions.push_back(Action::Dial {
                user: text(&user),
                database: text(&database),
                application: text(&application),
            }),
            Event::StartTls(side) => self.actions.push_back(Action::StartTls(side)),
            Event::Credential => self.actions.push_back(Action::Credential),
            Event::SaltPassword { salt, iterations } => {
                self.actions.push_back(Action::SaltPassword { salt: output.kept(&salt).to_vec(), iterations });
            }
            Event::CancelRequest { pid, secret } => {
                self.actions.push_back(Action::CancelRequest { pid, secret: output.kept(&secret).to_vec() });
            }
            Event::Opened { server_pid, server_secret, client_secret } => {
                let keys = Keys {
                    pid: server_pid,
                    server_secret: output.kept(&server_secret).to_vec(),
                    client_secret: output.kept(&client_secret).to_vec(),
                };
                let _first = self.session.keys.set(keys).is_ok();
                self.deadline = None;
            }
            Event::Ask { id, kind, name, text, parameters, standing } => {
                let parameters = parameters.as_ref().map(|parameters| output.kept(parameters));
                let ask = Ask { id, kind, name: output.kept(&name), text: output.kept(&text), parameters, standing };
                let known = self.enforcer.as_mut().and_then(|judge| judge.at_once(ask, &mut self.frames));
                match known {
                    Some(directive) => self.answered = Some(Answer::Verdict { id, directive }),
                    None => self.asked = Some(ask.kept()),
                }
            }
            // What is begun has to be finished in the time that a session has to be open.
            Event::HelloBegun => self.deadline = Some(Box::pin(tokio::time::sleep(self.startup))),
            Event::Hello(hello) => {
                self.deadline = None;
                let greeted = match &mut self.gate {
                    Some(gate) => gate.hello(*hello, &mut self.frames),
                    None => Err(Box::new(unjudged())),
                };
                self.answered = Some(Answer::Greeted(greeted));
            }
            Event::Violation { side, what } => {
                tracing::warn!(session = %self.session.id, ?side, what, "refused");
            }
            Event::Close(reason) => {
                self.closing.get_or_insert(reason);
            }
            Event::Running(_)
            | Event::Answered { .. }
            | Event::Masked { .. }
            | Event::Finished(_)
            | Event::Bound { .. }
            | Event::Forgotten(_)
            | Event::Ready(_) => self.tell_judge(event, output),
        }
    }

    /// What the judge has to know of the server's answers.
    fn tell_judge(&mut self, event: Event, output: &Output) {
        let Some(judge) = &mut self.enforcer else { return };
        match event {
            Event::Running(id) => judge.running(id),
            Event::Answered { id, part, outcome } => {
                let answered = match &outcome {
                    Outcome::Done(tag) => Answered::Done(output.kept(tag)),
                    Outcome::Prepared => Answered::Prepared,
                    Outcome::Failed(_) => Answered::Failed,
                    Outcome::Refused | Outcome::Skipped => Answered::NotRun,
                };
                judge.answered(id, part, answered, &mut self.frames);
            }
            Event::Masked { id, part, rows, found } => {
                judge.masked(id, part, rows, output.kept(&found), &mut self.frames);
            }
            Event::Finished(id) => judge.finished(id),
            Event::Bound { id, name } => judge.bound(id, output.kept(&name)),
            Event::Forgotten(id) => judge.forgotten(id),
            Event::Ready(transaction) => judge.ready(transaction),
            Event::Dial { .. }
            | Event::StartTls(_)
            | Event::Credential
            | Event::SaltPassword { .. }
            | Event::Opened { .. }
            | Event::CancelRequest { .. }
            | Event::Ask { .. }
            | Event::HelloBegun
            | Event::Hello(_)
            | Event::Violation { .. }
            | Event::Close(_) => {}
        }
    }
}
