//! Finds what was done to a record after it was written, by recomputing its chain.
//!
//! Each frame's hash covers the hash before it, so a frame can be checked against the 32 bytes
//! that stand before it, wherever it is found: that is how checking goes on behind a broken place.

use crate::record::chain::{FILE_HEADER, Hash};
use crate::record::frame::{FrameKind, HEADER, TRAILER, VERSION};
use crate::record::read::{check_header, frame_length};
use serde::Serialize;
use std::collections::BTreeMap;

/// More problems than this are counted and not kept.
const MOST_PROBLEMS: usize = 10_000;
/// Beyond a file's own length times four, so much may be hashed in search of the next frame.
const SEARCH: usize = 256 << 20;

/// What the log of heads says of a record that was closed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClosedAs {
    /// How many frames it has.
    pub frames: u64,
    /// How many bytes in all segments.
    pub bytes: u64,
    /// The last frame's hash.
    pub chain: Hash,
    /// How it ended.
    pub end: String,
}

/// Something that is wrong with a record. Frames are named by their number, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Frames that are not what was written.
    #[error("{} changed (segment {segment}, byte {offset})", frames(.first, .last))]
    Changed {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// Frames that are not there.
    #[error("{} removed", frames(.first, .last))]
    Removed {
        /// The first of them.
        first: u64,
        /// The last of them.
        last: u64,
    },
    /// A frame that stands behind later ones.
    #[error("frame {frame} was moved (segment {segment}, byte {offset})")]
    Reordered {
        /// Its number.
        frame: u64,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// A frame that is there again, or one put in beside the true one.
    #[error("frame {frame} stands there a second time (segment {segment}, byte {offset})")]
    Duplicated {
        /// Its number.
        frame: u64,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// Bytes between frames that no writer put there.
    #[error("{bytes} bytes were put in before frame {frame} (segment {segment}, byte {offset})")]
    Inserted {
        /// The frame that follows.
        frame: u64,
        /// How many bytes.
        bytes: u64,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// The end is not there.
    #[error("cut: {have} of {want} frames are there")]
    Cut {
        /// How many frames there are.
        have: u64,
        /// How many there were.
        want: u64,
    },
    /// The file ends within a frame: a crash while it was written, or a cut.
    #[error(
        "ends within a frame: frame {frame} is not whole ({bytes} bytes of it in segment {segment}); {frame} whole frames stand before it"
    )]
    Torn {
        /// The frame that is not whole.
        frame: u64,
        /// How many bytes of it are there.
        bytes: u64,
        /// In which segment.
        segment: u32,
    },
    /// A segment does not begin as it was written.
    #[error("the file header of segment {segment} was changed")]
    Header {
        /// Which.
        segment: u32,
    },
    /// The last frame doesn't end the session, though the session ended.
    #[error("the frame that ends the session is not there")]
    NoEnd,
    /// Frames behind the one that ends the session.
    #[error("frame {frame} stands behind the session's end")]
    AfterEnd {
        /// The first of them.
        frame: u64,
    },
    /// Whole, but not the record that was closed under this name.
    #[error("replaced: a chain of its own, but not the one that heads.log closed (it has {have}, it was {want})")]
    Replaced {
        /// The last hash that is there.
        have: String,
        /// The last hash that was entered.
        want: String,
    },
    /// The record was closed after it had been found damaged.
    #[error("damaged before it was closed: the gateway that found it open left it as it was")]
    Damaged,
    /// There is no file.
    #[error("the record is missing: heads.log names the session, and no file is there")]
    Missing,
    /// There is a file of which the log knows nothing.
    #[error("heads.log does not name this session: the record was put there, or the log was cut")]
    Unlisted,
    /// The session stands in the log twice.
    #[error("heads.log names the session {count} times as {what}")]
    ListedTwice {
        /// `opened` or `closed`.
        what: String,
        /// How often.
        count: u64,
    },
    /// Intact, but of a kind or version that isn't known here.
    #[error("frame {frame} is of kind {kind}, version {version}: written by a newer weir; use that to look at it")]
    Unknown {
        /// The frame.
        frame: u64,
        /// Its kind's number.
        kind: u8,
        /// Its version.
        version: u8,
    },
}

/// What came of checking a record.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// How many whole frames there are.
    pub frames: u64,
    /// How many bytes, in all segments.
    pub bytes: u64,
    /// Whether the last frame ends the session.
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
    segment: u32,
    /// The hash that stands before the next frame.
    stored: Hash,
    /// The hash that should stand there.
    computed: Hash,
    /// The number behind that of the frame before.
    next: u64,
    /// The number behind the highest so far.
    high: u64,
    /// Numbers below `high` that were not seen: first, and the one behind the last.
    missing: BTreeMap<u64, u64>,
    report: Report,
}

impl Verifier {
    /// For the record of `session`, which was closed as `closed`, if it was.
    #[must_use]
    pub fn new(session: &str, closed: Option<ClosedAs>) -> Self {
        let before = Hash::default();
        Self {
            session: session.to_owned(),
            closed,
            segment: 0,
            stored: before,
            computed: before,
            next: 0,
            high: 0,
            missing: BTreeMap::new(),
            report: Report::default(),
        }
    }

    /// Checks the next segment, whose file holds `bytes`.
    pub fn segment(&mut self, bytes: &[u8]) {
        let genesis = |before| Hash::genesis(&self.session, self.segment, (self.segment > 0).then_some(before));
        (self.stored, self.computed) = (genesis(self.stored), genesis(self.computed));
        self.report.bytes += bytes.len() as u64;
        if bytes.len() < FILE_HEADER {
            self.tell(Problem::Torn { frame: self.next, bytes: bytes.len() as u64, segment: self.segment });
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
        for (first, behind) in std::mem::take(&mut self.missing) {
            self.tell(Problem::Removed { first, last: behind - 1 });
        }
        if let Some(closed) = self.closed.take() {
            self.compare(&closed);
        }
        self.report
    }

    fn compare(&mut self, closed: &ClosedAs) {
        let intact = self.report.problems.is_empty();
        if closed.end == "damaged" {
            self.tell(Problem::Damaged);
        } else if self.high < closed.frames {
            self.tell(Problem::Cut { have: self.report.frames, want: closed.frames });
        } else if intact && (self.stored != closed.chain || self.high != closed.frames || self.report.bytes != closed.bytes) {
            self.tell(Problem::Replaced { have: self.stored.to_string(), want: closed.chain.to_string() });
        } else if !self.report.ended {
            self.tell(Problem::NoEnd);
        }
    }

    /// Checks what stands at `at`; where to go on.
    fn step(&mut self, bytes: &[u8], at: usize) -> usize {
        let rest = bytes.get(at..).unwrap_or_default();
        let Some(frame) = Raw::parse(rest) else {
            return self.search(bytes, at);
        };
        let behind = at + frame.length;
        let expected = self.computed.next(frame.covered);
        let good = expected == frame.chain || (self.stored != self.computed && self.stored.next(frame.covered) == frame.chain);
        if !good && !plausible(bytes.get(behind..).unwrap_or_default()) {
            return self.search(bytes, at);
        }
        let place = (self.segment, at as u64);
        let seq = if good { frame.seq } else { self.number_of(&frame, bytes.get(behind..).unwrap_or_default(), place) };
        self.count(seq, place);
        self.look(&frame, seq, good);
        self.stored = frame.chain;
        self.computed = if good { frame.chain } else { expected };
        behind
    }

    /// The number of a frame whose hash doesn't fit: its own, unless it was changed in its place.
    fn number_of(&mut self, frame: &Raw<'_>, behind: &[u8], (segment, offset): (u32, u64)) -> u64 {
        let last = behind.is_empty() && self.closed.as_ref().is_some_and(|closed| closed.frames == self.next.saturating_add(1));
        let successor = Raw::parse(behind).filter(|successor| frame.chain.next(successor.covered) == successor.chain);
        let in_place = last || successor.is_some_and(|successor| Some(successor.seq) == self.next.checked_add(1));
        if frame.seq != self.next && !in_place {
            return frame.seq;
        }
        self.tell(Problem::Changed { first: self.next, last: self.next, segment, offset });
        self.next
    }

    /// Keeps count of which numbers were seen.
    fn count(&mut self, seq: u64, (segment, offset): (u32, u64)) {
        self.report.frames += 1;
        self.next = seq.saturating_add(1);
        if seq >= self.high {
            if seq > self.high {
                self.missing.insert(self.high, seq);
            }
            self.high = seq.saturating_add(1);
        } else if self.find_missing(seq) {
            self.tell(Problem::Reordered { frame: seq, segment, offset });
        } else {
            self.tell(Problem::Duplicated { frame: seq, segment, offset });
        }
    }

    /// Takes `seq` out of the missing ones, if it is one.
    fn find_missing(&mut self, seq: u64) -> bool {
        let Some((first, behind)) = self.missing.range(..=seq).next_back().map(|(first, behind)| (*first, *behind)) else {
            return false;
        };
        if seq >= behind {
            return false;
        }
        self.missing.remove(&first);
        if first < seq {
            self.missing.insert(first, seq);
        }
        if seq + 1 < behind {
            self.missing.insert(seq + 1, behind);
        }
        true
    }

    fn look(&mut self, frame: &Raw<'_>, seq: u64, good: bool) {
        if self.report.ended {
            self.tell(Problem::AfterEnd { frame: seq });
        }
        self.report.ended = frame.kind == FrameKind::Ended as u8;
        let known = FrameKind::from_number(frame.kind).is_some() && frame.version == VERSION && frame.flags == 0;
        if good && !known {
            self.tell(Problem::Unknown { frame: seq, kind: frame.kind, version: frame.version });
        }
    }

    /// What stands at `at` is no whole frame: goes on at the next one that is, if there is one.
    fn search(&mut self, bytes: &[u8], at: usize) -> usize {
        let (segment, offset) = (self.segment, at as u64);
        let Some(found) = next_genuine(bytes, at) else {
            let rest = bytes.len() - at;
            if frame_length(bytes.get(at..).unwrap_or_default()).is_ok_and(|length| length.is_none_or(|length| length > rest)) {
                self.tell(Problem::Torn { frame: self.next, bytes: rest as u64, segment });
            } else {
                self.tell(Problem::Changed { first: self.next, last: self.next, segment, offset });
            }
            return bytes.len();
        };
        let seq = Raw::parse(bytes.get(found..).unwrap_or_default()).map_or(0, |frame| frame.seq);
        if seq > self.next {
            self.tell(Problem::Changed { first: self.next, last: seq - 1, segment, offset });
            self.high = self.high.max(seq);
        } else {
            self.tell(Problem::Inserted { frame: seq, bytes: (found - at) as u64, segment, offset });
        }
        self.stored.0.copy_from_slice(bytes.get(found - TRAILER..found).unwrap_or(&[0; TRAILER]));
        self.computed = self.stored;
        self.next = seq;
        found
    }

    fn tell(&mut self, problem: Problem) {
        if self.report.problems.len() < MOST_PROBLEMS {
            self.report.problems.push(problem);
        } else {
            self.report.more_problems += 1;
        }
    }
}

/// The first place behind `at` where a frame stands that fits the 32 bytes before it. Gives up
/// where too much of the file looks like frames that are none.
#[must_use]
pub fn next_genuine(bytes: &[u8], at: usize) -> Option<usize> {
    let mut budget = bytes.len().saturating_mul(4).saturating_add(SEARCH);
    let first = (at + 1).max(FILE_HEADER + TRAILER);
    for place in first..bytes.len().saturating_sub(HEADER + TRAILER - 1) {
        let rest = bytes.get(place..)?;
        if !known_header(rest) {
            continue;
        }
        let Some(frame) = Raw::parse(rest) else { continue };
        budget = budget.checked_sub(frame.length)?;
        let mut before = Hash::default();
        before.0.copy_from_slice(bytes.get(place - TRAILER..place)?);
        if before.next(frame.covered) == frame.chain {
            return Some(place);
        }
    }
    None
}

/// A frame by its length alone: its kind and version may be anything.
struct Raw<'a> {
    length: usize,
    kind: u8,
    version: u8,
    flags: u16,
    seq: u64,
    covered: &'a [u8],
    chain: Hash,
}

impl<'a> Raw<'a> {
    fn parse(bytes: &'a [u8]) -> Option<Self> {
        let length = frame_length(bytes).ok()??;
        let (covered, trailer) = bytes.get(..length)?.split_at_checked(length - TRAILER)?;
        let header = covered.first_chunk::<HEADER>()?;
        let mut chain = Hash::default();
        chain.0.copy_from_slice(trailer);
        Some(Self {
            length,
            kind: header[4],
            version: header[5],
            flags: u16::from_le_bytes([header[6], header[7]]),
            seq: u64::from_le_bytes(*header.get(8..)?.first_chunk::<8>()?),
            covered,
            chain,
        })
    }
}

/// Whether a frame may begin here: nothing is there, too little to tell, or a header as we write it.
fn plausible(bytes: &[u8]) -> bool {
    bytes.len() < HEADER || known_header(bytes)
}

fn known_header(bytes: &[u8]) -> bool {
    let known =
        |header: &[u8; HEADER]| header[5] == VERSION && header[6..8] == [0, 0] && FrameKind::from_number(header[4]).is_some();
    bytes.first_chunk::<HEADER>().is_some_and(known) && frame_length(bytes).is_ok()
}

fn frames(first: &u64, last: &u64) -> String {
    if first == last { format!("frame {first} was") } else { format!("frames {first} to {last} were") }
}

#[cfg(test)]
mod tests;
