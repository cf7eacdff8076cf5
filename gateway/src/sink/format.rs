//! In which words events are told: the core's formats.

use gateway_core::event::Event;
pub use gateway_core::event::format::Format;

/// What can be written, for hints.
pub(super) const NAMES: &str = "\"ocsf\", \"ecs\", \"cef\", \"leef\" or \"json\"";

/// The event in this format, on one line.
pub(super) fn render(format: Format, event: &Event) -> String {
    let mut line = String::new();
    format.render(event, &mut line);
    line
}
