//! Where an error of the server is, in the client's own text: names of this session in it are longer
//! or shorter than those that the client wrote.

use super::codec::{self, ErrorText, Reader};
use crate::protocol::Encoding;
use std::ops::Range;

/// A name that was written anew, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Move {
    /// Where it begins in the text that the server has.
    at: usize,
    /// Its length there.
    server: usize,
    /// Its length in the client's text.
    client: usize,
}

/// The names that were written anew in one text, in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Moves {
    moves: Vec<Move>,
    /// Characters of the server's text so far.
    so_far: usize,
}

impl Moves {
    /// Behind these bytes of both texts stands `name`, which was `written` by the client.
    pub(super) fn add(&mut self, before: &[u8], name: &[u8], written: &[u8], encoding: Encoding) {
        let at = self.so_far + characters(before, encoding);
        let server = characters(name, encoding);
        self.moves.push(Move { at, server, client: characters(written, encoding) });
        self.so_far = at + server;
    }

    /// The place in the client's text that is `place` in the server's; both count from 1.
    pub(super) fn client_place(&self, place: usize) -> usize {
        let at = place.saturating_sub(1);
        // What the names before it have added, and taken away.
        let (mut added, mut taken) = (0, 0);
        for change in &self.moves {
            if at < change.at {
                break;
            }
            if at < change.at + change.server {
                return change.at + taken - added + 1;
            }
            added += change.server;
            taken += change.client;
        }
        at + taken - added + 1
    }
}

/// An error's body with its position in the client's own text; none where it has no position, or another one is right.
pub(super) fn moved(body: &[u8], moves: &Moves) -> Option<Vec<u8>> {
    let range = position(body)?;
    let place = std::str::from_utf8(body.get(range.clone())?).ok()?.parse().ok()?;
    let now = moves.client_place(place);
    let (before, behind) = (body.get(..range.start)?, body.get(range.end..)?);
    (now != place).then(|| [before, now.to_string().as_bytes(), behind].concat())
}

/// Appends what the server says of a name that is too long, where `written` was cut to `name`: it sees
/// a name of this session in its place.
pub(super) fn note_cut(to: &mut Vec<u8>, written: &[u8], name: &[u8]) {
    let quoted = written.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\""));
    let whole = match quoted {
        Some(inside) => String::from_utf8_lossy(inside).replace("\"\"", "\""),
        None => String::from_utf8_lossy(written).to_ascii_lowercase(),
    };
    // Of `U&"…"` the length is not that of the name.
    if whole.len() > name.len() && whole.as_bytes().starts_with(name) {
        let message = format!("identifier \"{whole}\" will be truncated to \"{}\"", String::from_utf8_lossy(name));
        codec::notice(to, ErrorText { code: "42622", message: &message, ..ErrorText::default() });
    }
}

/// Where in an error's body the digits of its position stand.
fn position(body: &[u8]) -> Option<Range<usize>> {
    let mut reader = Reader(body);
    loop {
        let field = reader.byte().filter(|field| *field != 0)?;
        let start = body.len() - reader.0.len();
        let value = reader.text()?;
        if field == b'P' {
            return Some(start..start + value.len());
        }
    }
}

/// In an encoding that is not known a text is ASCII, or has no names that could be found.
fn characters(text: &[u8], encoding: Encoding) -> usize {
    match encoding {
        Encoding::Utf8 => text.iter().filter(|byte| **byte & 0b1100_0000 != 0b1000_0000).count(),
        Encoding::Latin1 | Encoding::Other => text.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_behind_names_is_that_of_the_clients_text() {
        // `ä EXECUTE ß (x), yyyyyyyy (z)` with `"weir"` in the places of `ß` and `yyyyyyyy`.
        let mut moves = Moves::default();
        moves.add("ä EXECUTE ".as_bytes(), b"\"weir\"", "ß".as_bytes(), Encoding::Utf8);
        moves.add(b" (x), ", b"\"weir\"", b"yyyyyyyy", Encoding::Utf8);
        for (server, client) in [(1, 1), (10, 10), (11, 11), (13, 11), (17, 12), (22, 17), (23, 18), (25, 18), (29, 26), (31, 28)]
        {
            assert_eq!(moves.client_place(server), client, "{server}");
        }
        assert_eq!(moved(b"SERROR\0P31\0R\0\0", &moves).as_deref(), Some(&b"SERROR\0P28\0R\0\0"[..]));
        for other in [&b"SERROR\0P5\0\0"[..], b"SERROR\0\0", b"P", b"Px\0\0", b"P99999999999999999999999\0"] {
            assert_eq!(moved(other, &moves), None);
        }
    }
}
