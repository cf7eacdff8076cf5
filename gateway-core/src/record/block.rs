//! What is hashed and written at once: frames, compressed, behind a header that says which they are.

use crate::model::time::Timestamp;
use crate::record::chain::Hash;
use crate::record::frame::MAX_FRAME;

/// Bytes before a block's payload.
pub const HEADER: usize = 48;
/// Bytes behind it: the chain's hash.
pub const TRAILER: usize = 32;
/// Frames of about so many bytes come into one block; a larger frame has one of its own.
pub const ROOM: usize = 256 << 10;
/// The most bytes that the frames of a block may have.
pub const MAX_RAW: usize = MAX_FRAME + ROOM;
/// The most bytes that a whole block may have: what can't be compressed is stored.
pub const MAX_BLOCK: usize = HEADER + MAX_RAW + TAG + TRAILER;
/// Bytes that encryption adds to a payload.
pub const TAG: usize = 16;
/// Flag: its last frame ends the session.
pub const ENDS: u16 = 1;

/// What a block holds. Numbers are part of the format and never reused.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum BlockKind {
    /// Frames of the plain layer.
    Plain = 1,
    /// Frames of the sealed layer, encrypted.
    Sealed = 2,
    /// The key of the session's sealed layer, in an age file.
    Key = 3,
}

impl BlockKind {
    /// The kind whose number this is.
    #[must_use]
    pub const fn from_number(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Plain),
            2 => Some(Self::Sealed),
            3 => Some(Self::Key),
            _ => None,
        }
    }
}

/// How frames are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Codec {
    /// As they are.
    Stored = 0,
    /// One zstd frame (RFC 8878).
    Zstd = 1,
}

impl Codec {
    const fn from_number(number: u8) -> Option<Self> {
        match number {
            0 => Some(Self::Stored),
            1 => Some(Self::Zstd),
            _ => None,
        }
    }
}

/// What stands before a block's payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Bytes of the whole block.
    pub length: usize,
    /// What it holds.
    pub kind: BlockKind,
    /// How.
    pub codec: Codec,
    /// Whether its last frame ends the session.
    pub ends: bool,
    /// Its number within the session, from 0, across segments.
    pub number: u64,
    /// The number of its first frame; of a block that has no plain frames, of the next one.
    pub first: u64,
    /// How many plain frames it has.
    pub frames: u32,
    /// Bytes of its frames before they were compressed.
    pub raw: usize,
    /// When its first frame was made.
    pub from: Timestamp,
    /// When its last frame was made.
    pub to: Timestamp,
}

impl Header {
    /// Reads a header; none where no block that is known here begins so.
    #[must_use]
    pub fn parse(bytes: &[u8; HEADER]) -> Option<Self> {
        let number = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u64::from_le_bytes(*bytes));
        let short = |at: usize| bytes.get(at..)?.first_chunk().map(|bytes| u32::from_le_bytes(*bytes));
        let flags = u16::from_le_bytes([bytes[6], bytes[7]]);
        let raw = usize::try_from(short(28)?).ok().filter(|raw| *raw <= MAX_RAW)?;
        Some(Self {
            length: length(bytes)?,
            kind: BlockKind::from_number(bytes[4])?,
            codec: Codec::from_number(bytes[5])?,
            ends: match flags {
                0 => false,
                ENDS => true,
                _ => return None,
            },
            number: number(8)?,
            first: number(16)?,
            frames: short(24)?,
            raw,
            from: Timestamp(number(32)?),
            to: Timestamp(number(40)?),
        })
    }

    /// Writes it behind what is in `to`.
    pub(super) fn write(&self, to: &mut Vec<u8>) {
        to.extend_from_slice(&u32::try_from(self.length).unwrap_or(u32::MAX).to_le_bytes());
        to.extend_from_slice(&[self.kind as u8, self.codec as u8]);
        to.extend_from_slice(&(if self.ends { ENDS } else { 0 }).to_le_bytes());
        to.extend_from_slice(&self.number.to_le_bytes());
        to.extend_from_slice(&self.first.to_le_bytes());
        to.extend_from_slice(&self.frames.to_le_bytes());
        to.extend_from_slice(&u32::try_from(self.raw).unwrap_or(u32::MAX).to_le_bytes());
        to.extend_from_slice(&self.from.0.to_le_bytes());
        to.extend_from_slice(&self.to.0.to_le_bytes());
    }
}

/// The length of the block whose first bytes these are; none where no block can have it, or too few are there.
#[must_use]
pub fn length(bytes: &[u8]) -> Option<usize> {
    let length = usize::try_from(u32::from_le_bytes(*bytes.first_chunk()?)).ok()?;
    (HEADER + TRAILER..=MAX_BLOCK).contains(&length).then_some(length)
}

/// A block as it stands in a file. Nothing of it is proved: see [`crate::record::verify`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block<'a> {
    /// What it says of itself.
    pub header: Header,
    /// Its payload.
    pub payload: &'a [u8],
    /// What the chain covers: header and payload.
    pub covered: &'a [u8],
    /// The hash that stands behind it.
    pub chain: Hash,
}
