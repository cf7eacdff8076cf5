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

fn mask(transform: &Transform) -> String {
    match transform {
        Transform::Redact => "mask = \"redact\"".to_owned(),
        Transform::Null => "mask = \"null\"".to_owned(),
        Transform::Partial { first: 0, last } => format!("mask = \"partial\"\nlast = {last}"),
        Transform::Partial { first, last } => format!("mask = \"partial\"\nfirst = {first}\nlast = {last}"),
        Transform::Pseudonym => "mask = \"pseudonym\"".to_owned(),
        Transform::Digits => "mask = \"digits\"".to_owned(),
        Transform::Date(part) => {
            let keep = match part {
                DatePart::Year => "year",
                DatePart::Month => "month",
                DatePart::Day => "day",
            };
            format!("mask = \"date\"\nkeep = \"{keep}\"")
        }
        Transform::Detect(_) => "mask = \"detect\"".to_owned(),
        Transform::Constant(value) => format!("mask = \"constant\"\nvalue = {}", quoted(value)),
    }
}

fn quoted(text: &str) -> String {
    ::toml::Value::String(text.to_owned()).to_string()
}
