//! A text without its literals, for those who may know what was asked and not of what.

use super::lexer::{Kind, Lexer};

/// What stands in the place of a literal.
const LEFT_OUT: &str = "?";

/// `text` with `?` for each string and number. Where strings can't be told from the rest, as after a quote that
/// never closes, the text ends. Comments go, too.
#[must_use]
pub fn without_literals(text: &str) -> String {
    // Where backslashes count a string ends later or where it would without: what either takes for a string goes.
    let (one, other) = (spans(text, true), spans(text, false));
    if one.1 != other.1 || one.0 != other.0 {
        return cut(text, &one.0, one.1.min(other.1).min(first_difference(&one.0, &other.0)));
    }
    cut(text, &one.0, one.1)
}

/// What is left out of a text, and what of it stays: tokens that are no literals, and where reading ended.
fn spans(text: &str, conforming: bool) -> (Vec<(usize, usize, bool)>, usize) {
    let mut lexer = Lexer::new(text, conforming);
    let mut found = Vec::new();
    loop {
        match lexer.next() {
            Ok(Some(token)) => {
                let literal = matches!(token.kind, Kind::Text | Kind::Number);
                found.push((token.span.start, token.span.end, literal));
            }
            Ok(None) => return (found, text.len()),
            Err(_stop) => {
                let end = found.last().map_or(0, |(_, end, _)| *end);
                return (found, end);
            }
        }
    }
}

fn first_difference(one: &[(usize, usize, bool)], other: &[(usize, usize, bool)]) -> usize {
    let same = one.iter().zip(other).take_while(|(one, other)| one == other).count();
    same.checked_sub(1).and_then(|last| one.get(last)).map_or(0, |(_, end, _)| *end)
}

fn cut(text: &str, tokens: &[(usize, usize, bool)], end: usize) -> String {
    let mut out = String::with_capacity(text.len().min(end));
    let mut last = 0;
    for (start, stop, literal) in tokens.iter().copied().take_while(|(_, stop, _)| *stop <= end) {
        if start > last && !out.is_empty() {
            out.push(' ');
        }
        out.push_str(if literal { LEFT_OUT } else { text.get(start..stop).unwrap_or_default() });
        last = stop;
    }
    if end < text.len() {
        out.push_str(" …");
    }
    out
}

#[cfg(test)]
mod tests {
    use super::without_literals;

    #[test]
    fn literals_and_comments_go_and_all_else_stays() {
        for (text, left) in [
            ("SELECT name FROM customers WHERE email = 'ada@b.c'", "SELECT name FROM customers WHERE email = ?"),
            ("INSERT INTO t(a,\"B\") VALUES (12, $x$ada$x$, E'it\\'s', $1)", "INSERT INTO t(a,\"B\") VALUES (?, ?, ?, $1)"),
            ("SELECT 1 -- ada@b.c\n, 'x' 'y'", "SELECT ? , ? ?"),
            ("SELECT 'never ends ada", "SELECT …"),
            ("", ""),
        ] {
            assert_eq!(without_literals(text), left, "{text}");
        }
    }

    #[test]
    fn where_a_backslash_decides_neither_reading_shows_a_literal() {
        let text = "SELECT 'a\\', ada, 'b'";
        let left = without_literals(text);
        assert!(left.starts_with("SELECT") && !left.contains("ada"), "{left}");
    }
}
