//! A record that is read to its end, or as far as it is written.

use super::tally::Tally;
use crate::evidence::{EvidenceError, State, Walk, is_live};
use gateway_core::model::ids::SessionId;
use std::path::Path;

/// A record, and how far it was read.
pub(super) struct Reading {
    walk: Walk,
    pub(super) tally: Tally,
}

impl Reading {
    /// Begins at its first frame; none where there is no such record.
    pub(super) fn open(state_dir: &Path, session: SessionId) -> Result<Option<Self>, EvidenceError> {
        match Walk::open(state_dir, session) {
            Ok(walk) => Ok(Some(Self { walk, tally: Tally::new(session, false) })),
            Err(EvidenceError::NoSession { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads what is there now.
    pub(super) fn go_on(&mut self, state_dir: &Path) -> Result<(), EvidenceError> {
        // First: what it ends with is there by then, if nobody writes it any more.
        let live = is_live(state_dir, self.tally.summary.session);
        self.tally.summary.state = if live { State::Live } else { State::Unclosed };
        loop {
            match self.walk.next(Tally::wants) {
                Ok(Some(seen)) => self.tally.hear(&seen),
                Ok(None) => break,
                Err(EvidenceError::Broken { .. }) => {
                    self.tally.summary.state = State::Damaged;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        self.tally.summary.bytes = self.walk.bytes();
        Ok(())
    }

    /// Whether somebody goes on writing it. What nobody writes changes only with a notice.
    pub(super) fn is_live(&self) -> bool {
        matches!(self.tally.summary.state, State::Live)
    }
}
