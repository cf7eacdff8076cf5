//! Docker's API for a job, through a proxy that makes each container the job's child.
//!
//! A container engine works for whoever may open its socket, as root and outside every job. So a job gets no such
//! socket but this one: what it asks for is read, made the run's own, and passed on; what would leave the run,
//! or is not understood, is refused with Docker's own kind of error, and recorded.

mod create;
mod engine;
mod others;
mod proxy;
mod query;
mod refusal;
mod route;

pub use proxy::{Adopter, Refusals};

use std::path::PathBuf;

/// Whose containers are made, where, and with what.
#[derive(Clone, Debug)]
pub struct AdoptSettings {
    /// The engine's own socket.
    pub engine: PathBuf,
    /// The run, as the label `weir.run` has it.
    pub run: String,
    /// The job's cgroup, from the root of the hierarchy: `/weir-1/01J0…`.
    pub cgroup: PathBuf,
    /// Directories whose contents may be mounted into containers, symbolic links resolved.
    pub binds: Vec<PathBuf>,
    /// Whether the engine may fetch images, which it does outside the job.
    pub pull: bool,
}
