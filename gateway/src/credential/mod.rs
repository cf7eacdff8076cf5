//! Credentials that a job never has: where they come from, and SCRAM's slow step.

mod redact;
mod salted;
mod signature;
mod source;

pub use redact::{foreign, without};
pub use salted::Credentials;
pub use signature::signature;
pub use source::{Secret, Source, fetch};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use gateway_core::hex::hex;
use sha2::{Digest as _, Sha256};
use std::path::PathBuf;

/// What can be wrong with a credential. No text ever holds any of its value.
#[derive(Debug, thiserror::Error)]
pub enum CredentialError {
    /// The source as written is none.
    #[error("{text:?} is no credential source: write env:VARIABLE or file:/absolute/path")]
    Source {
        /// What was written: only its scheme where it may hold a secret.
        text: String,
    },
    /// The variable is not there.
    #[error("the environment variable {name} is not set for weir: set it where weir is started")]
    Unset {
        /// Its name.
        name: String,
    },
    /// The file could not be read.
    #[error("reading the credential file {}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is open to others.
    #[error("the credential file {} can be read or written by everyone (mode {mode:04o}): run chmod o-rwx on it", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The value is not usable.
    #[error("the credential {origin}: {problem}")]
    Value {
        /// The source, as configured.
        origin: String,
        /// What is wrong, without the value.
        problem: &'static str,
    },
    /// The system gave no randomness.
    #[error("the system's random source failed: {0}")]
    Random(String),
    /// The server asked for something out of bounds, or the work could not be done.
    #[error("SCRAM: {0}")]
    Scram(&'static str),
}

/// A client nonce for SCRAM: 24 random printable characters without a comma (RFC 5802 §5.1).
///
/// # Errors
/// When the system gives no randomness.
pub fn nonce() -> Result<String, CredentialError> {
    let mut random = [0u8; 18];
    fill(&mut random)?;
    Ok(STANDARD.encode(random))
}

/// A random secret, such as a session's cancel key.
///
/// # Errors
/// When the system gives no randomness.
pub fn random_secret() -> Result<[u8; 32], CredentialError> {
    let mut random = [0u8; 32];
    fill(&mut random)?;
    Ok(random)
}

/// Random small letters and digits that nobody can guess: 22 of 36 kinds, more than 110 bits. A server
/// folds the letters of a name, so capitals would not come back.
///
/// # Errors
/// When the system gives no randomness.
pub fn random_text() -> Result<String, CredentialError> {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    const LENGTH: usize = 22;
    let mut text = String::with_capacity(LENGTH);
    while text.len() < LENGTH {
        let mut random = [0u8; 32];
        fill(&mut random)?;
        // 36 * 7: what is above would make the first letters likelier.
        let letters = random.iter().filter(|byte| **byte < 252).filter_map(|byte| ALPHABET.get(usize::from(byte % 36)));
        text.extend(letters.take(LENGTH - text.len()).map(|letter| char::from(*letter)));
    }
    Ok(text)
}

/// 256 random bits that stand in a cookie, a header or an address as they are.
///
/// # Errors
/// When the system gives no randomness.
pub fn random_token() -> Result<String, CredentialError> {
    Ok(URL_SAFE_NO_PAD.encode(random_secret()?))
}

/// SHA-256 in hex: what is kept of a secret that is random enough not to be guessed back.
#[must_use]
pub fn fingerprint(secret: &str) -> String {
    hex(&Sha256::digest(secret.as_bytes()))
}

fn fill(bytes: &mut [u8]) -> Result<(), CredentialError> {
    getrandom::fill(bytes).map_err(|e| CredentialError::Random(e.to_string()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn nonces_fit_scram_and_differ() {
        let (one, other) = (super::nonce().unwrap(), super::nonce().unwrap());
        assert_eq!(one.len(), 24);
        assert!(one.bytes().all(|b| (0x21..=0x7e).contains(&b) && b != b','));
        assert_ne!(one, other);
    }

    #[test]
    fn random_text_is_letters_and_digits_of_every_kind() {
        let texts: Vec<_> = (0..200).map(|_| super::random_text().unwrap()).collect();
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        assert!(texts.iter().all(|text| text.len() == 22 && text.bytes().all(plain)));
        let kinds: std::collections::BTreeSet<_> = texts.iter().flat_map(|text| text.bytes()).collect();
        assert_eq!(kinds.len(), 36);
    }
}
