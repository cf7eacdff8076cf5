//! `cargo xtask regress`: PostgreSQL's own regression and isolation suites, once directly and once
//! through `weir run` with everything permitted. What a test prints has to be the same to the byte.

pub(crate) mod server;
mod suite;

use crate::run::{root, run, tell};
use crate::sql_corpus::{fetch, place};
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf, absolute};
use suite::{Suite, Way};

/// Which suites run, and where the report goes.
#[derive(Args)]
pub(crate) struct Options {
    /// Where the report goes, as JSON.
    #[arg(long)]
    json: Option<PathBuf>,
    /// Another schedule for the regression suite, which then runs alone.
    #[arg(long)]
    schedule: Option<PathBuf>,
}

/// How a test's two outputs compare.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Verdict {
    Same,
    /// The outputs differ, and the suite has both among the answers that it expects.
    Explained,
    Different,
}

/// A test's verdict and, where its outputs differ, their difference.
struct Row {
    suite: &'static str,
    test: String,
    verdict: Verdict,
    difference: String,
}

/// Lines of a difference that are printed and reported.
const SHOWN: usize = 40;

pub(crate) fn regress(options: &Options) -> anyhow::Result<()> {
    let sources = fetch(&place())?;
    let weir = weir()?;
    let kept = root().join("target/regress");
    let schedule = options.schedule.as_deref().map(absolute).transpose()?;
    let json = options.json.as_deref().map(absolute).transpose()?;
    let suites: &[Suite] = if schedule.is_some() { &[Suite::Regression] } else { &Suite::ALL };
    let mut rows = Vec::new();
    for &suite in suites {
        let ground = suite::Ground::lay(&sources, &kept, &weir, schedule.as_deref())?;
        let direct = ground.run(suite, Way::Direct)?;
        let through = ground.run(suite, Way::Weir)?;
        for test in ground.tests(suite)? {
            rows.push(compare(suite, &test, &kept, &direct, &through)?);
        }
    }
    report(&rows, json.as_deref())
}

/// The program: the one that WEIR_BINARY names, or a fresh build.
fn weir() -> anyhow::Result<PathBuf> {
    if let Some(named) = std::env::var_os("WEIR_BINARY") {
        return Ok(absolute(named)?);
    }
    run("build", "cargo", &["build", "--locked", "-p", "gateway"])?;
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from);
    Ok(absolute(target.join("debug/weir"))?)
}

/// Whether the driver was content with each test.
type Content = BTreeMap<String, bool>;

fn compare(suite: Suite, test: &str, kept: &Path, direct: &Content, through: &Content) -> anyhow::Result<Row> {
    let file = |way: Way| kept.join(suite.name()).join(way.name()).join(format!("{test}.out"));
    let (one, other) = (file(Way::Direct), file(Way::Weir));
    let printed = |file: &Path| fs::read(file).ok().filter(|output| !output.is_empty());
    let same = matches!((printed(&one), printed(&other)), (Some(one), Some(other)) if one == other);
    let expected = |content: &Content| content.get(test).copied().unwrap_or_default();
    let verdict = match (same, expected(direct) && expected(through)) {
        (true, _) => Verdict::Same,
        (false, true) => Verdict::Explained,
        (false, false) => Verdict::Different,
    };
    let difference = if same { String::new() } else { suite::difference(&one, &other, SHOWN)? };
    Ok(Row { suite: suite.name(), test: test.to_owned(), verdict, difference })
}

fn report(rows: &[Row], json: Option<&Path>) -> anyhow::Result<()> {
    for row in rows.iter().filter(|row| row.verdict != Verdict::Same) {
        tell(&format!("{} {}: {}\n{}", row.verdict.name(), row.suite, row.test, row.difference));
    }
    let summary = summary(rows);
    if let Some(file) = json {
        let rows: Vec<_> = rows.iter().map(Row::json).collect();
        let report = json!({ "summary": summary, "rows": rows });
        fs::write(file, format!("{report:#}\n")).with_context(|| file.display().to_string())?;
    }
    tell(&summary.to_string());
    if rows.is_empty() || rows.iter().any(|row| row.verdict == Verdict::Different) {
        bail!("weir makes a difference, or nothing ran");
    }
    Ok(())
}

fn summary(rows: &[Row]) -> Value {
    let count = |verdict: Verdict| rows.iter().filter(|row| row.verdict == verdict).count();
    json!({
        "tests": rows.len(),
        "same": count(Verdict::Same),
        "explained": count(Verdict::Explained),
        "different": count(Verdict::Different),
    })
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

impl Row {
    fn json(&self) -> Value {
        let why = (self.verdict == Verdict::Explained).then_some("the suite expects either output");
        json!({
            "suite": self.suite,
            "test": self.test,
            "verdict": self.verdict.name(),
            "why": why,
            "difference": self.difference,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_output_that_is_not_there_is_a_difference() {
        let kept = std::env::temp_dir().join(format!("weir-regress-test-{}", std::process::id()));
        let write = |way: Way, test: &str, text: &str| {
            let folder = kept.join(Suite::Isolation.name()).join(way.name());
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join(format!("{test}.out")), text).unwrap();
        };
        for (test, one, other) in [("a", "1", "1"), ("b", "1", "2"), ("c", "1", "2"), ("d", "", "")] {
            write(Way::Direct, test, one);
            write(Way::Weir, test, other);
        }
        let content: Content = [("b", true), ("c", false)].map(|(test, content)| (test.to_owned(), content)).into();
        let verdict = |test: &str| compare(Suite::Isolation, test, &kept, &content, &content).unwrap().verdict.name();
        assert_eq!(["a", "b", "c", "d", "e"].map(verdict), ["same", "explained", "different", "different", "different"]);
        fs::remove_dir_all(&kept).unwrap();
    }
}
