//! Arrays, as text and in the binary form: each element masked, the shape kept.

use super::super::escape::escape_from;
use super::super::row::{put, take, value as field};
use super::Masked;

/// The most dimensions that the server has (`MAXDIM`).
const DIMENSIONS: usize = 6;

/// Appends an array's text with each element masked. NULL elements stay.
pub(super) fn text(array: &[u8], out: &mut Vec<u8>, mask: impl Fn(&[u8], &mut Vec<u8>) -> Masked) -> Option<()> {
    // Only an element with escapes needs a copy.
    let mut decoded = Vec::new();
    let mut rest = bounds(array, out)?;
    let mut depth = 0_usize;
    // Whether an element or a deeper array has to come next, and whether the end may instead.
    let (mut value_next, mut end_next) = (true, false);
    loop {
        let (byte, behind) = rest.split_first()?;
        match byte {
            b'{' if value_next && depth < DIMENSIONS => {
                depth += 1;
                end_next = true;
            }
            b'}' if depth > 0 && (!value_next || end_next) => {
                depth -= 1;
                (value_next, end_next) = (false, false);
            }
            b',' if depth > 0 && !value_next => (value_next, end_next) = (true, false),
            _ if depth > 0 && value_next => {
                rest = element(rest, &mut decoded, out, &mask)?;
                (value_next, end_next) = (false, false);
                continue;
            }
            _ => return None,
        }
        out.push(*byte);
        rest = behind;
        if depth == 0 {
            return rest.is_empty().then_some(());
        }
    }
}

/// Passes on the bounds that stand before an array whose first element is not the first: `[0:1]={`.
fn bounds<'a>(array: &'a [u8], out: &mut Vec<u8>) -> Option<&'a [u8]> {
    if array.first() != Some(&b'[') {
        return Some(array);
    }
    let end = array.iter().position(|byte| *byte == b'=')?;
    let (bounds, rest) = array.split_at_checked(end + 1)?;
    let sound = bounds.iter().all(|byte| byte.is_ascii_digit() || b"[]:-=".contains(byte));
    // Seven characters are enough for none, 27 for each of the largest.
    if !sound || bounds.len() > 27 * DIMENSIONS {
        return None;
    }
    out.extend_from_slice(bounds);
    Some(rest)
}

/// Appends the element that `rest` begins with, masked; returns what is behind it.
fn element<'a>(
    rest: &'a [u8],
    decoded: &mut Vec<u8>,
    out: &mut Vec<u8>,
    mask: impl Fn(&[u8], &mut Vec<u8>) -> Masked,
) -> Option<&'a [u8]> {
    let (plain, behind) = match rest.strip_prefix(b"\"") {
        Some(quoted) => {
            let (element, behind) = split_quoted(quoted)?;
            if !element.contains(&b'\\') {
                (element, behind)
            } else {
                unescape(element, decoded);
                (decoded.as_slice(), behind)
            }
        }
        None => {
            let end = rest.iter().position(|byte| matches!(byte, b',' | b'}'))?;
            let (element, behind) = rest.split_at_checked(end)?;
            if element.is_empty() || element.iter().any(|byte| matches!(byte, b'"' | b'\\' | b'{')) {
                return None;
            }
            if element.eq_ignore_ascii_case(b"NULL") {
                out.extend_from_slice(b"NULL");
                return Some(behind);
            }
            (element, behind)
        }
    };
    let from = out.len();
    match mask(plain, out) {
        Masked::Null => out.extend_from_slice(b"NULL"),
        Masked::Value => {
            let enclose = out.get(from..).is_some_and(needs_quotes).then_some(b'"');
            escape_from(out, from, enclose, |byte| matches!(byte, b'"' | b'\\').then_some([b'\\', byte]));
        }
    }
    Some(behind)
}

/// What stands before the quote that ends an element, and what behind it.
fn split_quoted(quoted: &[u8]) -> Option<(&[u8], &[u8])> {
    let mut at = 0;
    loop {
        match quoted.get(at)? {
            b'\\' => at += 2,
            b'"' => return Some((quoted.get(..at)?, quoted.get(at + 1..)?)),
            _ => at += 1,
        }
    }
}

fn unescape(element: &[u8], decoded: &mut Vec<u8>) {
    decoded.clear();
    let mut escaped = false;
    for byte in element {
        if *byte == b'\\' && !escaped {
            escaped = true;
        } else {
            decoded.push(*byte);
            escaped = false;
        }
    }
}

fn needs_quotes(element: &[u8]) -> bool {
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | b'{' | b'}' | b',' | b' ' | b'\t'..=b'\r');
    element.is_empty() || element.eq_ignore_ascii_case(b"NULL") || element.iter().any(special)
}

/// Appends a binary array, whose elements are of the type `element`, with each masked. NULL elements stay.
pub(super) fn binary(array: &[u8], element: u32, out: &mut Vec<u8>, mask: impl Fn(&[u8], &mut Vec<u8>) -> Masked) -> Option<()> {
    let from = out.len();
    let mut rest = array;
    let dimensions = usize::try_from(i32::from_be_bytes(take(&mut rest)?)).ok().filter(|count| *count <= DIMENSIONS)?;
    let flags = i32::from_be_bytes(take(&mut rest)?);
    let of = u32::from_be_bytes(take(&mut rest)?);
    if !(0..=1).contains(&flags) || of != element {
        return None;
    }
    let mut count = usize::from(dimensions > 0);
    for _ in 0..dimensions {
        let length = usize::try_from(i32::from_be_bytes(take(&mut rest)?)).ok()?;
        let _lower_bound: [u8; 4] = take(&mut rest)?;
        count = count.checked_mul(length)?;
    }
    // Each element has at least a length: no count is believed that the bytes can't hold.
    if count > rest.len() / 4 {
        return None;
    }
    out.extend_from_slice(array.get(..array.len() - rest.len())?);
    let mut nulls = false;
    for _ in 0..count {
        nulls |= put(field(&mut rest)?, out, &mask);
    }
    out.get_mut(from + 4..from + 8)?.copy_from_slice(&i32::from(nulls).to_be_bytes());
    rest.is_empty().then_some(())
}
