//! What the client asked and the server has not answered yet, in the order of the answers; and
//! which operation a statement's or portal's name stands for.

use crate::protocol::OperationId;
use std::collections::{HashMap, VecDeque};

/// No operation: what cannot be traced to one is recorded under it.
pub(super) const UNKNOWN: OperationId = OperationId(0);
/// The server tells names apart by this many bytes (`NAMEDATALEN` - 1).
const NAME_BYTES: usize = 63;
/// More names than this are forwarded, but their executions are recorded as [`UNKNOWN`].
const MOST_NAMES: usize = 10_000;

/// A statement's or portal's name, cut as the server cuts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; NAME_BYTES],
    length: u8,
}

impl Name {
    pub(super) fn new(name: &[u8]) -> Self {
        let mut bytes = [0; NAME_BYTES];
        let length = name.len().min(NAME_BYTES);
        for (to, from) in bytes.iter_mut().zip(name) {
            *to = *from;
        }
        Self { bytes, length: length as u8 }
    }

    fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }
}

/// A message of the client that the server will answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Awaited {
    /// Answered by results and ReadyForQuery.
    Query,
    /// Answered by ParseComplete.
    Parse(Name),
    /// Answered by BindComplete.
    Bind(Name),
    /// Answered by RowDescription or NoData.
    Describe,
    /// Answered by rows and CommandComplete, EmptyQueryResponse or PortalSuspended.
    Execute,
    /// Answered by CloseComplete.
    CloseStatement(Name),
    /// Answered by CloseComplete.
    ClosePortal(Name),
    /// Answered by ReadyForQuery.
    Sync,
    /// Answered by FunctionCallResponse and ReadyForQuery.
    FunctionCall,
    /// CopyDone or CopyFail: no answer of its own, but it ends the server's copy-in mode.
    CopyEnd,
}

/// The queue of what is awaited, and the server's modes that decide what it will never answer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queue: VecDeque<(Awaited, OperationId)>,
    /// After an error in the extended protocol the server drops everything up to the next Sync.
    skipping: bool,
    /// In copy-in mode the server drops Sync.
    copying_in: bool,
    /// Syncs of this copy-in that were taken for dropped. Where the copy fails before the server
    /// has read them it answers them after all.
    spare_syncs: usize,
}

/// Whether a ReadyForQuery was due.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Ready {
    Due,
    NotDue,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    /// What the server answers now.
    pub(super) fn front(&mut self) -> Option<(Awaited, OperationId)> {
        while matches!(self.queue.front(), Some((Awaited::CopyEnd, _))) {
            self.queue.pop_front();
        }
        self.queue.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.queue.pop_front();
    }

    /// Notes a message that goes to the server; returns whether it is one that the server will drop.
    pub(super) fn push(&mut self, awaited: Awaited, operation: OperationId) -> bool {
        if self.skipping {
            if awaited != Awaited::Sync {
                return true;
            }
            self.skipping = false;
        }
        if self.copying_in && self.swallowed(awaited) {
            return awaited == Awaited::Sync;
        }
        let useless = awaited == Awaited::CopyEnd && matches!(self.queue.back(), None | Some((Awaited::CopyEnd, _)));
        if !useless {
            self.queue.push_back((awaited, operation));
        }
        false
    }

    /// The server began to read a copy: it drops every Sync until the client's CopyDone or CopyFail.
    pub(super) fn copy_in(&mut self) {
        self.copying_in = true;
        self.spare_syncs = 0;
        while self.copying_in
            && let Some((awaited, _)) = self.queue.get(1).copied()
            && self.swallowed(awaited)
        {
            self.queue.remove(1);
        }
    }

    /// Whether the server, while it reads a copy, takes `awaited` as a part of that.
    fn swallowed(&mut self, awaited: Awaited) -> bool {
        self.copying_in = awaited == Awaited::Sync;
        self.spare_syncs += usize::from(awaited == Awaited::Sync);
        matches!(awaited, Awaited::Sync | Awaited::CopyEnd)
    }

    /// The server completed a statement: if that was a copy, it has dropped its Syncs.
    pub(super) fn completed(&mut self) {
        self.copying_in = false;
        self.spare_syncs = 0;
    }

    /// The server answered an error. `dropped` hears of every message that it will now drop.
    ///
    /// A copy that failed by itself (not by an `out_of_place` message) while something else than
    /// its end is next has left its Sync to be answered, and what is next is not dropped.
    pub(super) fn failed(&mut self, out_of_place: bool, mut dropped: impl FnMut(Awaited, OperationId)) {
        self.copying_in = false;
        match self.front() {
            None | Some((Awaited::Query | Awaited::FunctionCall | Awaited::Sync | Awaited::CopyEnd, _)) => {}
            Some((Awaited::Execute, _)) if self.spare_syncs > 0 && !out_of_place && self.next_runs() => self.pop(),
            Some(_) => {
                self.skipping = true;
                while let Some((awaited, operation)) = self.queue.front().copied() {
                    if awaited == Awaited::Sync {
                        self.skipping = false;
                        break;
                    }
                    dropped(awaited, operation);
                    self.queue.pop_front();
                }
            }
        }
    }

    /// Whether what stands behind the front is there and no Sync.
    fn next_runs(&self) -> bool {
        self.queue.get(1).is_some_and(|(awaited, _)| *awaited != Awaited::Sync)
    }

    /// The server is ready for a query: pops what that answers.
    pub(super) fn ready(&mut self) -> Ready {
        self.copying_in = false;
        match self.front() {
            Some((Awaited::Query | Awaited::FunctionCall | Awaited::Sync, _)) => {
                self.queue.pop_front();
                Ready::Due
            }
            _ if self.spare_syncs > 0 => {
                self.spare_syncs -= 1;
                self.skipping = false;
                Ready::Due
            }
            _ => Ready::NotDue,
        }
    }
}

/// Names that the server knows, and those that it is about to know.
#[derive(Debug, Default)]
pub(super) struct Names {
    named: HashMap<Box<[u8]>, Meaning>,
    unnamed: Meaning,
}

/// What a name stands for: as asked last, and as the server confirmed last.
#[derive(Clone, Copy, Debug, Default)]
struct Meaning {
    asked: Option<OperationId>,
    confirmed: Option<OperationId>,
}

impl Names {
    /// The client asked that `name` stand for `operation`.
    pub(super) fn asked(&mut self, name: &Name, operation: OperationId) {
        if let Some(meaning) = self.meaning(name) {
            meaning.asked = Some(operation);
        } else if self.named.len() < MOST_NAMES {
            self.named.insert(name.as_slice().into(), Meaning { asked: Some(operation), confirmed: None });
        }
    }

    /// The server did what was asked.
    pub(super) fn confirmed(&mut self, name: &Name, operation: OperationId) {
        if let Some(meaning) = self.meaning(name) {
            meaning.confirmed = Some(operation);
            if meaning.asked == Some(operation) {
                meaning.asked = None;
            }
        }
    }

    /// The server did not.
    pub(super) fn failed(&mut self, name: &Name, operation: OperationId) {
        if let Some(meaning) = self.meaning(name)
            && meaning.asked == Some(operation)
        {
            meaning.asked = None;
            self.tidy(name);
        }
    }

    /// The server forgot `name`.
    pub(super) fn closed(&mut self, name: &Name) {
        if let Some(meaning) = self.meaning(name) {
            meaning.confirmed = None;
            self.tidy(name);
        }
    }

    /// The server forgot every name that it had confirmed.
    pub(super) fn all_closed(&mut self) {
        self.unnamed.confirmed = None;
        if !self.named.is_empty() {
            self.named.retain(|_, meaning| {
                meaning.confirmed = None;
                meaning.asked.is_some()
            });
        }
    }

    /// What `name` will stand for when the server reads it.
    pub(super) fn operation(&self, name: &Name) -> OperationId {
        let meaning = if name.length == 0 { self.unnamed } else { self.named.get(name.as_slice()).copied().unwrap_or_default() };
        meaning.asked.or(meaning.confirmed).unwrap_or(UNKNOWN)
    }

    fn meaning(&mut self, name: &Name) -> Option<&mut Meaning> {
        if name.length == 0 { Some(&mut self.unnamed) } else { self.named.get_mut(name.as_slice()) }
    }

    fn tidy(&mut self, name: &Name) {
        if self.named.get(name.as_slice()).is_some_and(|meaning| meaning.asked.or(meaning.confirmed).is_none()) {
            self.named.remove(name.as_slice());
        }
    }
}
