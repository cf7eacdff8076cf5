//! Since when enforcing would have refused nothing, and what a shadow set would have decided otherwise.

use super::compare::example;
use super::past::{Filter, Item, Past, Progress, Session, walk};
use crate::evidence::EvidenceError;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;

/// Lines of each kind that are told; the rest is counted.
const MOST: usize = 10_000;

/// A workload at a target.
#[derive(Clone, Debug, Serialize)]
pub struct Line {
    /// The workload, by its configured name, or its SPIFFE id.
    pub workload: String,
    /// The target.
    pub target: String,
    /// Decisions that were looked at.
    pub decisions: u64,
    /// Of these, those that were refused.
    pub refused: u64,
    /// What would have been refused in enforce mode.
    pub would_refuse: u64,
    /// The first decision.
    pub first: Timestamp,
    /// The last one.
    pub last: Timestamp,
    /// The last one that would have been refused.
    pub last_would_refuse: Option<Timestamp>,
    /// That one: a session, or an operation of it.
    pub example: Option<String>,
    /// Since when nothing would have been refused.
    pub ready_since: Timestamp,
}

/// What a shadow set would have decided otherwise.
#[derive(Clone, Debug, Serialize)]
pub struct ShadowLine {
    /// What tells it from others.
    #[serde(flatten)]
    pub difference: Difference,
    /// In how many sessions: each notes it once.
    pub sessions: u64,
    /// When for the first time.
    pub first: Timestamp,
    /// When for the last time.
    pub last: Timestamp,
    /// The first one.
    pub example: String,
}

/// A difference between the set in force and its shadow.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Difference {
    /// The workload.
    pub workload: String,
    /// The target.
    pub target: String,
    /// What was decided.
    pub live: String,
    /// What would have been.
    pub shadow: String,
    /// The command, `connect` of a session.
    pub command: String,
    /// What was touched.
    pub touches: String,
    /// By which policies it was decided.
    pub policies: Vec<String>,
    /// By which it would have been.
    pub shadow_policies: Vec<String>,
    /// The shadow set's hash.
    pub shadow_hash: String,
}

/// What came of it.
#[derive(Debug, Default, Serialize)]
pub struct Readiness {
    /// By workload and target.
    pub lines: Vec<Line>,
    /// What the shadow set would have decided otherwise, the most frequent first.
    pub shadow: Vec<ShadowLine>,
    /// What is in no line, since there are too many.
    pub not_shown: u64,
    /// Records that can't be read to their ends.
    pub damaged: u64,
    #[serde(skip)]
    by_place: BTreeMap<(String, String), Line>,
    #[serde(skip)]
    differences: BTreeMap<Difference, ShadowLine>,
}

/// Looks at all that `filter` is about.
///
/// # Errors
/// Where the records can't be read.
pub fn readiness(state_dir: &Path, filter: &Filter, progress: impl FnMut(Progress)) -> Result<Readiness, EvidenceError> {
    let mut found = Readiness::default();
    let walked = walk(state_dir, filter, progress, |session, item| match item {
        Item::Decided(past) => found.decided(session, &past),
        Item::Noted(at, note) => found.noted(session, at, &note),
        Item::Ended(_) => {}
    })?;
    found.damaged = walked.damaged;
    found.lines = std::mem::take(&mut found.by_place).into_values().collect();
    found.shadow = std::mem::take(&mut found.differences).into_values().collect();
    found.shadow.sort_by_key(|line| std::cmp::Reverse(line.sessions));
    Ok(found)
}

impl Readiness {
    fn decided(&mut self, session: &Session, past: &Past) {
        let target = past.target(session).name.clone();
        let Some(line) = self.line(session, target, past.at) else { return };
        line.decisions += 1;
        line.refused += u64::from(!past.passed);
        if past.would_refuse {
            line.refuses(past.at, example(session, past));
        }
    }

    fn noted(&mut self, session: &Session, at: Timestamp, note: &Value) {
        if note.get("what").is_some_and(|what| what == "shadow") {
            return self.shadowed(session, at, note);
        }
        if note.get("would_refuse") == Some(&Value::Bool(true))
            && let Some(line) = self.line(session, session.target.name.clone(), at)
        {
            let operation = note.get("operation").and_then(Value::as_u64);
            line.refuses(at, operation.map_or_else(|| session.id.to_string(), |number| format!("{}/{number}", session.id)));
        }
    }

    fn line(&mut self, session: &Session, target: String, at: Timestamp) -> Option<&mut Line> {
        let key = (workload(session), target);
        if self.by_place.len() >= MOST && !self.by_place.contains_key(&key) {
            self.not_shown += 1;
            return None;
        }
        let line = self.by_place.entry(key).or_insert_with_key(|(workload, target)| Line {
            workload: workload.clone(),
            target: target.clone(),
            decisions: 0,
            refused: 0,
            would_refuse: 0,
            first: at,
            last: at,
            last_would_refuse: None,
            example: None,
            ready_since: at,
        });
        line.last = line.last.max(at);
        if at < line.first {
            line.first = at;
            line.ready_since = line.last_would_refuse.unwrap_or(at);
        }
        Some(line)
    }

    fn shadowed(&mut self, session: &Session, at: Timestamp, note: &Value) {
        let text = |key: &str| note.get(key).and_then(Value::as_str).unwrap_or_default().to_owned();
        let texts = |key: &str| {
            let all = note.get(key).and_then(Value::as_array).into_iter().flatten();
            all.filter_map(|value| value.as_str().map(str::to_owned)).collect()
        };
        let difference = Difference {
            workload: workload(session),
            target: session.target.name.clone(),
            live: text("live"),
            shadow: text("shadow"),
            command: text("command"),
            touches: text("touches"),
            policies: texts("policies"),
            shadow_policies: texts("shadow_policies"),
            shadow_hash: text("shadow_hash"),
        };
        if self.differences.len() >= MOST && !self.differences.contains_key(&difference) {
            self.not_shown += 1;
            return;
        }
        let operation = note.get("operation").and_then(Value::as_u64);
        let example = operation.map_or_else(|| session.id.to_string(), |number| format!("{}/{number}", session.id));
        let line = self.differences.entry(difference).or_insert_with_key(|difference| ShadowLine {
            difference: difference.clone(),
            sessions: 0,
            first: at,
            last: at,
            example,
        });
        line.sessions += 1;
        (line.first, line.last) = (line.first.min(at), line.last.max(at));
    }
}

impl Line {
    fn refuses(&mut self, at: Timestamp, example: String) {
        self.would_refuse += 1;
        if self.last_would_refuse.is_none_or(|last| last <= at) {
            (self.last_would_refuse, self.example, self.ready_since) = (Some(at), Some(example), at);
        }
    }
}

/// The workload as reports name it.
pub(super) fn workload(session: &Session) -> String {
    session.principal.name.clone().unwrap_or_else(|| session.principal.workload.0.clone())
}
