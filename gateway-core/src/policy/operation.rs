//! May this operation be? One decision over all that a statement touches.

use super::Decision;
use super::decide::Answer;
use super::entities::Contexts;
use super::set::PolicySet;
use super::thresholds::Stretch;
use crate::control::grant::Grant;
use crate::control::hold;
use crate::inspect::resolve::{Mentions, Question, Resource};
use crate::inspect::{Action, Facts};
use crate::model::principal::Principal;
use crate::model::target::Target;
use cedar_policy::{Context, Entities};
use std::borrow::Cow;
use std::cell::Cell;

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
        let OperationRequest { principal, target, owner_active, .. } = *request;
        let resources = questions.iter().map(|question| &question.resource);
        let entities = match self.words.entities(principal, owner_active, target, resources) {
            Ok(entities) => entities,
            Err(error) => return Decision::undecided(error),
        };
        let refused = Cell::new(None);
        let mut decision = self.decide_each(request.approved, |approved| {
            let contexts = Contexts::new(request, &questions, approved)?;
            let answer = |question: &Question| self.answer(request, question, contexts.of(request, question)?, &entities);
            let answers: Vec<_> = questions.iter().map(answer).collect::<Result<_, _>>()?;
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
        let OperationRequest { principal, target, owner_active, grants, .. } = *request;
        if grants.is_empty() {
            return false;
        }
        let resources = questions.iter().map(|question| &question.resource);
        let entities = self.words.entities(principal, owner_active, target, resources);
        let (Ok(entities), Ok(contexts)) = (entities, Contexts::new(request, &questions, false)) else { return false };
        let released = |question: &Question| {
            let context = contexts.of(request, question)?;
            let answer = self.answer(request, question, context, &entities)?;
            let terms = self.terms(answer.deciding.iter().copied());
            let by = |grant: &&Grant| grant.wish.covers(question) && hold::satisfied(&terms, involved, &grant.votes);
            Ok::<_, String>(answer.errors.is_empty() && (answer.allowed || grants.iter().copied().any(|grant| by(&grant))))
        };
        questions.iter().all(|question| released(question) == Ok(true))
    }

    /// Decides whether a statement may see values of `class` as they are. Only a permit whose scope names the
    /// action lets it: one for every action does not.
    #[must_use]
    pub fn decide_reveal(&self, request: &OperationRequest<'_>, class: &str) -> Decision {
        let OperationRequest { principal, target, owner_active, .. } = *request;
        let entities = self.words.entities(principal, owner_active, target, std::iter::empty());
        let entities = match entities.and_then(|entities| self.words.with_class(entities, class, target)) {
            Ok(entities) => entities,
            Err(error) => return Decision::undecided(error),
        };
        self.decide_each(request.approved, |approved| {
            let contexts = Contexts::new(request, &[], approved)?;
            let granted = request.grants.iter().any(|grant| grant.wish.reveals(class));
            let mut answer =
                self.ask("reveal", principal, target, self.words.class(class), contexts.plain(granted)?, &entities)?;
            if answer.allowed {
                answer.deciding.retain(|id| self.names_reveal(id));
                answer.allowed = !answer.deciding.is_empty();
            }
            Ok(vec![answer])
        })
    }

    fn answer(
        &self,
        request: &OperationRequest<'_>,
        question: &Question,
        context: Context,
        entities: &Entities,
    ) -> Result<Answer<'_>, String> {
        let OperationRequest { principal, target, .. } = *request;
        let resource = self.words.resource(target, &question.resource);
        let mut answer = self.ask(question.action.name(), principal, target, resource, context, entities)?;
        if request.facts.unparsed.is_some() && answer.allowed {
            answer.allowed = answer.deciding.iter().any(|id| self.names_parsed(id));
            if !answer.allowed {
                // Nothing that may permit this does.
                answer.deciding.clear();
            }
        }
        Ok(answer)
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
