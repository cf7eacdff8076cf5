//! What is written is read back, and decides the same.

use super::kept::VERBS;
use super::*;
use crate::control::grant::{Grant, Wish};
use crate::control::hold::Terms;
use crate::inspect::Facts;
use crate::inspect::resolve::{Mentions, Question, Resource};
use crate::model::ids::GrantId;
use crate::model::principal::tests::principal;
use crate::model::target::{ProtocolName, Target};
use crate::model::time::Timestamp;
use crate::policy::{ConnectRequest, Known, OperationRequest, PolicySet, Running, Totals};
use crate::protocol::opaque::{Hello, Speaks};
use proptest::prelude::*;

const WORKLOAD: &str = "spiffe://acme.example/job";

/// Policies that look at most of what there is.
const POLICIES: &str = r#"
@id("reads") permit (principal, action == Action::"read", resource in Schema::"db/public");
@id("writes") permit (principal, action == Action::"write", resource) when { context.verb == "INSERT" && !context.no_where };
@id("calls") permit (principal, action == Action::"call", resource is Function) when { resource.name like "f*" };
@id("behind") permit (principal, action in Action::"operation", resource) when { context has behind && context.behind == "v" };
@id("granted") permit (principal, action in Action::"operation", resource) when { context.granted };
@id("free") permit (principal, action == Action::"session", resource) when { context.statements < 3 };
@id("copies") permit (principal, action == Action::"read", resource) when { context has copy && context.copy == "stdout" };
@id("unread") permit (principal, action in Action::"operation", resource) when { !context.parsed && context.user == "a" };
@id("crowd") forbid (principal, action == Action::"read", resource) when { context.relations > 3 || context.opaque || context.explain };
@id("quota") forbid (principal, action in Action::"operation", resource) when { context.run.rows > 500 || context.hour.bytes > 500 };
@id("locks") forbid (principal, action == Action::"read", resource) when { context.locking && !context.in_transaction };
@id("held") @hold("group=dba,quorum=2") forbid (principal, action == Action::"write", resource)
when { context.database == "b" } unless { context.approval.satisfied };
@id("pii") permit (principal, action == Action::"reveal", resource == Class::"pii") when { context.command == "SELECT" };
"#;

fn target() -> Target {
    Target {
        name: "db".to_owned(),
        environment: Some("production".to_owned()),
        protocol: ProtocolName::Postgres,
        configured: true,
    }
}

fn set(text: &str) -> PolicySet {
    PolicySet::load(vec![("a.cedar".to_owned(), text.to_owned())]).unwrap()
}

pub(in crate::policy) fn questions() -> impl Strategy<Value = Vec<Question>> {
    let schema = || proptest::option::of(proptest::sample::select(vec!["public", "hr", "?", "a.b\"", "é\n"]));
    let name = || proptest::sample::select(vec!["users", "f1", "", "x\u{1}y", "t*"]);
    let resource = (0..4_u8, schema(), name()).prop_map(|(kind, schema, name)| {
        let boxed = |schema: Option<&str>| schema.map(Box::from);
        match kind {
            0 => Resource::Target,
            1 => Resource::Schema(schema.unwrap_or("s").into()),
            2 => Resource::Table(boxed(schema), name.into()),
            _ => Resource::Function(boxed(schema), name.into()),
        }
    });
    let behind = proptest::option::of(proptest::sample::select(vec!["v", "public.v"]));
    let verb = proptest::option::of(proptest::sample::select(VERBS.to_vec()));
    let action = proptest::sample::select(Action::ALL.to_vec());
    let one = (action, resource, behind, verb);
    let one = one.prop_map(|(action, resource, behind, verb)| Question { action, resource, behind: behind.map(Box::from), verb });
    proptest::collection::vec(one, 0..6)
}

pub(in crate::policy) fn facts() -> impl Strategy<Value = Facts> {
    let copy = proptest::option::of(proptest::sample::select(COPIES.map(|(_, with)| with).to_vec()));
    (any::<[bool; 5]>(), copy).prop_map(|([unparsed, no_where, opaque, explain, locking], copy)| Facts {
        unparsed: unparsed.then(|| "no".to_owned()),
        no_where,
        opaque,
        explain,
        locking,
        copy,
        constant: false,
    })
}

pub(in crate::policy) fn running() -> impl Strategy<Value = Running> {
    let any = || prop_oneof![0..1000_u64, Just(u64::MAX)];
    (any(), any(), any(), 0..9_u64, 0..9_u64, 0..9_u64).prop_map(|(rows, bytes, statements, seconds, concurrent, connections)| {
        Running { rows, bytes, statements, seconds, concurrent, connections }
    })
}

fn grant(actions: &[&str], tables: &[&str]) -> Grant {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>();
    let actions = owned(actions).into_iter().collect();
    let wish = Wish { workload: "*".to_owned(), target: "*".to_owned(), actions, tables: owned(tables), ..Wish::default() };
    Grant { id: GrantId::from_number(9), wish, votes: Vec::new(), until: Timestamp(5) }
}

proptest! {
    /// What is decided anew from the kept form is what was decided.
    #[test]
    fn a_decision_is_made_again(
        questions in questions(),
        facts in facts(),
        (session, run, hour) in (running(), running(), running()),
        (in_transaction, owner_active, granted, approved, by_catalog) in any::<(bool, bool, bool, bool, bool)>(),
        (database, user, statements) in ("[ab]", "[ab\"\\\\]", 0..5_usize),
    ) {
        let (set, who, target) = (set(POLICIES), principal(WORKLOAD), target());
        let given = grant(&["read", "write"], &["public.users", "*.x"]);
        let grants: &[&Grant] = if granted { &[&given] } else { &[] };
        let request = OperationRequest {
            principal: &who, target: &target, owner_active, asker: None, database: &database, user: &user, questions: &questions,
            command: "SELECT", facts: &facts, statements, in_transaction,
            totals: Totals { session, run, hour }, approved: false, grants,
        };
        let mut decision = set.decide_operation(&request);
        if approved && decision.held() {
            let holds = std::mem::take(&mut decision.holds);
            decision = set.decide_operation(&OperationRequest { approved: true, ..request });
            decision.holds = holds;
        }
        let basis = OperationBasis { request: &request, decision: &decision, by_catalog, waits: None, hidden: &[] };
        let kept = KeptOperation::read(Some(&serde_json::to_value(basis).unwrap())).unwrap();
        prop_assert_eq!(&kept.questions, &questions);
        prop_assert_eq!(kept.totals, request.totals);
        let again = kept.decide(&set, &who, &target, (&set.mentions("db"), &set.mentions("db")));
        prop_assert_eq!(again, decision);
        prop_assert_eq!(kept.reveals(&set, &who, &target, "pii"), set.decide_reveal(&request, "pii").allows());
    }

    #[test]
    fn whatever_the_facts_are_reading_them_returns(text in "[\\[\\]{}\",:a-z0-9.]{0,80}") {
        if let Ok(value) = serde_json::from_str(&text) {
            let _read = (KeptOperation::read(Some(&value)).is_ok(), KeptConnect::read(Some(&value)).is_ok());
        }
    }
}

#[test]
fn a_connection_is_decided_again() {
    let text = r#"
@id("to-db") permit (principal, action == Action::"connect", resource) when { context.kind == "name" && context.port == 5432 };
@id("tls") forbid (principal, action == Action::"connect", resource) when { context has speaks && context.speaks != "tls" };
@id("many") forbid (principal, action == Action::"connect", resource) when { context.hour.connections > 9 };
@id("owner") forbid (principal, action == Action::"connect", resource) unless { principal.owner_active || context.granted };"#;
    let (set, who, target) = (set(text), principal(WORKLOAD), target());
    let hello = |speaks| Hello { speaks, sni: Some("db.example".to_owned()), ..Hello::default() };
    for (hello, connections, owner_active, granted, expected) in [
        (None, 0, true, false, Verdict::Allow),
        (Some(hello(Speaks::Tls)), 0, false, true, Verdict::Allow),
        (Some(hello(Speaks::Ssh)), 0, true, false, Verdict::Deny),
        (None, 10, true, false, Verdict::Deny),
        (None, 0, false, false, Verdict::Deny),
    ] {
        let known = Known::new(vec!["db.example".to_owned()], hello);
        let address = "192.0.2.1:5432".parse().unwrap();
        let totals = Totals { hour: Running { connections, ..Running::default() }, ..Totals::default() };
        let request = ConnectRequest {
            principal: &who,
            target: &target,
            address,
            owner_active,
            known: &known,
            totals,
            approved: false,
            granted,
        };
        let decision = set.decide(&request);
        let basis = ConnectBasis { address, known: known.clone(), totals, owner_active, granted, waits: None };
        let kept = KeptConnect::read(Some(&basis.json(&decision))).unwrap();
        assert_eq!((kept.decide(&set, &who, &target), kept.verdict), (decision, expected));
    }
}

#[test]
fn an_approval_of_then_releases_what_waits_for_no_others() {
    let held = |group: &str, quorum: u8| {
        let terms = format!("@hold(\"group={group},quorum={quorum}\")");
        format!(
            "@id(\"all\") permit (principal, action == Action::\"write\", resource);
             @id(\"h\") {terms} forbid (principal, action == Action::\"write\", resource) unless {{ context.approval.satisfied }};"
        )
    };
    let questions = vec![Question { action: Action::Write, resource: Resource::Target, behind: None, verb: None }];
    let terms = Terms { policy: "old".into(), group: "dba".into(), quorum: 2, wait_seconds: 1, valid_seconds: 1 };
    let kept = KeptOperation { questions, released: vec![terms.clone()], ..nothing() };
    for (group, quorum, expected) in
        [("dba", 2, Verdict::Allow), ("dba", 1, Verdict::Allow), ("dba", 3, Verdict::Hold), ("security", 1, Verdict::Hold)]
    {
        let set = set(&held(group, quorum));
        let decision = kept.decide(&set, &principal(WORKLOAD), &target(), (&set.mentions("db"), &set.mentions("db")));
        assert_eq!(Verdict::of(&decision, false), expected, "{group} {quorum}");
        assert_eq!(Verdict::of(&decision, true), Verdict::Hold, "what is prepared waits when it is bound");
    }
    let waits = KeptOperation { waits: Some(terms), released: Vec::new(), ..kept };
    let set = set("@id(\"all\") permit (principal, action == Action::\"write\", resource);");
    let decision = waits.decide(&set, &principal(WORKLOAD), &target(), (&Mentions::default(), &Mentions::default()));
    assert_eq!(Verdict::of(&decision, false), Verdict::Hold);
}

#[test]
fn a_name_without_a_schema_means_what_the_new_set_names() {
    let table = |schema: Option<&str>, name: &str| Question {
        action: Action::Read,
        resource: Resource::Table(schema.map(Into::into), name.into()),
        behind: None,
        verb: None,
    };
    let target_wide = r#"@id("all") permit (principal, action == Action::"read", resource in Target::"db");"#;
    let closed = format!("{target_wide} @id(\"hr\") forbid (principal, action, resource in Schema::\"db/hr\");");
    let one = format!("{target_wide} @id(\"t\") forbid (principal, action, resource == Table::\"db/hr.users\");");
    for (asked, by_catalog, old, new, expected) in [
        (vec![table(None, "users")], false, target_wide, closed.as_str(), Verdict::Deny),
        (vec![table(None, "users")], false, target_wide, one.as_str(), Verdict::Deny),
        (vec![table(None, "others")], false, target_wide, one.as_str(), Verdict::Allow),
        (vec![table(None, "users"), table(Some("hr"), "users")], false, closed.as_str(), target_wide, Verdict::Allow),
        (vec![table(Some("public"), "users")], false, target_wide, closed.as_str(), Verdict::Allow),
        // Found in a catalog, it is where the catalog says.
        (vec![table(Some("public"), "users")], true, target_wide, one.as_str(), Verdict::Allow),
        (vec![table(None, "users")], true, target_wide, one.as_str(), Verdict::Deny),
    ] {
        let kept = KeptOperation { questions: asked.clone(), by_catalog, ..nothing() };
        let decision = {
            let (old, new) = (set(old), set(new));
            kept.decide(&new, &principal(WORKLOAD), &target(), (&old.mentions("db"), &new.mentions("db")))
        };
        assert_eq!(Verdict::of(&decision, false), expected, "{asked:?} {new}");
    }
}

#[test]
fn what_is_not_all_there_is_not_decided() {
    let whole = serde_json::json!({
        "q": [["rt", "public", "users"]], "c": "SELECT", "f": "a", "d": "d", "u": "u", "n": 1,
        "s": [0, 0, 1, 0, 1, 1], "r": [0, 0, 1, 0, 1, 1], "h": [0, 0, 1, 0, 1, 1],
    });
    assert!(KeptOperation::read(Some(&whole)).is_ok());
    assert_eq!(KeptOperation::read(None), Err(Unkept::Absent));
    let changed = |key: &str, value: serde_json::Value| {
        let mut changed = whole.clone();
        changed[key] = value;
        KeptOperation::read(Some(&changed)).unwrap_err()
    };
    assert_eq!(changed("more", 1.into()), Unkept::TooMany);
    for (key, value) in [
        ("q", serde_json::json!([["xt", "public", "users"]])),
        ("q", serde_json::json!([["rt", "public"]])),
        ("q", serde_json::json!([["rt", "public", "users", null, "FROBNICATE"]])),
        ("q", serde_json::json!([["rt", "public", "users", null, null, "more"]])),
        ("f", "z".into()),
        ("copy", "tape".into()),
        ("novel", 1.into()),
        ("s", serde_json::json!([1, 2])),
    ] {
        assert_eq!(changed(key, value.clone()), Unkept::Form, "{key} {value}");
    }
}

#[test]
fn what_is_too_much_says_so() {
    let one = |number: usize| Question {
        action: Action::Read,
        resource: Resource::Table(Some("public".into()), format!("t{number}").into()),
        behind: None,
        verb: None,
    };
    let (who, target, set) = (principal(WORKLOAD), target(), set(POLICIES));
    for (count, expected) in [(MOST_QUESTIONS, None), (MOST_QUESTIONS + 1, Some(Unkept::TooMany))] {
        let questions: Vec<_> = (0..count).map(one).collect();
        let facts = Facts::default();
        let request = OperationRequest {
            principal: &who,
            target: &target,
            owner_active: true,
            asker: None,
            database: "d",
            user: "u",
            questions: &questions,
            command: "SELECT",
            facts: &facts,
            statements: 1,
            in_transaction: false,
            totals: Totals::default(),
            approved: false,
            grants: &[],
        };
        let decision = set.decide_operation(&request);
        let basis = OperationBasis { request: &request, decision: &decision, by_catalog: false, waits: None, hidden: &[] };
        let read = KeptOperation::read(Some(&serde_json::to_value(basis).unwrap()));
        assert_eq!(read.err(), expected, "{count}");
    }
}

fn nothing() -> KeptOperation {
    KeptOperation {
        questions: Vec::new(),
        command: "SELECT".to_owned(),
        facts: Facts::default(),
        in_transaction: false,
        owner_active: true,
        by_catalog: false,
        database: "d".to_owned(),
        user: "u".to_owned(),
        statements: 1,
        totals: Totals::default(),
        grants: Vec::new(),
        waits: None,
        released: Vec::new(),
        hidden: Vec::new(),
    }
}
