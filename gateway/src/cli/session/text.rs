//! Recorded text made safe to print: it was written by whoever wanted to.

use std::fmt::Write;

/// Text on one line: everything that a terminal would obey, and line feeds, spelled out.
pub(in crate::cli) fn line(bytes: &[u8]) -> String {
    escape(bytes, false)
}

/// Text that may have lines: the same, but for line feeds and tabs.
pub(in crate::cli) fn lines(bytes: &[u8]) -> String {
    escape(bytes, true)
}

/// Bytes as Postgres writes them: `\x0a1b`.
pub(in crate::cli) fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold("\\x".to_owned(), |mut text, byte| {
        // Writing to a string can't fail.
        let _written = write!(text, "{byte:02x}").is_ok();
        text
    })
}

/// JSON's own escapes leave U+007F and above: those that a terminal obeys become `\u` ones.
pub(in crate::cli) fn json(text: &str) -> String {
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

/// A statement without the passwords that it sets: `PASSWORD '…'`.
pub(in crate::cli) fn without_passwords(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = find_password(rest) {
        let (before, literal) = rest.split_at(at);
        safe.push_str(before);
        safe.push_str("'***'");
        rest = behind_literal(literal);
    }
    safe.push_str(rest);
    safe
}

/// Where the string literal behind the next `PASSWORD` begins.
fn find_password(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let mut from = 0;
    while let Some(at) = lower.get(from..)?.find("password") {
        let behind = from + at + "password".len();
        let rest = lower.get(behind..)?;
        let literal = rest.trim_start_matches(|letter: char| letter.is_whitespace() || letter == '=' || letter == '(');
        let prefix = literal.strip_prefix('e').or_else(|| literal.strip_prefix("u&")).unwrap_or(literal);
        if prefix.starts_with('\'') || literal.starts_with('$') && !literal.get(1..2).is_some_and(|next| next.starts_with(|digit: char| digit.is_ascii_digit())) {
            return Some(behind + rest.len() - literal.len());
        }
        from = behind;
    }
    None
}

/// What follows a literal; nothing where its end is not found, so that no part of it is shown.
fn behind_literal(text: &str) -> &str {
    if let Some(rest) = text.strip_prefix('$') {
        let tag = rest.find('$').map(|end| text.get(..end + 2).unwrap_or_default());
        return tag.and_then(|tag| text.get(tag.len()..)?.split_once(tag)).map_or("", |(_, behind)| behind);
    }
    let Some((_, mut rest)) = text.split_once('\'') else { return "" };
    // Under `standard_conforming_strings = off` a backslash escapes in any literal: hide the longer.
    while let Some(at) = rest.find(['\'', '\\']) {
        let behind = rest.get(at..).unwrap_or_default();
        let skip = if behind.starts_with('\\') || behind.starts_with("''") { 2 } else { 1 };
        let next = behind.char_indices().nth(skip).map_or("", |(next, _)| behind.get(next..).unwrap_or_default());
        if skip == 1 {
            return next;
        }
        rest = next;
    }
    ""
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
        assert_eq!(hex(&[1, 255]), "\\x01ff");
    }

    #[test]
    fn passwords_in_statements_are_not_shown() {
        for (text, shown) in [
            ("ALTER ROLE a PASSWORD 'x''y' VALID", "ALTER ROLE a PASSWORD '***' VALID"),
            ("create user a password\nE'x\\'y';", "create user a password\n'***';"),
            ("SELECT password FROM t", "SELECT password FROM t"),
            ("PASSWORD 'never ends", "PASSWORD '***'"),
            ("PASSWORD $a$x'y$a$ b", "PASSWORD '***' b"),
            ("WHERE password = 'x' AND password = $1", "WHERE password = '***' AND password = $1"),
            ("ALTER ROLE é PASSWORD 'é'", "ALTER ROLE é PASSWORD '***'"),
        ] {
            assert_eq!(without_passwords(text), shown);
        }
    }
}
