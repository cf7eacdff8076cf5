//! Brazil: CPF of people, CNPJ of companies (with letters from July 2026 on).

use super::{Candidate, DIGITS, Form, Rule, Verdict};
use crate::detect::checksum::{cnpj, cpf};

pub(super) const RULES: &[Rule] = &[
    Rule {
        name: "br_cpf",
        forms: &[
            Form::new(r"\b[0-9]{3}\.[0-9]{3}\.[0-9]{3}-[0-9]{2}\b", 90, person).pass(DIGITS),
            Form::new(r"\b[0-9]{11}\b", 54, person).pass(DIGITS),
        ],
        raise: &["cpf", "cadastro"],
        lower: &["order", "invoice", "tracking"],
    },
    Rule {
        name: "br_cnpj",
        forms: &[
            Form::new(r"\b[0-9A-Z]{2}\.[0-9A-Z]{3}\.[0-9A-Z]{3}/[0-9A-Z]{4}-[0-9]{2}\b", 92, company),
            Form::new(r"\b[0-9]{14}\b", 55, company).pass(DIGITS),
        ],
        raise: &["cnpj", "cadastro"],
        lower: &["order", "invoice", "tracking"],
    },
];

fn person(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    candidate.when(cpf(candidate.digits()?.values()) && !candidate.is_part())
}

fn company(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let (mut values, mut count) = ([0; 14], 0);
    for byte in candidate.written().iter().filter(|byte| byte.is_ascii_alphanumeric()) {
        *values.get_mut(count)? = byte - b'0';
        count += 1;
    }
    candidate.when(cnpj(values.get(..count)?) && !candidate.is_part())
}
