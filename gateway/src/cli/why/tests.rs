//! What `weir why` says of a record.

use super::*;
use crate::evidence::{EvidenceSettings, Store};
use gateway_core::model::ids::RunId;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameBuffer;
use serde_json::json;

async fn recorded() -> (tempfile::TempDir, SessionId) {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
    let at = Timestamp(1_764_000_000_000_000_000);
    let (session, run) = (SessionId::new(at, 1), RunId::new(at, 1));
    let opened = json!({
        "session": session, "run": run, "target": {"name": "prod-pg"}, "principal": {"workload": "spiffe://x/w"},
        "decision": {"outcome": "allow", "policies": ["connects"], "errors": []},
    });
    let recorder = store.begin(session, run, &opened).unwrap();
    let mut frames = FrameBuffer::default();
    for (operation, statement) in [(1u64, "SELECT 1"), (2, "UPDATE users SET name = '\u{1b}[2J'")] {
        frames
            .push(at, FrameKind::Statement, |to| to.extend([&operation.to_le_bytes()[..], b"Q", statement.as_bytes()].concat()));
    }
    let decision = |operation: u64, outcome: &str, policies: &[&str], would_refuse: bool| {
        json!({
            "operation": operation, "part": 0, "asked": "query", "command": "UPDATE", "accesses": ["write public.users"],
            "no_where": true, "outcome": outcome, "policies": policies, "errors": [], "mode": "enforce",
            "would_refuse": would_refuse, "set_hash": "ba5d12",
        })
    };
    frames.push_json(at, FrameKind::Decision, &decision(1, "allow", &["reads"], false));
    frames.push_json(at, FrameKind::Decision, &decision(2, "deny", &["no-where-update"], false));
    frames.push_json(at, FrameKind::Decision, &decision(3, "deny", &[], true));
    frames.push_json(at, FrameKind::Note, &json!({"what": "finding", "kind": "quota", "operation": 2, "rows_beyond": 5}));
    recorder.submit(&mut frames).unwrap();
    let kill = json!({"order": {"by": "policy", "reason": "policy backup-quota"}});
    recorder.close(&json!({"reason": "killed", "kill": kill})).await.unwrap();
    (state, session)
}

#[tokio::test]
async fn refusals_are_explained_and_nothing_reaches_the_terminal() {
    let (state, session) = recorded().await;
    let explain = |operation, format| {
        let mut out = Vec::new();
        why(state.path(), Subject { session, operation }, format, &mut out).map(|_| String::from_utf8(out).unwrap())
    };
    let text = explain(None, Format::Text).unwrap();
    for part in [
        "allow (policy connects)",
        "#2          UPDATE users",
        "refused   statement 1, UPDATE: policy no-where-update",
        "touches write public.users",
        "enforce mode, policy set ba5d12",
        "no policy permits it",
        "it went through, since the mode is observe",
        "\"kind\":\"quota\"",
        "killed      by policy: policy backup-quota",
    ] {
        assert!(text.contains(part), "{part} in\n{text}");
    }
    assert!(!text.contains('\u{1b}') && !text.contains("SELECT 1"), "{text}");
    let json: Value = serde_json::from_str(&explain(None, Format::Json).unwrap()).unwrap();
    assert_eq!(json.pointer("/operations/0/decisions/0/policies/0"), Some(&json!("no-where-update")));
    assert_eq!(json.pointer("/allowed"), Some(&json!(1)));
    let one = explain(Some(1), Format::Text).unwrap();
    assert!(one.contains("SELECT 1") && one.contains("allowed") && !one.contains("rows_beyond"), "{one}");
    assert!(explain(Some(77), Format::Text).is_err());
}

#[test]
fn a_subject_is_a_session_or_one_of_its_operations() {
    let session = SessionId::from_number(5);
    assert_eq!(session.to_string().parse(), Ok(Subject { session, operation: None }));
    assert_eq!(format!("{session}/12").parse(), Ok(Subject { session, operation: Some(12) }));
    for wrong in ["", "s-1/2", "/4", &format!("{session}/x"), &format!("{session}/")] {
        assert!(wrong.parse::<Subject>().is_err(), "{wrong}");
    }
}
