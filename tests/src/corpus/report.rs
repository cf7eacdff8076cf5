//! What a replay found, as the chore prints it.

use super::compare::{Finding, Kind};
use serde_json::{Value, json};

/// Counts and findings.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// Texts that were inspected.
    pub statements: usize,
    /// Those that the server accepted.
    pub accepted: usize,
    /// Relations that a text's effects reached beyond what it names: inheritance, keys, triggers, functions, views.
    pub apart: usize,
    /// Relations behind views that a text locked or changed, and that were looked for in its questions.
    pub behind: usize,
    /// Those that could not be: what was defined is not committed yet, or code that can't be seen has run.
    pub behind_unknown: usize,
    /// How often a catalog was read for that.
    pub catalogs: usize,
    /// Accepted texts whose locks were not looked at: they can't run in a transaction.
    pub by_tag_only: usize,
    /// One for each accepted text that was wrong or not understood.
    pub findings: Vec<Finding>,
}

impl Report {
    /// How many of this kind there are.
    #[must_use]
    pub fn count(&self, kind: Kind) -> usize {
        self.findings.iter().filter(|finding| finding.kind == kind).count()
    }

    /// `{statements, accepted, wrong, unparsed, ambiguous}`
    #[must_use]
    pub fn summary(&self) -> Value {
        json!({
            "statements": self.statements,
            "accepted": self.accepted,
            "wrong": self.count(Kind::Wrong),
            "unparsed": self.count(Kind::Unparsed),
            "ambiguous": self.count(Kind::Ambiguous),
        })
    }

    /// All of it.
    #[must_use]
    pub fn json(&self) -> Value {
        let kind = |kind| match kind {
            Kind::Wrong => "wrong",
            Kind::Unparsed => "unparsed",
            Kind::Ambiguous => "ambiguous",
        };
        let row = |finding: &Finding| json!({ "kind": kind(finding.kind), "file": finding.file, "text": finding.text, "why": finding.why });
        let rows: Vec<_> = self.findings.iter().map(row).collect();
        json!({
            "summary": self.summary(),
            "machine": crate::machine(),
            "apart": self.apart,
            "behind": self.behind,
            "behind_unknown": self.behind_unknown,
            "by_tag_only": self.by_tag_only,
            "catalogs": self.catalogs,
            "rows": rows,
        })
    }

    /// Whether nothing is wrong and at most one accepted text in a hundred was not understood.
    #[must_use]
    pub fn good(&self) -> bool {
        let open = self.count(Kind::Unparsed) + self.count(Kind::Ambiguous);
        self.accepted > 0 && self.count(Kind::Wrong) == 0 && open * 100 <= self.accepted
    }
}
