//! One question, one answer: who, what, whereto; allowed or not, by which policies, and what else they say.

use super::Mode;
use super::annotation::{Alert, OnDeny, RecordLevel};
use super::set::PolicySet;
use crate::model::principal::{Claims, Principal};
use crate::model::target::Target;
use cedar_policy::{
    Authorizer, Context, Decision as Cedar, Entities, Entity, EntityId, EntityTypeName, EntityUid, Request, RestrictedExpression,
};
use std::collections::{HashMap, HashSet};
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
}

/// What the policies say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Decision {
    allowed: bool,
    /// The policies that decided: permits of an allowance, forbids of a denial, by their @id, sorted.
    /// None where nothing permits.
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
}

/// Proof that a decision lets something through. Nothing else makes one.
#[derive(Debug)]
pub struct Permit(());

impl Decision {
    /// Whether it is allowed.
    #[must_use]
    pub const fn allows(&self) -> bool {
        self.allowed
    }

    /// The proof, where `mode` lets this through.
    #[must_use]
    pub const fn permit(&self, mode: Mode) -> Option<Permit> {
        if self.allowed || matches!(mode, Mode::Observe) { Some(Permit(())) } else { None }
    }

    pub(super) fn undecided(text: String) -> Self {
        Self {
            allowed: false,
            policies: Vec::new(),
            errors: vec![text],
            message: None,
            alert: Some(Alert::High),
            record: None,
            on_deny: OnDeny::Refuse,
        }
    }
}

impl PolicySet {
    /// Decides.
    #[must_use]
    pub fn decide(&self, question: &ConnectRequest<'_>) -> Decision {
        match prepare(question) {
            Ok((request, entities)) => self.answer(&request, &entities),
            Err(error) => Decision::undecided(error),
        }
    }

    fn answer(&self, request: &Request, entities: &Entities) -> Decision {
        let response = Authorizer::new().is_authorized(request, &self.cedar, entities);
        let diagnostics = response.diagnostics();
        let mut errors: Vec<_> = diagnostics.errors().map(ToString::to_string).collect();
        errors.sort();
        let mut policies: Vec<_> = diagnostics.reason().collect();
        policies.sort();
        let deciding: Vec<_> = policies.iter().filter_map(|id| self.annotations.get(*id)).collect();
        Decision {
            allowed: response.decision() == Cedar::Allow && errors.is_empty(),
            message: deciding.iter().find_map(|policy| policy.message.clone()),
            alert: deciding.iter().filter_map(|policy| policy.alert).max().max((!errors.is_empty()).then_some(Alert::High)),
            record: deciding.iter().filter_map(|policy| policy.record).max(),
            on_deny: deciding.iter().map(|policy| policy.on_deny).max().unwrap_or_default(),
            policies: policies.iter().map(ToString::to_string).collect(),
            errors,
        }
    }
}

fn prepare(question: &ConnectRequest<'_>) -> Result<(Request, Entities), String> {
    let principal = uid("Workload", &question.principal.workload.0)?;
    let resource = uid("Target", &question.target.name)?;
    let mut entities = vec![workload(principal.clone(), question)?];
    let mut parents = HashSet::new();
    if let Some(environment) = &question.target.environment {
        let environment = uid("Environment", environment)?;
        entities.push(Entity::with_uid(environment.clone()));
        parents.insert(environment);
    }
    entities.push(Entity::new_no_attrs(resource.clone(), parents));
    let entities = Entities::from_entities(entities, None).map_err(|error| error.to_string())?;
    let request = Request::new(principal, uid("Action", "connect")?, resource, context(question)?, None)
        .map_err(|error| error.to_string())?;
    Ok((request, entities))
}

fn context(question: &ConnectRequest<'_>) -> Result<Context, String> {
    let approval = RestrictedExpression::new_record([("satisfied".to_owned(), RestrictedExpression::new_bool(false))])
        .map_err(|error| error.to_string())?;
    Context::from_pairs([
        ("address".to_owned(), RestrictedExpression::new_ip(question.address.ip().to_canonical().to_string())),
        ("port".to_owned(), RestrictedExpression::new_long(question.address.port().into())),
        ("protocol".to_owned(), text(&question.target.protocol.to_string())),
        ("configured".to_owned(), RestrictedExpression::new_bool(question.target.configured)),
        ("approval".to_owned(), approval),
    ])
    .map_err(|error| error.to_string())
}

fn workload(uid: EntityUid, question: &ConnectRequest<'_>) -> Result<Entity, String> {
    let principal = question.principal;
    let process = &principal.process;
    let mut attributes = HashMap::from([
        ("owner_active".to_owned(), RestrictedExpression::new_bool(question.owner_active)),
        ("grade".to_owned(), text(&principal.grade.to_string())),
        ("uid".to_owned(), RestrictedExpression::new_long(process.uid.into())),
        ("cgroup".to_owned(), text(&process.cgroup)),
    ]);
    let optional = [
        ("name", &principal.name),
        ("owner", &principal.owner),
        ("user", &process.user),
        ("unit", &process.unit),
        ("container", &process.container),
        ("executable", &process.executable),
        ("executable_sha256", &process.executable_sha256),
        ("script", &process.script),
        ("script_sha256", &process.script_sha256),
    ];
    for (name, value) in optional {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), text(value));
        }
    }
    if let Some(claimed) = &principal.claims {
        attributes.insert("claims".to_owned(), claims(claimed)?);
    }
    Entity::new(uid, attributes, HashSet::new()).map_err(|error| error.to_string())
}

fn claims(claims: &Claims) -> Result<RestrictedExpression, String> {
    let fields = claims.attributes.iter().map(|(name, value)| (name.clone(), text(value)));
    RestrictedExpression::new_record(fields.chain([("provider".to_owned(), text(&claims.provider))]))
        .map_err(|error| error.to_string())
}

fn uid(kind: &str, id: &str) -> Result<EntityUid, String> {
    let kind: EntityTypeName = kind.parse().map_err(|error: cedar_policy::ParseErrors| error.to_string())?;
    Ok(EntityUid::from_type_name_and_id(kind, EntityId::new(id)))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}
