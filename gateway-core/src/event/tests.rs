//! Made frames through the listener, and what it must tell of them; nothing that a record may hold makes it fall or grow.

use super::*;
use crate::record::body::write_statement;
use crate::record::{FrameBuffer, FrameKind};
use proptest::prelude::*;
use serde_json::json;

fn session() -> SessionId {
    SessionId::new(Timestamp(1_764_000_000_000_000_000), 7)
}

/// Frames, one a nanosecond from 0.
#[derive(Default)]
struct Tape(FrameBuffer, u64);

impl Tape {
    fn begun() -> Self {
        Self::default().json(FrameKind::Opened, json!({
            "run": "r-01jd5k2v8q3xm", "original": "10.0.0.5:5432", "client": "127.0.0.1:4000", "name": "db.example", "host": "ci-7",
            "principal": {
                "workload": "spiffe://acme/host/ci-7/unit/backup.service", "name": "backup", "owner": "ana", "grade": "kernel",
                "process": { "pid": 41, "uid": 1000, "executable": "/usr/bin/psql", "executable_sha256": "ab", "cgroup": "/b" },
            },
            "target": { "name": "prod", "environment": "production", "protocol": "postgres", "configured": true },
            "decision": { "outcome": "allow", "policies": ["may"], "mode": "enforce", "would_refuse": false, "set_hash": "77" },
        }))
    }

    fn asking() -> Self {
        Self::begun().note(json!({ "what": "startup", "user": "app", "database": "shop", "application": "psql" }))
    }

    fn push(mut self, kind: FrameKind, write: impl FnOnce(&mut Vec<u8>)) -> Self {
        self.0.push(Timestamp(self.1), kind, write);
        self.1 += 1;
        self
    }

    fn json(self, kind: FrameKind, value: Value) -> Self {
        self.push(kind, |body| body.extend_from_slice(value.to_string().as_bytes()))
    }

    fn note(self, value: Value) -> Self {
        self.json(FrameKind::Note, value)
    }

    fn sent(self, operation: u64, kind: u8, text: &str) -> Self {
        self.push(FrameKind::Statement, |body| write_statement(operation, kind, text.as_bytes(), body))
    }

    fn run(self, operation: u64) -> Self {
        self.push(FrameKind::Parameters, |body| body.extend_from_slice(&operation.to_le_bytes()))
    }

    fn decided(self, operation: u64, part: u64, outcome: &str, more: Value) -> Self {
        let mut decision = json!({
            "operation": operation, "part": part, "command": "DELETE", "accesses": ["write public.t"], "outcome": outcome,
            "policies": ["p"], "mode": "enforce", "would_refuse": false, "set_hash": "77",
        });
        if let (Some(decision), Value::Object(more)) = (decision.as_object_mut(), more) {
            decision.extend(more);
        }
        self.json(FrameKind::Decision, decision)
    }

    fn done(self, operation: u64, rows: u64, tag: &str) -> Self {
        self.push(FrameKind::Completed, |body| {
            [operation, rows, 100].iter().for_each(|number| body.extend_from_slice(&number.to_le_bytes()));
            body.extend_from_slice(tag.as_bytes());
        })
    }

    fn failed(self, operation: u64, code: &str, message: &str) -> Self {
        self.push(FrameKind::Failed, |body| {
            body.extend_from_slice(&operation.to_le_bytes());
            body.extend_from_slice(code.as_bytes());
            body.extend_from_slice(message.as_bytes());
        })
    }

    fn over(self) -> Self {
        self.json(FrameKind::Ended, json!({ "reason": "client closed", "statements": 9, "rows": 8, "errors": 7, "kill": null }))
    }

    fn heard(&self) -> Vec<Event> {
        let mut events = Vec::new();
        let mut listener = Listener::new("nowhere", session());
        for (seq, (time, kind, body)) in (0..).zip(self.0.iter()) {
            listener.hear(seq, time, kind, body, &mut |event| events.push(event));
        }
        events
    }
}

/// An event in a line: its uid without the session, and what matters of it.
fn line(event: &Event) -> String {
    let id = event.uid.strip_prefix(&format!("{}-", event.session)).unwrap();
    let what = match &event.what {
        What::Opened { decision } => format!("opened {} as {}", decision.outcome, event.context.user.as_deref().unwrap_or("?")),
        What::Statement(of) => {
            let text = of.text.as_deref().unwrap_or("?");
            let mut line =
                format!("{} #{}.{} {text:?} {} rows {} ns", of.outcome.name(), of.operation, of.part, of.rows, of.duration_ns);
            if let Some(decision) = &of.decision {
                line += &format!(" by {}", decision.policies.join(","));
            }
            if of.masked_rows > 0 {
                line += &format!(" masked {}", of.masked_rows);
            }
            line
        }
        What::Ended { reason, statements, rows, errors, killed, .. } => {
            format!("ended {reason:?} {statements} {rows} {errors}{}", if *killed { " killed" } else { "" })
        }
        What::Finding { name, alert, fields } => {
            let fields: std::collections::BTreeMap<String, Value> = serde_json::from_value(fields.clone()).unwrap();
            format!("finding {name} {} {}", alert.as_deref().unwrap_or("-"), serde_json::to_string(&fields).unwrap())
        }
        What::Control { number, name, by, subject, .. } => format!("control {number} {name} {by} {subject}"),
        What::Checkpoint { .. } | What::Dropped { .. } => "none of a record's".to_owned(),
    };
    format!("{id} {what}")
}

fn check(name: &str, tape: &Tape, expected: &[&str]) {
    let events = tape.heard();
    assert_eq!(events.iter().map(line).collect::<Vec<_>>(), expected, "{name}");
    for event in &events {
        let read: Event = serde_json::from_str(&serde_json::to_string(event).unwrap()).unwrap();
        assert_eq!(&read, event, "{name}: it reads back");
    }
}

#[test]
fn a_record_is_told_in_order() {
    check(
        "a session from its beginning to its end",
        &Tape::asking().sent(1, b'Q', "SELECT 1").decided(1, 0, "allow", json!({})).done(1, 3, "SELECT 3").over(),
        &["1 opened allow as app", "4 done #1.0 \"SELECT 1\" 3 rows 2 ns by p", "5 ended \"client closed\" 9 8 7"],
    );
    check("one that never said who it is", &Tape::begun().over(), &["1 opened allow as ?", "1-1 ended \"client closed\" 9 8 7"]);
    check(
        "one that crashed: what was heard is counted",
        &Tape::asking()
            .sent(1, b'Q', "a")
            .done(1, 3, "")
            .failed(0, "57P01", "bye")
            .json(FrameKind::Ended, json!({"reason": "crash"})),
        &["1 opened allow as app", "3 done #1.0 \"a\" 3 rows 1 ns", "4 failed #0.0 \"?\" 0 rows 0 ns", "5 ended \"crash\" 1 3 1"],
    );
    check(
        "what was prepared is told each time that it is run, with its text, and not before",
        &Tape::asking()
            .sent(1, b'P', "DELETE")
            .decided(1, 0, "allow", json!({}))
            .run(1)
            .run(1)
            .done(1, 1, "")
            .done(1, 2, "")
            .run(1)
            .done(1, 3, ""),
        &[
            "1 opened allow as app",
            "6 done #1.0 \"DELETE\" 1 rows 2 ns by p",
            "7 done #1.0 \"DELETE\" 2 rows 2 ns by p",
            "9 done #1.0 \"DELETE\" 3 rows 1 ns by p",
        ],
    );
    check(
        "each part of a text has its own decision, and its own masked rows",
        &Tape::asking()
            .sent(1, b'Q', "a; b")
            .decided(1, 0, "allow", json!({ "policies": ["first"] }))
            .decided(1, 1, "allow", json!({ "policies": ["second"] }))
            .note(json!({ "what": "masked", "operation": 1, "part": 1, "rows": 2 }))
            .done(1, 1, "")
            .done(1, 2, ""),
        &[
            "1 opened allow as app",
            "6 done #1.0 \"a; b\" 1 rows 4 ns by first",
            "7 done #1.1 \"a; b\" 2 rows 5 ns by second masked 2",
        ],
    );
    check(
        "a call by number",
        &Tape::asking().sent(1, b'F', "1598").done(1, 0, "FUNCTION CALL"),
        &["1 opened allow as app", "3 done #1.0 \"function 1598\" 0 rows 1 ns"],
    );
}

#[test]
fn what_is_refused_is_told_as_refused() {
    let denied = json!({ "alert": "high", "message": "no" });
    check(
        "by policy, with an alert",
        &Tape::asking().sent(1, b'Q', "DELETE FROM t").decided(1, 0, "deny", denied).failed(1, "42501", "weir refused").over(),
        &[
            "1 opened allow as app",
            "3 finding policy_alert high {\"accesses\":[\"write public.t\"],\"command\":\"DELETE\",\"message\":\"no\",\"mode\":\"enforce\",\"operation\":1,\"outcome\":\"deny\",\"part\":0,\"policies\":[\"p\"],\"set_hash\":\"77\",\"would_refuse\":false}",
            "4 refused #1.0 \"DELETE FROM t\" 0 rows 2 ns by p",
            "5 ended \"client closed\" 9 8 7",
        ],
    );
    check(
        "in observe mode it ran",
        &Tape::asking().sent(1, b'Q', "x").decided(1, 0, "deny", json!({ "would_refuse": true })).done(1, 0, "").over(),
        &["1 opened allow as app", "4 done #1.0 \"x\" 0 rows 2 ns by p", "5 ended \"client closed\" 9 8 7"],
    );
    check(
        "with the end of its session, and no answer",
        &Tape::asking().sent(1, b'P', "x").decided(1, 0, "deny", json!({})).over(),
        &["1 opened allow as app", "4 refused #1.0 \"x\" 0 rows 0 ns by p", "4-1 ended \"client closed\" 9 8 7"],
    );
    check(
        "by people",
        &Tape::asking()
            .sent(1, b'Q', "x")
            .note(json!({ "what": "hold", "operation": 1, "state": "waiting" }))
            .note(json!({ "what": "hold", "operation": 1, "state": "denied" }))
            .failed(1, "42501", "no"),
        &["1 opened allow as app", "5 refused #1.0 \"x\" 0 rows 3 ns"],
    );
    check(
        "the server's own refusal is a failure",
        &Tape::asking().sent(1, b'Q', "x").decided(1, 0, "allow", json!({})).failed(1, "42501", "weir refused, says a job"),
        &["1 opened allow as app", "4 failed #1.0 \"x\" 0 rows 2 ns by p"],
    );
    check(
        "a quota in the midst of a result: it may have been done",
        &Tape::asking()
            .sent(1, b'Q', "x")
            .decided(1, 0, "deny", json!({}))
            .note(json!({ "what": "finding", "kind": "quota", "operation": 1 }))
            .json(FrameKind::Ended, json!({ "reason": "killed", "kill": {} })),
        &[
            "1 opened allow as app",
            "4 finding quota - {\"operation\":1}",
            "5 cut #1.0 \"x\" 0 rows 3 ns by p",
            "5-1 ended \"killed\" 0 0 0 killed",
        ],
    );
    check(
        "what a failure passes over does not run on",
        &Tape::asking().sent(1, b'P', "x").run(1).run(1).run(1).failed(1, "23505", "twice").over(),
        &["1 opened allow as app", "6 failed #1.0 \"x\" 0 rows 3 ns", "7 ended \"client closed\" 9 8 7"],
    );
    check(
        "at the door, and then by people let in",
        &Tape::asking().note(json!({ "what": "admitted", "hold": "h", "decision": { "outcome": "allow" } })),
        &["1 opened allow as app", "2 opened allow as app"],
    );
}

#[test]
fn findings_and_what_people_decide_are_told() {
    check(
        "a finding before it is known who asks",
        &Tape::begun().note(json!({ "what": "finding", "kind": "attestation", "alert": "high", "issuer": "gh" })).over(),
        &["1 finding attestation high {\"issuer\":\"gh\"}", "2 opened allow as ?", "2-1 ended \"client closed\" 9 8 7"],
    );
    check(
        "what left the protocol, and what was lost",
        &Tape::asking()
            .note(json!({ "what": "violation", "error": "e" }))
            .note(json!({ "what": "lost", "frames": 3 }))
            .note(json!({ "what": "recovered", "cut_bytes": 1 }))
            .note(json!({ "what": "cancel" })),
        &[
            "1 opened allow as app",
            "2 finding violation - {\"error\":\"e\"}",
            "3 finding lost - {\"frames\":3}",
            "4 finding recovered - {\"cut_bytes\":1}",
        ],
    );
    let of_run = |target: &str| {
        Tape::default().json(FrameKind::Opened, json!({ "run": "r", "target": { "name": target }, "original": null }))
    };
    check(
        "a run's names",
        &of_run("names")
            .note(json!({ "what": "name", "name": "a.example", "decision": { "outcome": "allow" } }))
            .note(json!({ "what": "name", "name": "b.example", "decision": { "outcome": "deny" } }))
            .over(),
        &["2 finding name_refused - {\"decision\":{\"outcome\":\"deny\"},\"name\":\"b.example\"}"],
    );
    let control = json!({ "what": "control", "event": {
        "number": 5, "at": "2025-11-24T16:00:00.000000001Z", "kind": "glass.broken", "by": "ana", "subject": "x-1", "details": {"why": "fire"}, "key": "aa", "signature": "bb",
    }});
    let own = Tape::default().json(
        FrameKind::Opened,
        json!({ "original": "[::]:0", "target": { "name": "weir", "protocol": "opaque" }, "decision": { "outcome": "allow" } }),
    );
    let own = own.note(control.clone());
    check("the gateway's own record", &own, &["0 opened allow as ?", "1 control 5 glass.broken ana x-1"]);
    assert_eq!(own.heard()[1].at, Timestamp(1_764_000_000_000_000_001));
    check("nobody decides in a session's", &Tape::asking().note(control), &["1 opened allow as app"]);
}

#[test]
fn who_and_where_to_is_told_with_each() {
    let events = Tape::asking().sent(1, b'Q', "x").done(1, 0, "").heard();
    let context = &events[1].context;
    assert_eq!(events[1].host, "ci-7");
    assert_eq!((context.workload.as_deref(), context.pid), (Some("spiffe://acme/host/ci-7/unit/backup.service"), Some(41)));
    assert_eq!((context.database.as_deref(), context.domain.as_deref()), (Some("shop"), Some("db.example")));
    assert_eq!(context.executable_sha256.as_deref(), Some("ab"));
}

#[test]
fn texts_are_cut_and_the_oldest_are_forgotten() {
    let long = "é".repeat(5000);
    let mut tape = Tape::asking().sent(1, b'P', &long).sent(2, b'P', "short").run(1).done(1, 0, "");
    for operation in 3..40 {
        tape = tape.sent(operation, b'P', &long);
    }
    let events = tape.run(2).done(2, 0, "").run(39).done(39, 0, "").heard();
    let texts = events.iter().filter_map(|event| match &event.what {
        What::Statement(statement) => Some((statement.operation, statement.text.as_ref().map(String::len), statement.text_cut)),
        _ => None,
    });
    assert_eq!(texts.collect::<Vec<_>>(), [(1, Some(4096), true), (2, None, false), (39, Some(4096), true)]);
}

fn any_frame() -> impl Strategy<Value = (FrameKind, Vec<u8>)> {
    let kind = prop::sample::select(FrameKind::ALL.to_vec());
    let number = prop::collection::vec((0u64..200).prop_map(u64::to_le_bytes), 0..4).prop_map(|numbers| numbers.concat());
    let words = "\\{\"(what|kind|operation|part|decision|outcome|event|target)\":(\"(finding|control|masked|hold|denied|hello|quota)\"|[0-9]{1,20}|null|\\[\\]|\\{\\})\\}";
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..64),
        (number, prop::collection::vec(any::<u8>(), 0..64)).prop_map(|(number, rest)| [number, rest].concat()),
        words.prop_map(String::into_bytes),
    ];
    (kind, body)
}

proptest! {
    #[test]
    fn nothing_makes_it_fall_or_grow(frames in prop::collection::vec(any_frame(), 0..300)) {
        let mut listener = Listener::new("h", session());
        let mut uids = std::collections::HashSet::new();
        for (seq, (kind, body)) in frames.iter().enumerate() {
            let mut told = 0;
            listener.hear(seq as u64, Timestamp(seq as u64), *kind, body, &mut |event| {
                told += 1;
                assert!(uids.insert(event.uid.clone()), "a uid is told twice: {}", event.uid);
                let text = serde_json::to_string(&event).unwrap();
                assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), event);
                assert!(text.len() < 256 << 10);
            });
            prop_assert!(told <= 130, "{told}");
        }
    }
}
