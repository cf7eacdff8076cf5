//! What was left out of a record: it can't be run again from it.

use super::exact::{Exact, Kind, Obstacle};
use gateway_core::inspect::postgres::{Bounds, Reading, inspect, without_literals};
use std::sync::Arc;

/// What a password in a text is replaced by.
const PASSWORD: &[u8] = b"'***'";
/// What a text that was cut ends with.
const CUT: &str = " …";
/// Functions from here on are the database's own (PostgreSQL, `FirstNormalObjectId`).
const FIRST_OWN: u32 = 16_384;

/// What is not in a statement's text, as the plain layer has it.
pub(super) fn of_text(text: &[u8]) -> Option<Obstacle> {
    if find(text, PASSWORD) && find(&text.to_ascii_lowercase(), b"password") {
        return Some(Obstacle::Password);
    }
    let Ok(written) = std::str::from_utf8(text) else { return copied(text) };
    // A text from which literals went reads the same with them gone once more. A question mark may be an operator of the
    // client's: then more is said to be missing than is, and never less.
    if (written.contains('?') || written.ends_with(CUT)) && without_literals(written) == written {
        return Some(Obstacle::Literals);
    }
    copied(text)
}

/// Whether a text takes data that no record has.
pub(super) fn copied(text: &[u8]) -> Option<Obstacle> {
    let lower = text.to_ascii_lowercase();
    let words: Vec<&[u8]> = lower.split(|byte| byte.is_ascii_whitespace()).filter(|word| !word.is_empty()).collect();
    let from = words.windows(2).any(|pair| matches!(pair, [b"from", next] if next.starts_with(b"stdin")));
    (from && find(&lower, b"copy")).then_some(Obstacle::Copy)
}

/// What stands in the way of calling a function by its number.
pub(super) const fn of_function(oid: u32) -> Option<Obstacle> {
    if oid >= FIRST_OWN { Some(Obstacle::Function) } else { None }
}

/// Whether all of a Bind's body is there, from its format codes on.
pub(super) fn is_whole_bind(body: &[u8]) -> bool {
    let rest = short(body).and_then(|(codes, rest)| rest.get(2 * codes..)).and_then(values);
    let formats = rest.and_then(|rest| short(rest));
    formats.is_some_and(|(codes, rest)| rest.len() == 2 * codes)
}

/// Whether all of a FunctionCall's body is there, behind the function's number.
pub(super) fn is_whole_call(body: &[u8]) -> bool {
    let rest = short(body).and_then(|(codes, rest)| rest.get(2 * codes..)).and_then(values);
    rest.is_some_and(|rest| rest.len() == 2)
}

/// What stands behind a count of values and these.
fn values(bytes: &[u8]) -> Option<&[u8]> {
    let (count, mut rest) = short(bytes)?;
    for _ in 0..count {
        let (length, behind) = rest.split_first_chunk()?;
        rest = match usize::try_from(i32::from_be_bytes(*length)) {
            Ok(length) => behind.get(length..)?,
            Err(_null) => behind,
        };
    }
    Some(rest)
}

fn short(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_first_chunk()?;
    Some((usize::from(u16::from_be_bytes(*number)), rest))
}

/// The first whole message, and what is behind it.
pub(super) fn message(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let length = u32::from_be_bytes(*bytes.get(1..)?.first_chunk()?);
    bytes.split_at_checked(usize::try_from(length).ok()?.max(4) + 1)
}

/// Whether any of these messages is a row.
pub(super) fn has_rows(mut messages: &[u8]) -> bool {
    while let Some((message, rest)) = message(messages) {
        if matches!(message.first(), Some(b'D' | b'd')) {
            return true;
        }
        messages = rest;
    }
    false
}

/// Whether an error is weir's own and no server's.
pub(super) fn is_own(code: &[u8], message: &[u8]) -> bool {
    let spoken = message.starts_with(b"weir refused") || message.starts_with(b"weir: ") || message.starts_with(b"weir reads");
    spoken && matches!(code, b"42501" | b"54000" | b"08P01")
}

/// Makes an operation one that weir refused: what stood before it in the same Query stays.
pub(super) fn refuse(operation: &mut Exact, exact: bool) {
    let done = operation.expected.ends.len();
    let (kept, obstacle) = match &operation.kind {
        Kind::Simple(text) if done > 0 => match prefix(text, done) {
            Some(kept) if exact || operation.obstacle.is_none() => (kept, None),
            _ => (Arc::default(), operation.obstacle.or(Some(Obstacle::Literals))),
        },
        _ => (Arc::default(), None),
    };
    let extended = !matches!(operation.kind, Kind::Simple(_) | Kind::Function(..));
    operation.kind = Kind::Refused(kept, extended);
    operation.obstacle = obstacle;
}

/// The first `count` statements of a text.
fn prefix(text: &[u8], count: usize) -> Option<Arc<[u8]>> {
    let written = std::str::from_utf8(text).ok()?;
    let reading = Reading { standard_conforming_strings: Some(true), exact: false };
    let found = inspect(written, reading, Bounds::default());
    let end = found.statements.get(count)?.span.start;
    text.get(..end).map(Arc::from)
}

fn find(text: &[u8], what: &[u8]) -> bool {
    text.windows(what.len()).any(|window| window == what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_text_lacks_is_seen() {
        for (text, lacks) in [
            ("SELECT 1", None),
            ("ALTER ROLE a PASSWORD '***'", Some(Obstacle::Password)),
            ("SELECT name FROM customers WHERE email = ?", Some(Obstacle::Literals)),
            ("SELECT …", Some(Obstacle::Literals)),
            ("SELECT 1 WHERE tags ? 'a'", None),
            ("SELECT  '?' FROM t", None),
            ("COPY t (a)\nFROM  STDIN WITH csv", Some(Obstacle::Copy)),
            ("copy t from stdin", Some(Obstacle::Copy)),
            ("COPY t TO STDOUT", None),
        ] {
            assert_eq!(of_text(text.as_bytes()), lacks, "{text}");
        }
    }

    #[test]
    fn a_bind_or_a_call_that_was_cut_is_not_whole() {
        let bind = [&[0, 1, 0, 1][..], &[0, 2], &[0, 0, 0, 2], b"ab", &[255; 4], &[0, 1, 0, 1]].concat();
        let call = [&[0, 0][..], &[0, 1], &[0, 0, 0, 1], b"x", &[0, 1]].concat();
        assert!(is_whole_bind(&bind) && is_whole_bind(&[0; 6]) && is_whole_call(&call));
        for end in 0..bind.len() {
            assert!(!is_whole_bind(&bind[..end]), "{end}");
        }
        for end in 0..call.len() {
            assert!(!is_whole_call(&call[..end]), "{end}");
        }
    }

    #[test]
    fn a_text_is_cut_before_what_was_refused() {
        assert_eq!(prefix(b"SELECT 1; SELECT 2; DELETE FROM t", 2).as_deref(), Some(&b"SELECT 1; SELECT 2;"[..]));
        assert_eq!(prefix(b"SELECT 1", 1), None);
    }
}
