//! The unit of a record, and the buffer that a protocol writes frames into.

use crate::model::time::Timestamp;

/// Bytes before a frame's body: length, kind, version, flags, time.
pub const HEADER: usize = 16;
/// The most bytes that a whole frame may have.
pub const MAX_FRAME: usize = 64 << 20;
/// The version of a frame's layout that is written and read here.
pub const VERSION: u8 = 1;
/// In a buffer alone: the frame is for the sealed layer. In a file a frame has no flags.
const SEALED: u16 = 1;

/// What a frame holds. Numbers are part of the format and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum FrameKind {
    /// JSON: who, what, when, under which policy.
    Opened = 1,
    /// A decision, JSON.
    Decision = 2,
    /// A statement: operation id (u64), kind (u8: `Q` Query, `P` Parse, `F` FunctionCall), text.
    Statement = 3,
    /// Parameters of an execution: operation id of the statement (u64), then the body of Bind from
    /// its format codes on, cut at the recording limit.
    Parameters = 4,
    /// Part of a result: operation id (u64), then whole messages as the server sent them.
    Rows = 5,
    /// An operation's end: operation id (u64), rows (u64), bytes (u64), the server's command tag.
    Completed = 6,
    /// An operation's failure: operation id (u64, 0 where none), SQLSTATE (5 bytes), the message.
    Failed = 7,
    /// Anything else worth keeping, JSON with a `what`.
    Note = 8,
    /// JSON: how the session ended and its totals. Nothing follows.
    Ended = 9,
    /// A result in short: operation id (u64), rows (u64), SHA-256 over the bodies of its rows in their order.
    Digest = 10,
}

impl FrameKind {
    /// All kinds, in the order of their numbers.
    pub const ALL: [Self; 10] = [
        Self::Opened,
        Self::Decision,
        Self::Statement,
        Self::Parameters,
        Self::Rows,
        Self::Completed,
        Self::Failed,
        Self::Note,
        Self::Ended,
        Self::Digest,
    ];

    /// The kind whose number this is.
    #[must_use]
    pub fn from_number(number: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| *kind as u8 == number)
    }

    /// The kind's name as views print it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Opened => "opened",
            Self::Decision => "decision",
            Self::Statement => "statement",
            Self::Parameters => "parameters",
            Self::Rows => "rows",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Note => "note",
            Self::Ended => "ended",
            Self::Digest => "digest",
        }
    }
}

/// Frames not yet written. Which block they come into, and their numbers, is their writer's.
#[derive(Debug, Default)]
pub struct FrameBuffer {
    bytes: Vec<u8>,
    frames: u64,
    sealed: u64,
}

impl FrameBuffer {
    /// Appends a frame whose body `write` appends to the vector it is given.
    pub fn push(&mut self, now: Timestamp, kind: FrameKind, write: impl FnOnce(&mut Vec<u8>)) {
        self.push_flagged(now, kind, 0, write);
    }

    /// The same for the sealed layer, which only whoever holds the customer's key reads.
    pub fn push_sealed(&mut self, now: Timestamp, kind: FrameKind, write: impl FnOnce(&mut Vec<u8>)) {
        self.push_flagged(now, kind, SEALED, write);
        self.sealed += 1;
    }

    /// Appends a frame whose body is JSON.
    pub fn push_json(&mut self, now: Timestamp, kind: FrameKind, value: &serde_json::Value) {
        self.push(now, kind, |body| {
            // Writing JSON into memory can't fail.
            let _written = serde_json::to_writer(body, value).is_ok();
        });
    }

    fn push_flagged(&mut self, now: Timestamp, kind: FrameKind, flags: u16, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(&[0; HEADER]);
        write(&mut self.bytes);
        let length = u32::try_from(self.bytes.len() - start).unwrap_or(u32::MAX);
        if let Some(header) = self.bytes.get_mut(start..start + HEADER) {
            header[0..4].copy_from_slice(&length.to_le_bytes());
            header[4] = kind as u8;
            header[5] = VERSION;
            header[6..8].copy_from_slice(&flags.to_le_bytes());
            header[8..16].copy_from_slice(&now.0.to_le_bytes());
        }
        self.frames += 1;
    }

    /// How many bytes wait to be written.
    #[must_use]
    pub const fn len(&self) -> usize {
        self.bytes.len()
    }

    /// How many frames wait to be written, of both layers.
    #[must_use]
    pub const fn frames(&self) -> u64 {
        self.frames
    }

    /// How many of them are for the sealed layer.
    #[must_use]
    pub const fn sealed(&self) -> u64 {
        self.sealed
    }

    /// How much memory the buffer holds on to, in bytes.
    #[must_use]
    pub const fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Whether nothing waits to be written.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Moves all frames to the back of `to`; memory is swapped where `to` is empty.
    pub fn drain_into(&mut self, to: &mut Self) {
        if to.is_empty() {
            std::mem::swap(&mut self.bytes, &mut to.bytes);
        } else {
            to.bytes.extend_from_slice(&self.bytes);
            self.bytes.clear();
        }
        to.frames += std::mem::take(&mut self.frames);
        to.sealed += std::mem::take(&mut self.sealed);
    }

    /// The frames of the plain layer, each with its time, its kind and its body.
    pub fn iter(&self) -> impl Iterator<Item = (Timestamp, FrameKind, &[u8])> {
        self.whole().filter_map(|(frame, sealed)| if sealed { None } else { taken_apart(frame) })
    }

    /// All frames as they stand, and whether each is for the sealed layer.
    pub(super) fn whole(&self) -> impl Iterator<Item = (&[u8], bool)> {
        let mut rest = self.bytes.as_slice();
        std::iter::from_fn(move || {
            let length = usize::try_from(u32::from_le_bytes(*rest.first_chunk()?)).ok()?;
            let (frame, behind) = rest.split_at_checked(length)?;
            rest = behind;
            let flags = u16::from_le_bytes(*frame.get(6..)?.first_chunk()?);
            Some((frame, flags & SEALED != 0))
        })
    }

    /// Forgets all frames and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        (self.frames, self.sealed) = (0, 0);
    }
}

/// A whole frame's time, kind and body.
pub(super) fn taken_apart(frame: &[u8]) -> Option<(Timestamp, FrameKind, &[u8])> {
    let time = u64::from_le_bytes(*frame.get(8..)?.first_chunk()?);
    Some((Timestamp(time), FrameKind::from_number(*frame.get(4)?)?, frame.get(HEADER..)?))
}
