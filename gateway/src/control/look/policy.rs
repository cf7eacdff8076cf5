//! The policy in force, those before it, and what would be wrong with another.

use super::super::CommandError;
use crate::config::PolicyTexts;
use crate::evidence::{self, CameIntoForce, PolicyFile, PolicyHistory};
use crate::ledger::Kind;
use crate::session::context::Shared;
use gateway_core::model::time::Timestamp;
use gateway_core::policy::cases::Outcome;
use gateway_core::policy::{PolicyProblem, PolicySet, SET_BYTES};
use serde::Serialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Replacements that are looked back at.
const LOOKED_BACK: usize = 500;

/// The policy in force.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyInForce {
    /// SHA-256 of its files, as each decision names it.
    pub hash: String,
    /// `enforce` or `observe`.
    pub mode: String,
    /// Where its files are.
    pub dir: String,
    /// Since when it is in force.
    pub since: Option<Timestamp>,
    /// Whether any of its policies heeds grants.
    pub heeds_grants: bool,
    /// Its policies.
    pub policies: Vec<PolicyRow>,
    /// Its files, as they were loaded, and the cases as they are now.
    pub files: Vec<PolicyFile>,
}

/// A policy.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyRow {
    /// Its `@id`.
    pub id: String,
    /// `permit` or `forbid`.
    pub effect: &'static str,
    /// Where it is written.
    pub file: String,
    /// On which line.
    pub line: Option<usize>,
    /// Its annotations.
    pub annotations: BTreeMap<String, String>,
}

/// A set that was in force.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyVersion {
    /// Its hash.
    pub hash: String,
    /// Since when.
    pub since: Timestamp,
    /// Who put it in force; `weir` where it was there when the gateway started.
    pub by: String,
    /// Whether its files are kept.
    pub kept: bool,
}

/// What such a set was.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ShownVersion {
    /// Its hash, which its files have.
    pub hash: String,
    /// When it first came into force here; none where the log does not say.
    pub since: Option<Timestamp>,
    /// Its files.
    pub files: Vec<PolicyFile>,
}

/// What came of checking files.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct CheckedPolicy {
    /// The hash that the set would have; none where it is none.
    pub hash: Option<String>,
    /// How many policies it has.
    pub policies: Option<usize>,
    /// What is wrong.
    pub problems: Vec<PolicyProblemAt>,
    /// What it says to the cases.
    pub cases: Vec<PolicyCase>,
}

/// Something wrong with a file.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyProblemAt {
    /// Which.
    pub file: String,
    /// On which line.
    pub line: Option<usize>,
    /// What, and what to do.
    pub problem: String,
}

/// A case, and what was decided.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct PolicyCase {
    /// Where it is written.
    pub file: String,
    /// On which line.
    pub line: usize,
    /// Its name.
    pub name: String,
    /// Whether it came out as expected.
    pub passed: bool,
    /// What was expected.
    pub expected: String,
    /// What came out.
    pub got: String,
    /// By which policies.
    pub policies: Vec<String>,
    /// What to know of it.
    pub notes: Vec<String>,
}

/// What the log was read of already.
pub(super) type History = Mutex<PolicyHistory>;

pub(super) fn in_force(shared: &Shared, history: &History) -> Result<PolicyInForce, CommandError> {
    let (set, settings) = (shared.policy.load_full(), &shared.config.policy);
    let kept = evidence::kept_policy(&shared.config.state_dir, set.hash())?;
    let since = locked(history).read(&shared.config.state_dir)?.last().map(|set| set.at);
    let mut files = kept.map(|kept| kept.files).unwrap_or_default();
    // Cases are no part of the set: what is there now is shown.
    let cases = PolicyTexts::read(&settings.dir).map(|texts| texts.cases).unwrap_or_default();
    files.extend(cases.into_iter().map(|(name, text)| PolicyFile { name, text }));
    let row = |entry: &gateway_core::policy::Entry| PolicyRow {
        id: entry.id.clone(),
        effect: if entry.permits { "permit" } else { "forbid" },
        file: entry.file.clone(),
        line: entry.line,
        annotations: entry.annotations.iter().map(|(key, value)| (key.clone(), value.clone())).collect(),
    };
    Ok(PolicyInForce {
        hash: set.hash().to_owned(),
        mode: settings.mode.to_string(),
        dir: settings.dir.display().to_string(),
        since,
        heeds_grants: set.heeds_grants(),
        policies: set.entries().map(row).collect(),
        files,
    })
}

/// The newest first.
pub(super) fn versions(shared: &Shared, history: &History) -> Result<Vec<PolicyVersion>, CommandError> {
    let state_dir = &shared.config.state_dir;
    let events = shared.ledger.events_of(Kind::PolicyReplaced, LOOKED_BACK)?;
    // What somebody put in force is told just after it came into force.
    let by = |set: &CameIntoForce| {
        let event = events.iter().find(|event| {
            let hash = event.details.get("set_hash").and_then(serde_json::Value::as_str);
            hash == Some(set.hash.as_str()) && event.at.0.abs_diff(set.at.0) < 60_000_000_000
        });
        event.map_or_else(|| "weir".to_owned(), |event| event.by.clone())
    };
    let mut all = Vec::new();
    for set in locked(history).read(state_dir)?.iter().rev().take(LOOKED_BACK) {
        let kept = evidence::kept_policy(state_dir, &set.hash)?.is_some();
        all.push(PolicyVersion { by: by(set), hash: set.hash.clone(), since: set.at, kept });
    }
    Ok(all)
}

pub(super) fn version(shared: &Shared, history: &History, hash: &str) -> Result<ShownVersion, CommandError> {
    let kept = evidence::kept_policy(&shared.config.state_dir, hash)?;
    let kept = kept.ok_or_else(|| CommandError::Missing(format!("policy set {hash}")))?;
    let mut history = locked(history);
    let first = history.read(&shared.config.state_dir)?.iter().find(|set| set.hash == hash);
    Ok(ShownVersion { hash: hash.to_owned(), since: first.map(|set| set.at), files: kept.files })
}

fn locked(history: &History) -> MutexGuard<'_, PolicyHistory> {
    history.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Checks files as a set: those that end in `.toml` are cases.
pub(super) fn check(files: Vec<PolicyFile>) -> CheckedPolicy {
    let mut checked = CheckedPolicy { hash: None, policies: None, problems: Vec::new(), cases: Vec::new() };
    if files.iter().map(|file| file.text.len()).sum::<usize>() > SET_BYTES {
        let problem = format!("the files have more than {SET_BYTES} bytes together");
        checked.problems.push(PolicyProblemAt { file: String::new(), line: None, problem });
        return checked;
    }
    let mut texts = PolicyTexts::default();
    for PolicyFile { name, text } in files {
        let to = if name.ends_with(".toml") { &mut texts.cases } else { &mut texts.policies };
        to.push((name, text));
    }
    texts.policies.sort();
    let done = texts.load().and_then(|set: PolicySet| {
        (checked.hash, checked.policies) = (Some(set.hash().to_owned()), Some(set.len()));
        texts.run(&set)
    });
    match done {
        Ok(outcomes) => checked.cases = outcomes.into_iter().map(case).collect(),
        Err(problems) => checked.problems = problems.into_iter().map(problem).collect(),
    }
    checked
}

fn case(outcome: Outcome) -> PolicyCase {
    let Outcome { name, file, line, expected, got, policies, passed, notes } = outcome;
    PolicyCase { file, line, name, passed, expected: expected.to_string(), got: got.to_string(), policies, notes }
}

fn problem(problem: PolicyProblem) -> PolicyProblemAt {
    let PolicyProblem { file, line, what } = problem;
    PolicyProblemAt { file, line, problem: what }
}
