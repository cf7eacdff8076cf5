//! How C2SP's formats write hashes and numbers: one spelling each.

use crate::record::chain::Hash;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A hash in standard base 64.
pub(super) fn hash(hash: Hash) -> String {
    STANDARD.encode(hash.0)
}

/// A hash from standard base 64, with its padding.
pub(super) fn read_hash(text: &str) -> Option<Hash> {
    Some(Hash(bytes(text)?.try_into().ok()?))
}

/// Any bytes from standard base 64, with their padding.
pub(super) fn bytes(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text).ok()
}

pub(super) fn encode(bytes: &[u8]) -> String {
    STANDARD.encode(bytes)
}

/// A decimal number without a sign and without a zero before it; below 2⁶³, as the other implementations have it.
pub(super) fn number(text: &str) -> Option<u64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let one_spelling = digits && (text == "0" || !text.starts_with('0'));
    let number = one_spelling.then(|| text.parse().ok()).flatten()?;
    i64::try_from(number).is_ok().then_some(number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_has_one_spelling() {
        for (text, value) in [("0", 0), ("1", 1), ("9223372036854775807", i64::MAX.unsigned_abs())] {
            assert_eq!(number(text), Some(value));
        }
        for wrong in ["", "00", "01", "+1", "-1", " 1", "1 ", "1_0", "٣", "9223372036854775808", "99999999999999999999"] {
            assert_eq!(number(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_hash_has_one_spelling() {
        let one = hash(Hash([255; 32]));
        assert_eq!(read_hash(&one), Some(Hash([255; 32])));
        for wrong in [one.trim_end_matches('='), &one.replace('/', "_"), &format!("{one}="), "", "AAAA", &one.replace("8=", "9=")]
        {
            assert_eq!(read_hash(wrong), None, "{wrong}");
        }
    }
}
