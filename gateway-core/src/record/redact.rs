//! Keeps passwords that a statement sets out of the plain record: `PASSWORD '…'` becomes `PASSWORD '***'`.

const KEYWORD: &[u8] = b"password";
const MASK: &[u8] = b"'***'";

/// Appends `text` to `out` without the string literals that stand behind `PASSWORD`.
pub fn without_passwords(mut text: &[u8], out: &mut Vec<u8>) {
    while let Some((start, end)) = literal(text) {
        out.extend_from_slice(text.get(..start).unwrap_or_default());
        out.extend_from_slice(MASK);
        text = text.get(end..).unwrap_or_default();
    }
    out.extend_from_slice(text);
}

/// Where the next literal behind the keyword begins and ends; one that does not end goes to the text's end.
fn literal(text: &[u8]) -> Option<(usize, usize)> {
    let mut from = 0;
    loop {
        let behind = from + keyword(text.get(from..)?)? + KEYWORD.len();
        if let Some(start) = opening(text, behind) {
            return Some((start, closing(text, start)));
        }
        from = behind;
    }
}

fn keyword(text: &[u8]) -> Option<usize> {
    // The first letter is looked for alone: most statements have few of it, and no password.
    let mut from = 0;
    loop {
        let at = from + text.get(from..)?.iter().position(|byte| byte | 0x20 == b'p')?;
        if text.get(at..at + KEYWORD.len())?.eq_ignore_ascii_case(KEYWORD) {
            return Some(at);
        }
        from = at + 1;
    }
}

/// Where a literal begins at `at`, behind space, a prefix (`E`, `U&`, `N`) or an equals sign.
fn opening(text: &[u8], at: usize) -> Option<usize> {
    let rest = text.get(at..)?;
    let blank = rest.iter().take_while(|byte| byte.is_ascii_whitespace() || **byte == b'=').count();
    let behind = rest.get(blank..)?;
    let prefix = match behind {
        [b'\'' | b'$', ..] => 0,
        [b'e' | b'E' | b'n' | b'N', b'\'', ..] => 1,
        [b'u' | b'U', b'&', b'\'', ..] => 2,
        _ => return None,
    };
    Some(at + blank + prefix)
}

/// The end of the literal that begins at `start`. A backslash hides the quote behind it: where the
/// server would read it otherwise, more is hidden than has to be, and never less.
fn closing(text: &[u8], start: usize) -> usize {
    let Some(rest) = text.get(start..) else { return text.len() };
    if rest.first() == Some(&b'$') {
        let Some(tag) = rest.iter().skip(1).position(|byte| *byte == b'$') else { return text.len() };
        let quote = rest.get(..tag + 2).unwrap_or_default();
        let body = rest.get(quote.len()..).unwrap_or_default();
        let end = body.windows(quote.len()).position(|window| window == quote);
        return end.map_or(text.len(), |end| start + quote.len() + end + quote.len());
    }
    let mut at = 1;
    while let Some(byte) = rest.get(at) {
        match (byte, rest.get(at + 1)) {
            (b'\\', Some(_)) | (b'\'', Some(b'\'')) => at += 2,
            (b'\'', _) => return start + at + 1,
            _ => at += 1,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_are_hidden_and_nothing_else_is() {
        for (text, recorded) in [
            ("SELECT password FROM people", "SELECT password FROM people"),
            ("ALTER ROLE a PASSWORD 'x''y' VALID", "ALTER ROLE a PASSWORD '***' VALID"),
            ("create user a password\nE'x\\'y';", "create user a password\nE'***';"),
            ("ALTER ROLE a PASSWORD $q$se'cret$q$ LOGIN", "ALTER ROLE a PASSWORD '***' LOGIN"),
            ("PASSWORD 'one'; PASSWORD U&'two'", "PASSWORD '***'; PASSWORD U&'***'"),
            (
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (password 'x')",
                "CREATE USER MAPPING FOR a SERVER s OPTIONS (password '***')",
            ),
            ("ALTER ROLE a PASSWORD 'never ends", "ALTER ROLE a PASSWORD '***'"),
            ("pass", "pass"),
        ] {
            let mut out = Vec::new();
            without_passwords(text.as_bytes(), &mut out);
            assert_eq!(String::from_utf8_lossy(&out), recorded);
        }
    }
}
