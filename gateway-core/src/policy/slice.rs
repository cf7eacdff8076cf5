//! A set cut by what a question can meet, so that a question asks few policies and not all.
//!
//! A policy is left out only where its scope can't hold: it would neither decide nor fail there,
//! since a scope is evaluated before the conditions. So cutting changes no decision.

use super::names::{self, Kind};
use super::rule::{Rule, Rules};
use cedar_policy::{ActionConstraint, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};
use std::collections::BTreeMap;

/// All actions, by their names.
pub(super) const ACTIONS: [&str; 9] =
    ["resolve", "connect", "read", "write", "define", "administer", "call", "session", "reveal"];
/// The group of the six actions of statements.
const GROUP: &str = "operation";

/// The policies of one action, by the workload and the target that their scopes name.
#[derive(Debug, Default)]
pub(super) struct Slice {
    any: Rules,
    of_workload: BTreeMap<String, Rules>,
    of_target: BTreeMap<String, Rules>,
    of_both: BTreeMap<String, BTreeMap<String, Rules>>,
}

impl Slice {
    /// What a question of this workload on this target can meet: at most four lists.
    pub(super) fn of<'s>(&'s self, workload: &str, target: &str) -> impl Iterator<Item = &'s Rules> + use<'s> {
        let of_workload = self.of_workload.get(workload);
        let of_target = self.of_target.get(target);
        let of_both = self.of_both.get(workload).and_then(|targets| targets.get(target));
        [Some(&self.any), of_workload, of_target, of_both].into_iter().flatten()
    }

    pub(super) fn add(&mut self, policy: &Policy, rule: Rule) {
        let rules = match (workload(policy), target(policy)) {
            (None, None) => &mut self.any,
            (Some(workload), None) => self.of_workload.entry(workload).or_default(),
            (None, Some(target)) => self.of_target.entry(target).or_default(),
            (Some(workload), Some(target)) => self.of_both.entry(workload).or_default().entry(target).or_default(),
        };
        rules.add(rule);
    }
}

/// Whether a policy's scope can hold for the action of this name.
pub(super) fn concerns(policy: &Policy, action: &str) -> bool {
    let is = |named: &EntityUid| {
        let named = named.id().unescaped();
        named == action || named == GROUP && !matches!(action, "resolve" | "connect" | "reveal")
    };
    match policy.action_constraint() {
        ActionConstraint::Any => true,
        ActionConstraint::Eq(named) => is(&named),
        ActionConstraint::In(list) => list.iter().any(is),
    }
}

/// Whether a policy's scope names the action of this name itself.
pub(super) fn names(policy: &Policy, action: &str) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any => false,
        ActionConstraint::Eq(named) => named.id().unescaped() == action,
        ActionConstraint::In(list) => list.iter().any(|named| named.id().unescaped() == action),
    }
}

/// The one workload that the scope names.
fn workload(policy: &Policy) -> Option<String> {
    match policy.principal_constraint() {
        PrincipalConstraint::Eq(workload) => Some(workload.id().unescaped().to_owned()),
        PrincipalConstraint::Any | PrincipalConstraint::In(_) | PrincipalConstraint::Is(_) | PrincipalConstraint::IsIn(..) => {
            None
        }
    }
}

/// The one target that the scope names, or that what it names is in.
fn target(policy: &Policy) -> Option<String> {
    let named = match policy.resource_constraint() {
        ResourceConstraint::Eq(named) | ResourceConstraint::In(named) | ResourceConstraint::IsIn(_, named) => named,
        ResourceConstraint::Any | ResourceConstraint::Is(_) => return None,
    };
    let kind = named.type_name().to_string();
    match Kind::of(&kind) {
        Some(kind) => names::parse(kind, named.id().unescaped()).ok().map(|parts| parts.target),
        None => (kind == "Target").then(|| named.id().unescaped().to_owned()),
    }
}
