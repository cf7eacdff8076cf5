//! Recorded Postgres values as people and machines read them.

use super::text;
use gateway_core::protocol::postgres::recorded::Value;
pub use gateway_core::protocol::postgres::recorded::{Message, messages, parameters};
use serde_json::{Value as Json, json};

/// How a value is shown.
pub trait Shown {
    /// As SQL would write it; a cut one ends with `…`.
    fn literal(self) -> String;

    /// As a column of a result is shown.
    fn plain(self) -> String;

    /// As `weir session play --format json` has it: null, text, or an object.
    fn json(self) -> Json;
}

impl Shown for Value<'_> {
    fn literal(self) -> String {
        match self {
            Self::Null => "NULL".to_owned(),
            Self::Lost => "… (cut: not recorded)".to_owned(),
            Self::Bytes { bytes, length, format } => {
                let value = if format == Some(1) { text::hex(bytes) } else { quoted(bytes) };
                if self.is_cut() { format!("{value}… (cut: {} of {length} bytes recorded)", bytes.len()) } else { value }
            }
        }
    }

    fn plain(self) -> String {
        match self {
            Self::Bytes { bytes, format, .. } => plain(bytes, format),
            Self::Null | Self::Lost => self.literal(),
        }
    }

    fn json(self) -> Json {
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

/// A value whose format may not be known: text where it reads as such.
pub fn plain(bytes: &[u8], format: Option<u16>) -> String {
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
