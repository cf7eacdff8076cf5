//! SHA-256 of files, remembered for as long as the file is the same.

use gateway_core::hex::hex;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fs::{File, Metadata};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Larger files are not hashed: a session would wait for them.
const LARGEST: u64 = 1 << 30;
const REMEMBERED: usize = 1024;
/// A file changed so recently can change again without its times showing it.
const SETTLED: Duration = Duration::from_secs(2);

/// Why a file has no hash.
#[derive(Debug, thiserror::Error)]
pub(super) enum HashError {
    #[error("it is not a regular file")]
    NotAFile,
    #[error("it has {0} bytes, and more than {LARGEST} are not hashed")]
    TooLarge(u64),
    #[error("it changed while it was read")]
    Changed,
    #[error("{0}")]
    Read(#[from] io::Error),
}

/// What makes a file the same file with the same content.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Version {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

/// The hashes of the files seen last.
#[derive(Default)]
pub(super) struct Hashes {
    known: Mutex<HashMap<Version, String>>,
}

impl Hashes {
    /// The file's SHA-256 in hex.
    pub(super) fn sha256(&self, file: &File) -> Result<String, HashError> {
        let metadata = file.metadata()?;
        if !metadata.is_file() {
            return Err(HashError::NotAFile);
        }
        if metadata.len() > LARGEST {
            return Err(HashError::TooLarge(metadata.len()));
        }
        let version = Version::of(&metadata);
        if let Some(known) = self.known.lock().unwrap_or_else(PoisonError::into_inner).get(&version) {
            return Ok(known.clone());
        }
        let hash = digest(file)?;
        if Version::of(&file.metadata()?) != version {
            return Err(HashError::Changed);
        }
        if settled(&metadata) {
            self.remember(version, &hash);
        }
        Ok(hash)
    }

    fn remember(&self, version: Version, hash: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(version, hash.to_owned());
    }
}

impl Version {
    fn of(metadata: &Metadata) -> Self {
        Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.len(),
            modified: (metadata.mtime(), metadata.mtime_nsec()),
            changed: (metadata.ctime(), metadata.ctime_nsec()),
        }
    }
}

fn digest(file: &File) -> Result<String, HashError> {
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    let mut source = file.take(LARGEST + 1);
    let mut total = 0_u64;
    loop {
        let count = match source.read(&mut chunk) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error.into()),
        };
        total += count as u64;
        hasher.update(chunk.get(..count).unwrap_or_default());
    }
    if total > LARGEST {
        return Err(HashError::TooLarge(total));
    }
    Ok(hex(&hasher.finalize()))
}

fn settled(metadata: &Metadata) -> bool {
    let changed = UNIX_EPOCH + Duration::from_secs(u64::try_from(metadata.ctime()).unwrap_or(u64::MAX / 4));
    SystemTime::now().duration_since(changed).is_ok_and(|age| age > SETTLED)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rewritten_file_has_its_new_hash() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        let hashes = Hashes::default();
        std::fs::write(&path, "abc").unwrap();
        let first = hashes.sha256(&File::open(&path).unwrap()).unwrap();
        assert_eq!(first, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        std::fs::write(&path, "abd").unwrap();
        assert_ne!(hashes.sha256(&File::open(&path).unwrap()).unwrap(), first);
        assert!(hashes.known.lock().unwrap().is_empty(), "too young to remember");
    }

    #[test]
    fn a_settled_file_is_remembered_and_a_folder_is_refused() {
        let hashes = Hashes::default();
        let executable = File::open("/bin/sh").unwrap();
        let hash = hashes.sha256(&executable).unwrap();
        assert_eq!(hashes.known.lock().unwrap().len(), 1);
        assert_eq!(hashes.sha256(&executable).unwrap(), hash);
        assert!(matches!(hashes.sha256(&File::open("/").unwrap()), Err(HashError::NotAFile)));
    }
}
