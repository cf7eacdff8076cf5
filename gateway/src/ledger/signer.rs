//! The key that signs what people decided: Ed25519 (RFC 8032), made once for a state directory.

use super::LedgerError;
use crate::durable;
use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair as _, UnparsedPublicKey};
use gateway_core::hex::hex;
use std::path::Path;

/// Signs.
pub struct Signer {
    pair: Ed25519KeyPair,
    public: String,
}

impl Signer {
    /// Opens the key below `state_dir`, and makes it where there is none. Its public half lies beside it.
    pub(super) fn open(state_dir: &Path) -> Result<Self, LedgerError> {
        let path = state_dir.join("ledger.key");
        let failed = |why: String| LedgerError::Key { path: path.clone(), why };
        let read = || std::fs::read(&path);
        let bytes = match read() {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let made = Ed25519KeyPair::generate().and_then(|pair| pair.to_pkcs8());
                let made = made.map_err(|_unspecified| failed("it can't be made".to_owned()))?;
                // Another gateway may have been faster: its key is the one.
                durable::create(&path, made.as_ref(), 0o600).map_err(|error| failed(error.to_string()))?;
                read().map_err(|error| failed(error.to_string()))?
            }
            other => other.map_err(|error| failed(error.to_string()))?,
        };
        let pair = Ed25519KeyPair::from_pkcs8(&bytes).map_err(|error| failed(format!("it is no Ed25519 key: {error}")))?;
        let public = hex(pair.public_key().as_ref());
        let beside = state_dir.join("ledger.pub");
        durable::create(&beside, format!("{public}\n").as_bytes(), 0o644).map_err(|error| failed(error.to_string()))?;
        Ok(Self { pair, public })
    }

    /// The public key, in hex.
    #[must_use]
    pub fn public(&self) -> &str {
        &self.public
    }

    /// The signature of `text`, in hex.
    pub(super) fn sign(&self, text: &str) -> String {
        hex(self.pair.sign(text.as_bytes()).as_ref())
    }
}

/// Whether `signature` is that of `text` under `key`, both in hex.
#[must_use]
pub fn verify(key: &str, text: &str, signature: &str) -> bool {
    let (Some(key), Some(signature)) = (unhex(key), unhex(signature)) else { return false };
    UnparsedPublicKey::new(&ED25519, key).verify(text.as_bytes(), &signature).is_ok()
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let pairs = text.as_bytes().chunks(2);
    pairs.map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?, 16).ok()).collect()
}
