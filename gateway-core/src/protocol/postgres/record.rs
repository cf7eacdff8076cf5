//! What the record keeps of a Postgres session: frames of statements, parameters, rows and ends.

use super::codec::HEADER;
use crate::protocol::{Interest, OperationId, Output};
use crate::record::{FrameKind, Hash, body};
use sha2::{Digest as _, Sha256};

/// One message longer than this is counted and not recorded, whatever the limit of a result is.
const LONGEST_MESSAGE: usize = 16 << 20;
/// Memory for a message that came in parts is given back above this.
const KEPT_MEMORY: usize = 64 << 10;

/// Writes frames, and counts the result that is being sent.
#[derive(Debug)]
pub(super) struct Recorder {
    interest: Interest,
    rows: u64,
    bytes: u64,
    recorded: u64,
    full: bool,
    /// Whole messages of this input that are to be recorded, by their place in it.
    run: Option<Run>,
    /// A message that comes in parts, as far as it has come.
    part: Option<OperationId>,
    part_bytes: Vec<u8>,
    /// Of the rows that the job is sent.
    digest: Digesting,
    /// Of those that the server sent.
    sealed: Digesting,
    /// Messages that were written anew and are to be recorded so.
    anew: Option<OperationId>,
    anew_bytes: Vec<u8>,
}

#[derive(Clone, Copy, Debug)]
struct Run {
    operation: OperationId,
    start: usize,
    end: usize,
}

impl Recorder {
    pub(super) fn new(interest: Interest) -> Self {
        Self {
            digest: Digesting::new(interest.digests),
            sealed: Digesting::new(interest.sealed),
            interest,
            rows: 0,
            bytes: 0,
            recorded: 0,
            full: false,
            run: None,
            part: None,
            part_bytes: Vec::new(),
            anew: None,
            anew_bytes: Vec::new(),
        }
    }

    /// A statement's text, where it is kept here: who judges it may keep it instead.
    pub(super) fn statement(&self, operation: OperationId, kind: u8, text: &[u8], output: &mut Output) {
        if self.interest.sealed {
            output.record.push_sealed(output.now, FrameKind::Statement, |to| body::write_exact(operation.0, kind, text, to));
        }
        if !self.interest.texts {
            return;
        }
        output.record.push(output.now, FrameKind::Statement, |to| body::write_statement(operation.0, kind, text, to));
    }

    /// Whether texts are kept here.
    pub(super) const fn keeps_texts(&self) -> bool {
        self.interest.texts
    }

    /// How many bytes of parameters are kept.
    pub(super) fn parameter_bytes(&self) -> usize {
        if self.interest.sealed { LONGEST_MESSAGE } else { self.plain_parameter_bytes() }
    }

    fn plain_parameter_bytes(&self) -> usize {
        usize::try_from(self.interest.parameter_bytes).unwrap_or(usize::MAX).min(LONGEST_MESSAGE)
    }

    /// What something is run with: in the plain layer only where it may be `kept` there.
    pub(super) fn parameters(&self, operation: OperationId, values: &[u8], kept: bool, output: &mut Output) {
        if self.interest.sealed {
            output.record.push_sealed(output.now, FrameKind::Parameters, |body| {
                body.extend_from_slice(&operation.0.to_le_bytes());
                body.extend_from_slice(values.get(..LONGEST_MESSAGE).unwrap_or(values));
            });
        }
        let limit = self.plain_parameter_bytes();
        if kept && limit > 0 {
            output.record.push(output.now, FrameKind::Parameters, |body| {
                body.extend_from_slice(&operation.0.to_le_bytes());
                body.extend_from_slice(values.get(..limit).unwrap_or(values));
            });
        }
    }

    /// Counts a message of a result, of which `bytes[at..]` has come so far.
    pub(super) fn result(&mut self, message: ResultMessage, bytes: &[u8], output: &mut Output) {
        let ResultMessage { operation, row, at, total } = message;
        self.rows += u64::from(row);
        self.bytes += total as u64;
        if row {
            let come = bytes.get(at + HEADER..(at + total).min(bytes.len())).unwrap_or_default();
            self.digest.begin(total - HEADER, come);
            self.sealed.begin(total - HEADER, come);
        }
        let after = self.recorded.saturating_add(total as u64);
        self.full |= after > self.interest.result_bytes || self.rows > self.interest.result_rows || total > LONGEST_MESSAGE;
        if self.full {
            return;
        }
        self.recorded = after;
        match bytes.get(at..at + total) {
            Some(_) => match &mut self.run {
                Some(run) if run.end == at && run.operation == operation => run.end += total,
                _ => {
                    self.flush(bytes, output);
                    self.run = Some(Run { operation, start: at, end: at + total });
                }
            },
            None => {
                self.flush(bytes, output);
                self.part = Some(operation);
                self.part_bytes.extend_from_slice(bytes.get(at..).unwrap_or_default());
            }
        }
    }

    /// Counts a row that was written anew, and records it unless it is not to be.
    pub(super) fn masked(&mut self, operation: OperationId, (row, message): (&[u8], &[u8]), unrecorded: bool) {
        self.rows += 1;
        let body = message.get(HEADER..).unwrap_or_default();
        self.digest.begin(body.len(), body);
        self.sealed.begin(row.len(), row);
        self.bytes += message.len() as u64;
        let after = self.recorded.saturating_add(message.len() as u64);
        self.full |= unrecorded
            || after > self.interest.result_bytes
            || self.rows > self.interest.result_rows
            || message.len() > LONGEST_MESSAGE;
        if !self.full {
            self.recorded = after;
            self.anew = Some(operation);
            self.anew_bytes.extend_from_slice(message);
        }
    }

    /// Counts what is not recorded: a row, or another message of a result.
    pub(super) fn counted(&mut self, total: usize, row: bool) {
        self.digest.give_up();
        self.sealed.give_up();
        self.rows += u64::from(row);
        self.bytes += total as u64;
    }

    /// More of the message that comes in parts; it goes to the record when it is `complete`.
    pub(super) fn more(&mut self, bytes: &[u8], complete: bool, output: &mut Output) {
        self.digest.more(bytes);
        self.sealed.more(bytes);
        let Some(operation) = self.part else { return };
        self.part_bytes.extend_from_slice(bytes);
        if complete {
            output.record.push(output.now, FrameKind::Rows, |body| {
                body.extend_from_slice(&operation.0.to_le_bytes());
                body.extend_from_slice(&self.part_bytes);
            });
            self.part = None;
            self.part_bytes.clear();
            self.part_bytes.shrink_to(KEPT_MEMORY);
        }
    }

    /// Writes the whole messages of this input that are not yet in a frame.
    pub(super) fn flush(&mut self, bytes: &[u8], output: &mut Output) {
        if let Some(operation) = self.anew.take() {
            output.record.push(output.now, FrameKind::Rows, |body| {
                body.extend_from_slice(&operation.0.to_le_bytes());
                body.extend_from_slice(&self.anew_bytes);
            });
            self.anew_bytes.clear();
            self.anew_bytes.shrink_to(KEPT_MEMORY);
        }
        if let Some(run) = self.run.take() {
            output.record.push(output.now, FrameKind::Rows, |body| {
                body.extend_from_slice(&run.operation.0.to_le_bytes());
                body.extend_from_slice(bytes.get(run.start..run.end).unwrap_or_default());
            });
        }
    }

    /// A result is over.
    pub(super) fn completed(&mut self, operation: OperationId, tag: &[u8], output: &mut Output) {
        let (rows, bytes) = (self.rows, self.bytes);
        if let Some(digest) = self.digest.take(rows) {
            output.record.push(output.now, FrameKind::Digest, |to| body::write_digest(operation.0, rows, &digest, to));
        }
        if let Some(digest) = self.sealed.take(rows) {
            output.record.push_sealed(output.now, FrameKind::Digest, |to| body::write_digest(operation.0, rows, &digest, to));
        }
        output.record.push(output.now, FrameKind::Completed, |body| {
            body.extend_from_slice(&operation.0.to_le_bytes());
            body.extend_from_slice(&rows.to_le_bytes());
            body.extend_from_slice(&bytes.to_le_bytes());
            body.extend_from_slice(tag);
        });
        self.reset();
    }

    pub(super) fn failed(&mut self, operation: OperationId, code: &[u8], message: &[u8], output: &mut Output) {
        output.record.push(output.now, FrameKind::Failed, |body| {
            body.extend_from_slice(&operation.0.to_le_bytes());
            body.extend((0..5).map(|at| code.get(at).copied().unwrap_or(b'?')));
            body.extend_from_slice(message);
        });
        self.reset();
    }

    /// Begins to count anew: the next message is of another result.
    pub(super) fn reset(&mut self) {
        self.rows = 0;
        self.bytes = 0;
        self.recorded = 0;
        self.full = false;
        self.digest.reset();
        self.sealed.reset();
    }
}

/// SHA-256 over the bodies of a result's rows, each behind its length.
#[derive(Debug, Default)]
struct Digesting {
    wanted: bool,
    /// Some row was not seen whole.
    given_up: bool,
    /// Bytes of the row's body that are still to come.
    left: usize,
    hash: Sha256,
}

impl Digesting {
    fn new(wanted: bool) -> Self {
        Self { wanted, ..Self::default() }
    }

    /// A row whose body has so many bytes, of which some have come.
    fn begin(&mut self, length: usize, come: &[u8]) {
        if self.wanted {
            self.hash.update(u32::try_from(length).unwrap_or(u32::MAX).to_le_bytes());
            self.left = length;
            self.more(come);
        }
    }

    fn more(&mut self, come: &[u8]) {
        if self.wanted && self.left > 0 {
            let come = come.get(..self.left).unwrap_or(come);
            self.hash.update(come);
            self.left -= come.len();
        }
    }

    fn give_up(&mut self) {
        self.given_up = true;
    }

    /// The digest of a result that has rows, all of which were seen.
    fn take(&mut self, rows: u64) -> Option<Hash> {
        (self.wanted && rows > 0 && !self.given_up && self.left == 0).then(|| Hash(self.hash.finalize_reset().into()))
    }

    fn reset(&mut self) {
        (self.given_up, self.left) = (false, 0);
        if self.wanted {
            self.hash.reset();
        }
    }
}

/// A message of a result: whose it is, whether it is a row, where it starts, how long it is.
#[derive(Clone, Copy, Debug)]
pub(super) struct ResultMessage {
    pub(super) operation: OperationId,
    pub(super) row: bool,
    pub(super) at: usize,
    pub(super) total: usize,
}
