//! Classes for what was seen: a transform that fits the column's type and its constraints.

use super::evidence::Kind;
use super::sample::Column;
use gateway_core::mask::{DatePart, Transform, fits};

/// A class that is proposed for one column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proposal {
    /// The class's name.
    pub class: String,
    /// `schema.table.column`.
    pub column: String,
    /// What is shown instead.
    pub transform: Transform,
    /// What speaks for it, in words.
    pub evidence: String,
    /// Why this transform, where it is not the kind's usual one.
    pub because: Option<&'static str>,
}

/// Proposals for those of `columns` for which something speaks, and that are in no class yet.
#[must_use]
pub fn propose(columns: &[Column], classed: impl Fn(&Column) -> bool) -> Vec<Proposal> {
    let open = columns.iter().filter(|column| !classed(column));
    open.filter_map(|column| {
        let kind = column.evidence.kind?;
        let (transform, because) = transform(kind, column)?;
        let usual = usual(kind).first() == Some(&transform);
        let class = if usual { kind.class().to_owned() } else { format!("{}-{}", kind.class(), word(&transform)) };
        let name = format!("{}.{}.{}", column.schema, column.relation, column.name);
        Some(Proposal { class, column: name, transform, evidence: words(column), because })
    })
    .collect()
}

/// What a kind is shown as, the best first.
fn usual(kind: Kind) -> Vec<Transform> {
    let last = |last| Transform::Partial { first: 0, last };
    match kind {
        Kind::Email | Kind::PersonName => vec![Transform::Pseudonym, Transform::Redact],
        Kind::PaymentCard | Kind::Iban | Kind::Phone | Kind::NationalId => vec![last(4), Transform::Digits, Transform::Pseudonym],
        Kind::BirthDate => vec![Transform::Date(DatePart::Year), Transform::Redact],
        Kind::Pay => vec![Transform::Null],
        Kind::Secret | Kind::Address | Kind::FreeText => vec![Transform::Redact],
        Kind::Network => vec![Transform::Pseudonym, Transform::Redact],
    }
}

/// The first that fits the column: its type, that it may be NULL, that values stay apart, that a dump can be restored.
fn transform(kind: Kind, column: &Column) -> Option<(Transform, Option<&'static str>)> {
    let fit = |transform: &Transform| fits(transform, column.type_oid).is_ok();
    if column.unique || column.key {
        let apart = [Transform::Pseudonym, Transform::Digits].into_iter().find(fit);
        let because = if column.key { "a foreign key has it: equal values stay equal" } else { "values are unique and stay so" };
        return apart.map(|transform| (transform, Some(because)));
    }
    let text = matches!(column.type_oid, 18 | 19 | 25 | 114 | 142 | 1042 | 1043 | 3802);
    let nothing =
        |transform: &Transform| matches!(transform, Transform::Null) || (matches!(transform, Transform::Redact) && !text);
    let found = usual(kind).into_iter().find(|one| fit(one) && !(column.not_null && nothing(one)));
    match found {
        Some(transform) => Some((transform, None)),
        None if column.not_null => {
            let zero = Transform::Constant("0".into());
            let other = [Transform::Pseudonym, zero].into_iter().find(fit);
            other.map(|transform| (transform, Some("the column may not be NULL")))
        }
        None => Some((Transform::Null, Some("nothing else fits its type"))),
    }
}

/// The transform in a class's name.
const fn word(transform: &Transform) -> &'static str {
    if matches!(transform, Transform::Redact) { "redacted" } else { transform.name() }
}

fn words(column: &Column) -> String {
    let mut said = vec![column.type_name.clone()];
    if column.evidence.by_name {
        said.push("by its name".to_owned());
    }
    let found = column.evidence.found.iter();
    said.extend(found.map(|(rule, count)| format!("{rule} in {count} of {} values", column.evidence.sampled)));
    if column.checked {
        said.push("a check looks at it: see that masked values pass where they are restored".to_owned());
    }
    said.join("; ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::classify::evidence::Evidence;

    fn column(kind: Kind, type_oid: u32) -> Column {
        Column {
            schema: "public".to_owned(),
            relation: "t".to_owned(),
            name: "c".to_owned(),
            type_oid,
            type_name: "text".to_owned(),
            not_null: false,
            unique: false,
            key: false,
            checked: false,
            evidence: Evidence { kind: Some(kind), ..Evidence::default() },
        }
    }

    #[test]
    fn the_transform_fits_the_type_and_the_constraints() {
        for (column, transform) in [
            (column(Kind::Email, 25), Transform::Pseudonym),
            (column(Kind::Phone, 25), Transform::Partial { first: 0, last: 4 }),
            (column(Kind::Phone, 20), Transform::Digits),
            (Column { unique: true, ..column(Kind::NationalId, 25) }, Transform::Pseudonym),
            (column(Kind::BirthDate, 1082), Transform::Date(DatePart::Year)),
            (column(Kind::Pay, 1700), Transform::Null),
            (Column { not_null: true, ..column(Kind::Pay, 1700) }, Transform::Pseudonym),
            (column(Kind::FreeText, 3802), Transform::Redact),
        ] {
            let proposed = propose(std::slice::from_ref(&column), |_| false);
            assert_eq!(proposed.first().map(|one| &one.transform), Some(&transform), "{column:?}");
        }
        assert!(propose(&[column(Kind::Email, 25)], |_| true).is_empty());
    }
}
