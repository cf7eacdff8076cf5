//! Tests of policy: what a set decides, and what a bad set reports.

mod cases;
mod load;
mod operation;
mod oracle;
mod people;

use super::*;
use crate::model::ids::RunId;
use crate::model::principal::{Claims, Grade, Principal, Process, WorkloadId};
use crate::model::target::{ProtocolName, Target};
use std::net::SocketAddr;

const BACKUP: &str = "spiffe://acme.example/host/ci-7/unit/nightly-backup.service";
const PERMIT: &str = r#"@id("p") permit (principal, action == Action::"connect", resource);"#;
/// The three policies of the design.
const EXAMPLES: &str = r#"
@id("backup-reads") @record("results=first:100")
permit (principal == Workload::"spiffe://acme.example/host/ci-7/unit/nightly-backup.service",
        action in [Action::"connect", Action::"session", Action::"read"], resource in Target::"prod-pg")
when { principal.owner_active && principal.grade != "claimed" };

@id("delete-needs-dba") @hold("group=dba,quorum=2,wait=30m,valid=10m") @message("DELETE on production waits for two DBAs")
forbid (principal, action == Action::"write", resource in Environment::"production")
when { context.verb == "DELETE" } unless { context.approval.satisfied };

@id("backup-quota") @on_deny("kill_run") @alert("high")
forbid (principal, action == Action::"read", resource in Target::"prod-pg")
when { context.run.rows > 2000000 };
"#;

fn principal(workload: &str, grade: Grade) -> Principal {
    Principal {
        workload: WorkloadId(workload.to_owned()),
        name: Some("nightly-backup".to_owned()),
        owner: Some("ana@acme.example".to_owned()),
        grade,
        run: RunId::from_number(7),
        process: Process {
            uid: 33,
            user: Some("backup".to_owned()),
            unit: Some("nightly-backup.service".to_owned()),
            executable: Some("/usr/bin/pg_dump".to_owned()),
            ..Process::default()
        },
        claims: Some(Claims { provider: "github".to_owned(), attributes: [("branch".to_owned(), "main".to_owned())].into() }),
        attested: None,
        attestation_failure: None,
        person: None,
    }
}

fn target() -> Target {
    Target {
        name: "prod-pg".to_owned(),
        environment: Some("production".to_owned()),
        protocol: ProtocolName::Postgres,
        configured: true,
    }
}

fn load(text: &str) -> Result<PolicySet, Vec<PolicyProblem>> {
    PolicySet::load(vec![("a.cedar".to_owned(), text.to_owned())])
}

fn decide(text: &str, principal: &Principal, owner_active: bool) -> Decision {
    let address: SocketAddr = "10.20.0.5:5432".parse().unwrap();
    load(text).unwrap().decide(&ConnectRequest {
        principal,
        target: &target(),
        address,
        owner_active,
        known: &Known::default(),
        totals: Totals::default(),
        approved: false,
        granted: false,
    })
}

/// What `text` says of the backup's connect: whether it is allowed, and by which policies.
fn check(text: &str, allowed: bool, policies: &[&str]) -> Decision {
    let decision = decide(text, &principal(BACKUP, Grade::Kernel), true);
    assert_eq!(
        (decision.allows(), decision.policies.iter().map(String::as_str).collect::<Vec<_>>()),
        (allowed, policies.to_vec()),
        "{text}"
    );
    decision
}

/// Each problem of a bad `text`, as it is shown, begins with the place and holds the words.
fn check_bad(text: &str, wanted: &[(&str, &str)]) {
    let found: Vec<_> = load(text).unwrap_err().iter().map(ToString::to_string).collect();
    assert_eq!(found.len(), wanted.len(), "{found:#?}");
    for (place, words) in wanted {
        let hit = found.iter().any(|problem| problem.starts_with(place) && problem.contains(words));
        assert!(hit, "no problem at {place} says {words:?}: {found:#?}");
    }
}

#[test]
fn facts_decide() {
    check("", false, &[]);
    check(PERMIT, true, &["p"]);
    let when = [
        (r#"principal.name == "nightly-backup""#, false),
        (r#"principal has name && principal.name == "nightly-backup""#, true),
        (r#"principal has unit && principal.unit like "nightly-*""#, true),
        (r#"principal has container"#, false),
        (r#"principal.uid == 33"#, true),
        (r#"principal has claims && principal.claims has branch && principal.claims.branch == "main""#, true),
        (r#"principal has claims && principal.claims has commit"#, false),
        (r#"context.address.isInRange(ip("10.20.0.0/16")) && context.port == 5432"#, true),
        (r#"context.address.isInRange(ip("10.21.0.0/16"))"#, false),
        (r#"context.configured && context.protocol == "postgres""#, true),
        (r#"resource in Environment::"production""#, true),
        (r#"resource in Environment::"test""#, false),
        (r#"context.approval.satisfied"#, false),
    ];
    for (condition, holds) in when {
        let text = format!("@id(\"p\") permit (principal, action == Action::\"connect\", resource) when {{ {condition} }};");
        if condition.starts_with("principal.name") {
            // Optional, and not asked for with `has`: refused at load, not skipped at a decision.
            assert!(load(&text).is_err(), "{condition}");
            continue;
        }
        check(&text, holds, if holds { &["p"] } else { &[] });
    }
}

#[test]
fn a_forbid_beats_any_permit() {
    let text =
        format!(r#"{PERMIT} @id("f") @message("not now") forbid (principal, action, resource in Environment::"production");"#);
    let decision = check(&text, false, &["f"]);
    assert_eq!(decision.message.as_deref(), Some("not now"));
    assert!(decision.permit(Mode::Enforce).is_none());
    assert!(decision.permit(Mode::Observe).is_some(), "observing refuses nothing");
}

#[test]
fn an_evaluation_error_in_any_policy_denies_and_is_reported() {
    for (effect, allowed_but_for_the_error) in [("forbid", true), ("permit", true)] {
        let text = format!(
            "{PERMIT} @id(\"overflow\") {effect} (principal, action == Action::\"connect\", resource) when {{ context.port * 9223372036854775807 > 0 }};"
        );
        let decision = decide(&text, &principal(BACKUP, Grade::Kernel), true);
        assert!(allowed_but_for_the_error && !decision.allows(), "{effect}");
        assert!(decision.errors.iter().any(|error| error.contains("overflow")), "{:?}", decision.errors);
        assert_eq!(decision.alert, Some(Alert::High));
        assert!(decision.permit(Mode::Enforce).is_none());
    }
}

#[test]
fn the_designs_examples_load_and_ask_for_owner_and_grade() {
    assert!(check(EXAMPLES, true, &["backup-reads"]).record == Some(RecordLevel::First(100)));
    assert!(!decide(EXAMPLES, &principal(BACKUP, Grade::Claimed), true).allows(), "a claim is not enough");
    assert!(decide(EXAMPLES, &principal(BACKUP, Grade::Attested), true).allows());
    assert!(!decide(EXAMPLES, &principal(BACKUP, Grade::Kernel), false).allows(), "its owner has left");
    assert!(!decide(EXAMPLES, &principal("spiffe://acme.example/host/ci-7/unit/other.service", Grade::Kernel), true).allows());
}

#[test]
fn annotations_of_what_decided_are_merged() {
    let permits = r#"
@id("a") @record("results=count") @alert("low") permit (principal, action == Action::"connect", resource);
@id("b") @record("results=first:5") @alert("medium") permit (principal, action == Action::"connect", resource);
@id("c") @record("results=all") @alert("high") permit (principal, action == Action::"connect", resource in Environment::"test");
"#;
    let allow = check(permits, true, &["a", "b"]);
    assert_eq!((allow.record, allow.alert), (Some(RecordLevel::First(5)), Some(Alert::Medium)));
    let forbids = format!(
        r#"{permits}
@id("d") @on_deny("kill_session") @alert("low") forbid (principal, action, resource);
@id("e") @on_deny("kill_run") @message("stop") forbid (principal, action, resource);"#
    );
    let deny = check(&forbids, false, &["d", "e"]);
    assert_eq!((deny.on_deny, deny.alert, deny.message.as_deref()), (OnDeny::KillRun, Some(Alert::Low), Some("stop")));
}

#[test]
fn a_bad_set_reports_every_problem_with_its_line() {
    check_bad(
        r#"@id("typo")
permit (principal, action == Action::"conect", resource);

@id("unknown") @recrod("results=all")
permit (principal, action == Action::"connect", resource);

@id("values") @record("results=first:0") @alert("loud") @on_deny("shoot") @hold("quorum=2")
forbid (principal, action, resource);

permit (principal, action == Action::"connect", resource is Target);

@id("values")
forbid (principal, action, resource) when { true };

@id("everything")
permit (principal, action, resource);
"#,
        &[
            ("a.cedar:1: ", "conect"),
            ("a.cedar:4: ", "@recrod"),
            ("a.cedar:7: ", "first:0"),
            ("a.cedar:7: ", "loud"),
            ("a.cedar:7: ", "shoot"),
            ("a.cedar:7: ", "group"),
            ("a.cedar:10: ", "no @id"),
            ("a.cedar:12: ", "taken"),
            ("a.cedar:15: ", "allow-all"),
        ],
    );
    check_bad("@id(\"x\")\npermit (principal, action, resource)\n", &[("a.cedar:", "")]);
    assert!(load(r#"@id("allow-all-for-now") permit (principal, action, resource);"#).is_ok());
}

#[test]
fn problems_of_all_files_come_together_and_the_hash_names_the_texts() {
    let sources =
        |first: &str, second: &str| vec![("a.cedar".to_owned(), first.to_owned()), ("b.cedar".to_owned(), second.to_owned())];
    let problems = PolicySet::load(sources("permit (", "forbid (")).unwrap_err();
    assert!(["a.cedar", "b.cedar"].iter().all(|file| problems.iter().any(|problem| problem.file == *file)), "{problems:?}");
    let hash = |text: &str| PolicySet::load(sources(text, "")).unwrap().hash().to_owned();
    assert_eq!(hash(PERMIT).len(), 64);
    assert_eq!(hash(PERMIT), hash(PERMIT));
    assert_ne!(hash(PERMIT), hash(&format!("{PERMIT} ")));
}

#[test]
fn the_examples_of_the_policy_page_load() {
    let page = include_str!("../../../../docs/policy.md");
    let blocks = |kind: &str| -> Vec<&str> {
        let fence = format!("```{kind}\n");
        page.split(&fence).skip(1).filter_map(|rest| rest.split("```").next()).collect()
    };
    let examples = blocks("cedar");
    for example in &examples {
        assert!(load(example).is_ok(), "{example}: {:?}", load(example));
    }
    let first = examples.first().unwrap();
    check(first, true, &["backup-connects"]);
    assert_eq!(decide(first, &principal(BACKUP, Grade::Claimed), true).policies, ["no-claims-in-production"]);
    // The page also shows how weir's own file is written: a file of cases is what has a case.
    let of_cases = blocks("toml").into_iter().filter(|text| text.contains("[[case]]"));
    let cases: Vec<_> = of_cases.map(|text| ("policy.md".to_owned(), text.to_owned())).collect();
    let outcomes = crate::policy::cases::run(&load(first).unwrap(), &crate::policy::cases::read(&cases).unwrap());
    assert!(outcomes.len() == 3 && outcomes.iter().all(|outcome| outcome.passed), "{outcomes:?}");
}
