//! `cargo xtask bench render`: docs/performance.md and its charts follow from the report that is kept beside the results.

use super::pages::{Report, between};
use super::{control_page, evidence_page, goals_page, hook_page, mask};
use crate::run::{root, tell};
use anyhow::{Context as _, bail};
use clap::Args;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf, absolute};

/// From what, and whether to write.
#[derive(Args)]
pub(crate) struct Options {
    /// The report of `bench all` [default: docs/results/bench-all.json].
    #[arg(long)]
    json: Option<PathBuf>,
    /// Writes nothing; fails where the pages are not those of the report.
    #[arg(long)]
    check: bool,
}

const REPORT: &str = "docs/results/bench-all.json";
const MASK_REPORT: &str = "docs/results/bench-mask.json";
const CONTROL_REPORT: &str = "docs/results/bench-control.json";
const EVIDENCE_REPORT: &str = "docs/results/bench-evidence.json";
const PAGE: &str = "docs/performance.md";
const CHARTS: &str = "docs/performance";

pub(super) fn render(options: &Options) -> anyhow::Result<()> {
    let report = options.json.as_deref().map_or_else(|| Ok(root().join(REPORT)), absolute)?;
    let stale = stale(&report)?;
    if options.check && !stale.is_empty() {
        let names: Vec<String> = stale.iter().map(|(file, _)| file.display().to_string()).collect();
        bail!("not what {} says: {}; `cargo xtask bench render` makes them anew", report.display(), names.join(", "));
    }
    for (file, text) in stale {
        tell(&format!("writes {}", file.display()));
        fs::create_dir_all(file.parent().unwrap_or(&file))?;
        fs::write(&file, text).with_context(|| file.display().to_string())?;
    }
    Ok(())
}

/// The files that are another than this report makes them, and what they should be.
fn stale(report: &Path) -> anyhow::Result<Vec<(PathBuf, String)>> {
    let all: Value = serde_json::from_str(&read(report)?)?;
    let report = Report::of(all.clone());
    let page = root().join(PAGE);
    let hook = hook_page::table(&all.get("hook").context("the report has no hook")?.to_string())?;
    let text = between(&report.page(&read(&page)?)?, "hook", &hook)?;
    let text = between(&text, "goals", &goals_page::table(&all)?)?;
    let text = between(&text, "mask", &mask::table(&read(&root().join(MASK_REPORT))?)?)?;
    let text = between(&text, "control", &control_page::table(&read(&root().join(CONTROL_REPORT))?)?)?;
    let evidence = root().join(EVIDENCE_REPORT);
    // The page has that part once it was measured.
    let text = match evidence.exists() {
        true => between(&text, "evidence", &evidence_page::table(&read(&evidence)?)?)?,
        false => text,
    };
    let mut files = vec![(page.clone(), text)];
    files.extend(
        report.charts()?.into_iter().chain(goals_page::charts(&all)?).map(|(name, text)| (root().join(CHARTS).join(name), text)),
    );
    files.retain(|(file, text)| fs::read_to_string(file).ok().as_ref() != Some(text));
    Ok(files)
}

fn read(file: &Path) -> anyhow::Result<String> {
    fs::read_to_string(file).with_context(|| file.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pages_are_those_of_the_report_that_is_kept() {
        let stale: Vec<_> = stale(&root().join(REPORT)).unwrap().into_iter().map(|(file, _)| file).collect();
        assert_eq!(stale, Vec::<PathBuf>::new(), "`cargo xtask bench render` makes them anew");
    }
}
