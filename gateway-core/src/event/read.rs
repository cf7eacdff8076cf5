//! What the JSON of frames says, as events have it: nothing longer than an event may be.

use super::{Context, Decision};
use serde_json::Value;

/// A JSON body that is longer is not read.
const BODY: usize = 1 << 20;
/// Bytes of a text of a context, a decision or a finding.
const TEXT: usize = 4096;
/// Members of a list or an object that are kept,
const MEMBERS: usize = 64;
/// and how deep.
const DEPTH: u8 = 8;
/// Texts and members of all that is kept of one body.
const VALUES: usize = 1024;

/// A body as JSON; nothing where it is none, or too long.
pub(super) fn json(body: &[u8]) -> Value {
    if body.len() > BODY {
        return Value::Null;
    }
    serde_json::from_slice(body).unwrap_or_default()
}

/// A text at this place.
pub(super) fn text(value: &Value, pointer: &str) -> Option<String> {
    let text = value.pointer(pointer)?.as_str()?;
    (!text.is_empty()).then(|| cut(text, TEXT).to_owned())
}

/// The texts of a list at this place.
pub(super) fn texts(value: &Value, pointer: &str) -> Vec<String> {
    let list = value.pointer(pointer).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(Value::as_str).take(MEMBERS).map(|text| cut(text, TEXT).to_owned()).collect()
}

/// A number at this place.
pub(super) fn number(value: &Value, pointer: &str) -> Option<u64> {
    value.pointer(pointer).and_then(Value::as_u64)
}

/// Whether it says so at this place.
pub(super) fn says(value: &Value, pointer: &str) -> bool {
    value.pointer(pointer).and_then(Value::as_bool).unwrap_or_default()
}

/// What a session's first frame says of it.
pub(super) fn context(opened: &Value) -> Context {
    let small = |pointer: &str| number(opened, pointer).and_then(|number| u32::try_from(number).ok());
    Context {
        run: text(opened, "/run"),
        workload: text(opened, "/principal/workload"),
        name: text(opened, "/principal/name"),
        owner: text(opened, "/principal/owner"),
        grade: text(opened, "/principal/grade"),
        attested: text(opened, "/principal/attested/subject"),
        person: text(opened, "/principal/person/name"),
        login: text(opened, "/principal/process/login"),
        pid: small("/principal/process/pid"),
        uid: small("/principal/process/uid"),
        user_name: text(opened, "/principal/process/user"),
        executable: text(opened, "/principal/process/executable"),
        executable_sha256: text(opened, "/principal/process/executable_sha256"),
        script: text(opened, "/principal/process/script"),
        script_sha256: text(opened, "/principal/process/script_sha256"),
        cgroup: text(opened, "/principal/process/cgroup"),
        unit: text(opened, "/principal/process/unit"),
        container: text(opened, "/principal/process/container"),
        target: text(opened, "/target/name"),
        environment: text(opened, "/target/environment"),
        protocol: text(opened, "/target/protocol"),
        domain: text(opened, "/name"),
        address: text(opened, "/original"),
        client: text(opened, "/client"),
        user: None,
        database: None,
        application: None,
        version: text(opened, "/gateway_version"),
    }
}

/// A decision, at the door or on a statement.
pub(super) fn decision(value: &Value) -> Decision {
    Decision {
        outcome: text(value, "/outcome").unwrap_or_default(),
        reason: text(value, "/reason"),
        policies: texts(value, "/policies"),
        set_hash: text(value, "/set_hash"),
        mode: text(value, "/mode"),
        would_refuse: says(value, "/would_refuse"),
        held: says(value, "/held"),
        errors: texts(value, "/errors"),
        message: text(value, "/message"),
        alert: text(value, "/alert"),
    }
}

/// The same value with long texts and long lists cut.
pub(super) fn pruned(value: &Value) -> Value {
    let mut left = VALUES;
    prune(value, DEPTH, &mut left)
}

fn prune(value: &Value, depth: u8, left: &mut usize) -> Value {
    *left = left.saturating_sub(1);
    if *left == 0 {
        return Value::Null;
    }
    match value {
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        Value::String(text) => Value::from(cut(text, TEXT)),
        Value::Array(_) | Value::Object(_) if depth == 0 => Value::from("…"),
        Value::Array(list) => list.iter().take(MEMBERS).map(|one| prune(one, depth - 1, left)).collect(),
        Value::Object(fields) => {
            let kept = fields.iter().take(MEMBERS);
            kept.map(|(name, value)| (cut(name, 256).to_owned(), prune(value, depth - 1, left))).collect()
        }
    }
}

/// A text's beginning, cut between two characters.
pub(super) fn cut(text: &str, most: usize) -> &str {
    text.get(..text.floor_char_boundary(most)).unwrap_or_default()
}

/// Bytes as text, cut; whether they were.
pub(super) fn lossy(bytes: &[u8], most: usize) -> (String, bool) {
    let kept = bytes.get(..most).unwrap_or(bytes);
    // What is cut in the midst of a character is no fault of the text's.
    let end = match std::str::from_utf8(kept) {
        Err(error) if error.error_len().is_none() && kept.len() < bytes.len() => error.valid_up_to(),
        Ok(_) | Err(_) => kept.len(),
    };
    (String::from_utf8_lossy(kept.get(..end).unwrap_or_default()).into_owned(), end < bytes.len())
}
