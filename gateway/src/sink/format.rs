//! In which words events are told.

use gateway_core::event::Event;

/// A format that a receiver may want.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// weir's own: the event as JSON.
    Json,
    /// Open Cybersecurity Schema Framework 1.x, JSON.
    Ocsf,
    /// Elastic Common Schema, JSON.
    Ecs,
    /// ArcSight's Common Event Format.
    Cef,
    /// QRadar's Log Event Extended Format.
    Leef,
}

impl Format {
    /// What can be written, for hints.
    pub(super) const NAMES: &str = "\"ocsf\", \"ecs\", \"cef\", \"leef\" or \"json\"";

    /// As the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Json => "json",
            Self::Ocsf => "ocsf",
            Self::Ecs => "ecs",
            Self::Cef => "cef",
            Self::Leef => "leef",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [Self::Json, Self::Ocsf, Self::Ecs, Self::Cef, Self::Leef].into_iter().find(|format| format.name() == text)
    }
}

/// The event in this format, on one line.
///
/// # Errors
/// Where it can't be written: why.
pub(super) fn render(_format: Format, event: &Event) -> Result<String, String> {
    serde_json::to_string(event).map_err(|error| error.to_string())
}
