//! What came of running things again, for people and machines.

use super::against::Against;
use super::compare::Difference;
use super::exact::{Exact, Obstacle};
use super::plan::{Impossible, Plan};
use crate::replay::text;
use comfy_table::Table;
use comfy_table::presets::NOTHING;
use gateway_core::model::ids::SessionId;
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Operations that differ, and that were not run, are told up to so many; the others are counted.
const MOST: usize = 1_000;
/// Of a statement so many characters are shown.
const SHOWN: usize = 200;

/// All of it.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The sessions that were run again.
    pub sessions: Vec<SessionId>,
    /// On which server.
    pub against: String,
    /// How many operations were sent, or were to be.
    pub operations: u64,
    /// How many gave the same again.
    pub same: u64,
    /// How many of these weir had refused: the server was made to fail in their place, as it was then.
    pub refused: u64,
    /// How many the server had passed over behind an error: they had no effect, and were not sent.
    pub passed_over: u64,
    /// Those that gave something else.
    pub differences: Vec<Differing>,
    /// More of them.
    pub more_differences: u64,
    /// Those that could not be run from what was recorded.
    pub not_run: Vec<Impossible>,
    /// More of them.
    pub more_not_run: u64,
    /// How many were not sent since their connection had been lost.
    pub lost: u64,
    /// Whether the limit ended it.
    pub stopped_at_limit: bool,
    /// Configured targets of which it could not be said that this is another server, beside its address.
    pub not_compared_with: Vec<String>,
}

/// An operation that gave something else.
#[derive(Clone, Debug, Serialize)]
pub struct Differing {
    /// Its session.
    pub session: SessionId,
    /// Its number there.
    pub operation: u64,
    /// The beginning of its text.
    pub statement: String,
    /// In what.
    pub differences: Vec<Difference>,
}

impl Report {
    /// Of nothing yet.
    #[must_use]
    pub fn new(plan: &Plan, against: &Against) -> Self {
        Self {
            sessions: plan.sessions.iter().map(|planned| planned.session).collect(),
            against: against.place(),
            operations: 0,
            same: 0,
            refused: 0,
            passed_over: 0,
            differences: Vec::new(),
            more_differences: 0,
            not_run: Vec::new(),
            more_not_run: 0,
            lost: 0,
            stopped_at_limit: false,
            not_compared_with: Vec::new(),
        }
    }

    /// Whether all gave the same again, as far as it was to be run.
    #[must_use]
    pub const fn is_same(&self) -> bool {
        self.differences.is_empty() && self.more_differences == 0 && self.lost == 0
    }

    /// How many operations gave something else.
    #[must_use]
    pub const fn differing(&self) -> u64 {
        self.differences.len() as u64 + self.more_differences
    }

    pub(super) fn differ(&mut self, differing: Differing) {
        if self.differences.len() < MOST {
            self.differences.push(differing);
        } else {
            self.more_differences += 1;
        }
    }

    pub(super) fn not_run(&mut self, impossible: Impossible) {
        if self.not_run.len() < MOST {
            self.not_run.push(impossible);
        } else {
            self.more_not_run += 1;
        }
    }

    /// As people read it.
    #[must_use]
    pub fn text(&self) -> String {
        let mut out = String::new();
        let mut line = |text: String| {
            // Writing into memory can't fail.
            let _written = writeln!(out, "{text}").is_ok();
        };
        if !self.differences.is_empty() {
            line(self.table().to_string());
        }
        if self.more_differences > 0 {
            line(format!("and {} more that differ", self.more_differences));
        }
        for (why, count) in self.reasons() {
            line(format!("{count} not run: {}", why.words()));
        }
        if self.lost > 0 {
            line(format!("{} not run: the connection had been lost", self.lost));
        }
        if self.stopped_at_limit {
            line("stopped at --limit".to_owned());
        }
        let not_run = self.not_run.len() as u64 + self.more_not_run + self.lost;
        let sessions = self.sessions.len();
        let summary = format!(
            "{} of {} on {}: {} the same, {} different, {not_run} not run",
            counted(self.operations, "operation"),
            counted(sessions as u64, "session"),
            text::line(self.against.as_bytes()),
            self.same,
            self.differing(),
        );
        line(summary);
        out
    }

    fn table(&self) -> Table {
        let mut table = Table::new();
        table.load_preset(NOTHING);
        table.set_header(["SESSION", "OPERATION", "STATEMENT", "DIFFERS IN", "RECORDED", "NOW"]);
        for differing in &self.differences {
            for difference in &differing.differences {
                let [what, recorded, now] = columns(difference);
                let statement = text::line(differing.statement.as_bytes());
                let operation = format!("#{}", differing.operation);
                table.add_row([differing.session.to_string(), operation, statement, what, recorded, now]);
            }
        }
        table
    }

    fn reasons(&self) -> BTreeMap<Obstacle, u64> {
        let mut reasons = BTreeMap::new();
        for impossible in &self.not_run {
            *reasons.entry(impossible.why).or_default() += 1;
        }
        reasons
    }
}

impl Differing {
    pub(super) fn of(exact: &Exact) -> Self {
        let text = String::from_utf8_lossy(exact.text());
        let mut statement: String = text.chars().take(SHOWN).collect();
        if statement.len() < text.len() {
            statement.push('…');
        }
        Self { session: exact.session, operation: exact.operation, statement, differences: Vec::new() }
    }
}

/// What, then, now.
fn columns(difference: &Difference) -> [String; 3] {
    let shown = |text: &Option<String>| text.as_ref().map_or_else(|| "-".to_owned(), |text| text::line(text.as_bytes()));
    match difference {
        Difference::Error { recorded, found, message } => {
            let now = [shown(found), message.as_ref().map(|text| text::line(text.as_bytes())).unwrap_or_default()].join(" ");
            ["error".to_owned(), shown(recorded), now.trim().to_owned()]
        }
        Difference::Tag { statement, recorded, found } => [which("tag", *statement), shown(recorded), shown(found)],
        Difference::Rows { statement, recorded, found } => [which("rows", *statement), recorded.to_string(), found.to_string()],
        Difference::Row(row) => [format!("row {}", row.row), shown(&row.recorded), shown(&row.found)],
        Difference::Order => ["order of rows".to_owned(), "-".to_owned(), "-".to_owned()],
        Difference::Digest => ["digest of rows".to_owned(), "-".to_owned(), "-".to_owned()],
        Difference::Connection { why } => ["connection".to_owned(), "-".to_owned(), text::line(why.as_bytes())],
        Difference::Copy => ["data of a copy".to_owned(), "-".to_owned(), "not recorded".to_owned()],
    }
}

fn which(what: &str, statement: usize) -> String {
    if statement == 1 { what.to_owned() } else { format!("{what} of statement {statement}") }
}

fn counted(count: u64, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}
