//! Has a set decide cases.

use super::{Asks, Case, Outcome, Verdict};
use crate::inspect::postgres::{Bounds, Reading, inspect};
use crate::inspect::resolve::{Question, Scope, resolve};
use crate::inspect::{Facts, TransactionControl};
use crate::policy::{ConnectRequest, Decision, OperationRequest, PolicySet, ResolveRequest, names};

/// What `set` says to each of `cases`, in their order.
#[must_use]
pub fn run(set: &PolicySet, cases: &[Case]) -> Vec<Outcome> {
    cases.iter().map(|case| case.outcome(set)).collect()
}

impl Case {
    fn outcome(&self, set: &PolicySet) -> Outcome {
        let mut notes = Vec::new();
        let decisions = self.decisions(set, &mut notes);
        // As a session would: the first denial is what is told, and else all that permitted.
        let denied = decisions.iter().find(|decision| !decision.allows());
        let got = match denied {
            None => Verdict::Allow,
            Some(decision) if decision.held() => Verdict::Hold,
            Some(_) => Verdict::Deny,
        };
        let telling = denied.map_or(decisions.as_slice(), std::slice::from_ref);
        let mut policies: Vec<_> = telling.iter().flat_map(|decision| decision.policies.iter().cloned()).collect();
        policies.sort();
        policies.dedup();
        notes.extend(telling.iter().flat_map(|decision| decision.errors.iter().cloned()));
        if let Some(question) = denied.and_then(|decision| decision.refused.as_ref()) {
            let (kind, id) = names::entity(&self.target.name, &question.resource);
            notes.push(format!("it asked for {} on {kind}::{id:?}", question.action));
        }
        // A hold is a denial to who does not ask for more.
        let as_expected = got == self.expect || self.expect == Verdict::Deny && got == Verdict::Hold;
        let by_those = self.decided_by(&policies, &mut notes);
        let passed = as_expected && by_those;
        Outcome {
            name: self.name.clone(),
            file: self.file.clone(),
            line: self.line,
            expected: self.expect,
            got,
            policies,
            passed,
            notes,
        }
    }

    fn decided_by(&self, policies: &[String], notes: &mut Vec<String>) -> bool {
        let Some(by) = &self.by else { return true };
        let missing: Vec<_> = by.iter().filter(|id| !policies.contains(id)).collect();
        notes.extend(missing.iter().map(|id| format!("{id} is not among those that decided")));
        let silent = !by.is_empty() || policies.is_empty();
        if !silent {
            notes.push("no policy was expected to decide".to_owned());
        }
        missing.is_empty() && silent
    }

    fn decisions(&self, set: &PolicySet, notes: &mut Vec<String>) -> Vec<Decision> {
        match &self.asks {
            Asks::Connect(address, known) => vec![set.decide(&ConnectRequest {
                principal: &self.principal,
                target: &self.target,
                address: *address,
                owner_active: self.owner_active,
                known,
                totals: self.totals,
                approved: self.approved,
                granted: self.granted.is_some(),
            })],
            Asks::Resolve(name, record_type) => vec![set.decide_resolve(&ResolveRequest {
                principal: &self.principal,
                target: &self.target,
                name,
                record_type,
                owner_active: self.owner_active,
                granted: self.granted.is_some(),
            })],
            Asks::Questions { questions, command, facts, statements } => {
                vec![self.decide(set, questions, command, facts, *statements, self.in_transaction)]
            }
            Asks::Sql(text) => self.read_and_decide(set, text, notes),
        }
    }

    /// What is said to each statement of a text that touches anything.
    fn read_and_decide(&self, set: &PolicySet, text: &str, notes: &mut Vec<String>) -> Vec<Decision> {
        let inspection = inspect(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default());
        let mentions = set.mentions(&self.target.name);
        let scope = Scope { catalog: None, search_path: None, mentions: &mentions, temporary: &[] };
        let mut in_transaction = self.in_transaction;
        let mut decisions = Vec::new();
        for statement in &inspection.statements {
            match statement.transaction {
                Some(TransactionControl::Begin) => in_transaction = true,
                Some(TransactionControl::Commit | TransactionControl::Rollback | TransactionControl::Prepare) => {
                    in_transaction = false
                }
                Some(TransactionControl::Savepoint | TransactionControl::Release | TransactionControl::RollbackTo) => {}
                None => {
                    notes.extend(statement.facts.unparsed.iter().map(|why| format!("not understood: {why}")));
                    let questions = resolve(statement, &scope);
                    let count = inspection.statements.len();
                    decisions.push(self.decide(set, &questions, statement.command, &statement.facts, count, in_transaction));
                }
            }
        }
        decisions
    }

    fn decide(
        &self,
        set: &PolicySet,
        questions: &[Question],
        command: &str,
        facts: &Facts,
        statements: usize,
        in_transaction: bool,
    ) -> Decision {
        set.decide_operation(&OperationRequest {
            principal: &self.principal,
            target: &self.target,
            owner_active: self.owner_active,
            asker: None,
            database: &self.database,
            user: &self.user,
            questions,
            command,
            facts,
            statements,
            in_transaction,
            totals: self.totals,
            approved: self.approved,
            grants: &self.granted.iter().map(|grant| &**grant).collect::<Vec<_>>(),
        })
    }
}
