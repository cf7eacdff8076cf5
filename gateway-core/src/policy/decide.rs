//! One decision: who, what, whereto; allowed or not, by which policies, and what else they say.

use super::Mode;
use super::annotation::{Alert, OnDeny, RecordLevel};
use super::entities::{Asker, connect_context, resolve_context};
use super::operation::Totals;
use super::rule::{Rules, Said};
use super::set::PolicySet;
use super::slice::Slice;
use crate::control::hold::Terms;
use crate::inspect::resolve::{Question, Resource};
use crate::model::principal::Principal;
use crate::model::target::Target;
use crate::protocol::opaque::Hello;
use cedar_policy_core::ast::{Context, EntityUID, Request};
use cedar_policy_core::entities::Entities;
use cedar_policy_core::evaluator::Evaluator;
use cedar_policy_core::extensions::Extensions;
use std::collections::BTreeSet;
use std::net::SocketAddr;

/// May this workload connect there?
#[derive(Clone, Copy, Debug)]
pub struct ConnectRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Whereto.
    pub target: &'a Target,
    /// At which address.
    pub address: SocketAddr,
    /// Whether the workload's owner is known and has not left.
    pub owner_active: bool,
    /// What else is known of the destination.
    pub known: &'a Known,
    /// What has been counted so far.
    pub totals: Totals,
    /// Whether a person has approved this very connection.
    pub approved: bool,
    /// Whether a grant in force gives it.
    pub granted: bool,
}

/// What is known of a destination beside its address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The names that the run asked for and was told this address for, the latest first.
    pub names: Vec<String>,
    /// The one of them that is meant.
    pub host: Option<String>,
    /// What the client's first bytes say, once they have come.
    pub hello: Option<Hello>,
    /// They name another host than the run asked for, or nobody can tell which.
    pub mismatch: bool,
}

/// May this workload be told what a name stands for?
#[derive(Clone, Copy, Debug)]
pub struct ResolveRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// The target that the name is, by the configuration or by the name itself.
    pub target: &'a Target,
    /// The name, in lower case and without a dot at its end.
    pub name: &'a str,
    /// The record type, as zone files have it: `AAAA`.
    pub record_type: &'a str,
    /// Whether the workload's owner is known and has not left.
    pub owner_active: bool,
    /// Whether a grant in force gives it.
    pub granted: bool,
}

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    allowed: bool,
    /// The policies that decided: permits of an allowance, forbids of a denial, by their @id, sorted.
    /// None where nothing permits, and where a statement touches nothing.
    pub policies: Vec<String>,
    /// What went wrong in evaluating: any of these is a denial.
    pub errors: Vec<String>,
    /// The first of the deciding policies' messages.
    pub message: Option<String>,
    /// The loudest of their alerts.
    pub alert: Option<Alert>,
    /// The fullest of their records.
    pub record: Option<RecordLevel>,
    /// The hardest of their consequences.
    pub on_deny: OnDeny,
    /// What approvals are missing, where nothing else is: all forbids that decided have `@hold`, and with the
    /// approval assumed it would be allowed. Still a denial; of an allowance, what it was released from.
    pub holds: Vec<Terms>,
    /// Of a statement, the first question that was not allowed.
    pub refused: Option<Question>,
}

/// Proof that a decision lets something through. Nothing else makes one.
#[derive(Debug)]
pub struct Permit(());

/// What the policies say to one question.
pub(super) struct Answer<'s> {
    /// Whether they allow it, errors apart.
    pub(super) allowed: bool,
    /// Those that decided: permits where it is allowed by Cedar, forbids else.
    pub(super) deciding: BTreeSet<&'s str>,
    pub(super) errors: Vec<String>,
}

impl Known {
    /// By the names that the run was told, the latest first, and what its client says.
    #[must_use]
    pub fn new(names: Vec<String>, hello: Option<Hello>) -> Self {
        let said = hello.as_ref().map_or_else(Vec::new, |hello| hello.sni.iter().chain(&hello.http_host).collect());
        let strange = !names.is_empty() && said.iter().any(|name| !names.contains(name));
        let mismatch = strange || hello.as_ref().is_some_and(|hello| hello.unreadable);
        let host = said.iter().copied().find(|name| names.contains(name)).or_else(|| names.first()).cloned();
        Self { host, mismatch, names, hello }
    }
}

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub const fn allows(&self) -> bool {
        self.allowed
    }

    /// Whether only an approval is missing.
    #[must_use]
    pub const fn held(&self) -> bool {
        !self.allowed && !self.holds.is_empty()
    }

    /// The same, where the gateway itself has people asked first: what is allowed waits for them, what waits does for them, too, and
    /// what is denied stays so. More is never allowed by it.
    #[must_use]
    pub fn waiting(mut self, terms: &Terms, message: &str) -> Self {
        if self.allowed || self.held() {
            if self.allowed {
                self.policies = vec![terms.policy.clone()];
            } else {
                self.policies.push(terms.policy.clone());
            }
            self.allowed = false;
            self.holds.push(terms.clone());
            self.message.get_or_insert_with(|| message.to_owned());
        }
        self
    }

    /// The proof, where `mode` lets this through.
    #[must_use]
    pub const fn permit(&self, mode: Mode) -> Option<Permit> {
        if self.allowed || !matches!(mode, Mode::Enforce) { Some(Permit(())) } else { None }
    }

    /// Nothing is asked, so nothing is refused.
    pub(super) const fn free() -> Self {
        Self {
            allowed: true,
            policies: Vec::new(),
            errors: Vec::new(),
            message: None,
            alert: None,
            record: None,
            on_deny: OnDeny::Refuse,
            holds: Vec::new(),
            refused: None,
        }
    }

    /// Nothing could be asked, so nothing is allowed.
    pub(super) fn undecided(text: String) -> Self {
        Self { allowed: false, errors: vec![text], alert: Some(Alert::High), ..Self::free() }
    }
}

impl PolicySet {
    /// Decides on a connection. One whose client means another host than its run asked for is allowed only by
    /// a permit that names `context.mismatch` itself.
    #[must_use]
    pub fn decide(&self, question: &ConnectRequest<'_>) -> Decision {
        let ConnectRequest { principal, target, owner_active, .. } = *question;
        let Ok(asker) = self.words.asker(principal, owner_active, target) else {
            return Decision::undecided("the facts of the connection can't be put to the policies".to_owned());
        };
        self.decide_each(question.approved, |approved| {
            let context = connect_context(&self.words, question, approved)?;
            let mut answer = self.ask_of_target("connect", (principal, target), &asker, context)?;
            if question.known.mismatch && answer.allowed {
                answer.allowed = answer.deciding.iter().any(|id| self.names_mismatch(id));
                if !answer.allowed {
                    // Nothing that may permit this does.
                    answer.deciding.clear();
                }
            }
            Ok(vec![answer])
        })
    }

    /// Decides on a name.
    #[must_use]
    pub fn decide_resolve(&self, question: &ResolveRequest<'_>) -> Decision {
        let ResolveRequest { principal, target, owner_active, .. } = *question;
        let Ok(asker) = self.words.asker(principal, owner_active, target) else {
            return Decision::undecided("the facts of the name can't be put to the policies".to_owned());
        };
        self.decide_each(false, |approved| {
            let context = resolve_context(question, approved);
            Ok(vec![self.ask_of_target("resolve", (principal, target), &asker, context)?])
        })
    }

    /// Asks, merges, and asks again as if there were an approval where only that may be missing.
    pub(super) fn decide_each<'s>(&'s self, approved: bool, ask: impl Fn(bool) -> Result<Vec<Answer<'s>>, String>) -> Decision {
        let answers = match ask(approved) {
            Ok(answers) => answers,
            Err(error) => return Decision::undecided(error),
        };
        let mut decision = self.merge(&answers);
        if !decision.allowed && decision.errors.is_empty() && answers.iter().all(|answer| answer.allowed || self.holds(answer)) {
            let assumed = ask(true).is_ok_and(|answers| self.merge(&answers).allowed);
            decision.holds = if assumed { self.terms(decision.policies.iter().map(String::as_str)) } else { Vec::new() };
        }
        decision
    }

    /// Puts a question about the target itself to every policy that it can meet.
    fn ask_of_target(
        &self,
        action: &str,
        (principal, target): (&Principal, &Target),
        asker: &Asker,
        context: Context,
    ) -> Result<Answer<'_>, String> {
        let resource = self.words.resource(target, &Resource::Target);
        let (answer, _) = self.ask(action, (principal, target), asker, (resource, || Ok(&asker.entities)), context, None)?;
        Ok(answer)
    }

    /// Puts one question to every policy that it can meet. `entities` makes those that its resource is among: few sets ask for them.
    /// `before` is what those policies said to it that don't ask for the resource, where they were asked: it is given back, for the next one.
    pub(super) fn ask<'s, 'e>(
        &'s self,
        action: &str,
        (principal, target): (&Principal, &Target),
        asker: &Asker,
        (resource, entities): (EntityUID, impl Fn() -> Result<&'e Entities, String>),
        context: Context,
        before: Option<Said<'s>>,
    ) -> Result<(Answer<'s>, Said<'s>), String> {
        let request = Request::new_unchecked(asker.workload.clone(), self.words.action(action)?, resource.into(), Some(context));
        let slice = self.slices.get(action);
        let rules = || slice.into_iter().flat_map(|slice: &Slice| slice.of(&principal.workload.0, &target.name));
        let whole = before.unwrap_or_else(|| {
            let evaluator = Evaluator::new(request.clone(), &asker.entities, Extensions::all_available());
            let mut said = Said::default();
            rules().for_each(|rules| rules.put_whole(&evaluator, &mut said));
            said
        });
        let mut said = whole.clone();
        if rules().any(Rules::asks_each) {
            let evaluator = Evaluator::new(request, entities()?, Extensions::all_available());
            rules().for_each(|rules| rules.put_each(&evaluator, &mut said));
        }
        let Said { permits, forbids, errors } = said;
        let allowed = forbids.is_empty() && !permits.is_empty();
        let deciding = if allowed { permits } else { forbids };
        Ok((Answer { allowed, deciding: deciding.into_iter().collect(), errors }, whole))
    }

    /// One decision over all questions: all have to be allowed, and none may have gone wrong.
    fn merge(&self, answers: &[Answer<'_>]) -> Decision {
        let errors: BTreeSet<_> = answers.iter().flat_map(|answer| answer.errors.iter().cloned()).collect();
        let allowed = errors.is_empty() && answers.iter().all(|answer| answer.allowed);
        let deciding = answers.iter().filter(|answer| answer.allowed == allowed).flat_map(|answer| answer.deciding.iter());
        let policies: BTreeSet<&str> = deciding.copied().collect();
        let said: Vec<_> = policies.iter().filter_map(|id| self.annotations(id)).collect();
        Decision {
            allowed,
            message: said.iter().find_map(|policy| policy.message.clone()),
            alert: said.iter().filter_map(|policy| policy.alert).max().max((!errors.is_empty()).then_some(Alert::High)),
            record: said.iter().filter_map(|policy| policy.record).max(),
            on_deny: said.iter().map(|policy| policy.on_deny).max().unwrap_or_default(),
            policies: policies.into_iter().map(str::to_owned).collect(),
            errors: errors.into_iter().collect(),
            ..Decision::free()
        }
    }

    /// What the policies of these ids ask for to be released.
    pub(super) fn terms<'p>(&self, policies: impl Iterator<Item = &'p str>) -> Vec<Terms> {
        policies.filter_map(|id| Some(Terms { policy: id.to_owned(), ..self.annotations(id)?.hold.clone()? })).collect()
    }

    /// Whether a denial is by forbids that all have `@hold`.
    fn holds(&self, answer: &Answer<'_>) -> bool {
        !answer.deciding.is_empty()
            && answer.deciding.iter().all(|id| self.annotations(id).is_some_and(|said| said.hold.is_some()))
    }
}
