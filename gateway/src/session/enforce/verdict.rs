//! The judgement of a text: its statements in their order, up to the first that is refused.

use super::frame::Written;
use super::mask::{Ground, Masked};
use super::names::Names;
use super::operation::Part;
use crate::session::owner::Wait;
use gateway_core::control::grant::Grant;
use gateway_core::control::hold::{self, Terms, Vote};
use gateway_core::inspect::catalog::Catalog;
use gateway_core::inspect::resolve::{Mentions, Scope, resolve, resolve_function_call};
use gateway_core::inspect::{Inspection, Statement, TransactionControl};
use gateway_core::model::principal::Principal;
use gateway_core::model::target::Target;
use gateway_core::policy::{Asker, Decision, Mode, OperationRequest, PolicySet, Stretch, Totals};
use std::cell::OnceCell;
use std::sync::{Arc, OnceLock};

/// What people have approved.
#[derive(Clone, Copy)]
pub(super) enum Approvals<'a> {
    /// Nothing: what is held is denied.
    None,
    /// Whatever would be held: to see whether anything else denies it.
    Assumed,
    /// What these votes are enough for; and what the session's grants cover, by their own.
    Given {
        votes: &'a [Vote],
        /// The people whose own it is: they don't count.
        involved: &'a [String],
    },
}

/// What a judgement rests on.
#[derive(Clone)]
pub(super) struct Bench<'a> {
    pub(super) set: &'a PolicySet,
    pub(super) mentions: &'a Mentions,
    /// Why it is not there where it should be.
    pub(super) catalog: Result<Option<&'a Catalog>, &'a str>,
    pub(super) mode: Mode,
    pub(super) principal: &'a Principal,
    pub(super) target: &'a Target,
    /// Whether the workload has an owner who has not left.
    pub(super) owner_active: bool,
    /// The three of them as policies see them, from the first question on; none within where they can't be put to policies.
    pub(super) asker: Option<&'a OnceCell<Option<Asker>>>,
    /// What all that is allowed waits for, and why, for its owner has.
    pub(super) waits: Option<Wait<'a>>,
    pub(super) database: &'a str,
    pub(super) user: &'a str,
    /// The function that is called by its number, where that is what is judged.
    pub(super) function: Option<u32>,
    /// The classes of the database's columns, where any concerns the target.
    pub(super) ground: Option<Ground<'a>>,
    /// Whether any does: without a ground nothing can be told then.
    pub(super) masks: bool,
    /// The grants in force for the session.
    pub(super) grants: &'a [Grant],
    pub(super) approvals: Approvals<'a>,
}

/// What came of it.
#[derive(Debug)]
pub(super) struct Judged {
    /// The statements that were judged, and those that need no judgement.
    pub(super) parts: Vec<Part>,
    /// The decisions, by the statement's place.
    pub(super) decisions: Vec<(usize, Decision)>,
    /// The statement that is refused: always the last of both.
    pub(super) refused: Option<usize>,
    /// How many statements the text has.
    pub(super) statements: usize,
    /// Whether names were looked up in a catalog.
    pub(super) by_catalog: bool,
    /// How its decision was written, where it has one and was found to hold again.
    pub(super) written: OnceLock<Written>,
}

impl Judged {
    /// Whether only people are missing for what is refused.
    pub(super) fn is_held(&self) -> bool {
        self.refused.is_some() && self.decisions.last().is_some_and(|(_, decision)| decision.held())
    }

    /// Whether it is let through as if people had approved it, or because they have.
    pub(super) fn waits_for_people(&self) -> bool {
        self.decisions.iter().any(|(_, decision)| !decision.holds.is_empty())
    }

    /// What all of its statements wait for, or were released from.
    pub(super) fn terms(&self) -> Vec<Terms> {
        let mut terms: Vec<_> = self.decisions.iter().flat_map(|(_, decision)| decision.holds.iter().cloned()).collect();
        terms.sort();
        terms.dedup();
        terms
    }
}

impl<'a> Bench<'a> {
    /// The same with other approvals.
    pub(super) fn with(&self, approvals: Approvals<'a>) -> Self {
        Self { approvals, ..self.clone() }
    }

    /// Judges a text. `names` is what stands when it begins; `totals` gives the counts with so many statements more.
    pub(super) fn judge(
        &self,
        inspection: &Inspection,
        names: &Names,
        mut in_transaction: bool,
        totals: impl Fn(u64) -> Totals,
    ) -> Judged {
        let statements = inspection.statements.len();
        let by_catalog = matches!(self.catalog, Ok(Some(_)));
        let mut judged = Judged {
            parts: Vec::with_capacity(statements),
            decisions: Vec::new(),
            refused: None,
            statements,
            by_catalog,
            written: OnceLock::new(),
        };
        // What a statement does with names holds for those behind it: where it fails, they don't run.
        let mut later = None::<Names>;
        // Of the last decision: a text with thousands of INSERTs is one question.
        let mut stretch = None::<Stretch>;
        let moves = |statement: &Arc<Statement>| !statement.names.is_empty() || (self.masks && statement.changes.schema);
        let several = inspection.statements.len() > 1 && inspection.statements.iter().any(moves);
        for (number, statement) in inspection.statements.iter().enumerate() {
            let known = later.as_ref().unwrap_or(names);
            let mut part = self.part(known.effective(statement), in_transaction);
            if let Some(control) = statement.transaction {
                in_transaction = opens(control).unwrap_or(in_transaction);
                self.mask(&mut part, known, inspection.statements.len(), totals(number as u64 + 1));
            } else {
                let totals = totals(number as u64 + 1);
                let before = judged.decisions.last().filter(|_| stretch.as_ref().is_some_and(|stretch| stretch.holds(&totals)));
                let alike = before.filter(|(number, _)| judged.parts.get(*number).is_some_and(|before| before.is_alike(&part)));
                let decision = match alike {
                    Some((_, decision)) => decision.clone(),
                    None => self.decide(&part, inspection.statements.len(), totals),
                };
                stretch = self.set.stretch(&totals);
                self.mask(&mut part, known, inspection.statements.len(), totals);
                let told = part.masked.refusal.is_some() && self.mode != Mode::Observe;
                let refused = decision.permit(self.mode).is_none() || told;
                judged.decisions.push((number, decision));
                if refused {
                    judged.refused = Some(number);
                    judged.parts.push(part);
                    return judged;
                }
            }
            if several {
                let later = later.get_or_insert_with(|| names.clone());
                later.done(&part.statement, part.hidden);
                later.relations().done(&part);
            }
            judged.parts.push(part);
        }
        judged
    }

    fn part(&self, mut statement: Arc<Statement>, in_transaction: bool) -> Part {
        // What names stand for can't be told then: a statement that has any is not understood.
        if let Err(why) = self.catalog
            && !statement.accesses.is_empty()
        {
            Arc::make_mut(&mut statement)
                .facts
                .unparsed
                .get_or_insert_with(|| format!("the target's catalog can't be read: {why}"));
        }
        let scope =
            Scope { catalog: self.catalog.unwrap_or_default(), search_path: None, mentions: self.mentions, temporary: &[] };
        match self.function {
            Some(oid) => Part::called(statement, resolve_function_call(oid, &scope), in_transaction),
            None => {
                let questions = resolve(&statement, &scope);
                Part::new(statement, questions, in_transaction)
            }
        }
    }

    /// Finds out what is hidden of a statement's results.
    fn mask(&self, part: &mut Part, names: &Names, statements: usize, totals: Totals) {
        let Some(ground) = self.ground else {
            let harmless = part.statement.transaction.is_some() || part.statement.is_empty_handed();
            if self.masks && !harmless {
                part.masked = Masked::groundless();
            }
            return;
        };
        let grants: Vec<_> = self.grants.iter().collect();
        let request = self.request(part, &grants, statements, totals);
        let reveals = |class: &str| self.set.decide_reveal(&request, class);
        part.masked = ground.mask(&part.statement, names, reveals);
    }

    /// Decides on one statement.
    pub(super) fn decide(&self, part: &Part, statements: usize, totals: Totals) -> Decision {
        let grants: Vec<_> = self.grants.iter().collect();
        let request = self.request(part, &grants, statements, totals);
        let mut decision = self.set.decide_operation(&request);
        let allowed = decision.allows();
        // What touches nothing needs nobody.
        if let Some(wait) = self.waits.as_ref().filter(|_| part.is_asked_about()) {
            decision = decision.waiting(wait.terms, &wait.why);
        }
        if !decision.held() || !self.releases(&request, &decision.holds) {
            return decision;
        }
        // What waited for its owner alone is what policy allows by itself.
        let mut released = self.set.decide_operation(&OperationRequest { approved: !allowed, ..request });
        released.holds = decision.holds;
        released
    }

    /// Whether people have approved this, for all that policies want.
    fn releases(&self, request: &OperationRequest<'_>, terms: &[Terms]) -> bool {
        match self.approvals {
            Approvals::None => false,
            Approvals::Assumed => true,
            Approvals::Given { votes, involved } => {
                // A grant was given to the workload of somebody who was there.
                if let Some(wait) = &self.waits {
                    return hold::satisfied(terms, involved, &wait.fresh(votes));
                }
                hold::satisfied(terms, involved, votes) || self.set.grants_release(request, involved)
            }
        }
    }

    fn made_asker(&self) -> Option<Asker> {
        self.set.asker(self.principal, self.owner_active, self.target).ok()
    }

    /// The statement as policies see it.
    pub(super) fn request<'r>(
        &'r self,
        part: &'r Part,
        grants: &'r [&'r Grant],
        statements: usize,
        totals: Totals,
    ) -> OperationRequest<'r> {
        OperationRequest {
            principal: self.principal,
            target: self.target,
            owner_active: self.owner_active,
            asker: self.asker.and_then(|asker| asker.get_or_init(|| self.made_asker()).as_ref()),
            database: self.database,
            user: self.user,
            questions: &part.questions,
            command: part.statement.command,
            facts: &part.statement.facts,
            statements,
            in_transaction: part.in_transaction,
            totals,
            approved: false,
            grants,
        }
    }
}

/// Whether a transaction is open behind this; none where it stays as it was.
const fn opens(control: TransactionControl) -> Option<bool> {
    match control {
        TransactionControl::Begin => Some(true),
        TransactionControl::Commit | TransactionControl::Rollback | TransactionControl::Prepare => Some(false),
        TransactionControl::Savepoint | TransactionControl::Release | TransactionControl::RollbackTo => None,
    }
}

/// Whether a transaction is open behind all of `parts`; none where they don't say.
pub(super) fn leaves_open(parts: &[Part]) -> Option<bool> {
    parts.iter().filter_map(|part| opens(part.statement.transaction?)).next_back()
}
