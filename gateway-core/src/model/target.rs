//! What a job dialled.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The protocols that a target may be configured to speak.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ProtocolName {
    /// PostgreSQL's frontend/backend protocol, versions 3.0 and 3.2.
    Postgres,
    /// Any TCP, relayed without a look inside.
    Opaque,
}

impl fmt::Display for ProtocolName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Postgres => "postgres",
            Self::Opaque => "opaque",
        })
    }
}

/// A target as policy and records name it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Target {
    /// The configured name, or `address:port` for one that no `[[target]]` names.
    pub name: String,
    /// The environment it belongs to, where one is configured.
    pub environment: Option<String>,
    /// What it speaks.
    pub protocol: ProtocolName,
    /// Whether a `[[target]]` names it.
    pub configured: bool,
}
