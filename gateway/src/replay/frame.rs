//! A frame as JSON: the same five keys in each.

use super::postgres::{self, Message, Shown as _};
use super::text;
use crate::evidence::Seen;
use gateway_core::model::time::Timestamp;
use gateway_core::record::FrameKind;
use gateway_core::record::body::{self, Completed, Digest, Failure, Statement};
use serde_json::{Value as Json, json};
use std::collections::HashMap;

/// Result formats are remembered of so many operations that have not ended.
const MOST_FORMATS: usize = 10_000;

/// The result formats that each operation's Bind asked for: what rows are read by.
#[derive(Debug, Default)]
pub struct Formats(HashMap<u64, Vec<u16>>);

impl Formats {
    /// Those of this frame, after it was heard of: none where they are not known.
    pub fn hear(&mut self, seen: &Seen<'_>) -> &[u16] {
        let (operation, rest) = body::number(seen.body).unwrap_or((0, seen.body));
        if seen.kind == FrameKind::Parameters && self.0.len() < MOST_FORMATS {
            self.0.insert(operation, postgres::parameters(rest).formats);
        }
        match seen.kind {
            FrameKind::Rows => self.0.get(&operation).map(Vec::as_slice).unwrap_or_default(),
            _ => &[],
        }
    }
}

/// A frame. `formats` are those that the Bind of its operation asked for.
#[must_use]
pub fn frame(seen: &Seen<'_>, formats: &[u16]) -> Json {
    let (operation, body) = parts(seen.kind, seen.body, formats);
    json!({ "frame": seen.seq, "time": time(seen.time), "kind": seen.kind.name(), "operation": operation, "body": body })
}

/// What stands behind the last frame of a record that has no end yet: it is no frame.
#[must_use]
pub fn no_end(live: bool) -> Json {
    let body = json!({ "state": if live { "live" } else { "unclosed" } });
    json!({ "frame": null, "time": null, "kind": "no_end", "operation": null, "body": body })
}

/// What kind of message a statement came in.
#[must_use]
pub const fn statement_name(kind: u8) -> &'static str {
    match kind {
        b'P' => "parse",
        b'F' => "function",
        _ => "query",
    }
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
        FrameKind::Digest => Digest::parse(bytes)
            .map(|Digest { operation, rows, sha256 }| (of(operation), json!({ "rows": rows, "sha256": sha256.to_string() }))),
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
