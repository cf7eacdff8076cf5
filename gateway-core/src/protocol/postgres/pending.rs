//! What the client asked and the server has not answered yet, in the order of the answers.

use super::names::Name;
use crate::protocol::OperationId;
use std::collections::VecDeque;

/// No operation: what cannot be traced to one is recorded under it.
pub(super) const UNKNOWN: OperationId = OperationId(0);

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
    /// A Parse of this session's own: what this name stands for, prepared anew. Its answer stays here.
    Renewal(Name),
    /// A Close of this session's own. Its answer stays here.
    Disposal,
    /// A Describe of this session's own. Its answer stays here.
    Look,
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

/// One of them, with what it is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) awaited: Awaited,
    pub(super) operation: OperationId,
    /// Counts up; no two items have the same.
    pub(super) serial: u64,
    /// What went to the server in its place has to fail.
    pub(super) refused: bool,
}

/// The queue of what is awaited, and the server's modes that decide what it will never answer.
#[derive(Debug, Default)]
pub(super) struct Pending {
    queue: VecDeque<Item>,
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
    /// It answers this, where the client's message is known.
    Due(Option<Item>),
    NotDue,
}

impl Pending {
    pub(super) fn len(&self) -> usize {
        self.queue.len()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether the server passes over what comes, up to the next Sync.
    pub(super) const fn skips(&self) -> bool {
        self.skipping
    }

    /// Whether the server waits for the data of a copy.
    pub(super) const fn copies_in(&self) -> bool {
        self.copying_in
    }

    /// What the server answers now.
    pub(super) fn front(&mut self) -> Option<Item> {
        while self.queue.front().is_some_and(|item| item.awaited == Awaited::CopyEnd) {
            self.queue.pop_front();
        }
        self.queue.front().copied()
    }

    pub(super) fn pop(&mut self) {
        self.queue.pop_front();
    }

    /// Notes a message that goes to the server; returns whether it is one that the server will drop.
    pub(super) fn push(&mut self, item: Item) -> bool {
        let awaited = item.awaited;
        if self.skipping {
            if awaited != Awaited::Sync {
                return true;
            }
            self.skipping = false;
        }
        if self.copying_in && self.swallowed(awaited) {
            return awaited == Awaited::Sync;
        }
        let last = self.queue.back().map(|item| item.awaited);
        let useless = awaited == Awaited::CopyEnd && matches!(last, None | Some(Awaited::CopyEnd));
        if !useless {
            self.queue.push_back(item);
        }
        false
    }

    /// The server began to read a copy: it drops every Sync until the client's CopyDone or CopyFail.
    pub(super) fn copy_in(&mut self) {
        self.copying_in = true;
        self.spare_syncs = 0;
        while self.copying_in
            && let Some(awaited) = self.queue.get(1).map(|item| item.awaited)
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

    /// The server answered an error. `dropped` hears of every message that it will now drop; the
    /// first of them is the one that failed.
    ///
    /// A copy that failed by itself (not by an `out_of_place` message) while something else than
    /// its end is next has left its Sync to be answered, and what is next is not dropped.
    pub(super) fn failed(&mut self, out_of_place: bool, mut dropped: impl FnMut(Item)) {
        self.copying_in = false;
        match self.front().map(|item| item.awaited) {
            None | Some(Awaited::Query | Awaited::FunctionCall | Awaited::Sync | Awaited::CopyEnd) => {}
            Some(Awaited::Execute) if self.spare_syncs > 0 && !out_of_place && self.next_runs() => {
                if let Some(item) = self.queue.pop_front() {
                    dropped(item);
                }
            }
            Some(_) => {
                self.skipping = true;
                while let Some(item) = self.queue.front().copied() {
                    if item.awaited == Awaited::Sync {
                        self.skipping = false;
                        break;
                    }
                    dropped(item);
                    self.queue.pop_front();
                }
            }
        }
    }

    /// Whether what stands behind the front is there and no Sync.
    fn next_runs(&self) -> bool {
        self.queue.get(1).is_some_and(|item| item.awaited != Awaited::Sync)
    }

    /// The server is ready for a query: pops what that answers.
    pub(super) fn ready(&mut self) -> Ready {
        self.copying_in = false;
        let front = self.front();
        match front.map(|item| item.awaited) {
            Some(Awaited::Query | Awaited::FunctionCall | Awaited::Sync) => {
                self.queue.pop_front();
                Ready::Due(front)
            }
            _ if self.spare_syncs > 0 => {
                self.spare_syncs -= 1;
                self.skipping = false;
                Ready::Due(None)
            }
            _ => Ready::NotDue,
        }
    }
}

/// An item is small: the queue holds one for each message that is not answered.
const _: () = assert!(size_of::<Item>() <= 96);
