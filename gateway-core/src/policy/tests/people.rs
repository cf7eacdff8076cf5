//! Tests of what people's approvals and grants make of decisions.

use super::operation::{READS, Statement, asking, check, table};
use super::{BACKUP, load, principal, target};
use crate::control::grant::{Grant, Wish};
use crate::control::hold::{self, Terms, Vote};
use crate::control::person::Person;
use crate::inspect::resolve::Question;
use crate::inspect::{Action, Facts};
use crate::model::ids::GrantId;
use crate::model::principal::Grade;
use crate::model::time::Timestamp;
use crate::policy::{Mode, OperationRequest, Totals};

#[test]
fn a_held_statement_says_whose_approvals_it_waits_for() {
    let text = r#"
@id("writes") permit (principal, action == Action::"write", resource);
@id("dba") @hold("group=dba,quorum=2,wait=2h,valid=45s") forbid (principal, action == Action::"write", resource)
unless { context.approval.satisfied };
@id("sec") @hold("group=security") forbid (principal, action == Action::"write", resource) unless { context.approval.satisfied };"#;
    let decision = check(text, &asking(&[table(Action::Write, "public", "t")]), false, &["dba", "sec"]);
    let terms = |policy: &str, group: &str, quorum, wait_seconds, valid_seconds| Terms {
        policy: policy.to_owned(),
        group: group.to_owned(),
        quorum,
        wait_seconds,
        valid_seconds,
    };
    assert_eq!(decision.holds, [terms("dba", "dba", 2, 7200, 45), terms("sec", "security", 1, 1800, 600)]);
}

#[test]
fn what_waits_for_an_owner_who_has_left_is_never_more_than_policy_allows() {
    let held = r#"
@id("writes") permit (principal, action == Action::"write", resource);
@id("dba") @hold("group=dba") forbid (principal, action == Action::"write", resource) unless { context.approval.satisfied };"#;
    let write = asking(&[table(Action::Write, "public", "t")]);
    let terms = Terms {
        policy: "on_owner_leave".to_owned(),
        group: "role:approver".to_owned(),
        quorum: 1,
        wait_seconds: 60,
        valid_seconds: 60,
    };
    let allowed = r#"@id("writes") permit (principal, action == Action::"write", resource);"#;
    let waits = check(allowed, &write, true, &["writes"]).waiting(&terms, "she has left");
    assert_eq!((waits.allows(), waits.held(), waits.policies.as_slice()), (false, true, &["on_owner_leave".to_owned()][..]));
    assert_eq!((waits.message.as_deref(), waits.permit(Mode::Enforce).is_none()), (Some("she has left"), true));
    let both = check(held, &write, false, &["dba"]).waiting(&terms, "she has left");
    let policies: Vec<_> = both.holds.iter().map(|terms| terms.policy.as_str()).collect();
    assert_eq!((both.held(), policies), (true, vec!["dba", "on_owner_leave"]));
    let denied = check(READS, &write, false, &[]);
    assert_eq!(denied.clone().waiting(&terms, "she has left"), denied);
}

#[test]
fn a_grant_gives_what_it_covers_where_a_policy_heeds_it_and_no_more() {
    let granted = r#"@id("granted") permit (principal, action in Action::"operation", resource) when { context.granted };
@id("shown") permit (principal, action == Action::"reveal", resource) when { context.granted };"#;
    let wish = Wish {
        actions: ["write", "reveal"].map(str::to_owned).into(),
        tables: vec!["public.t".to_owned()],
        classes: vec!["pii".to_owned()],
        ..Wish::default()
    };
    let grant = Grant { id: GrantId::from_number(1), wish, votes: Vec::new(), until: Timestamp(u64::MAX) };
    let with = |questions: &[Question]| Statement { grants: vec![grant.clone()], ..asking(questions) };
    let (write, other) = (table(Action::Write, "public", "t"), table(Action::Write, "public", "u"));
    check(granted, &with(std::slice::from_ref(&write)), true, &["granted"]);
    check(granted, &asking(std::slice::from_ref(&write)), false, &[]);
    check(granted, &with(std::slice::from_ref(&other)), false, &[]);
    check(granted, &with(&[write.clone(), other]), false, &[]);
    check(granted, &with(&[table(Action::Read, "public", "t")]), false, &[]);
    check(READS, &with(std::slice::from_ref(&write)), false, &[]);
    let hard = format!("{granted} @id(\"hard\") forbid (principal, action == Action::\"write\", resource);");
    check(&hard, &with(&[write]), false, &["hard"]);
    let set = load(granted).unwrap();
    assert!(set.heeds_grants() && !load(READS).unwrap().heeds_grants());
    for (grants, class, expected) in [(vec![grant.clone()], "pii", true), (vec![grant], "cards", false), (vec![], "pii", false)] {
        let request = OperationRequest {
            principal: &principal(BACKUP, Grade::Kernel),
            target: &target(),
            owner_active: true,
            asker: None,
            database: "shop",
            user: "app",
            questions: &[],
            command: "SELECT",
            facts: &Facts::default(),
            statements: 1,
            in_transaction: false,
            totals: Totals::default(),
            approved: false,
            grants: &grants.iter().collect::<Vec<_>>(),
        };
        assert_eq!(set.decide_reveal(&request, class).allows(), expected, "{class}");
    }
}

#[test]
fn a_grant_releases_what_waits_for_those_who_gave_it() {
    let set = load(
        r#"
@id("all") permit (principal, action in Action::"operation", resource);
@id("dba") @hold("group=dba") forbid (principal, action == Action::"write", resource) unless { context.approval.satisfied };"#,
    )
    .unwrap();
    let wish = Wish { actions: ["write".to_owned()].into(), tables: vec!["public.t".to_owned()], ..Wish::default() };
    let vote = |name: &str, group: &str| Vote {
        by: Person { name: name.to_owned(), groups: [group.to_owned()].into(), local_root: false },
        reason: "ticket 7".to_owned(),
        scope: hold::Scope::Once,
        at: Timestamp(1),
    };
    let released = |questions: &[Question], votes: Vec<Vote>| {
        let grant = Grant { id: GrantId::from_number(1), wish: wish.clone(), votes, until: Timestamp(u64::MAX) };
        let request = OperationRequest {
            principal: &principal(BACKUP, Grade::Kernel),
            target: &target(),
            owner_active: true,
            asker: None,
            database: "shop",
            user: "app",
            questions,
            command: "DELETE",
            facts: &Facts::default(),
            statements: 1,
            in_transaction: false,
            totals: Totals::default(),
            approved: false,
            grants: &[&grant],
        };
        set.grants_release(&request, &["ana".to_owned()])
    };
    let write = table(Action::Write, "public", "t");
    // What policy gives anyway no grant has to.
    assert!(released(&[write.clone(), table(Action::Read, "public", "t")], vec![vote("bo", "dba")]));
    assert!(!released(&[write.clone(), table(Action::Write, "public", "u")], vec![vote("bo", "dba")]));
    assert!(!released(std::slice::from_ref(&write), vec![vote("bo", "dev")]));
    assert!(!released(std::slice::from_ref(&write), vec![vote("ana", "dba")]));
    assert!(!released(&[write], vec![]));
}

#[test]
fn what_comes_from_a_persons_shell_is_in_their_groups() {
    use crate::model::principal::SignedIn;
    let text = r#"
@id("dbas") permit (principal in Group::"dba", action == Action::"connect", resource);
@id("ana") forbid (principal, action == Action::"connect", resource) when { principal has person && principal.person == "ana" };"#;
    let of = |person: Option<(&str, &[&str])>| {
        let mut principal = principal(BACKUP, Grade::Kernel);
        principal.person = person.map(|(name, groups)| SignedIn {
            name: name.to_owned(),
            groups: groups.iter().map(|group| (*group).to_owned()).collect(),
        });
        super::decide(text, &principal, true).allows()
    };
    assert_eq!(
        [of(None), of(Some(("bo", &["dev"]))), of(Some(("bo", &["dev", "dba"]))), of(Some(("ana", &["dba"])))],
        [false, false, true, false]
    );
}
