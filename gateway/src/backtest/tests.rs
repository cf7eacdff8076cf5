//! Looking back at records as a gateway writes them.

use super::*;
use crate::evidence::{EvidenceSettings, Store, keep_policy, now};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use gateway_core::policy::PolicySet;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::{Value, json};
use std::path::Path;
use std::sync::Arc;

const WORKLOAD: &str = "spiffe://acme.example/host/h/unit/backup.service";
const ALL: &str = r#"@id("allow-all") permit (principal, action, resource);"#;

fn set(text: &str) -> PolicySet {
    PolicySet::load(vec![("a.cedar".to_owned(), text.to_owned())]).unwrap_or_else(|problems| panic!("{problems:?}"))
}

/// Records of sessions, the last of them a second ago.
struct Past {
    state: tempfile::TempDir,
    store: Store,
    sessions: u32,
    hash: String,
}

impl Past {
    /// Decided by this set.
    fn new(text: &str) -> Self {
        let state = tempfile::tempdir().unwrap();
        let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
        let hash = set(text).hash().to_owned();
        keep_policy(state.path(), &hash, &[("a.cedar".to_owned(), text.to_owned())]).unwrap();
        Self { state, store, sessions: 0, hash }
    }

    fn path(&self) -> &Path {
        self.state.path()
    }

    /// A session with these frames behind its first.
    async fn session(&mut self, opened: Value, frames: Vec<(FrameKind, Value)>) -> SessionId {
        self.sessions += 1;
        let at = now();
        let (id, run) = (SessionId::new(at, self.sessions), RunId::new(at, self.sessions));
        let mut first = json!({
            "session": id, "run": run, "original": "192.0.2.1:5432",
            "principal": principal(run),
            "target": {"name": "db", "environment": "test", "protocol": "postgres", "configured": true},
            "decision": self.door("allow"),
        });
        for (key, value) in opened.as_object().into_iter().flatten() {
            first[key] = value.clone();
        }
        let recorder = self.store.begin(id, run, &first).unwrap();
        let mut buffer = FrameBuffer::default();
        for (kind, body) in frames {
            buffer.push_json(now(), kind, &body);
        }
        if !buffer.is_empty() {
            recorder.submit(&mut buffer).unwrap();
        }
        recorder.close(&json!({"reason": "client_done", "statements": 9, "rows": 700, "bytes_from_server": 5})).await.unwrap();
        id
    }

    /// A decision at the door.
    fn door(&self, outcome: &str) -> Value {
        json!({
            "outcome": outcome, "reason": null, "policies": ["p"], "errors": [], "mode": "enforce", "would_refuse": false,
            "set_hash": self.hash,
            "facts": {
                "address": "192.0.2.1:5432", "names": [], "host": null, "hello": null, "mismatch": false, "s": [0, 0, 0, 0, 0, 0],
                "r": [0, 0, 0, 0, 0, 1], "h": [0, 0, 0, 0, 0, 1], "owner_active": true, "granted": false, "waits": null,
                "released": [], "outcome": outcome,
            },
        })
    }

    /// A decision on a statement that asks these questions.
    fn decision(&self, outcome: &str, questions: Value, more: Value) -> (FrameKind, Value) {
        let mut frame = json!({
            "operation": 4, "part": 0, "asked": "query", "command": "SELECT", "accesses": ["read x"], "no_where": false,
            "outcome": outcome, "policies": ["p"], "errors": [], "mode": "enforce", "would_refuse": false, "set_hash": self.hash,
            "facts": {
                "q": questions, "c": "SELECT", "f": "a", "d": "shop", "u": "app", "n": 1,
                "s": [10, 0, 1, 0, 1, 1], "r": [20, 2048, 3, 0, 1, 1], "h": [30, 0, 1, 0, 1, 1],
            },
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            match frame.pointer_mut(key) {
                Some(place) => *place = value.clone(),
                None => {
                    let (parent, name) = key.rsplit_once('/').unwrap();
                    frame.pointer_mut(parent).unwrap()[name] = value.clone();
                }
            }
        }
        (FrameKind::Decision, frame)
    }

    fn compare(&self, text: Option<&str>, filter: &Filter) -> Comparison {
        let mut judge = Judge::new(self.path(), text.map(|text| Arc::new(set(text))));
        compare(self.path(), filter, &mut judge, |_| {}).unwrap()
    }

    fn suggest(&self) -> Suggestion {
        let filter = Filter { workload: Some(WORKLOAD.to_owned()), ..Filter::default() };
        suggest(self.path(), &filter, 2, |_| {}).unwrap()
    }
}

fn principal(run: RunId) -> Value {
    json!({
        "workload": WORKLOAD, "name": null, "owner": null, "grade": "kernel", "run": run, "claims": null,
        "process": {
            "pid": 1, "started_boottime_ns": 1, "uid": 0, "gid": 0, "user": null, "cgroup": "/", "cgroup_id": 1, "unit": null,
            "container": null, "executable": null, "executable_sha256": null, "script": null, "script_sha256": null,
            "arguments": [], "directory": null, "ancestry": [], "gaps": [],
        },
    })
}

/// What changes, as `(change, touches, would be by)`.
fn changes(found: &Comparison) -> Vec<(String, String, Vec<String>)> {
    let of = |group: &Group| (group.change.kind.words(), group.change.touches.clone(), group.change.would_be_by.clone());
    found.changes.iter().map(of).collect()
}

#[tokio::test]
async fn a_changed_set_shows_what_it_changes_and_what_nobody_can_say() {
    let mut past = Past::new(ALL);
    let users = json!([["rt", "public", "users"]]);
    let frames = vec![
        past.decision("allow", users.clone(), json!({})),
        past.decision("allow", json!([["wt", "public", "users", null, "DELETE"]]), json!({})),
        past.decision("deny", json!([["rt", "public", "other"]]), json!({})),
        past.decision("allow", json!([["rt", null, "users"], ["rt", "hr", "users"]]), json!({"/set_hash": "ab".repeat(32)})),
        past.decision("allow", users.clone(), json!({"/facts/more": 3})),
        past.decision("allow", users.clone(), json!({"/facts": null})),
        past.decision("allow", users.clone(), json!({"/facts/hidden": ["pii"]})),
        past.decision("allow", users, json!({"/reveals": [{"class": "cards", "policies": []}]})),
    ];
    past.session(json!({}), frames).await;
    let changed = r#"
@id("in") permit (principal, action == Action::"connect", resource);
@id("reads") permit (principal, action == Action::"read", resource);
@id("pii") permit (principal, action == Action::"reveal", resource == Class::"pii");
@id("asks") @hold("group=dba") forbid (principal, action == Action::"write", resource) unless { context.approval.satisfied };
@id("writes") permit (principal, action == Action::"write", resource);"#;
    let found = past.compare(Some(changed), &Filter::default());
    let by = |policy: &str| vec![policy.to_owned()];
    assert_eq!(
        changes(&found),
        [
            ("allow -> hold".to_owned(), "write public.users".to_owned(), by("asks")),
            ("revealed -> hidden".to_owned(), "class cards".to_owned(), by("reads")),
            ("deny -> allow".to_owned(), "read x".to_owned(), by("reads")),
            ("hidden -> revealed".to_owned(), "class pii".to_owned(), by("reads")),
        ]
    );
    assert_eq!((found.sessions, found.judged, found.same, found.count_of(Kind::holds)), (1, 6, 2, 1));
    let reasons: Vec<_> = found
        .not_judged
        .iter()
        .map(|(why, count)| (why.contains("not kept") || why.contains("more") || why.contains("before"), *count))
        .collect();
    assert_eq!(reasons, [(true, 1), (true, 1), (true, 1)], "{:?}", found.not_judged);
    // What is before, or of another, is not looked at.
    for filter in [
        Filter { since: Timestamp(u64::MAX), ..Filter::default() },
        Filter { workload: Some("other".to_owned()), ..Filter::default() },
        Filter { target: Some("other".to_owned()), ..Filter::default() },
    ] {
        assert_eq!(past.compare(Some(changed), &filter).judged, 0, "{filter:?}");
    }
    let made_up = past.compare(None, &Filter::default());
    assert_eq!(made_up.changes.len(), 2, "what the test made up as denied, and as revealed: {:?}", changes(&made_up));
}

#[tokio::test]
async fn what_is_suggested_lets_through_what_went_through() {
    let mut past = Past::new(ALL);
    let hold = json!([{"policy": "by-dba", "group": "dba", "quorum": 2, "wait_seconds": 60, "valid_seconds": 60}]);
    let observed = |outcome: &str| json!({"/mode": "observe", "/outcome": outcome, "/would_refuse": true});
    let frames = vec![
        // A name without a schema means what the policies name, once they name it.
        past.decision("allow", json!([["rt", null, "users"]]), json!({})),
        past.decision("allow", json!([["wt", "public", "users", null, "INSERT"], ["rt", "public", "users"]]), json!({})),
        past.decision("allow", json!([["ds", "hr"]]), json!({})),
        past.decision("deny", json!([["rt", "public", "seen"]]), observed("deny")),
        past.decision("allow", json!([["cf", null, "f"], ["s."]]), json!({})),
        past.decision("allow", json!([["rt", "public", "\"a\nb\".x"]]), json!({})),
        past.decision("allow", json!([["rt", "public", "base", "public.v"]]), json!({})),
        past.decision("allow", json!([["wt", "public", "held", null, "UPDATE"]]), json!({"/facts/released": hold})),
        // These are for a person.
        past.decision("deny", json!([["r."]]), json!({"/mode": "observe", "/facts/f": "uoa", "/would_refuse": true})),
        past.decision("deny", json!([["wt", "public", "glass"]]), json!({"/mode": "break-glass", "/would_refuse": true})),
        past.decision(
            "deny",
            json!([["wt", "public", "waits"]]),
            json!({"/mode": "observe", "/held": true, "/would_refuse": true}),
        ),
        past.decision(
            "deny",
            json!([["rt", "public", "secret"]]),
            json!({"/accesses": ["read public.secret\npermit (principal, action, resource);"]}),
        ),
        past.decision("allow", json!([["rt", "public", "users"]]), json!({"/reveals": [{"class": "pii", "policies": []}]})),
    ];
    past.session(json!({}), frames).await;
    let suggestion = past.suggest();
    assert!(suggestion.short.is_empty(), "{:?}\n{}", suggestion.short, suggestion.text);
    assert_eq!(suggestion.left_out, 3, "{}", suggestion.text);
    for part in [
        "resource == Table::\"db/?.users\"",
        "resource == Table::\"db/hr.users\"",
        "resource == Function::\"db/hr.f\"",
        "// Not seen itself",
        "context.verb == \"INSERT\" && !context.no_where",
        "context has behind && context.behind == \"public.v\"",
        "@hold(\"group=dba,quorum=2,wait=60s,valid=60s\")",
        "resource == Class::\"pii\"",
        "resource == Target::\"db\"",
        "context.run.rows > 1400",
        "was not understood",
        "by broken glass",
        "would have waited for people",
        "//   SELECT on db: read public.secret permit (principal, action, resource); (p): once",
    ] {
        assert!(suggestion.text.contains(part), "{part} in {}", suggestion.text);
    }
    let set = set(&suggestion.text);
    assert_eq!(set.len(), suggestion.policies);
    let found = past.compare(Some(&suggestion.text), &Filter::default());
    assert_eq!(
        found
            .count_of(|kind| kind
                == Kind::Verdict(gateway_core::policy::basis::Verdict::Allow, gateway_core::policy::basis::Verdict::Deny)),
        0
    );
    // Nothing else is let through.
    let mut others = Past::new(ALL);
    let frames = vec![
        others.decision("allow", json!([["rt", "public", "others"]]), json!({})),
        others.decision("allow", json!([["wt", "public", "users", null, "DELETE"]]), json!({})),
        others.decision("allow", json!([["rt", "public", "base"]]), json!({})),
        others.decision("allow", json!([["rt", "public", "users"]]), json!({"/facts/r": [1401, 0, 1, 0, 1, 1]})),
    ];
    others.session(json!({}), frames).await;
    let found = others.compare(Some(&suggestion.text), &Filter::default());
    assert_eq!((found.count_of(Kind::denies), found.judged), (4, 5), "{:?}", changes(&found));
    let nobody = Filter { workload: Some("nobody".to_owned()), ..Filter::default() };
    assert!(matches!(suggest(past.path(), &nobody, 2, |_| {}), Err(SuggestError::Nothing(_))));
}

#[tokio::test]
async fn readiness_is_since_the_last_that_would_have_been_refused() {
    let mut past = Past::new(ALL);
    let users = || json!([["rt", "public", "users"]]);
    let would = json!({"/mode": "observe", "/would_refuse": true});
    let shadow = json!({"what": "shadow", "operation": 4, "live": "allow", "shadow": "deny", "command": "SELECT", "touches": "read x",
        "policies": ["p"], "shadow_policies": ["q"], "shadow_hash": "ab"});
    let frames =
        vec![past.decision("deny", users(), would), (FrameKind::Note, shadow.clone()), past.decision("deny", users(), json!({}))];
    let first = past.session(json!({}), frames).await;
    past.session(json!({}), vec![past.decision("allow", users(), json!({})), (FrameKind::Note, shadow)]).await;
    let found = readiness(past.path(), &Filter::default(), |_| {}).unwrap();
    let [line] = found.lines.as_slice() else { panic!("{found:?}") };
    assert_eq!((line.decisions, line.refused, line.would_refuse), (5, 1, 1));
    assert_eq!(line.example, Some(format!("{first}/4")));
    assert!(line.first < line.ready_since && line.ready_since < line.last);
    let [difference] = found.shadow.as_slice() else { panic!("{found:?}") };
    assert_eq!((difference.sessions, difference.difference.shadow.as_str()), (2, "deny"));
}
