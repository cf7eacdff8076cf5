//! Secrets that nothing but the word before them tells: `password=…`, `"api_key": "…"`, `Authorization: Bearer …`.

use super::{Candidate, Form, Rule, Tail, Verdict};

/// Up to what ends a value that stands without quotes.
const fn bare(byte: u8) -> bool {
    !matches!(byte, b' ' | b'\t' | b'\r' | b'\n' | b'"' | b'\'' | b'`' | b',' | b';' | b'&' | b'<' | b'>')
}

/// Up to the closing quote.
const fn quoted(byte: u8) -> bool {
    !matches!(byte, b'"' | b'\'' | b'`' | b'\n')
}

const fn credential(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'~' | b'+' | b'/' | b'=' | b'-')
}

/// The word, what stands around it, and what says that a value follows.
macro_rules! behind_word {
    ($separator:literal, $value:literal) => {
        concat!(
            r"(?i)(?:passw(?:or)?d|pwd|passphrase|passcode|passwort|contrase(?:n|\xc3\xb1)a|mot de passe|secret|token|api[ _-]?key|access[ _-]?key|",
            r"(?:secret|private|encryption|signing|account|auth)[ _-]?key|client[ _-]?secret|auth|credentials?)",
            r#"["'\]]{0,2}"#,
            $separator,
            $value
        )
    };
}

pub(super) const RULES: &[Rule] = &[Rule {
    name: "secret",
    forms: &[
        Form::with_tail(
            behind_word!(r#"[ \t]{0,2}(?:=>|:=|=|:)[ \t]{0,2}\\?["'`]"#, r#"[^"'`\n\\]{4,64}"#),
            80,
            in_quotes,
            Tail::While(quoted),
        ),
        Form::with_tail(
            behind_word!(r"[ \t]{0,2}(?:=>|:=|=|:)[ \t]{0,2}", r#"[^\s"'`,;&<>]{4,64}"#),
            75,
            after_sign,
            Tail::While(bare),
        ),
        Form::with_tail(
            behind_word!(r"[ \t](?:is|was|set to)[ \t:]{1,2}", r#"[^\s"'`,;&<>]{6,64}"#),
            70,
            after_word,
            Tail::While(bare),
        ),
        Form::with_tail(r"(?i)\b(?:bearer|basic)[ \t]{1,2}[A-Za-z0-9._~+/-]{16,64}", 80, scheme, Tail::While(credential)),
    ],
    raise: &[],
    lower: &[],
}];

/// A word that names passwords, which may be weak; other secrets are made by machines.
fn names_password(head: &[u8]) -> bool {
    [&b"pass"[..], b"pwd", b"contras", b"mot de"]
        .iter()
        .any(|word| head.get(..word.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(word)))
}

fn in_quotes(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let start = written.iter().rposition(|byte| matches!(byte, b'"' | b'\'' | b'`'))? + 1;
    let value = written.get(start..)?;
    let likely = if names_password(written) { !is_placeholder(value) } else { is_random(value) };
    from(candidate, start, likely)
}

fn after_sign(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let sign = written.iter().position(|byte| matches!(byte, b'=' | b':'))?;
    let behind = written.get(sign + 1..)?;
    let start = sign + 1 + behind.iter().position(|byte| !matches!(byte, b'=' | b'>' | b' ' | b'\t'))?;
    let value = written.get(start..)?;
    let assigned = written.get(sign) == Some(&b'=');
    let likely =
        if names_password(written) { !is_placeholder(value) && (assigned || kinds(value) > 1) } else { is_random(value) };
    from(candidate, start, likely)
}

fn after_word(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let start = written.iter().rposition(|byte| matches!(byte, b' ' | b'\t' | b':'))? + 1;
    let value = written.get(start..)?;
    let mixed = value.iter().any(u8::is_ascii_digit) && kinds(value) > 1;
    let likely = if names_password(written) { !is_placeholder(value) && mixed } else { is_random(value) };
    from(candidate, start, likely)
}

fn scheme(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let start = written.iter().rposition(|byte| matches!(byte, b' ' | b'\t'))? + 1;
    from(candidate, start, is_random(written.get(start..)?))
}

fn from(candidate: &Candidate<'_>, start: usize, likely: bool) -> Option<Verdict> {
    likely.then_some(Verdict { span: candidate.span.start + start..candidate.span.end, score: candidate.score })
}

/// What stands where a secret would: stars, a variable, what weir itself puts there.
fn is_placeholder(value: &[u8]) -> bool {
    const WORDS: [&[u8]; 9] = [b"null", b"none", b"true", b"false", b"undefined", b"redacted", b"masked", b"required", b"empty"];
    let word = value.trim_ascii_end();
    value.first().is_some_and(|first| b"$[{(<%*".contains(first))
        || value.windows(2).all(|pair| pair.first() == pair.last())
        || WORDS.iter().any(|known| word.eq_ignore_ascii_case(known))
}

/// Whether it looks as a machine made it: long, of letters and digits, and no few of them again and again.
fn is_random(value: &[u8]) -> bool {
    let letters = value.iter().any(u8::is_ascii_alphabetic);
    let digits = value.iter().filter(|byte| byte.is_ascii_digit()).count();
    !is_placeholder(value) && value.len() >= 8 && letters && digits > 1 && entropy(value) >= 2.75
}

/// How many of small letters, capitals, digits and all else there are.
fn kinds(value: &[u8]) -> usize {
    let kinds: [fn(&u8) -> bool; 4] =
        [u8::is_ascii_lowercase, u8::is_ascii_uppercase, u8::is_ascii_digit, |byte| !byte.is_ascii_alphanumeric()];
    kinds.iter().filter(|kind| value.iter().any(**kind)).count()
}

/// Shannon's entropy in bits a byte.
fn entropy(value: &[u8]) -> f64 {
    let mut counts = [0u8; 256];
    for byte in value {
        if let Some(count) = counts.get_mut(usize::from(*byte)) {
            *count = count.saturating_add(1);
        }
    }
    let length = value.len() as f64;
    counts.iter().filter(|count| **count > 0).map(|count| f64::from(*count) / length).map(|share| -share * share.log2()).sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_looks_random_and_what_does_not() {
        for (value, random) in [
            ("f3a9c1d27be04458", true),
            ("Zk7-9qLm2Xp4", true),
            ("expired-today", false),
            ("2026-11-29", false),
            ("aaaa1111aaaa1111", false),
            ("${API_KEY_2_LONG}", false),
            ("[api_key]", false),
            ("short1", false),
        ] {
            assert_eq!(is_random(value.as_bytes()), random, "{value}");
        }
        assert!(is_placeholder(b"********") && is_placeholder(b"NULL") && !is_placeholder(b"hunter2"));
    }
}
