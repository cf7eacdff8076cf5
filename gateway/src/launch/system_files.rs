//! The host's own programs and settings, read-only for a job that has root's user id.
//!
//! Without any capability that user id may still write what root owns, and root outside runs it later.

use super::mounts;
use super::{LaunchError, Result};
use std::path::{Path, PathBuf};

/// Programs, libraries, settings, the boot loader's files, and what root's shell and sshd read.
const READ_ONLY: [&str; 19] = [
    "/usr",
    "/etc",
    "/boot",
    "/bin",
    "/sbin",
    "/lib",
    "/lib32",
    "/lib64",
    "/libx32",
    "/var/lib/dpkg",
    "/var/lib/rpm",
    "/var/lib/systemd",
    "/root/.ssh",
    "/root/.profile",
    "/root/.bashrc",
    "/root/.bash_profile",
    "/root/.bash_login",
    "/root/.bash_logout",
    "/root/.config/systemd",
];

/// Makes the root folder and what [`READ_ONLY`] names read-only; the other folders of the root stay as they are.
pub(super) fn make_read_only() -> Result {
    // The root's own entries: `/bin` may be a link that one could point elsewhere.
    for folder in top_folders()? {
        mounts::bind(&folder, &folder)?;
    }
    mounts::read_only(Path::new("/"), false)?;
    for path in READ_ONLY.iter().map(Path::new) {
        let is_link = path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
        if path.exists() && !is_link {
            mounts::bind(path, path)?;
            mounts::read_only(path, true)?;
        }
    }
    Ok(())
}

/// The folders in `/` that are no mounts of their own.
fn top_folders() -> Result<Vec<PathBuf>> {
    let mounted: Vec<_> = mounts::all()?.into_iter().map(|mount| mount.point).collect();
    let entries = std::fs::read_dir("/").map_err(|error| LaunchError::sight("/", error))?;
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    Ok(folders.map(|entry| entry.path()).filter(|path| !mounted.contains(path)).collect())
}
