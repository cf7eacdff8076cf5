//! The record of a run's names: what it asked for, what it was told, what was refused.

use crate::evidence::{Failed, Recorder, now};
use gateway_core::model::ids::SessionId;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::{Value, json};

/// An open record.
pub struct Ledger {
    session: SessionId,
    recorder: Recorder,
    questions: u64,
    addresses: u64,
    refused: u64,
}

impl Ledger {
    pub(super) const fn new(session: SessionId, recorder: Recorder) -> Self {
        Self { session, recorder, questions: 0, addresses: 0, refused: 0 }
    }

    /// The record's id.
    pub(super) const fn session(&self) -> SessionId {
        self.session
    }

    /// Writes what came of a question, before the job hears it.
    pub(super) async fn write(&mut self, note: &Value, addresses: u64, refused: bool) -> Result<(), Failed> {
        self.questions += 1;
        self.addresses += addresses;
        self.refused += u64::from(refused);
        let mut frames = FrameBuffer::default();
        frames.push_json(now(), FrameKind::Note, note);
        loop {
            match self.recorder.submit(&mut frames) {
                Err(Failed::Full) => self.recorder.room().await,
                written => return written,
            }
        }
    }

    /// Ends the record.
    pub(super) async fn close(self, reason: &str) {
        let ended = json!({
            "reason": reason, "statements": self.questions, "rows": self.addresses, "errors": self.refused,
        });
        if let Err(error) = self.recorder.close(&ended).await {
            tracing::error!(session = %self.session, %error, "the record of a run's names could not be ended");
        }
    }
}
