//! What a record's frames come to.

use super::*;
use gateway_core::record::FrameBuffer;
use gateway_core::record::body::write_statement;
use serde_json::json;

/// The next frame, a millisecond after the one before.
fn tell(tally: &mut Tally, kind: FrameKind, body: &[u8]) {
    let seq = tally.summary.frames;
    tally.hear(&Seen { seq, time: Timestamp(seq * 1_000_000), kind, body });
}

fn note(tally: &mut Tally, kind: FrameKind, body: &Value) {
    tell(tally, kind, body.to_string().as_bytes());
}

fn statement(tally: &mut Tally, operation: u64, kind: u8, text: &str) {
    let mut body = Vec::new();
    write_statement(operation, kind, text.as_bytes(), &mut body);
    tell(tally, FrameKind::Statement, &body);
}

fn completed(tally: &mut Tally, operation: u64, rows: u64) {
    tell(tally, FrameKind::Completed, &[operation, rows, 10].map(u64::to_le_bytes).concat());
}

fn opened() -> Value {
    json!({
        "run": "r-01jd5k2v8q3xm", "original": "10.0.0.7:5432", "host": "ci-7",
        "principal": { "workload": "spiffe://a/unit/backup", "owner": "ana", "grade": "kernel",
            "person": { "name": "bo" }, "process": { "uid": 7, "executable": "/usr/bin/psql" } },
        "target": { "name": "prod-pg", "environment": "production", "protocol": "postgres" },
        "credential": { "source": "env:PW", "user": null },
        "decision": { "outcome": "allow", "set_hash": "first" },
    })
}

/// What was done, a line each, in order.
fn told(tally: &Tally) -> Vec<String> {
    let line = |(deed, counts): (&Deed, &Counts)| {
        let Deed { thing, verb, outcome, .. } = deed;
        format!("{} {thing} {} {}x{}", verb.name(), outcome.name(), counts.count, counts.rows)
    };
    let mut lines: Vec<_> = tally.deeds.iter().map(line).collect();
    lines.sort();
    lines
}

#[test]
fn rows_go_to_what_was_read_and_classes_to_how_they_were_shown() {
    let mut tally = Tally::new(SessionId::from_number(1 << 30), true);
    note(&mut tally, FrameKind::Opened, &opened());
    note(&mut tally, FrameKind::Note, &json!({ "what": "startup", "user": "app", "database": "shop" }));
    // A text of two statements and a COMMIT between them.
    statement(&mut tally, 1, b'Q', "SELECT * FROM customers WHERE id = 7; COMMIT;  UPDATE t SET n = 'x'");
    let decide = |operation: u64, part: u64, accesses: &[&str], more: Value| {
        let mut decision =
            json!({ "operation": operation, "part": part, "outcome": "allow", "accesses": accesses, "set_hash": "second" });
        for (name, value) in more.as_object().into_iter().flatten() {
            decision[name] = value.clone();
        }
        decision
    };
    let reveals = json!({ "reveals": [{ "class": "pii", "policies": ["x"] }] });
    note(&mut tally, FrameKind::Decision, &decide(1, 0, &["read public.customers behind v", "session the target"], reveals));
    note(&mut tally, FrameKind::Decision, &decide(1, 2, &["write public.t"], json!({})));
    completed(&mut tally, 1, 40);
    assert_eq!(tally.wrote, Wrote::No);
    completed(&mut tally, 1, 0);
    completed(&mut tally, 1, 3);
    assert_eq!(tally.wrote, Wrote::Yes);
    note(
        &mut tally,
        FrameKind::Note,
        &json!({ "what": "masked", "operation": 1, "part": 0, "rows": 40, "columns": [{ "classes": ["card", "card2"] }, { "classes": ["card"] }] }),
    );
    // Prepared once, run twice.
    statement(&mut tally, 2, b'P', "SELECT 1");
    note(&mut tally, FrameKind::Decision, &decide(2, 0, &["read app.ledger"], json!({})));
    for rows in [5, 6] {
        tell(&mut tally, FrameKind::Parameters, &2u64.to_le_bytes());
        completed(&mut tally, 2, rows);
    }
    note(&mut tally, FrameKind::Decision, &decide(3, 0, &["read hr.salaries"], json!({ "outcome": "deny", "held": false })));
    note(&mut tally, FrameKind::Decision, &decide(4, 0, &["write hr.salaries"], json!({ "outcome": "deny", "held": true })));
    note(
        &mut tally,
        FrameKind::Ended,
        &json!({ "reason": "client_done", "masked_rows": 40, "bytes_from_client": 9, "bytes_from_server": 99 }),
    );
    assert_eq!(
        told(&tally),
        [
            "clear pii unasked 1x40",
            "had SELECT * FROM customers WHERE id = ?; COMMIT; UPDATE t SET n = ? unasked 1x0",
            "had SELECT ? unasked 1x0",
            "had client_done unasked 1x0",
            "masked card unasked 1x40",
            "masked card2 unasked 1x40",
            "read app.ledger allowed 2x11",
            "read hr.salaries denied 1x0",
            "read public.customers allowed 1x40",
            "session the target allowed 1x40",
            "write hr.salaries held 1x0",
            "write public.t allowed 1x3",
        ]
    );
    let Profile { of, person, uid, credential, login, environment, .. } = &tally.profile;
    assert_eq!(
        (*of, person.as_deref(), *uid, environment.as_deref()),
        (Some(Of::Session), Some("bo"), Some(7), Some("production"))
    );
    assert_eq!((credential.as_deref(), login.as_deref()), (Some("env:PW"), Some("app")));
    assert_eq!((tally.set_hash.as_deref(), tally.masked_rows, tally.sent, tally.received), (Some("second"), 40, 9, 99));
    assert_eq!((tally.summary.rows, tally.summary.statements), (54, 5));
    // Three answers behind a text that was sent 3 ms before the first, and two behind their parameters.
    assert_eq!(tally.server_us, 5_000 + 2 * 1_000);
}

#[test]
fn whether_anything_was_written_is_said_only_where_it_is_known() {
    for (accesses, more, expected) in [
        (&["read public.t"][..], json!({}), Wrote::No),
        (&["read public.t", "define schema app"], json!({}), Wrote::Yes),
        (&["administer the target"], json!({}), Wrote::Yes),
        (&["call public.f"], json!({}), Wrote::Unknown),
        (&[], json!({ "unparsed": "what?" }), Wrote::Unknown),
        (&["read public.t"], json!({ "accesses_not_shown": 4 }), Wrote::Unknown),
        (&["write public.t"], json!({ "outcome": "deny" }), Wrote::No),
        (&["write public.t"], json!({ "outcome": "deny", "would_refuse": true }), Wrote::Yes),
    ] {
        let mut tally = Tally::new(SessionId::from_number(1 << 30), true);
        note(&mut tally, FrameKind::Opened, &opened());
        let mut decision = json!({ "operation": 1, "part": 0, "outcome": "allow", "accesses": accesses });
        more.as_object().into_iter().flatten().for_each(|(name, value)| decision[name] = value.clone());
        statement(&mut tally, 1, b'Q', "x");
        note(&mut tally, FrameKind::Decision, &decision);
        completed(&mut tally, 1, 1);
        assert_eq!(tally.wrote, expected, "{decision}");
    }
    let mut opaque = opened();
    opaque["target"]["protocol"] = "opaque".into();
    let mut tally = Tally::new(SessionId::from_number(1 << 30), true);
    note(&mut tally, FrameKind::Opened, &opaque);
    assert_eq!(tally.wrote, Wrote::Unknown);
}

#[test]
fn in_observe_mode_what_would_be_hidden_was_shown() {
    let mut tally = Tally::new(SessionId::from_number(1 << 30), true);
    note(&mut tally, FrameKind::Opened, &opened());
    statement(&mut tally, 1, b'Q', "SELECT email FROM customers");
    note(
        &mut tally,
        FrameKind::Decision,
        &json!({ "operation": 1, "part": 0, "outcome": "allow", "accesses": ["read public.customers"] }),
    );
    let columns = json!([{ "column": 0, "name": "email", "classes": ["pii"] }]);
    note(
        &mut tally,
        FrameKind::Note,
        &json!({ "what": "finding", "kind": "would_mask", "operation": 1, "part": 0, "columns": columns }),
    );
    note(
        &mut tally,
        FrameKind::Note,
        &json!({ "what": "finding", "kind": "hidden_by_class", "operation": 1, "part": 0, "classes": ["key"], "would_refuse": true }),
    );
    note(
        &mut tally,
        FrameKind::Note,
        &json!({ "what": "finding", "kind": "hidden_by_class", "operation": 1, "part": 0, "classes": ["no"], "would_refuse": false }),
    );
    completed(&mut tally, 1, 12);
    let classes: Vec<_> = told(&tally).into_iter().filter(|line| line.starts_with("clear")).collect();
    assert_eq!(classes, ["clear key unasked 1x12", "clear pii unasked 1x12"]);
}

#[test]
fn memory_is_bounded_whatever_a_record_holds() {
    let mut tally = Tally::new(SessionId::from_number(1 << 30), true);
    note(&mut tally, FrameKind::Opened, &opened());
    for operation in 0..3_000 {
        statement(&mut tally, operation, b'Q', &format!("SELECT * FROM t{operation}"));
        let decision =
            json!({ "operation": operation, "part": 0, "outcome": "deny", "accesses": [format!("read public.t{operation}")] });
        note(&mut tally, FrameKind::Decision, &decision);
    }
    assert!(tally.deeds.len() <= THINGS);
    let texts = tally.deeds.keys().filter(|deed| deed.kind == Kind::Statement).count();
    assert_eq!(texts, STATEMENTS);
    let mut garbage = FrameBuffer::default();
    garbage.push(Timestamp(1), FrameKind::Completed, |body| body.push(1));
    for kind in [
        FrameKind::Completed,
        FrameKind::Failed,
        FrameKind::Statement,
        FrameKind::Parameters,
        FrameKind::Decision,
        FrameKind::Note,
    ] {
        tell(&mut tally, kind, b"\xff");
    }
}
