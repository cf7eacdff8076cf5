//! International bank account numbers (ISO 13616): each country's length, and the remainder by 97.

use super::{Candidate, Form, Rule, Verdict};
use crate::detect::checksum::mod97;

pub(super) const RULES: &[Rule] = &[Rule {
    name: "iban",
    forms: &[Form::new(r"(?:\b|_)[A-Za-z]{2}[0-9]{2}(?:[ -]?[A-Za-z0-9]){11,30}", 95, check)],
    raise: &[],
    lower: &[],
}];

/// Characters of an IBAN, by country (SWIFT's IBAN registry).
const LENGTHS: &[(&[u8; 2], usize)] = &[
    (b"AD", 24),
    (b"AE", 23),
    (b"AL", 28),
    (b"AT", 20),
    (b"AZ", 28),
    (b"BA", 20),
    (b"BE", 16),
    (b"BG", 22),
    (b"BH", 22),
    (b"BI", 27),
    (b"BR", 29),
    (b"BY", 28),
    (b"CH", 21),
    (b"CR", 22),
    (b"CY", 28),
    (b"CZ", 24),
    (b"DE", 22),
    (b"DJ", 27),
    (b"DK", 18),
    (b"DO", 28),
    (b"EE", 20),
    (b"EG", 29),
    (b"ES", 24),
    (b"FI", 18),
    (b"FK", 18),
    (b"FO", 18),
    (b"FR", 27),
    (b"GB", 22),
    (b"GE", 22),
    (b"GI", 23),
    (b"GL", 18),
    (b"GR", 27),
    (b"GT", 28),
    (b"HN", 28),
    (b"HR", 21),
    (b"HU", 28),
    (b"IE", 22),
    (b"IL", 23),
    (b"IQ", 23),
    (b"IS", 26),
    (b"IT", 27),
    (b"JO", 30),
    (b"KW", 30),
    (b"KZ", 20),
    (b"LB", 28),
    (b"LC", 32),
    (b"LI", 21),
    (b"LT", 20),
    (b"LU", 20),
    (b"LV", 21),
    (b"LY", 25),
    (b"MC", 27),
    (b"MD", 24),
    (b"ME", 22),
    (b"MK", 19),
    (b"MN", 20),
    (b"MR", 27),
    (b"MT", 31),
    (b"MU", 30),
    (b"NI", 28),
    (b"NL", 18),
    (b"NO", 15),
    (b"OM", 23),
    (b"PK", 24),
    (b"PL", 28),
    (b"PS", 29),
    (b"PT", 25),
    (b"QA", 29),
    (b"RO", 24),
    (b"RS", 22),
    (b"RU", 33),
    (b"SA", 24),
    (b"SC", 31),
    (b"SD", 18),
    (b"SE", 24),
    (b"SI", 19),
    (b"SK", 24),
    (b"SM", 27),
    (b"SO", 23),
    (b"ST", 25),
    (b"SV", 28),
    (b"TL", 23),
    (b"TN", 24),
    (b"TR", 26),
    (b"UA", 29),
    (b"VA", 22),
    (b"VG", 24),
    (b"XK", 20),
    (b"YE", 30),
];

fn check(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let start = candidate.span.start + usize::from(candidate.written().first() == Some(&b'_'));
    let written = candidate.text.get(start..candidate.span.end)?;
    let country = [written.first()?.to_ascii_uppercase(), written.get(1)?.to_ascii_uppercase()];
    let (_, length) = LENGTHS.iter().find(|(code, _)| **code == country)?;
    let mut characters = [0; 34];
    let mut count = 0;
    // What the pattern took beyond the country's length is what follows.
    for (place, byte) in written.iter().enumerate().filter(|(_, byte)| byte.is_ascii_alphanumeric()) {
        *characters.get_mut(count)? = *byte;
        count += 1;
        if count == *length {
            let end = start + place + 1;
            let goes_on = candidate.behind(end, 0).is_ascii_alphanumeric();
            let right = !goes_on && characters.get(..count).is_some_and(mod97);
            return right.then_some(Verdict { span: start..end, score: candidate.score });
        }
    }
    None
}
