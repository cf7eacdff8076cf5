//! Operations that wait for people: what is asked of them, what their answer is for, and what was approved before.

use super::operation::Part;
use super::verdict::{Approvals, Judged};
use super::{Ask, Enforcer, counted_at, frame, refusal};
use crate::evidence::now;
use crate::ledger::{Asked, Hold, HoldState, Parameter};
use crate::session::moment;
use crate::session::owner::involved;
use crate::session::people;
use gateway_core::control::hold::{self, Scope, Terms, Vote};
use gateway_core::hex::hex;
use gateway_core::inspect::postgres::without_literals;
use gateway_core::inspect::resolve::{Resource, calls_unreviewed};
use gateway_core::model::time::Timestamp;
use gateway_core::policy::Totals;
use gateway_core::protocol::postgres::recorded::{self, Value};
use gateway_core::protocol::{OperationKind, Refusal, Transaction};
use gateway_core::record::redact::without_passwords;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Approvals for a session that are remembered: what is beyond waits again.
const MOST: usize = 1_000;
/// Bytes of a statement, and of a parameter, that are shown to an approver.
const SHOWN: usize = 64 * 1024;
const SHOWN_PARAMETER: usize = 1024;
/// Parameters that are shown.
const SHOWN_PARAMETERS: usize = 1_000;

/// What is to be asked of people.
#[derive(Debug)]
pub struct Request {
    /// What they see.
    pub asked: Asked,
    /// What the policies want.
    pub terms: Vec<Terms>,
    /// The people whose own it is.
    pub involved: Vec<String>,
    /// What is told to the client that waits, but for the hold's id.
    pub notice: String,
    /// The text and the relations that it touches, where its rows can be estimated without running anything of anybody's; else why not.
    pub estimable: Result<Estimable, &'static str>,
    /// The same text may be approved for the session.
    key: Option<[u8; 32]>,
    /// The judgement without an approval, and what had been counted with its first statement.
    held: Arc<Judged>,
    counted: Totals,
}

/// A statement whose rows can be estimated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimable {
    /// Its text.
    pub text: String,
    /// All relations that it touches, each with its schema.
    pub relations: Vec<(String, String)>,
}

/// An answer that releases, with what it is for.
#[derive(Debug)]
pub struct Approval {
    votes: Vec<Vote>,
}

/// Approvals that hold for the rest of the session.
#[derive(Debug, Default)]
pub(super) struct Approved {
    texts: Vec<([u8; 32], Timestamp, Vec<Vote>)>,
}

impl Approved {
    /// The votes for a text with this key, while they hold.
    pub(super) fn find(&self, key: &[u8; 32], at: Timestamp) -> Option<&[Vote]> {
        self.texts.iter().find(|(text, until, _)| text == key && at < *until).map(|(.., votes)| votes.as_slice())
    }

    fn keep(&mut self, key: [u8; 32], until: Timestamp, votes: &[Vote]) {
        self.texts.retain(|(text, until, _)| *text != key && now() < *until);
        if self.texts.len() < MOST {
            self.texts.push((key, until, votes.to_vec()));
        }
    }
}

impl Enforcer {
    /// What people's approvals make of a text of which something waits for them: `judge` judges it with those. Where they are
    /// not enough, and nothing else denies it, what they are to be asked.
    pub(super) fn for_people(
        &self,
        ask: &Ask<&[u8]>,
        judged: &Arc<Judged>,
        approval: Option<&Approval>,
        counted: Totals,
        judge: impl Fn(Approvals<'_>) -> Judged,
    ) -> Result<(Arc<Judged>, Vec<Vote>), Box<Request>> {
        let assumed = judge(Approvals::Assumed);
        if assumed.refused.is_some() {
            // Something else denies it: nobody is woken for that.
            return Ok((Arc::clone(judged), Vec::new()));
        }
        if ask.kind == OperationKind::Prepare {
            // Nothing runs yet: it waits each time that it is bound.
            return Ok((Arc::new(assumed), Vec::new()));
        }
        let bound = self.operations.get(&ask.id).filter(|_| ask.kind == OperationKind::Execute);
        let key = self.session_key(&assumed, ask);
        let before = key.as_ref().and_then(|key| self.approved.find(key, now()));
        let involved = involved(&self.session.principal, &self.in_force);
        let ways = [approval.map(Approval::votes), before, bound.map(|operation| &*operation.votes), Some(&[])];
        for votes in ways.into_iter().flatten() {
            let given = judge(Approvals::Given { votes, involved: &involved });
            if given.refused.is_none() {
                return Ok((Arc::new(given), votes.to_vec()));
            }
        }
        // What it would be run with is not known, or not any more.
        let unknown = ask.parameters.is_none() && ask.name.is_empty();
        if unknown {
            return Ok((Arc::clone(judged), Vec::new()));
        }
        Err(Box::new(self.request(ask, &assumed, (judged, counted))))
    }

    /// What is asked of people about this text, of which all would be allowed with their approval.
    fn request(&self, ask: &Ask<&[u8]>, judged: &Judged, (held, counted): (&Arc<Judged>, Totals)) -> Request {
        let terms = judged.terms();
        let session = &self.session;
        let first = judged.decisions.iter().find(|(_, decision)| !decision.holds.is_empty());
        let command =
            first.and_then(|(number, _)| judged.parts.get(*number)).map_or("a statement", |part| part.statement.command);
        let (statement, cut) = shown(ask.text, judged);
        let asked = Asked {
            database: self.database.clone(),
            login: self.user.clone(),
            kind: frame::asked(ask.kind).to_owned(),
            statement,
            cut,
            parameters: parameters(ask, judged),
            accesses: judged.parts.iter().flat_map(|part| &part.questions).map(frame::access).collect(),
            message: held.decisions.last().and_then(|(_, decision)| decision.message.clone()),
            digest: hex(&digest(ask, &self.database, &self.user)),
            in_transaction: ask.standing.transaction != Transaction::Idle,
            ..people::of_session(session, &terms)
        };
        let whom = who(&terms);
        let message = asked.message.as_ref().map(|message| format!(": {message}")).unwrap_or_default();
        let notice = format!(
            "weir holds {command} on {}{message}; it waits for {whom}, at most {}",
            session.target.name,
            crate::telemetry::duration(hold::wait(&terms))
        );
        let key = self.session_key(judged, ask);
        let (involved, estimable, held) =
            (involved(&session.principal, &self.in_force), estimable(ask, judged), Arc::clone(held));
        Request { involved, estimable, asked, terms, notice, key, held, counted }
    }

    /// What approvals for a session are kept under: the text and all that it was judged to touch. None where a name in it may
    /// stand for something else the next time.
    fn session_key(&self, judged: &Judged, ask: &Ask<&[u8]>) -> Option<[u8; 32]> {
        let named = judged.parts.iter().any(|part| !part.statement.names.is_empty());
        if named || !ask.name.is_empty() || ask.kind == OperationKind::FunctionCall {
            return None;
        }
        let mut hash = Sha256::new_with_prefix(b"weir-text-v1");
        for text in [ask.text, self.database.as_bytes(), self.user.as_bytes()] {
            hash.update((text.len() as u64).to_be_bytes());
            hash.update(text);
        }
        for part in &judged.parts {
            hash.update(format!("{:?}", part.questions));
        }
        Some(hash.finalize().into())
    }

    /// Hears that a hold has ended: what is approved, or the refusal.
    ///
    /// # Errors
    /// The refusal, where it is not approved.
    pub fn answered_by_people(
        &mut self,
        ask: &Ask<Vec<u8>>,
        request: &Request,
        ended: &Hold,
        frames: &mut FrameBuffer,
    ) -> Result<Approval, Box<Refusal>> {
        let note = json!({
            "what": "hold", "hold": ended.id, "operation": ask.id.0, "state": ended.state, "digest": request.asked.digest,
            "policies": request.asked.policies, "votes": ended.votes, "answer": ended.answer,
        });
        frames.push_json(moment::wall(), FrameKind::Note, &note);
        if ended.state != HoldState::Approved {
            let refusal = refusal::by_people(&self.session, ask.id, ended);
            self.record(&ask.borrowed(), &request.held, |more| counted_at(request.counted, more), false, frames);
            self.written = None;
            self.house.totals().refused();
            self.session.refused();
            self.teller.tell(&refusal);
            return Err(Box::new(refusal));
        }
        if let (Scope::Session, Some(key)) = (hold::scope(&ended.votes), request.key) {
            let valid = u64::try_from(hold::valid(&ended.terms).as_nanos()).unwrap_or(u64::MAX);
            self.approved.keep(key, Timestamp(now().0.saturating_add(valid)), &ended.votes);
        }
        Ok(Approval { votes: ended.votes.clone() })
    }

    /// Notes that an operation waits, in the session's record.
    pub(super) fn waits(&mut self, ask: &Ask<&[u8]>, request: &Request, frames: &mut FrameBuffer) {
        if self.records_texts() && !self.operations.contains_key(&ask.id) && self.written != Some(ask.id) {
            frame::statement(frames, ask, &request.held);
            self.written = Some(ask.id);
        }
        let note = json!({
            "what": "hold", "operation": ask.id.0, "state": HoldState::Waiting, "digest": request.asked.digest,
            "policies": request.asked.policies, "terms": request.terms,
        });
        frames.push_json(moment::wall(), FrameKind::Note, &note);
    }
}

impl Approval {
    pub(super) fn votes(&self) -> &[Vote] {
        &self.votes
    }
}

/// Whose approval is waited for, in words.
pub(crate) fn who(terms: &[Terms]) -> String {
    let each = terms.iter().map(|terms| match terms.quorum {
        0 | 1 => format!("somebody of {}", terms.group),
        quorum => format!("{quorum} people of {}", terms.group),
    });
    let mut all: Vec<_> = each.collect();
    all.sort();
    all.dedup();
    all.join(" and ")
}

/// SHA-256 over the exact bytes and parameters, each behind its length.
fn digest(ask: &Ask<&[u8]>, database: &str, user: &str) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(b"weir-hold-v1");
    let kind = frame::asked(ask.kind).as_bytes();
    for part in [kind, ask.name, ask.text, ask.parameters.unwrap_or_default(), database.as_bytes(), user.as_bytes()] {
        hash.update((part.len() as u64).to_be_bytes());
        hash.update(part);
    }
    hash.finalize().into()
}

/// The text as an approver sees it: without its literals where one may be a value of a class, and never with a password.
fn shown(text: &[u8], judged: &Judged) -> (String, bool) {
    let mut told = Vec::with_capacity(text.len());
    without_passwords(text, &mut told);
    let text = told.as_slice();
    let hidden = judged.parts.iter().any(|part| part.masked.text_unrecorded || part.statement.facts.unparsed.is_some());
    let text = match std::str::from_utf8(text) {
        Ok(text) if hidden => Cow::Owned(without_literals(text)),
        Ok(text) => Cow::Borrowed(text),
        Err(_) if hidden => Cow::Borrowed(""),
        Err(_) => String::from_utf8_lossy(text),
    };
    let end = (0..=SHOWN.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or_default();
    (text.get(..end).unwrap_or_default().to_owned(), end < text.len())
}

fn parameters(ask: &Ask<&[u8]>, judged: &Judged) -> Vec<Parameter> {
    if ask.kind != OperationKind::Bind {
        return Vec::new();
    }
    let unrecorded = |part: &Part| part.masked.plan.as_ref().is_some_and(|plan| plan.parameters_unrecorded);
    let hidden = judged.parts.iter().any(unrecorded);
    let read = recorded::parameters(ask.parameters.unwrap_or_default());
    let values = read.values.into_iter().take(SHOWN_PARAMETERS);
    values
        .map(|value| match value {
            _ if hidden => Parameter::Hidden,
            Value::Null | Value::Lost => Parameter::Null,
            Value::Bytes { bytes, format: Some(0) | None, .. } => {
                let bytes = bytes.get(..SHOWN_PARAMETER).unwrap_or(bytes);
                Parameter::Text(String::from_utf8_lossy(bytes).into_owned())
            }
            Value::Bytes { length, .. } => Parameter::Binary(length),
        })
        .collect()
}

/// The text, where an EXPLAIN of it runs nothing: one statement without parameters, and all that it calls is reviewed.
fn estimable(ask: &Ask<&[u8]>, judged: &Judged) -> Result<Estimable, &'static str> {
    let [part] = judged.parts.as_slice() else { return Err("it is not one statement") };
    if ask.kind != OperationKind::Query || !ask.name.is_empty() || !part.statement.names.is_empty() {
        return Err("it has parameters");
    }
    if !matches!(part.statement.command, "SELECT" | "INSERT" | "UPDATE" | "DELETE" | "MERGE") || part.statement.facts.explain {
        return Err("it is not SELECT, INSERT, UPDATE, DELETE or MERGE");
    }
    if part.hidden || part.statement.facts.opaque || calls_unreviewed(&part.questions) {
        return Err("it calls functions that nobody has reviewed, which a plan may run");
    }
    if ask.standing.transaction != Transaction::Idle {
        return Err("what its transaction has changed is not seen from outside");
    }
    let text = std::str::from_utf8(ask.text).map_err(|_not_utf8| "its text is not UTF-8")?;
    if text.contains('\\') {
        return Err("it has a backslash, which the gateway's connection may read otherwise");
    }
    let mut relations = BTreeMap::new();
    for question in &part.questions {
        if question.behind.is_some() {
            return Err("it reads a view");
        }
        match &question.resource {
            Resource::Table(Some(schema), name) => {
                if relations.insert(name.to_string(), schema.to_string()).is_some_and(|other| other != **schema) {
                    return Err("one name in it may be a table of several schemas");
                }
            }
            Resource::Table(None, _) => return Err("in which schema its tables are is not known"),
            Resource::Target | Resource::Schema(_) | Resource::Function(..) => {}
        }
    }
    let relations = relations.into_iter().map(|(name, schema)| (schema, name)).collect();
    Ok(Estimable { text: text.to_owned(), relations })
}
