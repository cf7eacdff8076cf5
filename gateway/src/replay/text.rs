//! Recorded text made safe to print: it was written by whoever wanted to.

use base64::prelude::{BASE64_STANDARD, Engine as _};
use serde_json::{Map, Value, json};
use std::fmt::Write;

/// Text on one line: everything that a terminal would obey, and line feeds, spelled out.
pub fn line(bytes: &[u8]) -> String {
    escape(bytes, false)
}

/// Text that may have lines: the same, but for line feeds and tabs.
pub fn lines(bytes: &[u8]) -> String {
    escape(bytes, true)
}

/// Bytes as Postgres writes them: `\x0a1b`.
pub fn hex(bytes: &[u8]) -> String {
    format!("\\x{}", gateway_core::hex::hex(bytes))
}

/// Bytes in JSON: text where they are UTF-8, else `{"base64": "…"}`.
pub fn value(bytes: &[u8]) -> Value {
    std::str::from_utf8(bytes).map_or_else(|_| base64(bytes), Value::from)
}

/// Bytes in JSON that are no text, whatever they may look like.
pub fn base64(bytes: &[u8]) -> Value {
    json!({ "base64": BASE64_STANDARD.encode(bytes) })
}

/// The fields of a JSON object as names and values that print, those of objects within it by `outer.inner`; nulls and empty
/// lists are left out.
pub fn fields(object: &Map<String, Value>) -> Vec<(String, String)> {
    let mut all = Vec::new();
    for (name, value) in object {
        let name = line(name.as_bytes());
        match value {
            Value::Null => {}
            Value::Array(values) if values.is_empty() => {}
            Value::Object(inner) => {
                all.extend(fields(inner).into_iter().map(|(inner, value)| (format!("{name}.{inner}"), value)))
            }
            Value::String(text) => all.push((name, line(text.as_bytes()))),
            Value::Array(values) if let Some(names) = names(values) => all.push((name, names)),
            Value::Bool(_) | Value::Number(_) | Value::Array(_) => all.push((name, line(value.to_string().as_bytes()))),
        }
    }
    all
}

/// A list of names, each without anything that could be taken for the list's own commas.
fn names(values: &[Value]) -> Option<String> {
    let name = |value: &Value| value.as_str().filter(|name| !name.contains([' ', ','])).map(|name| line(name.as_bytes()));
    values.iter().map(name).collect::<Option<Vec<_>>>().map(|names| names.join(", "))
}

/// JSON's own escapes leave U+007F and above: those that a terminal obeys become `\u` ones.
pub fn json(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if obeyed(letter) && letter != '\n' {
            let mut units = [0; 2];
            for unit in letter.encode_utf16(&mut units) {
                let _written = write!(safe, "\\u{unit:04x}").is_ok();
            }
        } else {
            safe.push(letter);
        }
    }
    safe
}

fn escape(bytes: &[u8], multiline: bool) -> String {
    let mut safe = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '\n' | '\t' if multiline => safe.push(letter),
                '\n' => safe.push_str("\\n"),
                '\t' => safe.push_str("\\t"),
                '\r' => safe.push_str("\\r"),
                _ if obeyed(letter) => {
                    let _written = write!(safe, "\\u{{{:x}}}", u32::from(letter)).is_ok();
                }
                _ => safe.push(letter),
            }
        }
        for byte in chunk.invalid() {
            let _written = write!(safe, "\\x{byte:02x}").is_ok();
        }
    }
    safe
}

/// Whether a terminal would do something else than show this character where it stands.
fn obeyed(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{61c}' | '\u{e0000}'..='\u{e007f}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_a_terminal_obeys_comes_through() {
        assert_eq!(line(b"a\x1b[2Jb\nc\xff\xc2\x9b"), "a\\u{1b}[2Jb\\nc\\xff\\u{9b}");
        assert_eq!(lines("x\ny\u{202e}z".as_bytes()), "x\ny\\u{202e}z");
        assert_eq!(json("\u{9b}é\n"), "\\u009bé\n");
        assert_eq!((value("é".as_bytes()), value(b"\xff")), (json!("é"), json!({ "base64": "/w==" })));
        let Value::Object(object) =
            json!({ "a\u{1b}": { "b": "c\nd" }, "e": null, "f": [], "g": 1.5, "h": ["x", "y"], "i": ["z z"] })
        else {
            panic!("an object")
        };
        let told = [("a\\u{1b}.b", "c\\nd"), ("g", "1.5"), ("h", "x, y"), ("i", "[\"z z\"]")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        assert_eq!(fields(&object), told);
        assert_eq!(hex(&[1, 255]), "\\x01ff");
    }
}
