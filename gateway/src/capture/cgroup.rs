//! The cgroup v2 hierarchy: where it is mounted, and the kernel's id of a cgroup.

use super::CaptureError;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};

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

/// Whether cgroup v1 controllers are mounted too.
pub(super) fn is_hybrid() -> bool {
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
