//! Reads back what decisions rested on, and makes them again.

use super::meant::{is_open, meant};
use super::{COPIES, MOST_GRANTS, action_of, letter};
use crate::control::grant::{Grant, Wish};
use crate::control::hold::Terms;
use crate::inspect::Facts;
use crate::inspect::resolve::{Mentions, Question, Resource};
use crate::model::ids::GrantId;
use crate::model::principal::Principal;
use crate::model::target::Target;
use crate::model::time::Timestamp;
use crate::policy::{ConnectRequest, Decision, Known, OperationRequest, PolicySet, ResolveRequest, Running, Totals};
use crate::protocol::opaque::Hello;
use serde::Deserialize;
use serde_json::Value;
use std::fmt;
use std::net::SocketAddr;

/// What a decision comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Verdict {
    /// It is allowed; where people were needed, they have approved it.
    Allow,
    /// It waits for people.
    Hold,
    /// It is denied.
    Deny,
}

/// Why a decision can't be made again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
pub enum Unkept {
    /// The record has no facts.
    #[error("its record was written before facts were kept")]
    Absent,
    /// They are not all there.
    #[error("it raised more questions, or had more grants, than a record keeps")]
    TooMany,
    /// They are in a form that is not known here.
    #[error("its facts are in a form that this version does not read")]
    Form,
}

/// What a decision on a statement rested on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptOperation {
    /// What was asked.
    pub questions: Vec<Question>,
    /// The command.
    pub command: String,
    /// What else was known of it.
    pub facts: Facts,
    /// Whether it ran in a transaction.
    pub in_transaction: bool,
    /// Whether the owner was known and had not left.
    pub owner_active: bool,
    /// Whether names were looked up in a catalog.
    pub by_catalog: bool,
    /// The database.
    pub database: String,
    /// The user at the server.
    pub user: String,
    /// How many statements its text had.
    pub statements: usize,
    /// What had been counted.
    pub totals: Totals,
    /// The grants in force.
    pub grants: Vec<Grant>,
    /// What it waited for because its owner had left.
    pub waits: Option<Terms>,
    /// What people's approval released it from.
    pub released: Vec<Terms>,
    /// The classes that it touched and that were not revealed.
    pub hidden: Vec<String>,
}

/// What a decision on a connection rested on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptConnect {
    /// The address that was dialled.
    pub address: SocketAddr,
    /// What else was known of the destination.
    pub known: Known,
    /// What had been counted.
    pub totals: Totals,
    /// Whether the owner was known and had not left.
    pub owner_active: bool,
    /// Whether a grant gave it.
    pub granted: bool,
    /// What it waited for because its owner had left.
    pub waits: Option<Terms>,
    /// What people's approval released it from.
    pub released: Vec<Terms>,
    /// What the policies had said.
    pub verdict: Verdict,
}

/// What a decision on a name rested on, beside the name.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KeptName {
    /// The target that the name is.
    pub target: Target,
    /// Whether the owner was known and had not left.
    pub owner_active: bool,
    /// Whether a grant gave it.
    pub granted: bool,
}

impl Verdict {
    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Hold => "hold",
            Self::Deny => "deny",
        }
    }

    /// What `decision` comes to. What is prepared waits when it is bound, so that nothing is released by its approval.
    #[must_use]
    pub fn of(decision: &Decision, prepares: bool) -> Self {
        match (decision.allows(), decision.holds.is_empty()) {
            (true, false) if prepares => Self::Hold,
            (true, _) => Self::Allow,
            (false, _) if decision.held() => Self::Hold,
            (false, _) => Self::Deny,
        }
    }

    fn named(name: &str) -> Option<Self> {
        [Self::Allow, Self::Hold, Self::Deny].into_iter().find(|verdict| verdict.name() == name)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// The form, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Form {
    q: Vec<Vec<Option<String>>>,
    #[serde(default)]
    more: usize,
    c: String,
    f: String,
    copy: Option<String>,
    d: String,
    u: String,
    n: usize,
    s: [u64; 6],
    r: [u64; 6],
    h: [u64; 6],
    #[serde(default)]
    grants: Vec<Given>,
    waits: Option<Terms>,
    #[serde(default)]
    released: Vec<Terms>,
    #[serde(default)]
    hidden: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    id: GrantId,
    wish: Wish,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ConnectForm {
    address: SocketAddr,
    names: Vec<String>,
    host: Option<String>,
    hello: Option<Hello>,
    mismatch: bool,
    s: [u64; 6],
    r: [u64; 6],
    h: [u64; 6],
    owner_active: bool,
    granted: bool,
    waits: Option<Terms>,
    released: Vec<Terms>,
    outcome: String,
}

impl KeptOperation {
    /// Reads the `facts` of a decision's frame.
    ///
    /// # Errors
    /// Why it can't be made again.
    pub fn read(facts: Option<&Value>) -> Result<Self, Unkept> {
        let form = Form::deserialize(facts.ok_or(Unkept::Absent)?).map_err(|_other| Unkept::Form)?;
        if form.more > 0 || form.grants.len() > MOST_GRANTS {
            return Err(Unkept::TooMany);
        }
        form.kept().ok_or(Unkept::Form)
    }

    /// Makes the decision again. `old` is what the set mentioned of the target that it was made under, `new` what this one does.
    #[must_use]
    pub fn decide(
        &self,
        set: &PolicySet,
        principal: &Principal,
        target: &Target,
        (old, new): (&Mentions, &Mentions),
    ) -> Decision {
        let questions = meant(&self.questions, self.by_catalog, old, new);
        let grants: Vec<_> = self.grants.iter().collect();
        let request = OperationRequest { questions: &questions, ..self.request(principal, target, &grants) };
        let decision = set.decide_operation(&request);
        let asked_about = !questions.is_empty() || self.facts.unparsed.is_some();
        let waits = self.waits.as_ref().filter(|_| asked_about);
        again(decision, waits, &self.released, |approved| set.decide_operation(&OperationRequest { approved, ..request }))
    }

    /// Whether what it asked about hangs on what the set named that it was made under.
    #[must_use]
    pub fn hangs_on_names(&self) -> bool {
        self.questions.iter().any(|question| is_open(&question.resource))
    }

    /// Whether `set` shows this class.
    #[must_use]
    pub fn reveals(&self, set: &PolicySet, principal: &Principal, target: &Target, class: &str) -> bool {
        let grants: Vec<_> = self.grants.iter().collect();
        set.decide_reveal(&self.request(principal, target, &grants), class).allows()
    }

    fn request<'a>(&'a self, principal: &'a Principal, target: &'a Target, grants: &'a [&'a Grant]) -> OperationRequest<'a> {
        OperationRequest {
            principal,
            target,
            owner_active: self.owner_active,
            asker: None,
            database: &self.database,
            user: &self.user,
            questions: &self.questions,
            command: &self.command,
            facts: &self.facts,
            statements: self.statements,
            in_transaction: self.in_transaction,
            totals: self.totals,
            approved: false,
            grants,
        }
    }
}

impl KeptConnect {
    /// Reads the `facts` of a decision at the door.
    ///
    /// # Errors
    /// Why it can't be made again.
    pub fn read(facts: Option<&Value>) -> Result<Self, Unkept> {
        let form = ConnectForm::deserialize(facts.ok_or(Unkept::Absent)?).map_err(|_other| Unkept::Form)?;
        let ConnectForm { address, names, host, hello, mismatch, s, r, h, owner_active, granted, waits, released, outcome } =
            form;
        Ok(Self {
            address,
            known: Known { names, host, hello, mismatch },
            totals: Totals { session: running(s), run: running(r), hour: running(h) },
            owner_active,
            granted,
            waits,
            released,
            verdict: Verdict::named(&outcome).ok_or(Unkept::Form)?,
        })
    }

    /// Makes the decision again.
    #[must_use]
    pub fn decide(&self, set: &PolicySet, principal: &Principal, target: &Target) -> Decision {
        let Self { address, known, totals, owner_active, granted, .. } = self;
        let request = ConnectRequest {
            principal,
            target,
            address: *address,
            owner_active: *owner_active,
            known,
            totals: *totals,
            approved: false,
            granted: *granted,
        };
        let decision = set.decide(&request);
        again(decision, self.waits.as_ref(), &self.released, |approved| set.decide(&ConnectRequest { approved, ..request }))
    }
}

impl KeptName {
    /// Reads the `facts` of a decision on a name.
    ///
    /// # Errors
    /// Why it can't be made again.
    pub fn read(facts: Option<&Value>) -> Result<Self, Unkept> {
        Self::deserialize(facts.ok_or(Unkept::Absent)?).map_err(|_other| Unkept::Form)
    }

    /// Makes the decision again.
    #[must_use]
    pub fn decide(&self, set: &PolicySet, principal: &Principal, name: &str, record_type: &str) -> Decision {
        let Self { target, owner_active, granted } = self;
        let (owner_active, granted) = (*owner_active, *granted);
        set.decide_resolve(&ResolveRequest { principal, target, name, record_type, owner_active, granted })
    }
}

/// What the session's judge does around a decision: an owner who has left has it wait, and an approval of then releases what waits
/// for no others than gave it.
fn again(mut decision: Decision, waits: Option<&Terms>, released: &[Terms], decide: impl Fn(bool) -> Decision) -> Decision {
    let allowed = decision.allows();
    if let Some(terms) = waits {
        decision = decision.waiting(terms, "its owner has left");
    }
    let gave = |terms: &Terms| released.iter().any(|given| given.group == terms.group && given.quorum >= terms.quorum);
    if decision.held() && decision.holds.iter().all(gave) {
        let terms = std::mem::take(&mut decision.holds);
        // What waited for its owner alone is what policy allows by itself.
        decision = decide(!allowed);
        decision.holds = terms;
    }
    decision
}

impl Form {
    fn kept(self) -> Option<KeptOperation> {
        let Self { q, more: _, c, f, copy, d, u, n, s, r, h, grants, waits, released, hidden } = self;
        if !f.chars().all(|letter| letter::ALL.contains(letter)) {
            return None;
        }
        let has = |letter| f.contains(letter);
        let copy = match copy {
            Some(name) => Some(COPIES.iter().find(|(known, _)| *known == name)?.1),
            None => None,
        };
        let facts = Facts {
            unparsed: has(letter::UNPARSED).then(|| "its record says so".to_owned()),
            no_where: has(letter::NO_WHERE),
            opaque: has(letter::OPAQUE),
            explain: has(letter::EXPLAIN),
            locking: has(letter::LOCKING),
            copy,
            constant: false,
        };
        let given = |Given { id, wish }| Grant { id, wish, votes: Vec::new(), until: Timestamp(u64::MAX) };
        Some(KeptOperation {
            questions: q.into_iter().map(question).collect::<Option<_>>()?,
            command: c,
            facts,
            in_transaction: has(letter::IN_TRANSACTION),
            owner_active: has(letter::OWNER_ACTIVE),
            by_catalog: has(letter::CATALOG),
            database: d,
            user: u,
            statements: n,
            totals: Totals { session: running(s), run: running(r), hour: running(h) },
            grants: grants.into_iter().map(given).collect(),
            waits,
            released,
            hidden,
        })
    }
}

fn question(parts: Vec<Option<String>>) -> Option<Question> {
    let mut parts = parts.into_iter();
    let what = parts.next()??;
    let mut values = [None, None, None, None];
    for (place, part) in parts.enumerate() {
        *values.get_mut(place)? = part;
    }
    let [schema, name, behind, verb] = values.map(|value| value.map(String::into_boxed_str));
    let mut letters = what.chars();
    let (action, kind) = (action_of(letters.next()?)?, letters.next()?);
    let resource = match (kind, schema, name) {
        ('.', None, None) => Resource::Target,
        ('s', Some(schema), None) => Resource::Schema(schema),
        ('t', schema, Some(name)) => Resource::Table(schema, name),
        ('f', schema, Some(name)) => Resource::Function(schema, name),
        _ => return None,
    };
    let verb = match verb {
        Some(verb) => Some(*VERBS.iter().find(|known| ***known == *verb)?),
        None => None,
    };
    letters.next().is_none().then_some(Question { action, resource, behind, verb })
}

const fn running([rows, bytes, statements, seconds, concurrent, connections]: [u64; 6]) -> Running {
    Running { rows, bytes, statements, seconds, concurrent, connections }
}

/// The first words of PostgreSQL's commands (PostgreSQL docs, "SQL Commands"): what does a question, where that is not the statement.
pub(super) const VERBS: [&str; 53] = [
    "",
    "ABORT",
    "ALTER",
    "ANALYZE",
    "BEGIN",
    "CALL",
    "CHECKPOINT",
    "CLOSE",
    "CLUSTER",
    "COMMENT",
    "COMMIT",
    "COPY",
    "CREATE",
    "DEALLOCATE",
    "DECLARE",
    "DELETE",
    "DISCARD",
    "DO",
    "DROP",
    "END",
    "EXECUTE",
    "EXPLAIN",
    "FETCH",
    "FUNCTION",
    "GRANT",
    "IMPORT",
    "INSERT",
    "LISTEN",
    "LOAD",
    "LOCK",
    "MERGE",
    "MOVE",
    "NOTIFY",
    "PREPARE",
    "REASSIGN",
    "REFRESH",
    "REINDEX",
    "RELEASE",
    "RESET",
    "REVOKE",
    "ROLLBACK",
    "SAVEPOINT",
    "SECURITY",
    "SELECT",
    "SET",
    "SHOW",
    "START",
    "TABLE",
    "TRUNCATE",
    "UNLISTEN",
    "UPDATE",
    "VACUUM",
    "VALUES",
];
