//! Checks that own rules can name.

use super::{Candidate, Check, Verdict};
use crate::detect::checksum::{self, luhn, mod97, nhs, pesel, tfn, verhoeff};

/// Each with its name.
pub(in crate::detect) const CHECKS: [(&str, Check); 9] = [
    ("luhn", |candidate| of_digits(candidate, luhn)),
    ("verhoeff", |candidate| of_digits(candidate, verhoeff)),
    ("mod97", iso_7064),
    ("nhs", |candidate| of_digits(candidate, nhs)),
    ("pesel", |candidate| of_digits(candidate, pesel)),
    ("tfn", |candidate| of_digits(candidate, tfn)),
    ("abn", |candidate| of_digits(candidate, checksum::abn)),
    ("cpf", |candidate| of_digits(candidate, checksum::cpf)),
    ("cnpj", |candidate| of_digits(candidate, checksum::cnpj)),
];

fn of_digits(candidate: &mut Candidate<'_>, check: fn(&[u8]) -> bool) -> Option<Verdict> {
    candidate.when(check(candidate.digits()?.values()))
}

/// Letters and digits of the match, whatever stands between them.
fn iso_7064(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let (mut characters, mut count) = ([0; 64], 0);
    for byte in candidate.written().iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *characters.get_mut(count)? = *byte;
        count += 1;
    }
    candidate.when(mod97(characters.get(..count)?))
}
