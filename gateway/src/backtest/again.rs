//! Decides again, with a given set or with the very one that decided.

use super::past::{Asked, Past, Session};
use crate::evidence::{EvidenceError, kept_policy};
use gateway_core::inspect::resolve::Mentions;
use gateway_core::policy::PolicySet;
use gateway_core::policy::basis::{KeptOperation, Unkept, Verdict};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Sets, and what they mention of targets, that are remembered.
const MOST: usize = 256;

/// Decides again.
pub struct Judge {
    state_dir: PathBuf,
    /// The set; none for the very one that decided.
    set: Option<Arc<PolicySet>>,
    /// The sets that were in force, by their hashes; none where one is not kept.
    kept: HashMap<String, Option<Arc<PolicySet>>>,
    mentions: HashMap<(String, String), Arc<Mentions>>,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decided {
    /// What the policies say.
    pub verdict: Verdict,
    /// Those that decided.
    pub policies: Vec<String>,
    /// Where it is denied, the question that is not allowed.
    pub refused: Option<String>,
    /// What went wrong.
    pub errors: Vec<String>,
    /// Of the classes that it touches those that are shown.
    pub revealed: Vec<String>,
}

/// Why it can't be said what a set would decide.
#[derive(Debug, thiserror::Error)]
pub enum Undecided {
    /// The record does not tell enough.
    #[error(transparent)]
    Unkept(#[from] Unkept),
    /// The set is not kept.
    #[error("the set that decided is not kept")]
    Set,
    /// It can't be read.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}

impl Judge {
    /// A judge with this set, or with the very one that decided each time.
    #[must_use]
    pub fn new(state_dir: &Path, set: Option<Arc<PolicySet>>) -> Self {
        Self { state_dir: state_dir.to_owned(), set, kept: HashMap::new(), mentions: HashMap::new() }
    }

    /// What is decided now.
    ///
    /// # Errors
    /// Why that can't be said.
    pub fn decide(&mut self, session: &Session, past: &Past) -> Result<Decided, Undecided> {
        let asked = past.asked.as_ref().map_err(Clone::clone)?;
        let set = match &self.set {
            Some(set) => Arc::clone(set),
            None => self.kept(&past.set)?.ok_or(Undecided::Set)?,
        };
        let principal = &session.principal;
        let (decision, prepares) = match asked {
            Asked::Connect(kept, target) => (kept.decide(&set, principal, target), false),
            Asked::Name(kept, name, record_type) => (kept.decide(&set, principal, name, record_type), false),
            Asked::Operation(kept, prepares) => {
                let new = self.mentions(&set, &session.target.name);
                let old = self.old_mentions(kept, past, &session.target.name, &new)?;
                (kept.decide(&set, principal, &session.target, (&old, &new)), *prepares)
            }
        };
        let revealed = match asked {
            Asked::Operation(kept, _) => {
                let touched = past.revealed.iter().chain(&kept.hidden);
                touched.filter(|class| kept.reveals(&set, principal, &session.target, class)).cloned().collect()
            }
            Asked::Connect(..) | Asked::Name(..) => Vec::new(),
        };
        Ok(Decided {
            verdict: Verdict::of(&decision, prepares),
            refused: decision.refused.as_ref().map(|question| question.to_string()),
            policies: decision.policies,
            errors: decision.errors,
            revealed,
        })
    }

    /// What the set mentioned that decided; where what was asked hangs on that, it has to be kept.
    fn old_mentions(
        &mut self,
        kept: &KeptOperation,
        past: &Past,
        target: &str,
        new: &Arc<Mentions>,
    ) -> Result<Arc<Mentions>, Undecided> {
        if !kept.hangs_on_names() {
            return Ok(Arc::clone(new));
        }
        let set = self.kept(&past.set)?.ok_or(Undecided::Set)?;
        Ok(self.mentions(&set, target))
    }

    fn mentions(&mut self, set: &PolicySet, target: &str) -> Arc<Mentions> {
        if self.mentions.len() >= MOST {
            self.mentions.clear();
        }
        let key = (set.hash().to_owned(), target.to_owned());
        Arc::clone(self.mentions.entry(key).or_insert_with(|| Arc::new(set.mentions(target))))
    }

    fn kept(&mut self, hash: &str) -> Result<Option<Arc<PolicySet>>, EvidenceError> {
        if let Some(known) = self.kept.get(hash) {
            return Ok(known.clone());
        }
        if self.kept.len() >= MOST {
            self.kept.clear();
        }
        let kept = kept_policy(&self.state_dir, hash)?;
        let set = kept.and_then(|kept| PolicySet::load(kept.sources()).ok().map(Arc::new));
        self.kept.insert(hash.to_owned(), set.clone());
        Ok(set)
    }
}
