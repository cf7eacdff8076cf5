//! Cases for rules: events in, findings expected, as data beside the rules.

use super::rule::{Rules, duration};
use super::{Engine, RuleProblem, State, Told};
use crate::event::{Context, Decision, Event, Outcome as Came, Statement, What};
use crate::model::ids::SessionId;
use crate::model::time::Timestamp;
use serde::Deserialize;
use std::time::Duration;

/// Cases of one file, and events of one case.
const CASES: usize = 1024;
const EVENTS: usize = 100_000;

/// A case.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// What it shows.
    pub name: String,
    /// The events, in their order.
    events: Vec<Given>,
    /// What has to be found, in this order, and nothing else.
    #[serde(default)]
    expect: Vec<Expected>,
}

/// Some events that are alike.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Given {
    at: Timestamp,
    /// How often, and how far apart.
    times: Option<u32>,
    every: Option<String>,
    kind: Sort,
    workload: String,
    #[serde(default)]
    target: Option<String>,
    #[serde(default)]
    environment: Option<String>,
    #[serde(default)]
    run: Option<String>,
    #[serde(default)]
    grade: Option<String>,
    #[serde(default)]
    executable: Option<String>,
    #[serde(default)]
    sha256: Option<String>,
    #[serde(default)]
    user: Option<String>,
    #[serde(default)]
    database: Option<String>,
    #[serde(default)]
    domain: Option<String>,
    #[serde(default)]
    command: Option<String>,
    #[serde(default)]
    tables: Vec<String>,
    #[serde(default)]
    revealed: Vec<String>,
    #[serde(default)]
    rows: u64,
    #[serde(default)]
    bytes: u64,
    #[serde(default)]
    finding: String,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Sort {
    Opened,
    Barred,
    Statement,
    Failed,
    Refused,
    Finding,
}

#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Expected {
    rule: String,
    #[serde(default)]
    workload: String,
    #[serde(default)]
    subject: String,
    #[serde(default = "one")]
    count: u64,
}

const fn one() -> u64 {
    1
}

/// What came of a case.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The case.
    pub name: String,
    /// What was found.
    pub found: Vec<Told>,
    /// What is wrong, where it failed.
    pub problem: Option<String>,
}

#[derive(Deserialize)]
struct Page {
    #[serde(default, rename = "case")]
    cases: Vec<Case>,
}

/// The cases of a file of rules.
///
/// # Errors
/// What is wrong with them.
pub fn cases(file: &str, text: &str) -> Result<Vec<Case>, RuleProblem> {
    let page: Page = toml::from_str(text).map_err(|error| RuleProblem::of_toml(file, text, &error))?;
    if page.cases.len() > CASES {
        let what = format!("{} cases: at most {CASES}", page.cases.len());
        return Err(RuleProblem { file: file.to_owned(), line: None, what });
    }
    Ok(page.cases)
}

/// Runs cases, each with rules that have seen nothing.
#[must_use]
pub fn run(rules: &Rules, cases: &[Case]) -> Vec<Outcome> {
    cases.iter().map(|case| case.run(rules)).collect()
}

impl Case {
    fn run(&self, rules: &Rules) -> Outcome {
        let mut engine = Engine::new(rules.clone(), State::default());
        let mut found = Vec::new();
        let mut last = Timestamp::default();
        let all = self.events.iter().flat_map(Given::events).take(EVENTS);
        for (number, event) in all.enumerate() {
            let event = Event { uid: format!("{}-{number}", event.session), ..event };
            last = last.max(event.at);
            engine.hear(&event, event.at, &mut |told| found.push(told));
        }
        // Once more when everything is over.
        engine.tick(last.after(rules.group).after(Duration::from_secs(3600)), &mut |told| found.push(told));
        let seen = found.iter().map(|told| Expected {
            rule: told.rule.clone(),
            workload: told.workload.clone(),
            subject: told.subject.clone(),
            count: told.count,
        });
        let seen: Vec<_> = seen.collect();
        let fits = |(seen, expected): (&Expected, &Expected)| {
            let open = |text: &str, of: &str| text.is_empty() || text == of;
            seen.rule == expected.rule
                && seen.count == expected.count
                && open(&expected.workload, &seen.workload)
                && open(&expected.subject, &seen.subject)
        };
        let right = seen.len() == self.expect.len() && seen.iter().zip(&self.expect).all(fits);
        let words = |of: &[Expected]| {
            let each = of.iter().map(|of| format!("{} of {} ({}) x{}", of.rule, of.workload, of.subject, of.count));
            each.collect::<Vec<_>>().join("; ")
        };
        let problem = (!right).then(|| format!("expected [{}], found [{}]", words(&self.expect), words(&seen)));
        Outcome { name: self.name.clone(), found, problem }
    }
}

impl Given {
    fn events(&self) -> impl Iterator<Item = Event> + '_ {
        let every = self.every.as_deref().and_then(duration).unwrap_or_default();
        (0..self.times.unwrap_or(1)).map(move |number| self.event(self.at.after(every.saturating_mul(number))))
    }

    fn event(&self, at: Timestamp) -> Event {
        let session = SessionId::new(at, 1);
        let context = Context {
            run: self.run.clone().or_else(|| Some(format!("r-{}", at.0 / 1_000_000_000))),
            workload: Some(self.workload.clone()),
            target: self.target.clone(),
            environment: self.environment.clone(),
            grade: self.grade.clone(),
            executable: self.executable.clone(),
            executable_sha256: self.sha256.clone(),
            user: self.user.clone(),
            database: self.database.clone(),
            domain: self.domain.clone(),
            ..Context::default()
        };
        let statement = |outcome| {
            What::Statement(Box::new(Statement {
                outcome,
                command: self.command.clone(),
                accesses: self.tables.iter().map(|table| format!("read {table}")).collect(),
                revealed: self.revealed.clone(),
                rows: self.rows,
                bytes: self.bytes,
                ..Statement::default()
            }))
        };
        let decided = |outcome: &str| What::Opened { decision: Decision { outcome: outcome.to_owned(), ..Decision::default() } };
        let what = match self.kind {
            Sort::Opened => decided("allow"),
            Sort::Barred => decided("deny"),
            Sort::Statement => statement(Came::Done),
            Sort::Failed => statement(Came::Failed),
            Sort::Refused => statement(Came::Refused),
            Sort::Finding => {
                What::Finding { name: self.finding.clone(), alert: None, fields: serde_json::json!({ "name": self.domain }) }
            }
        };
        Event { uid: String::new(), at, host: "case".to_owned(), session, context, what }
    }
}
