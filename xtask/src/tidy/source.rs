//! The files that tidy looks at: what git tracks or would track.

use anyhow::{Context as _, bail};
use std::path::Path;
use std::process::Command;

/// One text file of the workspace.
#[derive(Debug)]
pub(super) struct SourceFile {
    /// Its path below the workspace's root, with `/`.
    pub(super) path: String,
    pub(super) text: String,
}

impl SourceFile {
    #[cfg(test)]
    pub(super) fn new(path: &str, text: &str) -> Self {
        Self { path: path.to_owned(), text: text.to_owned() }
    }

    /// Its lines of code up to its tests, each with its number; comments are left out.
    pub(super) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text
            .lines()
            .take_while(|line| !line.starts_with("#[cfg(test)]"))
            .enumerate()
            .map(|(index, line)| (index + 1, line.split("//").next().unwrap_or_default()))
    }
}

/// Every text file that git tracks, or would if it were added now.
pub(super) fn tracked(root: &Path) -> anyhow::Result<Vec<SourceFile>> {
    let listed = Command::new("git")
        .args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"])
        .current_dir(root)
        .output()
        .context("can't start git to list the files")?;
    if !listed.status.success() {
        bail!("git can't list the files: {}", String::from_utf8_lossy(&listed.stderr).trim());
    }
    let mut files = Vec::new();
    for path in String::from_utf8_lossy(&listed.stdout).split('\0').filter(|path| !path.is_empty()) {
        // One that is deleted but still tracked, or that is not text, has nothing to check.
        if let Ok(text) = std::fs::read_to_string(root.join(path)) {
            files.push(SourceFile { path: path.to_owned(), text });
        }
    }
    Ok(files)
}
