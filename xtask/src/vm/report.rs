//! What the guest found: a row a check, told to the reader and written as JSON.

use super::Accelerator;
use crate::machine;
use crate::run::tell;
use anyhow::Context as _;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::time::Duration;

/// One run of the machine.
pub(super) struct Report {
    kernel: String,
    seconds: u64,
    accelerator: Accelerator,
    checks: Vec<Check>,
    facts: Value,
}

struct Check {
    name: String,
    outcome: Outcome,
    seconds: u64,
    note: String,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Outcome {
    Passed,
    Failed,
}

impl Report {
    /// Reads what the guest has written: `checks.tsv` has a line a check (name, exit status, seconds, note), each
    /// `*.json` a fact by its own name.
    pub(super) fn read(results: &Path, kernel: &str, took: Duration, accelerator: Accelerator) -> anyhow::Result<Self> {
        let lines = fs::read_to_string(results.join("checks.tsv")).unwrap_or_default();
        let checks = lines.lines().map(Check::read).collect::<anyhow::Result<_>>()?;
        let mut facts = json!({});
        for entry in fs::read_dir(results)?.flatten() {
            let path = entry.path();
            if path.extension().is_some_and(|end| end == "json")
                && let Some(name) = path.file_stem().and_then(|name| name.to_str())
                && let Ok(value) = serde_json::from_str::<Value>(&fs::read_to_string(&path)?)
            {
                facts[name] = value;
            }
        }
        Ok(Self { kernel: kernel.to_owned(), seconds: took.as_secs(), accelerator, checks, facts })
    }

    /// Whether every check passed, and there were some.
    pub(super) fn holds(&self) -> bool {
        !self.checks.is_empty() && self.checks.iter().all(|check| check.outcome == Outcome::Passed)
    }

    /// A line a check.
    pub(super) fn tell(&self) {
        for check in &self.checks {
            let Check { name, outcome, seconds, note } = check;
            tell(&format!("vm: {:6} {name} ({seconds} s) {note}", outcome.word()));
        }
        tell(&self.summary().to_string());
    }

    /// The whole, as JSON.
    pub(super) fn write(&self, file: &Path) -> anyhow::Result<()> {
        let rows: Vec<_> = self.checks.iter().map(Check::json).collect();
        let report = json!({ "machine": machine::machine(), "summary": self.summary(), "rows": rows, "facts": self.facts });
        fs::write(file, format!("{report:#}\n")).with_context(|| file.display().to_string())
    }

    fn summary(&self) -> Value {
        let count = |outcome| self.checks.iter().filter(|check| check.outcome == outcome).count();
        json!({
            "guest_kernel": self.kernel,
            "accelerator": match self.accelerator { Accelerator::Kvm => "kvm", Accelerator::Tcg => "tcg" },
            "seconds": self.seconds,
            "checks": self.checks.len(),
            "passed": count(Outcome::Passed),
            "failed": count(Outcome::Failed),
        })
    }
}

impl Check {
    fn read(line: &str) -> anyhow::Result<Self> {
        let mut fields = line.splitn(4, '\t');
        let mut next = || fields.next().with_context(|| format!("a line of checks.tsv is cut: {line}"));
        let (name, status, seconds) = (next()?.to_owned(), next()?, next()?.parse()?);
        let outcome = if status == "0" { Outcome::Passed } else { Outcome::Failed };
        Ok(Self { name, outcome, seconds, note: fields.next().unwrap_or_default().to_owned() })
    }

    fn json(&self) -> Value {
        json!({ "check": self.name, "outcome": self.outcome.word(), "seconds": self.seconds, "note": self.note })
    }
}

impl Outcome {
    const fn word(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "FAILED",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(lines: &str) -> Report {
        let checks = lines.lines().map(|line| Check::read(line).expect("a whole line")).collect();
        Report { kernel: "6.1".to_owned(), seconds: 1, accelerator: Accelerator::Tcg, checks, facts: json!({}) }
    }

    #[test]
    fn nothing_that_ran_is_no_success() {
        assert!(!report("").holds());
        assert!(report("kernel\t0\t1\tLinux 6.1").holds());
        assert!(!report("kernel\t0\t1\t\ncapture\t101\t9\t3 failed").holds());
        assert!(Check::read("capture\t101").is_err());
        assert_eq!(report("a\t0\t1\ta note\twith a tab").checks[0].note, "a note\twith a tab");
    }
}
