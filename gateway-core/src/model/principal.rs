//! Who acts: the workload, how well that is known, and what the kernel showed of its process.

use crate::model::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

/// How an identity is known, from the weakest to the strongest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Grade {
    /// Said by the job's environment: a hint.
    Claimed,
    /// Observed by the kernel: cgroup, unit, uid, executable.
    Kernel,
    /// Signed by the issuer of the job's token.
    Attested,
}

impl fmt::Display for Grade {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Claimed => "claimed",
            Self::Kernel => "kernel",
            Self::Attested => "attested",
        })
    }
}

/// The workload's name, as a SPIFFE id: `spiffe://<trust-domain>/host/ci-7/unit/backup.service`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadId(pub String);

impl fmt::Display for WorkloadId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// What policy and people see of an identity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Principal {
    /// The SPIFFE id that policies name.
    pub workload: WorkloadId,
    /// The `[[workload]]` entry that matched, by its name.
    pub name: Option<String>,
    /// The person who answers for the workload.
    pub owner: Option<String>,
    /// How the identity is known.
    pub grade: Grade,
    /// The execution that this session belongs to.
    pub run: RunId,
    /// The process that connected, as the kernel showed it.
    pub process: Process,
    /// Who has signed in to the shell that it comes from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<SignedIn>,
    /// What the job's environment says of itself. A hint, never a proof.
    pub claims: Option<Claims>,
    /// What the issuer of the job's token signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attested: Option<Attested>,
    /// Why nothing is attested, where it should have been.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attestation_failure: Option<AttestationFailure>,
}

/// A person, as their identity provider knows them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedIn {
    /// Their name.
    pub name: String,
    /// Their groups, when they signed in.
    pub groups: BTreeSet<String>,
}

/// A process as observed: its group leader's pid and start time name it for ever.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Process id in the gateway's pid namespace.
    pub pid: u32,
    /// When the group leader started, in nanoseconds since boot.
    pub started_boottime_ns: u64,
    /// User id at the connect.
    pub uid: u32,
    /// Group id at the connect.
    pub gid: u32,
    /// The uid's name, where the host knows one.
    pub user: Option<String>,
    /// Who logged in, whoever they have become since (`/proc/PID/loginuid`): only root can change it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub login: Option<String>,
    /// Path below the cgroup2 mount.
    pub cgroup: String,
    /// Kernel id of that cgroup.
    pub cgroup_id: u64,
    /// The systemd unit that the cgroup's path names.
    pub unit: Option<String>,
    /// The container that the cgroup's path names.
    pub container: Option<String>,
    /// The executable's path.
    pub executable: Option<String>,
    /// SHA-256 of the executable's bytes, in hex.
    pub executable_sha256: Option<String>,
    /// The script that an interpreter was given.
    pub script: Option<String>,
    /// SHA-256 of the script's bytes, in hex.
    pub script_sha256: Option<String>,
    /// The arguments, each cut at 4 KiB, secrets' values removed.
    pub arguments: Vec<String>,
    /// The working directory.
    pub directory: Option<String>,
    /// Parents, nearest first.
    pub ancestry: Vec<Ancestor>,
    /// Why something above is missing, where it is: the process had ended, say.
    pub gaps: Vec<String>,
}

/// One of a process's parents.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ancestor {
    /// Its process id.
    pub pid: u32,
    /// Its executable's path, or its command name where that can't be read.
    pub executable: String,
}

/// What a CI system's variables say: never more than a hint.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// `github`, `gitlab`, `jenkins` or `buildkite`.
    pub provider: String,
    /// `repository`, `workflow`, `branch`, `commit`, `run_number`, `url` … as far as they are set.
    pub attributes: BTreeMap<String, String>,
}

/// What a job's token says, verified against the keys of its issuer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attested {
    /// The `[[issuer]]` entry, by its name.
    pub issuer: String,
    /// Its kind: `github`, `gitlab`, `kubernetes` or `oidc`.
    pub kind: String,
    /// The token's `iss`.
    pub url: String,
    /// The token's `sub`.
    pub subject: String,
    /// The claims that are kept, each as text: those of [`signed`], and what the configuration adds.
    pub claims: BTreeMap<String, String>,
    /// The id of the key that signed it.
    pub key: String,
    /// The algorithm of the signature.
    pub algorithm: String,
    /// SHA-256 of what was signed, in hex: names the token, and gives nothing of it away.
    pub token_sha256: String,
    /// When it was issued, in seconds since 1970.
    pub issued_at: i64,
    /// When it ends, in seconds since 1970.
    pub expires_at: i64,
    /// Where the gateway found it.
    pub found_in: String,
}

/// Why a job's identity could not be attested.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttestationFailure {
    /// The `[[issuer]]` entry, by its name.
    pub issuer: String,
    /// What kind of failure it is.
    pub kind: FailureKind,
    /// What failed, and what to do.
    pub reason: String,
}

/// The kinds of failure to attest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FailureKind {
    /// The job looks like one of this issuer's and has no token.
    Absent,
    /// The issuer, or the gateway's own store, could not be asked.
    Unavailable,
    /// The token is not what it has to be.
    Invalid,
    /// The token belongs to another job.
    Borrowed,
}

impl fmt::Display for FailureKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Absent => "absent",
            Self::Unavailable => "unavailable",
            Self::Invalid => "invalid",
            Self::Borrowed => "borrowed",
        })
    }
}

/// The signed claims of both GitHub's tokens and GitLab's.
pub const SIGNED_BY_BOTH: [&str; 6] = ["environment", "ref", "ref_protected", "ref_type", "runner_environment", "sha"];

/// Further ones of GitHub's (GitHub docs, "OpenID Connect reference").
pub const SIGNED_BY_GITHUB: [&str; 21] = [
    "actor",
    "actor_id",
    "base_ref",
    "check_run_id",
    "enterprise",
    "enterprise_id",
    "event_name",
    "head_ref",
    "job_workflow_ref",
    "job_workflow_sha",
    "repository",
    "repository_id",
    "repository_owner",
    "repository_owner_id",
    "repository_visibility",
    "run_attempt",
    "run_id",
    "run_number",
    "workflow",
    "workflow_ref",
    "workflow_sha",
];

/// Further ones of GitLab's (GitLab docs, "OpenID Connect (OIDC) authentication using ID tokens").
pub const SIGNED_BY_GITLAB: [&str; 22] = [
    "ci_config_ref_uri",
    "ci_config_sha",
    "deployment_action",
    "deployment_tier",
    "environment_protected",
    "job_id",
    "job_namespace_id",
    "job_namespace_path",
    "job_project_id",
    "job_project_path",
    "namespace_id",
    "namespace_path",
    "pipeline_id",
    "pipeline_source",
    "project_id",
    "project_path",
    "project_visibility",
    "ref_path",
    "runner_id",
    "user_access_level",
    "user_id",
    "user_login",
];

/// What is kept of Kubernetes's, by the names that policies have for it.
pub const SIGNED_BY_KUBERNETES: [&str; 7] =
    ["namespace", "node", "node_uid", "pod", "pod_uid", "service_account", "service_account_uid"];

/// The signed claims that policies can name, as `principal.attested.NAME`; `audience`, whom the token is for, is any token's.
pub fn signed() -> impl Iterator<Item = &'static str> {
    let systems = SIGNED_BY_BOTH.into_iter().chain(SIGNED_BY_GITHUB).chain(SIGNED_BY_GITLAB).chain(SIGNED_BY_KUBERNETES);
    systems.chain(["audience"])
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A workload of this name and nothing else.
    pub(crate) fn principal(workload: &str) -> Principal {
        Principal {
            workload: WorkloadId(workload.to_owned()),
            name: None,
            owner: None,
            grade: Grade::Kernel,
            run: RunId::from_number(7),
            process: Process::default(),
            claims: None,
            attested: None,
            attestation_failure: None,
            person: None,
        }
    }
}
