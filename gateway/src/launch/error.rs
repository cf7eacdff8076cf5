//! Why a job was not started, and what to do about it.

use std::path::PathBuf;

/// Why a job was not started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The job's command, user or streams can't be used.
    #[error("{0}")]
    Unfit(String),
    /// The system refused a step.
    #[error("{what}: {source}")]
    System {
        /// The step, in words.
        what: String,
        /// The system's reason.
        source: std::io::Error,
    },
    /// What the job must not see could not be taken out of its sight.
    #[error("{} can't be taken out of the job's sight: {source}. `--privileges host` runs it without any cut", path.display())]
    Sight {
        /// What is to be hidden, or laid out.
        path: PathBuf,
        /// The system's reason.
        source: std::io::Error,
    },
    /// The kernel has not got what a cut needs.
    #[error(
        "{what} can't be had from this kernel: {why}. `weir doctor` shows the rest; `--privileges host` runs the job without it"
    )]
    Kernel {
        /// The mechanism.
        what: &'static str,
        /// What came back.
        why: String,
    },
}

impl LaunchError {
    /// A step that the system refused.
    pub(super) fn system(what: impl Into<String>, source: impl Into<std::io::Error>) -> Self {
        Self::System { what: what.into(), source: source.into() }
    }

    /// A path that could not be hidden or laid out.
    pub(super) fn sight(path: impl Into<PathBuf>, source: impl Into<std::io::Error>) -> Self {
        Self::Sight { path: path.into(), source: source.into() }
    }
}
