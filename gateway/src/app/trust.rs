//! What jobs need to trust weir's certificates, where their users can read it.

use crate::tls::{Authority, TrustBundle};
use anyhow::Result;
use std::path::{Path, PathBuf};

/// Files in a directory below /run/weir, removed when dropped.
pub(super) struct Trust {
    bundle: TrustBundle,
    directory: PathBuf,
    left: bool,
}

impl Trust {
    /// Writes what clients of every kind read.
    pub(super) fn give(authority: &Authority, name: &str) -> Result<Self> {
        let directory = Path::new("/run/weir").join(format!("trust-{name}"));
        let mut bundle = TrustBundle::write_for(&directory, authority, &|name| std::env::var_os(name))?;
        // A trust store for Java costs a JVM's start: only for jobs that look like needing it.
        if std::env::var_os("JAVA_HOME").is_some() {
            bundle.add_java()?;
        }
        Ok(Self { bundle, directory, left: false })
    }

    /// The variables that name them.
    pub(super) fn environment(&self) -> Vec<(String, String)> {
        self.bundle.environment()
    }

    /// Where they are.
    pub(super) fn directory(&self) -> &Path {
        &self.directory
    }

    /// Leaves the files to another gateway of the same name.
    pub(super) fn leave(mut self) {
        self.left = true;
    }
}

impl Drop for Trust {
    fn drop(&mut self) {
        if !self.left
            && let Err(error) = std::fs::remove_dir_all(&self.directory)
        {
            tracing::warn!(%error, path = %self.directory.display(), "cannot remove the job's trust store");
        }
    }
}
