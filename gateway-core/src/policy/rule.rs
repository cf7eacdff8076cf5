//! A policy in the form that it is evaluated in: one expression, by Cedar's own evaluator.
//!
//! What the place of a policy in the set's slices has answered already is left out of its expression, and so are the places in its
//! text, which an evaluation would carry along in every step. What it says of a question is the same: its scope can't fail, and what
//! is left out of it holds.

use super::reads::Reads;
use super::slice::{ACTIONS, concerns};
use cedar_policy::{ActionConstraint, Effect, Policy, PrincipalConstraint, ResourceConstraint};
use cedar_policy_core::ast::{self, Expr, Literal, ValueKind};
use cedar_policy_core::evaluator::Evaluator;
use std::collections::HashMap;
use std::sync::Arc;

/// A policy, for the questions of one action.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    id: Arc<str>,
    permits: bool,
    /// What has to hold; none where that is nothing.
    condition: Option<Expr>,
    /// Its answer is the same for everything in a target.
    whole: bool,
}

/// Rules of one place, in two lists: those that ask for the resource, and those that need not be asked again for another one.
#[derive(Debug, Default)]
pub(super) struct Rules {
    whole: Vec<Rule>,
    each: Vec<Rule>,
}

/// What rules say to a question, before it is weighed.
#[derive(Clone, Debug, Default)]
pub(super) struct Said<'s> {
    /// The permits that hold, by their ids.
    pub(super) permits: Vec<&'s str>,
    pub(super) forbids: Vec<&'s str>,
    pub(super) errors: Vec<String>,
}

impl Rule {
    /// The policy of this id for each of the actions that it concerns.
    pub(super) fn of<'r>(
        id: &str,
        policy: &'r Policy,
        reads: &Reads,
    ) -> Result<impl Iterator<Item = (&'static str, Self)> + 'r, String> {
        let written: &ast::Policy = policy.as_ref();
        let plain = policy.to_pst().map_err(|error| error.to_string())?;
        let plain = ast::Policy::try_from(plain).map_err(|error| error.to_string())?;
        // It is the same by what Cedar promises; where it is not, it keeps its places.
        let plain = if plain.condition().eq_shape(&written.condition()) { plain } else { written.clone() };
        let id = Arc::from(id);
        let whole = !reads.resource && is_for_whole_targets(policy);
        let permits = policy.effect() == Effect::Permit;
        Ok(ACTIONS.into_iter().filter(|action| concerns(policy, action)).map(move |action| {
            let principal =
                (policy.principal_constraint() != PrincipalConstraint::Any).then(|| plain.principal_constraint().as_expr());
            let verb = (!is_for(policy, action)).then(|| plain.action_constraint().as_expr());
            let resource = (!is_for_whole_targets(policy)).then(|| plain.resource_constraint().as_expr());
            let body = plain.non_scope_constraints().cloned();
            let condition = [principal, verb, resource, body].into_iter().flatten().reduce(Expr::and);
            (action, Self { id: Arc::clone(&id), permits, condition, whole })
        }))
    }

    /// Asks it.
    fn put<'s>(&'s self, evaluator: &Evaluator<'_>, said: &mut Said<'s>) {
        let holds = match &self.condition {
            None => Ok(true),
            Some(condition) => match evaluator.interpret(condition, &HashMap::new()) {
                Ok(value) => match value.value_kind() {
                    ValueKind::Lit(Literal::Bool(holds)) => Ok(*holds),
                    _ => Err(format!("the conditions of the policy {} are neither true nor false", self.id)),
                },
                // In the words of Cedar's authorizer.
                Err(error) => Err(format!("error while evaluating policy `{}`: {error}", self.id)),
            },
        };
        match holds {
            Ok(true) if self.permits => said.permits.push(&self.id),
            Ok(true) => said.forbids.push(&self.id),
            Ok(false) => {}
            Err(error) => said.errors.push(error),
        }
    }
}

impl Rules {
    pub(super) fn add(&mut self, rule: Rule) {
        if rule.whole { self.whole.push(rule) } else { self.each.push(rule) }
    }

    /// Asks those whose answer is the same for everything in the target.
    pub(super) fn put_whole<'s>(&'s self, evaluator: &Evaluator<'_>, said: &mut Said<'s>) {
        self.whole.iter().for_each(|rule| rule.put(evaluator, said));
    }

    /// Whether any asks for the resource.
    pub(super) const fn asks_each(&self) -> bool {
        !self.each.is_empty()
    }

    /// Asks the others.
    pub(super) fn put_each<'s>(&'s self, evaluator: &Evaluator<'_>, said: &mut Said<'s>) {
        self.each.iter().for_each(|rule| rule.put(evaluator, said));
    }
}

/// Whether a scope holds for every question of an action that it concerns.
fn is_for(policy: &Policy, action: &str) -> bool {
    match policy.action_constraint() {
        ActionConstraint::Any | ActionConstraint::In(_) => true,
        // Nothing but the group itself is the group.
        ActionConstraint::Eq(named) => named.id().unescaped() == action,
    }
}

/// Whether a scope holds for all that is in the target of its place.
fn is_for_whole_targets(policy: &Policy) -> bool {
    match policy.resource_constraint() {
        ResourceConstraint::Any => true,
        ResourceConstraint::In(named) => named.type_name().to_string() == "Target",
        ResourceConstraint::Eq(_) | ResourceConstraint::Is(_) | ResourceConstraint::IsIn(..) => false,
    }
}
