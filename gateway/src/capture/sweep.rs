//! Taking away, gently, what gateways left in the kernel that were killed.

use super::load::HOOKS;
use super::pins::{PINS, Pins, is_named_for_running};
use super::{cgroup, process, sys};
use gateway_common::JobTag;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Between two gateways' programs: a kernel that frees many at once may lock up.
const BREATH: Duration = Duration::from_millis(60);

/// What was found of gateways that no longer run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// The directories that were cleared.
    pub cleared: Vec<PathBuf>,
    /// The directories that could not be, and why.
    pub failed: Vec<(PathBuf, String)>,
}

/// Ends the processes of jobs that gateways left which were killed, then detaches and unpins what they left,
/// in the places under `/sys/fs/bpf/weir` whose name begins with `prefix`.
/// Those whose gateway runs are left alone.
pub fn sweep(prefix: &str) -> Swept {
    sweep_in(Path::new(PINS), prefix)
}

/// The same in another directory of a bpffs.
pub fn sweep_in(root: &Path, prefix: &str) -> Swept {
    sweep_those(root, |name| name.starts_with(prefix))
}

/// The same in the one place of this very name.
pub fn sweep_named(name: &str) -> Swept {
    sweep_those(Path::new(PINS), |other| other == name)
}

fn sweep_those(root: &Path, is_meant: impl Fn(&str) -> bool) -> Swept {
    let mut swept = Swept::default();
    for entry in std::fs::read_dir(root).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let path = entry.path();
        let meant = name.to_str().is_some_and(&is_meant);
        if !meant || is_named_for_running(&path) || gateway_of(&path).is_some() {
            continue;
        }
        let pins = Pins::open(&path);
        match end_jobs(&pins).and_then(|()| clear(&pins)) {
            Ok(()) => swept.cleared.push(path),
            Err(error) => swept.failed.push((path, error.to_string())),
        }
        std::thread::sleep(BREATH);
    }
    swept
}

/// The process of a running gateway whose pins these are.
#[must_use]
pub fn gateway_of(pins: &Path) -> Option<u32> {
    let map = sys::pinned(&pins.join("GATEWAYS")).ok()?;
    running(&map)
}

/// A gateway of the map that still runs, other than this process.
pub(super) fn running(gateways: &OwnedFd) -> Option<u32> {
    let gateways = sys::entries::<u32, u64>(gateways.as_fd()).ok()?;
    let mut others = gateways.into_iter().filter(|(pid, _)| *pid != std::process::id());
    others.find(|(pid, ticks)| process::is_running(*pid, *ticks)).map(|(pid, _)| pid)
}

/// How long the processes of one cgroup may take to die.
const PATIENCE: Duration = Duration::from_secs(2);

/// Ends what still runs in the jobs: without the hooks nobody would intercept it. An error leaves the hooks.
fn end_jobs(pins: &Pins) -> io::Result<()> {
    let Ok(Some(jobs)) = pins.get("JOBS") else { return Ok(()) };
    for (id, _) in sys::entries::<u64, JobTag>(jobs.as_fd())? {
        if let Some(path) = cgroup::cgroup_path(id) {
            cgroup::kill(&path, PATIENCE)?;
        }
    }
    Ok(())
}

/// Detaches every link, then removes every pin, then the directory.
pub(super) fn clear(pins: &Pins) -> io::Result<()> {
    let mut held = Vec::new();
    for hook in &HOOKS {
        if let Ok(Some(link)) = pins.get(hook.pin()) {
            // A tracepoint's link has no detaching; its program is freed with its pin.
            match sys::detach(link.as_fd()) {
                Err(error) if error.raw_os_error() != Some(libc::EOPNOTSUPP) => return Err(error),
                _ => {}
            }
            held.push(link);
        }
    }
    for name in pins.names() {
        pins.remove(&name)?;
    }
    pins.remove_directory()?;
    // The programs go one by one, detached.
    for link in held {
        drop(link);
        std::thread::yield_now();
    }
    Ok(())
}
