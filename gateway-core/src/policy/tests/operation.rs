//! Tests of decisions on statements: what is asked, what decides, what a denial says.

use super::{BACKUP, EXAMPLES, load, principal, target};
use crate::control::grant::Grant;
use crate::inspect::postgres::{Bounds, Reading, inspect};
use crate::inspect::resolve::{Mentions, Question, Resource, Scope, resolve};
use crate::inspect::{Action, CopyWith, Facts};
use crate::model::principal::Grade;
use crate::policy::{Alert, Decision, Mode, OnDeny, OperationRequest, PolicySet, RecordLevel, Running, Totals};
use proptest::prelude::*;

/// A statement as the policies see it.
#[derive(Clone, Debug, Default)]
pub(super) struct Statement {
    pub(super) questions: Vec<Question>,
    pub(super) command: &'static str,
    pub(super) facts: Facts,
    pub(super) totals: Totals,
    pub(super) in_transaction: bool,
    pub(super) approved: bool,
    pub(super) grants: Vec<Grant>,
}

pub(super) fn table(action: Action, schema: &str, name: &str) -> Question {
    let schema = if schema.is_empty() { None } else { Some(schema.into()) };
    Question { action, resource: Resource::Table(schema, name.into()), behind: None, verb: None }
}

fn function(schema: &str, name: &str) -> Question {
    Question { action: Action::Call, resource: Resource::Function(Some(schema.into()), name.into()), behind: None, verb: None }
}

fn whole(action: Action) -> Question {
    Question { action, resource: Resource::Target, behind: None, verb: None }
}

pub(super) fn asking(questions: &[Question]) -> Statement {
    Statement { questions: questions.to_vec(), command: "SELECT", ..Statement::default() }
}

fn unparsed(questions: &[Question]) -> Statement {
    Statement { facts: Facts { unparsed: Some("syntax error".to_owned()), ..Facts::default() }, command: "", ..asking(questions) }
}

fn decide(set: &PolicySet, statement: &Statement) -> Decision {
    set.decide_operation(&OperationRequest {
        principal: &principal(BACKUP, Grade::Kernel),
        target: &target(),
        owner_active: true,
        asker: None,
        database: "shop",
        user: "app",
        questions: &statement.questions,
        command: statement.command,
        facts: &statement.facts,
        statements: 2,
        in_transaction: statement.in_transaction,
        totals: statement.totals,
        approved: statement.approved,
        grants: &statement.grants.iter().collect::<Vec<_>>(),
    })
}

/// What `text` says of `statement`: whether it is allowed, and by which policies.
pub(super) fn check(text: &str, statement: &Statement, allowed: bool, policies: &[&str]) -> Decision {
    let decision = decide(&load(text).unwrap(), statement);
    let by: Vec<_> = decision.policies.iter().map(String::as_str).collect();
    assert_eq!((decision.allows(), by), (allowed, policies.to_vec()), "{text}\n{statement:?}\n{decision:?}");
    decision
}

pub(super) const READS: &str = r#"@id("reads") permit (principal, action == Action::"read", resource in Target::"prod-pg");"#;
const ANY: &str = r#"@id("allow-all") permit (principal, action, resource);"#;

#[test]
fn every_question_has_to_be_allowed() {
    let read = table(Action::Read, "public", "users");
    let write = table(Action::Write, "public", "orders");
    check(READS, &asking(&[]), true, &[]);
    check("", &asking(&[]), true, &[]);
    check("", &asking(std::slice::from_ref(&read)), false, &[]);
    check(READS, &asking(std::slice::from_ref(&read)), true, &["reads"]);
    let denied = check(READS, &asking(&[read.clone(), write.clone()]), false, &[]);
    assert_eq!(denied.refused, Some(write.clone()));
    assert!(denied.permit(Mode::Enforce).is_none() && denied.permit(Mode::Observe).is_some());
    let both = format!(
        "{READS} @id(\"writes\") permit (principal, action == Action::\"write\", resource == Table::\"prod-pg/public.orders\");"
    );
    check(&both, &asking(&[read.clone(), write.clone()]), true, &["reads", "writes"]);
    check(&both, &asking(&[read, table(Action::Write, "public", "users")]), false, &[]);
}

#[test]
fn resources_are_in_their_schema_target_and_environment() {
    let users = asking(&[table(Action::Read, "public", "users")]);
    let nowhere = asking(&[table(Action::Read, "", "users")]);
    let called = asking(&[function("public", "f")]);
    let session = asking(&[whole(Action::Session)]);
    let schema =
        asking(&[Question { action: Action::Define, resource: Resource::Schema("public".into()), behind: None, verb: None }]);
    let cases = [
        ("resource == Table::\"prod-pg/public.users\"", &users, true),
        ("resource == Table::\"prod-pg/public.users\"", &nowhere, false),
        ("resource == Table::\"prod-pg/?.users\"", &nowhere, true),
        ("resource == Table::\"prod-pg/audit.users\"", &users, false),
        ("resource in Schema::\"prod-pg/public\"", &users, true),
        ("resource in Schema::\"prod-pg/public\"", &nowhere, false),
        ("resource in Schema::\"prod-pg/public\"", &called, true),
        ("resource in Schema::\"prod-pg/public\"", &schema, true),
        ("resource in Schema::\"prod-pg/public\"", &session, false),
        ("resource in Target::\"prod-pg\"", &nowhere, true),
        ("resource in Target::\"prod-pg\"", &called, true),
        ("resource in Target::\"other\"", &users, false),
        ("resource in Environment::\"production\"", &nowhere, true),
        ("resource in Environment::\"production\"", &session, true),
        ("resource in Environment::\"test\"", &session, false),
        ("resource is Table && resource.name like \"us*\"", &users, true),
        ("resource is Table && resource.name like \"us*\"", &nowhere, true),
        ("resource is Function && resource.name == \"f\"", &called, true),
        ("resource is Target", &session, true),
    ];
    for (condition, statement, holds) in cases {
        // The same in the scope, where policies are cut by it, and in a condition, where they are not.
        let mut texts = vec![format!("@id(\"p\") permit (principal, action, resource) when {{ {condition} }};")];
        if !condition.contains("&&") {
            texts.push(format!("@id(\"p\") permit (principal, action, {condition});"));
        }
        for text in texts {
            check(&text, statement, holds, if holds { &["p"] } else { &[] });
        }
    }
}

#[test]
fn actions_are_in_their_group_and_connect_is_not() {
    let group = r#"@id("g") permit (principal, action in Action::"operation", resource);"#;
    for action in Action::ALL {
        check(group, &asking(&[whole(action)]), true, &["g"]);
        let named = format!("@id(\"n\") permit (principal, action in [Action::\"connect\", Action::\"{action}\"], resource);");
        check(&named, &asking(&[whole(action)]), true, &["n"]);
    }
    super::check(group, false, &[]);
    super::check(ANY, true, &["allow-all"]);
}

#[test]
fn facts_are_those_of_the_statement() {
    let running = |rows| Running { rows, bytes: rows * 2, statements: 3, seconds: 4, concurrent: 5, connections: 6 };
    let mut behind = table(Action::Read, "public", "users");
    behind.behind = Some("public.people".into());
    let statement = Statement {
        questions: vec![behind, table(Action::Read, "public", "orders"), whole(Action::Session)],
        command: "COPY FROM",
        facts: Facts { no_where: true, locking: true, copy: Some(CopyWith::Stdin), ..Facts::default() },
        totals: Totals { session: running(10), run: running(20), hour: running(u64::MAX / 2) },
        in_transaction: true,
        ..Statement::default()
    };
    let cases = [
        ("context.verb == \"COPY\" && context.command == \"COPY FROM\"", true),
        ("context.parsed && context.no_where && context.locking && !context.opaque && !context.explain", true),
        ("context has copy && context.copy == \"stdin\"", true),
        ("context.in_transaction && context.statements == 2 && context.relations == 2", true),
        ("context.database == \"shop\" && context.user == \"app\"", true),
        ("context.session.rows == 10 && context.session.bytes == 20 && context.session.statements == 3", true),
        ("context.run.rows == 20 && context.run.seconds == 4 && context.run.concurrent == 5", true),
        ("context.hour.rows == 9223372036854775807", true),
        ("context.approval.satisfied", false),
        ("context has behind || resource != Table::\"prod-pg/public.users\"", true),
        ("resource != Table::\"prod-pg/public.users\" || context has behind && context.behind == \"public.people\"", true),
        ("principal.run like \"r-*\"", true),
    ];
    for (condition, holds) in cases {
        let text = format!("@id(\"p\") permit (principal, action in Action::\"operation\", resource) when {{ {condition} }};");
        check(&text, &statement, holds, if holds { &["p"] } else { &[] });
    }
}

#[test]
fn a_rule_against_a_verb_holds_however_its_statement_is_dressed() {
    let rules = format!(
        "{ANY} @id(\"no-delete\") forbid (principal, action == Action::\"write\", resource) when {{ context.verb == \"DELETE\" }};"
    );
    let mentions = Mentions::default();
    let scope = Scope { catalog: None, search_path: None, mentions: &mentions, temporary: &[] };
    for (text, command, deletes) in [
        ("DELETE FROM t", "DELETE", true),
        ("WITH x AS (DELETE FROM t RETURNING *) SELECT * FROM x", "SELECT", true),
        ("WITH x AS (DELETE FROM t RETURNING *) INSERT INTO u SELECT * FROM x", "INSERT", true),
        ("EXPLAIN ANALYZE DELETE FROM t", "EXPLAIN", true),
        ("EXPLAIN DELETE FROM t", "EXPLAIN", false),
        ("COPY (DELETE FROM t RETURNING *) TO STDOUT", "COPY", true),
        ("PREPARE p AS DELETE FROM t", "PREPARE", true),
        ("DELETE FROM t WHERE CURRENT OF c", "DELETE", true),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN DELETE", "MERGE", true),
        ("MERGE INTO t USING s ON t.a = s.a WHEN MATCHED THEN UPDATE SET a = 1", "MERGE", false),
        ("CREATE RULE r AS ON UPDATE TO t DO ALSO DELETE FROM u", "CREATE RULE", true),
        ("CREATE FUNCTION f() RETURNS void BEGIN ATOMIC DELETE FROM t; END", "CREATE FUNCTION", true),
        ("UPDATE t SET a = 1", "UPDATE", false),
    ] {
        let inspection = inspect(text, Reading { standard_conforming_strings: Some(true), exact: false }, Bounds::default());
        let [read] = inspection.statements.as_slice() else { panic!("{text}") };
        assert_eq!(read.command, command);
        let questions = resolve(read, &scope);
        let statement = Statement { questions, command: read.command, facts: read.facts.clone(), ..Statement::default() };
        check(&rules, &statement, !deletes, if deletes { &["no-delete"] } else { &["allow-all"] });
    }
}

#[test]
fn what_was_not_understood_needs_permits_that_name_it() {
    let questions = Action::ALL.map(whole);
    let named = r#"@id("named") permit (principal, action in Action::"operation", resource) when { !context.parsed };"#;
    let partly = r#"@id("partly") permit (principal, action == Action::"read", resource) when { !context.parsed };"#;
    for statement in [unparsed(&questions), unparsed(&[]), unparsed(&questions[..2])] {
        check(ANY, &statement, false, &[]);
        check(named, &statement, true, &["named"]);
        check(&format!("{ANY} {named}"), &statement, true, &["allow-all", "named"]);
        check(&format!("{ANY} {partly}"), &statement, false, &[]);
        check(
            &format!("{ANY} {named} @id(\"f\") forbid (principal, action == Action::\"call\", resource);"),
            &statement,
            false,
            &["f"],
        );
    }
    // A text is no tree: the words in a string or a comment permit nothing.
    let quoted =
        r#"@id("q") permit (principal, action in Action::"operation", resource) when { "context.parsed" != context.user };"#;
    check(quoted, &unparsed(&questions), false, &[]);
    check(quoted, &asking(&questions), true, &["q"]);
    // Nothing else than not being understood needs it.
    check(ANY, &asking(&questions), true, &["allow-all"]);
}

#[test]
fn a_denial_says_what_its_forbids_say() {
    let text = format!(
        "{ANY}
@id(\"b\") @on_deny(\"kill_run\") @alert(\"low\") @message(\"b says\") @record(\"results=none\")
forbid (principal, action == Action::\"write\", resource);
@id(\"a\") @alert(\"medium\") @message(\"a says\") @record(\"results=first:3\")
forbid (principal, action == Action::\"write\", resource is Table);
@id(\"c\") @on_deny(\"kill_session\") @alert(\"high\") forbid (principal, action == Action::\"call\", resource);"
    );
    let denied = check(&text, &asking(&[whole(Action::Read), table(Action::Write, "public", "t")]), false, &["a", "b"]);
    assert_eq!(
        (denied.on_deny, denied.alert, denied.message.as_deref(), denied.record, denied.held()),
        (OnDeny::KillRun, Some(Alert::Medium), Some("a says"), Some(RecordLevel::First(3)), false)
    );
    let both = check(&text, &asking(&[whole(Action::Write), whole(Action::Call)]), false, &["b", "c"]);
    assert_eq!((both.on_deny, both.alert), (OnDeny::KillRun, Some(Alert::High)));
}

#[test]
fn only_an_approval_is_missing_or_more() {
    let delete = Statement { command: "DELETE", ..asking(&[table(Action::Write, "public", "t")]) };
    let read_too = Statement { command: "DELETE", ..asking(&[table(Action::Write, "public", "t"), whole(Action::Define)]) };
    let writes = r#"@id("writes") permit (principal, action == Action::"write", resource);"#;
    let text = format!("{EXAMPLES}{writes}");
    let held = |text: &str, statement: &Statement, by: &[&str]| check(text, statement, false, by).held();
    assert!(held(&text, &delete, &["delete-needs-dba"]));
    assert!(!held(EXAMPLES, &delete, &["delete-needs-dba"]), "with the approval nothing would permit it");
    assert!(!held(&text, &read_too, &["delete-needs-dba"]), "another question is denied by nothing that waits");
    let hard = format!("{text} @id(\"hard\") forbid (principal, action == Action::\"write\", resource);");
    assert!(!held(&hard, &delete, &["delete-needs-dba", "hard"]), "one of the forbids waits for no one");
    let second = r#"@id("later") forbid (principal, action == Action::"write", resource) when { context.approval.satisfied };"#;
    assert!(!held(&format!("{text}{second}"), &delete, &["delete-needs-dba"]), "with the approval another forbids it");
    check(&text, &Statement { approved: true, ..delete }, true, &["writes"]);
}

#[test]
fn a_quota_that_overflows_denies_and_says_so() {
    let text = format!(
        "{READS} @id(\"quota\") forbid (principal, action == Action::\"read\", resource) when {{ context.run.rows * context.run.bytes > 1000 }};"
    );
    let statement = |rows| Statement {
        totals: Totals { run: Running { rows, bytes: 2, ..Running::default() }, ..Totals::default() },
        ..asking(&[table(Action::Read, "public", "t")])
    };
    check(&text, &statement(500), true, &["reads"]);
    check(&text, &statement(501), false, &["quota"]);
    for rows in [u64::MAX, i64::MAX as u64, i64::MAX as u64 / 2 + 1] {
        let decision = check(&text, &statement(rows), false, &[]);
        assert!(decision.errors.iter().any(|error| error.contains("quota") && error.contains("overflow")), "{decision:?}");
        assert_eq!((decision.alert, decision.held()), (Some(Alert::High), false));
        assert!(decision.refused.is_some());
    }
}

#[test]
fn a_statement_with_more_questions_than_are_put_is_denied() {
    let questions: Vec<_> = (0..10_001).map(|number| table(Action::Read, "public", &format!("t{number}"))).collect();
    let decision = check(ANY, &asking(&questions), false, &[]);
    assert!(decision.errors.iter().any(|error| error.contains("10001 questions")), "{decision:?}");
}

#[test]
fn a_policy_of_another_workload_or_target_neither_decides_nor_fails() {
    let others = r#"
@id("w") forbid (principal == Workload::"spiffe://acme.example/other", action, resource);
@id("t") forbid (principal, action in Action::"operation", resource in Target::"other") when { context.statements * 9223372036854775807 > 0 };
@id("b") forbid (principal == Workload::"spiffe://acme.example/other", action, resource in Schema::"prod-pg/public");
@id("own") permit (principal == Workload::"spiffe://acme.example/host/ci-7/unit/nightly-backup.service", action == Action::"read", resource == Table::"prod-pg/public.t");
"#;
    check(others, &asking(&[table(Action::Read, "public", "t")]), true, &["own"]);
    let own = r#"@id("mine") forbid (principal == Workload::"spiffe://acme.example/host/ci-7/unit/nightly-backup.service", action == Action::"read", resource in Target::"prod-pg");"#;
    check(&format!("{others}{own}"), &asking(&[table(Action::Read, "public", "t")]), false, &["mine"]);
}

#[test]
fn the_examples_of_the_policy_page_do_what_they_say() {
    let page = include_str!("../../../../docs/policy.md");
    let example = |id: &str| {
        page.split("```").find(|block| block.starts_with("cedar") && block.contains(id)).unwrap().replacen("cedar", "", 1)
    };
    let examples = format!("{ANY}{}", example("@id(\"salaries\")"));
    let one_by_one = |statement: Statement| Statement { in_transaction: true, ..statement };
    let rows = [
        (asking(&[table(Action::Read, "hr", "pay")]), false, ["one-at-a-time", "salaries"].as_slice()),
        (one_by_one(asking(&[table(Action::Read, "hr", "pay")])), false, &["salaries"]),
        (one_by_one(asking(&[table(Action::Read, "public", "pay")])), true, &["allow-all"]),
        (one_by_one(asking(&[table(Action::Read, "", "api_tokens")])), false, &["no-tokens"]),
        (one_by_one(asking(&[table(Action::Write, "", "api_tokens")])), true, &["allow-all"]),
        (asking(&[whole(Action::Session)]), false, &["one-at-a-time"]),
        (one_by_one(unparsed(&[])), false, &[]),
    ];
    for (statement, allowed, policies) in rows {
        check(&examples, &statement, allowed, policies);
    }
    let etl = example("@id(\"salaries\")").replace("\"etl\"", "\"nightly-backup\"").replace("staging-pg", "prod-pg");
    check(&etl, &one_by_one(asking(&[table(Action::Write, "public", "t")])), true, &["etl-writes"]);
    check(&etl, &one_by_one(unparsed(&[])), true, &["etl-not-understood", "etl-writes"]);
    let quota = format!("{ANY}{}", example("@id(\"backup-quota\")"));
    let rows = |rows| Statement {
        totals: Totals { run: Running { rows, ..Running::default() }, ..Totals::default() },
        ..asking(&[table(Action::Read, "public", "t")])
    };
    check(&quota, &rows(2_000_000), true, &["allow-all"]);
    let over = check(&quota, &rows(2_000_001), false, &["backup-quota"]);
    assert_eq!((over.on_deny, over.alert), (OnDeny::KillRun, Some(Alert::High)));
}

/// Policies of all shapes, without their ids.
fn policy(effect: &'static str) -> impl Strategy<Value = String> {
    let principals = [
        "principal",
        "principal == Workload::\"spiffe://acme.example/host/ci-7/unit/nightly-backup.service\"",
        "principal is Workload",
    ];
    let actions = [
        "action",
        "action in Action::\"operation\"",
        "action == Action::\"read\"",
        "action in [Action::\"write\", Action::\"call\"]",
    ];
    let resources = [
        "resource",
        "resource in Target::\"prod-pg\"",
        "resource in Schema::\"prod-pg/public\"",
        "resource == Table::\"prod-pg/public.t\"",
        "resource in Environment::\"production\"",
    ];
    let conditions = [
        "",
        "when { principal.owner_active }",
        "when { principal.uid * 9223372036854775807 > 0 }",
        "when { resource is Table && resource.name == \"t\" }",
        "unless { resource in Target::\"prod-pg\" }",
    ];
    let choose = proptest::sample::select::<&'static str>;
    (choose(principals.to_vec()), choose(actions.to_vec()), choose(resources.to_vec()), choose(conditions.to_vec())).prop_map(
        move |(principal, action, resource, condition)| format!("{effect} ({principal}, {action}, {resource}) {condition};"),
    )
}

fn numbered(policies: &[String]) -> String {
    policies.iter().enumerate().map(|(number, policy)| format!("@id(\"allow-all-{number}\") {policy}\n")).collect()
}

fn statement() -> impl Strategy<Value = Statement> {
    let resource = proptest::sample::select(vec![
        Resource::Target,
        Resource::Schema("public".into()),
        Resource::Table(Some("public".into()), "t".into()),
        Resource::Table(None, "t".into()),
        Resource::Function(Some("other".into()), "f".into()),
    ]);
    let question = (proptest::sample::select(Action::ALL.to_vec()), resource).prop_map(|(action, resource)| Question {
        action,
        resource,
        behind: None,
        verb: None,
    });
    (proptest::collection::vec(question, 0..4), any::<bool>())
        .prop_map(|(questions, parsed)| if parsed { asking(&questions) } else { unparsed(&questions) })
}

proptest! {
    #[test]
    fn a_further_forbid_never_turns_a_denial_into_an_allowance(
        mut policies in proptest::collection::vec(prop_oneof![policy("permit"), policy("forbid")], 0..5),
        forbid in policy("forbid"),
        statement in statement(),
    ) {
        let before = load(&numbered(&policies));
        policies.push(forbid);
        let after = load(&numbered(&policies));
        if let (Ok(before), Ok(after)) = (before, after) {
            let (before, after) = (decide(&before, &statement), decide(&after, &statement));
            prop_assert!(before.allows() || !after.allows(), "{}: {:?}, {:?}", numbered(&policies), before, after);
        }
    }

    #[test]
    fn a_denial_of_one_question_denies_them_all(
        policies in proptest::collection::vec(prop_oneof![policy("permit"), policy("forbid")], 0..5),
        statement in statement(),
    ) {
        if let Ok(set) = load(&numbered(&policies)) {
            let one = |question: &Question| decide(&set, &Statement { questions: vec![question.clone()], ..statement.clone() }).allows();
            let each = statement.questions.iter().all(one) && (statement.facts.unparsed.is_none() || decide(&set, &unparsed(&[])).allows());
            prop_assert_eq!(decide(&set, &statement).allows(), each, "{}", numbered(&policies));
        }
    }
}

/// Whether the totals around these are known in which nothing changes, and whether there are others.
fn check_stretch(condition: &str, known: bool, always: bool) {
    let set =
        load(&format!("@id(\"a\") forbid (principal, action == Action::\"read\", resource) when {{ {condition} }};")).unwrap();
    let stretch = set.stretch(&Totals::default());
    assert_eq!((stretch.is_some(), stretch.is_some_and(|stretch| stretch.always())), (known, always), "{condition}");
}

#[test]
fn a_total_is_followed_where_it_is_compared_with_a_number() {
    check_stretch("context.verb == \"SELECT\"", true, true);
    check_stretch("context.session.rows > 5 || 7 <= context.hour.bytes", true, false);
    check_stretch("context has run && context.run.concurrent == 3", true, false);
    check_stretch("context.session.rows > -5", true, true);
    check_stretch("context.session.rows > 9223372036854775807", true, true);
    check_stretch("context.session.rows + 1 > 5", false, false);
    check_stretch("context.session.rows > context.run.rows", false, false);
    check_stretch("[5, 6].contains(context.session.rows)", false, false);
    check_stretch("context.session.rows > 5 && context.session == context.run", false, false);
    check_stretch("(if context.parsed then context.session else context.run).rows > 5", false, false);
}

fn totals_of(numbers: &[u64]) -> Totals {
    let running = |at: usize| Running {
        rows: numbers[at],
        bytes: numbers[at + 1],
        statements: numbers[at + 2],
        seconds: numbers[at + 3],
        concurrent: numbers[at + 4],
        connections: numbers[at + 5],
    };
    Totals { session: running(0), run: running(6), hour: running(12) }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    /// Small numbers, so that many of them meet.
    #[test]
    fn in_one_stretch_there_is_one_decision(
        comparisons in prop::collection::vec((0usize..3, 0usize..6, 0usize..6, -1i64..6, any::<bool>(), any::<bool>()), 1..4),
        one in prop::collection::vec(0u64..6, 18),
        other in prop::collection::vec(0u64..6, 18),
    ) {
        let condition = |(scope, field, operator, number, turned, negated): &(usize, usize, usize, i64, bool, bool)| {
            let scope = ["session", "run", "hour"][*scope];
            let field = ["rows", "bytes", "statements", "seconds", "concurrent", "connections"][*field];
            let operator = ["==", "!=", "<", "<=", ">", ">="][*operator];
            let total = format!("context.{scope}.{field}");
            let text = if *turned { format!("{number} {operator} {total}") } else { format!("{total} {operator} {number}") };
            if *negated { format!("!({text})") } else { text }
        };
        let policy = |(index, comparison)| {
            let condition = condition(comparison);
            format!("@id(\"p{index}\") forbid (principal, action == Action::\"read\", resource) when {{ {condition} }};")
        };
        let policies: String = comparisons.iter().enumerate().map(policy).collect();
        let set = load(&format!("@id(\"allow-all\") permit (principal, action, resource);{policies}")).unwrap();
        let decided = |numbers: &[u64]| {
            let statement = Statement { totals: totals_of(numbers), ..asking(&[table(Action::Read, "public", "t")]) };
            decide(&set, &statement).policies
        };
        let stretch = set.stretch(&totals_of(&one)).unwrap();
        prop_assert!(stretch.holds(&totals_of(&one)));
        // All of it, and each number by itself.
        for at in 0..one.len() {
            let mut mixed = one.clone();
            mixed[at] = other[at];
            if stretch.holds(&totals_of(&mixed)) {
                prop_assert_eq!(decided(&one), decided(&mixed), "{:?} {:?}", &one, &mixed);
            }
        }
        if stretch.holds(&totals_of(&other)) {
            prop_assert_eq!(decided(&one), decided(&other));
        }
    }
}

#[test]
fn a_class_is_revealed_only_by_a_permit_that_names_the_action() {
    let facts = Facts::default();
    let revealed = |policies: &str| {
        let request = OperationRequest {
            principal: &principal(BACKUP, Grade::Kernel),
            target: &target(),
            owner_active: true,
            asker: None,
            database: "shop",
            user: "app",
            questions: &[],
            command: "SELECT",
            facts: &facts,
            statements: 1,
            in_transaction: false,
            totals: Totals::default(),
            approved: false,
            grants: &[],
        };
        let set = load(policies).unwrap();
        ["pii", "cards"].map(|class| set.decide_reveal(&request, class).allows())
    };
    assert_eq!(revealed(r#"@id("allow-all") permit (principal, action, resource);"#), [false, false]);
    assert_eq!(revealed(r#"@id("a") permit (principal, action == Action::"reveal", resource == Class::"pii");"#), [true, false]);
    assert_eq!(
        revealed(r#"@id("a") permit (principal, action in [Action::"read", Action::"reveal"], resource in Target::"prod-pg");"#),
        [true, true]
    );
    assert_eq!(
        revealed(r#"@id("a") permit (principal, action == Action::"reveal", resource in Target::"other");"#),
        [false, false]
    );
    let both = r#"@id("a") permit (principal, action == Action::"reveal", resource);
        @id("b") forbid (principal, action == Action::"reveal", resource == Class::"cards");"#;
    assert_eq!(revealed(both), [true, false]);
}
