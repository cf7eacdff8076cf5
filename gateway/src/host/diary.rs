//! The gateway's own record: findings that belong to no session. It begins with the first.

use crate::evidence::{Recorder, Store, now};
use crate::session::context::{new_run, new_session};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::{Value, json};
use std::sync::{Mutex, PoisonError};

/// Writes findings. One that can't be recorded is told to the operator's log all the same.
pub struct Diary {
    store: Store,
    /// Makes the record's first frame, but for its ids.
    opened: Box<dyn Fn() -> Value + Send + Sync>,
    session: SessionId,
    run: RunId,
    page: Mutex<Option<Recorder>>,
}

impl Diary {
    /// A diary whose record begins with what `opened` makes, in the form of a session's.
    #[must_use]
    pub fn new(store: Store, opened: impl Fn() -> Value + Send + Sync + 'static) -> Self {
        Self { store, opened: Box::new(opened), session: new_session(), run: new_run(), page: Mutex::new(None) }
    }

    /// Records what someone should look at. `body` is an object, to which kind and sort of note are added.
    pub fn finding(&self, kind: &str, mut body: Value) {
        tracing::warn!(kind, %body, "finding");
        body["what"] = Value::from("finding");
        body["kind"] = Value::from(kind);
        self.note(&body);
    }

    /// Records a note: an object with a `what`.
    pub fn note(&self, body: &Value) {
        let mut frames = FrameBuffer::default();
        frames.push_json(now(), FrameKind::Note, body);
        let mut page = self.page.lock().unwrap_or_else(PoisonError::into_inner);
        if page.is_none() {
            let mut opened = (self.opened)();
            opened["session"] = json!(self.session);
            opened["run"] = json!(self.run);
            match self.store.begin(self.session, self.run, &opened) {
                Ok(recorder) => *page = Some(recorder),
                Err(error) => return tracing::error!(%error, "the gateway's own record can't be begun"),
            }
        }
        if let Some(Err(error)) = page.as_ref().map(|page| page.submit(&mut frames)) {
            tracing::error!(%error, "the gateway's own record can't be written");
        }
    }

    /// Ends the record, if there is one: the writer does it before the store goes.
    pub fn close(&self) {
        drop(self.page.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}
