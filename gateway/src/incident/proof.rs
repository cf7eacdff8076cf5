//! What a daemon's own record says of capture: when it was proved to work, when it was found not to, how the record ended.

use crate::evidence::{EvidenceError, Walk};
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use serde_json::Value;
use std::path::Path;

/// Signs that are kept of one record: a year of them.
const MOST: usize = 600_000;

/// One sign.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sign {
    /// A canary came out, or there is none: the gateway was there, and looked.
    Alive,
    /// A canary did not come out.
    Blind(String),
    /// The kernel side told so much that some of it was lost.
    Lost(u64),
    /// It stopped in order.
    Stopped,
    /// It was cut after this, for its gateway had died.
    Died,
}

/// The signs of one record, in their order, with where they are of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Signs {
    pub(super) host: String,
    pub(super) all: Vec<(Timestamp, Sign)>,
    /// Whether a canary was sent at all.
    pub(super) unproved: bool,
}

impl Signs {
    /// Reads them from a gateway's own record. Of one that is damaged, those before that.
    pub(super) fn read(state_dir: &Path, session: SessionId) -> Result<Self, EvidenceError> {
        let mut walk = Walk::open(state_dir, session)?;
        let mut signs = Self::default();
        loop {
            match walk.next(|kind| matches!(kind, FrameKind::Opened | FrameKind::Note)) {
                Ok(Some(seen)) if seen.kind == FrameKind::Opened => {
                    let opened: Value = serde_json::from_slice(seen.body).unwrap_or_default();
                    signs.host = opened.get("host").and_then(Value::as_str).unwrap_or("?").to_owned();
                }
                Ok(Some(seen)) if seen.kind == FrameKind::Note => {
                    let note: Value = serde_json::from_slice(seen.body).unwrap_or_default();
                    signs.hear(seen.time, &note);
                }
                Ok(Some(_)) => {}
                Ok(None) | Err(EvidenceError::Broken { .. }) => return Ok(signs),
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) fn hear(&mut self, time: Timestamp, note: &Value) {
        let text = |name: &str| note.get(name).and_then(Value::as_str);
        let sign = match (text("what"), text("kind")) {
            (Some("alive"), _) if text("event") == Some("stopped") => Sign::Stopped,
            (Some("alive"), _) => {
                self.unproved |= text("canary") == Some("off");
                match text("canary") {
                    Some("failed") => Sign::Blind(text("why").unwrap_or_default().to_owned()),
                    _ => Sign::Alive,
                }
            }
            (Some("finding"), Some("canary")) => Sign::Blind(text("why").unwrap_or_default().to_owned()),
            (Some("finding"), Some("events_lost")) => Sign::Lost(note.get("lost").and_then(Value::as_u64).unwrap_or_default()),
            // The note is made by whoever found the record: what is before it is what the one who died wrote last.
            (Some("recovered"), _) => Sign::Died,
            _ => return,
        };
        if self.all.len() < MOST {
            self.all.push((time, sign));
        }
    }
}
