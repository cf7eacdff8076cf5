//! The keyed hash of pseudonyms: HMAC-SHA-256 (RFC 2104) over class, NUL and value.

use super::super::Key;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroizing;

/// HMAC-SHA-256's block, in bytes.
const BLOCK: usize = 64;

/// A hash that has already taken in its key and class, and is copied for each value.
#[derive(Clone)]
pub(super) struct Prf(Hmac<Sha256>);

impl Prf {
    /// The hash of a class's values.
    pub(super) fn new(key: &Key, class: &str) -> Self {
        Self::keyed(key.bytes()).and(class.as_bytes()).and(&[0])
    }

    /// The hash with a key of its own.
    pub(super) fn keyed(key: &[u8; 32]) -> Self {
        // A key that is shorter than a block is padded with zeros: so says the RFC.
        let mut block = Zeroizing::new([0; BLOCK]);
        for (place, byte) in block.iter_mut().zip(key) {
            *place = *byte;
        }
        Self(Hmac::new((&*block).into()))
    }

    /// A key for another algorithm. No class's name begins with NUL, so it is no value's hash.
    pub(super) fn derived(key: &Key, purpose: &str, class: &str) -> Zeroizing<[u8; 32]> {
        let hash = Self::keyed(key.bytes()).and(&[0]).and(purpose.as_bytes()).and(&[0]).and(class.as_bytes());
        Zeroizing::new(hash.finish())
    }

    /// The same, having taken in `bytes` too.
    #[must_use]
    pub(super) fn and(self, bytes: &[u8]) -> Self {
        Self(self.0.chain_update(bytes))
    }

    /// The hash of what was taken in.
    pub(super) fn finish(self) -> [u8; 32] {
        self.0.finalize().into_bytes().into()
    }

    /// The hash of a value.
    pub(super) fn of(&self, value: &[u8]) -> [u8; 32] {
        self.clone().and(value).finish()
    }
}

/// The first eight bytes of a hash as a number.
pub(super) fn number(hash: &[u8; 32]) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_the_hash_of_the_rfc() {
        // RFC 4231, test case 2, has the key "Jefe".
        let mut key = [0; 32];
        key.iter_mut().zip(b"Jefe").for_each(|(place, byte)| *place = *byte);
        let hash = Prf::keyed(&key).of(b"what do ya want for nothing?");
        assert_eq!(hash.first_chunk(), Some(&[0x5b, 0xdc, 0xc1, 0x46, 0xbf, 0x60, 0x75, 0x4e]));
    }

    #[test]
    fn classes_keys_and_purposes_differ() {
        let (one, two) = (Key::new(Zeroizing::new([1; 32])), Key::new(Zeroizing::new([2; 32])));
        let hashes = [
            Prf::new(&one, "a").of(b"v"),
            Prf::new(&one, "b").of(b"v"),
            Prf::new(&two, "a").of(b"v"),
            *Prf::derived(&one, "a", "v"),
            *Prf::derived(&one, "v", "a"),
        ];
        for (at, hash) in hashes.iter().enumerate() {
            assert!(hashes.iter().skip(at + 1).all(|other| other != hash), "{at}");
        }
    }
}
