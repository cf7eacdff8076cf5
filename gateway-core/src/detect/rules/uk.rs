//! United Kingdom: NHS numbers and National Insurance numbers.

use super::{Candidate, DIGITS, Form, Rule, Verdict};
use crate::detect::checksum::nhs;

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "uk_nhs",
        forms: &[
            // With dashes it is more likely to be a telephone number.
            Form::new(r"\b[0-9]{3} [0-9]{3} [0-9]{4}\b", 62, health).pass(DIGITS),
            Form::new(r"\b[0-9]{3}-[0-9]{3}-[0-9]{4}\b", 52, health).pass(DIGITS),
            Form::new(r"\b[0-9]{10}\b", 25, health).pass(DIGITS),
        ],
        raise: &["nhs", "national health", "health service", "patient", "nhsnumber"],
        lower: &[],
    },
    Rule {
        name: "uk_nino",
        forms: &[
            Form::new(r"(?i)\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z][0-9]{6}[A-D]\b", 75, insurance),
            Form::new(r"(?i)\b[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z](?: [0-9]{2}){3} [A-D]\b", 75, insurance)
                .pass(r"(?i)\b[A-Z]{2}(?: [0-9]{2}){3} [A-D]"),
        ],
        raise: &["nino", "ni", "national insurance", "nationalinsurance", "insurance number", "ni number"],
        lower: &[],
    },
];

/// A number of England, Wales and the Isle of Man (4, 6 or 7), Northern Ireland (32 to 39), Scotland (a day first) or a test (999).
fn health(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let digits = candidate.digits()?;
    let (day, month) = (digits.number(0, 2)?, digits.number(2, 2)?);
    let given = matches!(day, 40..=49 | 60..=79 | 32..=39 | 94..=99) || (1..=31).contains(&day) && (1..=12).contains(&month);
    candidate.when(given && nhs(digits.values()) && !candidate.is_part())
}

/// Prefixes that are not given out (HMRC, National Insurance Manual NIM39110).
fn insurance(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let prefix = [written.first()?.to_ascii_uppercase(), written.get(1)?.to_ascii_uppercase()];
    let never = [b"BG", b"GB", b"NK", b"KN", b"TN", b"NT", b"ZZ"].contains(&&prefix);
    let capitals = !written.iter().any(u8::is_ascii_lowercase);
    let mut verdict = candidate.when(!never)?;
    verdict.score -= if capitals { 0 } else { 45 };
    Some(verdict)
}
