//! Events on one line each, in the form that a receiver asks for: a form is a file here and a variant of [`Format`].

mod cef;
mod ecs;
mod json;
mod leef;
mod ocsf;
mod pairs;
mod words;

pub use words::code;

use super::Event;
use serde::{Deserialize, Serialize};

/// The version of OCSF's schema that events are written by.
pub const OCSF_VERSION: &str = "1.8.0";
/// The version of ECS's fields that events are written by.
pub const ECS_VERSION: &str = "9.4.0";

/// The forms that an event can have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// weir's own: the event as JSON, which reads back.
    #[default]
    Json,
    /// Open Cybersecurity Schema Framework.
    Ocsf,
    /// Elastic Common Schema.
    Ecs,
    /// ArcSight's Common Event Format, version 0.
    Cef,
    /// QRadar's Log Event Extended Format, version 2.0.
    Leef,
}

impl Format {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Json, Self::Ocsf, Self::Ecs, Self::Cef, Self::Leef];

    /// Its name, as configurations have it.
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

    /// The one of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.name() == name)
    }

    /// What a receiver over HTTP is told that a line is.
    #[must_use]
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::Ocsf | Self::Ecs => "application/json",
            Self::Cef | Self::Leef => "text/plain; charset=utf-8",
        }
    }

    /// Appends the event: one line, without a line feed at its end or in it.
    pub fn render(self, event: &Event, line: &mut String) {
        match self {
            Self::Json => json::render(event, line),
            Self::Ocsf => ocsf::render(event, line),
            Self::Ecs => ecs::render(event, line),
            Self::Cef => cef::render(event, line),
            Self::Leef => leef::render(event, line),
        }
    }
}
