//! Texts that differ in their numbers alone, and so do the same: a job that writes its keys into its
//! statements is then read once, and not for each key.
//!
//! Every number is written as so many ones, in place, so that all else stays where it is. What a
//! text was found to do holds for another only because inspection looks at no number's value but
//! whether it is 0, and because a shorter number and a longer one stay apart.

use super::lexer::{BEGINS_WORD, BLANK, IN_WORD, Kind, Lexer, end_of, is};

/// A longer text is not looked at.
const LONGEST: usize = 16 << 10;
/// Digits of a number that is an integer to PostgreSQL's scanner whatever they are.
const DIGITS: usize = 9;
/// What such a statement may begin with: in others a number may be an option.
const BEGINNINGS: [&str; 6] = ["select", "insert", "update", "delete", "with", "values"];

/// Writes to `like` what stands for `text` and for all that differ from it in numbers. None where it
/// has no number that would be another, or where that is not told.
pub fn alike<'l>(text: &str, like: &'l mut Vec<u8>) -> Option<&'l str> {
    // With a backslash, where a string ends depends on a setting.
    if text.len() > LONGEST || memchr::memchr(b'\\', text.as_bytes()).is_some() {
        return None;
    }
    like.clear();
    like.extend_from_slice(text.as_bytes());
    let others = match plainly(text.as_bytes(), like) {
        Scan::Told(others) => others,
        Scan::Untold => return None,
        Scan::NotPlain => {
            like.copy_from_slice(text.as_bytes());
            by_tokens(text, like)?
        }
    };
    if others { std::str::from_utf8(like).ok() } else { None }
}

/// What a scan came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scan {
    /// Whether it found a number.
    Told(bool),
    /// It is a statement whose numbers may be options, or it has no end.
    Untold,
    /// It has something that only the lexer tells.
    NotPlain,
}

/// Fills the numbers of a text of words, numbers, plain strings and quoted names, all that jobs mostly write: in a third of the
/// time that its tokens take. Whatever may be anything else is left to the lexer.
fn plainly(text: &[u8], like: &mut [u8]) -> Scan {
    let next = |at: usize| text.get(at).copied().unwrap_or_default();
    let (mut at, mut begins, mut others) = (0, true, false);
    while let Some(&first) = text.get(at) {
        let start = at;
        if is(first, BEGINS_WORD) {
            at = end_of(text, at, |byte| is(byte, IN_WORD));
            // `E'…'`, `U&"…"` and their kin.
            if matches!(next(at), b'\'' | b'&') && at - start == 1 {
                return Scan::NotPlain;
            }
            let word = text.get(start..at).unwrap_or_default();
            if begins && !is_beginning(word) {
                return Scan::Untold;
            }
            begins = false;
            continue;
        }
        at += 1;
        match first {
            _ if is(first, BLANK) => continue,
            b';' => {
                begins = true;
                continue;
            }
            b'0'..=b'9' => {
                at = end_of(text, at, |byte| is(byte, IN_WORD));
                let written = text.get(start..at).unwrap_or_default();
                if next(at) == b'.' || !written.iter().all(u8::is_ascii_digit) {
                    return Scan::NotPlain;
                }
                if is_plain(written) {
                    like.get_mut(start..at).unwrap_or_default().fill(b'1');
                    others = true;
                }
            }
            b'\'' | b'"' => {
                // Two of them are one of its own, and the lexer has its view of a string that goes on behind a new line.
                let Some(length) = memchr::memchr(first, text.get(at..).unwrap_or_default()) else { return Scan::NotPlain };
                at += length + 1;
                if next(at) == first || (first == b'\'' && is_continued(text, at)) {
                    return Scan::NotPlain;
                }
            }
            b'-' if next(at) == b'-' => return Scan::NotPlain,
            b'/' if next(at) == b'*' => return Scan::NotPlain,
            b'$' => return Scan::NotPlain,
            b'.' if next(at).is_ascii_digit() => return Scan::NotPlain,
            _ => {}
        }
        if begins {
            return Scan::Untold;
        }
    }
    Scan::Told(others)
}

/// Whether a string may go on behind `at`: there are blanks, and a quote or a comment behind them.
fn is_continued(text: &[u8], at: usize) -> bool {
    let behind = end_of(text, at, |byte| is(byte, BLANK));
    behind > at && matches!(text.get(behind), Some(b'\'' | b'-'))
}

/// The same for any text.
fn by_tokens(text: &str, like: &mut [u8]) -> Option<bool> {
    let (mut begins, mut others) = (true, false);
    let mut lexer = Lexer::new(text, true);
    while let Some(token) = lexer.next().ok()? {
        let written = text.get(token.span.clone())?;
        if std::mem::replace(&mut begins, token.kind == Kind::Symbol(b';')) && !begins && !is_beginning(written.as_bytes()) {
            return None;
        }
        if token.kind == Kind::Number && is_plain(written.as_bytes()) {
            like.get_mut(token.span)?.fill(b'1');
            others = true;
        }
    }
    Some(others)
}

/// Whether a statement may begin with it whose numbers are no options.
fn is_beginning(word: &[u8]) -> bool {
    BEGINNINGS.iter().any(|beginning| word.eq_ignore_ascii_case(beginning.as_bytes()))
}

/// An integer but 0.
fn is_plain(written: &[u8]) -> bool {
    let digits = written.iter().all(u8::is_ascii_digit);
    digits && written.len() <= DIGITS && written.iter().any(|byte| *byte != b'0')
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inspect::Inspection;
    use crate::inspect::postgres::{Bounds, Reading, inspect};
    use proptest::prelude::*;

    fn check(text: &str, expected: Option<&str>) {
        assert_eq!(alike(text, &mut vec![b'x'; 3]), expected, "{text}");
    }

    #[test]
    fn numbers_become_ones_and_nothing_else_does() {
        check("SELECT a FROM t WHERE id = 4711", Some("SELECT a FROM t WHERE id = 1111"));
        check("select 5, '5', \"a5\", a5, $5, -5, 0, 00, 007", Some("select 1, '5', \"a5\", a5, $5, -1, 0, 00, 111"));
        check("SELECT 5 -- 5\n/* 5 */ + 25", Some("SELECT 1 -- 5\n/* 5 */ + 11"));
        check("SELECT 1.5, .5, 5., 1e5, 0x5, 1_5, 1234567890", None);
        check("SELECT 123456789, 1234567890", Some("SELECT 111111111, 1234567890"));
        check("UPDATE t SET a = 2;; delete from t where b = 3;", Some("UPDATE t SET a = 1;; delete from t where b = 1;"));
        check("SELECT 5; EXPLAIN (ANALYZE 5) DELETE FROM t", None);
        check("EXPLAIN (ANALYZE 5) DELETE FROM t", None);
        check("SET statement_timeout = 5", None);
        check("SELECT 'a\\', 5", None);
        check("SELECT 'a, 5", None);
        check("SELECT a", None);
        check("", None);
    }

    /// Statements in which `#` is a number.
    const STATEMENTS: [&str; 18] = [
        "SELECT a, # FROM t WHERE b = # AND c IN (#, #, 'x') LIMIT # OFFSET #",
        "SELECT * FROM t FETCH FIRST # ROWS ONLY",
        "SELECT nextval('s'), f(#, 'x'), a[#], a[#:#] FROM s.t GROUP BY # ORDER BY #",
        "INSERT INTO t (a, b) VALUES (#, -#), (#, #) ON CONFLICT (a) DO UPDATE SET b = # WHERE t.a > # RETURNING #",
        "UPDATE t SET a = #",
        "UPDATE t SET a = # WHERE # = #",
        "UPDATE t SET a[#] = # FROM u WHERE t.id = u.id AND u.n < #",
        "DELETE FROM t WHERE id = #; DELETE FROM u WHERE # = id",
        "WITH RECURSIVE r AS (SELECT # AS a UNION ALL SELECT a + # FROM r WHERE a < #) DELETE FROM t USING r WHERE t.a = r.a",
        "SELECT CAST(a AS numeric(#, #)), b::varchar(#), float(24) '#', interval '1' day, a::float(#) FROM t",
        "SELECT pg_terminate_backend(#), lo_unlink(#), pg_sleep(#)",
        "SELECT set_config('a', 'b', false), current_setting('#'), #::text::regclass, '#'::regclass",
        "SELECT extract(year FROM d), substring(a FROM # FOR #), overlay(a PLACING b FROM #) FROM t TABLESAMPLE system (#)",
        "SELECT sum(a) OVER (ROWS BETWEEN # PRECEDING AND # FOLLOWING) FROM t",
        "VALUES (#, #), (#, #)",
        "SELECT a FROM t1, t2 AS \"#\" (b, c) WHERE NOT EXISTS (SELECT # FROM u FOR UPDATE)",
        "SELECT # INTO u FROM t",
        "SELECT x#, $1, 1.# FROM t WHERE a = #",
    ];

    /// What a text may be made of.
    const PIECES: [&str; 40] = [
        "select",
        " ",
        " ",
        ";",
        "1",
        "23",
        "0",
        "007",
        "1234567890",
        "1.5",
        ".5",
        "1e5",
        "0x1F",
        "1_0",
        "a",
        "a1",
        "é",
        "E'",
        "u&\"",
        "'",
        "'x'",
        "''",
        "'a'\n'b'",
        "'a' -- 5\n'5'",
        "\"q5\"",
        "\"",
        "$1",
        "$$",
        "$t$",
        "--",
        "\n",
        "/*",
        "*/",
        "-",
        "+",
        "..",
        "(",
        ",",
        "update ",
        "set ",
    ];

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(20_000))]
        /// The shorter way comes to the same as the lexer does.
        #[test]
        fn plain_texts_are_scanned_as_their_tokens_say(pieces in prop::collection::vec(0usize..PIECES.len(), 0..14), select in any::<bool>()) {
            let text: String = pieces.iter().map(|piece| PIECES[*piece]).collect();
            let text = if select { format!("select {text}") } else { text };
            let (mut plain, mut whole) = (text.clone().into_bytes(), text.clone().into_bytes());
            let tokens = by_tokens(&text, &mut whole);
            match plainly(text.as_bytes(), &mut plain) {
                Scan::Told(others) => prop_assert_eq!((Some(others), plain), (tokens, whole), "{}", text),
                Scan::Untold => prop_assert_eq!(tokens, None, "{}", text),
                Scan::NotPlain => {}
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(400))]
        /// What is found for all is found for each.
        #[test]
        fn texts_that_are_alike_do_the_same(
            statement in 0usize..STATEMENTS.len(),
            numbers in prop::collection::vec(prop_oneof![3 => 0u64..30, 2 => 0u64..1_000_000_000, 1 => 0u64..20_000_000_000], 1..8),
        ) {
            let mut next = numbers.iter().cycle();
            let number = |letter| if letter == '#' { next.next().unwrap().to_string() } else { String::from(letter) };
            let text: String = STATEMENTS[statement].chars().map(number).collect();
            let mut like = Vec::new();
            let Some(like) = alike(&text, &mut like) else { return Ok(()) };
            prop_assert_eq!(like.len(), text.len());
            let of = |text: &str| inspect(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default());
            let found = of(like);
            let understood = |found: &Inspection| found.statements.iter().all(|statement| statement.facts.unparsed.is_none());
            let own = of(&text);
            // A precision is right or wrong by its value: a wrong one the server refuses by itself.
            prop_assert!(understood(&found) && understood(&own) || text.contains("float("), "{:?} {:?}", found, own);
            if understood(&found) && understood(&own) {
                prop_assert_eq!(found, own, "{}", text);
            }
        }
    }
}
