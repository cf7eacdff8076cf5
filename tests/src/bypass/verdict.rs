//! How a case came out: what was seen without weir, and what under it.

use super::drive::Told;
use super::{At, Case};
use serde_json::{Value, json};
use std::fmt;

/// How a case came out under weir.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The gateway has it: it was judged and recorded there.
    Intercepted,
    /// It was refused, and reached nothing.
    Refused,
    /// It arrived, and is not promised.
    OutOfScope,
    /// It arrived, past weir.
    Missed,
}

/// One case's result.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub case: Case,
    /// How it came out.
    pub outcome: Outcome,
    /// The error number that the attempt met.
    pub errno: Option<i32>,
    /// What shows it.
    pub why: String,
    /// What the same attempt did without weir.
    pub without_weir: String,
    /// Whether that shows that the case can fail.
    pub can_fail: bool,
}

/// What was seen of one attempt.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) told: Told,
    pub(super) sightings: Vec<String>,
    /// Whether the gateway has a record of a connection, or of a question, to the case's destination.
    pub(super) recorded: bool,
}

impl Outcome {
    /// Its name in a report.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Intercepted => "intercepted",
            Self::Refused => "refused",
            Self::OutOfScope => "out_of_scope",
            Self::Missed => "missed",
        }
    }
}

impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl Seen {
    /// What shows that it arrived.
    fn arrived(&self) -> Option<String> {
        match &self.told {
            Told::Holds(what) => Some(format!("the job holds {what}")),
            Told::Sent | Told::Failed(..) | Told::Lost(_) => self.sightings.first().cloned(),
        }
    }

    /// How it ended for the attempt, in words.
    fn words(&self) -> String {
        match &self.told {
            Told::Sent => "sent without an error, and nothing arrived".to_owned(),
            Told::Holds(what) => format!("holds {what}"),
            Told::Failed(step, Some(errno)) => format!("{step}: {}", errno_name(*errno)),
            Told::Failed(step, None) if step.contains(' ') => step.clone(),
            Told::Failed(step, None) => format!("{step} failed"),
            Told::Lost(how) => how.clone(),
        }
    }

    const fn errno(&self) -> Option<i32> {
        match self.told {
            Told::Failed(_, errno) => errno,
            Told::Sent | Told::Holds(_) | Told::Lost(_) => None,
        }
    }
}

impl Row {
    /// Judges one case.
    pub(super) fn judge(case: Case, without: Option<&Seen>, under: Option<&Seen>) -> Self {
        let without_weir = match (without, case.at) {
            (_, At::Weir) => "aimed at weir itself: there is nothing to try without it".to_owned(),
            (None, _) => "not played".to_owned(),
            (Some(seen), _) => {
                seen.arrived().map_or_else(|| format!("does not arrive: {}", seen.words()), |how| format!("arrives: {how}"))
            }
        };
        let can_fail = case.at == At::Weir || without.is_some_and(|seen| seen.arrived().is_some());
        let Some(under) = under else {
            // What was not played shows nothing: it counts as the worst.
            let why = "it was not played".to_owned();
            return Self { case, outcome: Outcome::Missed, errno: None, why, without_weir, can_fail };
        };
        let (outcome, why) = match (under.arrived(), case.out_of_scope) {
            (Some(how), Some(argument)) => (Outcome::OutOfScope, format!("{argument} ({how})")),
            (Some(how), None) => (Outcome::Missed, how),
            (None, _) if under.recorded => {
                (Outcome::Intercepted, "the gateway has it on record, and refused it by policy".to_owned())
            }
            (None, _) => (Outcome::Refused, under.words()),
        };
        let errno = if outcome == Outcome::Refused { under.errno() } else { None };
        Self { case, outcome, errno, why, without_weir, can_fail }
    }

    /// As a row of the report.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({
            "id": self.case.id,
            "row": self.case.row(),
            "attempt": self.case.attempt,
            "outcome": self.outcome.name(),
            "errno": self.errno.map(errno_name),
            "why": self.why,
            "without_weir": self.without_weir,
            "can_fail": self.can_fail,
        })
    }
}

/// The report: `summary`, under which gateway it was played, what it was made on, and the rows.
#[must_use]
pub fn report(rows: &[Row], gateway: &str, privileges: &str) -> Value {
    let count = |outcome| rows.iter().filter(|row| row.outcome == outcome).count();
    json!({
        "summary": {
            "cases": rows.len(),
            "intercepted": count(Outcome::Intercepted),
            "refused": count(Outcome::Refused),
            "out_of_scope": count(Outcome::OutOfScope),
            "missed": count(Outcome::Missed),
            "shown_to_arrive_without_weir": rows.iter().filter(|row| row.can_fail).count(),
        },
        "gateway": gateway,
        "privileges": privileges,
        "machine": crate::machine(),
        "rows": rows.iter().map(Row::json).collect::<Vec<_>>(),
    })
}

/// `ECONNREFUSED` and the like.
fn errno_name(errno: i32) -> String {
    match nix::errno::Errno::from_raw(errno) {
        nix::errno::Errno::UnknownErrno => errno.to_string(),
        known => format!("{known:?}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn judge(under: Seen, argument: Option<&'static str>) -> (Outcome, Option<i32>) {
        let mut case = super::super::cases()[0];
        case.out_of_scope = argument;
        let row = Row::judge(case, None, Some(&under));
        (row.outcome, row.errno)
    }

    #[test]
    fn what_arrived_is_missed_whatever_else_is_true() {
        let seen = |told: Told, arrived: bool, recorded| Seen {
            told,
            sightings: arrived.then(|| "TCP".to_owned()).into_iter().collect(),
            recorded,
        };
        let refused = Told::Failed("connect".to_owned(), Some(libc::ECONNREFUSED));
        assert_eq!(judge(seen(Told::Sent, true, true), None), (Outcome::Missed, None));
        assert_eq!(judge(seen(refused.clone(), true, false), None), (Outcome::Missed, None));
        assert_eq!(judge(seen(Told::Holds("it".to_owned()), false, false), None), (Outcome::Missed, None));
        assert_eq!(judge(seen(Told::Sent, true, false), Some("because")), (Outcome::OutOfScope, None));
        assert_eq!(judge(seen(refused.clone(), false, false), Some("because")), (Outcome::Refused, Some(libc::ECONNREFUSED)));
        assert_eq!(judge(seen(Told::Sent, false, true), None), (Outcome::Intercepted, None));
        assert_eq!(judge(seen(Told::Sent, false, false), None), (Outcome::Refused, None));
        let case = super::super::cases()[0];
        assert_eq!(Row::judge(case, None, None).outcome, Outcome::Missed, "what was not played shows nothing");
    }
}
