//! The bpffs directory in which a gateway's links and maps outlive it.

use super::CaptureError;
use super::{process, sys};
use std::fs::DirBuilder;
use std::io;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

/// Where every gateway of this host has its directory.
pub const PINS: &str = "/sys/fs/bpf/weir";

const BPFFS: &str = "/sys/fs/bpf";
const BPFFS_MAGIC: i64 = 0xcafe_4a11;

/// Where a gateway of one job keeps its own: the name says which process it is.
#[must_use]
pub fn private_pins() -> PathBuf {
    let pid = std::process::id();
    Path::new(PINS).join(format!("run-{pid}-{}", process::start_ticks(pid).unwrap_or(0)))
}

/// Whether the directory's name says that it is a running process's.
pub(super) fn is_named_for_running(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let mut parts = name.rsplitn(3, '-');
    let ticks = parts.next().and_then(|ticks| ticks.parse().ok());
    let pid = parts.next().and_then(|pid| pid.parse().ok());
    pid.zip(ticks).is_some_and(|(pid, ticks)| process::is_running(pid, ticks))
}

/// A gateway's directory, root's alone.
#[derive(Clone, Debug)]
pub(super) struct Pins {
    path: PathBuf,
}

impl Pins {
    /// Makes the directory, and mounts a bpffs where none is.
    pub(super) fn create(path: &Path) -> Result<Self, CaptureError> {
        let pins = Self { path: path.to_owned() };
        pins.make().map_err(|source| CaptureError::Pins { path: path.to_owned(), source })?;
        Ok(pins)
    }

    /// A directory that is there already.
    pub(super) fn open(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    fn make(&self) -> io::Result<()> {
        if self.path.starts_with(BPFFS) {
            mount()?;
        }
        DirBuilder::new().recursive(true).mode(0o700).create(&self.path)?;
        let found = std::fs::metadata(&self.path)?;
        let ours = found.is_dir() && found.uid() == nix::unistd::geteuid().as_raw() && found.permissions().mode() & 0o077 == 0;
        if !ours {
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, "it is not this user's alone (mode 0700)"));
        }
        if !is_bpffs(&self.path) {
            return Err(io::Error::new(io::ErrorKind::Unsupported, "it is not in a bpffs"));
        }
        Ok(())
    }

    /// Where the object of this name is, or would be.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.path.join(name)
    }

    /// Pins an object.
    pub(super) fn pin(&self, object: BorrowedFd<'_>, name: &str) -> Result<(), CaptureError> {
        let path = self.path_of(name);
        sys::pin(object, &path).map_err(|source| CaptureError::Pins { path, source })
    }

    /// The pinned object of this name, or nothing where there is none.
    pub(super) fn get(&self, name: &str) -> Result<Option<OwnedFd>, CaptureError> {
        let path = self.path_of(name);
        match sys::pinned(&path) {
            Ok(object) => Ok(Some(object)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(source) => Err(CaptureError::Pins { path, source }),
        }
    }

    /// Removes a name; the object lives on with whoever holds it.
    pub(super) fn remove(&self, name: &str) -> io::Result<()> {
        match std::fs::remove_file(self.path_of(name)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    /// The names of what is pinned.
    pub(super) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    }

    /// Removes the directory, once it is empty.
    pub(super) fn remove_directory(&self) -> io::Result<()> {
        std::fs::remove_dir(&self.path)
    }
}

fn is_bpffs(path: &Path) -> bool {
    nix::sys::statfs::statfs(path).is_ok_and(|file_system| file_system.filesystem_type().0 == BPFFS_MAGIC)
}

fn mount() -> io::Result<()> {
    if is_bpffs(Path::new(BPFFS)) {
        return Ok(());
    }
    let flags = nix::mount::MsFlags::MS_NOSUID | nix::mount::MsFlags::MS_NODEV | nix::mount::MsFlags::MS_NOEXEC;
    nix::mount::mount(Some("bpf"), BPFFS, Some("bpf"), flags, Some("mode=0700")).map_err(io::Error::from)
}
