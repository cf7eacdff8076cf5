//! Files that are there whole or not at all, whenever the machine stops: written beside, then moved to their place.

use nix::errno::Errno;
use nix::fcntl::{Flock, FlockArg};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, PermissionsExt as _};
use std::path::Path;
use tempfile::NamedTempFile;

/// Writes a file of these permissions, in place of the one that is there.
///
/// # Errors
/// When it can't be written: then what was there still is.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let directory = directory(path);
    beside(directory, bytes, mode)?.persist(path)?;
    sync_names(directory)
}

/// Writes a file of these permissions where none is; says whether it did.
///
/// # Errors
/// When it can't be written.
pub fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<bool> {
    let directory = directory(path);
    match beside(directory, bytes, mode)?.persist_noclobber(path) {
        Ok(_file) => sync_names(directory).map(|()| true),
        Err(failed) if failed.error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        Err(failed) => Err(failed.error),
    }
}

/// Brings the names in a directory to the disk: what was made, moved or removed there stays so.
///
/// # Errors
/// When the disk says so.
pub fn sync_names(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Waits for a lock of this name, and has it until it is dropped: what is read and written under it, other processes and threads
/// read and write before or after.
///
/// # Errors
/// When its file can't be made.
pub fn lock(path: &Path) -> io::Result<Flock<File>> {
    Flock::lock(lock_file(path)?, FlockArg::LockExclusive).map_err(|(_, error)| error.into())
}

/// The same without waiting; none where somebody else has it.
///
/// # Errors
/// The same.
pub fn try_lock(path: &Path) -> io::Result<Option<Flock<File>>> {
    match Flock::lock(lock_file(path)?, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(error.into()),
    }
}

fn lock_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or_else(|| Path::new("."))
}

/// It is gone with its value, unless it is moved.
fn beside(directory: &Path, bytes: &[u8], mode: u32) -> io::Result<NamedTempFile> {
    let mut file = tempfile::Builder::new().prefix(".new-").permissions(Permissions::from_mode(mode)).tempfile_in(directory)?;
    file.write_all(bytes)?;
    file.as_file().sync_all()?;
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn a_file_is_replaced_whole_and_created_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        assert!(create(&path, b"first", 0o600).unwrap());
        assert!(!create(&path, b"second", 0o600).unwrap());
        assert_eq!(fs::read(&path).unwrap(), b"first");
        replace(&path, b"third", 0o640).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"third");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o640);
        assert!(replace(&folder.path().join("none/file"), b"", 0o600).is_err());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1, "nothing is left beside");
    }
}
