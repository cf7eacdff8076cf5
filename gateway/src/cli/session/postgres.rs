//! Recorded Postgres messages as text: parameters of Bind, RowDescription, DataRow.
//!
//! Numbers are big-endian (PostgreSQL documentation, "Message Formats").

use super::text;

/// What a Parameters frame holds: the values as text, and the formats asked for of the result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters {
    /// Each value as text; a cut one ends with `…`.
    pub(super) values: Vec<String>,
    /// The result's format codes, where they were recorded.
    pub(super) formats: Vec<u16>,
}

/// Takes Bind's body apart, from its format codes on; as much as there is of it.
pub(super) fn parameters(body: &[u8]) -> Parameters {
    let mut input = Input(body);
    let mut read = Parameters::default();
    let Some(formats) = input.formats() else { return read };
    let count = input.short().unwrap_or_default();
    for number in 0..usize::from(count) {
        let Some(length) = input.long() else {
            read.values.push("… (cut: not recorded)".into());
            return read;
        };
        let Ok(length) = usize::try_from(length) else {
            read.values.push("NULL".into());
            continue;
        };
        let whole = length <= input.0.len();
        let bytes = input.take(length.min(input.0.len()));
        let binary = format_of(&formats, number) == Some(1);
        let mut value = if binary { text::hex(bytes) } else { quoted(bytes) };
        if !whole {
            value.push_str(&format!("… (cut: {} of {length} bytes recorded)", bytes.len()));
            read.values.push(value);
            return read;
        }
        read.values.push(value);
    }
    read.formats = input.formats().unwrap_or_default();
    read
}

/// One message of a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message {
    /// The columns' names.
    Columns(Vec<String>),
    /// A row's values.
    Row(Vec<String>),
    /// A line, or a part, of COPY.
    Copy(String),
    /// Another one: its type and length.
    Other(char, usize),
}

/// The messages of a Rows frame. `formats` are those that Bind asked for.
pub(super) fn messages<'a>(body: &'a [u8], formats: &'a [u16]) -> impl Iterator<Item = Message> + 'a {
    let mut input = Input(body);
    std::iter::from_fn(move || {
        let kind = *input.take(1).first()?;
        let length = usize::try_from(input.long()?.checked_sub(4)?).ok()?;
        let mut content = Input(input.take(length.min(input.0.len())));
        Some(match kind {
            b'T' => Message::Columns(content.columns().unwrap_or_default()),
            b'D' => Message::Row(content.row(formats)),
            b'd' => Message::Copy(value(content.0, None)),
            _ => Message::Other(char::from(kind), length),
        })
    })
}

fn quoted(bytes: &[u8]) -> String {
    format!("'{}'", text::line(bytes).replace('\'', "''"))
}

/// A value whose format may not be known: text where it reads as such.
fn value(bytes: &[u8], format: Option<u16>) -> String {
    let readable = || {
        std::str::from_utf8(bytes).is_ok_and(|text| !text.chars().any(|letter| letter.is_control() && !letter.is_whitespace()))
    };
    match format {
        Some(1) => text::hex(bytes),
        Some(_) => text::line(bytes),
        None if readable() => text::line(bytes),
        None => text::hex(bytes),
    }
}

/// Bind's rule: no code means text for all, one holds for all, else one each.
fn format_of(formats: &[u16], number: usize) -> Option<u16> {
    match formats {
        [] => Some(0),
        [all] => Some(*all),
        each => each.get(number).copied(),
    }
}

struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> &'a [u8] {
        let (taken, rest) = self.0.split_at_checked(count).unwrap_or((&[], &[]));
        self.0 = rest;
        taken
    }

    fn short(&mut self) -> Option<u16> {
        self.take(2).first_chunk().map(|bytes| u16::from_be_bytes(*bytes))
    }

    fn long(&mut self) -> Option<i32> {
        self.take(4).first_chunk().map(|bytes| i32::from_be_bytes(*bytes))
    }

    fn formats(&mut self) -> Option<Vec<u16>> {
        let count = self.short()?;
        (0..count).map(|_| self.short()).collect()
    }

    fn columns(&mut self) -> Option<Vec<String>> {
        let count = self.short()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let end = self.0.iter().position(|&byte| byte == 0)?;
            columns.push(text::line(self.take(end)));
            // The zero, then table, column, type, length, modifier, format.
            self.take(1 + 18);
        }
        Some(columns)
    }

    fn row(&mut self, formats: &[u16]) -> Vec<String> {
        let count = self.short().unwrap_or_default();
        let mut row = Vec::new();
        for number in 0..usize::from(count) {
            let Some(length) = self.long() else { break };
            row.push(match usize::try_from(length) {
                Err(_) => "NULL".into(),
                Ok(length) => {
                    let bytes = self.take(length.min(self.0.len()));
                    // Without Bind's own codes the format isn't known: a simple query's is text, and reads as it.
                    value(bytes, if formats.is_empty() { None } else { format_of(formats, number) })
                }
            });
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_read_back_and_a_cut_one_says_so() {
        let body =
            [&[0, 2, 0, 0, 0, 1][..], &[0, 3], &[0, 0, 0, 2], b"a'", &[0, 0, 0, 1], &[9], &[255; 4], &[0, 1, 0, 1]].concat();
        let read = parameters(&body);
        assert_eq!(read.values, ["'a'''", "\\x09", "NULL"]);
        assert_eq!(read.formats, [1]);
        assert_eq!(parameters(body.get(..13).unwrap_or_default()).values, ["'a'… (cut: 1 of 2 bytes recorded)"]);
        assert_eq!(parameters(&[]), Parameters::default());
    }

    #[test]
    fn rows_read_back_and_any_bytes_do_no_harm() {
        let row = [&b"D\0\0\0\x12\0\x02"[..], &[0, 0, 0, 1], b"7", &[0, 0, 0, 1], &[1], &[0, 0]].concat();
        let read: Vec<_> = messages(&row, &[0, 1]).collect();
        assert_eq!(read.first(), Some(&Message::Row(vec!["7".into(), "\\x01".into()])));
        for cut in 0..row.len() {
            assert!(messages(row.get(..cut).unwrap_or_default(), &[]).count() <= 2);
        }
        assert_eq!(messages(b"D\0\0\0\0", &[]).count(), 0);
    }
}
