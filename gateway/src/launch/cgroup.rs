//! The job's cgroup, removed with whatever runs in it; and what killed gateways left of theirs.

use super::{LaunchError, Result};
use crate::capture;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often, a hundredth of a second each, it is looked whether what was killed is gone.
const LOOKS: usize = 200;

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
    // Its jobs' are below it.
    let whole = Cgroup { path: path.to_owned() };
    whole.processes()
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

    /// How many processes are in it, and in what a job has made below it (a container runtime does).
    #[must_use]
    pub fn processes(&self) -> usize {
        processes(&self.path)
    }

    /// Kills every process in it, and below, and waits, for two seconds at most, until they are gone.
    pub fn kill(&self) {
        if let Err(error) = std::fs::write(self.path.join("cgroup.kill"), "1") {
            tracing::warn!(%error, cgroup = %self.path.display(), "cannot kill what is left in the cgroup");
        }
        for _ in 0..LOOKS {
            if self.processes() == 0 {
                return;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        if self.processes() > 0 {
            self.kill();
        }
        if let Err(error) = remove(&self.path) {
            tracing::warn!(%error, cgroup = %self.path.display(), "cannot remove the cgroup");
        }
    }
}

fn processes(path: &Path) -> usize {
    let own = std::fs::read_to_string(path.join("cgroup.procs")).map_or(0, |text| text.lines().count());
    own + below(path).iter().map(|path| processes(path)).sum::<usize>()
}

/// Removes a cgroup, and those below it first.
fn remove(path: &Path) -> std::io::Result<()> {
    below(path).iter().try_for_each(|path| remove(path))?;
    std::fs::remove_dir(path)
}

fn below(path: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(path).into_iter().flatten().flatten();
    entries.filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path()).collect()
}
