//! Dates of birth: a date right behind a word that says so.

use super::{Candidate, Digits, Form, Rule, Verdict};
use crate::detect::checksum::is_day;

/// The words, and what stands between them and the date: no digit.
macro_rules! behind_words {
    ($between:literal, $date:literal) => {
        concat!(
            r"(?i)(?:(?:\b|_)d\.?o\.?b(?:\b|_)|birth|\bborn\b|\bgeb(?:oren|urtsdatum|\.)|naissance|\bn(?:e|\xc3\xa9)e? le|nacimiento|nascita|nascimento)",
            $between,
            $date
        )
    };
}

/// What all forms have in common.
const BIRTH: &str = behind_words!(r"[^0-9\n]*", r"[0-9][0-9a-z\x80-\xff,./ -]*");

pub(super) const RULES: &[Rule] = &[Rule {
    name: "date_of_birth",
    forms: &[
        Form::new(
            behind_words!(
                r"[^0-9\n]{0,32}",
                r"\b(?:[0-9]{4}[-/.][0-9]{1,2}[-/.][0-9]{1,2}|[0-9]{1,2}[-/. ][0-9]{1,2}[-/. ](?:[0-9]{4}|[0-9]{2})|(?:19|20)[0-9]{6})\b"
            ),
            80,
            numbers,
        )
        .pass(BIRTH),
        Form::new(
            behind_words!(r"[^0-9\n]{0,32}", r"\b[0-9]{1,2}(?:st|nd|rd|th|\.)?[ -](?:of )?[a-z\x80-\xff]{3,10}[.,]{0,2}[ -][0-9]{4}\b"),
            80,
            day_first,
        )
        .pass(BIRTH),
        Form::new(behind_words!(r"[^0-9\n]{0,32}", r"\b[0-9]{1,2}(?:st|nd|rd|th)?,? [0-9]{4}\b"), 80, month_first).pass(BIRTH),
    ],
    raise: &[],
    lower: &[],
}];

/// Beginnings of months in English, German, French, Spanish, Italian and Portuguese.
const MONTHS: [&[u8]; 30] = [
    b"jan",
    b"feb",
    b"mar",
    b"apr",
    b"may",
    b"jun",
    b"jul",
    b"aug",
    b"sep",
    b"oct",
    b"nov",
    b"dec",
    b"m\xc3\xa4r",
    b"mai",
    b"okt",
    b"dez",
    b"f\xc3\xa9v",
    b"avr",
    b"jui",
    b"ao\xc3\xbb",
    b"d\xc3\xa9c",
    b"ene",
    b"abr",
    b"ago",
    b"dic",
    b"gen",
    b"mag",
    b"giu",
    b"lug",
    b"set",
];

fn first_digit(candidate: &Candidate<'_>) -> Option<usize> {
    candidate.written().iter().position(u8::is_ascii_digit)
}

fn is_month(word: &[u8]) -> bool {
    MONTHS.iter().any(|month| word.get(..month.len()).is_some_and(|begin| begin.eq_ignore_ascii_case(month)))
}

fn from(candidate: &Candidate<'_>, place: usize) -> Option<Verdict> {
    Some(Verdict { span: candidate.span.start + place..candidate.span.end, score: candidate.score })
}

/// Year, month, day in any order that makes a day.
fn numbers(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let place = first_digit(candidate)?;
    let written = candidate.written().get(place..)?;
    let digits = Digits::of(written)?;
    let mut parts = written.split(|byte| !byte.is_ascii_digit()).map(|part| Digits::of(part)?.number(0, part.len()));
    let (first, second, third) = match (parts.next()??, parts.next(), parts.next()) {
        (first, Some(second), Some(third)) => (first, second?, third?),
        _ => (digits.number(0, 4)?, digits.number(4, 2)?, digits.number(6, 2)?),
    };
    let lived = |year: u32| year < 100 || (1880..=2100).contains(&year);
    let full = |year: u32| (year >= 100).then_some(year);
    let right = lived(first) && first > 31 && is_day(full(first), second, third)
        || lived(third) && (is_day(full(third), second, first) || is_day(full(third), first, second));
    if right { from(candidate, place) } else { None }
}

fn day_first(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let place = first_digit(candidate)?;
    let rest = candidate.written().get(place..)?;
    let word = rest.split(|byte| matches!(byte, b' ' | b'-')).find(|word| is_month(word));
    word.and_then(|_| from(candidate, place))
}

fn month_first(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let place = first_digit(candidate)?;
    let before = candidate.written().get(..place)?;
    let letters = |byte: &u8| byte.is_ascii_alphabetic() || *byte >= 0x80;
    let end = before.iter().rposition(letters)? + 1;
    let start = before.get(..end)?.iter().rposition(|byte| !letters(byte)).map_or(0, |at| at + 1);
    let near = before.get(end..)?.iter().all(|byte| matches!(byte, b' ' | b'.' | b'-'));
    if near && is_month(before.get(start..end)?) { from(candidate, start) } else { None }
}
