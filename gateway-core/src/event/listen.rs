//! Hears the frames of one record in their order and tells what happened: the only place where events come from.

use super::operations::{End, Operations};
use super::read::{self, number, says, text};
use super::{Context, Decision, Event, Statement, What};
use crate::model::ids::SessionId;
use crate::model::time::Timestamp;
use crate::record::FrameKind;
use crate::record::body::{self, Completed, Failure};
use serde_json::Value;

/// Where the gateway's own record says that it went.
const NOWHERE: &str = "[::]:0";
/// What a finding keeps of a note, beside its own words.
const NOT_KEPT: [&str; 3] = ["what", "kind", "alert"];

/// Hears one record.
#[derive(Debug)]
pub struct Listener {
    host: String,
    session: SessionId,
    of: Of,
    context: Context,
    begun: Timestamp,
    /// The decision at the door, until it is known who asks for what there.
    door: Option<Decision>,
    operations: Operations,
    counts: Counts,
}

/// Whose record it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Of {
    /// A session's.
    Session,
    /// The gateway's own.
    Gateway,
    /// A run's: the names that it asked for, or what the kernel side refused it.
    Run,
}

/// What the session itself would have counted, had it lived to tell.
#[derive(Clone, Copy, Debug, Default)]
struct Counts {
    statements: u64,
    rows: u64,
    errors: u64,
}

/// Makes the events of one frame.
struct Told<'a, E> {
    seq: u64,
    time: Timestamp,
    of_it: u32,
    emit: &'a mut E,
}

impl Listener {
    /// A listener of the record of this session, which is on this host where the record does not say.
    #[must_use]
    pub fn new(host: &str, session: SessionId) -> Self {
        Self {
            host: host.to_owned(),
            session,
            of: Of::Session,
            context: Context::default(),
            begun: session.made_at(),
            door: None,
            operations: Operations::default(),
            counts: Counts::default(),
        }
    }

    /// Hears the next frame, with its number.
    pub fn hear<E: FnMut(Event)>(&mut self, seq: u64, time: Timestamp, kind: FrameKind, body: &[u8], emit: &mut E) {
        let told = &mut Told { seq, time, of_it: 0, emit };
        match kind {
            FrameKind::Opened => self.opened(&read::json(body), told),
            FrameKind::Decision => self.decision(&read::json(body), told),
            FrameKind::Statement => {
                self.let_in(told);
                let untold = body::Statement::parse(body).and_then(|sent| self.operations.sent(time, &sent));
                self.statement(untold, told);
            }
            FrameKind::Parameters => {
                self.let_in(told);
                if let Some((operation, _)) = body::number(body) {
                    self.operations.executed(time, operation);
                }
            }
            FrameKind::Rows | FrameKind::Digest => {}
            FrameKind::Completed => {
                self.let_in(told);
                let Some(Completed { operation, rows, bytes, tag }) = Completed::parse(body) else { return };
                self.counts.statements = self.counts.statements.saturating_add(1);
                self.counts.rows = self.counts.rows.saturating_add(rows);
                let end = End { at: time, rows, bytes, tag: Some(tag), error: None };
                let statement = self.operations.ended(operation, &end);
                self.statement(Some(statement), told);
            }
            FrameKind::Failed => {
                self.let_in(told);
                let Some(Failure { operation, code, message }) = Failure::parse(body) else { return };
                self.counts.errors = self.counts.errors.saturating_add(1);
                self.counts.statements = self.counts.statements.saturating_add(u64::from(operation != 0));
                let end = End { at: time, rows: 0, bytes: 0, tag: None, error: Some((code, message)) };
                let statement = self.operations.ended(operation, &end);
                self.statement(Some(statement), told);
            }
            FrameKind::Note => self.note(&read::json(body), told),
            FrameKind::Ended => self.ended(&read::json(body), told),
        }
    }

    fn opened<E: FnMut(Event)>(&mut self, opened: &Value, told: &mut Told<'_, E>) {
        self.context = read::context(opened);
        if let Some(host) = text(opened, "/host") {
            self.host = host;
        }
        self.begun = told.time;
        self.of = match (self.context.address.as_deref(), self.context.target.as_deref()) {
            (Some(NOWHERE), _) => Of::Gateway,
            (None, Some("names" | "kernel")) => Of::Run,
            (Some(_) | None, _) => Of::Session,
        };
        if self.of == Of::Gateway {
            (self.context.address, self.context.client) = (None, None);
        }
        if self.of != Of::Run {
            self.door = Some(opened.get("decision").map(read::decision).unwrap_or_default());
        }
        // What says who it is at the target says so in its next frame.
        if self.context.protocol.as_deref() != Some("postgres") {
            self.let_in(told);
        }
    }

    /// Tells of the session's beginning, where that was not told yet.
    fn let_in<E: FnMut(Event)>(&mut self, told: &mut Told<'_, E>) {
        if let Some(decision) = self.door.take() {
            self.tell(What::Opened { decision }, told);
        }
    }

    fn decision<E: FnMut(Event)>(&mut self, value: &Value, told: &mut Told<'_, E>) {
        self.let_in(told);
        self.operations.decided(value);
        if let Some(alert) = text(value, "/alert") {
            self.finding("policy_alert", Some(alert), value, told);
        }
    }

    fn statement<E: FnMut(Event)>(&self, statement: Option<Statement>, told: &mut Told<'_, E>) {
        if let Some(statement) = statement {
            self.tell(What::Statement(Box::new(statement)), told);
        }
    }

    fn note<E: FnMut(Event)>(&mut self, note: &Value, told: &mut Told<'_, E>) {
        let what = note.get("what").and_then(Value::as_str).unwrap_or_default();
        match what {
            "startup" => {
                self.context.user = text(note, "/user");
                self.context.database = text(note, "/database");
                self.context.application = text(note, "/application");
                self.let_in(told);
            }
            // It is noted before the session has said who it is at the target.
            "finding" => self.found(note, told),
            "masked" => self.operations.masked(note),
            "hold" => self.held(note),
            "admitted" => {
                self.let_in(told);
                let decision = Decision { held: true, ..note.get("decision").map(read::decision).unwrap_or_default() };
                self.tell(What::Opened { decision }, told);
            }
            "hello" => {
                self.let_in(told);
                self.context.target = text(note, "/target/name").or_else(|| self.context.target.take());
                self.context.environment = text(note, "/target/environment").or_else(|| self.context.environment.take());
                self.context.domain = text(note, "/host").or_else(|| self.context.domain.take());
                if denied(note) {
                    self.finding("hello_refused", None, note, told);
                }
            }
            "name" if denied(note) => self.finding("name_refused", None, note, told),
            "violation" | "kernel_refusals" | "lost" | "recovered" | "dial_failed" | "client_tls_failed" => {
                self.let_in(told);
                self.finding(what, text(note, "/alert"), note, told);
            }
            // A session has no word in what people decide.
            "control" if self.of == Of::Gateway => self.control(note.get("event").unwrap_or(&Value::Null), told),
            _ => {}
        }
    }

    fn found<E: FnMut(Event)>(&mut self, note: &Value, told: &mut Told<'_, E>) {
        let name = text(note, "/kind").unwrap_or_else(|| "finding".to_owned());
        if let Some(operation) = number(note, "/operation") {
            match name.as_str() {
                "hidden_by_class" | "max_concurrent" if !says(note, "/would_refuse") => self.operations.refused(operation),
                "quota" | "taken" => self.operations.begun(operation),
                _ => {}
            }
        }
        self.finding(&name, text(note, "/alert"), note, told);
    }

    fn held(&mut self, note: &Value) {
        let ended = matches!(note.get("state").and_then(Value::as_str), Some("denied" | "expired" | "withdrawn" | "abandoned"));
        if let Some(operation) = number(note, "/operation").filter(|_| ended) {
            self.operations.refused(operation);
        }
    }

    fn finding<E: FnMut(Event)>(&self, name: &str, alert: Option<String>, note: &Value, told: &mut Told<'_, E>) {
        let mut fields = read::pruned(note);
        if let Some(fields) = fields.as_object_mut() {
            NOT_KEPT.iter().for_each(|name| drop(fields.remove(*name)));
        }
        self.tell(What::Finding { name: name.to_owned(), alert, fields }, told);
    }

    fn control<E: FnMut(Event)>(&self, event: &Value, told: &mut Told<'_, E>) {
        let at = event.get("at").and_then(|at| serde_json::from_value(at.clone()).ok()).unwrap_or(told.time);
        let word = |pointer| text(event, pointer).unwrap_or_default();
        let what = What::Control {
            number: number(event, "/number").unwrap_or_default(),
            name: word("/kind"),
            by: word("/by"),
            subject: word("/subject"),
            details: read::pruned(event.get("details").unwrap_or(&Value::Null)),
            key: text(event, "/key"),
            signature: text(event, "/signature"),
        };
        told.event(self, at, what);
    }

    fn ended<E: FnMut(Event)>(&mut self, ended: &Value, told: &mut Told<'_, E>) {
        self.let_in(told);
        for statement in self.operations.left(told.time) {
            self.statement(Some(statement), told);
        }
        if self.of == Of::Run {
            return;
        }
        let count = |pointer, counted| number(ended, pointer).unwrap_or(counted);
        let what = What::Ended {
            reason: text(ended, "/reason").unwrap_or_default(),
            statements: count("/statements", self.counts.statements),
            rows: count("/rows", self.counts.rows),
            errors: count("/errors", self.counts.errors),
            bytes_in: count("/bytes_from_client", 0),
            bytes_out: count("/bytes_from_server", 0),
            duration_ns: told.time.0.saturating_sub(self.begun.0),
            killed: ended.get("kill").is_some_and(|kill| !kill.is_null()),
        };
        self.tell(what, told);
    }

    fn tell<E: FnMut(Event)>(&self, what: What, told: &mut Told<'_, E>) {
        told.event(self, told.time, what);
    }
}

impl<E: FnMut(Event)> Told<'_, E> {
    fn event(&mut self, listener: &Listener, at: Timestamp, what: What) {
        let Listener { host, session, context, .. } = listener;
        let uid = match self.of_it {
            0 => format!("{session}-{}", self.seq),
            before => format!("{session}-{}-{before}", self.seq),
        };
        self.of_it += 1;
        (self.emit)(Event { uid, at, host: host.clone(), session: *session, context: context.clone(), what });
    }
}

/// Whether the decision in a note refuses, in force or not.
fn denied(note: &Value) -> bool {
    note.pointer("/decision/outcome").and_then(Value::as_str) == Some("deny")
}
