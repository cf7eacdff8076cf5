//! The least policy that lets a workload do what it was seen to do, with the evidence.
//!
//! `needs` gathers what went through; `write` makes policies of it. What comes out is decided over the same records once
//! more, so that it is known, and not hoped, to be enough.

mod needs;
mod write;

use super::again::{Judge, Undecided};
use super::past::{Filter, Item, Past, Progress, walk};
use crate::evidence::EvidenceError;
use gateway_core::policy::basis::Verdict;
use gateway_core::policy::{PolicyProblem, PolicySet};
use needs::Needs;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// The name that the file has in the set that is decided with.
const FILE: &str = "suggested.cedar";

/// A suggestion.
#[derive(Debug)]
pub struct Suggestion {
    /// The policies, with their evidence as comments.
    pub text: String,
    /// How many there are.
    pub policies: usize,
    /// The set's hash, were it a file of that name alone.
    pub hash: String,
    /// Decisions that it was made from.
    pub decisions: u64,
    /// Of what went through, what it would not allow: by the reason. None is what is meant.
    pub short: BTreeMap<String, u64>,
    /// Of what went through, what it leaves to a person to add: not understood, or by broken glass.
    pub left_out: u64,
    /// Decisions that can't be made again, by the reason.
    pub not_judged: BTreeMap<String, u64>,
}

/// Why there is none.
#[derive(Debug, thiserror::Error)]
pub enum SuggestError {
    /// The records can't be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// There is nothing to go by.
    #[error("no recorded decision of {0} can be gone by: see `weir session list` for workloads, or give a longer --since")]
    Nothing(String),
    /// It would be too long.
    #[error("it did more than {0} different things: narrow it with --target, or write a policy by schema")]
    TooMuch(usize),
    /// What was written is no good set: a fault of ours.
    #[error("what was suggested is no good set, which is a fault of weir's: {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))]
    Bad(Vec<PolicyProblem>),
}

/// Suggests policies for the workload that `filter` names. Quotas are `headroom` times what was seen at most.
///
/// # Errors
/// Why there is no suggestion.
pub fn suggest(
    state_dir: &Path,
    filter: &Filter,
    headroom: u64,
    mut progress: impl FnMut(Progress),
) -> Result<Suggestion, SuggestError> {
    let mut needs = Needs::default();
    walk(state_dir, filter, &mut progress, |session, item| match item {
        Item::Decided(past) => needs.add(session, &past),
        Item::Ended(ended) => needs.ended(session, &ended),
        Item::Noted(..) => {}
    })?;
    if needs.decisions == 0 {
        return Err(SuggestError::Nothing(filter.workload.clone().unwrap_or_default()));
    }
    if needs.is_too_much() {
        return Err(SuggestError::TooMuch(needs::MOST));
    }
    needs.close();
    let text = write::text(&needs, headroom.max(1));
    let set = PolicySet::load(vec![(FILE.to_owned(), text.clone())]).map_err(SuggestError::Bad)?;
    let mut suggestion = Suggestion {
        text,
        policies: set.len(),
        hash: set.hash().to_owned(),
        decisions: needs.decisions,
        short: BTreeMap::new(),
        left_out: needs.left_out,
        not_judged: std::mem::take(&mut needs.not_judged),
    };
    let mut judge = Judge::new(state_dir, Some(Arc::new(set)));
    let mut failed = None;
    walk(state_dir, filter, progress, |session, item| {
        let Item::Decided(past) = item else { return };
        if failed.is_some() || !counts(&past) {
            return;
        }
        match judge.decide(session, &past) {
            Ok(now) if now.verdict != Verdict::Allow && now.verdict != past.verdict => {
                let what = now.refused.unwrap_or_else(|| past.touched.join(", "));
                *suggestion.short.entry(format!("{} {what}: {}", past.command, now.policies.join(", "))).or_default() += 1;
            }
            Ok(_) | Err(Undecided::Unkept(_) | Undecided::Set) => {}
            Err(Undecided::Evidence(error)) => failed = Some(error),
        }
    })?;
    match failed {
        Some(error) => Err(error.into()),
        None => Ok(suggestion),
    }
}

/// Whether a suggestion has to let this through: it went through, and no person has to think about it first.
fn counts(past: &Past) -> bool {
    past.passed && needs::doubt(past).is_none()
}
