//! What becomes of the workloads of people who have left: what they own, what is live of it, and what is told.

use crate::ledger::{Departure, InForce, Kind};
use crate::session::context::Shared;
use crate::session::judge::judge_live;
use crate::session::owner::{Gone, Ownership, WorkloadRule};
use gateway_core::directory::folded;
use gateway_core::model::ids::SessionId;
use serde::Serialize;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};

/// Sessions of a workload that an event names.
const MOST_SESSIONS: usize = 100;

/// What somebody owned who has left, as the event has it.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Affected {
    workload: String,
    owner: String,
    successor: Option<String>,
    /// What becomes of it: `blocked`, `held` or `goes on`.
    then: &'static str,
    /// Its live sessions at that moment.
    sessions: BTreeSet<SessionId>,
}

/// What is known of a workload beside the ledger: by the configuration, and by what is live.
#[derive(Clone, Debug, Default)]
pub(super) struct Owned(pub(super) BTreeMap<String, Known>);

/// What is known of one.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) standing: Ownership,
    pub(super) spiffe: Option<String>,
    pub(super) successor: Option<String>,
    /// Its owner by the configuration.
    pub(super) configured: Option<String>,
    pub(super) sessions: BTreeSet<SessionId>,
}

impl Owned {
    /// What these entries say.
    pub(super) fn configured(rules: &[WorkloadRule], in_force: &InForce) -> Self {
        let of = |rule: &WorkloadRule| {
            let standing = Ownership::of_rule(rule, in_force);
            let (successor, configured) = (rule.successor.clone(), rule.owner.clone());
            let known = Known { standing, spiffe: None, successor, configured, sessions: BTreeSet::new() };
            (rule.name.clone(), known)
        };
        Self(rules.iter().map(of).collect())
    }

    /// The same, and what is live here.
    pub(super) fn at(shared: &Shared, in_force: &InForce) -> Self {
        let mut all = Self::configured(&shared.config.workloads, in_force);
        for session in shared.live.all() {
            let principal = &session.principal;
            let name = principal.name.clone().unwrap_or_else(|| principal.workload.0.clone());
            let known = all.0.entry(name).or_insert_with(|| Known {
                standing: Ownership::of(&shared.config.workloads, in_force, principal),
                spiffe: None,
                successor: None,
                configured: principal.owner.clone(),
                sessions: BTreeSet::new(),
            });
            known.spiffe = Some(principal.workload.0.clone());
            known.sessions.insert(session.id);
        }
        all
    }

    pub(super) fn find(&self, workload: &str) -> Option<(&str, &Known)> {
        let by_id = || self.0.iter().find(|(_, known)| known.spiffe.as_deref() == Some(workload));
        self.0.get_key_value(workload).or_else(by_id).map(|(name, known)| (name.as_str(), known))
    }
}

/// What those own who are called so, at this gateway, and what becomes of it.
pub(super) fn affected(shared: &Shared, names: &BTreeSet<String>) -> Vec<Affected> {
    if names.is_empty() {
        return Vec::new();
    }
    let Owned(all) = Owned::at(shared, &shared.ledger.in_force());
    let theirs = |known: &Known| known.standing.owner.clone().filter(|owner| names.contains(&folded(owner)));
    let one = |(workload, known): (String, Known)| {
        let owner = theirs(&known)?;
        let rule = shared.config.workloads.iter().find(|rule| rule.name == workload);
        let then = rule.map(|rule| rule.on_owner_leave).unwrap_or_default().outcome();
        let sessions = known.sessions.into_iter().take(MOST_SESSIONS).collect();
        Some(Affected { workload, owner, successor: known.successor, then, sessions })
    };
    all.into_iter().filter_map(one).collect()
}

/// Judges every live session whose owner stands otherwise than before: those of owners who have left just now.
///
/// A session is in the table before it is judged, so none is missed between a leaving and this.
pub(super) fn judge_those_of(shared: &Shared, before: &InForce, now: &InForce) -> Vec<(SessionId, Gone)> {
    let mut left = Vec::new();
    if before.left == now.left && before.takeovers == now.takeovers {
        return left;
    }
    for session in shared.live.all() {
        let standing = |in_force| Ownership::of(&shared.config.workloads, in_force, &session.principal);
        let (was, is) = (standing(before), standing(now));
        if was != is {
            judge_live(shared, &session, "its owner has left, or another has it");
            left.extend(is.gone.filter(|_| was.gone.is_none()).map(|gone| (session.id, gone)));
        }
    }
    left
}

/// The same, and tells of those that another gateway has heard of, and could not tell of.
pub(super) fn follow(shared: &Shared, before: &InForce, now: &InForce) {
    let mut told = BTreeMap::<String, (Departure, BTreeMap<String, Affected>)>::new();
    for (session, gone) in judge_those_of(shared, before, now) {
        if gone.departure.holder == shared.ledger.holder() {
            continue;
        }
        let (_, workloads) =
            told.entry(gone.departure.person.clone()).or_insert_with(|| ((*gone.departure).clone(), BTreeMap::new()));
        let fresh = || Affected {
            workload: gone.workload.clone(),
            owner: gone.owner.clone(),
            successor: gone.successor.clone(),
            then: gone.then.outcome(),
            sessions: BTreeSet::new(),
        };
        let affected = workloads.entry(gone.workload.clone()).or_insert_with(fresh);
        if affected.sessions.len() < MOST_SESSIONS {
            affected.sessions.insert(session);
        }
    }
    for (person, (departure, workloads)) in told {
        let workloads: Vec<_> = workloads.into_values().collect();
        let details = json!({ "how": departure.how, "workloads": workloads, "alert": "high" });
        // Away from the thread that cuts what is live.
        shared
            .follower
            .soon(move |ledger| ledger.change(|change| change.tell(Kind::OwnerLeft, &departure.by, &person, &details)));
    }
}
