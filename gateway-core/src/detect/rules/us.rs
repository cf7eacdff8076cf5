//! United States: social security numbers (SSA's exclusions) and individual taxpayer numbers (IRS). Neither has a checksum.

use super::{Candidate, DIGITS, Form, Rule, Verdict};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "us_ssn",
        forms: &[
            Form::new(r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b", 85, security).pass(DIGITS),
            Form::new(r"\b[0-9]{3}(?: [0-9]{2} |\.[0-9]{2}\.)[0-9]{4}\b", 60, security).pass(DIGITS),
            Form::new(r"\b[0-9]{9}\b", 20, security).pass(DIGITS),
        ],
        raise: &["ssn", "ss#", "social security", "soc sec", "ssns"],
        lower: &["order", "tracking", "invoice", "serial"],
    },
    Rule {
        name: "us_itin",
        forms: &[
            Form::new(r"\b[0-9]{3}(?:-[0-9]{2}-| [0-9]{2} )[0-9]{4}\b", 80, taxpayer).pass(DIGITS),
            Form::new(r"\b[0-9]{9}\b", 20, taxpayer).pass(DIGITS),
        ],
        raise: &["itin", "taxpayer", "tax id", "tax_id", "taxid", "tin", "individual taxpayer"],
        lower: &[],
    },
];

/// No area 000, 666 or 900 and above, no group 00, no serial 0000; two numbers were printed on samples.
fn security(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let digits = candidate.digits()?;
    let (area, group, serial) = (digits.number(0, 3)?, digits.number(3, 2)?, digits.number(5, 4)?);
    let sample = matches!((area, group, serial), (78, 5, 1120) | (219, 9, 9999));
    let given = !matches!(area, 0 | 666 | 900..) && group != 0 && serial != 0 && !sample;
    candidate.when(given && !candidate.is_part())
}

/// The fourth and fifth digit are 50 to 65, 70 to 88, 90 to 92 or 94 to 99.
fn taxpayer(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let digits = candidate.digits()?;
    let group = digits.number(3, 2)?;
    candidate.when(digits.number(0, 1)? == 9 && matches!(group, 50..=65 | 70..=88 | 90..=92 | 94..=99) && !candidate.is_part())
}
