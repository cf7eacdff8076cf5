//! Who acts: the workload, how well that is known, and what the kernel showed of its process.

use crate::model::ids::RunId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
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
    /// What the job's environment says of itself. A hint, never a proof.
    pub claims: Option<Claims>,
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
