//! The job's cgroup, removed with whatever runs in it; and what killed gateways left of theirs.

use super::{LaunchError, Result};
use crate::capture;
use std::path::{Path, PathBuf};

/// Removes what gateways that were killed have left below `parent`: their jobs' cgroups, with the
/// processes in them, which nobody intercepts any more. Says how many processes were ended.
#[must_use]
pub fn sweep(parent: &Path) -> usize {
    let mut ended = 0;
    for entry in std::fs::read_dir(parent).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let pid = name.to_str().and_then(|name| name.strip_prefix("weir-")?.parse::<u32>().ok());
        if let Some(pid) = pid
            && !Path::new("/proc").join(pid.to_string()).exists()
        {
            ended += remove_left(&entry.path());
            let routes = capture::remove_left_routes(pid);
            tracing::info!(pid, routes, "swept what a killed gateway left");
            // It is there only where a target had weir's own certificates.
            let _removed = std::fs::remove_dir_all(format!("/run/weir/trust-{pid}")).is_ok();
        }
    }
    ended
}

/// Ends what runs in a dead gateway's cgroup and removes it.
fn remove_left(path: &Path) -> usize {
    let below = std::fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir());
    let jobs: Vec<_> = below.map(|entry| Cgroup { path: entry.path() }).collect();
    let whole = Cgroup { path: path.to_owned() };
    let ended = jobs.iter().map(Cgroup::processes).sum::<usize>() + whole.processes();
    if ended > 0 {
        whole.kill();
    }
    // The jobs' cgroups go first.
    drop(jobs);
    ended
}

/// A cgroup that is removed, with whatever still runs in it, when dropped.
#[derive(Debug)]
pub struct Cgroup {
    path: PathBuf,
}

impl Cgroup {
    /// Makes a cgroup, whose parent must exist.
    ///
    /// # Errors
    /// Where it can't be made.
    pub fn create(path: PathBuf) -> Result<Self> {
        std::fs::create_dir(&path)
            .map_err(|error| LaunchError::system(format!("cannot make the cgroup {} (are you root?)", path.display()), error))?;
        Ok(Self { path })
    }

    /// Where it is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// How many processes are in it.
    #[must_use]
    pub fn processes(&self) -> usize {
        std::fs::read_to_string(self.path.join("cgroup.procs")).map_or(0, |text| text.lines().count())
    }

    /// Kills every process in it and waits, for two seconds at most, until they are gone.
    pub fn kill(&self) {
        if let Err(error) = std::fs::write(self.path.join("cgroup.kill"), "1") {
            tracing::warn!(%error, cgroup = %self.path.display(), "cannot kill what is left in the cgroup");
        }
        for _ in 0..200 {
            if self.processes() == 0 {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.processes() > 0 {
            self.kill();
        }
        if let Err(error) = std::fs::remove_dir(&self.path) {
            tracing::warn!(%error, cgroup = %self.path.display(), "cannot remove the cgroup");
        }
    }
}
