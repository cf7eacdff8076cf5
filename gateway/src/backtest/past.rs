//! Walks through recorded decisions, the oldest session first.

use crate::evidence::{EvidenceError, Walk, files};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::principal::Principal;
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::model::time::Timestamp;
use gateway_core::policy::basis::{KeptConnect, KeptName, KeptOperation, Unkept, Verdict};
use gateway_core::record::FrameKind;
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeSet;
use std::path::Path;
use std::time::{Duration, UNIX_EPOCH};

/// What is looked at.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Decisions since then.
    pub since: Timestamp,
    /// Of this workload, by the name of its `[[workload]]` entry or its SPIFFE id.
    pub workload: Option<String>,
    /// At this target.
    pub target: Option<String>,
}

/// The session, or the run's names, that a decision is of.
#[derive(Clone, Debug)]
pub struct Session {
    /// The record.
    pub id: SessionId,
    /// The run.
    pub run: Option<RunId>,
    /// Who.
    pub principal: Principal,
    /// Whereto, as far as it was known when it began.
    pub target: Target,
}

/// A recorded decision.
#[derive(Debug)]
pub struct Past {
    /// When it was made.
    pub at: Timestamp,
    /// The operation; none of what is decided at the door.
    pub operation: Option<u64>,
    /// What was decided on, or why that can't be decided again.
    pub asked: Result<Asked, Unkept>,
    /// The command, `connect` or `resolve`.
    pub command: String,
    /// What was touched, in words.
    pub touched: Vec<String>,
    /// What the policies said.
    pub verdict: Verdict,
    /// Whether it went through all the same.
    pub passed: bool,
    /// Whether that was because policy had been set aside.
    pub by_glass: bool,
    /// Whether it would have been refused, had the mode been enforce.
    pub would_refuse: bool,
    /// The policies that decided.
    pub policies: Vec<String>,
    /// The classes that were shown.
    pub revealed: Vec<String>,
    /// The set's hash.
    pub set: String,
}

/// What a decision was on.
#[derive(Debug)]
pub enum Asked {
    /// A session begins, or its client has spoken.
    Connect(Box<KeptConnect>, Target),
    /// A name is resolved: the name and its record type.
    Name(Box<KeptName>, String, String),
    /// A statement, which may only be prepared.
    Operation(Box<KeptOperation>, bool),
}

/// What the walk comes to.
#[derive(Debug)]
pub enum Item {
    /// A decision.
    Decided(Past),
    /// A note that a shadow set would have decided otherwise, or that something would have been refused.
    Noted(Timestamp, Value),
    /// The session's end, with its totals.
    Ended(Value),
}

/// How far a walk is.
#[derive(Clone, Copy, Debug, Default)]
pub struct Progress {
    /// Records that are done.
    pub records: usize,
    /// Of so many.
    pub of: usize,
    /// Decisions that were looked at.
    pub decisions: u64,
}

/// What was walked through.
#[derive(Clone, Copy, Debug, Default)]
pub struct Walked {
    /// Records of which something was looked at.
    pub sessions: u64,
    /// Decisions.
    pub decisions: u64,
    /// Records that could not be read to their ends.
    pub damaged: u64,
}

/// Walks through all that `filter` is about. `progress` is told after each record.
///
/// # Errors
/// Where the records can't be read.
pub fn walk(
    state_dir: &Path,
    filter: &Filter,
    mut progress: impl FnMut(Progress),
    mut each: impl FnMut(&Session, Item),
) -> Result<Walked, EvidenceError> {
    let sessions = sessions(state_dir, filter.since)?;
    let mut walked = Walked::default();
    for (number, id) in sessions.iter().enumerate() {
        match session(state_dir, *id, filter, &mut walked, &mut each) {
            // One that has gone meanwhile is none.
            Ok(()) | Err(EvidenceError::NoSession { .. }) => {}
            Err(EvidenceError::Broken { .. }) => walked.damaged += 1,
            Err(error) => return Err(error),
        }
        progress(Progress { records: number + 1, of: sessions.len(), decisions: walked.decisions });
    }
    Ok(walked)
}

/// The records that have been written to since then.
fn sessions(state_dir: &Path, since: Timestamp) -> Result<Vec<SessionId>, EvidenceError> {
    let since = UNIX_EPOCH + Duration::from_nanos(since.0);
    let mut found = BTreeSet::new();
    for (path, name) in files::all(state_dir)? {
        let Some((session, _)) = name else { continue };
        let written = std::fs::metadata(&path).and_then(|about| about.modified());
        if written.map_or(true, |at| at >= since) {
            found.insert(session);
        }
    }
    Ok(found.into_iter().collect())
}

fn session(
    state_dir: &Path,
    id: SessionId,
    filter: &Filter,
    walked: &mut Walked,
    each: &mut impl FnMut(&Session, Item),
) -> Result<(), EvidenceError> {
    let mut walk = Walk::open(state_dir, id)?;
    let wanted = |kind| matches!(kind, FrameKind::Opened | FrameKind::Decision | FrameKind::Note | FrameKind::Ended);
    let mut session = None::<Session>;
    let mut told = false;
    while let Some(seen) = walk.next(wanted)? {
        let mut items = Vec::new();
        match (seen.kind, &session) {
            (FrameKind::Opened, _) => {
                let opened = Opened::read(seen.body);
                let Some(known) = opened.as_ref().and_then(|opened| opened.session(id)) else { return Ok(()) };
                if !filter.concerns(&known) {
                    return Ok(());
                }
                items.extend(opened.and_then(|opened| at_the_door(seen.time, &known.target, opened.decision?)));
                session = Some(known);
            }
            (FrameKind::Decision, Some(_)) => items.extend(decided(seen.time, seen.body)),
            (FrameKind::Note, Some(session)) => note(seen.time, seen.body, session, &mut items),
            (FrameKind::Ended, Some(_)) => {
                items.push(Item::Ended(serde_json::from_slice(seen.body).unwrap_or_default()));
            }
            _ => {}
        }
        let Some(session) = session.as_ref().filter(|_| seen.time >= filter.since) else { continue };
        for item in items {
            if let Item::Decided(past) = &item {
                if !filter.is_at(past, session) {
                    continue;
                }
                walked.decisions += 1;
            }
            walked.sessions += u64::from(!std::mem::replace(&mut told, true));
            each(session, item);
        }
    }
    Ok(())
}

impl Filter {
    fn concerns(&self, session: &Session) -> bool {
        let Principal { workload, name, .. } = &session.principal;
        self.workload.as_ref().is_none_or(|wanted| *wanted == workload.0 || Some(wanted) == name.as_ref())
    }

    fn is_at(&self, past: &Past, session: &Session) -> bool {
        let target = past.target(session);
        self.target.as_ref().is_none_or(|wanted| *wanted == target.name)
    }
}

impl Past {
    /// The target that was decided on.
    #[must_use]
    pub fn target<'a>(&'a self, session: &'a Session) -> &'a Target {
        match &self.asked {
            Ok(Asked::Connect(_, target)) => target,
            Ok(Asked::Name(kept, ..)) => &kept.target,
            Ok(Asked::Operation(..)) | Err(_) => &session.target,
        }
    }
}

/// The first frame, as far as it matters.
#[derive(Deserialize)]
struct Opened {
    run: Option<RunId>,
    principal: Option<Principal>,
    target: Value,
    decision: Option<Decision>,
}

impl Opened {
    fn read(body: &[u8]) -> Option<Self> {
        serde_json::from_slice(body).ok()
    }

    /// None of the gateway's own record, and of what the kernel side refused.
    fn session(&self, id: SessionId) -> Option<Session> {
        let principal = self.principal.clone()?;
        let name = self.target.get("name").and_then(Value::as_str)?;
        let target = Target::deserialize(&self.target).ok().or_else(|| {
            // The names of a run are told by a protocol that no target has.
            let names = Target { name: name.to_owned(), environment: None, protocol: ProtocolName::Opaque, configured: false };
            (name == "names").then_some(names)
        })?;
        (target.configured || name != "weir").then_some(Session { id, run: self.run, principal, target })
    }
}

/// A decision, as any frame has it.
#[derive(Deserialize)]
struct Decision {
    outcome: String,
    #[serde(default)]
    held: bool,
    #[serde(default)]
    policies: Vec<String>,
    mode: String,
    #[serde(default)]
    would_refuse: bool,
    set_hash: String,
    facts: Option<Value>,
    reason: Option<String>,
    // Of a statement.
    operation: Option<u64>,
    asked: Option<String>,
    command: Option<String>,
    #[serde(default)]
    accesses: Vec<String>,
    #[serde(default)]
    reveals: Vec<Revealed>,
}

#[derive(Deserialize)]
struct Revealed {
    class: String,
}

impl Decision {
    fn verdict(&self) -> Verdict {
        match self.outcome.as_str() {
            "allow" => Verdict::Allow,
            "hold" => Verdict::Hold,
            _ if self.held => Verdict::Hold,
            _ => Verdict::Deny,
        }
    }

    /// The decision as a whole, with what it was on.
    fn past(self, at: Timestamp, asked: Result<Asked, Unkept>, command: &str) -> Past {
        let verdict = self.verdict();
        let refuses = verdict != Verdict::Allow && self.mode == "enforce";
        // What is prepared with an approval to come is let through.
        let passed = !refuses || self.outcome == "hold";
        Past {
            at,
            operation: self.operation,
            asked,
            command: self.command.unwrap_or_else(|| command.to_owned()),
            touched: self.accesses,
            verdict,
            passed,
            by_glass: verdict != Verdict::Allow && self.mode == "break-glass",
            would_refuse: self.would_refuse,
            policies: self.policies,
            revealed: self.reveals.into_iter().map(|revealed| revealed.class).collect(),
            set: self.set_hash,
        }
    }
}

/// The decision at the door. What the policies said is in its facts: what was told may be by a block, or by a limit.
fn at_the_door(at: Timestamp, target: &Target, decision: Decision) -> Option<Item> {
    if decision.set_hash.is_empty() {
        return None;
    }
    let kept = KeptConnect::read(decision.facts.as_ref());
    let verdict = kept.as_ref().map_or_else(|_unkept| decision.verdict(), |kept| kept.verdict);
    let always = decision.reason.as_ref().is_some_and(|reason| matches!(reason.as_str(), "block" | "owner_left"));
    let passed = !always && (decision.mode != "enforce" || (verdict == Verdict::Allow && decision.reason.is_none()));
    let asked = kept.map(|kept| Asked::Connect(Box::new(kept), target.clone()));
    let mut past = decision.past(at, asked, "connect");
    past.touched = vec![format!("connect {}", target.name)];
    (past.verdict, past.passed) = (verdict, passed);
    Some(Item::Decided(past))
}

fn decided(at: Timestamp, body: &[u8]) -> Option<Item> {
    let decision: Decision = serde_json::from_slice(body).ok()?;
    let prepares = decision.asked.as_deref() == Some("prepare");
    let asked = KeptOperation::read(decision.facts.as_ref()).map(|kept| Asked::Operation(Box::new(kept), prepares));
    Some(Item::Decided(decision.past(at, asked, "")))
}

fn note(at: Timestamp, body: &[u8], session: &Session, items: &mut Vec<Item>) {
    let Ok(mut note) = serde_json::from_slice::<Value>(body) else { return };
    let what = note.get("what").and_then(Value::as_str).unwrap_or_default();
    if matches!(what, "finding" | "shadow") {
        return items.push(Item::Noted(at, note));
    }
    if !matches!(what, "hello" | "admitted" | "name") {
        return;
    }
    let named = what == "name";
    let Some(decision) = note.get_mut("decision").map(Value::take).and_then(|decision| Decision::deserialize(decision).ok())
    else {
        return;
    };
    if !named {
        let target = note.get("target").and_then(|target| Target::deserialize(target).ok());
        return items.extend(at_the_door(at, target.as_ref().unwrap_or(&session.target), decision));
    }
    let text = |key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
    // What is refused by the resolver's own rules no policy was asked for.
    if decision.reason.as_ref().is_some_and(|reason| reason != "policy") {
        return;
    }
    let (name, record_type) = (text("name"), text("type"));
    let touched = vec![format!("resolve {name}")];
    let asked = KeptName::read(decision.facts.as_ref()).map(|kept| Asked::Name(Box::new(kept), name, record_type));
    items.push(Item::Decided(Past { touched, ..decision.past(at, asked, "resolve") }));
}
