//! A cgroup of the test's own, removed with it.

use crate::wait_until;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

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

/// SIGKILL leaves the cgroup of `weir run`, named for its pid; its job ends with its gateway.
///
/// # Errors
/// Where something still runs there after a while, which is told and then ended.
pub fn remove_left_cgroups(pid: u32) -> Result<(), String> {
    let left = cgroup2_mount().join(format!("weir-{pid}"));
    let until = Instant::now() + Duration::from_secs(20);
    while !removed(&left) {
        if Instant::now() > until {
            let running = running(&left);
            std::fs::write(left.join("cgroup.kill"), "1").ok();
            wait_until("the cgroup to go", 20, || removed(&left).then_some(()));
            return Err(running);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Removes a cgroup and those below it, as far as nothing runs in them; whether all are gone.
fn removed(cgroup: &Path) -> bool {
    let below = std::fs::read_dir(cgroup).into_iter().flatten().flatten().map(|entry| entry.path());
    below.filter(|path| path.is_dir()).for_each(|path| {
        removed(&path);
    });
    std::fs::remove_dir(cgroup).is_ok() || !cgroup.exists()
}

/// What runs in a cgroup and below it: states, and where in the kernel.
fn running(cgroup: &Path) -> String {
    let mut told = format!("{}:", cgroup.display());
    for pid in std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default().lines() {
        let about = |name: &str| std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap_or_default();
        let command = about("cmdline").replace('\0', " ");
        told.push_str(&format!(" [{pid} {command}; {}; {}]", about("stat"), about("wchan")));
    }
    for entry in std::fs::read_dir(cgroup).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        told.push_str(&running(&entry.path()));
    }
    told
}
