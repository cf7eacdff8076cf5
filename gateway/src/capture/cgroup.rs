//! The cgroup v2 hierarchy: where it is mounted, and the kernel's id of a cgroup.

use super::CaptureError;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Where cgroup v2 is mounted.
///
/// # Errors
/// [`CaptureError::NoCgroup2`] where it is not.
pub fn cgroup2_mount() -> Result<PathBuf, CaptureError> {
    let mounts = std::fs::read_to_string("/proc/self/mounts").map_err(|_| CaptureError::NoCgroup2)?;
    find_cgroup2(&mounts).ok_or(CaptureError::NoCgroup2)
}

/// The kernel's id of the cgroup at `path`: its directory's inode number.
///
/// # Errors
/// Where the directory can't be read.
pub fn cgroup_id(path: &Path) -> io::Result<u64> {
    std::fs::metadata(path).map(|directory| directory.ino())
}

/// Where the cgroup with this id is, or nothing where it is gone. Needs `CAP_DAC_READ_SEARCH`.
#[must_use]
pub fn cgroup_path(id: u64) -> Option<PathBuf> {
    /// A `struct file_handle` of kernfs, whose handle is the id (`FILEID_KERNFS`).
    #[repr(C)]
    struct Handle {
        bytes: u32,
        kind: i32,
        id: u64,
    }
    let mount = std::fs::File::open(cgroup2_mount().ok()?).ok()?;
    let mut handle = Handle { bytes: 8, kind: 0xfe, id };
    let flags = libc::O_RDONLY | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: the kernel reads the handle that is lent to it.
    let opened = unsafe { libc::syscall(libc::SYS_open_by_handle_at, mount.as_raw_fd(), &raw mut handle, flags) };
    let opened = i32::try_from(opened).ok().filter(|descriptor| *descriptor >= 0)?;
    // SAFETY: just opened, nobody else has it.
    let opened = unsafe { OwnedFd::from_raw_fd(opened) };
    std::fs::read_link(Path::new("/proc/self/fd").join(opened.as_raw_fd().to_string())).ok()
}

/// Kills every process in the cgroup and below it, and waits until they are gone.
pub(super) fn kill(path: &Path, patience: Duration) -> io::Result<()> {
    std::fs::write(path.join("cgroup.kill"), "1")?;
    let deadline = Instant::now() + patience;
    // `populated` counts what is below, too.
    while std::fs::read_to_string(path.join("cgroup.events"))?.contains("populated 1") {
        if Instant::now() > deadline {
            return Err(io::Error::new(io::ErrorKind::TimedOut, format!("processes in {} do not die", path.display())));
        }
        std::thread::sleep(Duration::from_millis(5));
    }
    Ok(())
}

/// Whether cgroup v1 controllers are mounted too.
#[must_use]
pub fn is_hybrid() -> bool {
    std::fs::read_to_string("/proc/self/mounts")
        .is_ok_and(|mounts| mounts.lines().any(|line| line.split(' ').nth(2) == Some("cgroup")))
}

/// Whether `path` is a directory of cgroup v2.
pub(super) fn is_cgroup2(path: &Path) -> bool {
    const CGROUP2_MAGIC: i64 = 0x6367_7270;
    nix::sys::statfs::statfs(path).is_ok_and(|file_system| file_system.filesystem_type().0 == CGROUP2_MAGIC)
}

fn find_cgroup2(mounts: &str) -> Option<PathBuf> {
    mounts.lines().find_map(|line| {
        let mut fields = line.split(' ').skip(1);
        let path = fields.next()?;
        (fields.next()? == "cgroup2").then(|| PathBuf::from(path.replace("\\040", " ")))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mount_is_found_on_hybrid_and_unified_hosts() {
        let hybrid = "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n";
        assert_eq!(find_cgroup2(hybrid), Some(PathBuf::from("/sys/fs/cgroup/unified")));
        assert_eq!(find_cgroup2("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n"), Some(PathBuf::from("/sys/fs/cgroup")));
        assert_eq!(find_cgroup2("proc /proc proc rw 0 0\n"), None);
    }
}
