//! What a run contacted, what was allowed and what refused, read from its records.

mod render;

pub use render::{markdown, text};

use crate::evidence::{self, EvidenceError, State, Walk};
use gateway_core::model::ids::RunId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Contacts, and names, that are told apart. What is beyond is counted together.
const MOST: usize = 10_000;

/// A run in a line.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The run.
    pub run: String,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The configured workload's name.
    pub name: Option<String>,
    /// When its first session began, RFC 3339.
    pub started: String,
    /// Its sessions, refused ones included, its names' record apart.
    pub sessions: u64,
    /// Whether one of them is going on.
    pub live: bool,
}

/// All that is told of a run.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// The run.
    pub run: String,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The configured workload's name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// When its first session began, RFC 3339.
    pub started: Option<String>,
    /// When its last frame was made, RFC 3339.
    pub last: Option<String>,
    /// What it connected to, or tried to.
    pub contacts: Vec<Contact>,
    /// What it asked the resolver for.
    pub names: Vec<Asked>,
    /// What the kernel side refused it, by reason.
    pub kernel: BTreeMap<String, u64>,
    /// Contacts and names that are counted together, since there are too many.
    pub beyond: u64,
    /// Records that can't be read to their end.
    pub damaged: u64,
}

/// What a run connected to: sessions that differ in nothing but their times and bytes.
#[derive(Clone, Debug, Serialize)]
pub struct Contact {
    /// The name by which the run asked for it.
    pub name: Option<String>,
    /// The address.
    pub address: String,
    /// The port.
    pub port: u16,
    /// The target's name.
    pub target: String,
    /// What was spoken: a target's protocol, or what the client's first bytes are.
    pub protocol: String,
    /// What was decided.
    pub decision: Verdict,
    /// By which policies, or by what else.
    pub policies: Vec<String>,
    /// Sessions.
    pub sessions: u64,
    /// Bytes that the job sent.
    pub bytes_sent: u64,
    /// Bytes that it was sent.
    pub bytes_received: u64,
    /// How its sessions ended, and how many so.
    pub ends: BTreeMap<String, u64>,
}

/// What a run asked the resolver for.
#[derive(Clone, Debug, Serialize)]
pub struct Asked {
    /// The name.
    pub name: String,
    /// Record types.
    pub types: Vec<String>,
    /// What was decided.
    pub decision: Verdict,
    /// By which policies, or by what else.
    pub policies: Vec<String>,
    /// How often.
    pub questions: u64,
}

/// What was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was refused.
    Refused,
    /// It would have been refused in enforce mode.
    WouldBeRefused,
    /// It was allowed.
    Allowed,
}

impl Verdict {
    /// In a reader's words.
    #[must_use]
    pub const fn words(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::WouldBeRefused => "would be refused",
            Self::Allowed => "allowed",
        }
    }
}

/// All runs of a state directory, the oldest first.
///
/// # Errors
/// Where the records can't be read.
pub fn list(state_dir: &Path) -> Result<Vec<Line>, EvidenceError> {
    let mut lines: BTreeMap<String, Line> = BTreeMap::new();
    let mut order = Vec::new();
    for session in evidence::index(state_dir)? {
        let Some(run) = session.run.clone() else { continue };
        let line = lines.entry(run.clone()).or_insert_with(|| {
            order.push(run.clone());
            let started = evidence::utc(session.started);
            Line { run, workload: session.workload.clone(), name: session.name.clone(), started, sessions: 0, live: false }
        });
        line.sessions += u64::from(!session.is_of_a_run());
        line.live |= session.state == State::Live;
    }
    Ok(order.into_iter().filter_map(|run| lines.remove(&run)).collect())
}

/// One run; none where there is no record of it.
///
/// # Errors
/// Where the records can't be read.
pub fn read(state_dir: &Path, run: RunId) -> Result<Option<Summary>, EvidenceError> {
    let run = run.to_string();
    let mut gathered = Gathered::new(run.clone());
    let mut found = false;
    for session in evidence::index(state_dir)?.into_iter().filter(|session| session.run.as_ref() == Some(&run)) {
        found = true;
        gathered.summary.workload = gathered.summary.workload.take().or(session.workload);
        gathered.summary.name = gathered.summary.name.take().or(session.name);
        gathered.summary.owner = gathered.summary.owner.take().or(session.owner);
        gathered.time(session.started, session.last);
        gathered.session(state_dir, session.session)?;
    }
    Ok(found.then(|| gathered.finish()))
}

/// A summary in the making.
struct Gathered {
    summary: Summary,
    contacts: BTreeMap<ContactKey, Contact>,
    names: BTreeMap<(Verdict, String, Vec<String>), Asked>,
    times: Option<(Timestamp, Timestamp)>,
}

/// What tells contacts apart: decision, name, address, port, protocol, policies.
type ContactKey = (Verdict, String, String, u16, String, Vec<String>);

/// What one record says.
#[derive(Default)]
struct Seen {
    opened: Value,
    hello: Option<Value>,
    ended: Value,
    killed_by_quota: bool,
}

impl Gathered {
    fn new(run: String) -> Self {
        let summary = Summary {
            run,
            workload: None,
            name: None,
            owner: None,
            started: None,
            last: None,
            contacts: Vec::new(),
            names: Vec::new(),
            kernel: BTreeMap::new(),
            beyond: 0,
            damaged: 0,
        };
        Self { summary, contacts: BTreeMap::new(), names: BTreeMap::new(), times: None }
    }

    fn time(&mut self, started: Timestamp, last: Timestamp) {
        let (first, latest) = self.times.unwrap_or((started, last));
        self.times = Some((first.min(started), latest.max(last)));
    }

    fn session(&mut self, state_dir: &Path, session: gateway_core::model::ids::SessionId) -> Result<(), EvidenceError> {
        let mut walk = Walk::open(state_dir, session)?;
        let mut seen = Seen::default();
        loop {
            match walk.next(|kind| matches!(kind, FrameKind::Opened | FrameKind::Note | FrameKind::Ended)) {
                Ok(Some(frame)) => {
                    let body = || serde_json::from_slice::<Value>(frame.body).unwrap_or_default();
                    match frame.kind {
                        FrameKind::Opened => seen.opened = body(),
                        FrameKind::Ended => seen.ended = body(),
                        FrameKind::Note => self.note(body(), &mut seen),
                        FrameKind::Decision
                        | FrameKind::Statement
                        | FrameKind::Parameters
                        | FrameKind::Rows
                        | FrameKind::Completed
                        | FrameKind::Failed
                        | FrameKind::Digest => {}
                    }
                }
                Ok(None) => break,
                Err(EvidenceError::Broken { .. }) => {
                    self.summary.damaged += 1;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.contact(&seen);
        Ok(())
    }

    fn note(&mut self, note: Value, seen: &mut Seen) {
        match note.get("what").and_then(Value::as_str) {
            Some("hello") => seen.hello = Some(note),
            Some("name") => self.asked(&note),
            Some("kernel_refusals") => {
                for (reason, count) in note.get("reasons").and_then(Value::as_object).into_iter().flatten() {
                    *self.summary.kernel.entry(reason.clone()).or_default() += count.as_u64().unwrap_or_default();
                }
            }
            Some("finding") => seen.killed_by_quota |= note.get("would_refuse") == Some(&Value::Bool(false)),
            _ => {}
        }
    }

    fn asked(&mut self, note: &Value) {
        let name = string(note, "/name").unwrap_or_default();
        let (verdict, policies) = decision(note);
        let key = (verdict, name.clone(), policies.clone());
        if self.names.len() >= MOST && !self.names.contains_key(&key) {
            self.summary.beyond += 1;
            return;
        }
        let asked =
            self.names.entry(key).or_insert_with(|| Asked { name, types: Vec::new(), decision: verdict, policies, questions: 0 });
        asked.questions += note.get("times").and_then(Value::as_u64).unwrap_or(1);
        let record_type = string(note, "/type").unwrap_or_default();
        if !asked.types.contains(&record_type) {
            asked.types.push(record_type);
        }
    }

    fn contact(&mut self, seen: &Seen) {
        let Some(original) = string(&seen.opened, "/original").and_then(|text| text.parse::<std::net::SocketAddr>().ok()) else {
            return;
        };
        let (mut verdict, mut policies) = decision(&seen.opened);
        let hello = seen.hello.as_ref();
        if let Some(hello) = hello {
            let (later, by) = decision(hello);
            if later < verdict {
                (verdict, policies) = (later, by);
            }
        }
        if seen.killed_by_quota {
            verdict = Verdict::Refused;
        }
        let said = |pointer| hello.and_then(|hello| string(hello, pointer));
        let name = said("/host").or_else(|| string(&seen.opened, "/name"));
        let target = said("/target/name").or_else(|| string(&seen.opened, "/target/name")).unwrap_or_default();
        let configured = string(&seen.opened, "/target/protocol").filter(|protocol| protocol != "opaque");
        let protocol = configured.or_else(|| said("/hello/speaks")).unwrap_or_else(|| "tcp".to_owned());
        let address = original.ip().to_string();
        let shown = name.clone().unwrap_or_default();
        let key = (verdict, shown, address.clone(), original.port(), protocol.clone(), policies.clone());
        if self.contacts.len() >= MOST && !self.contacts.contains_key(&key) {
            self.summary.beyond += 1;
            return;
        }
        let contact = self.contacts.entry(key).or_insert_with(|| Contact {
            name,
            address,
            port: original.port(),
            target,
            protocol,
            decision: verdict,
            policies,
            sessions: 0,
            bytes_sent: 0,
            bytes_received: 0,
            ends: BTreeMap::new(),
        });
        let count = |name: &str| seen.ended.get(name).and_then(Value::as_u64).unwrap_or_default();
        contact.sessions += 1;
        contact.bytes_sent += count("bytes_from_client");
        contact.bytes_received += count("bytes_from_server");
        let end = string(&seen.ended, "/reason").unwrap_or_else(|| "not ended".to_owned());
        *contact.ends.entry(end).or_default() += 1;
    }

    fn finish(mut self) -> Summary {
        self.summary.contacts = self.contacts.into_values().collect();
        self.summary.names = self.names.into_values().collect();
        if let Some((started, last)) = self.times {
            self.summary.started = Some(evidence::utc(started));
            self.summary.last = Some(evidence::utc(last));
        }
        self.summary
    }
}

/// What a frame's decision says, and by what.
fn decision(frame: &Value) -> (Verdict, Vec<String>) {
    let decision = frame.get("decision").unwrap_or(&Value::Null);
    let flag = |name: &str| decision.get(name).and_then(Value::as_bool).unwrap_or_default();
    let verdict = match decision.get("outcome").and_then(Value::as_str) {
        Some("allow") => Verdict::Allowed,
        _ if flag("would_refuse") => Verdict::WouldBeRefused,
        _ => Verdict::Refused,
    };
    let texts = decision.get("policies").and_then(Value::as_array).into_iter().flatten();
    let mut policies: Vec<_> = texts.filter_map(Value::as_str).map(str::to_owned).collect();
    let reason = decision.get("reason").and_then(Value::as_str).filter(|reason| *reason != "policy");
    if verdict != Verdict::Allowed
        && let Some(reason) = reason
    {
        policies = vec![format!("({reason})")];
    }
    (verdict, policies)
}

fn string(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(str::to_owned)
}
