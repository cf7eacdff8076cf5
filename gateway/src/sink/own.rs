//! Events that sinks tell of themselves: what was lost, and a test.

use crate::evidence::now;
use crate::telemetry::host_name;
use gateway_core::event::{Context, Event, What};
use gateway_core::model::ids::SessionId;
use serde_json::json;

/// A sink has lost the events from `first` to `last`, for the spool was full.
pub(super) fn dropped(sink: &str, first: u64, last: u64) -> Event {
    let what = What::Dropped { events: last + 1 - first, sink: sink.to_owned() };
    event(format!("dropped-{sink}-{first}-{last}"), what)
}

/// The log of records was signed: an anchor that leaves the host.
pub(super) fn checkpoint(note: &str) -> Event {
    // Origin and size name it.
    let name: Vec<&str> = note.lines().take(2).collect();
    event(format!("checkpoint-{}", name.join("-")), What::Checkpoint { note: note.to_owned() })
}

/// What `weir sink test` sends.
pub(super) fn test(sink: &str, by: &str) -> Event {
    let message = "this is a test: nothing has happened, and there is nothing to do";
    let what = What::Finding { name: "sink-test".to_owned(), alert: None, fields: json!({ "message": message, "by": by }) };
    event(format!("test-{sink}-{}", now().0), what)
}

/// No session's record has it.
fn event(uid: String, what: What) -> Event {
    Event { uid, at: now(), host: host_name(), session: SessionId::from_number(0), context: Context::default(), what }
}
