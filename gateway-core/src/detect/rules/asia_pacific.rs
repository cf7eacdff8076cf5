//! India (Aadhaar, PAN) and Australia (tax file and business numbers).

use super::{Candidate, DIGITS, Form, Rule, Verdict};
use crate::detect::checksum::{abn, tfn, verhoeff};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "in_aadhaar",
        forms: &[
            Form::new(r"\b[2-9][0-9]{3}(?: [0-9]{4} |-[0-9]{4}-)[0-9]{4}\b", 60, aadhaar).pass(DIGITS),
            Form::new(r"\b[0-9]{12}\b", 25, aadhaar).pass(DIGITS),
        ],
        raise: &["aadhaar", "aadhar", "adhaar", "uidai", "uid"],
        lower: &[],
    },
    Rule {
        name: "in_pan",
        // The fourth letter is the kind of holder (Income Tax Department).
        forms: &[Form::new(r"(?i)\b[A-Z]{3}[ABCFGHJLPT][A-Z][0-9]{4}[A-Z]\b", 55, account)],
        raise: &["pan", "permanent account", "income tax", "pan card"],
        lower: &["part", "sku", "serial", "model"],
    },
    Rule {
        name: "au_tfn",
        forms: &[
            Form::new(r"\b[0-9]{3} [0-9]{3} [0-9]{3}\b", 52, tax_file).pass(DIGITS),
            Form::new(r"\b[0-9]{9}\b", 25, tax_file).pass(DIGITS),
        ],
        raise: &["tfn", "tax file", "taxfile", "tax file number", "australian tax"],
        lower: &[],
    },
    Rule {
        name: "au_abn",
        forms: &[
            Form::new(r"\b[1-9][0-9] [0-9]{3} [0-9]{3} [0-9]{3}\b", 65, business).pass(DIGITS),
            Form::new(r"\b[0-9]{11}\b", 52, business).pass(DIGITS),
        ],
        raise: &["abn", "australian business", "business number"],
        lower: &["order", "invoice", "tracking"],
    },
];

fn aadhaar(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    // Three of more groups of four are a card that is none.
    let digits = candidate.digits()?;
    candidate.when(digits.number(0, 1)? > 1 && !candidate.is_in_row() && verhoeff(digits.values()) && !candidate.is_part())
}

fn account(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let small = candidate.written().iter().any(u8::is_ascii_lowercase);
    let mut verdict = candidate.when(!candidate.is_part())?;
    verdict.score -= if small { 40 } else { 0 };
    Some(verdict)
}

fn tax_file(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    candidate.when(!candidate.is_in_row() && tfn(candidate.digits()?.values()) && !candidate.is_part())
}

fn business(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    candidate.when(!candidate.is_in_row() && abn(candidate.digits()?.values()) && !candidate.is_part())
}
