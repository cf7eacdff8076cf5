//! Rules as a file has them, and what can be wrong with them.

use crate::event::Severity;
use crate::model::time::seconds;
use serde::{Deserialize, Serialize};
use std::time::Duration;
use toml::Spanned;

/// Rules of one file.
const RULES: usize = 256;
/// Characters of a rule's name, and of a pattern.
const NAME: usize = 64;
const PATTERN: usize = 256;
/// Patterns of one list.
const PATTERNS: usize = 256;
/// The longest window, and the longest time to learn.
const LONGEST: Duration = Duration::from_secs(400 * 86_400);

/// Something that is wrong with a file of rules.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {what}", line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct RuleProblem {
    /// The file.
    pub file: String,
    /// The line, from 1; none where the file as a whole is meant.
    pub line: Option<usize>,
    /// What is wrong, and what to do.
    pub what: String,
}

/// A set of rules, checked.
#[derive(Clone, Debug, PartialEq)]
pub struct Rules {
    /// They, in the order of the file.
    pub rules: Vec<Rule>,
    /// How long a workload is watched before what is unusual for it is told.
    pub learn: Duration,
    /// How long the same is one finding.
    pub group: Duration,
    /// Findings that are told in an hour; the rest are summed up in one.
    pub budget: u32,
}

/// What a rule does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A measure of this hour, beside the same hours of the days before.
    Volume,
    /// A measure of this minute, beside the minutes before in which the workload did something.
    Rate,
    /// Something that the workload never had.
    FirstSeen,
    /// Something that is on a list.
    DenyList,
    /// So many events of these codes within a window.
    Count,
    /// An identity that is known worse than before.
    Grade,
    /// A session in an hour of the day in which the workload has none.
    OffHours,
}

/// What a rule looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// Statements that ran.
    Statements,
    /// Rows that the server sent.
    Rows,
    /// Bytes that the server sent.
    Bytes,
    /// Rows in which a class was shown unmasked.
    Revealed,
    /// Statements that failed.
    Errors,
    /// Statements and sessions that were refused.
    Refusals,
    /// Sessions that began.
    Sessions,
    /// A table, as `TARGET/SCHEMA.TABLE`.
    Table,
    /// A target.
    Target,
    /// An executable's path.
    Executable,
    /// An executable's bytes, by path and hash.
    Binary,
    /// A database, as `TARGET/DATABASE`.
    Database,
    /// A user at a target, as `TARGET/USER`.
    User,
    /// A host name.
    Domain,
    /// A statement's command.
    Command,
}

impl Of {
    /// Those that are measured.
    pub const MEASURES: [Self; 7] =
        [Self::Statements, Self::Rows, Self::Bytes, Self::Revealed, Self::Errors, Self::Refusals, Self::Sessions];
    /// Those that are named.
    pub const THINGS: [Self; 8] =
        [Self::Table, Self::Target, Self::Executable, Self::Binary, Self::Database, Self::User, Self::Domain, Self::Command];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Statements => "statements",
            Self::Rows => "rows",
            Self::Bytes => "bytes",
            Self::Revealed => "revealed",
            Self::Errors => "errors",
            Self::Refusals => "refusals",
            Self::Sessions => "sessions",
            Self::Table => "table",
            Self::Target => "target",
            Self::Executable => "executable",
            Self::Binary => "binary",
            Self::Database => "database",
            Self::User => "user",
            Self::Domain => "domain",
            Self::Command => "command",
        }
    }
}

/// What is to be done about what is found.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Then {
    /// It is told.
    #[default]
    Tell,
    /// It is told, and the workload is blocked.
    Block,
    /// It is told, and the run is killed.
    Kill,
}

/// The events that a rule looks at: all that are given must fit; a list fits where one of its patterns does.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct When {
    /// The workload's name, or its SPIFFE id.
    pub workload: Vec<String>,
    /// The target.
    pub target: Vec<String>,
    /// The target's environment.
    pub environment: Vec<String>,
    /// Who answers for the workload.
    pub owner: Vec<String>,
    /// How the identity is known.
    pub grade: Vec<String>,
}

/// A rule.
#[derive(Clone, Debug, PartialEq)]
pub struct Rule {
    /// Its name.
    pub name: String,
    /// What it does.
    pub kind: Kind,
    /// What it looks at, where its kind looks at something.
    pub of: Option<Of>,
    /// At whose.
    pub when: When,
    /// How much what it finds matters.
    pub severity: Severity,
    /// From how many deviations, or from which count on; for `off_hours`, the share of sessions that is unusual.
    pub threshold: f64,
    /// Below this a measure is never told.
    pub least: f64,
    /// The window of a count.
    pub window: Duration,
    /// The codes of a count: `finding.canary`, `statement.refused`.
    pub codes: Vec<String>,
    /// The patterns of a list.
    pub values: Vec<String>,
    /// What is to be done.
    pub then: Then,
}

/// A file as written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Page {
    learn: Option<String>,
    group: Option<String>,
    budget: Option<u32>,
    #[serde(default, rename = "rule")]
    rules: Vec<Written>,
    #[expect(dead_code, reason = "cases are read by themselves")]
    #[serde(default, rename = "case")]
    cases: Vec<toml::Value>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Written {
    name: Spanned<String>,
    kind: Kind,
    of: Option<Of>,
    #[serde(default)]
    when: When,
    severity: Severity,
    threshold: Option<f64>,
    least: Option<f64>,
    window: Option<String>,
    #[serde(default)]
    codes: Vec<String>,
    #[serde(default)]
    values: Vec<String>,
    #[serde(default)]
    then: Then,
}

impl Rules {
    /// Reads a file.
    ///
    /// # Errors
    /// Everything that is wrong with it.
    pub fn read(file: &str, text: &str) -> Result<Self, Vec<RuleProblem>> {
        let problem = |line: Option<usize>, what: String| RuleProblem { file: file.to_owned(), line, what };
        let page: Page = toml::from_str(text).map_err(|error| vec![RuleProblem::of_toml(file, text, &error)])?;
        let mut problems = Vec::new();
        let mut time = |key: &str, text: Option<&str>, usual: Duration| match text.map(duration) {
            None => usual,
            Some(Some(time)) => time,
            Some(None) => {
                problems
                    .push(problem(None, format!("`{key}` is a time such as \"45s\", \"30m\", \"2h\" or \"7d\", at most 400d")));
                usual
            }
        };
        let learn = match page.learn.as_deref() {
            // Whoever wants to hear of the very first.
            Some("0s") => Duration::ZERO,
            learn => time("learn", learn, Duration::from_secs(7 * 86_400)),
        };
        let group = time("group", page.group.as_deref(), Duration::from_secs(3600));
        let budget = page.budget.unwrap_or(20);
        if page.rules.len() > RULES {
            problems.push(problem(None, format!("{} rules: at most {RULES}", page.rules.len())));
        }
        let mut rules: Vec<Rule> = Vec::new();
        for written in page.rules.into_iter().take(RULES) {
            let (line, name) = (Some(line(text, written.name.span().start)), written.name.get_ref().clone());
            if rules.iter().any(|rule| rule.name == name) {
                problems.push(problem(line, format!("two rules are named {name:?}")));
            }
            match written.checked() {
                Ok(rule) => rules.push(rule),
                Err(wrong) => problems.extend(wrong.into_iter().map(|what| problem(line, format!("rule {name:?}: {what}")))),
            }
        }
        if problems.is_empty() { Ok(Self { rules, learn, group, budget }) } else { Err(problems) }
    }
}

impl RuleProblem {
    /// What TOML itself says.
    pub(super) fn of_toml(file: &str, text: &str, error: &toml::de::Error) -> Self {
        let line = error.span().map(|span| line(text, span.start));
        Self { file: file.to_owned(), line, what: error.message().to_owned() }
    }
}

fn line(text: &str, at: usize) -> usize {
    text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1
}

/// A time that is not too long: `45s`, `30m`, `2h`, `7d`.
#[must_use]
pub fn duration(text: &str) -> Option<Duration> {
    seconds(text).map(Duration::from_secs).filter(|time| *time <= LONGEST)
}

impl Written {
    fn checked(self) -> Result<Rule, Vec<String>> {
        let mut wrong = Vec::new();
        let Self { name, kind, of, when, severity, threshold, least, window, codes, values, then } = self;
        let name = name.into_inner();
        let fine = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_' | '.');
        if name.is_empty() || name.len() > NAME || !name.chars().all(fine) {
            wrong.push(format!("its name has 1 to {NAME} letters, digits, `-`, `_` and `.`"));
        }
        let may_be: &[Of] = match kind {
            Kind::Volume | Kind::Rate => &Of::MEASURES,
            Kind::FirstSeen | Kind::DenyList => &Of::THINGS,
            Kind::Count | Kind::Grade | Kind::OffHours => &[],
        };
        if of.is_some_and(|of| !may_be.contains(&of)) || of.is_none() && !may_be.is_empty() {
            let names: Vec<_> = may_be.iter().map(|of| of.name()).collect();
            wrong.push(match names.as_slice() {
                [] => "`of` goes with the kinds volume, rate, first_seen and deny_list".to_owned(),
                names => format!("`of` has to be one of {}", names.join(", ")),
            });
        }
        let usual = match kind {
            Kind::Volume | Kind::Rate => 4.0,
            Kind::Count => 1.0,
            Kind::OffHours => 0.02,
            Kind::FirstSeen | Kind::DenyList | Kind::Grade => 0.0,
        };
        let (threshold, least) = (threshold.unwrap_or(usual), least.unwrap_or(0.0));
        if !(threshold.is_finite() && threshold >= 0.0 && least.is_finite() && least >= 0.0) {
            wrong.push("`threshold` and `least` are numbers from 0 on".to_owned());
        }
        if kind == Kind::OffHours && threshold > 1.0 {
            wrong.push("`threshold` of off_hours is a share, from 0 to 1".to_owned());
        }
        for (list, has, word) in [(&codes, kind == Kind::Count, "codes"), (&values, kind == Kind::DenyList, "values")] {
            match (has, list.is_empty()) {
                (true, true) => wrong.push(format!("`{word}` is missing: what it is to look for")),
                (false, false) => wrong.push(format!("`{word}` does not go with its kind")),
                (true, false) | (false, true) => {}
            }
        }
        let lists = [&codes, &values, &when.workload, &when.target, &when.environment, &when.owner, &when.grade];
        if lists.iter().any(|list| list.len() > PATTERNS || list.iter().any(|one| one.len() > PATTERN || one.is_empty())) {
            wrong.push(format!("a list has at most {PATTERNS} patterns of 1 to {PATTERN} characters"));
        }
        let window = window.as_deref().map(duration);
        if window == Some(None) || window.is_some() && kind != Kind::Count {
            wrong.push("`window` goes with count, and is a time such as \"10m\"".to_owned());
        }
        let window = window.flatten().unwrap_or(Duration::from_secs(600));
        if wrong.is_empty() {
            Ok(Rule { name, kind, of, when, severity, threshold, least, window, codes, values, then })
        } else {
            Err(wrong)
        }
    }
}

/// Whether a text fits a pattern, in which `*` stands for anything; letters' case does not count.
#[must_use]
pub fn fits(pattern: &str, text: &str) -> bool {
    let (pattern, text) = (pattern.to_lowercase(), text.to_lowercase());
    let mut parts = pattern.split('*');
    let Some(mut rest) = text.strip_prefix(parts.next().unwrap_or_default()) else { return false };
    let mut last = None;
    for part in parts {
        if let Some(before) = last.replace(part) {
            let Some(at) = rest.find(before) else { return false };
            rest = rest.get(at + before.len()..).unwrap_or_default();
        }
    }
    last.map_or(rest.is_empty(), |last| rest.ends_with(last))
}
