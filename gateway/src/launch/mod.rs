//! A job's process: born in its cgroup, cut off from what would lead past the gateway, waited for.
//!
//! The gateway starts `weir` again as the job's *init* ([`init`]): process 1 of a pid namespace, which
//! lays out what the job may see, gives up what it may not have, and starts the job. A file a mechanism.

mod capabilities;
mod cgroup;
mod descriptors;
mod devices;
mod error;
mod init;
mod kernel_files;
mod layers;
mod masks;
mod mounts;
mod oneself;
mod options;
mod plan;
mod probe;
mod scopes;
mod scratch;
mod sealed;
mod seccomp;
mod spawn;
mod supervise;
mod system_files;
mod terminal;
mod uring;
mod user;

pub use cgroup::{Cgroup, sweep};
pub use error::LaunchError;
pub use init::run_if_asked;
pub use oneself::Oneself;
pub use options::{Allowed, Exception, Privileges};
pub use probe::{Finding, probe};
pub use scratch::Scratch;
pub use sealed::{seal, sealed};
pub use spawn::{Job, OpenFiles};
pub use supervise::{Ended, Launcher};
pub use uring::UringWatch;
pub use user::JobUser;

type Result<T = ()> = std::result::Result<T, LaunchError>;
