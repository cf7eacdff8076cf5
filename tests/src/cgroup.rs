//! A cgroup of the test's own, removed with it.

use crate::wait_until;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

/// Where cgroup v2 is mounted, as /proc/self/mounts says.
pub fn cgroup2_mount() -> PathBuf {
    let mounts = std::fs::read_to_string("/proc/self/mounts").expect("/proc is mounted");
    let mount = mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let (place, kind) = (fields.next()?, fields.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(place))
    });
    mount.expect("cgroup v2 is mounted")
}

/// A cgroup below the mount, named for this process.
#[derive(Debug)]
pub struct Cgroup(PathBuf);

impl Cgroup {
    /// Makes one. Needs root.
    pub fn create() -> Self {
        static MADE: AtomicU32 = AtomicU32::new(0);
        let name = format!("weir-test-{}-{}", std::process::id(), MADE.fetch_add(1, Ordering::Relaxed));
        let path = cgroup2_mount().join(name);
        std::fs::create_dir(&path).expect("root may make a cgroup");
        Self(path)
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Cgroup {
    fn drop(&mut self) {
        // A cgroup that still has processes stays: the next reader sees which test left it.
        std::fs::remove_dir(&self.0).ok();
    }
}

/// SIGKILL leaves the cgroup of `weir run`, named for its pid; its job has ended by then.
pub fn remove_left_cgroups(pid: u32) {
    let left = cgroup2_mount().join(format!("weir-{pid}"));
    for child in std::fs::read_dir(&left).into_iter().flatten().flatten() {
        if child.path().is_dir() {
            wait_until("the job's cgroup to empty", 20, || std::fs::remove_dir(child.path()).ok());
        }
    }
    if left.exists() {
        wait_until("the cgroup to go", 20, || std::fs::remove_dir(&left).ok());
    }
}
