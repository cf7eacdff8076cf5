//! Frames, as a gateway writes them, and the operations that they are.

use super::*;
use serde_json::json;

/// A frame: its operation first.
enum F {
    Text(u64, u8, &'static str),
    Bind(u64, &'static [u8]),
    Note(&'static str, u64),
    Denied(u64),
    Row(u64, &'static [u8]),
    Done(u64, u64, &'static str),
    Failed(u64, &'static str),
}

use F::{Bind, Denied, Done, Failed, Note, Row, Text};

const NONE: &[u8] = &[0, 0, 0, 0, 0, 0];

/// Each operation as `#n kind ends/error`, `+` where no Sync stood behind it; and how many were passed over.
fn told(frames: &[F]) -> (Vec<String>, u64) {
    let mut assembler = Assembler::new(SessionId::from_number(1), false);
    let mut all = Vec::new();
    for (number, frame) in frames.iter().enumerate() {
        let of = |operation: &u64, rest: &[&[u8]]| [&operation.to_le_bytes()[..], &rest.concat()].concat();
        let (kind, body) = match frame {
            Text(operation, kind, text) => (FrameKind::Statement, of(operation, &[&[*kind], text.as_bytes()])),
            Bind(operation, body) => (FrameKind::Parameters, of(operation, &[body])),
            Note(what, operation) => {
                (FrameKind::Note, json!({ "what": what, "operation": operation, "types": [23] }).to_string().into_bytes())
            }
            Denied(operation) => {
                let decision = json!({ "operation": operation, "outcome": "deny", "would_refuse": false });
                (FrameKind::Decision, decision.to_string().into_bytes())
            }
            Row(operation, messages) => (FrameKind::Rows, of(operation, &[messages])),
            Done(operation, rows, tag) => {
                (FrameKind::Completed, of(operation, &[&rows.to_le_bytes(), &0u64.to_le_bytes(), tag.as_bytes()]))
            }
            Failed(operation, code) => (FrameKind::Failed, of(operation, &[code.as_bytes(), b"text"])),
        };
        let seq = number as u64;
        assembler.hear(&Seen { seq, time: Timestamp(seq), kind, body: &body });
        while let Some(exact) = assembler.next() {
            all.push(shown(&exact));
        }
    }
    assembler.end();
    while let Some(exact) = assembler.next() {
        all.push(shown(&exact));
    }
    (all, assembler.passed_over())
}

fn shown(exact: &Exact) -> String {
    let kind = match &exact.kind {
        Kind::Simple(_) => "query".to_owned(),
        Kind::Prepare(_) => "parse".to_owned(),
        Kind::Execute(prepared, _) => format!("execute{}", if prepared.types.is_empty() { "" } else { " typed" }),
        Kind::Continue(_) => "continue".to_owned(),
        Kind::Function(..) => "function".to_owned(),
        Kind::Refused(kept, _) => format!("refused[{}]", String::from_utf8_lossy(kept)),
    };
    let mut ends: Vec<String> = exact.expected.ends.iter().map(|end| end.tag.clone()).collect();
    ends.extend(exact.expected.error.as_ref().map(|(code, _)| code.clone()));
    ends.extend(exact.obstacle.map(|why| format!("{why:?}")));
    let rows = if exact.expected.rows.recorded > 0 { format!(" {}r", exact.expected.rows.recorded) } else { String::new() };
    format!("#{} {kind} {}{rows}{}", exact.operation, ends.join(","), if exact.synced { "" } else { "+" })
}

#[test]
fn frames_become_the_operations_that_they_are_of() {
    let row: &[u8] = b"D\0\0\0\x0b\0\x01\0\0\0\x01x";
    for (frames, operations, passed) in [
        // A Query of two statements, one with an error behind its first.
        (
            vec![
                Text(1, b'Q', "A; B"),
                Done(1, 0, "A"),
                Done(1, 0, "B"),
                Text(2, b'Q', "C; D"),
                Done(2, 0, "C"),
                Failed(2, "22012"),
            ],
            vec!["#1 query A,B", "#2 query C,22012"],
            0,
        ),
        // Queries that did not wait for one another.
        (
            vec![Text(1, b'Q', "A; B"), Text(2, b'Q', "C"), Done(1, 0, "A"), Done(1, 0, "B"), Done(2, 0, "C")],
            vec!["#1 query A,B", "#2 query C"],
            0,
        ),
        // Prepared once, run twice.
        (
            vec![
                Text(1, b'P', "S"),
                Note("types", 1),
                Bind(1, NONE),
                Row(1, row),
                Done(1, 1, "SELECT 1"),
                Bind(1, NONE),
                Done(1, 0, "SELECT 0"),
            ],
            vec!["#1 execute typed SELECT 1 1r", "#1 execute typed SELECT 0"],
            0,
        ),
        // A pipeline with one Sync at its end: the third fails, the fourth is passed over, and what follows is not of it.
        (
            vec![
                Text(1, b'P', "S"),
                Bind(1, NONE),
                Text(2, b'P', "T"),
                Note("unsynced", 2),
                Bind(2, NONE),
                Note("unsynced", 2),
                Bind(2, NONE),
                Note("unsynced", 2),
                Bind(1, NONE),
                Note("unsynced", 1),
                Done(1, 0, "S"),
                Done(2, 0, "T"),
                Failed(2, "23505"),
                Bind(1, NONE),
                Done(1, 0, "S"),
            ],
            vec!["#1 execute S+", "#2 execute T+", "#2 execute 23505", "#1 execute S"],
            1,
        ),
        // A Parse that fails behind what ran, with no Sync in between.
        (
            vec![
                Text(1, b'P', "S"),
                Bind(1, NONE),
                Text(2, b'P', "T"),
                Note("unsynced", 2),
                Bind(2, NONE),
                Done(1, 0, "S"),
                Failed(2, "42601"),
            ],
            vec!["#1 execute S+", "#2 execute 42601"],
            0,
        ),
        (vec![Text(2, b'P', "T"), Failed(2, "42601")], vec!["#2 parse 42601"], 0),
        // A portal that is left off and gone on with.
        (
            vec![
                Text(1, b'P', "S"),
                Bind(1, NONE),
                Row(1, row),
                Done(1, 1, "PORTAL SUSPENDED"),
                Text(2, b'Q', "A"),
                Done(2, 0, "A"),
                Row(1, row),
                Done(1, 1, "SELECT 1"),
            ],
            vec!["#1 execute PORTAL SUSPENDED 1r", "#2 query A", "#1 continue SELECT 1 1r"],
            0,
        ),
        // Refused: as a whole, behind a statement of the same Query, and before anything was bound.
        (
            vec![
                Text(1, b'Q', "DROP TABLE t"),
                Denied(1),
                Failed(1, "42501"),
                Text(2, b'Q', "SELECT 1; DROP TABLE t"),
                Denied(2),
                Done(2, 1, "SELECT 1"),
                Failed(2, "42501"),
                Text(3, b'P', "DROP TABLE t"),
                Denied(3),
                Failed(3, "42501"),
            ],
            vec!["#1 refused[] 42501", "#2 refused[SELECT 1;] SELECT 1,42501", "#3 refused[] 42501"],
            0,
        ),
        // What lacks something.
        (
            vec![
                Text(1, b'Q', "SELECT ?"),
                Done(1, 1, "SELECT 1"),
                Text(2, b'P', "S"),
                Done(2, 0, "S"),
                Bind(2, &[0, 0, 0, 1, 0]),
                Done(2, 0, "S"),
                Bind(9, NONE),
                Done(9, 0, "S"),
                Text(3, b'F', "20000"),
                Bind(3, &[0, 0, 0, 0, 0, 0]),
                Done(3, 0, "FUNCTION CALL"),
                Text(4, b'Q', "SELECT pg_sleep(9)"),
            ],
            vec![
                "#1 query SELECT 1,Literals",
                "#2 execute S,Parameters",
                "#2 execute S,Cut",
                "#9 execute S,Text",
                "#3 function FUNCTION CALL,Function",
                "#4 query Unended",
            ],
            0,
        ),
    ] {
        assert_eq!(told(&frames), (operations.into_iter().map(str::to_owned).collect(), passed));
    }
}
