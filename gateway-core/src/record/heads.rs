//! The log of sessions opened and closed: one line each, chained, so that a record that is
//! removed, replaced or cut at a frame's end shows.

use crate::model::ids::{RunId, SessionId};
use crate::record::chain::Hash;
use serde::{Deserialize, Serialize};

/// The most bytes that a line may have.
pub const MAX_LINE: usize = 4096;

/// One line's content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "lowercase", deny_unknown_fields)]
pub enum Head {
    /// A session's record was begun.
    Opened {
        /// When, in nanoseconds since 1970.
        at: u64,
        /// The session.
        session: SessionId,
        /// Its run.
        run: RunId,
    },
    /// A session's record was closed: nothing of it may change from here on.
    Closed {
        /// When, in nanoseconds since 1970.
        at: u64,
        /// The session.
        session: SessionId,
        /// How many frames the record has.
        frames: u64,
        /// How many blocks.
        blocks: u64,
        /// How many bytes, in all its segments, their headers included.
        bytes: u64,
        /// How many segments.
        segments: u32,
        /// The last frame's hash, in hex.
        chain: String,
        /// How it ended: `ended`, `dropped`, `failed`, `crash`, `damaged` or `missing`.
        end: String,
    },
}

impl Head {
    /// The session that the line is about.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        match self {
            Self::Opened { session, .. } | Self::Closed { session, .. } => *session,
        }
    }
}

/// What a line holds beside its hash.
#[derive(Serialize, Deserialize)]
struct Line {
    n: u64,
    #[serde(flatten)]
    head: Head,
}

/// Where the next line goes: its number, and the hash that it goes on from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct End {
    /// The next line's number, from 0.
    pub next: u64,
    /// The last line's hash.
    pub chain: Hash,
}

impl Default for End {
    fn default() -> Self {
        Self { next: 0, chain: Hash::default().next(b"weirheads1") }
    }
}

impl End {
    /// Appends the line of `head` to `log`: the hash in hex, a space, JSON, a line feed.
    pub fn append(&mut self, head: &Head, log: &mut Vec<u8>) {
        let json = serde_json::to_vec(&Line { n: self.next, head: head.clone() }).unwrap_or_default();
        self.chain = self.chain.next(&json);
        self.next += 1;
        log.extend_from_slice(self.chain.to_string().as_bytes());
        log.push(b' ');
        log.extend_from_slice(&json);
        log.push(b'\n');
    }
}

/// A log that was read: what it says, and what is wrong with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// The lines that could be read, in the order of the log.
    pub entries: Vec<Head>,
    /// What is wrong, by line.
    pub problems: Vec<HeadsProblem>,
    /// Where the next line goes.
    pub end: End,
    /// How many bytes whole lines take; what follows them is a torn one.
    pub whole: usize,
}

/// Something wrong with the log. Lines count from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error, Serialize)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum HeadsProblem {
    /// A line is not what was written.
    #[error("heads.log line {line} was changed")]
    Changed {
        /// The line.
        line: u64,
    },
    /// Lines are not there.
    #[error("heads.log: {count} line(s) were removed before line {line}")]
    Removed {
        /// The line that follows the gap.
        line: u64,
        /// How many.
        count: u64,
    },
    /// A line stands behind one that was written later, or stands there twice.
    #[error("heads.log line {line} was moved or duplicated: it is number {number}")]
    Reordered {
        /// The line.
        line: u64,
        /// The number that it has, from 0.
        number: u64,
    },
    /// The last line is not whole: a crash while it was written, or a cut.
    #[error("heads.log ends within line {line}")]
    Torn {
        /// The line.
        line: u64,
    },
}

impl Heads {
    /// Reads a whole log.
    #[must_use]
    pub fn parse(log: &[u8]) -> Self {
        let mut heads = Self::default();
        heads.extend(log);
        heads
    }

    /// Reads what was appended to the log since; `log` begins at a line's beginning.
    pub fn extend(&mut self, log: &[u8]) {
        let mut number = self.end.next;
        for text in log.split_inclusive(|&byte| byte == b'\n') {
            number += 1;
            let Some(text) = text.strip_suffix(b"\n") else {
                self.problems.push(HeadsProblem::Torn { line: number });
                return;
            };
            self.whole += text.len() + 1;
            self.line(number, text);
        }
    }

    fn line(&mut self, line: u64, text: &[u8]) {
        let Some((stored, json, content)) = split(text) else {
            self.problems.push(HeadsProblem::Changed { line });
            self.end.next += 1;
            return;
        };
        let expected = self.end;
        // A line's hash proves its own number: a wrong hash with the right number is a change.
        if content.n > expected.next {
            self.problems.push(HeadsProblem::Removed { line, count: content.n - expected.next });
        } else if content.n < expected.next {
            self.problems.push(HeadsProblem::Reordered { line, number: content.n });
        } else if expected.chain.next(json) != stored {
            self.problems.push(HeadsProblem::Changed { line });
        }
        self.end = End { next: content.n.saturating_add(1).max(expected.next), chain: stored };
        self.entries.push(content.head);
    }
}

/// A line's hash, its JSON, and what that says.
fn split(text: &[u8]) -> Option<(Hash, &[u8], Line)> {
    if text.len() > MAX_LINE {
        return None;
    }
    let (hash, rest) = text.split_at_checked(64)?;
    let json = rest.strip_prefix(b" ")?;
    Some((Hash::from_hex(std::str::from_utf8(hash).ok()?)?, json, serde_json::from_slice(json).ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::time::Timestamp;
    use proptest::prelude::*;

    fn log(lines: u64) -> Vec<u8> {
        let mut end = End::default();
        let mut log = Vec::new();
        for at in 0..lines {
            let session = SessionId::new(Timestamp(at / 2 * 1_000_000), 1);
            let head = if at % 2 == 0 {
                Head::Opened { at, session, run: RunId::new(Timestamp(at), 1) }
            } else {
                Head::Closed {
                    at,
                    session,
                    frames: 3,
                    blocks: 2,
                    bytes: 99,
                    segments: 1,
                    chain: end.chain.to_string(),
                    end: "ended".into(),
                }
            };
            end.append(&head, &mut log);
        }
        log
    }

    #[test]
    fn a_log_reads_back_whole_and_in_parts() {
        let bytes = log(6);
        let heads = Heads::parse(&bytes);
        assert_eq!((heads.problems.len(), heads.entries.len(), heads.end.next, heads.whole), (0, 6, 6, bytes.len()));
        let middle = bytes.iter().position(|&byte| byte == b'\n').unwrap() + 1;
        let mut parts = Heads::parse(bytes.get(..middle).unwrap());
        parts.extend(bytes.get(middle..).unwrap());
        assert_eq!(parts, heads);
    }

    proptest! {
        #[test]
        fn any_flipped_bit_shows(at in 0usize..2000, bit in 0u8..8) {
            let mut bytes = log(6);
            let at = at % bytes.len();
            *bytes.get_mut(at).expect("within") ^= 1 << bit;
            prop_assert!(!Heads::parse(&bytes).problems.is_empty());
        }

        #[test]
        fn a_line_removed_swapped_or_doubled_shows(from in 0usize..5, to in 0usize..5, what in 0u8..3) {
            let bytes = log(6);
            let mut lines: Vec<&[u8]> = bytes.split_inclusive(|&byte| byte == b'\n').collect();
            match what {
                0 => { lines.remove(from); }
                1 => { prop_assume!(from != to); lines.swap(from, to); }
                _ => { let line = *lines.get(from).expect("within"); lines.insert(to, line); }
            }
            prop_assert!(!Heads::parse(&lines.concat()).problems.is_empty());
        }

        #[test]
        fn any_bytes_are_read_without_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let heads = Heads::parse(&bytes);
            prop_assert!(heads.whole <= bytes.len());
        }
    }
}
