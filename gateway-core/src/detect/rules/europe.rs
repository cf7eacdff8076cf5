//! Spain (NIF, NIE), Italy (codice fiscale), Poland (PESEL) and Finland (henkilötunnus).

use super::{Candidate, DIGITS, Form, Rule, Verdict};
use crate::detect::checksum::{codice_fiscale, hetu, is_day, nif_letter, pesel};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "es_nif",
        forms: &[Form::new(r"(?i)\b[0-9]{7,8}-?[A-HJ-NP-TV-Z]\b", 60, spanish)],
        raise: &["nif", "dni", "documento", "identificación", "identidad", "spanish id"],
        lower: &[],
    },
    Rule {
        name: "es_nie",
        forms: &[Form::new(r"(?i)\b[XYZ]-?[0-9]{7}-?[A-HJ-NP-TV-Z]\b", 75, spanish)],
        raise: &["nie", "extranjero", "foreigner", "documento", "identificación"],
        lower: &[],
    },
    Rule {
        name: "it_fiscal_code",
        forms: &[Form::new(r"(?i)\b[A-Z]{6}[0-9LMNP-V]{2}[ABCDEHLMPRST][0-9LMNP-V]{2}[A-Z][0-9LMNP-V]{3}[A-Z]\b", 95, italian)],
        raise: &[],
        lower: &[],
    },
    Rule {
        name: "pl_pesel",
        forms: &[Form::new(r"\b[0-9]{11}\b", 55, polish).pass(DIGITS)],
        raise: &["pesel"],
        lower: &["order", "invoice", "tracking"],
    },
    Rule {
        name: "fi_hetu",
        forms: &[Form::new(r"(?i)\b[0-3][0-9][01][0-9]{3}[-+A-FU-Y][0-9]{3}[0-9A-FHJ-NPR-Y]\b", 85, finnish)],
        raise: &["hetu", "henkilötunnus", "personbeteckning", "personal identity code"],
        lower: &[],
    },
];

fn spanish(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let leading = match written.first()?.to_ascii_uppercase() {
        b'Y' => 10_000_000,
        b'Z' => 20_000_000,
        _ => 0,
    };
    let digits = candidate.digits()?;
    let number = digits.number(0, digits.values().len())?;
    let right = written.last()?.to_ascii_uppercase() == nif_letter(leading + number);
    // A small letter is seldom written; a number with one is more often a part of something else.
    let small = if written.last()?.is_ascii_lowercase() { 35 } else { 0 };
    let mut verdict = candidate.when(right && !candidate.is_part())?;
    verdict.score -= small;
    Some(verdict)
}

fn italian(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    candidate.when(codice_fiscale(candidate.written()))
}

/// The month has the century: 80 is added for the 19th, 20 for the 21st, 40 and 60 for those that follow.
fn polish(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let digits = candidate.digits()?;
    let (month, day) = (digits.number(2, 2)?, digits.number(4, 2)?);
    candidate.when(is_day(None, month % 20, day) && pesel(digits.values()) && !candidate.is_part())
}

fn finnish(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let written = candidate.written();
    let digits = super::Digits::of(written.get(..10)?)?;
    let (day, month, own) = (digits.number(0, 2)?, digits.number(2, 2)?, digits.number(6, 3)?);
    let right = written.last()?.to_ascii_uppercase() == hetu(digits.number(0, 9)?);
    candidate.when(is_day(None, month, day) && own > 1 && right)
}
