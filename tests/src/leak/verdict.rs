//! Did a value get out? One row for each case, with what shows it.

use super::ground::Played;
use super::needles::Needles;
use super::seen::Seen;
use super::{Aim, Case};
use serde_json::{Value, json};
use std::fmt;

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// What came has no value in it, and is the same whatever the values are.
    Masked,
    /// weir refused it, or a part of it.
    Refused,
    /// The server's own error came, which tells nothing.
    Error,
    /// A value got out, or something that depends on one.
    Leaked,
    /// A harmless one: as it is without weir.
    Same,
    /// A harmless one: something else came.
    Differs,
    /// It was not played.
    Unplayed,
}

/// One case's result.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// How it came out.
    pub outcome: Outcome,
    /// What shows it.
    pub detail: String,
    /// Without weir it does leak.
    pub leaks_without: bool,
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Masked => "masked",
            Self::Refused => "refused",
            Self::Error => "error",
            Self::Leaked => "leaked",
            Self::Same => "same",
            Self::Differs => "differs",
            Self::Unplayed => "unplayed",
        })
    }
}

impl Row {
    /// As a row of the report.
    #[must_use]
    pub fn json(&self) -> Value {
        let case = &self.case;
        let statement: String = case.statements.join("; ").chars().take(400).collect();
        let mut row = json!({
            "id": case.id,
            "clause": case.clause,
            "client": format!("{} {}", case.client.name(), case.mode).trim_end(),
            "statement": statement,
            "outcome": self.outcome.to_string(),
            "leaks_without_weir": self.leaks_without,
        });
        if self.is_bad() {
            row["detail"] = json!(self.detail);
        }
        row
    }

    /// Whether it must not be so.
    #[must_use]
    pub fn is_bad(&self) -> bool {
        match self.case.aim {
            Aim::Hide => matches!(self.outcome, Outcome::Leaked | Outcome::Unplayed),
            Aim::Keep => self.outcome != Outcome::Same,
        }
    }
}

/// `{attempts, canaries_out, harmless, false_refusals, …}`
#[must_use]
pub fn summary(rows: &[Row], elsewhere: &[String]) -> Value {
    let of = |aim: Aim| rows.iter().filter(move |row| row.case.aim == aim);
    json!({
        "attempts": of(Aim::Hide).count(),
        "canaries_out": of(Aim::Hide).filter(|row| row.is_bad()).count() + elsewhere.len(),
        "harmless": of(Aim::Keep).count(),
        "false_refusals": of(Aim::Keep).filter(|row| row.is_bad()).count(),
        "leak_without_weir": of(Aim::Hide).filter(|row| row.leaks_without).count(),
        "masked": of(Aim::Hide).filter(|row| row.outcome == Outcome::Masked).count(),
        "refused": of(Aim::Hide).filter(|row| row.outcome == Outcome::Refused).count(),
    })
}

/// Judges all cases; and what of the values is in a record or a log.
#[must_use]
pub fn judge(cases: &[Case], direct: [&Played; 2], masked: &Played, flat: Option<[&Played; 2]>) -> (Vec<Row>, Vec<String>) {
    let needles = Needles::new();
    let rows = cases.iter().enumerate().map(|(number, case)| {
        let get = |played: &'_ Played| played.seen.get(number).cloned().unwrap_or_default();
        let flat = flat.map(|both| both.map(get));
        row(case, &needles, &direct.map(get), &get(masked), flat.as_ref())
    });
    let rows = rows.collect();
    (rows, elsewhere(&needles, masked))
}

fn row(case: &Case, needles: &Needles, direct: &[Seen; 2], masked: &Seen, flat: Option<&[Seen; 2]>) -> Row {
    let [here, there] = direct;
    let leaks_without =
        case.aim == Aim::Hide && (found(needles, here).is_some() || (!case.varies && here.difference(there).is_some()));
    let (outcome, detail) = if masked.is_empty() {
        (Outcome::Unplayed, "nothing came".to_owned())
    } else if case.aim == Aim::Hide {
        hidden(case, needles, masked, flat)
    } else {
        kept(case, here, masked)
    };
    Row { case: case.clone(), outcome, detail: detail.chars().take(700).collect(), leaks_without }
}

fn hidden(case: &Case, needles: &Needles, masked: &Seen, flat: Option<&[Seen; 2]>) -> (Outcome, String) {
    if let Some(canary) = found(needles, masked).or_else(|| found(needles, flat?.first()?)) {
        return (Outcome::Leaked, canary);
    }
    let told = flat.filter(|_| !case.varies).and_then(|[here, there]| here.difference(there));
    if let Some(told) = told {
        return (Outcome::Leaked, format!("it tells the states apart: {told}"));
    }
    match (masked.refused(), masked.error()) {
        (true, why) => (Outcome::Refused, why.unwrap_or_default()),
        (false, Some(error)) => (Outcome::Error, error),
        (false, None) => (Outcome::Masked, String::new()),
    }
}

fn kept(case: &Case, direct: &Seen, masked: &Seen) -> (Outcome, String) {
    if masked.refused() {
        return (Outcome::Refused, masked.error().unwrap_or_default());
    }
    let difference = if case.varies { masked.error().filter(|_| direct.error().is_none()) } else { direct.difference(masked) };
    difference.map_or_else(|| (Outcome::Same, String::new()), |difference| (Outcome::Differs, difference))
}

fn found(needles: &Needles, seen: &Seen) -> Option<String> {
    needles.find_in_messages(&seen.messages, &seen.raw).or_else(|| needles.find(&seen.text))
}

/// Canaries in what weir keeps and says of a round.
fn elsewhere(needles: &Needles, played: &Played) -> Vec<String> {
    let log = needles.find(&played.log).map(|canary| format!("the log: {canary}"));
    let kept = played.kept.iter().filter_map(|kept| Some(format!("{}: {}", kept.place, needles.find(&kept.bytes)?)));
    kept.chain(log).collect()
}
