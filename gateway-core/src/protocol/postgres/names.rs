//! What the names of prepared statements and portals stand for, by the server's answers.

use super::mask::Shape;
use crate::protocol::masking::Plans;
use crate::protocol::{OperationId, Pass, Rename};
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// The server tells names apart by this many bytes (`NAMEDATALEN` - 1).
const NAME_BYTES: usize = 63;
/// Cursors of SQL's that are remembered behind their transaction.
const MOST_HELD: usize = 1_000;

/// A statement's or portal's name, cut as the server cuts it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Name {
    bytes: [u8; NAME_BYTES],
    length: u8,
}

/// By which name the server knows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ServerName {
    /// The client's own: the empty one, or one that SQL made.
    Same,
    /// One of this session's, of this number.
    Own(u64),
}

/// What a name stands for.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub(super) operation: OperationId,
    pub(super) server: ServerName,
    /// The session's epoch when it was last allowed.
    pub(super) epoch: u64,
    /// It is asked about each time that it is bound.
    pub(super) each_use: bool,
    /// Whether running it may change the session.
    pub(super) changes: bool,
    /// Whether it runs code that nobody has read.
    pub(super) code: bool,
    /// How often such code had run when it was prepared.
    pub(super) prepared_in: u64,
    /// The client has had its columns described, and may rely on the server to say when they change.
    pub(super) described: bool,
    /// The names in its text, to be minded when it has run.
    pub(super) names: Option<Arc<[Rename]>>,
    /// Its text, to be asked about again; none where nothing is asked.
    pub(super) text: Option<Arc<[u8]>>,
    /// The name that SQL made it by, where it did: its text is the PREPARE or DECLARE then.
    pub(super) sql_name: Option<Arc<[u8]>>,
    /// What followed the text: how many types of parameters are told, and which.
    pub(super) parameters: Option<Arc<[u8]>>,
    /// What is hidden of its results.
    pub(super) masks: Plans,
    /// Its columns, where something is hidden and the server was asked for them.
    pub(super) shape: Option<Arc<Shape>>,
    /// In which formats its results come, where it is bound; none for those of its description.
    pub(super) formats: Arc<[i16]>,
}

/// What names stand for: as the server confirmed it, and as it will be once it has read what was sent.
#[derive(Debug, Default)]
pub(super) struct Names {
    named: HashMap<Box<[u8]>, Meaning>,
    unnamed: Meaning,
    /// Bytes of the texts behind names.
    text_bytes: usize,
}

#[derive(Debug, Default)]
struct Meaning {
    confirmed: Option<Entry>,
    /// In the order in which the server will read it.
    asked: VecDeque<Change>,
}

/// A message that gives a name a meaning, or takes it away.
#[derive(Debug)]
struct Change {
    serial: u64,
    segment: u64,
    to: Option<Entry>,
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

    pub(super) fn as_slice(&self) -> &[u8] {
        self.bytes.get(..usize::from(self.length)).unwrap_or_default()
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.length == 0
    }
}

impl Entry {
    /// What is known where nothing is asked: which operation.
    pub(super) fn of(operation: OperationId) -> Self {
        let (changes, code) = (false, false);
        Self {
            operation,
            server: ServerName::Same,
            epoch: 0,
            each_use: false,
            changes,
            code,
            prepared_in: 0,
            described: false,
            names: None,
            text: None,
            sql_name: None,
            parameters: None,
            masks: None,
            shape: None,
            formats: Arc::default(),
        }
    }

    /// Whether any value of its results may be replaced.
    pub(super) fn hides(&self) -> bool {
        self.masks.iter().flat_map(|plans| plans.iter()).flatten().any(|plan| plan.hides())
    }

    /// Whether its parameters stay out of the plain record.
    pub(super) fn unrecorded(&self) -> bool {
        self.masks.iter().flat_map(|plans| plans.iter()).flatten().any(|plan| plan.parameters_unrecorded)
    }

    fn text_bytes(&self) -> usize {
        let length = |bytes: &Option<Arc<[u8]>>| bytes.as_ref().map_or(0, |bytes| bytes.len());
        length(&self.text) + length(&self.parameters)
    }
}

impl Names {
    /// How many names there are, and how many bytes their texts have.
    pub(super) fn size(&self) -> (usize, usize) {
        (self.named.len(), self.text_bytes)
    }

    /// The message `serial`, in `segment`, will make `name` stand for `to`, or for nothing.
    pub(super) fn asked(&mut self, name: &Name, serial: u64, segment: u64, to: Option<Entry>) {
        self.text_bytes += to.as_ref().map_or(0, Entry::text_bytes);
        // A name that is known already costs no memory of its own.
        if !name.is_empty() && !self.named.contains_key(name.as_slice()) {
            self.named.insert(name.as_slice().into(), Meaning::default());
        }
        if let Some(meaning) = self.meaning(name) {
            meaning.asked.push_back(Change { serial, segment, to });
        }
    }

    /// The server did what the message `serial` asked; returns what the name stood for until now.
    pub(super) fn done(&mut self, name: &Name, serial: u64) -> Option<Entry> {
        let meaning = self.meaning(name)?;
        let place = meaning.asked.iter().position(|change| change.serial == serial)?;
        let change = meaning.asked.remove(place)?;
        let before = std::mem::replace(&mut meaning.confirmed, change.to);
        self.text_bytes -= before.as_ref().map_or(0, Entry::text_bytes);
        self.tidy(name);
        before
    }

    /// The server did not.
    pub(super) fn undone(&mut self, name: &Name, serial: u64) {
        let Some(meaning) = self.meaning(name) else { return };
        if let Some(place) = meaning.asked.iter().position(|change| change.serial == serial) {
            let gone = meaning.asked.remove(place).and_then(|change| change.to);
            self.text_bytes -= gone.as_ref().map_or(0, Entry::text_bytes);
        }
        self.tidy(name);
    }

    /// SQL gave `name` this meaning, or took it away; returns what it stood for.
    pub(super) fn set(&mut self, name: &Name, to: Option<Entry>) -> Option<Entry> {
        self.asked(name, u64::MAX, u64::MAX, to);
        self.done(name, u64::MAX)
    }

    /// The server forgot every name, or all but the empty one.
    pub(super) fn all_closed(&mut self, unnamed_too: bool) {
        self.closed(unnamed_too, |_| false);
    }

    /// No transaction is open: what was bound in one is gone. What SQL declared may be WITH HOLD; of what is not,
    /// the server says itself that it is gone.
    pub(super) fn transaction_ended(&mut self) {
        let few = self.named.len() <= MOST_HELD;
        self.closed(true, |entry| few && entry.sql_name.is_some());
    }

    fn closed(&mut self, unnamed_too: bool, stays: impl Fn(&Entry) -> bool) {
        let mut gone = 0;
        if unnamed_too {
            gone += self.unnamed.confirmed.take().as_ref().map_or(0, Entry::text_bytes);
        }
        self.named.retain(|_, meaning| {
            let closed = meaning.confirmed.take_if(|entry| !stays(entry));
            gone += closed.as_ref().map_or(0, Entry::text_bytes);
            meaning.confirmed.is_some() || !meaning.asked.is_empty()
        });
        self.text_bytes -= gone;
    }

    /// What `name` will stand for when the server reads the next message.
    pub(super) fn current(&self, name: &Name) -> Option<&Entry> {
        let meaning = if name.is_empty() { &self.unnamed } else { self.named.get(name.as_slice())? };
        match meaning.asked.back() {
            Some(change) => change.to.as_ref(),
            None => meaning.confirmed.as_ref(),
        }
    }

    /// The same, to be marked.
    fn current_mut(&mut self, name: &Name) -> Option<&mut Entry> {
        let meaning = self.meaning(name)?;
        match meaning.asked.back_mut() {
            Some(change) => change.to.as_mut(),
            None => meaning.confirmed.as_mut(),
        }
    }

    /// What stands behind `name` was allowed in `epoch`.
    pub(super) fn allowed(&mut self, name: &Name, epoch: u64, pass: &Pass) {
        if let Some(entry) = self.current_mut(name) {
            entry.epoch = epoch;
            entry.masks.clone_from(&pass.masks);
            entry.each_use = pass.each_use;
            // What its columns are may be another since.
            entry.shape = None;
        }
    }

    /// The server was asked for the columns of what stands behind `name`.
    pub(super) fn shaped(&mut self, name: &Name, shape: &Arc<Shape>) {
        if let Some(entry) = self.current_mut(name) {
            entry.shape = Some(Arc::clone(shape));
        }
    }

    /// The client has asked what columns `name` has.
    pub(super) fn described(&mut self, name: &Name) {
        if let Some(entry) = self.current_mut(name) {
            entry.described = true;
        }
    }

    /// Whether a message of an earlier segment decides what `name` stands for, and may be passed over yet.
    pub(super) fn unsettled(&self, name: &Name, segment: u64) -> bool {
        let meaning = if name.is_empty() { Some(&self.unnamed) } else { self.named.get(name.as_slice()) };
        // One of this segment is passed over together with what asks now.
        meaning.is_some_and(|meaning| meaning.asked.back().is_some_and(|change| change.segment < segment))
    }

    /// The client's name for what the server knows by this number.
    pub(super) fn client_name(&self, number: u64) -> Option<&[u8]> {
        let is = |entry: &Entry| entry.server == ServerName::Own(number);
        self.named.iter().find_map(|(name, meaning)| {
            let asked = meaning.asked.iter().filter_map(|change| change.to.as_ref());
            asked.chain(&meaning.confirmed).any(is).then_some(name.as_ref())
        })
    }

    fn meaning(&mut self, name: &Name) -> Option<&mut Meaning> {
        if name.is_empty() { Some(&mut self.unnamed) } else { self.named.get_mut(name.as_slice()) }
    }

    fn tidy(&mut self, name: &Name) {
        let empty = |meaning: &Meaning| meaning.confirmed.is_none() && meaning.asked.is_empty();
        if self.named.get(name.as_slice()).is_some_and(empty) {
            self.named.remove(name.as_slice());
        }
    }
}
