//! COPY's text format: fields between delimiters, escapes with backslashes.

use super::super::escape::escape_from;

/// What COPY writes behind a backslash instead of a byte; 0 for those that it writes as they are.
static ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut at = 0;
    while at < PAIRS.len() {
        let (byte, letter) = PAIRS[at];
        escapes[byte as usize] = letter;
        at += 1;
    }
    escapes
};

const PAIRS: [(u8, u8); 7] =
    [(0x08, b'b'), (0x0c, b'f'), (b'\n', b'n'), (b'\r', b'r'), (b'\t', b't'), (0x0b, b'v'), (b'\\', b'\\')];

pub(super) struct Form<'a> {
    pub(super) delimiter: u8,
    pub(super) null: &'a [u8],
}

impl super::Form for Form<'_> {
    fn delimiter(&self) -> u8 {
        self.delimiter
    }

    fn null(&self) -> &[u8] {
        self.null
    }

    fn is_null(&self, field: &[u8]) -> bool {
        // A value's backslash is doubled. Who learns that a value is NULL may learn that it is NULL or empty.
        field == self.null && matches!(field, b"" | b"\\N")
    }

    fn length(&self, rest: &[u8]) -> Option<usize> {
        let mut at = 0;
        loop {
            // Most bytes are written as they are: one look at the table tells them.
            let plain = |byte: &u8| *byte != self.delimiter && ESCAPES.get(usize::from(*byte)).is_some_and(|letter| *letter == 0);
            at += rest.get(at..)?.iter().position(|byte| !plain(byte))?;
            match *rest.get(at)? {
                b'\n' => return Some(at),
                b'\r' => return (rest.get(at + 1) == Some(&b'\n')).then_some(at),
                byte if byte == self.delimiter => return Some(at),
                // The server escapes line ends by letters, so that a line's end is always one.
                b'\\' if matches!(rest.get(at + 1), None | Some(b'\n' | b'\r')) => return None,
                b'\\' => at += 2,
                _ => at += 1,
            }
        }
    }

    fn decode<'b>(&self, field: &'b [u8], decoded: &'b mut Vec<u8>) -> &'b [u8] {
        if !field.contains(&b'\\') {
            return field;
        }
        decoded.clear();
        let mut rest = field;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
            let (plain, escaped) = rest.split_at_checked(at).unwrap_or_default();
            decoded.extend_from_slice(plain);
            rest = escape(escaped.get(1..).unwrap_or_default(), decoded);
        }
        decoded.extend_from_slice(rest);
        decoded
    }

    fn encode(&self, _column: usize, from: usize, out: &mut Vec<u8>) {
        escape_from(out, from, None, |byte| match ESCAPES.get(usize::from(byte)).copied().unwrap_or_default() {
            0 if byte == self.delimiter => Some([b'\\', byte]),
            0 => None,
            letter => Some([b'\\', letter]),
        });
    }
}

/// Appends what an escape stands for, `rest` being what is behind its backslash; returns what is behind the escape.
fn escape<'a>(rest: &'a [u8], decoded: &mut Vec<u8>) -> &'a [u8] {
    let Some((first, behind)) = rest.split_first() else { return rest };
    let (number, behind) = match first {
        b'b' => (0x08, behind),
        b'f' => (0x0c, behind),
        b'n' => (u32::from(b'\n'), behind),
        b'r' => (u32::from(b'\r'), behind),
        b't' => (u32::from(b'\t'), behind),
        b'v' => (0x0b, behind),
        b'0'..=b'7' => digits(rest, 8, 3),
        b'x' if behind.first().is_some_and(u8::is_ascii_hexdigit) => digits(behind, 16, 2),
        byte => (u32::from(*byte), behind),
    };
    // An octal escape of more than a byte is cut to one, as the server does.
    decoded.push(number.to_le_bytes().first().copied().unwrap_or_default());
    behind
}

/// The number of up to `most` digits that `rest` begins with, and what is behind it.
fn digits(rest: &[u8], radix: u32, most: usize) -> (u32, &[u8]) {
    let digit = |byte: &u8| char::from(*byte).to_digit(radix);
    let number = rest.iter().take(most).map_while(digit).fold(0, |number, digit| number * radix + digit);
    let count = rest.iter().take(most).map_while(digit).count();
    (number, rest.get(count..).unwrap_or_default())
}
