//! Marks of records that are open, or about to be removed: an empty file for each, so that a start finds what a dead gateway left
//! without reading the whole log; and of each gateway that runs, so that it finds whether one died at all.

use super::EvidenceError;
use crate::durable;
use gateway_core::model::ids::SessionId;
use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use tempfile::NamedTempFile;

/// The directory of these files.
pub(super) struct Marks(PathBuf);

/// That this process writes here. It is gone with its value; whoever dies leaves it, and holds it no more.
pub(super) struct Presence(#[expect(dead_code, reason = "its file and its lock go with it")] NamedTempFile);

/// How the marks of gateways begin.
const GATEWAY: &str = "gateway-";

impl Marks {
    /// Below `state_dir`, made where it is missing.
    pub(super) fn open(state_dir: &Path) -> Result<Self, EvidenceError> {
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

    /// Says that this process writes here, and finds the marks of those that died. The caller holds the log, so that nobody takes
    /// a mark that is not held yet for that of a dead one.
    pub(super) fn begin(&self) -> Result<(Presence, Vec<PathBuf>), EvidenceError> {
        let failed = EvidenceError::io("mark the gateway in", &self.0);
        let mut died = Vec::new();
        for entry in fs::read_dir(&self.0).map_err(&failed)? {
            let path = entry.map_err(&failed)?.path();
            let is_gateway = path.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with(GATEWAY));
            if is_gateway && File::open(&path).is_ok_and(|file| file.try_lock().is_ok()) {
                died.push(path);
            }
        }
        let own = tempfile::Builder::new().prefix(GATEWAY).tempfile_in(&self.0).map_err(&failed)?;
        own.as_file().lock().map_err(&failed)?;
        self.sync().map_err(&failed)?;
        Ok((Presence(own), died))
    }

    /// Brings to the disk which are open.
    pub(super) fn sync(&self) -> io::Result<()> {
        durable::sync_names(&self.0)
    }

    fn path(&self, session: SessionId) -> PathBuf {
        self.0.join(session.to_string())
    }
}
