//! Which questions a statement raises, with catalogs made by hand.

use super::{Mentions, Question, Resource, Scope, calls_unreviewed, resolve, resolve_function_call};
use crate::inspect::catalog::{Catalog, RelationKind};
use crate::inspect::{Access, Action, Facts, Object, ObjectName, Statement};
use proptest::prelude::*;
use std::collections::BTreeMap;

const VIEW: RelationKind = RelationKind::View;
const TABLE: RelationKind = RelationKind::Table;

/// A database with views over views, partitions, functions, operators, types.
fn database() -> Catalog {
    let mut catalog = Catalog::default();
    for schema in ["pg_catalog", "pg_toast", "public", "app", "parts", "a.b"] {
        catalog.add_schema(schema);
    }
    for (schema, name, oid, kind) in [
        ("pg_catalog", "pg_class", 1259, TABLE),
        ("pg_catalog", "pg_authid", 1260, TABLE),
        ("pg_catalog", "pg_shadow", 12_000, VIEW),
        ("public", "users", 20_000, TABLE),
        ("app", "users", 20_001, TABLE),
        ("public", "orders", 20_002, TABLE),
        ("public", "open_orders", 20_003, VIEW),
        ("app", "report", 20_004, VIEW),
        ("app", "totals", 20_005, RelationKind::MaterialisedView),
        ("public", "events", 20_006, RelationKind::Partitioned),
        ("public", "events_1", 20_007, TABLE),
        ("parts", "events_2", 20_008, TABLE),
        ("public", "logins", 20_009, VIEW),
        ("a.b", "c\".d", 20_010, TABLE),
    ] {
        catalog.add_relation(schema, name, oid, kind, false);
    }
    // open_orders reads orders; report reads open_orders and users; totals reads report.
    for (view, base) in [
        (20_003, 20_002),
        (20_004, 20_003),
        (20_004, 20_001),
        (20_005, 20_004),
        (20_009, 12_000),
        (12_000, 1260),
        (20_003, 20_003),
    ] {
        catalog.add_base(view, base);
    }
    catalog.add_child(20_006, 20_007);
    catalog.add_child(20_006, 20_008);
    for (schema, name, oid) in [
        ("pg_catalog", "lower", 870),
        ("pg_catalog", "query_to_xml", 2923),
        ("pg_catalog", "nextval", 1574),
        ("pg_catalog", "from_the_future", 9_000),
        ("public", "upper", 30_000),
        ("app", "audit", 30_001),
        ("public", "audit", 30_002),
        ("app", "less", 30_003),
        ("app", "citextin", 30_004),
    ] {
        catalog.add_function(schema, name, oid);
    }
    for (schema, name, oid) in [("app", "max", 30_005), ("app", "citext_eq", 30_006), ("app", "dblink", 30_007)] {
        catalog.add_extension_function(schema, name, oid);
    }
    catalog.add_operator("app", "=", 30_006);
    for (view, function) in [(20_003, 30_001), (20_003, 870), (20_005, 2923), (12_000, 2923), (20_004, 1574)] {
        catalog.add_call(view, function);
    }
    catalog.add_operator("app", "<", 30_003);
    catalog.add_operator("app", "@@@@", 870);
    catalog.add_type("app", "citext", [30_004]);
    catalog.add_type("app", "mood", []);
    catalog
}

fn mentions(relations: &[(&str, &str)], functions: &[(&str, &str)], schemas: &[&str]) -> Mentions {
    let by_name = |pairs: &[(&str, &str)]| {
        let mut names: BTreeMap<Box<str>, std::collections::BTreeSet<Box<str>>> = BTreeMap::new();
        for (schema, name) in pairs {
            names.entry((*name).into()).or_default().insert((*schema).into());
        }
        names
    };
    Mentions {
        relations: by_name(relations),
        functions: by_name(functions),
        schemas: schemas.iter().map(|schema| Box::from(*schema)).collect(),
    }
}

fn named(text: &str) -> ObjectName {
    match text.split_once('/') {
        Some((schema, name)) => ObjectName::within(schema, name),
        None => ObjectName::bare(text),
    }
}

/// A statement with one access: `read t`, `call s/f`, `call operator <`.
fn statement(command: &'static str, access: &str) -> Statement {
    let (action, object) = access.split_once(' ').unwrap();
    let action = Action::ALL.into_iter().find(|known| known.name() == action).unwrap();
    let object = match (action, object.split_once(' ')) {
        (_, Some(("operator", name))) => Object::Operator(named(name)),
        (_, Some(("member", name))) => Object::Member(name.into()),
        (_, Some(("value", name))) => Object::MemberOfValue(name.into()),
        (_, Some(("function", name))) => Object::Function(named(name)),
        (_, Some(("schema", name))) => Object::Schema(name.into()),
        (Action::Call, _) if object != "target" => Object::Function(named(object)),
        _ if object == "target" => Object::Target,
        _ => Object::Relation(named(object)),
    };
    Statement { command, accesses: vec![Access::new(action, object)], ..Statement::default() }
}

/// Questions as words: `read app/users`, `call ?/f`, `read public/t < app.view`.
fn words(questions: &[Question]) -> Vec<String> {
    let text = |question: &Question| {
        let within = |schema: &Option<Box<str>>, name: &str| format!("{}/{name}", schema.as_deref().unwrap_or("?"));
        let resource = match &question.resource {
            Resource::Target => "target".to_owned(),
            Resource::Schema(schema) => format!("schema {schema}"),
            Resource::Table(schema, name) => within(schema, name),
            Resource::Function(schema, name) => format!("{}()", within(schema, name)),
        };
        let behind = question.behind.as_ref().map(|view| format!(" < {view}")).unwrap_or_default();
        format!("{} {resource}{behind}", question.action)
    };
    questions.iter().map(text).collect()
}

/// What is known beside the statement.
#[derive(Clone, Default)]
struct Known {
    catalog: Option<Catalog>,
    path: Option<Vec<Box<str>>>,
    mentions: Mentions,
    temporary: Vec<Box<str>>,
}

impl Known {
    fn all() -> Self {
        Self { catalog: Some(database()), ..Self::default() }
    }

    fn path(mut self, path: &[&str]) -> Self {
        self.path = Some(path.iter().map(|schema| Box::from(*schema)).collect());
        self
    }

    fn mentions(mut self, mentions: Mentions) -> Self {
        self.mentions = mentions;
        self
    }

    fn scope(&self) -> Scope<'_> {
        Scope {
            catalog: self.catalog.as_ref(),
            search_path: self.path.as_deref(),
            mentions: &self.mentions,
            temporary: &self.temporary,
        }
    }
}

fn check(known: &Known, command: &'static str, access: &str, expected: &[&str]) {
    let questions = resolve(&statement(command, access), &known.scope());
    assert_eq!(words(&questions), expected, "{command}: {access}");
    let calls = expected.iter().any(|question| question.starts_with("call"));
    assert_eq!(calls_unreviewed(&questions), calls, "{command}: {access}");
}

#[test]
fn a_bare_relation_is_in_every_schema_that_has_it() {
    let known = Known::all();
    check(&known, "SELECT", "read users", &["read app/users", "read public/users"]);
    check(&known, "SELECT", "read app/users", &["read app/users"]);
    check(&known, "SELECT", "read orders", &["read public/orders"]);
    check(&known, "SELECT", "read nothing", &["read ?/nothing"]);
    check(&known, "SELECT", "read pg_class", &["read pg_catalog/pg_class"]);
    check(&known, "SELECT", "read a.b/c\".d", &["read a.b/c\".d"]);
    check(&known.clone().path(&["public"]), "SELECT", "read users", &["read public/users"]);
    check(&known.clone().path(&["public"]), "SELECT", "read pg_class", &["read pg_catalog/pg_class"]);
    check(&known.clone().path(&["$user", "public"]), "SELECT", "read users", &["read app/users", "read public/users"]);
    let temporary = Known { temporary: vec!["orders".into()], ..known.clone() };
    check(&temporary, "SELECT", "read orders", &["read pg_temp/orders", "read public/orders"]);
    // Hidden by DDL that is not committed: what policies name of it counts too.
    let named = known.mentions(mentions(&[("public", "fresh")], &[], &[]));
    check(&named, "SELECT", "read fresh", &["read ?/fresh", "read public/fresh"]);
}

#[test]
fn without_a_catalog_names_mean_what_policies_name() {
    let none = Known::default();
    check(&none, "SELECT", "read users", &["read ?/users"]);
    check(&none, "SELECT", "read pg_authid", &["read ?/pg_authid", "read pg_catalog/pg_authid"]);
    let known = none.clone().mentions(mentions(&[("app", "users")], &[("app", "f"), ("app", "lower")], &["secret"]));
    check(&known, "SELECT", "read users", &["read ?/users", "read app/users", "read secret/users"]);
    check(&known, "SELECT", "call f", &["call ?/f()", "call app/f()", "call secret/f()"]);
    check(&known, "SELECT", "call lower", &["call app/lower()"]);
    check(&none, "SELECT", "call lower", &[]);
    check(&none, "SELECT", "call pg_sleep", &["call pg_catalog/pg_sleep()", "call ?/pg_sleep()"]);
    check(&none.path(&["app", "public"]), "SELECT", "read users", &["read app/users", "read public/users"]);
}

#[test]
fn a_view_brings_what_lies_behind_it() {
    let known = Known::all();
    let own = "read public/open_orders";
    check(
        &known,
        "SELECT",
        "read open_orders",
        &[own, "read public/orders < public.open_orders", "call app/audit() < public.open_orders"],
    );
    check(
        &known,
        "SELECT",
        "read report",
        &[
            "read app/report",
            "read app/users < app.report",
            "read public/orders < app.report",
            "read public/open_orders < app.report",
            "call app/audit() < app.report",
            "write target < app.report",
        ],
    );
    check(
        &known,
        "UPDATE",
        "write public/open_orders",
        &["write public/open_orders", "write public/orders < public.open_orders", "call app/audit() < public.open_orders"],
    );
    check(&known, "DROP VIEW", "define open_orders", &["define public/open_orders"]);
    check(&known, "SELECT", "read totals", &["read app/totals"]);
    check(
        &known,
        "REFRESH MATERIALIZED VIEW",
        "define totals",
        &[
            "define app/totals",
            "read app/users < app.totals",
            "read public/orders < app.totals",
            "read public/open_orders < app.totals",
            "read app/report < app.totals",
            "call app/audit() < app.totals",
            "write target < app.totals",
            "call pg_catalog/query_to_xml() < app.totals",
        ],
    );
}

#[test]
fn the_servers_own_views_are_judged_by_name_unless_a_policy_names_what_they_read() {
    let known = Known::all();
    check(&known, "SELECT", "read pg_shadow", &["read pg_catalog/pg_shadow"]);
    check(&known, "SELECT", "read logins", &["read public/logins", "read pg_catalog/pg_shadow < public.logins"]);
    let named = known.mentions(mentions(&[("pg_catalog", "pg_authid")], &[], &[]));
    let behind = "read pg_catalog/pg_authid < pg_catalog.pg_shadow";
    check(&named, "SELECT", "read pg_shadow", &["read pg_catalog/pg_shadow", behind]);
    let logins = ["read public/logins", "read pg_catalog/pg_shadow < public.logins", "read pg_catalog/pg_authid < public.logins"];
    check(&named, "SELECT", "read logins", &logins);
}

#[test]
fn partitions_count_where_a_policy_can_tell_them_apart() {
    let known = Known::all();
    check(&known, "SELECT", "read events", &["read public/events"]);
    check(&known, "SELECT", "read events_1", &["read public/events_1"]);
    let parent = known.clone().mentions(mentions(&[("public", "events")], &[], &[]));
    check(&parent, "DELETE", "write events_1", &["write public/events_1", "write public/events < public.events_1"]);
    let child = known.clone().mentions(mentions(&[("public", "events_1")], &[], &["public"]));
    check(&child, "SELECT", "read events", &["read public/events", "read public/events_1 < public.events"]);
    let schema = known.clone().mentions(mentions(&[], &[], &["parts"]));
    check(&schema, "DROP TABLE", "define events", &["define public/events", "define parts/events_2 < public.events"]);
    // Long values have their table's number in their name.
    let long = "read pg_toast/pg_toast_20000";
    check(&known, "SELECT", long, &[long, "read public/users < pg_toast.pg_toast_20000"]);
}

#[test]
fn a_new_relation_goes_where_the_path_says() {
    let known = Known::all().mentions(mentions(&[], &[], &["app", "gone"]));
    check(&known, "CREATE TABLE", "define fresh", &["define ?/fresh", "define app/fresh"]);
    check(&known, "CREATE TABLE", "define orders", &["define ?/orders", "define app/orders", "define public/orders"]);
    check(&known, "CREATE INDEX", "define orders", &["define public/orders"]);
    check(&known, "SELECT INTO", "write fresh", &["write ?/fresh", "write app/fresh"]);
    check(&known, "CREATE RULE", "write orders", &["write public/orders"]);
    check(&known, "SELECT", "write fresh", &["write ?/fresh"]);
    check(&known, "ALTER TABLE", "define orders", &["define public/orders"]);
    let path = known.path(&["nowhere", "public"]);
    check(&path, "CREATE TABLE", "define fresh", &["define public/fresh"]);
    check(&path, "CREATE FUNCTION", "define function f", &["define public/f()"]);
    check(&Known::default().path(&["public"]), "CREATE TABLE", "define fresh", &["define public/fresh"]);
}

#[test]
fn what_nobody_has_reviewed_is_a_call() {
    let known = Known::all();
    check(&known, "SELECT", "call lower", &[]);
    check(&known, "SELECT", "call pg_catalog/lower", &[]);
    check(&known, "SELECT", "call public/lower", &["call public/lower()"]);
    check(&known, "SELECT", "call information_schema/_pg_truetypid", &[]);
    // CVE-2018-1058: the one in public may fit better.
    check(&known, "SELECT", "call upper", &["call public/upper()"]);
    check(&known.clone().path(&["app"]), "SELECT", "call upper", &[]);
    check(&known, "SELECT", "call audit", &["call app/audit()", "call public/audit()"]);
    check(&known.clone().path(&["app"]), "SELECT", "call audit", &["call app/audit()"]);
    check(&known, "SELECT", "call query_to_xml", &["call pg_catalog/query_to_xml()"]);
    check(&known, "SELECT", "call pg_catalog/query_to_xml", &["call pg_catalog/query_to_xml()"]);
    check(&known, "SELECT", "call from_the_future", &["call pg_catalog/from_the_future()"]);
    check(&known, "SELECT", "call crosstab", &["call ?/crosstab()"]);
    check(&known, "SELECT", "call nextval", &["write target"]);
    check(&known, "DROP FUNCTION", "define function audit", &["define app/audit()", "define public/audit()"]);
    check(&known, "CREATE SCHEMA", "define schema s", &["define schema s"]);
    check(&known, "ALTER SYSTEM", "administer target", &["administer target"]);
}

#[test]
fn what_extensions_bring_beside_the_servers_own_is_no_call_by_a_bare_name() {
    let known = Known::all();
    check(&known, "SELECT", "call max", &[]);
    check(&known, "SELECT", "call operator =", &[]);
    check(&known, "SELECT", "call app/max", &["call app/max()"]);
    check(&known, "SELECT", "call operator app/=", &["call app/citext_eq()"]);
    check(&known, "SELECT", "call dblink", &["call app/dblink()"]);
    let mut catalog = database();
    catalog.add_function("app", "max", 30_008);
    check(&Known { catalog: Some(catalog), ..known }, "SELECT", "call max", &["call app/max()"]);
}

#[test]
fn what_is_behind_a_dot_is_a_call_where_there_is_such_a_function() {
    let known = Known::all();
    let both = ["call app/audit()", "call public/audit()"];
    check(&known, "SELECT", "call member audit", &both);
    check(&known, "SELECT", "call value audit", &both);
    check(&known.clone().path(&["public"]), "SELECT", "call member audit", &["call public/audit()"]);
    // A user's own beside the server's; an extension's beside the server's; an extension's.
    check(&known, "SELECT", "call member upper", &["call public/upper()"]);
    check(&known, "SELECT", "call value max", &[]);
    check(&known, "SELECT", "call member dblink", &[]);
    check(&known, "SELECT", "call value dblink", &["call app/dblink()"]);
    let named = known.clone().mentions(mentions(&[], &[("app", "dblink")], &[]));
    check(&named, "SELECT", "call member dblink", &["call app/dblink()"]);
    for known in [known, Known::default()] {
        check(&known, "SELECT", "call member name", &[]);
        check(&known, "SELECT", "call value lower", &[]);
        check(&known, "SELECT", "call value pg_read_file", &["call pg_catalog/pg_read_file()"]);
        check(&known, "SELECT", "call value nextval", &["write target"]);
    }
    check(&Known::default(), "SELECT", "call value audit", &[]);
    let named = Known::default().mentions(mentions(&[], &[("app", "audit")], &[]));
    check(&named, "SELECT", "call member audit", &["call app/audit()"]);
}

#[test]
fn operators_and_types_are_their_functions() {
    let known = Known::all();
    check(&known, "SELECT", "call operator <", &["call app/less()"]);
    check(&known.clone().path(&["public"]), "SELECT", "call operator <", &[]);
    check(&known, "SELECT", "call operator pg_catalog/<", &[]);
    check(&known, "SELECT", "call operator app/<", &["call app/less()"]);
    check(&known, "SELECT", "call operator public/<", &["call public/<()"]);
    check(&known, "SELECT", "call operator @@@@", &[]);
    check(&known, "SELECT", "call operator <=>", &["call ?/<=>()"]);
    check(&Known::default(), "SELECT", "call operator <", &[]);
    check(&Known::default(), "SELECT", "call operator <=>", &["call ?/<=>()"]);
    check(&known, "SELECT", "call int4", &[]);
    check(&known, "SELECT", "call pg_catalog/regclass", &[]);
    check(&known, "SELECT", "call citext", &["call app/citextin()"]);
    check(&known, "SELECT", "call app/citext", &["call app/citextin()"]);
    check(&known, "SELECT", "call mood", &[]);
    check(&known, "SELECT", "call users", &[]);
    check(&Known::default(), "SELECT", "call mood", &["call ?/mood()"]);
}

#[test]
fn what_was_not_understood_is_everything() {
    let all = ["read target", "write target", "define target", "administer target", "call target", "session target"];
    let unparsed = Statement::unparsed(3, "no");
    assert_eq!(words(&resolve(&unparsed, &Known::all().scope())), all);
    let opaque = Statement { facts: Facts { opaque: true, ..Facts::default() }, ..Statement::default() };
    assert_eq!(words(&resolve(&opaque, &Known::all().scope())), ["call target"]);
    let mut twice = statement("SELECT", "read users");
    twice.accesses.extend(statement("SELECT", "read app/users").accesses);
    assert_eq!(words(&resolve(&twice, &Known::all().scope())), ["read app/users", "read public/users"]);
}

#[test]
fn a_counted_function_is_asked_where_the_statement_is_silent() {
    let mut said = statement("SELECT", "call nextval");
    said.accesses.extend(statement("SELECT", "write orders").accesses);
    assert_eq!(words(&resolve(&said, &Known::all().path(&["public"]).scope())), ["write public/orders"]);
}

#[test]
fn too_many_questions_are_asked_at_large() {
    let known = Known::default().mentions(mentions(&[("app", "users")], &[("app", "f")], &["secret"]));
    let many = |count: usize| {
        let accesses = (0..count).flat_map(|n| statement("LOCK TABLE", &format!("read public/t{n}")).accesses).collect();
        resolve(&Statement { command: "LOCK TABLE", accesses, ..Statement::default() }, &known.scope())
    };
    assert_eq!(many(20_000).len(), 20_000);
    let large = ["read target", "read schema secret", "read app/users", "read app/f()"];
    assert_eq!(words(&many(20_001)), large);
    let verbs = Statement {
        accesses: ["MERGE", "DELETE"]
            .into_iter()
            .flat_map(|verb| {
                (0..10_001).map(move |n| Access {
                    action: Action::Write,
                    object: Object::Relation(ObjectName::within("public", &format!("t{n}"))),
                    verb: Some(verb),
                })
            })
            .collect(),
        ..Statement::default()
    };
    let asked = resolve(&verbs, &known.scope());
    assert_eq!(asked.iter().filter(|question| question.verb == Some("DELETE")).count(), large.len());
    assert_eq!(asked.len(), 2 * large.len());
}

#[test]
fn a_call_by_number_is_a_call_by_name() {
    let (known, none) = (Known::all(), Known::default());
    let check = |known: &Known, oid: u32, expected: &[&str]| {
        assert_eq!(words(&resolve_function_call(oid, &known.scope())), expected, "{oid}");
    };
    for known in [&known, &none] {
        check(known, 954, &["read target"]);
        check(known, 955, &["write target"]);
        check(known, 4_000_000_000, &["call ?/oid 4000000000()"]);
    }
    check(&known, 870, &[]);
    check(&known, 1574, &["write target"]);
    check(&known, 2923, &["call pg_catalog/query_to_xml()"]);
    check(&known, 30_001, &["call app/audit()"]);
    check(&none, 870, &["call ?/oid 870()"]);
}

fn schema() -> impl Strategy<Value = Box<str>> {
    prop::sample::select(vec!["pg_catalog", "public", "app", "parts"]).prop_map(Box::from)
}

fn name() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec![
        "users", "orders", "report", "events", "events_1", "pg_class", "lower", "upper", "audit", "citext", "none",
    ])
}

proptest! {
    /// Not to know the path never asks less than to know it; not to have the catalog asks for all
    /// that a policy can tell apart.
    #[test]
    fn knowing_less_asks_no_less(
        path in prop::collection::vec(schema(), 0..3),
        relations in prop::collection::vec((schema(), name()), 0..4),
        functions in prop::collection::vec((schema(), name()), 0..4),
        schemas in prop::collection::btree_set(schema(), 0..3),
        action in prop::sample::select(vec![Action::Read, Action::Write, Action::Define, Action::Session]),
        command in prop::sample::select(vec!["SELECT", "UPDATE", "CREATE TABLE"]),
        name in name(),
        calls in any::<bool>(),
    ) {
        let mut mentions = Mentions { schemas, ..Mentions::default() };
        for (schema, name) in relations {
            mentions.relations.entry(name.into()).or_default().insert(schema);
        }
        for (schema, name) in functions {
            mentions.functions.entry(name.into()).or_default().insert(schema);
        }
        let object = ObjectName::bare(name);
        let access = if calls {
            Access::new(Action::Call, Object::Function(object))
        } else {
            Access::new(action, Object::Relation(object))
        };
        let statement = Statement { command, accesses: vec![access], ..Statement::default() };
        let known = Known { catalog: Some(database()), path: Some(path), mentions, temporary: Vec::new() };
        let with_path = resolve(&statement, &known.scope());
        let without_path = resolve(&statement, &Known { path: None, ..known.clone() }.scope());
        // A name that nothing on the path has: the server says that there is none, or the session has just made it.
        let nowhere = with_path.iter().any(|question| {
            matches!(question.resource, Resource::Table(None, _) | Resource::Function(None, _))
        });
        for question in with_path.iter().filter(|_| !nowhere) {
            prop_assert!(told(question, &without_path, &known.mentions), "{question:?} is not among {without_path:?}");
        }
        let nothing = resolve(&statement, &Known { path: None, catalog: None, ..known.clone() }.scope());
        for question in without_path.iter().filter(|question| question.behind.is_none() && question.action != Action::Call) {
            prop_assert!(told(question, &nothing, &known.mentions), "{question:?} is not among {nothing:?}");
        }
    }
}

/// Whether `questions` have this one, or the same of an unknown schema where no policy tells it from that.
fn told(question: &Question, questions: &[Question], mentions: &Mentions) -> bool {
    let unknown = match &question.resource {
        Resource::Table(Some(schema), name) => {
            let named = mentions.relations.get(name).is_some_and(|known| known.contains(schema));
            (!named && !mentions.schemas.contains(schema)).then(|| Resource::Table(None, name.clone()))
        }
        Resource::Function(Some(schema), name) => {
            let named = mentions.functions.get(name).is_some_and(|known| known.contains(schema));
            (!named && !mentions.schemas.contains(schema)).then(|| Resource::Function(None, name.clone()))
        }
        Resource::Target | Resource::Schema(_) | Resource::Table(None, _) | Resource::Function(None, _) => None,
    };
    let same = |resource: &Resource| questions.iter().any(|other| other.action == question.action && other.resource == *resource);
    same(&question.resource) || unknown.as_ref().is_some_and(same)
}
