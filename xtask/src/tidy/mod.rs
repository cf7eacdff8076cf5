//! `cargo xtask tidy`: the house rules that no compiler checks. All breaches are told at once.

mod edges;
mod files;
mod protocols;
mod purity;
mod source;

use crate::run::{root, tell};
use anyhow::bail;
use source::SourceFile;

pub(crate) fn tidy() -> anyhow::Result<()> {
    let files = source::tracked(&root())?;
    let report = check(&files);
    for warning in &report.warnings {
        tell(&format!("warning: {warning}"));
    }
    for breach in &report.breaches {
        tell(&format!("error: {breach}"));
    }
    match report.breaches.len() {
        0 => Ok(()),
        count => bail!("tidy found {count} breaches of the house rules (CONTRIBUTING.md says why each is there)"),
    }
}

/// What was found.
#[derive(Debug, Default)]
struct Report {
    breaches: Vec<String>,
    warnings: Vec<String>,
}

impl Report {
    /// What `check` finds in one file of this path and text.
    #[cfg(test)]
    fn of(check: fn(&SourceFile, &mut Self), path: &str, text: &str) -> Self {
        let mut report = Self::default();
        check(&SourceFile::new(path, text), &mut report);
        report
    }

    fn breach(&mut self, file: &SourceFile, line: usize, what: &str) {
        self.breaches.push(format!("{}:{line}: {what}", file.path));
    }
}

fn check(files: &[SourceFile]) -> Report {
    let mut report = Report::default();
    for file in files {
        files::check(file, &mut report);
        edges::check(file, &mut report);
        purity::check(file, &mut report);
    }
    protocols::check(files, &mut report);
    report
}
