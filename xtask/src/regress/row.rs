//! A test's two outputs, compared.

use super::suite::{self, Ground, Suite, Way};
use serde_json::{Value, json};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// How a test's two outputs compare.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Same,
    /// The outputs differ, and the suite has both among the answers that it expects.
    Explained,
    Different,
}

/// A test's verdict and, where its outputs differ or have differed, their difference.
pub(super) struct Row {
    suite: Suite,
    pub(super) test: String,
    pub(super) verdict: Verdict,
    /// In how many runs of both ways.
    pub(super) attempts: usize,
    /// What it prints without weir was not the same each time.
    direct_varies: bool,
    /// Of the first run.
    difference: String,
}

/// Lines of a difference that are printed and reported.
const SHOWN: usize = 40;

impl Row {
    /// Compares what was printed at this attempt. `expected`: the driver was content, both ways.
    pub(super) fn of(ground: &Ground, suite: Suite, test: &str, attempt: usize, expected: bool) -> anyhow::Result<Self> {
        let file = |way: Way| output(ground, suite, way, attempt, test);
        let (verdict, difference) = compare(&file(Way::Direct), &file(Way::Weir), expected)?;
        Ok(Self { suite, test: test.to_owned(), verdict, attempts: attempt, direct_varies: false, difference })
    }

    /// The same test, run again.
    pub(super) fn again(&mut self, ground: &Ground, now: &Self) {
        let direct = |attempt| fs::read(output(ground, self.suite, Way::Direct, attempt, &self.test)).ok();
        self.direct_varies |= direct(1) != direct(now.attempts);
        self.verdict = now.verdict;
        self.attempts = now.attempts;
    }

    pub(super) fn json(&self) -> Value {
        json!({
            "suite": self.suite.name(),
            "test": self.test,
            "verdict": self.verdict.name(),
            "attempts": self.attempts,
            "why": self.why(),
            "difference": self.difference,
        })
    }

    fn why(&self) -> Option<String> {
        match (self.verdict, self.attempts, self.direct_varies) {
            (Verdict::Same, 1, _) | (Verdict::Different, ..) => None,
            (Verdict::Explained, ..) => Some("the suite expects either output".to_owned()),
            (Verdict::Same, attempts, true) => Some(format!("same at attempt {attempts}; without weir it varies, too")),
            (Verdict::Same, attempts, false) => Some(format!("same at attempt {attempts}; without weir it did not vary")),
        }
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (verdict, suite) = (self.verdict.name(), self.suite.name());
        write!(f, "{verdict} {suite}: {} (attempts: {})\n{}", self.test, self.attempts, self.difference)
    }
}

impl Verdict {
    const fn name(self) -> &'static str {
        match self {
            Self::Same => "same",
            Self::Explained => "explained",
            Self::Different => "different",
        }
    }
}

fn output(ground: &Ground, suite: Suite, way: Way, attempt: usize, test: &str) -> PathBuf {
    ground.printed(suite, way, attempt).join(format!("{test}.out"))
}

/// An output that is empty or not there is a difference.
fn compare(one: &Path, other: &Path, expected: bool) -> anyhow::Result<(Verdict, String)> {
    let printed = |file: &Path| fs::read(file).ok().filter(|output| !output.is_empty());
    if matches!((printed(one), printed(other)), (Some(one), Some(other)) if one == other) {
        return Ok((Verdict::Same, String::new()));
    }
    let verdict = if expected { Verdict::Explained } else { Verdict::Different };
    Ok((verdict, suite::difference(one, other, SHOWN)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_is_not_there_is_a_difference() {
        let folder = std::env::temp_dir().join(format!("weir-regress-test-{}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        for (one, other, expected, verdict) in [
            (Some("1"), Some("1"), false, Verdict::Same),
            (Some("1"), Some("2"), true, Verdict::Explained),
            (Some("1"), Some("2"), false, Verdict::Different),
            (Some(""), Some(""), false, Verdict::Different),
            (Some("1"), None, false, Verdict::Different),
            (None, None, false, Verdict::Different),
        ] {
            let write = |name: &str, text: Option<&str>| {
                let file = folder.join(name);
                match text {
                    Some(text) => fs::write(&file, text).unwrap(),
                    None => drop(fs::remove_file(&file)),
                }
                file
            };
            let (one, other) = (write("one", one), write("other", other));
            assert_eq!(compare(&one, &other, expected).unwrap().0, verdict, "{one:?} {other:?}");
        }
        fs::remove_dir_all(&folder).unwrap();
    }
}
