//! `file:/path`: the key as a signed note's private key in a file that nobody else reads, and the public key beside the log.

use super::super::error::LogError;
use super::super::files::{Files, step};
use super::super::rotate::is_signed_by;
use super::SignerError;
use crate::durable;
use gateway_core::record::log::{KeyError, SigningKey, VerifierKey};
use std::fs;
use std::io::{self, Read as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
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

/// A key that is to take the place of the one in this file, beside it.
pub(super) fn make_next(path: &Path, name: &str) -> Result<SigningKey, SignerError> {
    let next = beside(path);
    let failed = |why: String| SignerError::File { path: next.clone(), why };
    let made = make(name).map_err(failed)?;
    durable::replace(&next, made.as_bytes(), 0o600).map_err(|error| failed(error.to_string()))?;
    step();
    open(&next, name)
}

/// Puts the key beside this file in its place.
pub(super) fn adopt_next(path: &Path) -> Result<(), SignerError> {
    let next = beside(path);
    let directory = path.parent().unwrap_or(path);
    let moved = match fs::rename(&next, path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(()) => durable::sync_names(directory),
    };
    moved.map_err(|error| SignerError::File { path: next, why: error.to_string() })?;
    step();
    Ok(())
}

/// What a gateway left that was killed while it replaced the key: where the log says that it was, it is; else it was not.
pub(super) fn settle(path: &Path, files: &Files) -> Result<(), LogError> {
    let next = beside(path);
    if !next.exists() {
        return Ok(());
    }
    Files::make(files.directory())?;
    // A gateway that replaces it now holds the log's lock.
    let lock = durable::lock(&files.lock()).map_err(LogError::io("lock", &files.lock()))?;
    if next.exists() {
        let key = open(&next, "")?;
        let rotation = files.last_rotation()?;
        if rotation.is_some_and(|rotation| is_signed_by(&rotation, key.verifier(), 1)) {
            adopt_next(path)?;
        } else {
            fs::remove_file(&next).map_err(LogError::io("remove", &next))?;
        }
    }
    drop(lock);
    Ok(())
}

fn beside(path: &Path) -> PathBuf {
    path.with_added_extension("next")
}

/// A new key's text, with a line feed.
fn make(name: &str) -> Result<Zeroizing<String>, String> {
    let mut seed = Zeroizing::new([0u8; 32]);
    getrandom::fill(seed.as_mut_slice()).map_err(|error| format!("the system's random source failed: {error}"))?;
    let key = SigningKey::from_seed(name, &seed).map_err(|error| error.to_string())?;
    Ok(Zeroizing::new(format!("{}\n", *key.to_text())))
}

/// The public key beside the log.
pub(super) fn read_public(path: &Path) -> Result<Option<VerifierKey>, SignerError> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let why = |why| SignerError::Key { origin: path.display().to_string(), why };
            let key: VerifierKey = text.trim_end_matches('\n').parse().map_err(why)?;
            // As it was written, to the byte.
            if text == line(&key) { Ok(Some(key)) } else { Err(why(KeyError::Form)) }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(SignerError::File { path: path.to_owned(), why: error.to_string() }),
    }
}

pub(super) fn write_public(path: &Path, key: &VerifierKey) -> Result<(), SignerError> {
    let written = durable::replace(path, line(key).as_bytes(), 0o644);
    written.map_err(|error| SignerError::File { path: path.to_owned(), why: error.to_string() })?;
    step();
    Ok(())
}

/// What the file of a public key holds.
fn line(key: &VerifierKey) -> String {
    format!("{key}\n")
}

fn read(path: &Path) -> io::Result<Zeroizing<String>> {
    let file = fs::File::open(path)?;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 != 0 {
        return Err(io::Error::other(format!("others can read or write it (mode {mode:04o}): run chmod 600 on it")));
    }
    // Of its final size from the beginning: what is moved would leave a copy.
    let mut text = Zeroizing::new(String::with_capacity(MOST as usize));
    file.take(MOST).read_to_string(&mut text)?;
    Ok(text)
}
