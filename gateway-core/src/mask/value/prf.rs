//! The keyed hash of pseudonyms: HMAC-SHA-256 (RFC 2104, FIPS 180-4) over class, NUL and value.
//!
//! On the compression function itself: the `hmac` crate's own state is copied several times for each value, which took
//! as long as all the hashing of a short one. A test holds both against each other.

use super::super::Key;
use sha2::block_api::compress256;
use zeroize::Zeroizing;

/// SHA-256's block, in bytes.
const BLOCK: usize = 64;
/// Where in the last block the number of bits stands.
const LENGTH: usize = BLOCK - 8;
/// SHA-256's state before the first block (FIPS 180-4, 5.3.3).
const INITIAL: [u32; 8] =
    [0x6a09_e667, 0xbb67_ae85, 0x3c6e_f372, 0xa54f_f53a, 0x510e_527f, 0x9b05_688c, 0x1f83_d9ab, 0x5be0_cd19];

/// A hash that has already taken in its key and class, and is used for each value.
#[derive(Clone)]
pub(super) struct Prf {
    /// The states behind the key's block, of the inner hash and of the outer one; the inner one's behind all whole blocks.
    inner: [u32; 8],
    outer: [u32; 8],
    /// What was taken in and has filled no block yet.
    block: [u8; BLOCK],
    held: usize,
    /// Bytes of whole blocks, the key's among them.
    done: u64,
}

impl Prf {
    /// The hash of a class's values.
    pub(super) fn new(key: &Key, class: &str) -> Self {
        Self::keyed(key.bytes()).and(class.as_bytes()).and(&[0])
    }

    /// The hash with a key of its own.
    pub(super) fn keyed(key: &[u8; 32]) -> Self {
        let padded = |pad: u8| {
            // A key that is shorter than a block is padded with zeros: so says the RFC.
            let mut block = Zeroizing::new([pad; BLOCK]);
            block.iter_mut().zip(key).for_each(|(place, byte)| *place ^= byte);
            let mut state = INITIAL;
            compress256(&mut state, &[*block]);
            state
        };
        Self { inner: padded(0x36), outer: padded(0x5c), block: [0; BLOCK], held: 0, done: BLOCK as u64 }
    }

    /// A key for another algorithm. No class's name begins with NUL, so it is no value's hash.
    pub(super) fn derived(key: &Key, purpose: &str, class: &str) -> Zeroizing<[u8; 32]> {
        let hash = Self::keyed(key.bytes()).and(&[0]).and(purpose.as_bytes()).and(&[0]).and(class.as_bytes());
        Zeroizing::new(hash.finish())
    }

    /// The same, having taken in `bytes` too.
    #[must_use]
    pub(super) fn and(mut self, bytes: &[u8]) -> Self {
        self.take(bytes);
        self
    }

    fn take(&mut self, mut bytes: &[u8]) {
        while let Some((now, later)) = bytes.split_at_checked(BLOCK - self.held) {
            self.put(now);
            compress256(&mut self.inner, &[self.block]);
            self.done += BLOCK as u64;
            self.held = 0;
            bytes = later;
        }
        self.put(bytes);
        self.held += bytes.len();
    }

    /// Writes what fits behind what is held.
    fn put(&mut self, bytes: &[u8]) {
        if let Some(place) = self.block.get_mut(self.held..self.held + bytes.len()) {
            place.copy_from_slice(bytes);
        }
    }

    /// The hash of what was taken in.
    pub(super) fn finish(self) -> [u8; 32] {
        self.of(&[])
    }

    /// The hash of that and a value.
    pub(super) fn of(&self, value: &[u8]) -> [u8; 32] {
        if self.held + value.len() >= LENGTH {
            return self.clone().and(value).ended();
        }
        // One block takes all of it: nothing is copied but that.
        let mut block = self.block;
        let held = self.held + value.len();
        if let Some(place) = block.get_mut(self.held..held) {
            place.copy_from_slice(value);
        }
        self.last(self.inner, block, held, self.done)
    }

    /// The hash of what is held.
    fn ended(mut self) -> [u8; 32] {
        if self.held < LENGTH {
            return self.last(self.inner, self.block, self.held, self.done);
        }
        // The number of bits has a block of its own.
        let bytes = self.done + self.held as u64;
        self.block = ended(self.block, self.held);
        compress256(&mut self.inner, &[self.block]);
        self.outermost(closed(self.inner, [0; BLOCK], bytes))
    }

    /// The hash where `held` bytes of `block` are the message's last.
    fn last(&self, inner: [u32; 8], block: [u8; BLOCK], held: usize, done: u64) -> [u8; 32] {
        self.outermost(closed(inner, ended(block, held), done + held as u64))
    }

    fn outermost(&self, inner: [u32; 8]) -> [u8; 32] {
        let mut block = [0; BLOCK];
        block.iter_mut().zip(bytes(inner)).for_each(|(place, byte)| *place = byte);
        bytes(closed(self.outer, ended(block, 32), BLOCK as u64 + 32))
    }
}

/// A block of which so many bytes are the message's, with the mark of its end behind them (FIPS 180-4, 5.1.1).
fn ended(mut block: [u8; BLOCK], held: usize) -> [u8; BLOCK] {
    if let Some([mark, behind @ ..]) = block.get_mut(held..) {
        *mark = 0x80;
        behind.fill(0);
    }
    block
}

/// The state behind a last block, in which the message's length goes.
fn closed(mut state: [u32; 8], mut block: [u8; BLOCK], bytes: u64) -> [u32; 8] {
    if let Some(place) = block.get_mut(LENGTH..) {
        place.copy_from_slice(&(bytes * 8).to_be_bytes());
    }
    compress256(&mut state, &[block]);
    state
}

fn bytes(state: [u32; 8]) -> [u8; 32] {
    let mut bytes = [0; 32];
    bytes.chunks_exact_mut(4).zip(state).for_each(|(place, word)| place.copy_from_slice(&word.to_be_bytes()));
    bytes
}

/// The first eight bytes of a hash as a number.
pub(super) fn number(hash: &[u8; 32]) -> u64 {
    hash.first_chunk().map_or(0, |bytes| u64::from_be_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use hmac::{Hmac, KeyInit as _, Mac as _};
    use proptest::prelude::*;
    use sha2::Sha256;

    proptest! {
        #[test]
        fn it_is_the_crate_s_hash_of_any_bytes_in_any_pieces(
            key: [u8; 32],
            before in proptest::collection::vec(any::<u8>(), 0..150),
            value in proptest::collection::vec(any::<u8>(), 0..300),
            cut in 0_usize..300,
        ) {
            let mut theirs = Hmac::<Sha256>::new_from_slice(&key).unwrap();
            theirs.update(&before);
            theirs.update(&value);
            let theirs: [u8; 32] = theirs.finalize().into_bytes().into();
            let (first, second) = value.split_at(cut.min(value.len()));
            let ours = Prf::keyed(&key).and(&before);
            prop_assert_eq!(ours.of(&value), theirs);
            prop_assert_eq!(ours.clone().and(first).of(second), theirs);
            prop_assert_eq!(ours.and(first).and(second).finish(), theirs);
        }
    }

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
