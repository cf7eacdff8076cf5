//! The kernel's file systems in a job: a `/proc` of its own processes, nothing to steer the kernel by.
//!
//! By the user id alone, without any capability, root may write most of `/sys`, `/proc/sys` (`core_pattern` names
//! a program that the kernel runs as root) and cgroup files.

use super::masks::Masks;
use super::mounts::{self, Mount};
use super::plan::Plan;
use super::{LaunchError, Result};
use nix::errno::Errno;
use nix::mount::{MntFlags, MsFlags, umount2};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

const READ_ONLY: [&str; 6] = ["sys", "sysrq-trigger", "irq", "bus", "fs", "driver"];
const MASKED: [&str; 14] = [
    "acpi",
    "asound",
    "kcore",
    "keys",
    "key-users",
    "kmsg",
    "kpagecgroup",
    "kpagecount",
    "kpageflags",
    "latency_stats",
    "mtrr",
    "sched_debug",
    "scsi",
    "timer_list",
];
/// Hidden where they are, mounted or not: what is mounted there later is hidden too.
const HOOKS: [&str; 7] = [
    "/sys/fs/bpf",
    "/sys/kernel/debug",
    "/sys/kernel/tracing",
    "/sys/kernel/security",
    "/sys/kernel/config",
    "/sys/fs/pstore",
    "/sys/firmware",
];

/// A `/proc` of this pid namespace.
pub(super) fn mount_proc(at: &Path) -> Result {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mounts::make("proc", at, flags, "")
}

/// Counts the job's processes on from its init's number on the host, so that two jobs don't have the same ones: what
/// they share, `/tmp` say, may have files by process number (a JVM's are).
pub(super) fn begin_numbers_at(own: &Path) {
    // A kernel without it counts from 2: only such files tell the difference.
    let _written = std::fs::write("/proc/sys/kernel/ns_last_pid", own.as_os_str().as_bytes()).is_ok();
}

/// Takes away what the kernel could be steered by.
pub(super) fn close(plan: &Plan, masks: &Masks) -> Result {
    // A user other than root can write none of it anyway, and a nested `/proc` can be mounted only where this is whole.
    if plan.can_be_root() || !plan.allowed.namespaces {
        close_proc(masks)?;
    }
    mounts::read_only(Path::new("/sys"), true)?;
    HOOKS.iter().try_for_each(|hook| masks.path(Path::new(hook)))?;
    for mount in mounts::all()? {
        elsewhere(&mount, masks)?;
    }
    Ok(())
}

fn close_proc(masks: &Masks) -> Result {
    let inside = |name: &&str| Path::new("/proc").join(name);
    for path in READ_ONLY.iter().map(inside).filter(|path| path.exists()) {
        mounts::bind(&path, &path)?;
        mounts::read_only(&path, true)?;
    }
    MASKED.iter().map(inside).try_for_each(|path| masks.path(&path))
}

/// What a host may have mounted anywhere.
fn elsewhere(mount: &Mount, masks: &Masks) -> Result {
    let Mount { point, kind } = mount;
    let ours = ["/proc", "/sys", "/dev"].iter().any(|ours| point.starts_with(ours));
    if ours || !point.exists() {
        return Ok(());
    }
    match kind.as_str() {
        "cgroup" | "cgroup2" | "sysfs" => mounts::read_only(point, true),
        "proc" | "devtmpfs" => masks.path(point),
        // A job can't enter it, and is not to keep it alive.
        "nsfs" => match umount2(point, MntFlags::MNT_DETACH) {
            // It is listed more than once, or has gone from the host meanwhile.
            Ok(()) | Err(Errno::EINVAL | Errno::ENOENT) => Ok(()),
            Err(errno) => Err(LaunchError::sight(point, errno)),
        },
        other if mounts::is_kernel_hook(OsStr::new(other)) => masks.path(point),
        _ => Ok(()),
    }
}
