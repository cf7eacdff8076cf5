//! The log's key, by reference: a file, a seed that the TPM unseals, or a program that signs (KMS, HSM).

pub(super) mod command;
mod file;
pub(super) mod tpm;

use super::error::LogError;
use super::files::Files;
use super::rotate::is_signed_by;
use gateway_core::record::log::{KeyError, Signature, SigningKey, VerifierKey};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// The public key's file, in the state directory.
const PUBLIC: &str = "log.pub";

/// Where the key is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KeyReference {
    /// `file:/path`: a signed note's private key as text. It is made where it is not there.
    File(PathBuf),
    /// `tpm:0x81010001`: the handle of a sealed object in the TPM that holds the 32 bytes of the seed.
    Tpm(u32),
    /// `command:/path`: a program that signs.
    Command(PathBuf),
}

/// Signs checkpoints.
pub struct Signer {
    verifier: VerifierKey,
    means: Means,
    /// Where it came from.
    reference: Option<KeyReference>,
}

enum Means {
    Key(SigningKey),
    Command(PathBuf),
}

/// The key can't be used. No text holds any of it.
#[derive(Debug, thiserror::Error)]
pub enum SignerError {
    /// The reference as written is none.
    #[error("{0:?} is no reference to a key: write file:/absolute/path, tpm:0x81010001 or command:/absolute/path")]
    Reference(String),
    /// The file can't be read or made.
    #[error("the log's key {}: {why}", .path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// Its text is no key.
    #[error("the log's key {origin}: {why}")]
    Key {
        /// Where it is.
        origin: String,
        /// What is wrong.
        why: KeyError,
    },
    /// A program that signs, or that asks the TPM.
    #[error("the log's key: {program} {why}")]
    Program {
        /// The program.
        program: String,
        /// What is wrong.
        why: String,
    },
    /// The public key beside the log is another's.
    #[error(
        "the log's key {origin} is not that of {}: if it was replaced on purpose, use `weir audit key rotate`, or remove the file \
         for a log that begins anew",
        .path.display()
    )]
    Other {
        /// Where the key is.
        origin: String,
        /// The public key.
        path: PathBuf,
    },
}

impl Signer {
    /// Opens the key. `name` is what a key is called that is made now, or has no name of its own: the log's origin.
    ///
    /// # Errors
    /// Where it can't be read or made, or is not the one whose public half lies beside the log.
    pub fn open(state_dir: &Path, reference: &KeyReference, name: &str) -> Result<Self, LogError> {
        let files = Files::new(state_dir);
        let public = state_dir.join(PUBLIC);
        let beside = file::read_public(&public)?;
        let name = beside.as_ref().map_or(name, VerifierKey::name);
        if let KeyReference::File(path) = reference {
            file::settle(path, &files)?;
        }
        let signer = Self::read(reference, name)?;
        let adopted = match beside {
            Some(beside) if beside == signer.verifier => return Ok(signer),
            Some(beside) => {
                let rotation = files.last_rotation()?;
                rotation
                    .is_some_and(|rotation| is_signed_by(&rotation, &beside, 0) && is_signed_by(&rotation, &signer.verifier, 1))
            }
            None => true,
        };
        if !adopted {
            return Err(SignerError::Other { origin: reference.to_string(), path: public }.into());
        }
        file::write_public(&public, &signer.verifier)?;
        Ok(signer)
    }

    fn read(reference: &KeyReference, name: &str) -> Result<Self, SignerError> {
        let of = |key: SigningKey| Self { reference: Some(reference.clone()), ..Self::of(key) };
        Ok(match reference {
            KeyReference::File(path) => of(file::open(path, name)?),
            KeyReference::Tpm(handle) => of(tpm::open(*handle, name)?),
            KeyReference::Command(path) => {
                let verifier = command::public(path, command::PATIENCE)?;
                Self { verifier, means: Means::Command(path.clone()), reference: Some(reference.clone()) }
            }
        })
    }

    /// A key that is at hand.
    #[must_use]
    pub fn of(key: SigningKey) -> Self {
        Self { verifier: key.verifier().clone(), means: Means::Key(key), reference: None }
    }

    /// The key that is to take this one's place. In the file of this key's own reference a new one is made, beside it as yet.
    pub(super) fn next(&self, reference: &KeyReference) -> Result<Self, SignerError> {
        match reference {
            KeyReference::File(path) if self.reference.as_ref() == Some(reference) => {
                let key = file::make_next(path, self.name())?;
                Ok(Self { reference: Some(reference.clone()), ..Self::of(key) })
            }
            KeyReference::File(_) | KeyReference::Tpm(_) | KeyReference::Command(_) => Self::read(reference, self.name()),
        }
    }

    /// Its public key lies beside the log from now on, unless one does.
    pub(super) fn show(&self, state_dir: &Path) -> Result<(), SignerError> {
        let path = state_dir.join(PUBLIC);
        if path.exists() { Ok(()) } else { file::write_public(&path, &self.verifier) }
    }

    /// It has taken the place of the key before. The log's lock is held.
    pub(super) fn adopted(self, files: &Files) -> Result<Self, SignerError> {
        if let Some(KeyReference::File(path)) = &self.reference {
            file::adopt_next(path)?;
        }
        file::write_public(&files.state_dir().join(PUBLIC), &self.verifier)?;
        Ok(self)
    }

    /// The key of the same reference, as it is now.
    pub(super) fn reopened(&self, files: &Files) -> Result<Self, LogError> {
        match &self.reference {
            Some(reference) => Self::open(files.state_dir(), reference, self.name()),
            None => Err(LogError::Replaced { key: self.verifier.to_string() }),
        }
    }

    /// The key that checks its signatures.
    #[must_use]
    pub const fn verifier(&self) -> &VerifierKey {
        &self.verifier
    }

    /// Its name, which is the log's origin.
    #[must_use]
    pub fn name(&self) -> &str {
        self.verifier.name()
    }

    /// Signs a note's text.
    ///
    /// # Errors
    /// Where a program doesn't, or what it says is not the signature.
    pub fn sign(&self, text: &str) -> Result<Signature, SignerError> {
        let bytes = match &self.means {
            Means::Key(key) => key.sign(text.as_bytes()).to_vec(),
            Means::Command(path) => command::sign(path, &self.verifier, text, command::PATIENCE)?,
        };
        Ok(Signature::of(&self.verifier, bytes))
    }
}

/// The public key beside a log; none where there is none.
///
/// # Errors
/// Where it can't be read, or is no key.
pub fn public_beside(state_dir: &Path) -> Result<Option<VerifierKey>, SignerError> {
    file::read_public(&state_dir.join("log.pub"))
}

impl KeyReference {
    /// The default: a file in the state directory.
    #[must_use]
    pub fn beside(state_dir: &Path) -> Self {
        Self::File(state_dir.join("log.key"))
    }
}

impl FromStr for KeyReference {
    type Err = SignerError;

    fn from_str(text: &str) -> Result<Self, SignerError> {
        let wrong = || SignerError::Reference(text.to_owned());
        let absolute = |path: &str| Some(PathBuf::from(path)).filter(|path| path.is_absolute());
        let (scheme, rest) = text.split_once(':').ok_or_else(wrong)?;
        let found = match scheme {
            "file" => absolute(rest).map(Self::File),
            "command" => absolute(rest).map(Self::Command),
            "tpm" => rest.strip_prefix("0x").and_then(|digits| u32::from_str_radix(digits, 16).ok()).map(Self::Tpm),
            _ => None,
        };
        found.ok_or_else(wrong)
    }
}

impl fmt::Display for KeyReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "file:{}", path.display()),
            Self::Tpm(handle) => write!(f, "tpm:{handle:#010x}"),
            Self::Command(path) => write!(f, "command:{}", path.display()),
        }
    }
}
