//! What the gateway tells the job's init: everything it needs to know, in one memory file.

use super::options::{Allowed, Privileges};
use super::user::JobUser;
use super::{LaunchError, Result};
use nix::sys::memfd::{MFdFlags, memfd_create};
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Seek as _, Write as _};
use std::path::PathBuf;

/// How the job is to be laid out.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Plan {
    pub(super) privileges: Privileges,
    pub(super) allowed: Allowed,
    /// Whether what io_uring makes is watched, so that it may be used.
    pub(super) uring_watched: bool,
    /// The user to run as; the caller where there is none.
    pub(super) user: Option<JobUser>,
    /// The working directory.
    pub(super) directory: PathBuf,
    /// Soft and hard limit of open files.
    pub(super) open_files: (u64, u64),
    /// The gateway's own files and folders: masked.
    pub(super) private: Vec<PathBuf>,
    /// Folders below what is masked that the job is to see.
    pub(super) shown: Vec<PathBuf>,
    /// Folders in which what a confined job writes stays.
    pub(super) kept: Vec<PathBuf>,
    /// Where what it writes elsewhere goes; without it, nowhere else.
    pub(super) scratch: Option<PathBuf>,
    /// The job's own cgroup.
    pub(super) cgroup: PathBuf,
    /// Whether the job gets the terminal to itself, by a process group of its own.
    pub(super) takes_terminal: bool,
    /// Whether the job gets a process group of its own.
    pub(super) own_group: bool,
}

impl Plan {
    /// Whether the job is, or can become, the host's root by its user id.
    pub(super) fn can_be_root(&self) -> bool {
        match self.privileges {
            Privileges::None => self.user.as_ref().is_none_or(|user| user.uid == 0),
            Privileges::Confined | Privileges::Host => true,
        }
    }

    /// Writes it to a memory file, to be inherited.
    pub(super) fn write(&self) -> Result<File> {
        let failed = |source: std::io::Error| LaunchError::system("the job's plan can't be written", source);
        let file = memfd_create(c"weir-plan", MFdFlags::MFD_CLOEXEC).map_err(|errno| failed(errno.into()))?;
        let mut file = File::from(file);
        let text = serde_json::to_vec(self).map_err(|error| failed(error.into()))?;
        file.write_all(&text).and_then(|()| file.rewind()).map_err(failed)?;
        Ok(file)
    }

    /// Reads what [`Plan::write`] wrote.
    pub(super) fn read(mut file: File) -> Result<Self> {
        let failed = |source| LaunchError::system("the job's plan can't be read", source);
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(failed)?;
        serde_json::from_slice(&text).map_err(|error| failed(error.into()))
    }
}
