//! Numerics, as decimal text and in the binary form: a header and groups of four decimal digits.

use super::super::row::take;
use super::Format;
use super::digits::{Digits, Lead};
use super::integer::decimal;
use super::prf::{Prf, number};
use std::ops::Range;

const NEGATIVE: u16 = 0x4000;
const NOT_A_NUMBER: u16 = 0xc000;
const INFINITY: u16 = 0xd000;
const MINUS_INFINITY: u16 = 0xf000;
/// Digits of a group.
const GROUP: usize = 4;
/// The most digits behind the point that the server has.
const MOST_SCALE: usize = 16_383;
/// The most digits of a pseudonym: what a hash's 64 bits give evenly.
const MOST_DIGITS: i32 = 18;

/// Where the parts of a decimal text stand in it.
struct Parts {
    negative: bool,
    integer: Range<usize>,
    fraction: Range<usize>,
}

impl Parts {
    /// The parts of a number that is written without an exponent.
    fn of(text: &[u8]) -> Option<Self> {
        let negative = text.first() == Some(&b'-');
        let start = usize::from(negative);
        let point = text.iter().position(|byte| *byte == b'.');
        let integer = start..point.unwrap_or(text.len());
        let fraction = point.map_or(text.len()..text.len(), |point| point + 1..text.len());
        let digits = |range: &Range<usize>| text.get(range.clone()).is_some_and(|part| part.iter().all(u8::is_ascii_digit));
        let whole = digits(&integer) && digits(&fraction) && !integer.is_empty() && (point.is_none() || !fraction.is_empty());
        whole.then_some(Self { negative, integer, fraction })
    }
}

/// Appends the pseudonym of a numeric: an integer that the precision has room for.
pub(super) fn pseudonym(value: &[u8], format: Format, precision: Option<(i32, i32)>, prf: &Prf, out: &mut Vec<u8>) -> Option<()> {
    let from = out.len();
    let hash = match format {
        Format::Text => hash(value, prf)?,
        Format::Binary => {
            to_text(value, out)?;
            let hash = hash(out.get(from..)?, prf)?;
            out.truncate(from);
            hash
        }
    };
    let (precision, scale) = precision.unwrap_or((MOST_DIGITS, 0));
    let room = u32::try_from((precision - scale).clamp(0, MOST_DIGITS)).ok()?;
    // A negative scale rounds: what it would round away is zero already.
    let unit = 10_u64.checked_pow(u32::try_from((-scale).max(0)).ok()?).unwrap_or(u64::MAX);
    let image = number(&hash) % 10_u64.pow(room);
    decimal(image - image % unit, 1, out);
    match format {
        Format::Text => Some(()),
        Format::Binary => to_binary(out, from),
    }
}

/// The hash of a number's value: `1`, `01` and `1.00` are the same.
fn hash(text: &[u8], prf: &Prf) -> Option<[u8; 32]> {
    if matches!(text, b"NaN" | b"Infinity" | b"-Infinity") {
        return Some(prf.of(text));
    }
    let parts = Parts::of(text)?;
    let integer = text.get(parts.integer)?;
    let integer = integer.get(integer.iter().take_while(|digit| **digit == b'0').count()..)?;
    let fraction = text.get(parts.fraction)?;
    let zeros = fraction.iter().rev().take_while(|digit| **digit == b'0').count();
    let fraction = fraction.get(..fraction.len() - zeros)?;
    let zero = integer.is_empty() && fraction.is_empty();
    let sign: &[u8] = if parts.negative && !zero { b"-" } else { b"" };
    Some(prf.clone().and(sign).and(integer).and(b".").and(fraction).finish())
}

/// Appends a numeric with other digits, as many on each side of the point.
pub(super) fn digits(value: &[u8], format: Format, digits: &Digits, out: &mut Vec<u8>) -> Option<()> {
    let from = out.len();
    match format {
        Format::Text => out.extend_from_slice(value),
        Format::Binary => to_text(value, out)?,
    }
    let text = out.get_mut(from..)?;
    let parts = Parts::of(text)?;
    // A zero before the point stays: it is there because nothing else is.
    if text.get(parts.integer) == Some(b"0") && !parts.fraction.is_empty() {
        digits.replace(text.get_mut(parts.fraction)?, Lead::Any);
    } else {
        digits.replace(text, Lead::NonZero);
    }
    // There is no negative zero.
    if parts.negative && !text.iter().any(|digit| (b'1'..=b'9').contains(digit)) {
        out.remove(from);
    }
    match format {
        Format::Text => Some(()),
        Format::Binary => to_binary(out, from),
    }
}

/// Whether a text is a number that a precision and scale have room for.
pub(super) fn fits(text: &[u8], precision: Option<(i32, i32)>) -> bool {
    let Some(parts) = Parts::of(text) else { return false };
    let Some((precision, scale)) = precision else { return true };
    let zeros = text.get(parts.integer.clone()).map_or(0, |digits| digits.iter().take_while(|digit| **digit == b'0').count());
    i32::try_from(parts.integer.len() - zeros).is_ok_and(|digits| digits <= precision - scale)
}

/// Appends the text of a binary numeric, as the server writes it.
pub(super) fn to_text(value: &[u8], out: &mut Vec<u8>) -> Option<()> {
    let mut rest = value;
    let count = u16::from_be_bytes(take(&mut rest)?);
    let mut weight = i32::from(i16::from_be_bytes(take(&mut rest)?));
    let sign = u16::from_be_bytes(take(&mut rest)?);
    let scale = usize::from(u16::from_be_bytes(take(&mut rest)?));
    let (mut groups, odd) = rest.as_chunks::<2>();
    let sound = groups.iter().all(|group| u16::from_be_bytes(*group) < 10_000);
    if groups.len() != usize::from(count) || !odd.is_empty() || !sound || scale > MOST_SCALE {
        return None;
    }
    match sign {
        0 => {}
        NEGATIVE => out.push(b'-'),
        NOT_A_NUMBER => out.extend_from_slice(b"NaN"),
        INFINITY => out.extend_from_slice(b"Infinity"),
        MINUS_INFINITY => out.extend_from_slice(b"-Infinity"),
        _ => return None,
    }
    if sign & NOT_A_NUMBER == NOT_A_NUMBER {
        return Some(());
    }
    while let Some(([0, 0], behind)) = groups.split_first() {
        (groups, weight) = (behind, weight - 1);
    }
    if groups.is_empty() {
        weight = -1;
    }
    let group = |place: i32| {
        let found = usize::try_from(weight - place).ok().and_then(|at| groups.get(at));
        found.map_or(0, |group| u64::from(u16::from_be_bytes(*group)))
    };
    for place in (0..=weight).rev() {
        decimal(group(place), if place == weight { 1 } else { GROUP }, out);
    }
    if weight < 0 {
        out.push(b'0');
    }
    if scale > 0 {
        out.push(b'.');
        let end = out.len() + scale;
        for place in (1..).map(|place: i32| -place) {
            if out.len() >= end {
                break;
            }
            decimal(group(place), GROUP, out);
        }
        out.truncate(end);
    }
    Some(())
}

/// Turns the decimal text of `out[from..]` into its binary form.
pub(super) fn to_binary(out: &mut Vec<u8>, from: usize) -> Option<()> {
    let parts = Parts::of(out.get(from..)?)?;
    let end = out.len();
    let (whole, scale) = (parts.integer.len(), parts.fraction.len());
    let digit = |out: &[u8], exponent: i64| {
        let at = match usize::try_from(exponent) {
            Ok(exponent) => whole.checked_sub(1 + exponent).map(|at| parts.integer.start + at),
            Err(_) => usize::try_from(-1 - exponent).ok().filter(|at| *at < scale).map(|at| parts.fraction.start + at),
        };
        at.and_then(|at| out.get(from + at)).map_or(0, |byte| u16::from(byte - b'0'))
    };
    let highest = i64::try_from(whole.div_ceil(GROUP)).ok()? - 1;
    let lowest = -i64::try_from(scale.div_ceil(GROUP)).ok()?;
    out.extend_from_slice(&[0; 8]);
    let (mut weight, mut count, mut filled) = (0, 0_usize, 0);
    for place in (lowest..=highest).rev() {
        let group = (0..GROUP as i64).rev().fold(0, |group, at| group * 10 + digit(out, place * GROUP as i64 + at));
        if count == 0 && group == 0 {
            continue;
        }
        if count == 0 {
            weight = place;
        }
        out.extend_from_slice(&group.to_be_bytes());
        count += 1;
        filled = if group == 0 { filled } else { count };
    }
    // Groups of zeros at the end are not written.
    out.truncate(end + 8 + 2 * filled);
    let sign = if parts.negative && filled > 0 { NEGATIVE } else { 0 };
    let header = [u16::try_from(filled).ok()?, i16::try_from(weight).ok()?.cast_unsigned(), sign, u16::try_from(scale).ok()?];
    for (place, field) in out.get_mut(end..end + 8)?.chunks_exact_mut(2).zip(header) {
        place.copy_from_slice(&field.to_be_bytes());
    }
    out.drain(from..end);
    Some(())
}
