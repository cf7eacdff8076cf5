//! Where exact operations are read from: the frames of a session's record.
//!
//! The plain layer is exact where nothing was left out of it. A layer that has the same kinds of frames with nothing left
//! out is one more variant here, and nothing else changes.

use crate::evidence::{EvidenceError, Seen, Walk};
use gateway_core::model::ids::SessionId;
use gateway_core::record::FrameKind;
use std::path::Path;

/// One session's frames, in their order.
pub enum Source {
    /// Those that everybody who may look at records can read.
    Plain(Walk),
}

impl Source {
    /// The plain layer of a session.
    ///
    /// # Errors
    /// Where there is no record of it, or it can't be read.
    pub fn plain(state_dir: &Path, session: SessionId) -> Result<Self, EvidenceError> {
        Walk::open(state_dir, session).map(Self::Plain)
    }

    /// Whether what was left out of the plain layer is there.
    #[must_use]
    pub const fn is_exact(&self) -> bool {
        match self {
            Self::Plain(_) => false,
        }
    }

    /// The next frame; none where the record ends.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn frame(&mut self) -> Result<Option<Seen<'_>>, EvidenceError> {
        match self {
            Self::Plain(walk) => walk.next(|kind| kind != FrameKind::Opened),
        }
    }
}
