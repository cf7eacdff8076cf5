//! Precision and recall of each class: a finding counts where it overlaps a value of its class.

use anyhow::Context as _;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::fmt;

/// A value or a finding, in characters.
#[derive(Debug)]
pub(super) struct Place {
    pub(super) class: String,
    pub(super) start: usize,
    pub(super) end: usize,
}

/// A text's values.
#[derive(Debug)]
pub(super) struct Labelled {
    pub(super) bytes: usize,
    pub(super) values: Vec<Place>,
}

/// What one of both found of a class.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Values that were found, and all.
    values: (usize, usize),
    /// Findings that overlap a value, and all.
    findings: (usize, usize),
}

/// Both, side by side.
#[derive(Debug)]
pub(super) struct Class {
    pub(super) name: String,
    pub(super) weir: Found,
    /// None where Presidio has no such recogniser.
    presidio: Option<Found>,
    /// Values of which weir hides every character, by whichever rule.
    hidden: usize,
}

impl Found {
    fn of(class: &str, labelled: &[Labelled], found: &[Vec<Place>]) -> Self {
        let mut sums = Self::default();
        for (text, found) in labelled.iter().zip(found) {
            let (values, findings) = (of(class, &text.values), of(class, found));
            sums.values.1 += values.len();
            sums.findings.1 += findings.len();
            sums.values.0 += values.iter().filter(|value| findings.iter().any(|finding| overlap(value, finding))).count();
            sums.findings.0 += findings.iter().filter(|finding| values.iter().any(|value| overlap(value, finding))).count();
        }
        sums
    }

    /// The share of findings that are values; 1 where there are none.
    pub(super) fn precision(&self) -> f64 {
        share(self.findings)
    }

    /// The share of values that are found.
    pub(super) fn recall(&self) -> f64 {
        share(self.values)
    }

    fn json(&self) -> Value {
        let round = |value: f64| (value * 10_000.0).round() / 10_000.0;
        json!({ "precision": round(self.precision()), "recall": round(self.recall()), "false_findings": self.findings.1 - self.findings.0 })
    }
}

impl Class {
    pub(super) fn finds_as_much(&self) -> bool {
        self.presidio.as_ref().is_none_or(|presidio| self.weir.recall() >= presidio.recall())
    }

    pub(super) fn enough(&self, precision: f64) -> bool {
        self.finds_as_much() && self.weir.precision() >= precision
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "class": self.name,
            "values": self.weir.values.1,
            "weir": self.weir.json(),
            "weir_hides_wholly": self.hidden,
            "presidio": self.presidio.as_ref().map(Found::json),
        })
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>16} {:>5} weir {:.3} {:.3}", self.name, self.weir.values.1, self.weir.precision(), self.weir.recall())?;
        write!(f, " hidden {:>5}", self.hidden)?;
        match &self.presidio {
            Some(presidio) => write!(f, " presidio {:.3} {:.3}", presidio.precision(), presidio.recall()),
            None => Ok(()),
        }
    }
}

/// Every class that is labelled; Presidio's side is left out of those that it has nothing for.
pub(super) fn classes(labelled: &[Labelled], weir: &[Vec<Place>], presidio: &[Vec<Place>]) -> Vec<Class> {
    let names: BTreeSet<&str> = labelled.iter().flat_map(|text| &text.values).map(|value| value.class.as_str()).collect();
    let knows = |class: &str| presidio.iter().flatten().any(|finding| finding.class == class);
    let class = |name: &str| Class {
        name: name.to_owned(),
        weir: Found::of(name, labelled, weir),
        presidio: knows(name).then(|| Found::of(name, labelled, presidio)),
        hidden: labelled.iter().zip(weir).map(|(text, found)| hidden(&of(name, &text.values), found)).sum(),
    };
    names.into_iter().map(class).collect()
}

pub(super) fn labelled(lines: &[Value]) -> anyhow::Result<Vec<Labelled>> {
    let text = |line: &Value| Some(Labelled { bytes: line.get("text")?.as_str()?.len(), values: places(line, "values")? });
    lines.iter().map(|line| text(line).with_context(|| format!("not a labelled text: {line}"))).collect()
}

pub(super) fn found(lines: &[Value]) -> anyhow::Result<Vec<Vec<Place>>> {
    lines.iter().map(|line| places(line, "found").with_context(|| format!("no findings: {line}"))).collect()
}

fn places(line: &Value, field: &str) -> Option<Vec<Place>> {
    line.get(field)?.as_array()?.iter().map(Place::of).collect()
}

fn of<'a>(class: &str, places: &'a [Place]) -> Vec<&'a Place> {
    places.iter().filter(|place| place.class == class).collect()
}

const fn overlap(one: &Place, other: &Place) -> bool {
    one.start < other.end && other.start < one.end
}

/// How many of `values` have no character that no finding covers.
fn hidden(values: &[&Place], found: &[Place]) -> usize {
    let covered = |at: usize| found.iter().any(|finding| (finding.start..finding.end).contains(&at));
    values.iter().filter(|value| (value.start..value.end).all(covered)).count()
}

fn share((part, whole): (usize, usize)) -> f64 {
    if whole == 0 { 1.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_class_is_scored() {
        let line = |field: &str, places: &[(&str, usize, usize)]| {
            let places: Vec<_> =
                places.iter().map(|(class, start, end)| json!({ "class": class, "start": start, "end": end })).collect();
            json!({ "text": "0123456789", field: places })
        };
        let texts = labelled(&[line("values", &[("a", 0, 4), ("a", 5, 9)]), line("values", &[("b", 2, 4)])]).expect("texts");
        let weir = found(&[line("found", &[("a", 0, 3), ("b", 3, 4)]), line("found", &[("a", 2, 4)])]).expect("findings");
        let presidio = found(&[line("found", &[("a", 0, 9)]), line("found", &[])]).expect("findings");
        let classes = classes(&texts, &weir, &presidio);
        let told: Vec<_> = classes
            .iter()
            .map(|class| (class.name.as_str(), class.weir.precision(), class.weir.recall(), class.hidden))
            .collect();
        assert_eq!(told, [("a", 0.5, 0.5, 1), ("b", 0.0, 0.0, 1)]);
        assert!(!classes[0].finds_as_much() && classes[1].finds_as_much() && !classes[1].enough(0.95));
    }
}
