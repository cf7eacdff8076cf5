//! The host's jobs: which there are, how one begins and ends, and what was there before the gateway came.

mod begin;
mod canary;
mod connections;
mod diary;
mod existing;
mod handover;
mod job;
mod jobs;
mod lock;
mod notify;
mod patrol;
mod process;
mod refusals;
mod rules;
mod sockets;
mod strays;
mod sweeper;

pub use canary::{canary_cgroup, dial};
pub use diary::Diary;
pub use existing::look;
pub use handover::{Conversation, Message, handover_path, listen, unexpected};
pub use job::{BeginJob, Begun, Ended, How, Job, JobError, Peer};
pub use jobs::Jobs;
pub use lock::{Lock, LockError};
pub use notify::notify;
pub use patrol::Patrol;
pub use process::own_start_ns;
pub use rules::{find, rule_at, tell_kernel};
pub use sockets::{HostSocket, host_sockets};
pub use strays::Strays;
pub use sweeper::Sweeper;
