//! A process that someone asks about: pinned by a descriptor, so that its number can't be another's meanwhile.

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};

/// A process that lives, or has not been reaped, for as long as this is held.
pub(super) struct Pinned {
    pub(super) pid: u32,
    descriptor: OwnedFd,
}

impl Pinned {
    /// Pins the process that has this number now.
    pub(super) fn open(pid: u32) -> io::Result<Self> {
        #[expect(unsafe_code, reason = "pidfd_open(2) has no safe wrapper here")]
        // SAFETY: a plain system call without pointers.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = i32::try_from(descriptor).ok().filter(|descriptor| *descriptor >= 0);
        let descriptor = descriptor.ok_or_else(io::Error::last_os_error)?;
        #[expect(unsafe_code, reason = "the call gives a plain number")]
        // SAFETY: just opened, nobody else has it.
        Ok(Self { pid, descriptor: unsafe { OwnedFd::from_raw_fd(descriptor) } })
    }

    /// Whether it still runs: what was read of its number before this said yes was its own.
    pub(super) fn lives(&self) -> bool {
        #[expect(unsafe_code, reason = "pidfd_send_signal(2) has no safe wrapper here")]
        // SAFETY: signal 0 delivers nothing, and there is no pointer to read.
        let told = unsafe { libc::syscall(libc::SYS_pidfd_send_signal, self.descriptor.as_raw_fd(), 0, 0, 0) };
        told == 0
    }

    /// The path of its cgroup below the cgroup2 mount.
    pub(super) fn cgroup(&self) -> io::Result<String> {
        cgroup(self.pid)
    }

    /// Its real user, by which the kernel side knows whose it is.
    pub(super) fn real_user(&self) -> io::Result<Option<u32>> {
        Ok(users(self.pid)?.first().copied())
    }

    /// Its user, where real, effective, saved and file-system id are one.
    pub(super) fn user(&self) -> io::Result<Option<u32>> {
        let ids = users(self.pid)?;
        Ok(ids.first().copied().filter(|first| ids.iter().all(|id| id == first)))
    }

    /// The number of its parent.
    pub(super) fn parent(&self) -> io::Result<u32> {
        parent(self.pid)
    }

    /// Whether its processes have the numbers that this one sees.
    pub(super) fn shares_pid_namespace(&self) -> bool {
        let of = |who: &str| fs::read_link(format!("/proc/{who}/ns/pid")).ok();
        of(&self.pid.to_string()).is_some_and(|theirs| of("self") == Some(theirs))
    }
}

/// The processes that `pid` has started, and theirs: those of which it is still the parent's parent.
pub(super) fn descendants(pid: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = numbers().filter_map(|number| Some((number, parent(number).ok()?))).collect();
    let mut found = vec![pid];
    let mut at = 0;
    while let Some(&one) = found.get(at) {
        found.extend(parents.iter().filter(|(_, parent)| *parent == one).map(|(child, _)| *child));
        at += 1;
    }
    found.remove(0);
    found
}

/// The processes whose real user this is, each with its cgroup's path.
pub(super) fn of_user(uid: u32) -> Vec<(u32, String)> {
    let theirs = numbers().filter(|pid| users(*pid).is_ok_and(|ids| ids.first() == Some(&uid)));
    theirs.filter_map(|pid| Some((pid, cgroup(pid).ok()?))).collect()
}

/// When this process started, in nanoseconds since boot, as exactly as `/proc` says it.
#[must_use]
pub fn own_start_ns() -> u64 {
    start_ns(std::process::id())
}

/// When a process started, in nanoseconds since boot; 0 where it is gone.
pub(super) fn start_ns(pid: u32) -> u64 {
    /// `/proc` counts in hundredths of a second on every architecture (`USER_HZ`).
    const TICK_NS: u64 = 10_000_000;
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let after = text.rsplit_once(')').map_or("", |(_, after)| after);
    after.split_whitespace().nth(19).and_then(|ticks| ticks.parse::<u64>().ok()).unwrap_or(0).saturating_mul(TICK_NS)
}

fn numbers() -> impl Iterator<Item = u32> {
    let all = fs::read_dir("/proc").into_iter().flatten().flatten();
    all.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok())
}

fn cgroup(pid: u32) -> io::Result<String> {
    let text = fs::read_to_string(format!("/proc/{pid}/cgroup"))?;
    let path = text.lines().find_map(|line| line.strip_prefix("0::"));
    Ok(path.unwrap_or("/").trim_end_matches(" (deleted)").to_owned())
}

/// The real, effective, saved and file-system id of its user.
fn users(pid: u32) -> io::Result<Vec<u32>> {
    let text = fs::read_to_string(format!("/proc/{pid}/status"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Uid:")).unwrap_or_default();
    Ok(line.split_whitespace().filter_map(|id| id.parse::<u32>().ok()).collect())
}

fn parent(pid: u32) -> io::Result<u32> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    // The name in brackets may have any character in it.
    let after = text.rsplit_once(')').map(|(_, after)| after);
    let parent = after.and_then(|after| after.split_whitespace().nth(1)?.parse().ok());
    parent.ok_or_else(|| io::ErrorKind::InvalidData.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_child_is_pinned_found_and_missed() {
        let mut child = std::process::Command::new("sleep").arg("60").spawn().unwrap();
        let pinned = Pinned::open(child.id()).unwrap();
        assert!(pinned.lives() && pinned.shares_pid_namespace());
        assert_eq!(pinned.parent().unwrap(), std::process::id());
        assert_eq!(pinned.user().unwrap(), Some(nix::unistd::getuid().as_raw()));
        assert!(descendants(std::process::id()).contains(&child.id()));
        assert!(of_user(nix::unistd::getuid().as_raw()).contains(&(child.id(), pinned.cgroup().unwrap())));
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!pinned.lives());
    }
}
