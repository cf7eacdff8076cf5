//! `weir run --containers`: whether the job may have containers of an engine, and with what.

use super::{CliError, Result};
use crate::app::Containers;
use std::path::{Path, PathBuf};

/// Where engines listen, by their own defaults.
const ENGINES: [&str; 2] = ["/run/docker.sock", "/run/podman/podman.sock"];

/// What a job gets of the host's container engine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(super) enum Engine {
    /// Nothing
    #[default]
    Mask,
    /// Its API, by which every container is the job's child
    Adopt,
}

#[derive(Default, clap::Args)]
pub(super) struct ContainerArguments {
    /// What the job gets of the host's container engine (Docker's API)
    #[arg(long, value_enum, value_name = "mask|adopt", default_value_t = Engine::Mask)]
    containers: Engine,
    /// The engine's socket; /run/docker.sock or /run/podman/podman.sock where none is given
    #[arg(long, value_name = "SOCKET")]
    containers_engine: Option<PathBuf>,
    /// A directory that the job may mount into containers
    #[arg(long, value_name = "DIR")]
    containers_bind: Vec<PathBuf>,
    /// Let the engine fetch images, which it does outside of the job
    #[arg(long)]
    containers_pull: bool,
}

impl ContainerArguments {
    /// Whether anything is to be adopted.
    pub(super) fn adopts(&self) -> bool {
        self.containers == Engine::Adopt
    }

    /// What is to be adopted, if anything.
    pub(super) fn asked(self) -> Result<Option<Containers>> {
        let found = || ENGINES.iter().map(Path::new).find(|path| path.exists()).map(Path::to_owned);
        match self.containers {
            Engine::Mask => Ok(None),
            Engine::Adopt => {
                let engine = self.containers_engine.or_else(found).ok_or_else(|| {
                    CliError::new("no container engine listens on this host: name its socket with --containers-engine")
                })?;
                Ok(Some(Containers { engine, binds: self.containers_bind, pull: self.containers_pull }))
            }
        }
    }
}
