//! The secret of pseudonyms.

use crate::credential::{CredentialError, Credentials, Source};
use crate::durable;
use gateway_core::mask::Key;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use zeroize::Zeroizing;

/// A configured secret that is shorter could be guessed.
const SHORTEST: usize = 32;
/// The file in the state directory.
const NAME: &str = "masking.key";

/// Why there is no key.
#[derive(Debug, thiserror::Error)]
pub enum KeyError {
    /// The configured one can't be had.
    #[error("masking.key: {0}")]
    Source(#[from] CredentialError),
    /// It is too short.
    #[error("masking.key has {0} characters and needs 32: make one with `openssl rand -hex 32`")]
    Short(usize),
    /// The state directory's own can't be read or made.
    #[error("cannot read or make {}: {source}", file.display())]
    Own {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: io::Error,
    },
}

/// Where nothing is masked.
pub(super) fn none() -> Key {
    Key::new(Zeroizing::new([0; 32]))
}

/// The configured one.
pub(super) fn fetch(source: &Source, credentials: &Credentials) -> Result<Key, KeyError> {
    let secret = credentials.fetch(source)?;
    let length = secret.password.chars().count();
    if length < SHORTEST {
        return Err(KeyError::Short(length));
    }
    Ok(of(secret.password.as_bytes()))
}

/// The state directory's own, made where there is none.
pub(super) fn own(state_dir: &Path) -> Result<Key, KeyError> {
    let file = state_dir.join(NAME);
    read_or_make(&file).map_err(|source| KeyError::Own { file, source })
}

fn read_or_make(file: &Path) -> io::Result<Key> {
    let made = || -> io::Result<Zeroizing<Vec<u8>>> {
        let mut bytes = Zeroizing::new(vec![0; 32]);
        getrandom::fill(&mut bytes).map_err(io::Error::other)?;
        if let Some(directory) = file.parent() {
            fs::create_dir_all(directory)?;
        }
        // A second gateway that comes at the same time takes the first one's.
        if durable::create(file, &bytes, 0o600)? { Ok(bytes) } else { fs::read(file).map(Zeroizing::new) }
    };
    let bytes = match fs::read(file) {
        Ok(bytes) => Zeroizing::new(bytes),
        Err(error) if error.kind() == io::ErrorKind::NotFound => made()?,
        Err(error) => return Err(error),
    };
    if bytes.len() < SHORTEST {
        return Err(io::Error::other("it has less than 32 bytes"));
    }
    Ok(of(&bytes))
}

fn of(secret: &[u8]) -> Key {
    Key::new(Zeroizing::new(Sha256::digest(secret).into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt as _;

    #[test]
    fn the_own_key_is_made_once_and_is_nobody_elses() {
        let state = tempfile::tempdir().unwrap();
        let first = own(state.path()).unwrap();
        assert_eq!(own(state.path()).unwrap(), first);
        let file = state.path().join(NAME);
        assert_eq!(fs::metadata(&file).unwrap().mode() & 0o777, 0o600);
        fs::write(&file, "short").unwrap();
        assert!(own(state.path()).is_err());
        assert_ne!(own(tempfile::tempdir().unwrap().path()).unwrap(), first);
    }
}
