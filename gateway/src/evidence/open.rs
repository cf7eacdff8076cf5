//! Which records are open: an empty file for each, so that a start finds what a dead gateway left without reading the whole log.

use super::EvidenceError;
use crate::durable;
use gateway_core::model::ids::SessionId;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

/// The directory of these files.
pub(super) struct OpenRecords(PathBuf);

impl OpenRecords {
    /// Below `state_dir`, made where it is missing.
    pub(super) fn new(state_dir: &Path) -> Result<Self, EvidenceError> {
        Self::below(state_dir, "open")
    }

    /// The same of records that are about to be removed.
    pub(super) fn removing(state_dir: &Path) -> Result<Self, EvidenceError> {
        Self::below(state_dir, "removing")
    }

    fn below(state_dir: &Path, name: &str) -> Result<Self, EvidenceError> {
        let directory = state_dir.join(name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&directory);
        made.map_err(EvidenceError::io("create", &directory))?;
        Ok(Self(directory))
    }

    /// A record is about to be begun.
    pub(super) fn add(&self, session: SessionId) -> Result<(), EvidenceError> {
        let path = self.path(session);
        let made = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path);
        made.map(drop).map_err(EvidenceError::io("create", &path))
    }

    /// It is closed in the log.
    pub(super) fn remove(&self, session: SessionId) {
        if let Err(error) = fs::remove_file(self.path(session))
            && error.kind() != io::ErrorKind::NotFound
        {
            // The next start finds it closed.
            tracing::warn!(%session, %error, "the mark of an open record stays");
        }
    }

    /// Whether this one is.
    pub(super) fn has(&self, session: SessionId) -> bool {
        self.path(session).exists()
    }

    /// All that are open, and live or left by a dead gateway.
    pub(super) fn all(&self) -> Result<BTreeSet<SessionId>, EvidenceError> {
        let entries = fs::read_dir(&self.0).map_err(EvidenceError::io("read", &self.0))?;
        let name = |entry: io::Result<fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
        Ok(entries.filter_map(name).collect())
    }

    /// Brings to the disk which are open.
    pub(super) fn sync(&self) -> io::Result<()> {
        durable::sync_names(&self.0)
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.0.join(session.to_string())
    }
}
