//! The record of what the kernel side refused a run: no session came of it.

use crate::session::context::{self, Shared};
use gateway_core::model::ids::RunId;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::{Map, json};

/// Writes how many calls were refused in the kernel, by reason; nothing where none was.
///
/// # Errors
/// Where that can't be written.
pub async fn record(shared: &Shared, run: RunId) -> Result<(), String> {
    let refused = shared.capture.refusals().into_iter().filter(|(_, count)| *count > 0);
    let reasons: Map<_, _> = refused.map(|(reason, count)| (reason.to_owned(), count.into())).collect();
    if reasons.is_empty() {
        return Ok(());
    }
    let session = context::new_session();
    let opened = json!({
        "session": session,
        "run": run,
        "target": { "name": "kernel", "environment": null, "protocol": "kernel", "configured": false },
        "original": null,
        "gateway_version": env!("CARGO_PKG_VERSION"),
        "host": shared.resolver.host(),
    });
    let recorder = shared.store.begin(session, run, &opened).map_err(|error| error.to_string())?;
    let mut frames = FrameBuffer::default();
    frames.push_json(crate::evidence::now(), FrameKind::Note, &json!({ "what": "kernel_refusals", "reasons": reasons }));
    recorder.submit(&mut frames).map_err(|error| error.to_string())?;
    recorder.close(&json!({ "reason": "the run ended" })).await.map(drop).map_err(|error| error.to_string())
}
