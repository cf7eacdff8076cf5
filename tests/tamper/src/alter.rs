//! What is done to a store: files that are other, or gone, and where a check has to say so.

use crate::judge::findings;
use crate::place::{Finding, Place};
use crate::store::Base;
use anyhow::Context as _;
use std::collections::BTreeMap;
use std::fs;
use tempfile::TempDir;

/// One alteration of a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Alteration {
    pub(crate) what: String,
    /// By path: what the file has now; none where it is gone.
    pub(crate) files: BTreeMap<String, Option<Vec<u8>>>,
    /// Of each of these lists, one place has to be told.
    pub(crate) expected: Vec<Vec<Place>>,
    /// Checkpoints that left the host, which the check is given.
    pub(crate) outside: Vec<Vec<u8>>,
}

/// What a check made of it.
#[derive(Clone, Debug)]
pub(crate) struct Judged {
    pub(crate) what: String,
    pub(crate) store: &'static str,
    pub(crate) expected: Vec<Vec<Place>>,
    pub(crate) findings: Vec<Finding>,
}

impl Alteration {
    pub(crate) fn new(what: impl Into<String>) -> Self {
        Self { what: what.into(), ..Self::default() }
    }

    /// That file has these bytes.
    pub(crate) fn file(mut self, path: impl Into<String>, bytes: Vec<u8>) -> Self {
        self.files.insert(path.into(), Some(bytes));
        self
    }

    /// That file is not there.
    pub(crate) fn gone(mut self, path: impl Into<String>) -> Self {
        self.files.insert(path.into(), None);
        self
    }

    /// One of these places has to be told, besides what is expected already.
    pub(crate) fn at(mut self, places: impl IntoIterator<Item = Place>) -> Self {
        self.expected.push(places.into_iter().collect());
        self
    }

    /// The check is given this checkpoint.
    pub(crate) fn with_outside(mut self, checkpoint: &[u8]) -> Self {
        self.outside.push(checkpoint.to_vec());
        self
    }

    /// Whether it changes anything at all.
    pub(crate) fn alters(&self, base: &Base) -> bool {
        self.files.iter().any(|(path, bytes)| base.files.get(path) != bytes.as_ref())
    }
}

impl Judged {
    pub(crate) const fn missed(&self) -> bool {
        self.findings.is_empty()
    }

    pub(crate) fn misplaced(&self) -> bool {
        let told = |place: &Place| self.findings.iter().any(|finding| finding.place.covers(place));
        !self.missed() && !self.expected.iter().all(|places| places.iter().any(told))
    }
}

/// A store that alterations are tried on, one after the other: links to the true files, but for what is altered.
pub(crate) struct Bench<'b> {
    base: &'b Base,
    place: TempDir,
}

impl<'b> Bench<'b> {
    pub(crate) fn new(base: &'b Base) -> anyhow::Result<Self> {
        // Beside it, on the same file system.
        let beside = base.directory.parent().context("a store lies in a directory")?;
        let place = tempfile::Builder::new().prefix("bench-").tempdir_in(beside)?;
        let bench = Self { base, place };
        for path in base.files.keys() {
            bench.restore(path)?;
        }
        Ok(bench)
    }

    /// Tries one, and takes it back.
    pub(crate) fn judge(&self, alteration: Alteration) -> anyhow::Result<Judged> {
        for (path, bytes) in &alteration.files {
            let path = self.place.path().join(path);
            // What is written must not go through the link.
            if path.exists() {
                fs::remove_file(&path)?;
            }
            if let Some(bytes) = bytes {
                fs::create_dir_all(path.parent().context("a file lies in a directory")?)?;
                fs::write(&path, bytes)?;
            }
        }
        let findings = self.findings(&alteration.outside);
        for path in alteration.files.keys() {
            self.restore(path)?;
        }
        let Alteration { what, expected, .. } = alteration;
        Ok(Judged { what, store: self.base.name, expected, findings })
    }

    /// What is found in the store as it is.
    pub(crate) fn findings(&self, outside: &[Vec<u8>]) -> Vec<Finding> {
        findings(self.place.path(), self.base, &self.base.keys(), outside)
    }

    fn restore(&self, path: &str) -> anyhow::Result<()> {
        let (here, there) = (self.place.path().join(path), self.base.directory.join(path));
        if here.exists() {
            fs::remove_file(&here)?;
        }
        if self.base.files.contains_key(path) {
            fs::create_dir_all(here.parent().context("a file lies in a directory")?)?;
            fs::hard_link(&there, &here).with_context(|| there.display().to_string())?;
        }
        Ok(())
    }
}
