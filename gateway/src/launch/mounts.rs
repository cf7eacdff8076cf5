//! The mounts of the job's own mount namespace: the few steps that all of its layout is made of.

#![expect(unsafe_code, reason = "mount_setattr has no safe wrapper")]

use super::{LaunchError, Result};
use nix::mount::{MsFlags, mount};
use std::ffi::{CString, OsStr};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

/// One line of mountinfo.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Mount {
    /// Where it is.
    pub(super) point: PathBuf,
    /// The file system's kind.
    pub(super) kind: String,
}

/// The mounts that this process sees, in the order in which they were made.
pub(super) fn all() -> Result<Vec<Mount>> {
    let text = std::fs::read("/proc/self/mountinfo").map_err(|error| LaunchError::system("the mounts can't be read", error))?;
    Ok(text.split(|byte| *byte == b'\n').filter_map(parse).collect())
}

/// `ID PARENT DEV ROOT POINT OPTIONS [FIELD…] - KIND SOURCE OPTIONS`: proc_pid_mountinfo(5).
fn parse(line: &[u8]) -> Option<Mount> {
    let mut words = line.split(|byte| *byte == b' ');
    let point = unescaped(words.nth(4)?);
    let mut after = words.skip_while(|word| *word != b"-").skip(1);
    let kind = String::from_utf8_lossy(after.next()?).into_owned();
    Some(Mount { point, kind })
}

/// Blanks, tabs, line ends and backslashes are written as three octal digits.
fn unescaped(word: &[u8]) -> PathBuf {
    let mut plain = Vec::with_capacity(word.len());
    let mut rest = word;
    while let Some((&first, after)) = rest.split_first() {
        let code = after.get(..3).and_then(|digits| std::str::from_utf8(digits).ok());
        match code.filter(|_| first == b'\\').and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                plain.push(byte);
                rest = after.get(3..).unwrap_or_default();
            }
            None => {
                plain.push(first);
                rest = after;
            }
        }
    }
    PathBuf::from(std::ffi::OsString::from_vec(plain))
}

/// Cuts all mounts off from the host's: what either side mounts from now on is its own.
pub(super) fn make_private() -> Result {
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>)
        .map_err(|errno| LaunchError::sight("/", errno))
}

/// Shows `from`, with all that is mounted below it, at `to` as well.
pub(super) fn bind(from: &Path, to: &Path) -> Result {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND | MsFlags::MS_REC, None::<&str>)
        .map_err(|errno| LaunchError::sight(to, errno))
}

/// Shows `from` at `to` as well, without what is mounted below it.
pub(super) fn bind_alone(from: &Path, to: &Path) -> Result {
    mount(Some(from), to, None::<&str>, MsFlags::MS_BIND, None::<&str>).map_err(|errno| LaunchError::sight(to, errno))
}

/// Mounts a file system of `kind` that has no device.
pub(super) fn make(kind: &str, to: &Path, flags: MsFlags, options: &str) -> Result {
    mount(Some(kind), to, Some(kind), flags, Some(options)).map_err(|errno| LaunchError::sight(to, errno))
}

/// Makes the mount at `path` read-only, and all mounts below it where `recursive`.
pub(super) fn read_only(path: &Path, recursive: bool) -> Result {
    set(path, recursive, libc::MOUNT_ATTR_RDONLY)
}

fn set(path: &Path, recursive: bool, attributes: u64) -> Result {
    let attr = libc::mount_attr { attr_set: attributes, attr_clr: 0, propagation: 0, userns_fd: 0 };
    let flags = if recursive { libc::AT_RECURSIVE } else { 0 };
    let name = CString::new(path.as_os_str().as_bytes())
        .map_err(|_| LaunchError::sight(path, std::io::Error::from(std::io::ErrorKind::InvalidInput)))?;
    // SAFETY: the name ends in a nul, and the structure is as long as it says.
    let done = unsafe {
        libc::syscall(
            libc::SYS_mount_setattr,
            libc::AT_FDCWD,
            name.as_ptr(),
            flags,
            &raw const attr,
            size_of::<libc::mount_attr>(),
        )
    };
    if done == 0 { Ok(()) } else { Err(LaunchError::sight(path, std::io::Error::last_os_error())) }
}

/// Whether a file system is one that the kernel makes up to be steered by.
pub(super) fn is_kernel_hook(kind: &OsStr) -> bool {
    const HOOKS: [&str; 9] = ["bpf", "tracefs", "debugfs", "securityfs", "configfs", "pstore", "efivarfs", "rpc_pipefs", "nfsd"];
    HOOKS.iter().any(|hook| kind == *hook)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_mountinfo_gives_its_point_and_kind() {
        let line = b"36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue";
        assert_eq!(parse(line), Some(Mount { point: "/mnt 2".into(), kind: "ext3".to_owned() }));
        let bare = b"22 1 0:20 / /sys rw - sysfs sysfs rw";
        assert_eq!(parse(bare), Some(Mount { point: "/sys".into(), kind: "sysfs".to_owned() }));
        assert_eq!(parse(b""), None);
        assert_eq!(unescaped(b"/a\\134b\\"), PathBuf::from("/a\\b\\"));
    }

    #[test]
    fn this_host_has_a_proc() {
        assert!(all().unwrap().iter().any(|mount| mount.kind == "proc" && mount.point == Path::new("/proc")));
    }
}
