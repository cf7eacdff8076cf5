//! `file:/path`: the key as a signed note's private key in a file that nobody else reads, and the public key beside the log.

use super::SignerError;
use crate::durable;
use gateway_core::record::log::{SigningKey, VerifierKey};
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use zeroize::Zeroizing;

/// The most bytes that a key's file may have.
const MOST: u64 = 4096;

/// Opens the key, and makes it with this name where there is none.
pub(super) fn open(path: &Path, name: &str) -> Result<SigningKey, SignerError> {
    let failed = |error: io::Error| SignerError::File { path: path.to_owned(), why: error.to_string() };
    let text = match read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let made = make(name).map_err(|why| SignerError::File { path: path.to_owned(), why })?;
            // Another gateway may have been faster: its key is the one.
            durable::create(path, made.as_bytes(), 0o600).map_err(failed)?;
            read(path)
        }
        other => other,
    };
    let why = |why| SignerError::Key { origin: path.display().to_string(), why };
    SigningKey::from_text(text.map_err(failed)?.trim_end_matches('\n')).map_err(why)
}

/// A new key's text, with a line feed.
pub(super) fn make(name: &str) -> Result<Zeroizing<String>, String> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| format!("the system's random source failed: {error}"))?;
    let key = SigningKey::from_seed(name, &seed).map_err(|error| error.to_string())?;
    Ok(Zeroizing::new(format!("{}\n", *key.to_text())))
}

/// The public key beside the log.
pub(super) fn read_public(path: &Path) -> Result<Option<VerifierKey>, SignerError> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let why = |why| SignerError::Key { origin: path.display().to_string(), why };
            text.trim_end_matches('\n').parse().map(Some).map_err(why)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SignerError::File { path: path.to_owned(), why: error.to_string() }),
    }
}

pub(super) fn write_public(path: &Path, key: &VerifierKey) -> Result<(), SignerError> {
    let written = durable::replace(path, format!("{key}\n").as_bytes(), 0o644);
    written.map_err(|error| SignerError::File { path: path.to_owned(), why: error.to_string() })
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = std::fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("others can read or write it (mode {mode:04o}): run chmod 600 on it")));
    }
    // Of its final size from the beginning: what is moved would leave a copy.
    let mut text = Zeroizing::new(String::with_capacity(MOST as usize));
    file.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}
