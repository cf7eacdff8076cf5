//! The views over a record as a gateway writes it.

use super::*;
use crate::cli::{Format, audit};
use crate::evidence::{EvidenceSettings, Store, files};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::time::Timestamp;
use gateway_core::record::{FrameBuffer, FrameKind};
use serde_json::json;

async fn recorded() -> (tempfile::TempDir, SessionId) {
    let state = tempfile::tempdir().unwrap();
    let store = Store::open(state.path(), EvidenceSettings::default()).unwrap();
    let at = |ms: u64| Timestamp((1_764_000_000_000 + ms) * 1_000_000);
    let (session, run) = (SessionId::new(at(0), 1), RunId::new(at(0), 1));
    let opened = json!({
        "session": session, "run": run, "original": "192.0.2.1:5432",
        "principal": {"workload": "spiffe://example.org/host/h/unit/backup", "name": "nightly-\u{1b}backup", "owner": "ada", "grade": "kernel"},
        "target": {"name": "orders"}, "decision": {"outcome": "allow", "policies": ["backups"]},
    });
    let recorder = store.begin(session, run, &opened).unwrap();
    let mut frames = FrameBuffer::default();
    let one = 1u64.to_le_bytes();
    frames.push(at(1), FrameKind::Note, |to| {
        to.extend(json!({"what": "startup", "user": "app", "database": "shop"}).to_string().bytes())
    });
    frames.push(at(2), FrameKind::Statement, |to| to.extend([&one[..], b"PSELECT \x1b[2J name FROM t WHERE id = $1"].concat()));
    let decision = json!({
        "operation": 1, "part": 0, "asked": "prepare", "command": "SELECT", "accesses": ["read public.t"], "outcome": "allow",
        "policies": ["reads-\u{1b}"], "reveals": [{"class": "pii", "policies": ["backup-\u{1b}sees"]}], "errors": [], "mode": "enforce", "would_refuse": false, "set_hash": "ba5d",
    });
    frames.push_json(at(2), FrameKind::Decision, &decision);
    frames.push(at(3), FrameKind::Parameters, |to| to.extend([&one[..], b"\0\0\0\x01\0\0\0\x0242\0\0"].concat()));
    frames.push(at(4), FrameKind::Rows, |to| to.extend([&one[..], b"D\0\0\0\x0d\0\x01\0\0\0\x03eve"].concat()));
    frames.push(at(5), FrameKind::Completed, |to| to.extend([&one[..], &one, &[14, 0, 0, 0, 0, 0, 0, 0], b"SELECT 1"].concat()));
    recorder.submit(&mut frames).unwrap();
    recorder.close(&json!({"reason": "client_done", "statements": 1, "rows": 1, "errors": 0})).await.unwrap();
    (state, session)
}

fn at_once() -> play::Options {
    PlayArguments::default().options(true)
}

fn shown(view: impl FnOnce(&mut dyn Write) -> Result<ExitCode, CliError>) -> (ExitCode, String) {
    let mut out = Vec::new();
    let status = view(&mut out).unwrap();
    let text = String::from_utf8(out).unwrap();
    assert!(!text.contains('\u{1b}'), "{text}");
    (status, text)
}

#[tokio::test]
async fn every_view_tells_the_session_and_nothing_reaches_the_terminal() {
    let (state, session) = recorded().await;
    let state = state.path();
    for (view, parts) in [
        (
            shown(|out| list(state, &Which::all(), Format::Text, out)),
            &["nightly-", "ada", "orders", "app@shop", "client_done"][..],
        ),
        (
            shown(|out| show(state, session, Format::Text, out)),
            &[
                "spiffe://example.org",
                "$1 = '42'",
                "SELECT 1 (1 row,",
                "backups",
                "allow statement 1 SELECT [read public.t] by policy reads-",
                "reveals pii by policy backup-",
            ],
        ),
        (
            shown(|out| play(state, session, at_once(), Format::Text, out)),
            &["$1 = '42'", "row        #1 eve", "\\u{1b}[2J", "allow statement 1 SELECT", "client_done"],
        ),
        (shown(|out| watch(state, session, Format::Text, out)), &["row        #1 eve", "client_done"]),
    ] {
        assert_eq!(view.0, ExitCode::SUCCESS);
        parts.iter().for_each(|part| assert!(view.1.contains(part), "{part} in {}", view.1));
    }
    let (_, listed) = shown(|out| list(state, &Which::all(), Format::Json, out));
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    assert_eq!(listed.pointer("/0/session"), Some(&json!(session)));
    let (_, one) = shown(|out| show(state, session, Format::Json, out));
    let one: serde_json::Value = serde_json::from_str(&one).unwrap();
    assert_eq!(one.pointer("/statements/0/rows"), Some(&json!(1)));
    assert_eq!(one.pointer("/statements/0/decisions/0/command"), Some(&json!("SELECT")));
    assert_eq!(one.pointer("/decisions"), Some(&json!([])));
    assert!(show(state, SessionId::from_number(1), Format::Text, &mut Vec::new()).is_err());
}

#[tokio::test]
async fn play_and_watch_tell_machines_the_same_frames() {
    let (state, session) = recorded().await;
    let (_, played) = shown(|out| play(state.path(), session, at_once(), Format::Json, out));
    let (_, watched) = shown(|out| watch(state.path(), session, Format::Json, out));
    assert_eq!(played, watched);
    let lines: Vec<serde_json::Value> = played.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> = lines.iter().filter_map(|line| line["kind"].as_str()).collect();
    assert_eq!(kinds, ["opened", "note", "statement", "decision", "parameters", "rows", "completed", "ended"]);
    assert_eq!(lines[2]["body"], json!({"sent": "parse", "text": "SELECT \u{1b}[2J name FROM t WHERE id = $1"}));
    assert_eq!((&lines[4]["body"], &lines[4]["operation"]), (&json!({"values": ["42"]}), &json!(1)));
    assert_eq!(lines[5]["body"], json!({"messages": [{"row": ["eve"]}]}));
    assert_eq!(lines[3]["operation"], json!(1));
    assert_eq!(lines[1]["time"], json!("2025-11-24T16:00:00.001000000Z"));
}

#[tokio::test]
async fn a_filter_shows_what_is_looked_for_and_nothing_else() {
    use clap::Parser as _;
    #[derive(clap::Parser)]
    struct Line {
        #[command(flatten)]
        how: PlayArguments,
    }
    let (state, session) = recorded().await;
    for (arguments, kinds) in [
        (&["--only", "statements"][..], &["statement", "parameters"][..]),
        (&["--only", "decisions,rows"], &["opened", "decision", "rows"]),
        (&["--only", "errors"], &[]),
        (&["--match", "NAME from"], &["statement"]),
        (&["--operation", "1", "--from", "2025-11-24T16:00:00.003Z"], &["parameters", "rows", "completed"]),
        (&["--to", "2025-11-24T16:00:00.001Z"], &["note"]),
    ] {
        let line = Line::parse_from([&["play"], arguments].concat());
        let (_, played) = shown(|out| play(state.path(), session, line.how.options(true), Format::Json, out));
        let found = played.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["kind"].clone());
        assert_eq!(found.collect::<Vec<_>>(), kinds.iter().map(|kind| json!(kind)).collect::<Vec<_>>(), "{arguments:?}");
    }
}

#[tokio::test]
async fn a_changed_record_fails_the_check_and_names_the_frame() {
    let (state, session) = recorded().await;
    let path = files::segment(state.path(), session, 0);
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 40;
    bytes[at] ^= 1;
    std::fs::write(path, bytes).unwrap();
    let (status, text) = shown(|out| audit::verify(state.path(), &audit::Verify::of(Some(session)), Format::Text, out));
    assert_eq!((status, text.contains("was changed (segment 0")), (ExitCode::from(1), true), "{text}");
    let (_, text) = shown(|out| audit::verify(state.path(), &audit::Verify::of(None), Format::Json, out));
    let json: serde_json::Value = serde_json::from_str(&text).unwrap();
    assert_eq!(json.pointer("/sessions/0/problems/0/problem"), Some(&json!("changed")));
}
