//! weir's own form: the event as it is, with how much it matters.

use crate::event::{Event, Severity};
use serde::Serialize;

#[derive(Serialize)]
struct Line<'a> {
    #[serde(flatten)]
    event: &'a Event,
    severity: Severity,
}

pub(super) fn render(event: &Event, line: &mut String) {
    // Writing what has text keys into memory can't fail.
    line.push_str(&serde_json::to_string(&Line { event, severity: event.severity() }).unwrap_or_default());
}
