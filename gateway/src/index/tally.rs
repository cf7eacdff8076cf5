//! One record, read to what the index keeps of it: frame by frame, in bounded memory, however long it is.

use super::kinds::{Kind, Of, Outcome, Verb, Wrote};
use super::operations::{Judged, Operations};
use crate::evidence::{Seen, Summary};
use gateway_core::inspect::postgres::without_literals;
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Completed, Failure, Statement};
use serde_json::Value;
use std::collections::HashMap;

/// Things of one session that are told apart; what is beyond is not searched for.
const THINGS: usize = 512;
/// Statement texts of one session that are.
const STATEMENTS: usize = 32;
/// Characters of a statement's text, and of a name.
const STATEMENT: usize = 200;
const NAME: usize = 300;

/// Who connects as whom to what.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Profile {
    /// What the record is of.
    pub of: Option<Of>,
    /// The workload's SPIFFE id.
    pub workload: Option<String>,
    /// The configured workload's name.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// How well that is known.
    pub grade: Option<String>,
    /// Who has signed in to the shell that it comes from.
    pub person: Option<String>,
    /// The user id of its process.
    pub uid: Option<u32>,
    /// The executable.
    pub executable: Option<String>,
    /// The host.
    pub host: Option<String>,
    /// What it dialled, by name.
    pub target: Option<String>,
    /// The environment of that.
    pub environment: Option<String>,
    /// What it speaks.
    pub protocol: Option<String>,
    /// The user that it asked for.
    pub user: Option<String>,
    /// The database that it asked for.
    pub database: Option<String>,
    /// Which configured credential it got, by its reference; `passthrough` where it has its own.
    pub credential: Option<String>,
    /// The login that the configuration has for that, or that the job asked for.
    pub login: Option<String>,
}

/// What a session did with a thing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Deed {
    /// What sort of thing.
    pub kind: Kind,
    /// The thing.
    pub thing: String,
    /// What was done.
    pub verb: Verb,
    /// What came of it.
    pub outcome: Outcome,
}

/// How often, and how many rows the server sent for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// How often.
    pub count: u64,
    /// Rows.
    pub rows: u64,
}

/// What the index keeps of a record.
#[derive(Clone, Debug)]
pub struct Tally {
    /// The session in a line.
    pub summary: Summary,
    /// Who, as whom, to what.
    pub profile: Profile,
    /// The run.
    pub run: Option<RunId>,
    /// The policy set that decided last.
    pub set_hash: Option<String>,
    /// Whether it changed anything.
    pub wrote: Wrote,
    /// Rows that were masked.
    pub masked_rows: u64,
    /// Microseconds for which a server was at work.
    pub server_us: u64,
    /// Bytes that the job sent.
    pub sent: u64,
    /// Bytes that it was sent.
    pub received: u64,
    /// Frames that could not be written.
    pub lost: u64,
    /// The last that is known before its gateway died, where it did.
    pub cut: Option<Timestamp>,
    /// What it did.
    pub deeds: HashMap<Deed, Counts>,
    statements: usize,
    operations: Operations,
}

impl Tally {
    /// Of a record of which nothing was read yet.
    #[must_use]
    pub fn new(session: SessionId, live: bool) -> Self {
        Self {
            summary: Summary::new(session, live),
            profile: Profile::default(),
            run: None,
            set_hash: None,
            wrote: Wrote::No,
            masked_rows: 0,
            server_us: 0,
            sent: 0,
            received: 0,
            lost: 0,
            cut: None,
            deeds: HashMap::new(),
            statements: 0,
            operations: Operations::default(),
        }
    }

    /// Whether the body of such a frame is needed.
    #[must_use]
    pub const fn wants(kind: FrameKind) -> bool {
        !matches!(kind, FrameKind::Rows)
    }

    /// Hears the next frame.
    pub fn hear(&mut self, seen: &Seen<'_>) {
        let before = self.summary.last;
        self.summary.tick(seen.time);
        match seen.kind {
            FrameKind::Opened => self.opened(&json(seen.body)),
            FrameKind::Decision => self.decision(&json(seen.body)),
            FrameKind::Statement => self.statement(seen.time, seen.body),
            FrameKind::Parameters => {
                if let Some((operation, _)) = body::number(seen.body) {
                    self.operations.begin(operation, seen.time);
                }
            }
            FrameKind::Completed => self.completed(seen.time, seen.body),
            FrameKind::Failed => self.failed(seen.time, seen.body),
            FrameKind::Note => self.note((before, seen.time), &json(seen.body)),
            FrameKind::Ended => self.ended(&json(seen.body)),
            FrameKind::Rows | FrameKind::Digest => {}
        }
    }

    fn opened(&mut self, opened: &Value) {
        let text = |pointer: &str| text(opened, pointer);
        let summary = &mut self.summary;
        summary.run = text("/run");
        summary.workload = text("/principal/workload");
        summary.name = text("/principal/name");
        summary.owner = text("/principal/owner");
        summary.grade = text("/principal/grade");
        summary.target = text("/target/name");
        summary.original = text("/original");
        self.run = summary.run.as_deref().and_then(|run| run.parse().ok());
        let of = Of::record(summary);
        self.profile = Profile {
            of: Some(of),
            workload: summary.workload.clone(),
            name: summary.name.clone(),
            owner: summary.owner.clone(),
            grade: summary.grade.clone(),
            person: text("/principal/person/name"),
            uid: opened.pointer("/principal/process/uid").and_then(Value::as_u64).and_then(|uid| u32::try_from(uid).ok()),
            executable: text("/principal/process/executable"),
            host: text("/host"),
            target: summary.target.clone(),
            environment: text("/target/environment"),
            protocol: text("/target/protocol"),
            user: None,
            database: None,
            credential: text("/credential/source"),
            login: text("/credential/user"),
        };
        self.set_hash = text("/decision/set_hash");
        if of == Of::Session && self.profile.protocol.as_deref() != Some("postgres") {
            self.wrote = Wrote::Unknown;
        }
        self.at_the_door(opened);
    }

    /// What was decided on the connection itself: the target is its object.
    fn at_the_door(&mut self, opened: &Value) {
        let outcome = outcome(opened.get("decision").unwrap_or(&Value::Null));
        if let Some(target) = self.summary.target.clone().filter(|_| outcome != Outcome::Allowed && outcome != Outcome::Unasked) {
            self.deed(Kind::Object, target, Verb::Session, outcome, 0);
        }
    }

    fn decision(&mut self, decision: &Value) {
        let Some(operation) = decision.get("operation").and_then(Value::as_u64) else { return };
        if let Some(hash) = text(decision, "/set_hash") {
            self.set_hash = Some(hash);
        }
        let judged = Judged {
            accesses: texts(decision, "/accesses").map(access).collect(),
            outcome: outcome(decision),
            clear: classes(decision, "/reveals", "/class"),
            opaque: decision.get("unparsed").is_some() || decision.get("accesses_not_shown").is_some(),
        };
        if matches!(judged.outcome, Outcome::Denied | Outcome::Held) {
            for (verb, object) in judged.accesses.clone() {
                self.deed(Kind::Object, object, verb, judged.outcome, 0);
            }
        }
        let part = decision.get("part").and_then(Value::as_u64).unwrap_or_default();
        self.operations.judged(operation, part, judged);
    }

    fn statement(&mut self, time: Timestamp, body: &[u8]) {
        let Some(Statement { operation, kind, text }) = Statement::parse(body) else { return };
        self.operations.asked(operation, kind, time);
        let deed = Deed { kind: Kind::Statement, thing: shape(text), verb: Verb::Had, outcome: Outcome::Unasked };
        if !self.deeds.contains_key(&deed) {
            if self.statements >= STATEMENTS {
                return;
            }
            self.statements += 1;
        }
        self.count(deed, Counts { count: 1, rows: 0 });
    }

    fn completed(&mut self, time: Timestamp, body: &[u8]) {
        let Some(Completed { operation, rows, .. }) = Completed::parse(body) else {
            self.summary.statements += 1;
            return;
        };
        self.summary.statements += 1;
        self.summary.rows += rows;
        self.server_us += self.operations.ended(operation, time);
        self.done(operation, rows);
    }

    fn failed(&mut self, time: Timestamp, body: &[u8]) {
        self.summary.errors += 1;
        let Some(Failure { operation, .. }) = Failure::parse(body).filter(|failure| failure.operation != 0) else { return };
        self.summary.statements += 1;
        self.server_us += self.operations.ended(operation, time);
        self.operations.forget_run(operation);
    }

    /// A statement of that operation was answered.
    fn done(&mut self, operation: u64, rows: u64) {
        let Some(judged) = self.operations.answered(operation) else { return };
        if matches!(judged.outcome, Outcome::Denied | Outcome::Held) {
            return;
        }
        if judged.opaque {
            self.wrote = self.wrote.or(Wrote::Unknown);
        }
        for (verb, object) in judged.accesses {
            self.wrote = self.wrote.or(match verb {
                Verb::Write | Verb::Define | Verb::Administer => Wrote::Yes,
                Verb::Call | Verb::Other => Wrote::Unknown,
                Verb::Had | Verb::Read | Verb::Session | Verb::Masked | Verb::Clear => Wrote::No,
            });
            self.deed(Kind::Object, object, verb, judged.outcome, rows);
        }
        for class in judged.clear {
            self.deed(Kind::Class, class, Verb::Clear, Outcome::Unasked, rows);
        }
    }

    fn note(&mut self, (before, time): (Timestamp, Timestamp), note: &Value) {
        let number = |name: &str| note.get(name).and_then(Value::as_u64);
        match note.get("what").and_then(Value::as_str) {
            Some("startup") => {
                self.summary.user = text(note, "/user");
                self.summary.database = text(note, "/database");
                self.profile.user.clone_from(&self.summary.user);
                self.profile.database.clone_from(&self.summary.database);
                let own = self.profile.credential.is_none() || self.profile.credential.as_deref() == Some("passthrough");
                if own || self.profile.login.is_none() {
                    self.profile.login.clone_from(&self.summary.user);
                }
            }
            Some("hello") => {
                // What it is connected to is known better then.
                self.profile.target = text(note, "/target/name").or_else(|| self.profile.target.take());
                self.profile.environment = text(note, "/target/environment").or_else(|| self.profile.environment.take());
            }
            Some("masked") => {
                for class in classes(note, "/columns", "/classes") {
                    self.deed(Kind::Class, class, Verb::Masked, Outcome::Unasked, number("rows").unwrap_or_default());
                }
            }
            Some("finding") => self.finding(note),
            // From here on it runs: what came before was people's time.
            Some("hold") => {
                if let Some(operation) = number("operation") {
                    self.operations.begin(operation, time);
                }
            }
            Some("recovered") => self.cut = Some(before),
            Some("lost") => self.lost += number("frames").unwrap_or_default(),
            _ => {}
        }
    }

    /// In observe mode what would be hidden is shown.
    fn finding(&mut self, finding: &Value) {
        let kind = finding.get("kind").and_then(Value::as_str);
        let operation = finding.get("operation").and_then(Value::as_u64);
        let observed = finding.get("would_refuse").and_then(Value::as_bool) == Some(true);
        let shown = match kind {
            Some("would_mask") => classes(finding, "/columns", "/classes"),
            Some("hidden_by_class") if observed => texts(finding, "/classes").map(str::to_owned).collect(),
            _ => return,
        };
        let part = finding.get("part").and_then(Value::as_u64).unwrap_or_default();
        if let Some(operation) = operation {
            self.operations.shows(operation, part, shown);
        }
    }

    /// The session's own totals, where it lived to say them.
    fn ended(&mut self, ended: &Value) {
        let count = |name: &str, counted: u64| ended.get(name).and_then(Value::as_u64).unwrap_or(counted);
        self.summary.ended(ended);
        self.summary.reason = text(ended, "/reason");
        self.masked_rows = count("masked_rows", self.masked_rows);
        self.sent = count("bytes_from_client", 0);
        self.received = count("bytes_from_server", 0);
        if let Some(reason) = self.summary.reason.as_deref().map(|reason| cut(reason, NAME)) {
            self.deed(Kind::Reason, reason, Verb::Had, Outcome::Unasked, 0);
        }
    }

    fn deed(&mut self, kind: Kind, thing: String, verb: Verb, outcome: Outcome, rows: u64) {
        self.count(Deed { kind, thing, verb, outcome }, Counts { count: 1, rows });
    }

    fn count(&mut self, deed: Deed, more: Counts) {
        if deed.thing.is_empty() || (self.deeds.len() >= THINGS && !self.deeds.contains_key(&deed)) {
            return;
        }
        let counts = self.deeds.entry(deed).or_default();
        counts.count += more.count;
        counts.rows += more.rows;
    }
}

/// What a frame's decision came to.
fn outcome(decision: &Value) -> Outcome {
    let flag = |name: &str| decision.get(name).and_then(Value::as_bool).unwrap_or_default();
    match decision.get("outcome").and_then(Value::as_str) {
        Some("allow") => Outcome::Allowed,
        Some(_) if flag("would_refuse") => Outcome::WouldRefuse,
        Some("hold") => Outcome::Held,
        Some(_) if flag("held") => Outcome::Held,
        Some(_) => Outcome::Denied,
        None => Outcome::Unasked,
    }
}

/// `read public.users behind a_view`: what is done, and to what.
fn access(text: &str) -> (Verb, String) {
    let (verb, object) = text.split_once(' ').unwrap_or((text, ""));
    let object = object.split_once(" behind ").map_or(object, |(object, _)| object);
    (Verb::of_action(verb), cut(object, NAME))
}

/// A statement's text on a line, without its literals.
fn shape(text: &[u8]) -> String {
    // What is cut off need not be read.
    let beginning = text.get(..text.len().min(4 * STATEMENT)).unwrap_or_default();
    let bare = without_literals(&String::from_utf8_lossy(beginning));
    cut(&bare.split_whitespace().collect::<Vec<_>>().join(" "), STATEMENT)
}

fn cut(text: &str, characters: usize) -> String {
    text.chars().take(characters).collect()
}

fn text(value: &Value, pointer: &str) -> Option<String> {
    value.pointer(pointer).and_then(Value::as_str).map(|text| cut(text, NAME))
}

fn texts<'a>(value: &'a Value, pointer: &str) -> impl Iterator<Item = &'a str> {
    value.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// The classes that each of a list's items has at `place`: a text, or several.
fn classes(value: &Value, list: &str, place: &str) -> Vec<String> {
    let mut found = Vec::new();
    for item in value.pointer(list).and_then(Value::as_array).into_iter().flatten() {
        match item.pointer(place) {
            Some(Value::String(class)) => found.push(class.clone()),
            Some(Value::Array(_)) => found.extend(texts(item, place).map(str::to_owned)),
            _ => {}
        }
    }
    found.sort();
    found.dedup();
    found
}

fn json(body: &[u8]) -> Value {
    serde_json::from_slice(body).unwrap_or_default()
}

#[cfg(test)]
#[path = "tally_tests.rs"]
mod tests;
