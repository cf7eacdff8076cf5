//! JSON that is pinned: what varies is replaced by rule, and the rest compared with a committed file.

use serde_json::{Map, Value};
use std::fs;
use std::path::PathBuf;

/// With this variable set, the files are written instead of compared.
const WRITE: &str = "WEIR_SNAPSHOTS";

/// What a value has to be for its key's placeholder to take its place.
type Rule = (&'static [&'static str], &'static str, fn(&Value) -> bool);

/// By key. A value of another kind stays, and so differs from what is committed.
const RULES: &[Rule] = &[
    (
        &[
            "started",
            "last",
            "time",
            "asked_at",
            "ended_at",
            "since",
            "until",
            "at",
            "made_at",
            "told_at",
            "seen_at",
            "opened",
            "statement_at",
            "last_seen",
            "first",
            "set_at",
            "lifted_at",
        ],
        "<time>",
        is_time,
    ),
    (
        &["duration_ms", "client_reset_ms", "server_ms", "milliseconds", "server_us", "took_ms"],
        "<milliseconds>",
        Value::is_number,
    ),
    (&["pid", "started_boottime_ns", "cgroup_id", "cancels", "ticks", "backend"], "<number>", Value::is_u64),
    // How much came into one block, and how often the log was signed, is a matter of time.
    (&["blocks", "log_entries", "log_signed"], "<number>", Value::is_u64),
    (&["clock"], "<text>", Value::is_string),
    (&["digest"], "<digest>", Value::is_string),
    (&["bytes", "bytes_from_client", "bytes_from_server", "bytes_beyond", "offset"], "<bytes>", Value::is_u64),
    // A secret of the test's own is in a folder of its own.
    (&["source", "credential"], "<source>", |value| value.as_str().is_some_and(|text| text.starts_with("file:/"))),
    (&["client", "original"], "<address>", is_address),
    (&["host"], "<host>", Value::is_string),
    (&["gateway_version"], "<version>", Value::is_string),
    (&["available", "trusts"], "<boolean>", Value::is_boolean),
    (&["why"], "<text>", Value::is_string),
    (&["by", "person"], "<person>", Value::is_string),
    // What a decision rested on: its form is not promised.
    (&["facts"], "<facts>", Value::is_object),
    (&["token"], "<token>", |value| value.as_str().is_some_and(|text| text.starts_with("weir_"))),
    // Where this host has Java's tools, or that it has none.
    (&["how"], "<text>", |value| value.as_str().is_some_and(|text| text.contains("keytool"))),
    (&["event"], "<event>", |value| value.as_str().is_some_and(|text| text.starts_with("s-"))),
    (&["unit", "container"], "<name or null>", |value| value.is_string() || value.is_null()),
];

/// Where the snapshot of this name is.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    [env!("CARGO_MANIFEST_DIR"), "snapshots", &format!("{name}.json")].iter().collect()
}

/// Compares with the snapshot of this name, or writes it where `WEIR_SNAPSHOTS=write`.
pub fn compare(name: &str, told: &Value) -> Result<(), String> {
    let told = shape("", told);
    let shown = format!("{told:#}\n");
    if std::env::var_os(WRITE).is_some_and(|value| value == "write") {
        return fs::write(path(name), shown).map_err(|error| format!("{name}: {error}"));
    }
    let committed = fs::read_to_string(path(name)).map_err(|error| format!("{name}: {error}: see {WRITE} in CONTRIBUTING.md"))?;
    // The order of keys means nothing.
    let same = serde_json::from_str::<Value>(&committed).is_ok_and(|committed| committed == told);
    if same { Ok(()) } else { Err(format!("{name}.json:{}", difference(&committed, &shown))) }
}

/// The value with what varies replaced.
#[must_use]
pub fn shape(key: &str, value: &Value) -> Value {
    let rule = RULES.iter().find(|(keys, _, is)| keys.contains(&key) && is(value));
    match value {
        _ if let Some((_, placeholder, _)) = rule => Value::from(*placeholder),
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(key, value)| (key.clone(), shape(key, value))).collect::<Map<_, _>>())
        }
        // How many programs stand between the test and the job is the machine's affair.
        Value::Array(values) if key == "ancestry" => values.iter().take(1).map(|value| shape("", value)).collect(),
        Value::Array(values) => values.iter().map(|value| shape(key, value)).collect(),
        Value::String(text) if text.starts_with('/') => Value::from("<path>"),
        Value::String(text) => Value::from(words(text)),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
    }
}

/// Text with its ids, hashes, paths and the host's name replaced.
fn words(text: &str) -> String {
    let mut told = String::with_capacity(text.len());
    let mut rest = text;
    while !rest.is_empty() {
        if rest.starts_with('/') && told.ends_with(|before: char| before.is_whitespace() || before == '"') {
            told.push_str("<path>");
            rest = &rest[rest.find(|letter: char| letter.is_whitespace() || ":\"".contains(letter)).unwrap_or(rest.len())..];
            continue;
        }
        let end = rest.find(|letter: char| !(letter.is_ascii_alphanumeric() || letter == '-')).unwrap_or(rest.len());
        let (word, after) = rest.split_at(end);
        told.push_str(match word {
            _ if is_id(word, "s-") => "<session>",
            _ if is_id(word, "r-") => "<run>",
            _ if is_id(word, "h-") => "<hold>",
            _ if is_id(word, "g-") => "<grant>",
            _ if is_id(word, "b-") => "<block>",
            _ if is_id(word, "x-") => "<break-glass>",
            _ if is_id(word, "t-") => "<token>",
            _ if is_id(word, "l-") => "<legal-hold>",
            _ if is_id(word, "o-") => "<take-over>",
            _ if is_id(word, "a-") => "<alert>",
            _ if is_id(word, "z-") => "<snooze>",
            _ if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) => "<hash>",
            _ => word,
        });
        // What names a workload is the machine's: a host, then a unit, a user's program, …
        if told.starts_with("spiffe://") && told.ends_with("/host") {
            return told + "/<host>/<workload>";
        }
        let next = after.chars().next().map_or(0, char::len_utf8);
        told.push_str(&after[..next]);
        rest = &after[next..];
    }
    told
}

/// An id is a prefix and 13 characters of Crockford's base 32.
fn is_id(word: &str, prefix: &str) -> bool {
    let letter = |byte: u8| byte.is_ascii_digit() || (byte.is_ascii_lowercase() && !b"ilou".contains(&byte));
    word.strip_prefix(prefix).is_some_and(|rest| rest.len() == 13 && rest.bytes().all(letter))
}

/// RFC 3339 in UTC, of whatever precision.
fn is_time(value: &Value) -> bool {
    value.as_str().is_some_and(|text| {
        let shape: String = text.chars().map(|letter| if letter.is_ascii_digit() { '0' } else { letter }).collect();
        shape.starts_with("0000-00-00T00:00:00.") && shape.ends_with("0Z")
    })
}

fn is_address(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.parse::<std::net::SocketAddr>().is_ok())
}

/// The lines around the first one that differs.
fn difference(committed: &str, shown: &str) -> String {
    let (before, after): (Vec<_>, Vec<_>) = (committed.lines().collect(), shown.lines().collect());
    let at = before.iter().zip(&after).take_while(|(one, other)| one == other).count();
    let around = |lines: &[&str], mark: &str| {
        let shown = lines.iter().skip(at.saturating_sub(2)).take(6).map(|line| format!("\n{mark} {line}"));
        shown.collect::<String>()
    };
    format!("{}{}{}", at + 1, around(&before, "-"), around(&after, "+"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_varies_is_replaced_and_what_is_of_another_kind_stays() {
        for (told, expected) in [
            (json!({"time": "2026-11-23T11:53:26.615Z"}), json!({"time": "<time>"})),
            (json!({"time": 1}), json!({"time": 1})),
            (json!({"bytes": 2194, "duration_ms": null}), json!({"bytes": "<bytes>", "duration_ms": null})),
            (json!({"bytes": "2194"}), json!({"bytes": "2194"})),
            (json!({"client": "127.0.0.1:5"}), json!({"client": "<address>"})),
            (json!({"why": "", "available": true}), json!({"why": "<text>", "available": "<boolean>"})),
            (json!("in /x/y.cedar:1: no\n  /z"), json!("in <path>:1: no\n  <path>")),
            (json!(["see weir why s-6h0gg7xazrc12/1", "/x"]), json!(["see weir why <session>/1", "<path>"])),
            (json!("spiffe://a/host/vm/user/x"), json!("spiffe://a/host/<host>/<workload>")),
            (json!("s-6h0gg7xazrcl2 ü"), json!("s-6h0gg7xazrcl2 ü")),
        ] {
            assert_eq!(shape("", &told), expected);
        }
    }

    #[test]
    fn the_first_difference_is_told_with_its_line() {
        assert_eq!(difference("a\nb\nc", "a\nx\nc"), "2\n- a\n- b\n- c\n+ a\n+ x\n+ c");
    }
}
