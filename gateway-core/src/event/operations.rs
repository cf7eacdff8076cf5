//! What a session's operations are, as far as its record has told: so many, with texts of so many bytes.

use super::read::{cut, decision, lossy, number, text, texts};
use super::{Decision, Outcome, Statement};
use crate::model::time::Timestamp;
use crate::record::body;
use serde_json::Value;
use std::collections::VecDeque;

/// Operations that are remembered at once.
const OPERATIONS: usize = 128;
/// Bytes of a text that an event has.
pub(super) const TEXT: usize = 4096;
/// Bytes of all texts that are remembered.
const TEXTS: usize = 64 << 10;
/// Parts of a text whose decisions are remembered.
const PARTS: usize = 16;
/// Executions that were sent and not answered, of one operation.
const STARTS: usize = 32;
/// What an operation touches that is kept, and how long each is.
const ACCESSES: usize = 20;
const ACCESS: usize = 512;

/// The operations of one session.
#[derive(Debug, Default)]
pub(super) struct Operations {
    /// The one that was used last is the last.
    all: VecDeque<Operation>,
    /// Bytes of their texts.
    texts: usize,
}

/// One operation.
#[derive(Debug, Default)]
pub(super) struct Operation {
    number: u64,
    /// Whether it can be run again.
    prepared: bool,
    text: String,
    text_cut: bool,
    parts: Vec<Part>,
    /// The part that runs.
    running: u32,
    /// When what is not answered yet was sent.
    starts: VecDeque<Timestamp>,
    /// Something else than a decision has refused it.
    refused: bool,
    /// It was refused, and no answer has told so yet.
    untold: bool,
    /// A judgement stopped it when it had begun.
    begun: bool,
    /// It is answered in full.
    over: bool,
}

/// A statement of an operation's text.
#[derive(Debug, Default)]
struct Part {
    number: u32,
    command: Option<String>,
    accesses: Vec<String>,
    decision: Option<Decision>,
    revealed: Vec<String>,
    masked_rows: u64,
}

/// How an operation ended.
pub(super) struct End<'a> {
    pub(super) at: Timestamp,
    pub(super) rows: u64,
    pub(super) bytes: u64,
    pub(super) tag: Option<&'a [u8]>,
    pub(super) error: Option<(&'a [u8], &'a [u8])>,
}

impl Operations {
    /// A statement was sent, or prepared. Another that has to make room, and whose refusal was not told, is given back.
    pub(super) fn sent(&mut self, at: Timestamp, sent: &body::Statement<'_>) -> Option<Statement> {
        let forgotten = self.make_room();
        let (mut text, text_cut) = lossy(sent.text, TEXT);
        if sent.kind == b'F' {
            // A call by the protocol has the function's number where others have a text.
            text.insert_str(0, "function ");
        }
        self.texts += text.len();
        let prepared = sent.kind == b'P';
        let starts = if prepared { VecDeque::new() } else { VecDeque::from([at]) };
        self.all.push_back(Operation { number: sent.operation, prepared, text, text_cut, starts, ..Operation::default() });
        forgotten
    }

    /// What was prepared is run.
    pub(super) fn executed(&mut self, at: Timestamp, operation: u64) {
        let Some(operation) = self.used(operation) else { return };
        if !operation.prepared {
            return;
        }
        if operation.starts.len() >= STARTS {
            operation.starts.pop_front();
        }
        operation.starts.push_back(at);
    }

    /// A decision's frame.
    pub(super) fn decided(&mut self, value: &Value) {
        let Some(operation) = number(value, "/operation").and_then(|number| self.find(number)) else { return };
        let Some(part) = operation.part_of(value) else { return };
        part.command = text(value, "/command");
        let accesses = texts(value, "/accesses");
        part.accesses = accesses.iter().take(ACCESSES).map(|access| cut(access, ACCESS).to_owned()).collect();
        let shown = value.get("reveals").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        part.revealed = shown.iter().take(ACCESSES).filter_map(|shown| text(shown, "/class")).collect();
        let decision = decision(value);
        let refuses = decision.refuses();
        part.decision = Some(decision);
        operation.untold = refuses;
    }

    /// Rows of it were masked.
    pub(super) fn masked(&mut self, value: &Value) {
        let Some(operation) = number(value, "/operation").and_then(|number| self.find(number)) else { return };
        if let Some(part) = operation.part_of(value) {
            part.masked_rows = part.masked_rows.saturating_add(number(value, "/rows").unwrap_or_default());
        }
    }

    /// Something else than a decision refuses it.
    pub(super) fn refused(&mut self, operation: u64) {
        if let Some(operation) = self.find(operation) {
            (operation.refused, operation.untold) = (true, true);
        }
    }

    /// It had begun when a judgement stopped it.
    pub(super) fn begun(&mut self, operation: u64) {
        if let Some(operation) = self.find(operation) {
            operation.begun = true;
        }
    }

    /// It ended.
    pub(super) fn ended(&mut self, number: u64, end: &End<'_>) -> Statement {
        let failed = end.error.is_some();
        let (mut statement, started) = match self.find(number) {
            Some(operation) => operation.end(end),
            None => (Statement { operation: number, ..Statement::default() }, None),
        };
        if failed && statement.outcome != Outcome::Refused {
            statement.outcome = Outcome::Failed;
        }
        if let Some(started) = started {
            self.answered_before(started, failed);
        }
        (statement.rows, statement.bytes) = (end.rows, end.bytes);
        statement.tag = end.tag.map(|tag| lossy(tag, 128).0);
        statement.error = end.error.map(|(code, message)| (lossy(code, 5).0, lossy(message, TEXT).0));
        statement
    }

    /// What is left when the session ends: what ran, and what was refused without an answer.
    pub(super) fn left(&mut self, at: Timestamp) -> Vec<Statement> {
        self.texts = 0;
        std::mem::take(&mut self.all).iter().filter_map(|operation| operation.left(Some(at))).collect()
    }

    /// The server answers in order, and passes over what was sent behind a failure.
    fn answered_before(&mut self, started: Timestamp, failed: bool) {
        for operation in &mut self.all {
            if operation.prepared && failed {
                operation.starts.clear();
            }
            while operation.starts.front().is_some_and(|start| *start < started) {
                operation.starts.pop_front();
            }
            operation.over |= !operation.prepared && operation.starts.is_empty();
        }
    }

    fn find(&mut self, number: u64) -> Option<&mut Operation> {
        self.all.iter_mut().rev().find(|operation| operation.number == number)
    }

    /// The same, which is the last to be forgotten from now on.
    fn used(&mut self, number: u64) -> Option<&mut Operation> {
        let place = self.all.iter().rposition(|operation| operation.number == number)?;
        if place + 1 < self.all.len() {
            let operation = self.all.remove(place)?;
            self.all.push_back(operation);
        }
        self.all.back_mut()
    }

    /// What is over goes first, then what was not used for the longest time.
    fn make_room(&mut self) -> Option<Statement> {
        let mut untold = None;
        while self.all.len() >= OPERATIONS || self.texts + TEXT > TEXTS {
            let place = self.all.iter().position(|operation| operation.over).unwrap_or_default();
            let Some(operation) = self.all.remove(place) else { break };
            self.texts = self.texts.saturating_sub(operation.text.len());
            // What may still run is told at its end, without a text.
            untold = operation.left(None).or(untold);
        }
        untold
    }
}

impl Operation {
    fn part_of(&mut self, value: &Value) -> Option<&mut Part> {
        let number = number(value, "/part").and_then(|number| u32::try_from(number).ok()).unwrap_or_default();
        let place = match self.parts.iter().position(|part| part.number == number) {
            Some(place) => place,
            None if self.parts.len() >= PARTS => return None,
            None => {
                self.parts.push(Part { number, ..Part::default() });
                self.parts.len() - 1
            }
        };
        self.parts.get_mut(place)
    }

    /// The statement as it ended, and when it was sent.
    fn end(&mut self, end: &End<'_>) -> (Statement, Option<Timestamp>) {
        let mut statement = self.statement(self.running);
        let started = if self.prepared { self.starts.pop_front() } else { self.starts.front().copied() };
        statement.duration_ns = started.map_or(0, |started| end.at.0.saturating_sub(started.0));
        if let Some(part) = self.parts.iter_mut().find(|part| part.number == statement.part) {
            part.masked_rows = 0;
        }
        if end.error.is_some() {
            let denied = statement.decision.as_ref().is_some_and(Decision::refuses);
            statement.outcome = if self.refused || denied { Outcome::Refused } else { Outcome::Failed };
            (self.refused, self.untold) = (false, false);
        }
        self.begun = false;
        if !self.prepared {
            self.running = self.running.saturating_add(1);
            let parts = u32::try_from(self.parts.len()).unwrap_or(u32::MAX).max(1);
            self.over = end.error.is_some() || self.running >= parts;
        }
        (statement, started)
    }

    /// What it is told as when nothing answered it; without a time, only what was refused.
    fn left(&self, at: Option<Timestamp>) -> Option<Statement> {
        let runs = self.begun || !self.starts.is_empty() && !self.over;
        let denied = self.parts.iter().find(|part| part.decision.as_ref().is_some_and(Decision::refuses));
        let (outcome, number) = match (self.untold && !self.begun, runs, at) {
            (true, ..) => (Outcome::Refused, denied.map_or(self.running, |part| part.number)),
            (false, true, Some(_)) => (Outcome::Cut, self.running),
            (false, ..) => return None,
        };
        let duration_ns = match (at, self.starts.front()) {
            (Some(at), Some(started)) => at.0.saturating_sub(started.0),
            (None, _) | (_, None) => 0,
        };
        Some(Statement { outcome, duration_ns, ..self.statement(number) })
    }

    fn statement(&self, number: u32) -> Statement {
        let part = self.parts.iter().find(|part| part.number == number);
        Statement {
            operation: self.number,
            part: number,
            text: Some(self.text.clone()),
            text_cut: self.text_cut,
            command: part.and_then(|part| part.command.clone()),
            accesses: part.map(|part| part.accesses.clone()).unwrap_or_default(),
            decision: part.and_then(|part| part.decision.clone()),
            masked_rows: part.map_or(0, |part| part.masked_rows),
            revealed: part.map(|part| part.revealed.clone()).unwrap_or_default(),
            ..Statement::default()
        }
    }
}
