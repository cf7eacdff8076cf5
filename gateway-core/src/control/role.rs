//! What people may do, and where.

use super::names;
use serde::{Deserialize, Serialize};

/// The group that whoever may approve counts for, where no policy names one.
pub const APPROVERS: &str = "role:approver";

/// What somebody may do. Whoever has any may look, but for a provisioner; nothing else comes with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Look.
    Viewer,
    /// Look, at all that is kept of it.
    Auditor,
    /// Answer what waits, and give grants.
    Approver,
    /// Kill, freeze, block.
    Operator,
    /// Everything.
    Admin,
    /// Keep the directory of people and groups, and nothing else: an identity provider's, and no person's.
    Provisioner,
}

/// A role, and what it is for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Scoped {
    /// It.
    pub role: Role,
    /// The targets, each as a name that may end in `*`; all where there is none.
    #[serde(default)]
    pub targets: Vec<String>,
    /// The workloads, by SPIFFE id or name, the same.
    #[serde(default)]
    pub workloads: Vec<String>,
}

/// What is to be looked at or done something to.
#[derive(Clone, Copy, Debug, Default)]
pub struct On<'a> {
    /// A target.
    pub target: Option<&'a str>,
    /// A workload, by its SPIFFE id and its name.
    pub workload: Option<(&'a str, Option<&'a str>)>,
}

impl Role {
    /// All of them.
    pub const ALL: [Self; 6] = [Self::Viewer, Self::Auditor, Self::Approver, Self::Operator, Self::Admin, Self::Provisioner];

    /// Its name, as the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Auditor => "auditor",
            Self::Approver => "approver",
            Self::Operator => "operator",
            Self::Admin => "admin",
            Self::Provisioner => "provisioner",
        }
    }

    /// The role of that name.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|role| role.name() == name)
    }

    /// Whether who has this role may do what takes `other`.
    #[must_use]
    pub const fn includes(self, other: Self) -> bool {
        match (self, other) {
            (Self::Provisioner, other) => matches!(other, Self::Provisioner),
            (_, Self::Provisioner) => false,
            (Self::Admin, _)
            | (_, Self::Viewer)
            | (Self::Auditor, Self::Auditor)
            | (Self::Approver, Self::Approver)
            | (Self::Operator, Self::Operator) => true,
            (Self::Viewer | Self::Auditor | Self::Approver | Self::Operator, _) => false,
        }
    }
}

impl Scoped {
    /// Whether it is for this. What names neither target nor workload is for who is responsible for all.
    #[must_use]
    pub fn is_for(&self, on: On<'_>) -> bool {
        let any = |patterns: &[String], found: &[&str]| {
            patterns.is_empty() || patterns.iter().any(|pattern| found.iter().any(|name| names(pattern, name)))
        };
        let targets: Vec<_> = on.target.into_iter().collect();
        let workloads: Vec<_> = on.workload.into_iter().flat_map(|(id, name)| [Some(id), name]).flatten().collect();
        any(&self.targets, &targets) && any(&self.workloads, &workloads)
    }

    /// Whether it is for that target, of some workload at least.
    #[must_use]
    pub fn is_about_target(&self, target: &str) -> bool {
        self.targets.is_empty() || self.targets.iter().any(|pattern| names(pattern, target))
    }

    /// Whether nothing may be done by `other` that this does not allow: who has this may give that.
    #[must_use]
    pub fn covers(&self, other: &Self) -> bool {
        let within = |wide: &[String], narrow: &[String]| {
            // None at all is everything.
            wide.is_empty() || !narrow.is_empty() && narrow.iter().all(|one| wide.iter().any(|wide| names(wide, one)))
        };
        // Who has everything may have the directory kept, and does not keep it.
        let gives = self.role.includes(other.role) || matches!((self.role, other.role), (Role::Admin, Role::Provisioner));
        gives && within(&self.targets, &other.targets) && within(&self.workloads, &other.workloads)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scoped(role: Role, targets: &[&str], workloads: &[&str]) -> Scoped {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        Scoped { role, targets: texts(targets), workloads: texts(workloads) }
    }

    #[test]
    fn nobody_gives_more_than_they_have() {
        let all = |role| scoped(role, &[], &[]);
        for (has, gives, expected) in [
            (all(Role::Admin), all(Role::Operator), true),
            (all(Role::Approver), all(Role::Operator), false),
            (all(Role::Admin), all(Role::Provisioner), true),
            (all(Role::Operator), all(Role::Provisioner), false),
            (all(Role::Provisioner), all(Role::Viewer), false),
            (all(Role::Approver), scoped(Role::Approver, &["prod-*"], &[]), true),
            (scoped(Role::Approver, &["prod-*"], &[]), all(Role::Approver), false),
            (scoped(Role::Approver, &["prod-*"], &[]), all(Role::Viewer), false),
            (scoped(Role::Approver, &["prod-*"], &[]), scoped(Role::Viewer, &["prod-pg"], &[]), true),
            (scoped(Role::Approver, &["prod-*"], &[]), scoped(Role::Viewer, &["prod-pg*", "prod-*"], &[]), true),
            (scoped(Role::Approver, &["prod-*"], &[]), scoped(Role::Viewer, &["prod-pg", "dev-pg"], &[]), false),
            (scoped(Role::Approver, &["prod-*"], &[]), scoped(Role::Viewer, &["prod*"], &[]), false),
            (scoped(Role::Approver, &["prod-*"], &[]), scoped(Role::Viewer, &["*"], &[]), false),
            (scoped(Role::Approver, &["prod-pg"], &[]), scoped(Role::Viewer, &["prod-pg*"], &[]), false),
            (scoped(Role::Viewer, &[], &["a/*"]), scoped(Role::Viewer, &["x"], &["a/b"]), true),
            (scoped(Role::Viewer, &[], &["a/*"]), scoped(Role::Viewer, &["x"], &[]), false),
        ] {
            assert_eq!(has.covers(&gives), expected, "{has:?} {gives:?}");
        }
    }

    #[test]
    fn a_provisioner_is_nothing_else_and_nobody_else_is_one() {
        for role in Role::ALL {
            assert_eq!(Role::Provisioner.includes(role), role == Role::Provisioner, "{role:?}");
            assert_eq!(role.includes(Role::Provisioner), role == Role::Provisioner, "{role:?}");
        }
    }

    #[test]
    fn roles_have_the_names_that_are_written() {
        for role in Role::ALL {
            assert_eq!(Role::named(role.name()), Some(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.name());
        }
        assert_eq!(Role::named("root"), None);
    }
}
