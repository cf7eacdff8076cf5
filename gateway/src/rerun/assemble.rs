//! Frames to operations: what was prepared, bound and run, in the order in which it was, with what came back.
//!
//! The record has no frame for a Bind or an Execute by itself: the parameters of an execution are its beginning, and its end
//! is found by the operation's number, in the order in which the server answers. What got no end although something behind
//! it did was passed over by the server, after an error, up to the next Sync.

use super::exact::{End, Rows};
use super::exact::{Exact, Expected, Kind, Obstacle, Prepared};
use super::missing;
use crate::evidence::Seen;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Completed, Digest, Failure, Statement};
use serde_json::Value;
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

/// Operations that were sent and have no end yet. The gateway lets no more be pipelined.
const MOST_PENDING: usize = 65_536;
/// Prepared statements whose texts are kept, and the bytes of these: the oldest go first.
const MOST_PREPARED: usize = 10_000;
const MOST_TEXT: usize = 64 << 20;
/// Rows of an operation are held, to say where they differ, up to so many bytes.
const MOST_ROWS: usize = 4 << 20;

/// What a portal that was not read to its end says.
const SUSPENDED: &[u8] = b"PORTAL SUSPENDED";

/// Puts one session's operations together.
pub(super) struct Assembler {
    session: SessionId,
    /// Whether nothing was left out of texts and parameters.
    exact: bool,
    prepared: HashMap<u64, Known>,
    /// In the order in which they came.
    order: VecDeque<u64>,
    text_bytes: usize,
    queue: VecDeque<Pending>,
    /// What weir refused, and has not been answered yet.
    refused: HashSet<u64>,
    /// Portals that were left off, by their statement.
    suspended: HashSet<u64>,
    /// Operations that the server passed over after an error.
    passed_over: u64,
    over: bool,
}

/// A prepared statement.
struct Known {
    prepared: Arc<Prepared>,
    /// Something had run before it without a Sync in between.
    unsynced: bool,
}

/// An operation in the making.
struct Pending {
    exact: Exact,
    /// No Sync was between it and what ran before.
    unsynced: bool,
    /// Its end came; a Query may have more than one.
    answered: bool,
}

impl Assembler {
    /// Of nothing yet.
    #[must_use]
    pub(super) fn new(session: SessionId, exact: bool) -> Self {
        Self {
            session,
            exact,
            prepared: HashMap::new(),
            order: VecDeque::new(),
            text_bytes: 0,
            queue: VecDeque::new(),
            refused: HashSet::new(),
            suspended: HashSet::new(),
            passed_over: 0,
            over: false,
        }
    }

    /// How many operations the server passed over.
    #[must_use]
    pub(super) const fn passed_over(&self) -> u64 {
        self.passed_over
    }

    /// Hears the next frame.
    pub(super) fn hear(&mut self, seen: &Seen<'_>) {
        match seen.kind {
            FrameKind::Statement => self.statement(seen),
            FrameKind::Parameters => self.parameters(seen),
            FrameKind::Decision => self.decision(seen.body),
            FrameKind::Note => self.note(seen.body),
            FrameKind::Rows => self.rows(seen),
            FrameKind::Completed => self.completed(seen),
            FrameKind::Failed => self.failed(seen),
            FrameKind::Digest => self.digest(seen),
            FrameKind::Opened | FrameKind::Ended => {}
        }
    }

    /// Nothing more comes.
    pub(super) fn end(&mut self) {
        self.over = true;
    }

    /// The next operation, once it is known how it ended and whether a Sync stood behind it.
    pub(super) fn next(&mut self) -> Option<Exact> {
        let later = self.queue.iter().skip(1).any(|pending| pending.answered);
        if !(later || self.over) {
            return None;
        }
        let mut pending = self.queue.pop_front()?;
        pending.exact.synced = self.queue.front().is_none_or(|next| !next.unsynced);
        if !pending.answered {
            pending.exact.obstacle = Some(Obstacle::Unended);
            pending.exact.ended = pending.exact.at;
        }
        Some(pending.exact)
    }

    fn statement(&mut self, seen: &Seen<'_>) {
        let Some(Statement { operation, kind, text }) = Statement::parse(seen.body) else { return };
        let text: Arc<[u8]> = text.into();
        match kind {
            b'P' => self.prepare(operation, text),
            b'F' => {
                let oid = std::str::from_utf8(&text).ok().and_then(|text| text.parse().ok()).unwrap_or_default();
                let obstacle = missing::of_function(oid);
                self.push(seen.time, operation, Kind::Function(oid, Box::default()), obstacle.or(Some(Obstacle::Parameters)));
            }
            _ => {
                let obstacle = self.missing(&text);
                self.push(seen.time, operation, Kind::Simple(text), obstacle);
            }
        }
    }

    fn prepare(&mut self, operation: u64, text: Arc<[u8]>) {
        self.text_bytes += text.len();
        let prepared = Arc::new(Prepared { operation, text, types: Vec::new() });
        self.prepared.insert(operation, Known { prepared, unsynced: false });
        self.order.push_back(operation);
        while self.order.len() > MOST_PREPARED || self.text_bytes > MOST_TEXT {
            let Some(oldest) = self.order.pop_front() else { break };
            if let Some(known) = self.prepared.remove(&oldest) {
                self.text_bytes = self.text_bytes.saturating_sub(known.prepared.text.len());
            }
        }
    }

    fn parameters(&mut self, seen: &Seen<'_>) {
        let Some((operation, values)) = body::number(seen.body) else { return };
        let waiting = self.queue.iter_mut().find(|pending| pending.exact.operation == operation && !pending.answered);
        if let Some(Pending { exact: Exact { kind: Kind::Function(oid, body), obstacle, .. }, .. }) = waiting {
            *body = values.into();
            let cut = (!missing::is_whole_call(values)).then_some(Obstacle::Cut);
            *obstacle = missing::of_function(*oid).or(cut);
            return;
        }
        let cut = (!missing::is_whole_bind(values)).then_some(Obstacle::Cut);
        let (prepared, unknown) = self.known(operation);
        let obstacle = unknown.or_else(|| self.missing(&prepared.text)).or(cut);
        // Prepared behind what runs, and bound before that was answered: no Sync was in between.
        let waits = self.queue.iter().any(|pending| !pending.answered);
        let prepared_so = self.prepared.get_mut(&operation).is_some_and(|known| std::mem::take(&mut known.unsynced));
        self.push(seen.time, operation, Kind::Execute(prepared, values.into()), obstacle);
        if let Some(pending) = self.queue.back_mut() {
            pending.unsynced = waits && prepared_so;
        }
    }

    /// A prepared statement; one without a text, and that it is not known, where it is not.
    fn known(&self, operation: u64) -> (Arc<Prepared>, Option<Obstacle>) {
        match self.prepared.get(&operation) {
            Some(known) => (Arc::clone(&known.prepared), None),
            None => (Arc::new(Prepared { operation, text: Arc::default(), types: Vec::new() }), Some(Obstacle::Text)),
        }
    }

    fn missing(&self, text: &[u8]) -> Option<Obstacle> {
        if self.exact { missing::copied(text) } else { missing::of_text(text) }
    }

    fn push(&mut self, at: Timestamp, operation: u64, kind: Kind, obstacle: Option<Obstacle>) {
        let place = self.queue.len();
        self.insert(place, at, operation, kind, obstacle);
    }

    fn insert(&mut self, place: usize, at: Timestamp, operation: u64, kind: Kind, obstacle: Option<Obstacle>) {
        let exact = Exact {
            session: self.session,
            operation,
            at,
            ended: at,
            kind,
            synced: true,
            expected: Expected::default(),
            obstacle,
        };
        if self.queue.len() < MOST_PENDING {
            self.queue.insert(place.min(self.queue.len()), Pending { exact, unsynced: false, answered: false });
        }
    }

    fn decision(&mut self, body: &[u8]) {
        let decision: Value = serde_json::from_slice(body).unwrap_or_default();
        let denied = decision.get("outcome").and_then(Value::as_str) == Some("deny");
        let observed = decision.get("would_refuse").and_then(Value::as_bool) == Some(true);
        if denied && !observed && self.refused.len() < MOST_PENDING {
            self.refused.extend(decision.get("operation").and_then(Value::as_u64));
        }
    }

    fn note(&mut self, body: &[u8]) {
        let note: Value = serde_json::from_slice(body).unwrap_or_default();
        let Some(operation) = note.get("operation").and_then(Value::as_u64) else { return };
        match note.get("what").and_then(Value::as_str) {
            Some("types") => self.types(operation, &note),
            Some("unsynced") => {
                let last = self.queue.iter_mut().rev().find(|pending| pending.exact.operation == operation && !pending.answered);
                match (last, self.prepared.get_mut(&operation)) {
                    (Some(pending), _) => pending.unsynced = true,
                    (None, Some(known)) => known.unsynced = true,
                    (None, None) => {}
                }
            }
            Some("masked") => {
                let mut of_it = self.queue.iter_mut().rev().filter(|pending| pending.exact.operation == operation);
                if let Some(pending) = of_it.next() {
                    pending.exact.expected.rows.masked = true;
                }
            }
            _ => {}
        }
    }

    fn types(&mut self, operation: u64, note: &Value) {
        let types = note.get("types").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        let types = types.iter().map(|oid| oid.as_u64().and_then(|oid| u32::try_from(oid).ok()).unwrap_or_default()).collect();
        if let Some(known) = self.prepared.get_mut(&operation) {
            known.prepared = Arc::new(Prepared { types, ..(*known.prepared).clone() });
        }
    }

    fn rows(&mut self, seen: &Seen<'_>) {
        let Some((operation, messages)) = body::number(seen.body) else { return };
        if self.unanswered(operation).is_none() && self.suspended.contains(&operation) && missing::has_rows(messages) {
            self.resumed(seen.time, operation);
        }
        if let Some(place) = self.unanswered(operation)
            && let Some(pending) = self.queue.get_mut(place)
        {
            pending.exact.expected.rows.add(messages);
        }
    }

    /// The digest of a result, which comes before its end. Of an operation with several results it is not compared.
    fn digest(&mut self, seen: &Seen<'_>) {
        let Some(Digest { operation, sha256, .. }) = Digest::parse(seen.body) else { return };
        if let Some(pending) = self.unanswered(operation).and_then(|place| self.queue.get_mut(place)) {
            let expected = &mut pending.exact.expected;
            expected.digest = (expected.ends.is_empty() && !expected.rows.masked).then_some(sha256.0);
        }
    }

    fn completed(&mut self, seen: &Seen<'_>) {
        let Some(Completed { operation, rows, tag, .. }) = Completed::parse(seen.body) else { return };
        if self.unanswered(operation).is_none() {
            self.unheard(seen.time, operation);
        }
        let suspended = tag == SUSPENDED;
        if suspended {
            self.suspended.insert(operation);
        } else {
            self.suspended.remove(&operation);
        }
        let Some(pending) = self.answer(operation, seen.time) else { return };
        pending.exact.expected.ends.push(End { tag: String::from_utf8_lossy(tag).into_owned(), rows });
    }

    /// An end of something whose beginning was not recorded: a portal that goes on, or parameters that were left out.
    fn unheard(&mut self, at: Timestamp, operation: u64) {
        if self.suspended.contains(&operation) {
            self.resumed(at, operation);
        } else {
            let (prepared, unknown) = self.known(operation);
            let again = self.queue.iter().any(|pending| pending.exact.operation == operation);
            let why = if again { Obstacle::Order } else { Obstacle::Parameters };
            self.push(at, operation, Kind::Execute(prepared, Box::default()), unknown.or(Some(why)));
        }
    }

    fn resumed(&mut self, at: Timestamp, operation: u64) {
        let (prepared, unknown) = self.known(operation);
        let place = self.first_unanswered();
        self.insert(place, at, operation, Kind::Continue(prepared), unknown);
    }

    fn failed(&mut self, seen: &Seen<'_>) {
        let Some(Failure { operation, code, message }) = Failure::parse(seen.body) else { return };
        if operation == 0 {
            return;
        }
        let refused = self.refused.remove(&operation) || missing::is_own(code, message);
        let exact = self.exact;
        if self.unanswered(operation).is_none() {
            // It failed before anything was bound, or with what was refused instead of being bound.
            let known = self.prepared.get(&operation).is_some_and(|known| known.unsynced);
            let (prepared, unknown) = self.known(operation);
            let obstacle = unknown.or_else(|| self.missing(&prepared.text));
            let place = self.first_unanswered();
            self.insert(place, seen.time, operation, Kind::Prepare(prepared), obstacle);
            if let Some(pending) = self.queue.get_mut(place) {
                pending.unsynced = known;
            }
        }
        self.pass_over(operation);
        let Some(pending) = self.answer(operation, seen.time) else { return };
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        pending.exact.expected.error = Some((text(code), text(message)));
        if refused {
            missing::refuse(&mut pending.exact, exact);
        } else if pending.exact.obstacle == Some(Obstacle::Copy) {
            // It failed before it took any data, or is told to differ.
            pending.exact.obstacle = None;
        }
    }

    /// The place of what the server answers now, of this operation.
    fn unanswered(&self, operation: u64) -> Option<usize> {
        // A Query's further ends come to it as long as nothing behind it has one.
        let place = self.queue.iter().position(|pending| {
            let more = matches!(pending.exact.kind, Kind::Simple(_)) && pending.exact.expected.error.is_none();
            pending.exact.operation == operation && (!pending.answered || more)
        })?;
        let later = self.queue.iter().skip(place + 1).any(|pending| pending.answered);
        (!later).then_some(place)
    }

    /// What stands behind the one that fails, with no Sync in between, is never answered.
    fn pass_over(&mut self, operation: u64) {
        let Some(place) = self.unanswered(operation) else { return };
        let behind = self.queue.iter().skip(place + 1).take_while(|pending| pending.unsynced).count();
        self.queue.drain(place + 1..place + 1 + behind);
        self.passed_over += behind as u64;
    }

    fn first_unanswered(&self) -> usize {
        self.queue.iter().position(|pending| !pending.answered).unwrap_or(self.queue.len())
    }

    /// Marks what is answered. What stands before it without an answer was passed over.
    fn answer(&mut self, operation: u64, at: Timestamp) -> Option<&mut Pending> {
        let place = self.unanswered(operation)?;
        let mut before = 0;
        let mut number = 0;
        let passed = &mut self.passed_over;
        self.queue.retain(|pending| {
            let stays = number >= place || pending.answered;
            number += 1;
            before += usize::from(!stays);
            *passed += u64::from(!stays);
            stays
        });
        let pending = self.queue.get_mut(place - before)?;
        pending.answered = true;
        pending.exact.ended = at;
        Some(pending)
    }
}

impl Rows {
    /// Adds the rows among some messages; those that don't fit are counted.
    fn add(&mut self, mut messages: &[u8]) {
        while let Some((message, rest)) = missing::message(messages) {
            messages = rest;
            if !matches!(message.first(), Some(b'D' | b'd' | b'V')) {
                continue;
            }
            self.recorded += 1;
            if self.held + 1 == self.recorded && self.bytes.len() + message.len() <= MOST_ROWS {
                self.bytes.extend_from_slice(message);
                self.held += 1;
            }
        }
    }
}

#[cfg(test)]
#[path = "assemble_tests.rs"]
mod tests;
