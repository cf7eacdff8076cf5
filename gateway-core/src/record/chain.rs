//! The chain: each block's hash covers the block and the hash before it.

use sha2::{Digest, Sha256};
use std::fmt;

/// Bytes of the header that every record file begins with.
pub const FILE_HEADER: usize = 16;
/// The first bytes of every record file.
pub const MAGIC: &[u8; 8] = b"weir-rec";
/// The version of a record file's layout that is written and read here.
pub const FILE_VERSION: u16 = 2;

/// A link of the chain: a SHA-256 (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// The hash before a segment's first block. `before` is the last hash of the segment before it;
    /// the first segment has none.
    #[must_use]
    pub fn genesis(session: &str, segment: u32, before: Option<Self>) -> Self {
        let mut hash = Sha256::new();
        hash.update(file_header(segment));
        hash.update(session.as_bytes());
        if let Some(before) = before {
            hash.update(before.0);
        }
        Self(hash.finalize().into())
    }

    /// The hash that follows `self` over `bytes`.
    #[must_use]
    pub fn next(self, bytes: &[u8]) -> Self {
        let mut hash = Sha256::new();
        hash.update(self.0);
        hash.update(bytes);
        Self(hash.finalize().into())
    }

    /// Reads 64 hexadecimal digits.
    #[must_use]
    pub fn from_hex(text: &str) -> Option<Self> {
        let text = text.as_bytes();
        let mut hash = [0u8; 32];
        if text.len() != 64 {
            return None;
        }
        for (byte, pair) in hash.iter_mut().zip(text.chunks_exact(2)) {
            let &[high, low] = pair else { return None };
            *byte = digit(high)? << 4 | digit(low)?;
        }
        Some(Self(hash))
    }
}

/// The header of a record's segment: magic, version, two bytes of zero, the segment's number.
#[must_use]
pub fn file_header(segment: u32) -> [u8; FILE_HEADER] {
    let mut header = [0; FILE_HEADER];
    header[0..8].copy_from_slice(MAGIC);
    header[8..10].copy_from_slice(&FILE_VERSION.to_le_bytes());
    header[12..16].copy_from_slice(&segment.to_le_bytes());
    header
}

/// One lower-case hexadecimal digit's value: one hash has one spelling.
fn digit(letter: u8) -> Option<u8> {
    match letter {
        b'0'..=b'9' => Some(letter - b'0'),
        b'a'..=b'f' => Some(letter - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_reads_back_and_each_segment_begins_elsewhere() {
        let first = Hash::genesis("s-1", 0, None);
        let second = Hash::genesis("s-1", 1, Some(first));
        assert_eq!(Hash::from_hex(&first.to_string()), Some(first));
        assert_ne!(first, second);
        assert_ne!(first, Hash::genesis("s-2", 0, None));
        for wrong in ["", "0", &"g".repeat(64), &"A".repeat(64), &"é".repeat(32)] {
            assert_eq!(Hash::from_hex(wrong), None, "{wrong}");
        }
    }
}
