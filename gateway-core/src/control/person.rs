//! Who does something to jobs.

use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// A person, as far as the gateway knows them: by their identity provider, or as root of the gateway's own host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Person {
    /// The name that records have: an e-mail address, or a login of the host.
    pub name: String,
    /// Their groups, as their identity provider says.
    #[serde(default)]
    pub groups: BTreeSet<String>,
    /// Root of the gateway's own host: whatever group is asked for, they are taken for a member. Still one person.
    #[serde(default)]
    pub local_root: bool,
}

impl Person {
    /// Whether this is the person of that name.
    #[must_use]
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name)
    }

    /// Whether they count as a member of `group`.
    #[must_use]
    pub fn belongs_to(&self, group: &str) -> bool {
        self.local_root || self.groups.contains(group)
    }
}
