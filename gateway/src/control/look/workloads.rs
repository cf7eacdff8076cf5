//! Workloads: those that are configured, those that are live, and those that were seen lately.

use super::super::CommandError;
use super::{Actor, On, Role, records};
use crate::config::WorkloadRule;
use crate::evidence;
use crate::ledger::InForce;
use crate::session::context::Shared;
use crate::session::owner::Ownership;
use gateway_core::control::block::Concerned;
use gateway_core::model::ids::{BlockId, RunId, SessionId};
use gateway_core::model::principal::{Grade, Principal, WorkloadId};
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

/// Records that are looked at for workloads, beginning with the newest.
const LOOKED_AT: usize = 2_000;
/// Workloads that are remembered.
const MOST: usize = 10_000;
/// Targets that are named of each.
const TARGETS: usize = 50;

/// A workload.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct ShownWorkload {
    /// Its SPIFFE id; the name of its `[[workload]]` where it was not seen yet.
    pub workload: String,
    /// The name of its `[[workload]]`.
    pub name: Option<String>,
    /// Who answers for it.
    pub owner: Option<String>,
    /// Whether they are there: not where nobody owns it, or they have left.
    pub owner_active: bool,
    /// What happens when they leave: `block`, `hold` or `alert`.
    pub on_owner_leave: Option<&'static str>,
    /// How well it is known; none where it was not seen yet.
    pub grade: Option<String>,
    /// Sessions that are live.
    pub live: u64,
    /// Runs of these.
    pub runs: u64,
    /// When it last connected, as far as records were looked at.
    pub last_seen: Option<Timestamp>,
    /// The process that connected then: the evidence of who it is.
    #[schema(value_type = Option<Object>)]
    pub process: Option<Value>,
    /// What the job said of itself then: a hint, no proof.
    #[schema(value_type = Option<Object>)]
    pub claims: Option<Value>,
    /// What the issuer of its token signed.
    #[schema(value_type = Option<Object>)]
    pub attested: Option<Value>,
    /// What it connected to.
    pub targets: Vec<String>,
    /// The block that refuses all of it.
    pub blocked: Option<BlockId>,
}

/// What was seen in records.
#[derive(Debug, Default)]
pub(super) struct Seen(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    /// The newest record that was looked at.
    newest: Option<SessionId>,
    workloads: BTreeMap<String, Known>,
}

#[derive(Clone, Debug)]
struct Known {
    principal: Value,
    last: Timestamp,
    targets: BTreeSet<String>,
}

/// Those that `actor` may see, by their ids.
pub(super) fn list(shared: &Shared, seen: &Seen, actor: &Actor) -> Result<Vec<ShownWorkload>, CommandError> {
    let mut all = BTreeMap::new();
    for (id, known) in seen.catch_up(shared)? {
        let mut shown = ShownWorkload::of(&id, &known.principal);
        (shown.last_seen, shown.targets) = (Some(known.last), known.targets.into_iter().collect());
        all.insert(id, shown);
    }
    let mut runs = BTreeMap::<String, BTreeSet<_>>::new();
    for session in shared.live.all() {
        let id = session.principal.workload.to_string();
        let fresh = || ShownWorkload::of(&id, &serde_json::to_value(&session.principal).unwrap_or_default());
        let shown = all.entry(id.clone()).or_insert_with(fresh);
        shown.live += 1;
        shown.last_seen = shown.last_seen.max(Some(session.opened));
        runs.entry(id).or_default().insert(session.run);
    }
    for (id, runs) in runs {
        if let Some(shown) = all.get_mut(&id) {
            shown.runs = runs.len() as u64;
        }
    }
    let rules = &shared.config.workloads;
    let in_force = shared.ledger.in_force();
    for shown in all.values_mut() {
        let rule = rules.iter().find(|rule| shown.name.as_ref() == Some(&rule.name));
        shown.on_owner_leave = rule.map(|rule| rule.on_owner_leave.name());
        let principal = shown.principal();
        let standing = Ownership::of(rules, &in_force, &principal);
        (shown.owner_active, shown.owner) = (standing.is_active(), standing.owner.or_else(|| shown.owner.take()));
        shown.blocked = blocked(shared, &in_force, &principal);
    }
    let not_seen: Vec<_> =
        rules.iter().filter(|rule| !all.values().any(|shown| shown.name.as_ref() == Some(&rule.name))).collect();
    let mut list: Vec<_> =
        all.into_values().chain(not_seen.into_iter().map(|rule| ShownWorkload::only_configured(rule, &in_force))).collect();
    let may = |shown: &ShownWorkload| {
        let workload = Some((shown.workload.as_str(), shown.name.as_deref()));
        let any = |target: Option<&str>| actor.may(Role::Viewer, On { target, workload });
        any(None) || shown.targets.iter().any(|target| any(Some(target)))
    };
    list.retain(may);
    Ok(list)
}

impl Seen {
    /// Looks at the records that are new since the last look.
    fn catch_up(&self, shared: &Shared) -> Result<Vec<(String, Known)>, CommandError> {
        let state_dir = &shared.config.state_dir;
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let newest = state.newest;
        let fresh: Vec<_> =
            records::newest_first(state_dir)?.take_while(|id| newest.is_none_or(|newest| *id > newest)).take(LOOKED_AT).collect();
        state.newest = fresh.first().copied().or(newest);
        for id in fresh.into_iter().rev() {
            let Ok(opened) = records::opened(state_dir, id) else { continue };
            state.hear(id, &opened);
        }
        Ok(state.workloads.iter().map(|(id, known)| (id.clone(), known.clone())).collect())
    }
}

impl State {
    fn hear(&mut self, id: SessionId, opened: &Value) {
        let text = |pointer: &str| opened.pointer(pointer).and_then(Value::as_str);
        let (Some(workload), Some(target), Some(_)) = (text("/principal/workload"), text("/target/name"), text("/original"))
        else {
            return;
        };
        // What the gateway notes of itself is no workload's.
        if text("/original") == Some(evidence::NOWHERE)
            || (self.workloads.len() >= MOST && !self.workloads.contains_key(workload))
        {
            return;
        }
        let principal = opened.get("principal").cloned().unwrap_or_default();
        let last = id.made_at();
        let fresh = || Known { principal: Value::Null, last, targets: BTreeSet::new() };
        let known = self.workloads.entry(workload.to_owned()).or_insert_with(fresh);
        (known.principal, known.last) = (principal, last);
        if known.targets.len() < TARGETS {
            known.targets.insert(target.to_owned());
        }
    }
}

impl ShownWorkload {
    fn of(id: &str, principal: &Value) -> Self {
        let text = |name: &str| principal.get(name).and_then(Value::as_str).map(str::to_owned);
        let part = |name: &str| principal.get(name).filter(|part| !part.is_null()).cloned();
        Self {
            workload: id.to_owned(),
            name: text("name"),
            owner: text("owner"),
            owner_active: false,
            on_owner_leave: None,
            grade: text("grade"),
            live: 0,
            runs: 0,
            last_seen: None,
            process: part("process"),
            claims: part("claims"),
            attested: part("attested"),
            targets: Vec::new(),
            blocked: None,
        }
    }

    /// Who it was when it connected last.
    fn principal(&self) -> Principal {
        Principal {
            workload: WorkloadId(self.workload.clone()),
            name: self.name.clone(),
            owner: self.owner.clone(),
            grade: Grade::Kernel,
            run: RunId::from_number(0),
            process: read(self.process.as_ref()).unwrap_or_default(),
            claims: read(self.claims.as_ref()),
            attested: read(self.attested.as_ref()),
            attestation_failure: None,
            person: None,
        }
    }

    fn only_configured(rule: &WorkloadRule, in_force: &InForce) -> Self {
        let standing = Ownership::of_rule(rule, in_force);
        Self {
            owner_active: standing.is_active(),
            name: Some(rule.name.clone()),
            owner: standing.owner,
            on_owner_leave: Some(rule.on_owner_leave.name()),
            ..Self::of(&rule.name, &Value::Null)
        }
    }
}

/// The block that refuses it, whatever it connects to.
fn blocked(shared: &Shared, in_force: &InForce, principal: &Principal) -> Option<BlockId> {
    let target = Target { name: String::new(), environment: None, protocol: ProtocolName::Opaque, configured: false };
    let concerned = Concerned { principal, target: &target, credential: None, host: shared.resolver.host() };
    in_force.blocks.iter().find(|block| block.subject.names(&concerned)).map(|block| block.id)
}

fn read<T: DeserializeOwned>(value: Option<&Value>) -> Option<T> {
    value.and_then(|value| T::deserialize(value).ok())
}
