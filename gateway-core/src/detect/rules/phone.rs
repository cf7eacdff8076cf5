//! Telephone numbers: written candidates, held against the numbering plans of all countries (E.164).

use super::{Candidate, DIGITS, FEW_DIGITS, Form, PLUS_DIGITS, Rule, Verdict, Where};
use crate::detect::checksum::Digits;

pub(super) const RULES: &[Rule] = &[Rule {
    name: "phone",
    forms: &[
        Form::new(r"\+[1-9](?:[ .()/-]{0,2}[0-9]){6,14}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?", 80, international).pass(PLUS_DIGITS),
        Form::new(r"\b0(?:0|11)[ .-]?[1-9](?:[ .()/-]{0,2}[0-9]){6,14}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?", 65, dialled_abroad)
            .pass(DIGITS),
        Form::new(
            r"(?:\b(?:1[ .-]?)?\(?|\()[2-9][0-9]{2}\)?[ .-]{0,2}[2-9][0-9]{2}[ .-]?[0-9]{4}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?",
            60,
            national,
        )
        .pass(DIGITS)
        .only(Where::NorthAmerica),
        Form::new(r"(?:\([0-9]{2,5}\)|\b[0-9]{1,5})(?:[ .()/-]{0,2}[0-9]){6,12}(?: ?(?:x|ext\.?|#) ?[0-9]{1,6})?", 60, national)
            .pass(FEW_DIGITS)
            .only(Where::Elsewhere),
    ],
    raise: &[
        "phone",
        "telephone",
        "tel",
        "mobile",
        "cell",
        "cellphone",
        "call",
        "called",
        "fax",
        "dial",
        "number is",
        "reach",
        "ring",
        "text",
        "sms",
        "whatsapp",
        "contact",
        "callback",
        "msisdn",
        "phone_number",
        "phonenumber",
        "handy",
        "telefon",
        "téléphone",
        "teléfono",
        "telefono",
        "móvil",
    ],
    lower: &["order", "invoice", "tracking", "ticket", "serial", "version"],
}];

fn international(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    if candidate.before(1).is_ascii_alphanumeric() {
        return None;
    }
    abroad(candidate, 1)
}

fn dialled_abroad(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    if candidate.is_part() {
        return None;
    }
    let prefix = if candidate.written().starts_with(b"011") { 3 } else { 2 };
    let bare = candidate.written().iter().all(u8::is_ascii_digit);
    let mut verdict = abroad(candidate, prefix)?;
    // Codes of articles begin so too.
    verdict.score -= if bare { 35 } else { 0 };
    Some(verdict)
}

/// A number behind a `prefix` of so many bytes: the longest beginning, by groups, that some country has.
fn abroad(candidate: &mut Candidate<'_>, prefix: usize) -> Option<Verdict> {
    let start = candidate.span.start;
    let mut end = within(candidate)?;
    loop {
        let number = candidate.text.get(start + prefix..end)?;
        let digits = Digits::of(main(number))?;
        let valid = candidate.dialled.international(candidate.numbering, digits.values())
            || trunk(number).is_some_and(|digits| candidate.dialled.international(candidate.numbering, digits.values()));
        if valid {
            return Some(Verdict { span: start..end, score: candidate.score });
        }
        end = start + prefix + shorter(number)?;
    }
}

/// A number as it is dialled in a configured region.
fn national(candidate: &mut Candidate<'_>) -> Option<Verdict> {
    let end = within(candidate)?;
    let written = candidate.text.get(candidate.span.start..end)?;
    let number = main(written);
    let digits = Digits::of(number)?;
    // Another number, a date, a path or a version goes on here.
    if candidate.before(1) == b'+' || candidate.is_part() {
        return None;
    }
    let plan = candidate.dialled.national(candidate.numbering, digits.values())?;
    let mut groups = [0; 8];
    let mut count = 0;
    for group in number.split(|byte| !byte.is_ascii_digit()).filter(|group| !group.is_empty()) {
        *groups.get_mut(count)? = group.len();
        count += 1;
    }
    let told = match (groups.get(..count)?, plan.north_american) {
        (_, true) if candidate.before(1) == b'/' => false,
        ([3, 3, 4] | [3, 7] | [1, 3, 3, 4], true) => true,
        ([10 | 11], true) => false,
        (_, true) => return None,
        ([_, _, ..], false) => plan.prefixed,
        (_, false) => false,
    };
    // A bare number is one among many: only the words before it can tell.
    let score = if told { candidate.score } else { candidate.score / 3 };
    Some(Verdict { span: candidate.span.start..end, score })
}

/// The end of the match, or of its last group that is not part of a longer number.
fn within(candidate: &Candidate<'_>) -> Option<usize> {
    let end = candidate.span.end;
    let (first, second) = (candidate.behind(end, 0), candidate.behind(end, 1));
    if first.is_ascii_alphanumeric() || first == b'_' || matches!(first, b'.' | b':' | b'-') && second.is_ascii_digit() {
        return shorter(candidate.written()).map(|length| candidate.span.start + length);
    }
    Some(end)
}

/// The number without its extension.
fn main(number: &[u8]) -> &[u8] {
    let end = number.iter().position(|byte| matches!(byte, b'x' | b'e' | b'#')).unwrap_or(number.len());
    number.get(..end).unwrap_or_default()
}

/// The digits without a `(0)`, which is dialled at home alone.
fn trunk(number: &[u8]) -> Option<Digits> {
    let place = number.windows(3).position(|window| window == b"(0)")?;
    let (mut joined, mut length) = ([0; 48], 0);
    for byte in number.get(..place)?.iter().chain(main(number.get(place + 3..)?)) {
        *joined.get_mut(length)? = *byte;
        length += 1;
    }
    Digits::of(joined.get(..length)?)
}

/// The length of `number` without its last group.
fn shorter(number: &[u8]) -> Option<usize> {
    let last = number.iter().rposition(|byte| !byte.is_ascii_digit())?;
    let kept = number.get(..last)?.iter().rposition(u8::is_ascii_digit)?;
    Some(kept + 1)
}
