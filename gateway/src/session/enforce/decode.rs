//! A statement's bytes as text that can be read, and the way back from a place in the text to one in the bytes.

use gateway_core::inspect::{Inspection, Object, Statement, Usage};
use gateway_core::protocol::Encoding;
use std::ops::Range;
use std::sync::Arc;

/// Names in a text that is not ASCII and whose encoding is not known by name could mean anything.
const FOREIGN: &str = "it names something in letters beyond ASCII, in an encoding that is not UTF-8";

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
    /// Each was one byte; those at these places of the text take two in it. Sorted.
    Latin1(Vec<usize>),
}

/// Reads `bytes`; what can't be read is said in the words of [`gateway_core::inspect::Facts::unparsed`].
pub(super) fn decode(bytes: &[u8], encoding: Encoding) -> Result<Decoded, &'static str> {
    let same = |text: &str| Decoded { text: text.into(), places: Places::Same };
    match (encoding, std::str::from_utf8(bytes)) {
        (Encoding::Utf8, Ok(text)) => Ok(same(text)),
        (_, Ok(text)) if text.is_ascii() => Ok(same(text)),
        (Encoding::Utf8, Err(_)) => Err("it is not valid UTF-8"),
        // Latin-1 keeps every byte apart from every other, whatever letter it is in its own encoding.
        (Encoding::SingleByte, _) => {
            let mut text = String::with_capacity(bytes.len() + bytes.len() / 4);
            let mut wide = Vec::new();
            for &byte in bytes {
                if !byte.is_ascii() {
                    wide.push(text.len());
                }
                text.push(char::from(byte));
            }
            Ok(Decoded { text: text.into(), places: Places::Latin1(wide) })
        }
        // A quote or a backslash can be half of a character there.
        (Encoding::Other, _) => Err("it is not ASCII, in an encoding that is not understood"),
    }
}

impl Places {
    /// Where in the bytes the place `at` of the text is.
    pub(super) fn byte(&self, at: usize) -> usize {
        match self {
            Self::Same => at,
            Self::Latin1(wide) => at - wide.partition_point(|&place| place < at),
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
            Self::Latin1(_) => piece.chars().map(|letter| u8::try_from(u32::from(letter)).unwrap_or(b'?')).collect(),
        }
    }

    /// What was read of the text, without the names that may be others than they seem.
    pub(super) fn trusted(&self, inspection: Arc<Inspection>) -> Arc<Inspection> {
        let doubtful = |statement: &Statement| statement.facts.unparsed.is_none() && !plain(statement);
        match self {
            Self::Latin1(wide) if !wide.is_empty() && inspection.statements.iter().any(doubtful) => {
                let mut inspection = Inspection::clone(&inspection);
                for statement in inspection.statements.iter_mut().filter(|statement| doubtful(statement)) {
                    let unread = Statement::unparsed(0, FOREIGN);
                    statement.facts = unread.facts;
                    statement.changes = unread.changes;
                }
                Arc::new(inspection)
            }
            Self::Same | Self::Latin1(_) => inspection,
        }
    }
}

/// Whether everything that a statement names is ASCII.
fn plain(statement: &Statement) -> bool {
    let object = |object: &Object| match object {
        Object::Target => true,
        Object::Schema(schema) => schema.is_ascii(),
        Object::Relation(name) | Object::Function(name) | Object::Operator(name) => {
            name.name.is_ascii() && name.schema.as_ref().is_none_or(|schema| schema.is_ascii())
        }
    };
    statement.accesses.iter().all(|access| object(&access.object))
        && statement.names.iter().all(|name| {
            name.name.is_ascii()
                && match &name.usage {
                    Usage::Make(body) => plain(body),
                    Usage::Use | Usage::Drop | Usage::DropAll => true,
                }
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_core::inspect::{Access, Action, ObjectName};
    use proptest::prelude::*;

    #[test]
    fn each_encoding_is_read_as_far_as_it_can_be() {
        for (bytes, encoding, read) in [
            (&b"SELECT 1"[..], Encoding::Utf8, true),
            (b"SELECT 1", Encoding::SingleByte, true),
            (b"SELECT 1", Encoding::Other, true),
            ("SELECT 'ä'".as_bytes(), Encoding::Utf8, true),
            (b"SELECT '\xe4'", Encoding::Utf8, false),
            (b"SELECT '\xe4'", Encoding::SingleByte, true),
            ("SELECT 'ä'".as_bytes(), Encoding::SingleByte, true),
            ("SELECT 'ä'".as_bytes(), Encoding::Other, false),
            (b"SELECT '\x95\x5c'", Encoding::Other, false),
        ] {
            assert_eq!(decode(bytes, encoding).is_ok(), read, "{bytes:?} {encoding:?}");
        }
    }

    proptest! {
        #[test]
        fn places_and_pieces_lead_back_to_the_bytes(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
            let Decoded { text, places } = decode(&bytes, Encoding::SingleByte).unwrap();
            let boundaries = text.char_indices().map(|(at, _)| at).chain([text.len()]);
            for (place, at) in boundaries.enumerate() {
                prop_assert_eq!(places.byte(at), place);
                prop_assert_eq!(places.encode(&text[..at]), &bytes[..place]);
            }
        }
    }

    #[test]
    fn a_foreign_name_is_not_taken_for_another() {
        let read = |name: &str| Inspection {
            statements: vec![Statement {
                accesses: vec![Access { action: Action::Read, object: Object::Relation(ObjectName::bare(name)) }],
                ..Statement::default()
            }],
            cross_checked: true,
        };
        let unread = |places: &Places, name: &str| {
            let trusted = places.trusted(Arc::new(read(name)));
            trusted.statements.iter().any(|statement| statement.facts.unparsed.is_some())
        };
        let foreign = decode(b"SELECT '\xe4'", Encoding::SingleByte).unwrap().places;
        assert!(unread(&foreign, "gr\u{f6}\u{df}e") && !unread(&foreign, "users"));
        assert!(!unread(&Places::Same, "gr\u{f6}\u{df}e"));
    }
}
