//! Payment cards (ISO/IEC 7812): the issuers' ranges and lengths, and Luhn's checksum.

use super::{Candidate, DIGITS, Form, Rule, Verdict};
use crate::detect::checksum::{Digits, luhn};

pub(super) const RULES: &[Rule] = &[Rule {
    name: "payment_card",
    forms: &[Form::new(r"(?:\b|_)[1-69](?:[ -]?[0-9]){11,18}", 90, check).pass(DIGITS)],
    raise: &[
        "card",
        "credit",
        "debit",
        "cc",
        "pan",
        "visa",
        "mastercard",
        "amex",
        "american express",
        "discover",
        "diners",
        "jcb",
        "maestro",
        "payment",
        "charged",
        "kreditkarte",
        "carte",
        "tarjeta",
    ],
    lower: &[],
}];

fn check(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let start = candidate.span.start + usize::from(candidate.written().first() == Some(&b'_'));
    if candidate.before(1) == b'.' && candidate.before(2).is_ascii_digit() {
        return None;
    }
    let mut first = candidate.text.get(start..)?.iter().filter(|byte| byte.is_ascii_digit());
    if !begins(first.next()? - b'0', first.next()? - b'0') {
        return None;
    }
    let mut end = candidate.span.end;
    if ends_within(candidate, end) {
        end = shorter(candidate.text.get(start..end)?).map(|length| start + length)?;
    }
    loop {
        let written = candidate.text.get(start..end)?;
        let digits = Digits::of(written)?;
        if digits.values().len() < 12 {
            return None;
        }
        if let Some(rarity) = issued(&digits).filter(|_| luhn(digits.values())) {
            return Some(Verdict { span: start..end, score: candidate.score.saturating_sub(rarity + odd(written)) });
        }
        // What follows behind a separator may be another number.
        end = start + shorter(written)?;
    }
}

/// Whether an issuer has cards that begin with these two digits: most numbers that are none need no more.
const fn begins(first: u8, second: u8) -> bool {
    matches!((first, second), (1, 8) | (2, 1..=7) | (3, 0 | 4..=9) | (4, _) | (5, 0..=8) | (6, 0 | 2..=5 | 7) | (9, 7))
}

/// Whether the number goes on behind `end`: with a digit or letter, or with a fraction.
fn ends_within(candidate: &Candidate<'_>, end: usize) -> bool {
    let (first, second) = (candidate.behind(end, 0), candidate.behind(end, 1));
    first.is_ascii_alphanumeric() || first == b'.' && second.is_ascii_digit()
}

/// The length of `written` without its last group.
fn shorter(written: &[u8]) -> Option<usize> {
    written.iter().rposition(|byte| matches!(byte, b' ' | b'-'))
}

/// What groups that no card has take from the score.
fn odd(written: &[u8]) -> u8 {
    let mut groups = written.split(|byte| matches!(byte, b' ' | b'-')).map(<[u8]>::len);
    let (first, least) = (groups.next().unwrap_or_default(), groups.min().unwrap_or(4));
    if first >= 4 && least >= 3 { 0 } else { 35 }
}

/// Whether an issuer has cards of this beginning and length; above 0 where that says little by itself.
fn issued(digits: &Digits) -> Option<u8> {
    let length = digits.values().len();
    let (two, three, four) = (digits.number(0, 2)?, digits.number(0, 3)?, digits.number(0, 4)?);
    let among = |range: std::ops::RangeInclusive<usize>| range.contains(&length);
    let known = match (two, three, four) {
        // Visa.
        (40..=49, _, _) => matches!(length, 13 | 16 | 19),
        // Mastercard; Mir and others between.
        (51..=55, _, _) | (_, _, 2221..=2720) => length == 16,
        (_, _, 2200..=2204) => among(16..=19),
        // American Express.
        (34 | 37, _, _) => length == 15,
        // Diners Club.
        (36 | 38 | 39, _, _) | (_, 300..=305, _) | (_, _, 3095) => among(14..=19),
        // JCB; beyond 3528 to 3589 too, as test data has it.
        (35, _, _) => among(16..=19),
        (_, _, 1800 | 2131) => length == 15,
        // Discover, UnionPay, RuPay.
        (60 | 62 | 65, _, _) | (_, 644..=649, _) | (_, 508, _) => among(16..=19),
        // Troy.
        (_, _, 9792) => length == 16,
        // Maestro.
        (50 | 56..=58 | 63 | 67, _, _) => among(12..=19),
        _ => return None,
    };
    // As long as codes of articles, or longer than nearly all cards.
    let rare = !(14..=16).contains(&length);
    known.then_some(if rare { 45 } else { 0 })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn beginnings_and_lengths() {
        for (text, known) in [
            ("4111111111111111", true),
            ("4222222222222", true),
            ("411111111111111", false),
            ("378282246310005", true),
            ("3782822463100055", false),
            ("2223003122003222", true),
            ("2121003122003222", false),
            ("6011000990139424", true),
            ("9999999999999999", false),
            ("8999999999999999", false),
        ] {
            assert_eq!(issued(&Digits::of(text.as_bytes()).expect("short")).is_some(), known, "{text}");
        }
    }

    #[test]
    fn what_is_issued_begins_so() {
        for (four, length) in (0..10_000u32).flat_map(|four| (12..=19).map(move |length| (four, length))) {
            let text = format!("{four:04}{:0length$}", 0, length = length - 4);
            let [first, second, ..] = text.as_bytes() else { continue };
            let known = issued(&Digits::of(text.as_bytes()).expect("short")).is_some();
            assert!(!known || begins(first - b'0', second - b'0'), "{text}");
        }
    }

    #[test]
    fn groups() {
        for (text, cost) in [("4111 1111 1111 1111", 0), ("3782 822463 10005", 0), ("41 11111111111111", 35), ("4111 1 1111", 35)]
        {
            assert_eq!(odd(text.as_bytes()), cost, "{text}");
        }
    }
}
