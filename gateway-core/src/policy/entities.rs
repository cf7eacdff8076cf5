//! Facts as Cedar takes them: entities and contexts, made as values, since nothing in them has to be evaluated.

use super::decide::{ConnectRequest, Known, ResolveRequest};
use super::names;
use super::operation::{OperationRequest, Running};
use super::slice::ACTIONS;
use crate::inspect::resolve::{Question, Resource};
use crate::inspect::{CopyWith, Facts};
use crate::model::principal::{Attested, Claims, Principal, signed};
use crate::model::target::Target;
use cedar_policy::Schema;
use cedar_policy_core::ast::{
    Context, Eid, Entity, EntityType, EntityUID, EntityUIDEntry, Name, PartialValue, RestrictedExpr, Value,
};
use cedar_policy_core::entities::{Entities, NoEntitiesSchema, TCComputation};
use cedar_policy_core::evaluator::RestrictedEvaluator;
use cedar_policy_core::extensions::Extensions;
use smol_str::SmolStr;
use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

/// The names of the schema, parsed once.
#[derive(Debug)]
pub(super) struct Vocabulary {
    workload: EntityType,
    environment: EntityType,
    target: EntityType,
    schema: EntityType,
    table: EntityType,
    function: EntityType,
    class: EntityType,
    group: EntityType,
    ip: Name,
    actions: BTreeMap<&'static str, EntityUIDEntry>,
    /// The actions in their group.
    base: Entities,
}

/// Who asks, and whereto, as policies see both: made once for as long as neither changes.
#[derive(Clone, Debug)]
pub struct Asker {
    pub(super) workload: EntityUIDEntry,
    target: EntityUID,
    /// What the target is in.
    above: HashSet<EntityUID>,
    /// What is in the target is in these, too.
    within: HashSet<EntityUID>,
    /// The actions, the target, what it is in, and who asks.
    pub(super) entities: Entities,
}

impl Vocabulary {
    pub(super) fn new(schema: &Schema) -> Result<Self, String> {
        let action = kind("Action")?;
        let named = |name: &'static str| (name, EntityUIDEntry::from(uid(&action, name)));
        let base = schema.action_entities().map_err(|error| error.to_string())?;
        let base: Vec<Entity> = base.iter().map(|entity| entity.as_ref().clone()).collect();
        Ok(Self {
            workload: kind("Workload")?,
            environment: kind("Environment")?,
            target: kind("Target")?,
            schema: kind("Schema")?,
            table: kind("Table")?,
            function: kind("Function")?,
            class: kind("Class")?,
            group: kind("Group")?,
            ip: name("ip")?,
            actions: ACTIONS.into_iter().map(named).collect(),
            base: with(Entities::new(), base)?,
        })
    }

    pub(super) fn action(&self, name: &str) -> Result<EntityUIDEntry, String> {
        self.actions.get(name).cloned().ok_or_else(|| format!("there is no action {name}"))
    }

    pub(super) fn resource(&self, target: &Target, resource: &Resource) -> EntityUID {
        let kind = match resource {
            Resource::Target => &self.target,
            Resource::Schema(_) => &self.schema,
            Resource::Table(..) => &self.table,
            Resource::Function(..) => &self.function,
        };
        uid(kind, &names::id(&target.name, resource))
    }

    pub(super) fn class(&self, name: &str) -> EntityUID {
        uid(&self.class, name)
    }

    /// Who asks, and whereto.
    pub(super) fn asker(&self, principal: &Principal, owner_active: bool, target: &Target) -> Result<Asker, String> {
        let top = uid(&self.target, &target.name);
        let above: HashSet<_> = target.environment.iter().map(|environment| uid(&self.environment, environment)).collect();
        let workload = uid(&self.workload, &principal.workload.0);
        let groups = principal.person.iter().flat_map(|person| &person.groups).map(|group| uid(&self.group, group)).collect();
        let attributes = workload_attributes(principal, owner_active).into_iter();
        let attributes = attributes.map(|(name, value)| (SmolStr::new_static(name), PartialValue::from(value)));
        let none = HashSet::new;
        let mut made = vec![
            Entity::new_with_attr_partial_value(workload.clone(), attributes, none(), groups, []),
            Entity::new_with_attr_partial_value(top.clone(), [], none(), above.clone(), []),
        ];
        made.extend(above.iter().cloned().map(Entity::with_uid));
        let entities = with(self.base.clone(), made)?;
        let within = above.iter().cloned().chain([top.clone()]).collect();
        Ok(Asker { workload: workload.into(), target: top, above, within, entities })
    }

    /// All that policies may ask about `asker` and a class, in the target whose values it is about.
    pub(super) fn with_class(&self, asker: &Asker, class: &str) -> Result<Entities, String> {
        let class = asker.inside(self.class(class), []);
        with(asker.entities.clone(), [class])
    }

    /// All that policies may ask about `asker` and what it asks for.
    pub(super) fn entities<'a, 'q>(
        &self,
        asker: &'a Asker,
        target: &Target,
        resources: impl Iterator<Item = &'q Resource>,
    ) -> Result<Cow<'a, Entities>, String> {
        let mut made = BTreeMap::new();
        for resource in resources {
            let (schema, name) = match resource {
                Resource::Target => continue,
                Resource::Schema(schema) => (Some(schema), None),
                Resource::Table(schema, name) | Resource::Function(schema, name) => (schema.as_ref(), Some(name)),
            };
            let parent = schema.map(|schema| self.resource(target, &Resource::Schema(schema.clone())));
            if let Some(name) = name {
                let own = self.resource(target, resource);
                let attributes = [(SmolStr::new_static("name"), PartialValue::from(text(name)))];
                let entity = match &parent {
                    None => asker.inside(own.clone(), attributes),
                    Some(parent) => Entity::new_with_attr_partial_value(
                        own.clone(),
                        attributes,
                        asker.within.clone(),
                        HashSet::from([parent.clone()]),
                        [],
                    ),
                };
                made.insert(own, entity);
            }
            if let Some(parent) = parent {
                made.entry(parent.clone()).or_insert_with(|| asker.inside(parent, []));
            }
        }
        if made.is_empty() {
            return Ok(Cow::Borrowed(&asker.entities));
        }
        with(asker.entities.clone(), made.into_values()).map(Cow::Owned)
    }

    fn address(&self, address: IpAddr) -> Result<Value, String> {
        let written = RestrictedExpr::val(address.to_canonical().to_string());
        let call = RestrictedExpr::call_extension_fn(self.ip.clone(), [written]);
        RestrictedEvaluator::new(Extensions::all_available()).interpret(call.as_borrowed()).map_err(|error| error.to_string())
    }
}

impl Asker {
    /// Something that is in the target itself.
    fn inside(&self, own: EntityUID, attributes: impl IntoIterator<Item = (SmolStr, PartialValue)>) -> Entity {
        Entity::new_with_attr_partial_value(own, attributes, self.above.clone(), HashSet::from([self.target.clone()]), [])
    }
}

/// `entities` and more of them, each of which says all that it is in.
fn with(entities: Entities, more: impl IntoIterator<Item = Entity>) -> Result<Entities, String> {
    let (more, computed) = (more.into_iter().map(Arc::new), TCComputation::AssumeAlreadyComputed);
    entities
        .add_entities(more, None::<&NoEntitiesSchema>, computed, Extensions::all_available())
        .map_err(|error| error.to_string())
}

/// What a connect is judged by.
pub(super) fn connect_context(words: &Vocabulary, question: &ConnectRequest<'_>, approved: bool) -> Result<Context, String> {
    let Known { names, host, hello, mismatch } = question.known;
    let facts = [
        ("address", words.address(question.address.ip())?),
        ("port", Value::from(i64::from(question.address.port()))),
        ("protocol", text(&question.target.protocol.to_string())),
        ("configured", flag(question.target.configured)),
        ("kind", text(if names.is_empty() { "address" } else { "name" })),
        ("names", texts(names)),
        ("mismatch", flag(*mismatch)),
        ("session", running(&question.totals.session)),
        ("run", running(&question.totals.run)),
        ("hour", running(&question.totals.hour)),
        ("granted", flag(question.granted)),
        ("approval", approval(approved)),
    ];
    let host = host.iter().map(|host| ("host", text(host)));
    let said = hello.iter().flat_map(|hello| {
        let sni = hello.sni.iter().map(|name| ("sni", text(name)));
        let http_host = hello.http_host.iter().map(|name| ("http_host", text(name)));
        let always = [("speaks", text(hello.speaks.name())), ("alpn", texts(&hello.alpn)), ("ech", flag(hello.ech))];
        always.into_iter().chain(sni).chain(http_host)
    });
    Ok(context(facts.into_iter().chain(host).chain(said)))
}

/// What the resolving of a name is judged by.
pub(super) fn resolve_context(question: &ResolveRequest<'_>, approved: bool) -> Context {
    context([
        ("name", text(question.name)),
        ("host", text(question.name)),
        ("type", text(question.record_type)),
        ("configured", flag(question.target.configured)),
        ("granted", flag(question.granted)),
        ("approval", approval(approved)),
    ])
}

/// What the questions of a statement are judged by: they differ in their verb, in whether a grant gives them, and in what
/// they are behind.
pub(super) struct Contexts(BTreeMap<(Option<&'static str>, bool), Context>);

impl Contexts {
    /// `totals`: whether any policy asks for them.
    pub(super) fn new(request: &OperationRequest<'_>, questions: &[Question], approved: bool, totals: bool) -> Self {
        let mut kinds: BTreeSet<_> = questions.iter().map(|question| (question.verb, granted(request, question))).collect();
        kinds.extend([(None, false), (None, !request.grants.is_empty())]);
        Self(kinds.into_iter().map(|kind| (kind, operation_context(request, kind, approved, totals))).collect())
    }

    /// The statement's own.
    pub(super) fn plain(&self, granted: bool) -> Result<Context, String> {
        self.0.get(&(None, granted)).cloned().ok_or_else(|| "a statement without a context".to_owned())
    }

    pub(super) fn of(&self, request: &OperationRequest<'_>, question: &Question) -> Result<Context, String> {
        let kind = (question.verb, granted(request, question));
        let context = self.0.get(&kind).ok_or("a question without a context")?;
        match (&question.behind, context) {
            (None, _) => Ok(context.clone()),
            (Some(view), Context::Value(facts)) => {
                let behind = (SmolStr::new_static("behind"), text(view));
                Ok(Context::Value(Arc::new(
                    facts.iter().map(|(name, value)| (name.clone(), value.clone())).chain([behind]).collect(),
                )))
            }
            (Some(_), Context::RestrictedResidual(_)) => Err("a context that is no value".to_owned()),
        }
    }
}

/// Whether a grant gives what is asked for.
pub(super) fn granted(request: &OperationRequest<'_>, question: &Question) -> bool {
    request.grants.iter().any(|grant| grant.wish.covers(question))
}

fn operation_context(
    request: &OperationRequest<'_>,
    (verb, granted): (Option<&'static str>, bool),
    approved: bool,
    totals: bool,
) -> Context {
    let Facts { unparsed, no_where, opaque, explain, locking, copy, constant: _ } = request.facts;
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
        ("granted", flag(granted)),
        ("approval", approval(approved)),
    ];
    let counted = [("session", &request.totals.session), ("run", &request.totals.run), ("hour", &request.totals.hour)];
    // Where no policy asks for them, none can see that they are not there.
    let counted = counted.into_iter().filter(|_| totals).map(|(name, totals)| (name, running(totals)));
    context(facts.into_iter().chain(counted).chain(copy.map(|with| ("copy", text(copy_name(with))))))
}

const fn copy_name(with: CopyWith) -> &'static str {
    match with {
        CopyWith::Stdin => "stdin",
        CopyWith::Stdout => "stdout",
        CopyWith::File => "file",
        CopyWith::Program => "program",
    }
}

fn workload_attributes(principal: &Principal, owner_active: bool) -> Vec<(&'static str, Value)> {
    let process = &principal.process;
    let mut attributes = vec![
        ("owner_active", flag(owner_active)),
        ("grade", text(&principal.grade.to_string())),
        ("run", text(&principal.run.to_string())),
        ("uid", Value::from(i64::from(process.uid))),
        ("cgroup", text(&process.cgroup)),
    ];
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
    attributes.extend(optional.into_iter().filter_map(|(name, value)| Some((name, text(value.as_ref()?)))));
    attributes.extend(principal.person.iter().map(|person| ("person", text(&person.name))));
    attributes.extend(principal.claims.iter().map(|claimed| ("claims", claims(claimed))));
    attributes.extend(principal.attested.iter().map(|signed| ("attested", attested(signed))));
    let failure = principal.attestation_failure.iter();
    attributes.extend(failure.map(|failure| ("attestation_failure", text(&failure.kind.to_string()))));
    attributes
}

fn attested(token: &Attested) -> Value {
    let all = token.claims.iter().map(|(name, value)| text(&format!("{name}={value}")));
    let known = signed().filter_map(|name| Some((name, text(token.claims.get(name)?))));
    record(known.chain([
        ("issuer", text(&token.issuer)),
        ("kind", text(&token.kind)),
        ("subject", text(&token.subject)),
        ("claims", Value::set(all, None)),
    ]))
}

fn claims(claims: &Claims) -> Value {
    // The provider is ours to say: a variable of that name says nothing.
    let fields =
        claims.attributes.iter().filter(|(name, _)| *name != "provider").map(|(name, value)| (name.as_str(), text(value)));
    record(fields.chain([("provider", text(&claims.provider))]))
}

fn running(running: &Running) -> Value {
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

fn approval(satisfied: bool) -> Value {
    record([("satisfied", flag(satisfied))])
}

fn context(facts: impl IntoIterator<Item = (&'static str, Value)>) -> Context {
    Context::Value(Arc::new(facts.into_iter().map(|(name, value)| (SmolStr::new_static(name), value)).collect()))
}

fn record<'f>(fields: impl IntoIterator<Item = (&'f str, Value)>) -> Value {
    Value::record(fields, None)
}

fn kind(kind: &str) -> Result<EntityType, String> {
    name(kind).map(EntityType::from)
}

fn name(name: &str) -> Result<Name, String> {
    Name::parse_unqualified_name(name).map_err(|error| error.to_string())
}

fn uid(kind: &EntityType, id: &str) -> EntityUID {
    EntityUID::from_components(kind.clone(), Eid::new(id), None)
}

fn text(value: &str) -> Value {
    Value::from(SmolStr::new(value))
}

fn texts(values: &[String]) -> Value {
    Value::set(values.iter().map(|value| text(value)), None)
}

fn flag(value: bool) -> Value {
    Value::from(value)
}

/// Cedar counts to 2⁶³ − 1: what is more is that.
fn count(number: u64) -> Value {
    Value::from(i64::try_from(number).unwrap_or(i64::MAX))
}
