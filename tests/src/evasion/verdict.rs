//! Did it get past weir? One verdict for each case, with what shows it.

use super::ground::LAST;
use super::{Case, Client, Must, SECRET};
use crate::Outcome;
use crate::wire::Transcript;
use serde_json::{Value, json};
use std::fmt;

/// How a case came out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It was refused as a whole, and the session goes on.
    Refused,
    /// What the policy permits happened, and nothing else.
    Judged,
    /// Something got past the policy, or the session lost its step.
    Evaded,
    /// Ordinary work was refused or failed.
    FalseRefusal,
}

/// One case's result.
#[derive(Clone, Debug)]
pub struct Row {
    /// The case.
    pub name: String,
    /// How it came out.
    pub verdict: Verdict,
    /// What shows it.
    pub detail: String,
}

/// What the job saw.
#[derive(Debug)]
pub(super) struct Seen {
    wire: Option<Transcript>,
    outcome: Outcome,
}

/// What was refused, what failed otherwise, and whether the session went on.
struct Facts {
    refusals: usize,
    errors: Vec<String>,
    in_step: bool,
    leaked: bool,
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Refused => "refused",
            Self::Judged => "judged",
            Self::Evaded => "evaded",
            Self::FalseRefusal => "false_refusal",
        })
    }
}

impl Row {
    /// As a row of the report.
    #[must_use]
    pub fn json(&self) -> Value {
        json!({ "name": self.name, "verdict": self.verdict.to_string(), "detail": self.detail })
    }

    /// A case that could not be run to its end.
    pub(super) fn broken(case: &Case, what: &str) -> Self {
        let verdict = if matches!(case.must, Must::Pass(_)) { Verdict::FalseRefusal } else { Verdict::Evaded };
        Self { name: case.name.clone(), verdict, detail: format!("the case did not run: {what}") }
    }
}

/// `{cases, evaded, false_refusals}`
#[must_use]
pub fn summary(rows: &[Row]) -> Value {
    let count = |verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    json!({ "cases": rows.len(), "evaded": count(Verdict::Evaded), "false_refusals": count(Verdict::FalseRefusal) })
}

impl Seen {
    pub(super) fn wire((transcript, outcome): (Transcript, Outcome)) -> Self {
        Self { wire: Some(transcript), outcome }
    }

    pub(super) fn text(outcome: Outcome) -> Self {
        Self { wire: None, outcome }
    }

    fn facts(&self) -> Facts {
        let Outcome { stdout, stderr, .. } = &self.outcome;
        let leaked = stdout.contains(SECRET) || stderr.contains(SECRET);
        let Some(wire) = &self.wire else {
            let errors = stderr.lines().filter(|line| line.contains("ERROR:") || line.contains("FATAL:"));
            return Facts {
                refusals: ["42501: weir refused ", "DETAIL:  weir did not pass it on"]
                    .iter()
                    .map(|words| stderr.matches(words).count())
                    .sum(),
                errors: errors.map(str::to_owned).collect(),
                in_step: stdout.contains("in-step"),
                leaked,
            };
        };
        let error = |error: &crate::wire::Refusal| format!("{} {}", error.code, error.text);
        Facts {
            refusals: wire.refusals().len(),
            errors: wire.errors().iter().map(error).collect(),
            in_step: wire.rows().last().is_some_and(|row| row == "in-step") && wire.states().ends_with('I'),
            leaked,
        }
    }

    /// The texts of [`Client::Each`] that weir did not refuse.
    fn let_through<'c>(&self, client: &'c Client) -> Vec<&'c str> {
        let (Client::Each(texts), Some(wire)) = (client, &self.wire) else { return Vec::new() };
        let segments = wire.segments();
        let refused = |at: usize| segments.get(at).is_some_and(|segment| !segment.refusals().is_empty());
        texts.iter().enumerate().filter(|(at, _)| !refused(*at)).map(|(_, text)| text.as_str()).collect()
    }
}

/// Judges what `case` led to. `differences` are those at the server; `ask` asks the server.
pub(super) fn judge(case: &Case, seen: &Seen, differences: &[String], ask: impl Fn(&str) -> String) -> Row {
    let facts = seen.facts();
    let wrong = match case.must {
        Must::Refuse => harm(&facts, differences).or_else(|| unrefused(&facts, seen, case)).or_else(|| step(&facts, seen)),
        Must::Harmless => harm(&facts, differences).or_else(|| if seen.ended() { None } else { step(&facts, seen) }),
        Must::Judge(sql, is, refusals) => judged(&facts, &ask(sql), is, refusals).or_else(|| step(&facts, seen)),
        Must::End => harm(&facts, differences).or_else(|| (!seen.ended()).then(|| "the session was not ended".to_owned())),
        Must::Pass(prints) => failed(&facts, seen, prints),
    };
    let right = match case.must {
        Must::Refuse => Verdict::Refused,
        Must::Harmless | Must::Judge(..) | Must::End | Must::Pass(_) => Verdict::Judged,
    };
    let verdict = match (&wrong, case.must) {
        (None, _) => right,
        (Some(_), Must::Pass(_)) => Verdict::FalseRefusal,
        (Some(_), _) => Verdict::Evaded,
    };
    let detail = wrong.unwrap_or_else(|| facts.errors.first().cloned().unwrap_or_default());
    Row { name: case.name.clone(), verdict, detail: detail.chars().take(500).collect() }
}

impl Seen {
    fn ended(&self) -> bool {
        self.wire.as_ref().is_some_and(|wire| wire.end().is_some())
    }
}

fn harm(facts: &Facts, differences: &[String]) -> Option<String> {
    if facts.leaked {
        return Some("the secret got out".to_owned());
    }
    (!differences.is_empty()).then(|| format!("the server is another: {}", differences.join("; ")))
}

fn unrefused(facts: &Facts, seen: &Seen, case: &Case) -> Option<String> {
    let through = seen.let_through(&case.client);
    if !through.is_empty() {
        let texts: Vec<String> = through.iter().map(|text| text.chars().take(120).collect()).collect();
        return Some(format!("not refused: {}; errors: {}", texts.join(" | "), facts.errors.join(" | ")));
    }
    (facts.refusals == 0).then(|| format!("weir refused nothing; errors: {}", facts.errors.join(" | ")))
}

fn step(facts: &Facts, seen: &Seen) -> Option<String> {
    let end = seen.wire.as_ref().and_then(Transcript::end).unwrap_or("no end");
    (!facts.in_step).then(|| format!("out of step: `{LAST}` was not answered in an idle session ({end})"))
}

fn judged(facts: &Facts, found: &str, is: &str, refusals: usize) -> Option<String> {
    if facts.leaked {
        return Some("the secret got out".to_owned());
    }
    if found != is {
        return Some(format!("the server has {found:?} instead of {is:?}; errors: {}", facts.errors.join(" | ")));
    }
    let count = facts.refusals;
    (count != refusals).then(|| format!("{count} refusals instead of {refusals}: {}", facts.errors.join(" | ")))
}

fn failed(facts: &Facts, seen: &Seen, prints: &str) -> Option<String> {
    if !facts.errors.is_empty() {
        return Some(facts.errors.join(" | "));
    }
    let Outcome { stdout, stderr, status } = &seen.outcome;
    let printed = match &seen.wire {
        Some(wire) => wire.rows().join("\n").contains(prints),
        None => stdout.contains(prints),
    };
    let fine = printed && *status == Some(0) && (facts.in_step || seen.wire.is_none());
    (!fine).then(|| format!("status {status:?}, {prints:?} printed: {printed}; {}", stderr.lines().last().unwrap_or_default()))
}
