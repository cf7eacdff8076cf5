//! Proposals as configuration.

use super::propose::Proposal;
use gateway_core::mask::{DatePart, Transform};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// `[[class]]` sections for these columns of `target`, each with what speaks for it as a comment.
#[must_use]
pub fn toml(target: &str, proposals: &[Proposal]) -> String {
    let mut classes: BTreeMap<&str, Vec<&Proposal>> = BTreeMap::new();
    proposals.iter().for_each(|proposal| classes.entry(&proposal.class).or_default().push(proposal));
    let mut text = String::new();
    for (class, columns) in classes {
        let Some(first) = columns.first() else { continue };
        // Writing to a text can't fail.
        let _written = writeln!(text, "[[class]]\nname = {}\ncolumns = [", quoted(class)).is_ok();
        for proposal in &columns {
            let because = proposal.because.map(|why| format!("; {why}")).unwrap_or_default();
            let comment = format!("{}{because}", proposal.evidence).replace(|letter: char| letter.is_control(), " ");
            let _written = writeln!(text, "    {}, # {comment}", quoted(&format!("{target}/{}", proposal.column))).is_ok();
        }
        let _written = writeln!(text, "]\n{}\n", mask(&first.transform)).is_ok();
    }
    text
}

/// A transform's lines.
fn mask(transform: &Transform) -> String {
    let settings = match transform {
        Transform::Redact | Transform::Null | Transform::Pseudonym | Transform::Digits | Transform::Detect(_) => String::new(),
        Transform::Partial { first: 0, last } => format!("\nlast = {last}"),
        Transform::Partial { first, last } => format!("\nfirst = {first}\nlast = {last}"),
        Transform::Date(part) => {
            let keep = match part {
                DatePart::Year => "year",
                DatePart::Month => "month",
                DatePart::Day => "day",
            };
            format!("\nkeep = \"{keep}\"")
        }
        Transform::Constant(value) => format!("\nvalue = {}", quoted(value)),
    };
    format!("mask = \"{}\"{settings}", transform.name())
}

fn quoted(text: &str) -> String {
    ::toml::Value::String(text.to_owned()).to_string()
}
