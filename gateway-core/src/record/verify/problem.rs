//! What can be wrong with a record.

use serde::Serialize;
use std::fmt;

/// Something that is wrong with a record. Blocks and frames are named by their numbers, from 0.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "problem", rename_all = "snake_case")]
pub enum Problem {
    /// Blocks that are not what was written.
    #[error("{blocks} changed (segment {segment}, byte {offset})")]
    Changed {
        /// They, and the frames that they had.
        #[serde(flatten)]
        blocks: Span,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// Blocks that are not there.
    #[error("{blocks} removed")]
    Removed {
        /// They, and the frames that they had.
        #[serde(flatten)]
        blocks: Span,
    },
    /// A block that stands behind later ones.
    #[error("{blocks} moved (segment {segment}, byte {offset})")]
    Reordered {
        /// It.
        #[serde(flatten)]
        blocks: Span,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// A block that is there again, or one put in beside the true one.
    #[error("{blocks} put in a second time (segment {segment}, byte {offset})")]
    Duplicated {
        /// It.
        #[serde(flatten)]
        blocks: Span,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// Bytes between blocks that no writer put there.
    #[error("{bytes} bytes were put in before block {block} (segment {segment}, byte {offset})")]
    Inserted {
        /// The block that follows.
        block: u64,
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
    /// The file ends within a block: a crash while it was written, or a cut.
    #[error(
        "ends within block {block} ({bytes} bytes of it, in segment {segment}, from byte {offset}); {frame} whole frames stand before it"
    )]
    Torn {
        /// The block that is not whole.
        block: u64,
        /// The number that its first frame had.
        frame: u64,
        /// How many bytes of it are there.
        bytes: u64,
        /// In which segment.
        segment: u32,
        /// Where in its file.
        offset: u64,
    },
    /// A segment does not begin as it was written.
    #[error("the file header of segment {segment} was changed")]
    Header {
        /// Which.
        segment: u32,
    },
    /// The last block doesn't end the session, though the session ended.
    #[error("the frame that ends the session is not there")]
    NoEnd,
    /// Blocks behind the one that ends the session.
    #[error("block {block} stands behind the session's end")]
    AfterEnd {
        /// The first of them.
        block: u64,
    },
    /// Whole, but not the record that was closed under this name.
    #[error("replaced: a chain of its own, but not the one that the log has (it has {have}, it was {want})")]
    Replaced {
        /// The last hash that is there.
        have: String,
        /// The hash that was entered.
        want: String,
    },
    /// The record was closed after it had been found damaged.
    #[error("damaged before it was closed: the gateway that found it open left it as it was")]
    Damaged,
    /// There is no file.
    #[error("the record is missing: the log names the session, and no file is there")]
    Missing,
    /// There is a file of which the log knows nothing.
    #[error("the log does not name this session: the record was put there, or the log was cut")]
    Unlisted,
    /// There is a file of a record that was removed, as the log says.
    #[error("the log says that this record was removed, and a file is there")]
    Returned,
    /// The session stands in the log twice.
    #[error("the log names the session {count} times as {what}")]
    ListedTwice {
        /// `opened` or `closed`.
        what: String,
        /// How often.
        count: u64,
    },
    /// Made before the log says that it was begun, or after it was closed.
    #[error("{blocks} made {what}: the time in it was set back or forward")]
    Misdated {
        /// They.
        #[serde(flatten)]
        blocks: Span,
        /// Before or after what.
        what: String,
    },
}

/// Blocks in a row, and the frames that they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Span {
    /// The first block.
    pub block: u64,
    /// The last one.
    pub last_block: u64,
    /// The first one's first frame.
    pub frame: u64,
    /// How many frames: none where they are of the sealed layer.
    pub frames: u64,
}

impl Span {
    /// One block.
    #[must_use]
    pub const fn one(block: u64, frame: u64, frames: u64) -> Self {
        Self { block, last_block: block, frame, frames }
    }

    /// Whether `block` is one of them.
    #[must_use]
    pub const fn has(&self, block: u64) -> bool {
        self.block <= block && block <= self.last_block
    }
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { block, last_block, frame, frames } = self;
        if block == last_block {
            write!(f, "block {block}")?;
        } else {
            write!(f, "blocks {block} to {last_block}")?;
        }
        match frames {
            0 => f.write_str(" (sealed)")?,
            1 => write!(f, " (frame {frame})")?,
            _ => write!(f, " (frames {frame} to {})", frame.saturating_add(frames - 1))?,
        }
        f.write_str(if block == last_block { " was" } else { " were" })
    }
}
