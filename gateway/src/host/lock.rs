//! One gateway of a name at a time: a locked file, whose lock the kernel gives up with its holder.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

/// The lock of a running gateway. It belongs to the open file: given to another process, it goes on there.
pub struct Lock(File);

/// Why there is no lock.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Another gateway has it.
    #[error(
        "another gateway runs here already (process {holder}, lock {path}): stop it, have this one take over with --take-over, \
         or give this one another `[host] name` and `state_dir`"
    )]
    Held {
        /// The lock's file.
        path: PathBuf,
        /// The process that the file names.
        holder: String,
    },
    /// The file can't be made or read.
    #[error("the lock {path} can't be taken: {error}")]
    File {
        /// The lock's file.
        path: PathBuf,
        /// The system's reason.
        error: io::Error,
    },
}

impl Lock {
    /// Takes the lock at `path` and writes this process's id there.
    ///
    /// # Errors
    /// Where another process has it, or the file can't be made.
    pub fn take(path: &Path) -> Result<Self, LockError> {
        let failed = |error: io::Error| LockError::File { path: path.to_owned(), error };
        if let Some(directory) = path.parent() {
            std::fs::create_dir_all(directory).map_err(failed)?;
        }
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path);
        let mut file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => sign(&mut file).map(|()| Self(file)).map_err(failed),
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                file.read_to_string(&mut holder).map_err(failed)?;
                Err(LockError::Held { path: path.to_owned(), holder: holder.trim().to_owned() })
            }
            Err(TryLockError::Error(error)) => Err(failed(error)),
        }
    }

    /// The lock of a gateway that hands over.
    ///
    /// # Errors
    /// Where this process's id can't be written to the file.
    pub fn given(descriptor: OwnedFd) -> io::Result<Self> {
        let mut lock = Self(File::from(descriptor));
        lock.sign()?;
        Ok(lock)
    }

    /// Writes this process's id to the file: another may have written its own.
    ///
    /// # Errors
    /// Where it can't be written.
    pub fn sign(&mut self) -> io::Result<()> {
        sign(&mut self.0)
    }
}

impl AsFd for Lock {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

fn sign(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    writeln!(file, "{}", std::process::id())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_gateway_is_told_who_has_the_lock() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("deep/host.lock");
        let first = Lock::take(&path).unwrap();
        let told = Lock::take(&path).map(drop).unwrap_err().to_string();
        assert!(told.contains(&format!("process {}", std::process::id())), "{told}");
        let heir = Lock::given(first.as_fd().try_clone_to_owned().unwrap()).unwrap();
        drop(first);
        assert!(Lock::take(&path).is_err(), "the lock went with the file that was handed over");
        drop(heir);
        assert!(Lock::take(&path).is_ok());
    }
}
