//! The shadow set beside a session's judge: decisions that are made anew are made by it, too, and what differs is noted once.

use super::operation::Part;
use super::verdict::{Bench, Judged};
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::resolve::{Mentions, Scope, resolve, resolve_function_call};
use gateway_core::policy::basis::Verdict;
use gateway_core::policy::{Decision, PolicySet, Stretch, Totals};
use gateway_core::protocol::OperationId;
use serde_json::{Value, json};
use std::collections::HashSet;
use std::sync::Arc;

/// Differences that are noted of a session; what is beyond is counted by the gateway alone.
const MOST: usize = 100;

/// What tells differences apart.
#[derive(Debug, PartialEq, Eq, Hash)]
struct Difference {
    live: &'static str,
    shadow: &'static str,
    command: &'static str,
    touches: String,
    policies: Vec<String>,
    shadow_policies: Vec<String>,
}

/// The shadow of a session's judge.
pub(super) struct Beside {
    set: Arc<PolicySet>,
    mentions: Mentions,
    told: HashSet<Difference>,
}

/// What came of a text.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// What is to be noted.
    pub(super) notes: Vec<Value>,
    pub(super) decided: u64,
    pub(super) differed: u64,
}

impl Beside {
    pub(super) fn new(set: Arc<PolicySet>, target: &str) -> Self {
        Self { mentions: set.mentions(target), set, told: HashSet::new() }
    }

    /// The totals for which the decisions of both sets hold. Where nobody knows that of the shadow's, those of the set in force.
    pub(super) fn within(&self, stretch: Stretch, totals: &Totals) -> Stretch {
        match self.set.stretch(totals) {
            Some(own) => stretch.and(own),
            None => stretch,
        }
    }

    /// Decides on what was `judged` by `bench`.
    pub(super) fn compare(
        &mut self,
        id: OperationId,
        bench: &Bench<'_>,
        judged: &Judged,
        totals: impl Fn(u64) -> Totals,
    ) -> Compared {
        let mut compared = Compared::default();
        let mut before = None::<(usize, Decision, Option<Stretch>)>;
        for (number, decision) in &judged.decisions {
            let Some(part) = judged.parts.get(*number) else { continue };
            let totals = totals(*number as u64 + 1);
            let alike = before.take().filter(|(before, _, stretch)| {
                let holds = stretch.as_ref().is_some_and(|stretch| stretch.holds(&totals));
                holds && judged.parts.get(*before).is_some_and(|before| before.is_alike(part))
            });
            let would = match alike {
                Some((_, would, _)) => would,
                None => self.decide(bench, part, judged.statements, totals),
            };
            compared.decided += 1;
            let found = self.difference(id, *number, part, (decision, &would), bench.set);
            compared.differed += u64::from(found.is_some());
            compared.notes.extend(found.flatten());
            before = Some((*number, would, self.set.stretch(&totals)));
        }
        compared
    }

    fn decide(&self, bench: &Bench<'_>, part: &Part, statements: usize, totals: Totals) -> Decision {
        let own = Bench { set: &self.set, mentions: &self.mentions, ..bench.clone() };
        if self.mentions == *bench.mentions {
            return own.decide(part, statements, totals);
        }
        // What names may mean hangs on what a set names.
        let catalog: Option<&Catalog> = bench.catalog.unwrap_or_default();
        let scope = Scope { catalog, search_path: None, mentions: &self.mentions, temporary: &[] };
        let questions = match bench.function {
            Some(oid) => resolve_function_call(oid, &scope),
            None => resolve(&part.statement, &scope),
        };
        own.decide(&Part { questions, ..part.clone() }, statements, totals)
    }

    /// The note of a difference, the first time; the outer option says whether there is one.
    fn difference(
        &mut self,
        id: OperationId,
        number: usize,
        part: &Part,
        (decision, would): (&Decision, &Decision),
        set: &PolicySet,
    ) -> Option<Option<Value>> {
        let (live, shadow) = (Verdict::of(decision, false), Verdict::of(would, false));
        if live == shadow {
            return None;
        }
        let refused = would.refused.as_ref().or(decision.refused.as_ref()).or_else(|| part.questions.first());
        let difference = Difference {
            live: live.name(),
            shadow: shadow.name(),
            command: part.statement.command,
            touches: refused.map(ToString::to_string).unwrap_or_default(),
            policies: decision.policies.clone(),
            shadow_policies: would.policies.clone(),
        };
        if self.told.len() >= MOST || self.told.contains(&difference) {
            return Some(None);
        }
        let Difference { live, shadow, command, touches, policies, shadow_policies } = &difference;
        let note = json!({
            "what": "shadow", "operation": id.0, "part": number, "live": live, "shadow": shadow, "command": command,
            "touches": touches, "policies": policies, "shadow_policies": shadow_policies, "errors": would.errors,
            "set_hash": set.hash(), "shadow_hash": self.set.hash(),
        });
        self.told.insert(difference);
        Some(Some(note))
    }
}
