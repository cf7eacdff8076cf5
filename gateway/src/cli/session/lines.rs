//! `weir session play` and `watch` as JSON Lines: an object a frame, the same five keys in each.

use super::play::statement_name;
use super::postgres::{self, Message, Shown as _};
use super::text;
use crate::evidence::Seen;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Completed, Failure, Statement};
use serde_json::{Value as Json, json};
use std::io::{self, Write};

/// Prints a frame. `formats` are those that the Bind of its operation asked for.
pub(super) fn frame(seen: &Seen<'_>, formats: &[u16], out: &mut dyn Write) -> io::Result<()> {
    let (operation, body) = parts(seen.kind, seen.body, formats);
    let (time, kind) = (time(seen.time), seen.kind.name());
    tell(&json!({ "frame": seen.seq, "time": time, "kind": kind, "operation": operation, "body": body }), out)
}

/// What stands behind the last frame of a record that has no end yet: it is no frame.
pub(super) fn stop(live: bool, out: &mut dyn Write) -> io::Result<()> {
    let body = json!({ "state": if live { "live" } else { "unclosed" } });
    tell(&json!({ "frame": null, "time": null, "kind": "no_end", "operation": null, "body": body }), out)
}

/// The operation that a frame belongs to, and what it holds.
fn parts(kind: FrameKind, bytes: &[u8], formats: &[u16]) -> (Option<u64>, Json) {
    // In the binary ones 0 means none.
    let of = |operation: u64| (operation > 0).then_some(operation);
    let read = match kind {
        FrameKind::Opened | FrameKind::Note | FrameKind::Decision | FrameKind::Ended => {
            serde_json::from_slice::<Json>(bytes).ok().map(|body| (body.get("operation").and_then(Json::as_u64), body))
        }
        FrameKind::Statement => Statement::parse(bytes).map(|Statement { operation, kind, text }| {
            (of(operation), json!({ "sent": statement_name(kind), "text": text::value(text) }))
        }),
        FrameKind::Parameters => body::number(bytes).map(|(operation, rest)| {
            let values: Json = postgres::parameters(rest).values.into_iter().map(|value| value.json()).collect();
            (of(operation), json!({ "values": values }))
        }),
        FrameKind::Rows => body::number(bytes).map(|(operation, rest)| {
            let messages: Json = postgres::messages(rest, formats).map(message).collect();
            (of(operation), json!({ "messages": messages }))
        }),
        FrameKind::Completed => Completed::parse(bytes).map(|Completed { operation, rows, bytes, tag }| {
            (of(operation), json!({ "rows": rows, "bytes": bytes, "tag": text::value(tag) }))
        }),
        FrameKind::Failed => Failure::parse(bytes).map(|Failure { operation, code, message }| {
            (of(operation), json!({ "code": text::value(code), "message": text::value(message) }))
        }),
    };
    // What can't be read is still told.
    read.unwrap_or_else(|| (None, json!({ "unread": text::base64(bytes) })))
}

fn message(message: Message<'_>) -> Json {
    match message {
        Message::Columns(names) => json!({ "columns": names.into_iter().map(text::value).collect::<Json>() }),
        Message::Row(values) => json!({ "row": values.into_iter().map(|value| value.json()).collect::<Json>() }),
        Message::Copy(data) => json!({ "copy": text::value(data) }),
        Message::Other(kind, length) => json!({ "message": kind.to_string(), "bytes": length }),
    }
}

/// RFC 3339 to the nanosecond: frames of one session can be less than a millisecond apart.
fn time(time: Timestamp) -> Option<String> {
    jiff::Timestamp::from_nanosecond(i128::from(time.0)).ok().map(|time| format!("{time:.9}"))
}

fn tell(line: &Json, out: &mut dyn Write) -> io::Result<()> {
    writeln!(out, "{}", text::json(&line.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_that_cannot_be_read_is_told_as_bytes() {
        for kind in FrameKind::ALL {
            assert_eq!(parts(kind, b"\xff", &[]), (None, json!({ "unread": { "base64": "/w==" } })), "{kind:?}");
        }
    }

    #[test]
    fn what_is_no_text_is_base64() {
        let one = 1u64.to_le_bytes();
        for (kind, bytes, told) in [
            (FrameKind::Statement, &b"QSELECT '\xe9'"[..], json!({ "sent": "query", "text": { "base64": "U0VMRUNUICfpJw==" } })),
            (FrameKind::Rows, b"d\0\0\0\x05\xff", json!({ "messages": [{ "copy": { "base64": "/w==" } }] })),
            (FrameKind::Rows, b"d\0\0\0\x05x", json!({ "messages": [{ "copy": "x" }] })),
            (FrameKind::Rows, b"H\0\0\0\x05x", json!({ "messages": [{ "message": "H", "bytes": 1 }] })),
        ] {
            assert_eq!(parts(kind, &[&one[..], bytes].concat(), &[]), (Some(1), told));
        }
    }
}
