//! Facts as Cedar takes them: entities and contexts.

use super::decide::{ConnectRequest, Known, ResolveRequest};
use super::names;
use super::operation::{OperationRequest, Running};
use super::slice::ACTIONS;
use crate::inspect::resolve::{Question, Resource};
use crate::inspect::{CopyWith, Facts};
use crate::model::principal::{Attested, Claims, Principal, signed};
use crate::model::target::Target;
use cedar_policy::{Context, Entities, Entity, EntityId, EntityTypeName, EntityUid, RestrictedExpression, Schema};
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

/// The names of the schema, parsed once.
#[derive(Debug)]
pub(super) struct Vocabulary {
    workload: EntityTypeName,
    environment: EntityTypeName,
    target: EntityTypeName,
    schema: EntityTypeName,
    table: EntityTypeName,
    function: EntityTypeName,
    class: EntityTypeName,
    group: EntityTypeName,
    actions: BTreeMap<&'static str, EntityUid>,
    /// The actions in their group.
    base: Entities,
}

impl Vocabulary {
    pub(super) fn new(schema: &Schema) -> Result<Self, String> {
        let action = kind("Action")?;
        let named = |name: &'static str| (name, EntityUid::from_type_name_and_id(action.clone(), EntityId::new(name)));
        Ok(Self {
            workload: kind("Workload")?,
            environment: kind("Environment")?,
            target: kind("Target")?,
            schema: kind("Schema")?,
            table: kind("Table")?,
            function: kind("Function")?,
            class: kind("Class")?,
            group: kind("Group")?,
            actions: ACTIONS.into_iter().map(named).collect(),
            base: schema.action_entities().map_err(|error| error.to_string())?,
        })
    }

    pub(super) fn action(&self, name: &str) -> Result<EntityUid, String> {
        self.actions.get(name).cloned().ok_or_else(|| format!("there is no action {name}"))
    }

    pub(super) fn principal(&self, principal: &Principal) -> EntityUid {
        uid(&self.workload, &principal.workload.0)
    }

    pub(super) fn resource(&self, target: &Target, resource: &Resource) -> EntityUid {
        let kind = match resource {
            Resource::Target => &self.target,
            Resource::Schema(_) => &self.schema,
            Resource::Table(..) => &self.table,
            Resource::Function(..) => &self.function,
        };
        uid(kind, &names::id(&target.name, resource))
    }

    pub(super) fn class(&self, name: &str) -> EntityUid {
        uid(&self.class, name)
    }

    /// A class, in the target whose values it is about.
    pub(super) fn with_class(&self, entities: Entities, class: &str, target: &Target) -> Result<Entities, String> {
        let class = Entity::new_no_attrs(self.class(class), HashSet::from([uid(&self.target, &target.name)]));
        entities.add_entities([class], None).map_err(|error| error.to_string())
    }

    /// All that the questions are about, and what it is in.
    pub(super) fn entities<'q>(
        &self,
        principal: &Principal,
        owner_active: bool,
        target: &Target,
        resources: impl Iterator<Item = &'q Resource>,
    ) -> Result<Entities, String> {
        let top = uid(&self.target, &target.name);
        let mut all = BTreeMap::new();
        let mut above = HashSet::new();
        if let Some(environment) = &target.environment {
            let environment = uid(&self.environment, environment);
            all.insert(environment.clone(), Entity::with_uid(environment.clone()));
            above.insert(environment);
        }
        all.insert(top.clone(), Entity::new_no_attrs(top.clone(), above));
        for resource in resources {
            self.add(&mut all, &top, target, resource)?;
        }
        let workload = self.principal(principal);
        let groups = principal.person.iter().flat_map(|person| &person.groups).map(|group| uid(&self.group, group)).collect();
        all.insert(workload.clone(), entity(workload, workload_attributes(principal, owner_active)?, groups)?);
        self.base.clone().add_entities(all.into_values(), None).map_err(|error| error.to_string())
    }

    fn add(
        &self,
        all: &mut BTreeMap<EntityUid, Entity>,
        top: &EntityUid,
        target: &Target,
        resource: &Resource,
    ) -> Result<(), String> {
        let own = self.resource(target, resource);
        let (schema, name) = match resource {
            Resource::Target => return Ok(()),
            Resource::Schema(_) => {
                all.entry(own.clone()).or_insert_with(|| Entity::new_no_attrs(own, HashSet::from([top.clone()])));
                return Ok(());
            }
            Resource::Table(schema, name) | Resource::Function(schema, name) => (schema, name),
        };
        let parent = match schema {
            None => top.clone(),
            Some(schema) => {
                let parent = self.resource(target, &Resource::Schema(schema.clone()));
                let inside = || Entity::new_no_attrs(parent.clone(), HashSet::from([top.clone()]));
                all.entry(parent.clone()).or_insert_with(inside);
                parent
            }
        };
        let attributes = HashMap::from([("name".to_owned(), text(name))]);
        all.insert(own.clone(), entity(own, attributes, HashSet::from([parent]))?);
        Ok(())
    }
}

/// What a connect is judged by.
pub(super) fn connect_context(question: &ConnectRequest<'_>, approved: bool) -> Result<Context, String> {
    let Known { names, host, hello, mismatch } = question.known;
    let facts = [
        ("address", RestrictedExpression::new_ip(question.address.ip().to_canonical().to_string())),
        ("port", RestrictedExpression::new_long(question.address.port().into())),
        ("protocol", text(&question.target.protocol.to_string())),
        ("configured", flag(question.target.configured)),
        ("kind", text(if names.is_empty() { "address" } else { "name" })),
        ("names", texts(names)),
        ("mismatch", flag(*mismatch)),
        ("session", running(&question.totals.session)?),
        ("run", running(&question.totals.run)?),
        ("hour", running(&question.totals.hour)?),
        ("granted", flag(question.granted)),
        ("approval", approval(approved)?),
    ];
    let host = host.iter().map(|host| ("host", text(host)));
    let said = hello.iter().flat_map(|hello| {
        let sni = hello.sni.iter().map(|name| ("sni", text(name)));
        let http_host = hello.http_host.iter().map(|name| ("http_host", text(name)));
        let always = [("speaks", text(hello.speaks.name())), ("alpn", texts(&hello.alpn)), ("ech", flag(hello.ech))];
        always.into_iter().chain(sni).chain(http_host)
    });
    context(facts.into_iter().chain(host).chain(said))
}

/// What the resolving of a name is judged by.
pub(super) fn resolve_context(question: &ResolveRequest<'_>, approved: bool) -> Result<Context, String> {
    context([
        ("name", text(question.name)),
        ("host", text(question.name)),
        ("type", text(question.record_type)),
        ("configured", flag(question.target.configured)),
        ("granted", flag(question.granted)),
        ("approval", approval(approved)?),
    ])
}

/// What the questions of a statement are judged by: they differ in their verb, in whether a grant gives them, and in what
/// they are behind.
pub(super) struct Contexts(BTreeMap<(Option<&'static str>, bool), Context>);

impl Contexts {
    pub(super) fn new(request: &OperationRequest<'_>, questions: &[Question], approved: bool) -> Result<Self, String> {
        let mut kinds: BTreeSet<_> = questions.iter().map(|question| (question.verb, granted(request, question))).collect();
        kinds.extend([(None, false), (None, !request.grants.is_empty())]);
        let each = kinds.into_iter().map(|kind| Ok((kind, operation_context(request, kind, approved)?)));
        each.collect::<Result<_, _>>().map(Self)
    }

    /// The statement's own.
    pub(super) fn plain(&self, granted: bool) -> Result<Context, String> {
        self.0.get(&(None, granted)).cloned().ok_or_else(|| "a statement without a context".to_owned())
    }

    pub(super) fn of(&self, request: &OperationRequest<'_>, question: &Question) -> Result<Context, String> {
        let kind = (question.verb, granted(request, question));
        let context = self.0.get(&kind).ok_or("a question without a context")?.clone();
        match &question.behind {
            None => Ok(context),
            Some(view) => context.merge([("behind".to_owned(), text(view))]).map_err(|error| error.to_string()),
        }
    }
}

/// Whether a grant gives what is asked for.
fn granted(request: &OperationRequest<'_>, question: &Question) -> bool {
    request.grants.iter().any(|grant| grant.wish.covers(question))
}

fn operation_context(
    request: &OperationRequest<'_>,
    (verb, granted): (Option<&'static str>, bool),
    approved: bool,
) -> Result<Context, String> {
    let Facts { unparsed, no_where, opaque, explain, locking, copy, constant: _ } = request.facts;
    let totals = &request.totals;
    let verb = verb.or_else(|| request.command.split(' ').next()).unwrap_or_default();
    let relations = request.questions.iter().map(|question| &question.resource);
    let relations: HashSet<_> = relations.filter(|resource| matches!(resource, Resource::Table(..))).collect();
    let facts = [
        ("command", text(request.command)),
        ("verb", text(verb)),
        ("parsed", flag(unparsed.is_none())),
        ("no_where", flag(*no_where)),
        ("opaque", flag(*opaque)),
        ("explain", flag(*explain)),
        ("locking", flag(*locking)),
        ("in_transaction", flag(request.in_transaction)),
        ("statements", count(request.statements as u64)),
        ("relations", count(relations.len() as u64)),
        ("database", text(request.database)),
        ("user", text(request.user)),
        ("session", running(&totals.session)?),
        ("run", running(&totals.run)?),
        ("hour", running(&totals.hour)?),
        ("granted", flag(granted)),
        ("approval", approval(approved)?),
    ];
    context(facts.into_iter().chain(copy.map(|with| ("copy", text(copy_name(with))))))
}

const fn copy_name(with: CopyWith) -> &'static str {
    match with {
        CopyWith::Stdin => "stdin",
        CopyWith::Stdout => "stdout",
        CopyWith::File => "file",
        CopyWith::Program => "program",
    }
}

fn workload_attributes(principal: &Principal, owner_active: bool) -> Result<HashMap<String, RestrictedExpression>, String> {
    let process = &principal.process;
    let mut attributes = HashMap::from([
        ("owner_active".to_owned(), flag(owner_active)),
        ("grade".to_owned(), text(&principal.grade.to_string())),
        ("run".to_owned(), text(&principal.run.to_string())),
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
    if let Some(person) = &principal.person {
        attributes.insert("person".to_owned(), text(&person.name));
    }
    for (name, value) in optional {
        if let Some(value) = value {
            attributes.insert(name.to_owned(), text(value));
        }
    }
    if let Some(claimed) = &principal.claims {
        attributes.insert("claims".to_owned(), claims(claimed)?);
    }
    if let Some(signed) = &principal.attested {
        attributes.insert("attested".to_owned(), attested(signed)?);
    }
    if let Some(failure) = &principal.attestation_failure {
        attributes.insert("attestation_failure".to_owned(), text(&failure.kind.to_string()));
    }
    Ok(attributes)
}

fn attested(token: &Attested) -> Result<RestrictedExpression, String> {
    let all = token.claims.iter().map(|(name, value)| text(&format!("{name}={value}")));
    let known = signed().filter_map(|name| Some((name, text(token.claims.get(name)?))));
    record(known.chain([
        ("issuer", text(&token.issuer)),
        ("kind", text(&token.kind)),
        ("subject", text(&token.subject)),
        ("claims", RestrictedExpression::new_set(all)),
    ]))
}

fn claims(claims: &Claims) -> Result<RestrictedExpression, String> {
    // The provider is ours to say: a variable of that name says nothing.
    let fields =
        claims.attributes.iter().filter(|(name, _)| *name != "provider").map(|(name, value)| (name.as_str(), text(value)));
    record(fields.chain([("provider", text(&claims.provider))]))
}

fn running(running: &Running) -> Result<RestrictedExpression, String> {
    let Running { rows, bytes, statements, seconds, concurrent, connections } = *running;
    let fields = [
        ("rows", rows),
        ("bytes", bytes),
        ("statements", statements),
        ("seconds", seconds),
        ("concurrent", concurrent),
        ("connections", connections),
    ];
    record(fields.map(|(name, number)| (name, count(number))))
}

fn approval(satisfied: bool) -> Result<RestrictedExpression, String> {
    record([("satisfied", flag(satisfied))])
}

fn context(facts: impl IntoIterator<Item = (&'static str, RestrictedExpression)>) -> Result<Context, String> {
    Context::from_pairs(facts.into_iter().map(|(name, value)| (name.to_owned(), value))).map_err(|error| error.to_string())
}

fn record<'f>(fields: impl IntoIterator<Item = (&'f str, RestrictedExpression)>) -> Result<RestrictedExpression, String> {
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), value));
    RestrictedExpression::new_record(fields).map_err(|error| error.to_string())
}

fn entity(
    uid: EntityUid,
    attributes: HashMap<String, RestrictedExpression>,
    parents: HashSet<EntityUid>,
) -> Result<Entity, String> {
    Entity::new(uid, attributes, parents).map_err(|error| error.to_string())
}

fn kind(name: &str) -> Result<EntityTypeName, String> {
    name.parse().map_err(|error: cedar_policy::ParseErrors| error.to_string())
}

fn uid(kind: &EntityTypeName, id: &str) -> EntityUid {
    EntityUid::from_type_name_and_id(kind.clone(), EntityId::new(id))
}

fn text(value: &str) -> RestrictedExpression {
    RestrictedExpression::new_string(value.to_owned())
}

fn texts(values: &[String]) -> RestrictedExpression {
    RestrictedExpression::new_set(values.iter().map(|value| text(value)))
}

fn flag(value: bool) -> RestrictedExpression {
    RestrictedExpression::new_bool(value)
}

/// Cedar counts to 2⁶³ − 1: what is more is that.
fn count(number: u64) -> RestrictedExpression {
    RestrictedExpression::new_long(i64::try_from(number).unwrap_or(i64::MAX))
}
