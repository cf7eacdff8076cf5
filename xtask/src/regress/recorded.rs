//! What weir recorded of a suite: without it, equal outputs could be those of a run past weir.

use anyhow::{Context as _, ensure};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;

/// The records of one run, in figures.
pub(super) struct Recorded {
    sessions: u64,
    statements: u64,
    rows: u64,
    frames: u64,
    bytes: u64,
    /// The session with the most statements: how many, how many decisions on them, and by which policies.
    longest: (u64, u64, BTreeSet<String>),
}

impl Recorded {
    /// Reads what the gateway of this configuration has recorded, and verifies it.
    ///
    /// # Errors
    /// When nothing was recorded, no statement was decided on, or a record is not whole.
    pub(super) fn read(weir: &Path, configuration: &Path) -> anyhow::Result<Self> {
        let ask = |words: &[&str]| ask(weir, configuration, words);
        let all = ask(&["session", "list"])?;
        let sessions = all.as_array().context("the list of sessions is no list")?;
        let sum = |key: &str| sessions.iter().filter_map(|session| session.get(key)?.as_u64()).sum();
        let statements = |session: &Value| session.get("statements").and_then(Value::as_u64).unwrap_or_default();
        let longest = sessions.iter().max_by_key(|session| statements(session)).context("weir recorded no session")?;
        let id = longest.get("session").and_then(Value::as_str).context("a session without its id")?;
        let shown = ask(&["session", "show", id])?;
        let decisions: Vec<_> = list(&shown, "statements").iter().flat_map(|statement| list(statement, "decisions")).collect();
        let policies = decisions.iter().flat_map(|decision| list(decision, "policies"));
        let policies = policies.filter_map(|policy| policy.as_str()).map(str::to_owned).collect();
        let recorded = Self {
            sessions: sessions.len() as u64,
            statements: sum("statements"),
            rows: sum("rows"),
            frames: sum("frames"),
            bytes: sum("bytes"),
            longest: (statements(longest), decisions.len() as u64, policies),
        };
        ensure!(
            recorded.statements > 0 && !decisions.is_empty(),
            "weir recorded no statement, or decided on none: did the suite go past it?"
        );
        ask(&["audit", "verify"])?;
        Ok(recorded)
    }

    pub(super) fn json(&self) -> Value {
        let (statements, decisions, policies) = &self.longest;
        json!({
            "sessions": self.sessions,
            "statements": self.statements,
            "rows": self.rows,
            "frames": self.frames,
            "bytes": self.bytes,
            "verified": true,
            "longest_session": { "statements": statements, "decisions": decisions, "policies": policies },
        })
    }
}

fn list<'a>(of: &'a Value, key: &str) -> &'a [Value] {
    of.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default()
}

fn ask(weir: &Path, configuration: &Path, words: &[&str]) -> anyhow::Result<Value> {
    let mut command = Command::new(weir);
    command.args(words).args(["--format", "json", "--config"]).arg(configuration);
    let output = command.output().with_context(|| format!("{command:?}"))?;
    ensure!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).with_context(|| format!("{command:?} printed no JSON"))
}
