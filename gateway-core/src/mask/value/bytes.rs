//! Types whose values are bytes: `bytea`, `uuid` and, as far as masks go, JSON.

use super::Format;
use super::prf::Prf;
use super::text::token;
use super::types::Family;

const HEX: &[u8; 16] = b"0123456789abcdef";
/// Bytes of a bytea's pseudonym.
const BYTES: usize = 16;
/// The version of jsonb's binary form.
const JSONB: u8 = 1;

/// Appends the pseudonym of a bytea, whose text is in hex or in the older form with escapes.
pub(super) fn bytea(value: &[u8], format: Format, prf: &Prf, out: &mut Vec<u8>) -> Option<()> {
    let hash = match (format, value.strip_prefix(b"\\x")) {
        (Format::Binary, _) => prf.of(value),
        (Format::Text, Some(hex)) => {
            let (pairs, []) = hex.as_chunks::<2>() else { return None };
            hash(pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)), prf)?
        }
        (Format::Text, None) => hash(Unescaped(value), prf)?,
    };
    let pseudonym = hash.get(..BYTES)?;
    match format {
        Format::Text => {
            out.extend_from_slice(b"\\x");
            hex(pseudonym, out);
        }
        Format::Binary => out.extend_from_slice(pseudonym),
    }
    Some(())
}

/// The hash of bytes that are decoded as they are taken; `None` where one can't be.
fn hash(bytes: impl Iterator<Item = Option<u8>>, prf: &Prf) -> Option<[u8; 32]> {
    let (mut prf, mut block, mut filled) = (prf.clone(), [0; 64], 0);
    for byte in bytes {
        *block.get_mut(filled)? = byte?;
        filled += 1;
        if filled == block.len() {
            prf = prf.and(&block);
            filled = 0;
        }
    }
    Some(prf.and(block.get(..filled)?).finish())
}

/// The bytes of a bytea in the form with escapes: `\\` and `\ooo`.
struct Unescaped<'a>(&'a [u8]);

impl Iterator for Unescaped<'_> {
    type Item = Option<u8>;

    fn next(&mut self) -> Option<Option<u8>> {
        let (byte, rest) = match self.0 {
            [] => return None,
            [b'\\', b'\\', rest @ ..] => (Some(b'\\'), rest),
            [b'\\', high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', rest @ ..] => {
                (Some((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0')), rest)
            }
            [b'\\', rest @ ..] => (None, rest),
            [byte, rest @ ..] => (Some(*byte), rest),
        };
        self.0 = rest;
        Some(byte)
    }
}

/// Appends the pseudonym of a uuid: another, of version 8 (RFC 9562, 5.8).
pub(super) fn uuid(value: &[u8], format: Format, prf: &Prf, out: &mut Vec<u8>) -> Option<()> {
    let bytes = match format {
        Format::Text => read_uuid(value)?,
        Format::Binary => value.try_into().ok()?,
    };
    let mut pseudonym: [u8; 16] = *prf.of(&bytes).first_chunk()?;
    let [.., version, _, variant, _, _, _, _, _, _, _] = &mut pseudonym;
    *version = *version & 0x0f | 0x80;
    *variant = *variant & 0x3f | 0x80;
    write_uuid(&pseudonym, format, out);
    Some(())
}

/// The bytes of a uuid's text: 32 hexadecimal digits, between which hyphens may stand.
pub(super) fn read_uuid(text: &[u8]) -> Option<[u8; 16]> {
    let mut digits = text.iter().filter(|byte| **byte != b'-').map(|byte| nibble(*byte));
    let mut bytes = [0; 16];
    for byte in &mut bytes {
        *byte = digits.next()?? << 4 | digits.next()??;
    }
    digits.next().is_none().then_some(bytes)
}

/// Appends a uuid.
pub(super) fn write_uuid(uuid: &[u8; 16], format: Format, out: &mut Vec<u8>) {
    match format {
        Format::Binary => out.extend_from_slice(uuid),
        Format::Text => {
            for (at, byte) in uuid.iter().enumerate() {
                if matches!(at, 4 | 6 | 8 | 10) {
                    out.push(b'-');
                }
                hex(&[*byte], out);
            }
        }
    }
}

/// Appends the pseudonym of a JSON value, by its text: a string.
pub(super) fn json(value: &[u8], family: Family, format: Format, prf: &Prf, out: &mut Vec<u8>) -> Option<()> {
    let text = opened_json(value, family, format)?;
    open_json(family, format, out);
    out.push(b'"');
    token(&prf.of(text), out);
    out.push(b'"');
    Some(())
}

/// A JSON value's text.
pub(super) fn opened_json(value: &[u8], family: Family, format: Format) -> Option<&[u8]> {
    match (family, format) {
        (Family::Jsonb, Format::Binary) => {
            let (JSONB, text) = value.split_first().map(|(version, text)| (*version, text))? else { return None };
            Some(text)
        }
        _ => Some(value),
    }
}

/// Appends what stands before a JSON value's text.
pub(super) fn open_json(family: Family, format: Format, out: &mut Vec<u8>) {
    if (family, format) == (Family::Jsonb, Format::Binary) {
        out.push(JSONB);
    }
}

/// The bytes of hexadecimal digits.
pub(super) fn read_hex(text: &str) -> Option<Vec<u8>> {
    let (pairs, []) = text.as_bytes().as_chunks::<2>() else { return None };
    pairs.iter().map(|[high, low]| Some(nibble(*high)? << 4 | nibble(*low)?)).collect()
}

fn hex(bytes: &[u8], out: &mut Vec<u8>) {
    for byte in bytes {
        for nibble in [byte >> 4, byte & 15] {
            out.push(HEX.get(usize::from(nibble)).copied().unwrap_or_default());
        }
    }
}

fn nibble(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}
