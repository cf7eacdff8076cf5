//! Recorded Postgres messages taken apart: parameters of Bind, RowDescription, DataRow. As text and as JSON.
//!
//! Numbers are big-endian (PostgreSQL documentation, "Message Formats").

use super::text;
use serde_json::{Value as Json, json};

/// What a Parameters frame holds: the values, and the formats asked for of the result.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Parameters<'a> {
    pub(super) values: Vec<Value<'a>>,
    /// The result's format codes, where they were recorded.
    pub(super) formats: Vec<u16>,
}

/// One parameter, or one column of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Null,
    Bytes {
        /// As much as was recorded.
        bytes: &'a [u8],
        /// How many there were.
        length: usize,
        /// 1 is binary; none where it isn't known.
        format: Option<u16>,
    },
    /// The record was cut before it; the ones behind it are not known either.
    Lost,
}

/// Takes Bind's body apart, from its format codes on; as much as there is of it.
pub(super) fn parameters(body: &[u8]) -> Parameters<'_> {
    let mut input = Input(body);
    let mut read = Parameters::default();
    let Some(formats) = input.formats() else { return read };
    let count = input.short().unwrap_or_default();
    for number in 0..usize::from(count) {
        let Some(value) = input.value(format_of(&formats, number)) else {
            read.values.push(Value::Lost);
            return read;
        };
        read.values.push(value);
        if value.is_cut() {
            return read;
        }
    }
    read.formats = input.formats().unwrap_or_default();
    read
}

impl Value<'_> {
    const fn is_cut(self) -> bool {
        matches!(self, Self::Bytes { bytes, length, .. } if bytes.len() < length)
    }

    /// As SQL would write it; a cut one ends with `…`.
    pub(super) fn literal(self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Lost => "… (cut: not recorded)".to_owned(),
            Self::Bytes { bytes, length, format } => {
                let value = if format == Some(1) { text::hex(bytes) } else { quoted(bytes) };
                if self.is_cut() { format!("{value}… (cut: {} of {length} bytes recorded)", bytes.len()) } else { value }
            }
        }
    }

    /// As a column of a result is shown.
    pub(super) fn plain(self) -> String {
        match self {
            Self::Bytes { bytes, format, .. } => plain(bytes, format),
            Self::Null | Self::Lost => self.literal(),
        }
    }

    /// As `weir session play --format json` has it: null, text, or an object.
    pub(super) fn json(self) -> Json {
        match self {
            Self::Null => Json::Null,
            Self::Lost => json!({ "cut": true }),
            Self::Bytes { bytes, length, format } => {
                let told = if format == Some(1) { text::base64(bytes) } else { text::value(bytes) };
                match told {
                    told if !self.is_cut() => told,
                    Json::Object(mut fields) => {
                        fields.extend([("cut".to_owned(), json!(true)), ("length".to_owned(), json!(length))]);
                        Json::Object(fields)
                    }
                    told => json!({ "text": told, "cut": true, "length": length }),
                }
            }
        }
    }
}

/// One message of a result.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Message<'a> {
    /// The columns' names.
    Columns(Vec<&'a [u8]>),
    /// A row's values.
    Row(Vec<Value<'a>>),
    /// A line, or a part, of COPY.
    Copy(&'a [u8]),
    /// Another one: its type and length.
    Other(char, usize),
}

/// The messages of a Rows frame. `formats` are those that Bind asked for.
pub(super) fn messages<'a>(body: &'a [u8], formats: &'a [u16]) -> impl Iterator<Item = Message<'a>> + 'a {
    let mut input = Input(body);
    std::iter::from_fn(move || {
        let kind = *input.take(1).first()?;
        let length = usize::try_from(input.long()?.checked_sub(4)?).ok()?;
        let mut content = Input(input.take(length.min(input.0.len())));
        Some(match kind {
            b'T' => Message::Columns(content.columns().unwrap_or_default()),
            b'D' => Message::Row(content.row(formats)),
            b'd' => Message::Copy(content.0),
            _ => Message::Other(char::from(kind), length),
        })
    })
}

/// A value whose format may not be known: text where it reads as such.
pub(super) fn plain(bytes: &[u8], format: Option<u16>) -> String {
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

fn quoted(bytes: &[u8]) -> String {
    format!("'{}'", text::line(bytes).replace('\'', "''"))
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

    /// A value behind its length, which is negative for NULL.
    fn value(&mut self, format: Option<u16>) -> Option<Value<'a>> {
        let Ok(length) = usize::try_from(self.long()?) else { return Some(Value::Null) };
        Some(Value::Bytes { bytes: self.take(length.min(self.0.len())), length, format })
    }

    fn columns(&mut self) -> Option<Vec<&'a [u8]>> {
        let count = self.short()?;
        let mut columns = Vec::new();
        for _ in 0..count {
            let end = self.0.iter().position(|&byte| byte == 0)?;
            columns.push(self.take(end));
            // The zero, then table, column, type, length, modifier, format.
            self.take(1 + 18);
        }
        Some(columns)
    }

    /// Without Bind's own codes the format isn't known: a simple query's is text, and reads as it.
    fn row(&mut self, formats: &[u16]) -> Vec<Value<'a>> {
        let count = self.short().unwrap_or_default();
        let format = |number| if formats.is_empty() { None } else { format_of(formats, number) };
        (0..usize::from(count)).map_while(|number| self.value(format(number))).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_read_back_and_a_cut_one_says_so() {
        let body =
            [&[0, 2, 0, 0, 0, 1][..], &[0, 3], &[0, 0, 0, 2], b"a'", &[0, 0, 0, 1], &[9], &[255; 4], &[0, 1, 0, 1]].concat();
        for (length, literals, values, formats) in [
            (body.len(), &["'a'''", "\\x09", "NULL"][..], json!(["a'", { "base64": "CQ==" }, null]), &[1][..]),
            (13, &["'a'… (cut: 1 of 2 bytes recorded)"], json!([{ "text": "a", "cut": true, "length": 2 }]), &[]),
            (15, &["'a'''", "… (cut: not recorded)"], json!(["a'", { "cut": true }]), &[]),
            (0, &[], json!([]), &[]),
        ] {
            let read = parameters(body.get(..length).unwrap());
            assert_eq!(read.values.iter().map(|value| value.literal()).collect::<Vec<_>>(), literals, "{length}");
            assert_eq!(Json::from_iter(read.values.iter().map(|value| value.json())), values, "{length}");
            assert_eq!(read.formats, formats, "{length}");
        }
    }

    #[test]
    fn rows_read_back_and_any_bytes_do_no_harm() {
        let row = [&b"D\0\0\0\x12\0\x02"[..], &[0, 0, 0, 1], b"7", &[0, 0, 0, 1], &[1], &[0, 0]].concat();
        for (formats, values) in [(&[0, 1][..], json!(["7", { "base64": "AQ==" }])), (&[], json!(["7", "\u{1}"]))] {
            let Some(Message::Row(read)) = messages(&row, formats).next() else { panic!("a row") };
            assert_eq!(read.iter().map(|value| value.plain()).collect::<Vec<_>>(), ["7", "\\x01"]);
            assert_eq!(Json::from_iter(read.iter().map(|value| value.json())), values);
        }
        for cut in 0..row.len() {
            assert!(messages(row.get(..cut).unwrap_or_default(), &[]).count() <= 2);
        }
        assert_eq!(messages(b"D\0\0\0\0", &[]).count(), 0);
    }
}
