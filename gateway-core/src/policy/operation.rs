//! May this operation be? One decision over all that a statement touches.

use super::Decision;
use super::decide::Answer;
use super::entities::{Asker, Contexts, granted};
use super::rule::Said;
use super::set::PolicySet;
use super::thresholds::Stretch;
use crate::control::grant::Grant;
use crate::control::hold;
use crate::inspect::resolve::{Mentions, Question, Resource};
use crate::inspect::{Action, Facts};
use crate::model::principal::Principal;
use crate::model::target::Target;
use cedar_policy_core::entities::Entities;
use std::borrow::Cow;
use std::cell::{Cell, OnceCell};
use std::collections::BTreeMap;

/// Counts of a session, a run, or a workload's last hour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Running {
    /// Rows sent to the job and received from it by COPY.
    pub rows: u64,
    /// Bytes sent to the job and received from it.
    pub bytes: u64,
    /// Statements begun, this one included.
    pub statements: u64,
    /// Seconds that the server has worked, whole ones.
    pub seconds: u64,
    /// Statements that run at this moment, this one included.
    pub concurrent: u64,
    /// Sessions begun, this one included.
    pub connections: u64,
}

/// The three of them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Of the session.
    pub session: Running,
    /// Of the run, over all of its sessions.
    pub run: Running,
    /// Of the workload's last hour, over all of its runs on this gateway.
    pub hour: Running,
}

impl Totals {
    /// The same with so many statements more.
    #[must_use]
    pub const fn later(self, statements: u64) -> Self {
        const fn more(running: Running, statements: u64) -> Running {
            Running { statements: running.statements.saturating_add(statements), ..running }
        }
        Self { session: more(self.session, statements), run: more(self.run, statements), hour: more(self.hour, statements) }
    }
}

/// One statement, as policies see it.
#[derive(Clone, Copy, Debug)]
pub struct OperationRequest<'a> {
    /// Who asks.
    pub principal: &'a Principal,
    /// Whose target.
    pub target: &'a Target,
    /// Whether the workload's owner is known and has not left.
    pub owner_active: bool,
    /// The three of them as policies see them, where that is at hand: [`PolicySet::asker`] of the same makes it.
    pub asker: Option<&'a Asker>,
    /// The database that the session is in.
    pub database: &'a str,
    /// The user that the session has at the server.
    pub user: &'a str,
    /// What it touches. None for a statement that touches nothing: it is allowed, unless it was not understood.
    pub questions: &'a [Question],
    /// The command, as [`crate::inspect::Statement::command`] has it.
    pub command: &'a str,
    /// What else is known of it.
    pub facts: &'a Facts,
    /// How many statements its text has.
    pub statements: usize,
    /// Whether it runs in a transaction that the client began.
    pub in_transaction: bool,
    /// What has been counted so far.
    pub totals: Totals,
    /// Whether a person has approved these very bytes.
    pub approved: bool,
    /// The grants in force for this session.
    pub grants: &'a [&'a Grant],
}

/// Questions that are put for one statement; one that raises more is denied.
const MOST_QUESTIONS: usize = 10_000;

impl PolicySet {
    /// Decides on a statement: all of its questions have to be allowed.
    ///
    /// One that was not understood may do anything to the target, so it is asked about with each of
    /// the six actions, and each has to be allowed by a permit that names `context.parsed` itself.
    #[must_use]
    pub fn decide_operation(&self, request: &OperationRequest<'_>) -> Decision {
        let questions = asked(request);
        if questions.is_empty() {
            return Decision::free();
        }
        if questions.len() > MOST_QUESTIONS {
            let count = questions.len();
            return Decision::undecided(format!("the statement raises {count} questions, at most {MOST_QUESTIONS} are put"));
        }
        let asker = match self.asker_of(request) {
            Ok(asker) => asker,
            Err(error) => return Decision::undecided(error),
        };
        let refused = Cell::new(None);
        let mut decision = self.decide_each(request.approved, |approved| {
            let answers = self.answers(request, &questions, &asker, approved)?;
            if approved == request.approved {
                refused.set(answers.iter().position(|answer| !answer.allowed || !answer.errors.is_empty()));
            }
            Ok(answers)
        });
        if !decision.allows() {
            decision.refused = refused.get().and_then(|index| questions.get(index)).cloned();
        }
        decision
    }

    /// Whether grants release all that is held of a statement: each question that waits for people is covered by a grant whose
    /// givers are those people. `involved` are whose own it is: they don't count.
    #[must_use]
    pub fn grants_release(&self, request: &OperationRequest<'_>, involved: &[String]) -> bool {
        let questions = asked(request);
        let grants = request.grants;
        if grants.is_empty() {
            return false;
        }
        let Ok(asker) = self.asker_of(request) else { return false };
        let Ok(answers) = self.answers(request, &questions, &asker, false) else { return false };
        let released = |(question, answer): (&Question, &Answer<'_>)| {
            let terms = self.terms(answer.deciding.iter().copied());
            let by = |grant: &&Grant| grant.wish.covers(question) && hold::satisfied(&terms, involved, &grant.votes);
            answer.errors.is_empty() && (answer.allowed || grants.iter().copied().any(|grant| by(&grant)))
        };
        questions.iter().zip(&answers).all(released)
    }

    /// Decides whether a statement may see values of `class` as they are. Only a permit whose scope names the
    /// action lets it: one for every action does not.
    #[must_use]
    pub fn decide_reveal(&self, request: &OperationRequest<'_>, class: &str) -> Decision {
        let asker = match self.asker_of(request) {
            Ok(asker) => asker,
            Err(error) => return Decision::undecided(error),
        };
        let entities = match self.words.with_class(&asker, class) {
            Ok(entities) => entities,
            Err(error) => return Decision::undecided(error),
        };
        self.decide_each(request.approved, |approved| {
            let contexts = Contexts::new(request, &[], approved, self.watches_totals());
            let granted = request.grants.iter().any(|grant| grant.wish.reveals(class));
            let (who, class) = ((request.principal, request.target), self.words.class(class));
            let (mut answer, _) = self.ask("reveal", who, &asker, (class, || Ok(&entities)), contexts.plain(granted)?, None)?;
            if answer.allowed {
                answer.deciding.retain(|id| self.names_reveal(id));
                answer.allowed = !answer.deciding.is_empty();
            }
            Ok(vec![answer])
        })
    }

    /// Who asks, and whereto, for the requests of a session.
    pub fn asker(&self, principal: &Principal, owner_active: bool, target: &Target) -> Result<Asker, String> {
        self.words.asker(principal, owner_active, target)
    }

    fn asker_of<'a>(&self, request: &OperationRequest<'a>) -> Result<Cow<'a, Asker>, String> {
        let OperationRequest { principal, target, owner_active, asker, .. } = *request;
        match asker {
            Some(asker) => Ok(Cow::Borrowed(asker)),
            None => self.words.asker(principal, owner_active, target).map(Cow::Owned),
        }
    }

    /// The answer to each question.
    fn answers(
        &self,
        request: &OperationRequest<'_>,
        questions: &[Question],
        asker: &Asker,
        approved: bool,
    ) -> Result<Vec<Answer<'_>>, String> {
        let made = OnceCell::new();
        let entities = || {
            let resources = questions.iter().map(|question| &question.resource);
            let made: &Result<Cow<'_, Entities>, String> =
                made.get_or_init(|| self.words.entities(asker, request.target, resources));
            made.as_deref().map_err(Clone::clone)
        };
        let contexts = Contexts::new(request, questions, approved, self.watches_totals());
        // What is said to one question without a look at its resource is said to all that differ in it alone.
        let mut before: BTreeMap<_, Said<'_>> = BTreeMap::new();
        let mut answers = Vec::with_capacity(questions.len());
        for question in questions {
            let context = contexts.of(request, question)?;
            let (who, resource) = ((request.principal, request.target), self.words.resource(request.target, &question.resource));
            let alike = (question.action, question.verb, granted(request, question), question.behind.as_deref());
            let said = before.remove(&alike);
            let (mut answer, said) = self.ask(question.action.name(), who, asker, (resource, entities), context, said)?;
            before.insert(alike, said);
            if request.facts.unparsed.is_some() && answer.allowed {
                answer.allowed = answer.deciding.iter().any(|id| self.names_parsed(id));
                if !answer.allowed {
                    // Nothing that may permit this does.
                    answer.deciding.clear();
                }
            }
            answers.push(answer);
        }
        Ok(answers)
    }

    /// Whether any policy looks at running totals, so that a result has to be judged while it streams.
    #[must_use]
    pub const fn watches_totals(&self) -> bool {
        self.thresholds.watched()
    }

    /// The totals around these between which no decision differs; none where a policy does more with a
    /// total than compare it with a number, so that nobody knows.
    #[must_use]
    pub fn stretch(&self, totals: &Totals) -> Option<Stretch> {
        self.thresholds.stretch(totals)
    }

    /// What the set names of `target`: unqualified names may mean any of it.
    #[must_use]
    pub fn mentions(&self, target: &str) -> Mentions {
        self.named.of(target)
    }
}

/// What is asked: what the statement touches, and the whole target where nobody knows that.
fn asked<'a>(request: &OperationRequest<'a>) -> Cow<'a, [Question]> {
    let whole = Action::ALL.map(|action| Question { action, resource: Resource::Target, behind: None, verb: None });
    if request.facts.unparsed.is_none() || whole.iter().all(|question| request.questions.contains(question)) {
        return Cow::Borrowed(request.questions);
    }
    let mut questions = request.questions.to_vec();
    questions.extend(whole.into_iter().filter(|question| !request.questions.contains(question)));
    Cow::Owned(questions)
}
