//! Which part of gateway/ may name which: data flows one way, and `app` alone knows every part.

use super::Report;
use super::source::SourceFile;

/// `(part, what it may use)`; what is absent is forbidden. In the order in which data flows.
const EDGES: &[(&str, &[&str])] = &[
    ("capture", &[]),
    ("netns", &["capture"]),
    ("origin", &["capture", "netns"]),
    ("identity", &["capture", "origin", "config", "https"]),
    ("tls", &[]),
    ("https", &["tls"]),
    ("credential", &[]),
    ("catalog", &["credential", "tls"]),
    ("evidence", &["https"]),
    ("replay", &["evidence"]),
    ("bundle", &["evidence", "ledger"]),
    ("rerun", &["evidence", "replay", "config", "credential", "catalog", "tls"]),
    ("auditing", &["evidence", "replay", "ledger", "config"]),
    ("index", &["evidence"]),
    ("incident", &["evidence", "index", "ledger"]),
    ("retention", &["evidence", "ledger"]),
    ("parse_pool", &[]),
    ("masking", &["catalog", "credential", "config"]),
    ("names", &["config", "evidence"]),
    ("ledger", &["capture", "evidence"]),
    (
        "session",
        &[
            "capture",
            "netns",
            "origin",
            "identity",
            "tls",
            "credential",
            "catalog",
            "evidence",
            "parse_pool",
            "names",
            "masking",
            "ledger",
            "config",
        ],
    ),
    ("accept", &["capture", "netns", "origin", "identity", "session"]),
    ("adopt", &[]),
    ("host", &["capture", "evidence", "config", "identity", "session", "names"]),
    ("notify", &["config", "credential", "evidence", "host", "https", "ledger"]),
    ("sink", &["config", "credential", "evidence", "https", "tls"]),
    (
        "control",
        &[
            "session",
            "host",
            "config",
            "summary",
            "replay",
            "ledger",
            "capture",
            "credential",
            "evidence",
            "notify",
            "index",
            "incident",
            "retention",
            "sink",
        ],
    ),
    ("detection", &["api", "config", "control", "evidence", "host", "ledger", "sink"]),
    ("people", &["control", "ledger", "config", "credential", "evidence", "https", "launch"]),
    ("api", &["control", "people", "tls"]),
    ("classify", &["catalog"]),
    ("summary", &["evidence"]),
    ("backtest", &["evidence", "ledger"]),
    ("launch", &["capture"]),
    (
        "cli",
        &[
            "bundle",
            "launch",
            "api",
            "people",
            "control",
            "app",
            "config",
            "credential",
            "backtest",
            "catalog",
            "classify",
            "detection",
            "evidence",
            "index",
            "incident",
            "replay",
            "rerun",
            "auditing",
            "ledger",
            "summary",
            "capture",
            "tls",
            "host",
            "https",
        ],
    ),
    // The sections' types live in the parts that use them.
    ("config", &["tls", "credential", "detection", "evidence", "notify", "sink"]),
    ("app", &["*"]),
    ("main", &["app", "cli"]),
    ("lib", &[]),
    ("durable", &[]),
    ("telemetry", &[]),
];

/// Parts that everyone may use.
const COMMON: [&str; 3] = ["telemetry", "durable", "error"];

pub(super) fn check(file: &SourceFile, report: &mut Report) {
    let Some(part) = part_of(&file.path) else { return };
    let Some((_, allowed)) = EDGES.iter().find(|(name, _)| *name == part) else {
        report.breach(
            file,
            1,
            &format!("`{part}` is not in the table of parts: add it to xtask/src/tidy/edges.rs with what it may use"),
        );
        return;
    };
    for (number, line) in file.code() {
        for used in used_parts(line) {
            let known = EDGES.iter().any(|(name, _)| *name == used);
            let fine = used == part || COMMON.contains(&used) || allowed.contains(&"*") || allowed.contains(&used);
            if known && !fine {
                report.breach(file, number, &format!("`{part}` may not use `{used}` (the table is in xtask/src/tidy/edges.rs)"));
            }
        }
    }
}

/// The part that a file of gateway/src belongs to: its folder, or its name.
fn part_of(path: &str) -> Option<&str> {
    let inside = path.strip_prefix("gateway/src/")?;
    let first = inside.split('/').next()?;
    Some(first.strip_suffix(".rs").unwrap_or(first))
}

/// The parts that `line` names, as `crate::part` or `weir::part`.
fn used_parts(line: &str) -> impl Iterator<Item = &str> {
    ["crate::", "weir::"].into_iter().flat_map(move |root| {
        line.match_indices(root).flat_map(move |(at, _)| {
            let foreign =
                line.get(..at).is_some_and(|before| before.ends_with(|last: char| last.is_alphanumeric() || last == '_'));
            let rest = if foreign { "" } else { line.get(at + root.len()..).unwrap_or_default() };
            heads(rest)
        })
    })
}

/// The first name of a path, or of each path in braces.
fn heads(rest: &str) -> Vec<&str> {
    let head = |text: &str| text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let Some(group) = rest.strip_prefix('{') else {
        return vec![rest.get(..head(rest)).unwrap_or_default()];
    };
    let mut depth = 0usize;
    let mut found = Vec::new();
    let mut fresh = true;
    for (at, character) in group.char_indices() {
        match character {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => fresh = true,
            _ if fresh && !character.is_whitespace() => {
                let path = group.get(at..).unwrap_or_default();
                found.push(path.get(..head(path)).unwrap_or_default());
                fresh = false;
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaches(path: &str, text: &str) -> usize {
        Report::of(check, path, text).breaches.len()
    }

    #[test]
    fn data_flows_one_way() {
        for (path, text) in [
            ("gateway/src/origin/mod.rs", "use crate::capture::Record;"),
            ("gateway/src/session/relay.rs", "use crate::session::live::Live;"),
            ("gateway/src/app.rs", "use crate::{accept, api::Server, session};"),
            ("gateway/src/main.rs", "fn main() { weir::cli::main() }"),
            ("gateway/src/tls/mod.rs", "use gateway_core::model;\n// crate::session has it"),
            ("gateway-core/src/policy/mod.rs", "use crate::session::X;"),
        ] {
            assert_eq!(breaches(path, text), 0, "{path}: {text}");
        }
        for (path, text, count) in [
            ("gateway/src/capture/mod.rs", "use crate::session::live;", 1),
            ("gateway/src/origin/socket.rs", "let x = crate::identity::name();", 1),
            ("gateway/src/session/relay.rs", "use crate::{control::Command, api, tls::{self, Mode}};", 2),
            ("gateway/src/tls/mod.rs", "use crate::app;", 1),
            ("gateway/src/novel/mod.rs", "fn new() {}", 1),
        ] {
            assert_eq!(breaches(path, text), count, "{path}: {text}");
        }
    }
}
