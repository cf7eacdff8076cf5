//! Text types: kept in part, replaced by tokens, and brought into the room that a column has.

use super::super::DatePart;
use super::digits::{Digits, Lead};
use super::iso;
use super::prf::Prf;
use super::types::Room;

/// Base 32 (RFC 4648), in lower case.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// Characters of a token: 120 bits.
const TOKEN: usize = 24;
/// The shortest token that a mail domain is put behind.
const SHORTEST_LOCAL: usize = 8;
/// What pseudonyms of mail addresses end in; RFC 2606 reserves the domain.
const MAIL: &[u8] = b"@example.com";

/// Appends `text`, which is in the room already, padded as its type is: how long the value was is not told.
pub(super) fn fixed(text: &[u8], room: Room, out: &mut Vec<u8>) {
    out.extend_from_slice(text);
    if let Some(most) = room.characters.filter(|_| room.padded) {
        blanks(most.saturating_sub(characters(text)), out);
    }
}

/// Appends `value` with all but its first and last characters starred.
pub(super) fn partial(value: &[u8], first: u8, last: u8, room: Room, out: &mut Vec<u8>) -> Option<()> {
    let text = content(value, room);
    let text = str::from_utf8(text).ok()?;
    let count = text.chars().count();
    let (first, last) = (usize::from(first), usize::from(last));
    let (first, last) = if first + last >= count { (0, 0) } else { (first, last) };
    let place = |nth: usize| text.char_indices().nth(nth).map_or(text.len(), |(at, _)| at);
    let (head, tail) = (place(first), place(count - last));
    out.extend_from_slice(text.as_bytes().get(..head)?);
    out.resize(out.len() + (count - first - last), b'*');
    out.extend_from_slice(text.as_bytes().get(tail..)?);
    pad(value, text.as_bytes(), room, out);
    Some(())
}

/// Appends the token of `value`; a mail address becomes one.
pub(super) fn pseudonym(value: &[u8], prf: &Prf, room: Room, out: &mut Vec<u8>) {
    let text = content(value, room);
    let from = out.len();
    let limit = room.characters.or(room.bytes).unwrap_or(usize::MAX);
    let local = limit.saturating_sub(MAIL.len()).min(TOKEN);
    let mail = is_mail(text) && local >= SHORTEST_LOCAL;
    token(&prf.of(text), out);
    out.truncate(from + if mail { local } else { limit.min(TOKEN) });
    if mail {
        out.extend_from_slice(MAIL);
    }
    if room.padded {
        let written = characters(out.get(from..).unwrap_or_default());
        blanks(characters(value).saturating_sub(written), out);
    }
}

/// Appends a hash's token: five bits a character, from the first on.
pub(super) fn token(hash: &[u8; 32], out: &mut Vec<u8>) {
    let mut bits = hash.first_chunk().map_or(0, |bytes| u128::from_be_bytes(*bytes));
    let mut token = [0; TOKEN];
    for character in &mut token {
        let [index, ..] = bits.rotate_left(5).to_le_bytes();
        *character = ALPHABET.get(usize::from(index & 31)).copied().unwrap_or_default();
        bits <<= 5;
    }
    out.extend_from_slice(&token);
}

/// Appends `value` with other digits. What is a number to other scripts is starred.
pub(super) fn digits(value: &[u8], digits: &Digits, out: &mut Vec<u8>) -> Option<()> {
    let text = str::from_utf8(value).ok()?;
    let from = out.len();
    if text.is_ascii() {
        out.extend_from_slice(value);
    } else {
        for character in text.chars() {
            let foreign = !character.is_ascii() && character.is_numeric();
            let shown = if foreign { '*' } else { character };
            out.extend_from_slice(shown.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    digits.replace(out.get_mut(from..)?, Lead::Any);
    Some(())
}

/// Appends an ISO date or time, cut.
pub(super) fn date(value: &[u8], part: DatePart, room: Room, out: &mut Vec<u8>) -> Option<()> {
    let text = content(value, room);
    iso::cut_text(text, part, out)?;
    pad(value, text, room, out);
    Some(())
}

/// `text` without what is too long for the room.
pub(super) fn cut(text: &str, room: Room) -> &str {
    let by_characters = room.characters.and_then(|count| text.char_indices().nth(count));
    let text = by_characters.map_or(text, |(at, _)| text.get(..at).unwrap_or_default());
    match room.bytes {
        Some(bytes) => text.get(..text.floor_char_boundary(bytes)).unwrap_or_default(),
        None => text,
    }
}

/// `value` without its padding.
fn content(value: &[u8], room: Room) -> &[u8] {
    let blanks = if room.padded { value.iter().rev().take_while(|byte| **byte == b' ').count() } else { 0 };
    value.get(..value.len() - blanks).unwrap_or_default()
}

/// Pads what was written, as long as `text`, to the characters of `value`: those of its type, by its padding.
fn pad(value: &[u8], text: &[u8], room: Room, out: &mut Vec<u8>) {
    if room.padded {
        blanks(characters(value).saturating_sub(characters(text)), out);
    }
}

fn blanks(count: usize, out: &mut Vec<u8>) {
    out.resize(out.len() + count, b' ');
}

/// How many characters of UTF-8 there are.
fn characters(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte & 0xc0 != 0x80).count()
}

/// Whether a text looks like a mail address: one `@` between a name and a domain with a dot, and no blank.
fn is_mail(text: &[u8]) -> bool {
    let mut sign = None;
    for (at, byte) in text.iter().enumerate() {
        match byte {
            b'@' if sign.is_some() => return false,
            b'@' => sign = Some(at),
            0..=b' ' | 0x7f => return false,
            _ => {}
        }
    }
    let Some((name, [_, domain @ ..])) = sign.and_then(|at| text.split_at_checked(at)) else { return false };
    !name.is_empty() && domain.contains(&b'.') && !domain.starts_with(b".") && !domain.ends_with(b".")
}
