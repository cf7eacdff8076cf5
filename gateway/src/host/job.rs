//! What a job is, how it became one, and why something is none.

use crate::capture::CaptureError;
use crate::evidence::utc;
use gateway_core::model::ids::RunId;
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use std::io;
use std::path::PathBuf;

/// Jobs that one user other than root may have at once: nobody takes the places of all others.
pub(super) const USER_MOST: usize = 512;
/// Bytes of a job's name.
pub(super) const NAME_LONGEST: usize = 128;

/// One job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Its run.
    pub run: RunId,
    /// What whoever began it, or the rule, calls it. A hint.
    pub name: Option<String>,
    /// How it came to be one.
    pub how: How,
    /// The path of its cgroup below the cgroup2 mount.
    pub cgroup: String,
    /// The kernel's id of that cgroup.
    pub cgroup_id: u64,
    /// When it became one.
    pub since: Timestamp,
    /// Whether its end was told: it goes when its last process does.
    pub ending: bool,
}

/// How something became a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum How {
    /// A process asked for it.
    Begun {
        /// The process that was moved.
        pid: u32,
        /// Its user.
        uid: u32,
    },
    /// The rule of this number in the configuration matched its cgroup.
    Rule(usize),
    /// All processes of a user are one, by the rule of this number.
    User {
        /// The rule.
        rule: usize,
        /// The user.
        uid: u32,
    },
}

/// Who asks, as the kernel says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    /// The process, in the gateway's pid namespace; 0 where it can't be seen from there.
    pub pid: u32,
    /// Its effective user.
    pub uid: u32,
}

/// A wish for a job.
#[derive(Clone, Debug, Default)]
pub struct BeginJob {
    /// The process that is to be one; the caller's parent where none is named.
    pub pid: Option<u32>,
    /// What to call it.
    pub name: Option<String>,
    /// Whether nobody outside of this host's loopback device is to reach what it listens at. Of one that stands already it
    /// stays as it is.
    pub alone: bool,
}

/// A job that stands.
#[derive(Clone, Debug)]
pub struct Begun {
    /// The job.
    pub job: Job,
    /// Whether it was one already.
    pub already: bool,
}

/// A job whose end was told.
#[derive(Clone, Debug)]
pub struct Ended {
    /// The job.
    pub job: Job,
    /// Processes that are still in it. They stay intercepted.
    pub processes: usize,
}

/// Why there is no job.
#[derive(Debug, thiserror::Error)]
pub enum JobError {
    /// The caller is not to be seen.
    #[error("the caller's process can't be seen from the gateway: call from the host's pid namespace, or one below it")]
    Unseen,
    /// A number of another pid namespace was named.
    #[error("--pid names a process of another pid namespace: leave it out, and the caller's parent is meant")]
    OtherNamespace,
    /// There is no such process.
    #[error("process {0} is not there (any more)")]
    NoProcess(u32),
    /// A process that nobody may make a job.
    #[error("process {0} can't be a job: it is the gateway or the host's init")]
    Unfit(u32),
    /// It belongs to someone else.
    #[error("process {pid} is not of user {uid} alone: only root makes a job of what is someone else's")]
    NotYours {
        /// The process that was named.
        pid: u32,
        /// The caller's user.
        uid: u32,
    },
    /// The gateway's hooks do not reach it.
    #[error("process {pid} is in {cgroup}, and this gateway's hooks are at {attach}: they would not reach it")]
    OutOfReach {
        /// The process.
        pid: u32,
        /// Its cgroup.
        cgroup: String,
        /// Where the hooks are.
        attach: String,
    },
    /// Too many.
    #[error("user {0} has {USER_MOST} jobs, the most for one user: end one first")]
    TooMany(u32),
    /// Not a name.
    #[error("a job's name has 1 to {NAME_LONGEST} bytes and no control characters")]
    Name,
    /// The caller is in none.
    #[error("process {0} is in no job of this gateway: `weir job list` shows which there are")]
    NoJob(u32),
    /// There is none of this run.
    #[error("run {0} is no job of this gateway, or not the caller's: `weir job list` shows which there are")]
    NoRun(RunId),
    /// The cgroup can't be made, or the process not moved.
    #[error("protection can't start: {what} {path}: {error}")]
    Cgroup {
        /// What was tried.
        what: &'static str,
        /// Where.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
    /// The process is not where it was put.
    #[error("protection can't start: process {0} did not stay in the cgroup that was made for it")]
    Moved(u32),
    /// The kernel side took it not.
    #[error("protection can't start: {0}")]
    Capture(#[from] CaptureError),
}

impl Job {
    /// When it became one, as RFC 3339.
    #[must_use]
    pub fn started(&self) -> String {
        utc(self.since)
    }
}

impl How {
    /// Whether this user's process was made the job.
    #[must_use]
    pub fn is_of(self, user: u32) -> bool {
        match self {
            Self::Begun { uid, .. } => uid == user,
            Self::Rule(_) | Self::User { .. } => false,
        }
    }
}
