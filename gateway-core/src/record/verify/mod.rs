//! Finds what was done to a record after it was written, by recomputing its chain.
//!
//! Each block's hash covers the hash before it, so a block can be checked against the 32 bytes
//! that stand before it, wherever it is found: that is how checking goes on behind a broken place.

mod problem;
#[cfg(test)]
mod tests;

pub use problem::{Problem, Span};

use crate::model::time::Timestamp;
use crate::record::block::{Block, HEADER, Header, TRAILER, length};
use crate::record::chain::{FILE_HEADER, Hash};
use crate::record::read::{block, check_header};
use serde::Serialize;
use std::collections::BTreeMap;

/// More problems than this are counted and not kept.
const MOST_PROBLEMS: usize = 10_000;
/// Beyond a file's own length times four, so much may be hashed in search of the next block.
const SEARCH: usize = 256 << 20;

/// What the log says of a record at some moment: when it was closed, or while it grew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark {
    /// How many frames it has.
    pub frames: u64,
    /// How many blocks.
    pub blocks: u64,
    /// The last block's hash.
    pub chain: Hash,
}

/// What the log says of a record that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedAs {
    /// Its end.
    pub mark: Mark,
    /// How many bytes in all segments.
    pub bytes: u64,
    /// How it ended.
    pub end: String,
}

/// What came of checking a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many whole frames there are.
    pub frames: u64,
    /// How many whole blocks.
    pub blocks: u64,
    /// How many bytes, in all segments.
    pub bytes: u64,
    /// Whether the last block ends the session.
    pub ended: bool,
    /// What is wrong, in the order of the record.
    pub problems: Vec<Problem>,
    /// How many further problems were not kept.
    pub more_problems: u64,
}

/// Checks one record, segment by segment.
#[derive(Clone, Debug)]
pub struct Verifier {
    session: String,
    closed: Option<ClosedAs>,
    /// What the log said while it grew, by the number of blocks.
    marks: BTreeMap<u64, Mark>,
    /// Between these it must have been made.
    made: (Timestamp, Timestamp),
    segment: u32,
    /// The hash that stands before the next block.
    stored: Hash,
    /// The hash that should stand there.
    computed: Hash,
    /// The number behind that of the block before.
    next: u64,
    /// The number behind that of its last frame.
    next_frame: u64,
    /// The number behind the highest so far.
    high: u64,
    /// The same of frames.
    high_frame: u64,
    /// Blocks below `high` that were not seen, by the first of them.
    missing: BTreeMap<u64, Gap>,
    report: Report,
}

/// Blocks in a row that were not seen.
#[derive(Clone, Copy, Debug)]
struct Gap {
    behind: u64,
    frame: u64,
    behind_frame: u64,
}

/// Where something stands.
type Place = (u32, u64);

impl Verifier {
    /// For the record of `session`, which was closed as `closed`, if it was.
    #[must_use]
    pub fn new(session: &str, closed: Option<ClosedAs>) -> Self {
        let before = Hash::default();
        Self {
            session: session.to_owned(),
            closed,
            marks: BTreeMap::new(),
            made: (Timestamp(0), Timestamp(u64::MAX)),
            segment: 0,
            stored: before,
            computed: before,
            next: 0,
            next_frame: 0,
            high: 0,
            high_frame: 0,
            missing: BTreeMap::new(),
            report: Report::default(),
        }
    }

    /// The log said this of it while it grew.
    #[must_use]
    pub fn with_marks(mut self, marks: impl IntoIterator<Item = Mark>) -> Self {
        self.marks.extend(marks.into_iter().map(|mark| (mark.blocks, mark)));
        self
    }

    /// The log names it as made between these.
    #[must_use]
    pub const fn made_between(mut self, from: Timestamp, to: Timestamp) -> Self {
        self.made = (from, to);
        self
    }

    /// Checks the next segment, whose file holds `bytes`.
    pub fn segment(&mut self, bytes: &[u8]) {
        let genesis = |before| Hash::genesis(&self.session, self.segment, (self.segment > 0).then_some(before));
        (self.stored, self.computed) = (genesis(self.stored), genesis(self.computed));
        self.report.bytes += bytes.len() as u64;
        if bytes.len() < FILE_HEADER {
            self.torn(bytes.len(), 0);
        } else if check_header(bytes, self.segment).is_err() {
            self.tell(Problem::Header { segment: self.segment });
        }
        let mut at = FILE_HEADER;
        while at < bytes.len() {
            at = self.step(bytes, at);
        }
        self.segment += 1;
    }

    /// Says what was found.
    #[must_use]
    pub fn finish(mut self) -> Report {
        for (first, gap) in std::mem::take(&mut self.missing) {
            let blocks = span(first, gap.behind, gap.frame, gap.behind_frame);
            self.tell(Problem::Removed { blocks });
        }
        let seen = self.next;
        let later = self.marks.split_off(&seen.saturating_add(1)).into_values().next_back();
        match self.closed.take() {
            Some(closed) => self.compare(&closed),
            None => {
                if let Some(mark) = later {
                    self.tell(Problem::Cut { have: self.report.frames, want: mark.frames });
                }
            }
        }
        self.report
    }

    fn compare(&mut self, closed: &ClosedAs) {
        let intact = self.report.problems.is_empty();
        let Mark { frames, blocks, chain } = &closed.mark;
        if closed.end == "damaged" {
            self.tell(Problem::Damaged);
        } else if self.high < *blocks {
            self.tell(Problem::Cut { have: self.report.frames, want: *frames });
        } else if intact && (self.stored != *chain || self.high != *blocks || self.report.bytes != closed.bytes) {
            self.tell(Problem::Replaced { have: self.stored.to_string(), want: chain.to_string() });
        } else if !self.report.ended {
            self.tell(Problem::NoEnd);
        }
    }

    /// Checks what stands at `at`; where to go on.
    fn step(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let Ok(block) = block(rest) else {
            return self.search(bytes, at);
        };
        let behind = at + block.header.length;
        let after = bytes.get(behind..).unwrap_or_default();
        let expected = self.computed.next(block.covered);
        let good = expected == block.chain || (self.stored != self.computed && self.stored.next(block.covered) == block.chain);
        if !good && !plausible(after) {
            return self.search(bytes, at);
        }
        let place = (self.segment, at as u64);
        let seen = if good { of(&block.header) } else { self.changed(&block, after, place) };
        self.count(seen, place);
        self.look(&block.header, seen, good);
        self.stored = block.chain;
        self.computed = if good { block.chain } else { expected };
        if good {
            self.hold_against_mark(seen, place);
        }
        behind
    }

    /// Which block it is whose hash doesn't fit: the one it says, unless it was changed in its place.
    fn changed(&mut self, block: &Block<'_>, after: &[u8], (segment, offset): Place) -> Span {
        let closed = self.closed.as_ref().map(|closed| (closed.mark.blocks, closed.mark.frames));
        let last = closed.filter(|(blocks, _)| after.is_empty() && *blocks == self.next.saturating_add(1));
        let successor = crate::record::read::block(after).ok();
        let successor = successor.filter(|successor| block.chain.next(successor.covered) == successor.chain);
        let follows = successor.filter(|successor| Some(successor.header.number) == self.next.checked_add(1));
        if block.header.number != self.next && last.is_none() && follows.is_none() {
            return of(&block.header);
        }
        // Its own header may be what was changed: what is behind it says how far it went.
        let behind = follows.map(|successor| successor.header.first).or_else(|| last.map(|(_, frames)| frames));
        let behind = behind.unwrap_or_else(|| self.next_frame.saturating_add(u64::from(block.header.frames)));
        let blocks = Span::one(self.next, self.next_frame, behind.saturating_sub(self.next_frame));
        self.tell(Problem::Changed { blocks, segment, offset });
        blocks
    }

    /// Keeps count of which numbers were seen.
    fn count(&mut self, seen: Span, (segment, offset): Place) {
        self.report.blocks += 1;
        self.report.frames = self.report.frames.saturating_add(seen.frames);
        self.next = seen.block.saturating_add(1);
        self.next_frame = seen.frame.saturating_add(seen.frames);
        if seen.block >= self.high {
            if seen.block > self.high {
                self.missing.insert(self.high, Gap { behind: seen.block, frame: self.high_frame, behind_frame: seen.frame });
            }
            (self.high, self.high_frame) = (self.next, self.next_frame);
        } else if self.find_missing(seen) {
            self.tell(Problem::Reordered { blocks: seen, segment, offset });
        } else {
            self.tell(Problem::Duplicated { blocks: seen, segment, offset });
        }
    }

    /// Takes `seen` out of the missing ones, if it is one.
    fn find_missing(&mut self, seen: Span) -> bool {
        let Some((first, gap)) = self.missing.range(..=seen.block).next_back().map(|(first, gap)| (*first, *gap)) else {
            return false;
        };
        if seen.block >= gap.behind {
            return false;
        }
        self.missing.remove(&first);
        if first < seen.block {
            self.missing.insert(first, Gap { behind: seen.block, behind_frame: seen.frame, ..gap });
        }
        if seen.block + 1 < gap.behind {
            self.missing.insert(seen.block + 1, Gap { frame: seen.frame.saturating_add(seen.frames), ..gap });
        }
        true
    }

    fn look(&mut self, header: &Header, seen: Span, good: bool) {
        if self.report.ended {
            self.tell(Problem::AfterEnd { block: seen.block });
        }
        self.report.ended = header.ends;
        let (from, to) = self.made;
        if good && header.from < from {
            self.tell(Problem::Misdated { blocks: seen, what: "before the log says that the session began".to_owned() });
        } else if good && header.to > to {
            self.tell(Problem::Misdated { blocks: seen, what: "after the log says that the session was closed".to_owned() });
        }
    }

    /// The log had the record end here once: it did so with this hash, or it is another record.
    fn hold_against_mark(&mut self, seen: Span, (segment, offset): Place) {
        let Some(mark) = self.marks.get(&self.next).filter(|mark| mark.chain != self.stored) else { return };
        let want = mark.chain.to_string();
        // What was recomputed from some block on differs from there on: it is told once.
        if !self.report.problems.iter().any(|problem| matches!(problem, Problem::Replaced { .. })) {
            self.tell(Problem::Replaced { have: self.stored.to_string(), want });
            self.tell(Problem::Changed { blocks: seen, segment, offset });
        }
    }

    /// What stands at `at` is no whole block: goes on at the next one that is, if there is one.
    fn search(&mut self, bytes: &[u8], at: usize) -> usize {
        let (segment, offset) = (self.segment, at as u64);
        let Some(found) = next_genuine(bytes, at) else {
            let rest = bytes.len() - at;
            if length(bytes.get(at..).unwrap_or_default()).map_or(rest < 4, |length| length > rest) {
                self.torn(rest, at);
            } else {
                self.tell(Problem::Changed { blocks: self.to_the_end(), segment, offset });
            }
            return bytes.len();
        };
        let header = header(bytes.get(found..).unwrap_or_default());
        let (number, frame) = header.map_or((0, 0), |header| (header.number, header.first));
        if number > self.next {
            let blocks = span(self.next, number, self.next_frame, frame);
            self.tell(Problem::Changed { blocks, segment, offset });
            (self.high, self.high_frame) = (self.high.max(number), self.high_frame.max(frame));
        } else {
            self.tell(Problem::Inserted { block: number, bytes: (found - at) as u64, segment, offset });
        }
        self.stored.0.copy_from_slice(bytes.get(found - TRAILER..found).unwrap_or(&[0; TRAILER]));
        self.computed = self.stored;
        (self.next, self.next_frame) = (number, frame);
        found
    }

    /// What a segment had behind what was read of it, as far as that is known.
    fn to_the_end(&self) -> Span {
        let closed = self.closed.as_ref().filter(|closed| closed.mark.blocks > self.next);
        closed.map_or_else(
            || Span::one(self.next, self.next_frame, 1),
            |closed| span(self.next, closed.mark.blocks, self.next_frame, closed.mark.frames),
        )
    }

    fn torn(&mut self, bytes: usize, at: usize) {
        let (block, frame, segment) = (self.next, self.next_frame, self.segment);
        self.tell(Problem::Torn { block, frame, bytes: bytes as u64, segment, offset: at as u64 });
    }

    fn tell(&mut self, problem: Problem) {
        if self.report.problems.len() < MOST_PROBLEMS {
            self.report.problems.push(problem);
        } else {
            self.report.more_problems += 1;
        }
    }
}

/// The blocks from `first` to before `behind`.
const fn span(first: u64, behind: u64, frame: u64, behind_frame: u64) -> Span {
    Span { block: first, last_block: behind.saturating_sub(1), frame, frames: behind_frame.saturating_sub(frame) }
}

/// Which block a header says that it is of.
fn of(header: &Header) -> Span {
    Span::one(header.number, header.first, u64::from(header.frames))
}

/// The first place behind `at` where a block stands that fits the 32 bytes before it. Gives up
/// where too much of the file looks like blocks that are none.
fn next_genuine(bytes: &[u8], at: usize) -> Option<usize> {
    let mut budget = bytes.len().saturating_mul(4).saturating_add(SEARCH);
    let first = (at + 1).max(FILE_HEADER + TRAILER);
    for place in first..bytes.len().saturating_sub(HEADER + TRAILER - 1) {
        let rest = bytes.get(place..)?;
        if header(rest).is_none() {
            continue;
        }
        let Ok(block) = block(rest) else { continue };
        budget = budget.checked_sub(block.header.length)?;
        let mut before = Hash::default();
        before.0.copy_from_slice(bytes.get(place - TRAILER..place)?);
        if before.next(block.covered) == block.chain {
            return Some(place);
        }
    }
    None
}

/// Whether a block may begin here: nothing is there, too little to tell, or a header as we write it.
fn plausible(bytes: &[u8]) -> bool {
    bytes.len() < HEADER || header(bytes).is_some()
}

fn header(bytes: &[u8]) -> Option<Header> {
    bytes.first_chunk::<HEADER>().and_then(Header::parse)
}
