//! A second policy set beside the one in force: what it would decide otherwise is noted in the record, and nothing else comes of it.

use crate::config::load_policy;
use crate::session::judge::Judged;
use crate::session::live::Session;
use arc_swap::ArcSwapOption;
use gateway_core::policy::PolicySet;
use gateway_core::policy::basis::Verdict;
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// The shadow of a gateway.
#[derive(Debug, Default)]
pub struct Shadow {
    set: ArcSwapOption<PolicySet>,
    decided: AtomicU64,
    differed: AtomicU64,
}

impl Shadow {
    /// With this set from the beginning, where there is one.
    #[must_use]
    pub fn new(set: Option<PolicySet>) -> Self {
        Self { set: ArcSwapOption::from(set.map(Arc::new)), ..Self::default() }
    }

    /// Reads the set of a folder; none where no folder is named.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn read(dir: Option<&Path>) -> Result<Option<PolicySet>, String> {
        let set = dir.map(load_policy).transpose();
        set.map(|set| set.map(|(set, _)| set)).map_err(|error| format!("the shadow set can't be used: {error:#}"))
    }

    /// Takes another set.
    pub fn replace(&self, set: Option<PolicySet>) {
        if let Some(set) = &set {
            let (decided, differed) = (self.decided.load(Ordering::Relaxed), self.differed.load(Ordering::Relaxed));
            tracing::info!(shadow = set.hash(), decided, differed, "the shadow set was replaced");
        }
        self.set.store(set.map(Arc::new));
    }

    /// The set, where there is one.
    #[must_use]
    pub fn set(&self) -> Option<Arc<PolicySet>> {
        self.set.load_full()
    }

    /// Counts decisions of it, and how many of them were other ones.
    pub fn count(&self, decided: u64, differed: u64) {
        self.decided.fetch_add(decided, Ordering::Relaxed);
        self.differed.fetch_add(differed, Ordering::Relaxed);
    }

    /// What it would have decided at the door, for the record; none where that is the same.
    #[must_use]
    pub fn at_the_door(&self, session: &Session, judged: &Judged) -> Option<Value> {
        let set = self.set()?;
        // What people have approved, they approved under the set in force.
        if !judged.decision.holds.is_empty() && judged.decision.allows() {
            return None;
        }
        let place = session.place();
        let would = judged.basis.decide(&set, &session.principal, &place.target);
        let (live, shadow) = (Verdict::of(&judged.decision, false), Verdict::of(&would, false));
        self.count(1, u64::from(live != shadow));
        (live != shadow).then(|| {
            json!({
                "what": "shadow", "live": live.name(), "shadow": shadow.name(), "command": "connect",
                "touches": format!("connect {}", place.target.name), "policies": judged.decision.policies,
                "shadow_policies": would.policies, "errors": would.errors, "set_hash": judged.set, "shadow_hash": set.hash(),
            })
        })
    }
}
