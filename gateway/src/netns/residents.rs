//! Whether anyone still lives in a network namespace: our own sockets there keep it from going by itself.

#![expect(unsafe_code, reason = "no crate here offers pidfd_open")]

use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

/// A process that lives in a namespace: while it does, the namespace is in use.
#[derive(Debug)]
pub(super) struct Witness {
    process: OwnedFd,
    pid: u32,
}

impl Witness {
    /// A process that lives in the namespace with this inode: `first` where it does, else any that is found.
    pub(super) fn find(inode: u64, first: Option<u32>) -> Option<Self> {
        let living = |pid: u32| lives_in(Path::new("/proc").join(pid.to_string()).as_path(), inode);
        if let Some(pid) = first
            && let Ok(witness) = Self::of(pid)
            && living(pid)
        {
            return Some(witness);
        }
        // A process that ends between the two steps is no witness: the next one may be.
        processes().filter(|&pid| living(pid)).find_map(|pid| Self::of(pid).ok().filter(|_| living(pid)))
    }

    /// Whether it still lives there: a process may go elsewhere without ending.
    pub(super) fn lives_in(&self, inode: u64) -> bool {
        lives_in(Path::new("/proc").join(self.pid.to_string()).as_path(), inode)
    }

    /// Readable once the process has ended.
    pub(super) const fn ended(&self) -> &OwnedFd {
        &self.process
    }

    /// The process of a pidfd. One that has ended has no number any more, and lives nowhere.
    pub(super) fn of_descriptor(process: OwnedFd) -> Self {
        let about = fs::read_to_string(format!("/proc/self/fdinfo/{}", process.as_raw_fd())).unwrap_or_default();
        let number = about.lines().find_map(|line| line.strip_prefix("Pid:")?.trim().parse().ok());
        Self { process, pid: number.unwrap_or(0) }
    }

    fn of(pid: u32) -> io::Result<Self> {
        // SAFETY: a plain call; the descriptor is owned from here on, and closed at exec as the kernel makes it.
        let descriptor = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        let descriptor = i32::try_from(descriptor).map_err(io::Error::other)?;
        if descriptor < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just opened, nobody else has it.
        Ok(Self { process: unsafe { OwnedFd::from_raw_fd(descriptor) }, pid })
    }
}

/// Whether the process at `/proc/PID` lives in the namespace, or one of its threads does.
fn lives_in(process: &Path, inode: u64) -> bool {
    let is = |task: &Path| fs::metadata(task.join("ns/net")).is_ok_and(|namespace| namespace.ino() == inode);
    is(process) || fs::read_dir(process.join("task")).into_iter().flatten().flatten().any(|thread| is(&thread.path()))
}

fn processes() -> impl Iterator<Item = u32> {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter(move |&pid| pid != own)
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
    use std::os::fd::AsFd as _;
    use std::process::{Command, Stdio};

    fn inode(pid: u32) -> u64 {
        fs::metadata(format!("/proc/{pid}/ns/net")).expect("a process of ours").ino()
    }

    #[test]
    fn a_witness_ends_with_its_process() {
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().expect("cat is there");
        let namespace = inode(child.id());
        let witness = Witness::find(namespace, Some(child.id())).expect("it lives");
        let ended = |wait: u16| {
            let mut polled = [PollFd::new(witness.ended().as_fd(), PollFlags::POLLIN)];
            poll(&mut polled, PollTimeout::from(wait)).expect("polled") == 1
        };
        assert!(!ended(0));
        assert!(witness.lives_in(namespace) && !witness.lives_in(1));
        let handed = witness.ended().try_clone().expect("a descriptor");
        assert_eq!(Witness::of_descriptor(handed).pid, child.id());
        drop(child.stdin.take());
        child.wait().expect("ours");
        assert!(ended(10_000));
        assert!(Witness::find(namespace, None).is_some(), "this machine's other processes live there too");
        assert!(Witness::find(1, Some(std::process::id())).is_none(), "nobody lives in a namespace that is none");
    }
}
