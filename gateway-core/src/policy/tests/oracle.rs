//! What a set decides is what Cedar's own authorizer decides with all of its policies, of facts that are built for it from JSON.

use super::{BACKUP, principal, target};
use crate::inspect::resolve::{Question, Resource};
use crate::inspect::{CopyWith, Facts};
use crate::model::principal::{Grade, SignedIn};
use crate::policy::basis::tests::{facts, questions, running};
use crate::policy::{OperationRequest, PolicySet, Running, Totals, names};
use cedar_policy::{Authorizer, Context, Decision, Entities, EntityUid, PolicyId, PolicySet as Cedar, Request};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::LazyLock;

/// Each form of a scope, conditions that fail, and such as name what they are not asked about.
const POLICIES: &str = r#"
@id("any") permit (principal, action == Action::"read", resource);
@id("own") permit (principal == Workload::"spiffe://acme.example/host/ci-7/unit/nightly-backup.service", action in [Action::"write", Action::"call"], resource);
@id("other") permit (principal == Workload::"spiffe://acme.example/other", action in Action::"operation", resource);
@id("people") permit (principal in Group::"dba", action in Action::"operation", resource in Target::"prod-pg");
@id("typed") permit (principal is Workload in Group::"dba", action == Action::"define", resource is Table in Schema::"prod-pg/public");
@id("schema") permit (principal, action in Action::"operation", resource in Schema::"prod-pg/public") when { context.verb == "INSERT" };
@id("table") forbid (principal, action in Action::"operation", resource == Table::"prod-pg/public.users") when { context.no_where };
@id("target") permit (principal, action == Action::"session", resource == Target::"prod-pg");
@id("within") forbid (principal, action, resource) when { resource in Schema::"prod-pg/hr" && !context.in_transaction };
@id("elsewhere") forbid (principal, action in Action::"operation", resource in Target::"staging-pg");
@id("environment") forbid (principal, action == Action::"administer", resource in Environment::"production");
@id("named") forbid (principal, action in Action::"operation", resource)
when { Table::"prod-pg/public.users" in Schema::"prod-pg/public" && context.locking };
@id("kind") permit (principal, action in Action::"operation", resource is Function) when { resource.name like "f*" };
@id("fails") forbid (principal, action == Action::"write", resource) when { context.run.rows * 9223372036854775807 > 5 && context.explain };
@id("fails-apart") permit (principal, action == Action::"define", resource in Target::"prod-pg") when { context.session.rows + 9223372036854775807 > 5 };
@id("behind") permit (principal, action in Action::"operation", resource) when { context has behind && context.behind == "v" };
@id("copies") forbid (principal, action in Action::"operation", resource) when { context has copy && context.copy == "program" };
@id("who") forbid (principal, action == Action::"call", resource) when { principal.uid == 33 && principal has unit && context.opaque };
@id("claims") permit (principal, action == Action::"administer", resource) when { principal has claims && principal.claims.provider == "github" };
@id("many") forbid (principal, action in Action::"operation", resource) when { context.relations > 1 || context.statements == 4 };
@id("group") permit (principal, action == Action::"read", resource) when { action in Action::"operation" && principal in Group::"dba" };
"#;

static OURS: LazyLock<PolicySet> = LazyLock::new(|| super::load(POLICIES).unwrap());
static THEIRS: LazyLock<Cedar> = LazyLock::new(|| {
    let mut set = Cedar::new();
    for policy in POLICIES.parse::<Cedar>().unwrap().policies() {
        set.add(policy.new_id(PolicyId::new(policy.annotation("id").unwrap()))).unwrap();
    }
    set
});
static ACTIONS: LazyLock<Entities> = LazyLock::new(|| crate::policy::set::schema().unwrap().action_entities().unwrap());

fn uid(kind: &str, id: &str) -> EntityUid {
    EntityUid::from_json(json!({ "type": kind, "id": id })).unwrap()
}

fn entity(kind: &str, id: &str, attributes: &Value, parents: &[(&str, String)]) -> Value {
    let parents: Vec<_> = parents.iter().map(|(kind, id)| json!({ "type": kind, "id": id })).collect();
    json!({ "uid": { "type": kind, "id": id }, "attrs": attributes, "parents": parents })
}

/// All that a question is about, and who asks it.
fn entities(resource: &Resource, groups: &[String]) -> Entities {
    let mut all = vec![
        entity("Environment", "production", &json!({}), &[]),
        entity("Target", "prod-pg", &json!({}), &[("Environment", "production".to_owned())]),
    ];
    let top = ("Target", "prod-pg".to_owned());
    let schema = match resource {
        Resource::Target => None,
        Resource::Schema(schema) => Some(schema),
        Resource::Table(schema, _) | Resource::Function(schema, _) => schema.as_ref(),
    };
    let schema = schema.map(|schema| names::id("prod-pg", &Resource::Schema(schema.clone())));
    if let Some(schema) = &schema {
        all.push(entity("Schema", schema, &json!({}), std::slice::from_ref(&top)));
    }
    if let Resource::Table(_, name) | Resource::Function(_, name) = resource {
        let (kind, id) = names::entity("prod-pg", resource);
        let parent = schema.map_or(top, |schema| ("Schema", schema));
        all.push(entity(kind, &id, &json!({ "name": name }), &[parent]));
    }
    let attributes = json!({
        "name": "nightly-backup", "owner": "ana@acme.example", "owner_active": true, "grade": "kernel", "run": "r-0", "uid": 33,
        "user": "backup", "cgroup": "", "unit": "nightly-backup.service", "executable": "/usr/bin/pg_dump",
        "claims": { "provider": "github", "branch": "main" }, "person": "ana",
    });
    let groups: Vec<_> = groups.iter().map(|group| ("Group", group.clone())).collect();
    all.push(entity("Workload", BACKUP, &attributes, &groups));
    ACTIONS.clone().add_entities(Entities::from_json_value(Value::Array(all), None).unwrap(), None).unwrap()
}

fn context(request: &OperationRequest<'_>, question: &Question) -> Context {
    let facts = request.facts;
    // Cedar counts to 2^63 - 1.
    let most = |number: u64| number.min(i64::MAX as u64);
    let running = |running: Running| {
        let Running { rows, bytes, statements, seconds, concurrent, connections } = running;
        json!({
            "rows": most(rows), "bytes": most(bytes), "statements": most(statements),
            "seconds": most(seconds), "concurrent": most(concurrent), "connections": most(connections),
        })
    };
    let mut all = json!({
        "command": request.command, "verb": question.verb.unwrap_or("SELECT"), "parsed": facts.unparsed.is_none(),
        "no_where": facts.no_where, "opaque": facts.opaque, "explain": facts.explain, "locking": facts.locking,
        "in_transaction": request.in_transaction, "statements": request.statements,
        "relations": u64::from(matches!(question.resource, Resource::Table(..))),
        "database": request.database, "user": request.user, "granted": false, "approval": { "satisfied": false },
        "session": running(request.totals.session), "run": running(request.totals.run), "hour": running(request.totals.hour),
    });
    if let Some(copy) = facts.copy {
        all["copy"] = json!(match copy {
            CopyWith::Stdin => "stdin",
            CopyWith::Stdout => "stdout",
            CopyWith::File => "file",
            CopyWith::Program => "program",
        });
    }
    if let Some(view) = &question.behind {
        all["behind"] = json!(view);
    }
    Context::from_json_value(all, None).unwrap()
}

/// Whether Cedar allows it, by which policies it was decided, and what failed.
fn oracle(request: &OperationRequest<'_>, question: &Question, groups: &[String]) -> (bool, BTreeSet<String>, BTreeSet<String>) {
    let (kind, id) = names::entity("prod-pg", &question.resource);
    let action = uid("Action", question.action.name());
    let asked = Request::new(uid("Workload", BACKUP), action, uid(kind, &id), context(request, question), None).unwrap();
    let response = Authorizer::new().is_authorized(&asked, &THEIRS, &entities(&question.resource, groups));
    let by: BTreeSet<_> = response.diagnostics().reason().map(ToString::to_string).collect();
    let errors: BTreeSet<_> = response.diagnostics().errors().map(ToString::to_string).collect();
    (response.decision() == Decision::Allow, by, errors)
}

/// The same of a set of ours: for all questions, as one statement.
fn ours(request: &OperationRequest<'_>, set: &PolicySet) -> (bool, BTreeSet<String>, BTreeSet<String>) {
    let decision = set.decide_operation(request);
    (decision.allows(), decision.policies.iter().cloned().collect(), decision.errors.iter().cloned().collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]
    #[test]
    fn a_set_decides_as_cedar_does(
        asked in questions(),
        facts in facts(),
        (session, run, hour) in (running(), running(), running()),
        (in_transaction, dba, ready) in any::<(bool, bool, bool)>(),
        statements in 0..6_usize,
    ) {
        let set = &*OURS;
        let groups = if dba { vec!["dba".to_owned(), "all".to_owned()] } else { Vec::new() };
        let mut who = principal(BACKUP, Grade::Kernel);
        who.person = Some(SignedIn { name: "ana".to_owned(), groups: groups.iter().cloned().collect() });
        let target = target();
        let facts = Facts { unparsed: None, ..facts };
        let asker = set.asker(&who, true, &target).unwrap();
        let request = |questions| OperationRequest {
            principal: &who, target: &target, owner_active: true, asker: ready.then_some(&asker), database: "d", user: "u", questions,
            command: "SELECT", facts: &facts, statements, in_transaction,
            totals: Totals { session, run, hour }, approved: false, grants: &[],
        };
        let (mut every, mut errors) = (true, BTreeSet::new());
        for question in &asked {
            let alone = std::slice::from_ref(question);
            let (allows, by, failed) = oracle(&request(alone), question, &groups);
            let (allowed, policies, wrong) = ours(&request(alone), set);
            prop_assert_eq!(&wrong, &failed, "{:?}", question);
            prop_assert_eq!(allowed, allows && failed.is_empty(), "{:?} {:?}", question, by);
            // Where only a failure denies, none of those that hold has decided.
            let decided = if allows && !failed.is_empty() { BTreeSet::new() } else { by };
            prop_assert_eq!(policies, decided, "{:?}", question);
            every &= allowed;
            errors.extend(failed);
        }
        let tables: BTreeSet<_> = asked.iter().map(|question| &question.resource).filter(|of| matches!(of, Resource::Table(..))).collect();
        // What a statement's questions have in common is found out once, which must not show. With more tables `many` comes in.
        if tables.len() < 2 && !asked.is_empty() {
            let (allowed, _, wrong) = ours(&request(&asked), set);
            if tables.is_empty() || asked.iter().all(|question| matches!(question.resource, Resource::Table(..))) {
                prop_assert_eq!((allowed, wrong), (every, errors));
            }
        }
    }
}
