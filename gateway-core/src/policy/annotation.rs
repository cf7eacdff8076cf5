//! What a policy says beside allow and deny: a closed vocabulary, checked when it is loaded.

use crate::control::hold::Terms;
use crate::model::time;
use std::fmt;
use std::str::FromStr;

/// What is kept of results; a later one is fuller.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordLevel {
    /// Nothing.
    None,
    /// How many rows and bytes.
    Count,
    /// Their digest.
    Digest,
    /// The first rows.
    First(u64),
    /// All of them.
    All,
}

/// How loudly a decision is reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(missing_docs, reason = "each is its own word")]
pub enum Alert {
    Low,
    Medium,
    High,
}

impl Alert {
    /// Its name, as policies and records have it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// What a denial ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum OnDeny {
    /// The operation.
    #[default]
    Refuse,
    /// The session.
    KillSession,
    /// Every session of the run.
    KillRun,
}

/// A policy's annotations, checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Annotations {
    /// What it takes to be released, without the policy's own id.
    pub(super) hold: Option<Terms>,
    pub(super) on_deny: OnDeny,
    pub(super) alert: Option<Alert>,
    pub(super) record: Option<RecordLevel>,
    pub(super) message: Option<String>,
}

impl Annotations {
    /// Checks `pairs`; each problem says which annotation and what it may be.
    pub(super) fn read<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>, problems: &mut Vec<String>) -> Self {
        let mut read = Self::default();
        for (key, value) in pairs {
            let wrong = |may_be: &str| format!("@{key}({value:?}) is not understood: it may be {may_be}");
            match key {
                "id" => {}
                "message" => read.message = Some(value.to_owned()),
                "hold" => match hold(value) {
                    Ok(terms) => read.hold = Some(terms),
                    Err(why) => problems.push(format!("@hold({value:?}): {why}")),
                },
                "on_deny" => match value {
                    "refuse" => read.on_deny = OnDeny::Refuse,
                    "kill_session" => read.on_deny = OnDeny::KillSession,
                    "kill_run" => read.on_deny = OnDeny::KillRun,
                    _ => problems.push(wrong("refuse, kill_session or kill_run")),
                },
                "alert" => match value {
                    "low" => read.alert = Some(Alert::Low),
                    "medium" => read.alert = Some(Alert::Medium),
                    "high" => read.alert = Some(Alert::High),
                    _ => problems.push(wrong("low, medium or high")),
                },
                "record" => match value.strip_prefix("results=").and_then(|level| level.parse().ok()) {
                    Some(level) => read.record = Some(level),
                    None => problems.push(wrong("results=none, results=count, results=digest, results=first:N or results=all")),
                },
                _ => problems.push(format!(
                    "@{key} is not an annotation of weir: those are @id, @hold, @on_deny, @alert, @record and @message"
                )),
            }
        }
        read
    }
}

/// How long an operation waits where its policy does not say, in seconds.
const WAIT: u64 = 30 * 60;
/// How long an approval holds where its policy does not say, in seconds.
const VALID: u64 = 10 * 60;
/// Nothing waits, and no approval holds, for longer than a week.
const LONGEST: u64 = 7 * 24 * 60 * 60;

/// `group=dba,quorum=2,wait=30m,valid=10m`: a group is needed, the rest has defaults.
fn hold(text: &str) -> Result<Terms, String> {
    let mut terms = Terms { policy: String::new(), group: String::new(), quorum: 1, wait_seconds: WAIT, valid_seconds: VALID };
    for part in text.split(',') {
        let (key, value) = part.split_once('=').ok_or_else(|| format!("`{part}` is not key=value"))?;
        let (key, value) = (key.trim(), value.trim());
        let wrong = || format!("`{key}` can't be {value:?}");
        match key {
            "group" if !value.is_empty() => value.clone_into(&mut terms.group),
            "quorum" => terms.quorum = value.parse().ok().filter(|quorum| *quorum > 0).ok_or_else(wrong)?,
            "wait" => terms.wait_seconds = seconds(value).ok_or_else(wrong)?,
            "valid" => terms.valid_seconds = seconds(value).ok_or_else(wrong)?,
            "group" => return Err(wrong()),
            _ => return Err(format!("`{key}` is unknown: there are group, quorum, wait and valid")),
        }
    }
    if terms.group.is_empty() { Err("it names no group that may approve".to_owned()) } else { Ok(terms) }
}

/// `30m`, `45s`, `2h`: up to a week, and not in days.
fn seconds(text: &str) -> Option<u64> {
    time::seconds(text).filter(|seconds| *seconds <= LONGEST && !text.ends_with('d'))
}

impl FromStr for RecordLevel {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        match text {
            "none" => Ok(Self::None),
            "count" => Ok(Self::Count),
            "digest" => Ok(Self::Digest),
            "all" => Ok(Self::All),
            _ => {
                let rows = text.strip_prefix("first:").filter(|rows| rows.bytes().all(|byte| byte.is_ascii_digit()));
                rows.and_then(|rows| rows.parse().ok()).filter(|rows| *rows > 0).map(Self::First).ok_or(())
            }
        }
    }
}

impl fmt::Display for RecordLevel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.pad("none"),
            Self::Count => f.pad("count"),
            Self::Digest => f.pad("digest"),
            Self::First(rows) => write!(f, "first:{rows}"),
            Self::All => f.pad("all"),
        }
    }
}
