//! Where what a confined job writes to the host's own folders goes: made with the job, removed with it.

use super::{LaunchError, Result};
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// How many files are counted, at most.
const COUNTED: usize = 100_000;

/// A folder of layers, removed when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// Makes one below the state directory, and removes those of gateways that were killed.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn make(state_dir: &Path) -> Result<Self> {
        let all = state_dir.join("scratch");
        for entry in std::fs::read_dir(&all).into_iter().flatten().flatten() {
            let pid = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok());
            if pid.is_some_and(|pid| pid == std::process::id() || !Path::new("/proc").join(pid.to_string()).exists()) {
                remove(&entry.path());
            }
        }
        let path = all.join(std::process::id().to_string());
        let made = std::fs::DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|error| LaunchError::system(format!("{} can't be made", path.display()), error))?;
        // Layers name it from another root's point of view.
        let path = path.canonicalize().map_err(|error| LaunchError::system(format!("{} is gone", path.display()), error))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many files were written, changed or removed; 100 000 stands for "or more".
    #[must_use]
    pub fn files(&self) -> usize {
        let layers = std::fs::read_dir(&self.path).into_iter().flatten().flatten();
        let mut waiting: Vec<_> = layers.map(|layer| layer.path().join("upper")).collect();
        let mut count = 0;
        while let Some(folder) = waiting.pop() {
            for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
                if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                    waiting.push(entry.path());
                } else {
                    count += 1;
                }
                if count >= COUNTED {
                    return count;
                }
            }
        }
        count
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        remove(&self.path);
    }
}

fn remove(path: &Path) {
    if let Err(error) = std::fs::remove_dir_all(path) {
        tracing::warn!(%error, path = %path.display(), "cannot remove what a job wrote");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_files_are_counted_and_go_with_it() {
        let state = tempfile::tempdir().unwrap();
        let scratch = Scratch::make(state.path()).unwrap();
        let folder = scratch.path().join("0/upper/etc");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("passwd"), "").unwrap();
        assert_eq!(scratch.files(), 1);
        let path = scratch.path().to_owned();
        drop(scratch);
        assert!(!path.exists());
    }
}
