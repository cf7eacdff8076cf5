//! A refusal by name until it is lifted.

use super::names_roughly;
use crate::model::ids::BlockId;
use crate::model::principal::Principal;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::fmt;

/// Claims that name a repository, signed ones and variables alike: a block may be broader than what is proven.
const REPOSITORY: [&str; 2] = ["repository", "project_path"];

/// What a block names. Each may end in `*`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "kind", content = "name", rename_all = "lowercase")]
pub enum Subject {
    /// A workload, by its SPIFFE id or the name of its `[[workload]]` entry.
    Workload(String),
    /// All workloads of an owner.
    Owner(String),
    /// All jobs of a repository, signed or claimed.
    Repository(String),
    /// All sessions that are given this credential, as the configuration refers to it.
    Credential(String),
    /// All jobs that showed this token: its SHA-256, or its subject.
    Token(String),
    /// All sessions to a target.
    Target(String),
    /// All sessions of a host.
    Host(String),
}

/// A block in force.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Block {
    /// Its id.
    pub id: BlockId,
    /// Whom it names.
    pub subject: Subject,
    /// Why.
    pub reason: String,
    /// Who set it.
    pub by: String,
    /// When.
    pub since: Timestamp,
    /// When it ends by itself; it stays until it is lifted where there is none.
    pub until: Option<Timestamp>,
}

/// A session, as blocks see it.
#[derive(Clone, Copy, Debug)]
pub struct Concerned<'a> {
    /// Who.
    pub principal: &'a Principal,
    /// Whereto.
    pub target: &'a Target,
    /// The credential that is given to it, as the configuration refers to it.
    pub credential: Option<&'a str>,
    /// On which host.
    pub host: &'a str,
}

impl Subject {
    /// Whether it names this session.
    #[must_use]
    pub fn names(&self, session: &Concerned<'_>) -> bool {
        let Principal { workload, name, owner, claims, attested, .. } = session.principal;
        match self {
            Self::Workload(pattern) => {
                names_roughly(pattern, &workload.0) || name.as_ref().is_some_and(|name| names_roughly(pattern, name))
            }
            Self::Owner(pattern) => owner.as_ref().is_some_and(|owner| names_roughly(pattern, owner)),
            Self::Repository(pattern) => {
                let signed = attested.iter().flat_map(|token| REPOSITORY.iter().filter_map(|name| token.claims.get(*name)));
                let claimed = claims.iter().flat_map(|said| REPOSITORY.iter().filter_map(|name| said.attributes.get(*name)));
                signed.chain(claimed).any(|repository| names_roughly(pattern, repository))
            }
            Self::Credential(pattern) => session.credential.is_some_and(|credential| names_roughly(pattern, credential)),
            Self::Token(pattern) => {
                let token = attested.as_ref();
                token.is_some_and(|token| names_roughly(pattern, &token.token_sha256) || names_roughly(pattern, &token.subject))
            }
            Self::Target(pattern) => names_roughly(pattern, &session.target.name),
            Self::Host(pattern) => names_roughly(pattern, session.host),
        }
    }

    /// What it names: `workload`, `owner` …
    #[must_use]
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Workload(_) => "workload",
            Self::Owner(_) => "owner",
            Self::Repository(_) => "repository",
            Self::Credential(_) => "credential",
            Self::Token(_) => "token",
            Self::Target(_) => "target",
            Self::Host(_) => "host",
        }
    }

    /// The name.
    #[must_use]
    pub fn name(&self) -> &str {
        match self {
            Self::Workload(name)
            | Self::Owner(name)
            | Self::Repository(name)
            | Self::Credential(name)
            | Self::Token(name)
            | Self::Target(name)
            | Self::Host(name) => name,
        }
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), self.name())
    }
}

impl Block {
    /// Whether it is in force.
    #[must_use]
    pub fn holds(&self, now: Timestamp) -> bool {
        self.until.is_none_or(|until| now < until)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::principal::Claims;
    use crate::model::principal::tests::principal;
    use crate::model::target::ProtocolName;

    #[test]
    fn a_block_names_sessions_by_each_of_its_kinds() {
        let mut who = principal("spiffe://acme.example/host/ci-7/unit/backup.service");
        who.name = Some("nightly-backup".to_owned());
        who.owner = Some("ana@acme.example".to_owned());
        let attributes = [("repository".to_owned(), "acme/shop".to_owned())].into();
        who.claims = Some(Claims { provider: "github".to_owned(), attributes });
        let target = Target { name: "prod-pg".to_owned(), environment: None, protocol: ProtocolName::Postgres, configured: true };
        let session = Concerned { principal: &who, target: &target, credential: Some("env:PGPASSWORD"), host: "ci-7" };
        for (subject, expected) in [
            (Subject::Workload("spiffe://acme.example/host/ci-7/*".to_owned()), true),
            (Subject::Workload("nightly-backup".to_owned()), true),
            (Subject::Workload("backup".to_owned()), false),
            (Subject::Owner("Ana@acme.example".to_owned()), true),
            (Subject::Owner("bo@acme.example".to_owned()), false),
            (Subject::Repository("acme/*".to_owned()), true),
            (Subject::Repository("acme/web".to_owned()), false),
            (Subject::Credential("env:PGPASSWORD".to_owned()), true),
            (Subject::Credential("env:OTHER".to_owned()), false),
            (Subject::Token("*".to_owned()), false),
            (Subject::Target("prod-*".to_owned()), true),
            (Subject::Target("dev-pg".to_owned()), false),
            (Subject::Host("ci-7".to_owned()), true),
            (Subject::Host("ci-8".to_owned()), false),
        ] {
            assert_eq!(subject.names(&session), expected, "{subject}");
        }
    }
}
