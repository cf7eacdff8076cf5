//! A statement's bytes as text that can be read, and the way back from a place in the text to one in the bytes.

use gateway_core::inspect::{Inspection, Rejection, Statement};
use gateway_core::protocol::Encoding;
use std::ops::Range;
use std::sync::Arc;

/// A text and where its characters came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decoded {
    pub(super) text: Arc<str>,
    pub(super) places: Places,
}

/// Where the characters of a decoded text stand in its bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) enum Places {
    /// Where they stand in the text.
    #[default]
    Same,
    /// Each was one byte. Of the text, how many take two before each block of [`BLOCK`] bytes.
    Latin1(Arc<str>, Vec<usize>),
}

/// A place is found by counting within its block: as many places as bytes would take too much memory.
const BLOCK: usize = 4096;

/// Why bytes are no text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Unreadable {
    /// In the words of [`gateway_core::inspect::Facts::unparsed`].
    why: &'static str,
    /// What the server would say.
    rejection: Option<Box<Rejection>>,
}

impl Unreadable {
    const fn new(why: &'static str) -> Self {
        Self { why, rejection: None }
    }

    /// A text of `length` bytes that is one statement, not understood.
    pub(super) fn inspection(self, length: usize) -> Inspection {
        let statement = Statement { rejection: self.rejection, ..Statement::unparsed(length, self.why) };
        Inspection { statements: vec![Arc::new(statement)], cross_checked: false }
    }
}

/// `bytes` as they are, where each is read as itself.
pub(super) fn plain(bytes: &[u8], encoding: Encoding) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (encoding == Encoding::Utf8 || text.is_ascii()).then_some(text)
}

/// Reads `bytes`.
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Result<Decoded, Unreadable> {
    let same = |text: &str| Decoded { text: text.into(), places: Places::Same };
    match (encoding, plain(bytes, encoding)) {
        (_, Some(text)) => Ok(same(text)),
        (Encoding::Utf8, None) => Err(not_utf8(bytes)),
        (Encoding::Latin1, None) => {
            let mut text = String::with_capacity(bytes.len() + bytes.len() / 4);
            text.extend(bytes.iter().map(|byte| char::from(*byte)));
            let text: Arc<str> = text.into();
            let blocks = text.as_bytes().chunks(BLOCK).scan(0, |before, block| {
                let so_far = *before;
                *before += second_halves(block);
                Some(so_far)
            });
            let blocks = blocks.collect();
            Ok(Decoded { places: Places::Latin1(Arc::clone(&text), blocks), text })
        }
        // A quote or a backslash can be half of a character there.
        (Encoding::Other, None) => Err(Unreadable::new("it is not ASCII, in an encoding that is not understood")),
    }
}

/// In the words of PostgreSQL's `report_invalid_encoding`: the bytes that would be the character, by its first one.
fn not_utf8(bytes: &[u8]) -> Unreadable {
    let valid = std::str::from_utf8(bytes).map_or_else(|error| error.valid_up_to(), str::len);
    let wrong = bytes.get(valid..).unwrap_or_default();
    let length = match wrong.first() {
        Some(0xc0..=0xdf) => 2,
        Some(0xe0..=0xef) => 3,
        Some(0xf0..=0xf7) => 4,
        Some(_) | None => 1,
    };
    let shown: Vec<_> = wrong.iter().take(length).map(|byte| format!("0x{byte:02x}")).collect();
    let message = format!("invalid byte sequence for encoding \"UTF8\": {}", shown.join(" "));
    let rejection = Some(Box::new(Rejection { code: "22021", message, position: None }));
    Unreadable { why: "it is not valid UTF-8", rejection }
}

impl Places {
    /// Where in the bytes the place `at` of the text is.
    pub(super) fn byte(&self, at: usize) -> usize {
        match self {
            Self::Same => at,
            Self::Latin1(text, blocks) => {
                let block = at / BLOCK;
                let within = text.as_bytes().get(block * BLOCK..at).unwrap_or_default();
                // The text's end may be the beginning of a block that is not there.
                let before = blocks.get(block).copied().unwrap_or_else(|| second_halves(text.as_bytes()));
                at - before - second_halves(within)
            }
        }
    }

    /// The same of a range.
    pub(super) fn bytes(&self, range: &Range<usize>) -> Range<usize> {
        self.byte(range.start)..self.byte(range.end)
    }

    /// A piece of the text as bytes again.
    pub(super) fn encode(&self, piece: &str) -> Vec<u8> {
        match self {
            Self::Same => piece.as_bytes().to_vec(),
            Self::Latin1(..) => piece.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect(),
        }
    }
}

/// How many characters take two bytes, by the second of them.
fn second_halves(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0b1100_0000 == 0b1000_0000).count()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn each_encoding_is_read_as_far_as_it_can_be() {
        for (bytes, encoding, read) in [
            (&b"SELECT 1"[..], Encoding::Utf8, true),
            (b"SELECT 1", Encoding::Latin1, true),
            (b"SELECT 1", Encoding::Other, true),
            ("SELECT 'ä'".as_bytes(), Encoding::Utf8, true),
            (b"SELECT '\xe4'", Encoding::Utf8, false),
            (b"SELECT '\xe4'", Encoding::Latin1, true),
            ("SELECT 'ä'".as_bytes(), Encoding::Latin1, true),
            ("SELECT 'ä'".as_bytes(), Encoding::Other, false),
            (b"SELECT '\x95\x5c'", Encoding::Other, false),
        ] {
            assert_eq!(decode(bytes, encoding).is_ok(), read, "{bytes:?} {encoding:?}");
        }
    }

    proptest! {
        #[test]
        fn places_and_pieces_lead_back_to_the_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200), blocks in 0usize..3) {
            let bytes = [bytes.as_slice(), &b"\xe4a".repeat(BLOCK / 3 * blocks)].concat();
            let Decoded { text, places } = decode(&bytes, Encoding::Latin1).unwrap();
            let boundaries = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            for (place, at) in boundaries.enumerate().step_by(1 + blocks * 411) {
                prop_assert_eq!(places.byte(at), place);
                prop_assert_eq!(places.encode(&text[..at]), &bytes[..place]);
            }
        }
    }
}
