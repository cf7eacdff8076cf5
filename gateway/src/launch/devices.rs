//! A `/dev` of the job's own: the harmless nodes, its own terminals and shared memory, and no disks.

use super::masks::{RUN, mount_point};
use super::mounts;
use super::plan::Plan;
use super::{LaunchError, Result};
use nix::mount::{MsFlags, mount};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

const NODES: [&str; 6] = ["null", "zero", "full", "random", "urandom", "tty"];
const LINKS: [(&str, &str); 5] = [
    ("fd", "/proc/self/fd"),
    ("stdin", "/proc/self/fd/0"),
    ("stdout", "/proc/self/fd/1"),
    ("stderr", "/proc/self/fd/2"),
    ("ptmx", "pts/ptmx"),
];

/// Lays out `/dev`. Comes before the masks: it is built below their folder.
pub(super) fn lay_out(plan: &Plan, terminal: Option<&Path>) -> Result {
    let new = PathBuf::from(RUN);
    mounts::make("tmpfs", &new, MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC, "mode=0755,size=64k")?;
    let failed = |path: &Path, error: std::io::Error| LaunchError::sight(path, error);
    let own = plan.allowed.devices.iter().filter_map(|device| device.strip_prefix("/dev").ok());
    for node in NODES.map(Path::new).into_iter().chain(own) {
        let (from, to) = (Path::new("/dev").join(node), new.join(node));
        mount_point(&to, false).map_err(|error| failed(&to, error))?;
        mounts::bind(&from, &to)?;
    }
    for (name, to) in LINKS {
        symlink(to, new.join(name)).map_err(|error| failed(&new.join(name), error))?;
    }
    for folder in ["pts", "shm", "mqueue"] {
        mount_point(&new.join(folder), true).map_err(|error| failed(&new.join(folder), error))?;
    }
    let quiet = MsFlags::MS_NOSUID | MsFlags::MS_NOEXEC;
    // Other people's terminals are not to be typed into.
    mounts::make("devpts", &new.join("pts"), quiet, "newinstance,ptmxmode=0666,mode=0620,gid=5")?;
    mounts::make("tmpfs", &new.join("shm"), MsFlags::MS_NOSUID | MsFlags::MS_NODEV, "mode=1777")?;
    if mounts::make("mqueue", &new.join("mqueue"), quiet | MsFlags::MS_NODEV, "").is_err() {
        tracing::debug!("this kernel has no POSIX message queues");
    }
    // ttyname(3) looks for the terminal by its device and inode, under any name in /dev.
    if let Some(terminal) = terminal {
        let console = new.join("console");
        mount_point(&console, false).map_err(|error| failed(&console, error))?;
        mounts::bind(terminal, &console)?;
    }
    mount(Some(&new), "/dev", None::<&str>, MsFlags::MS_MOVE, None::<&str>).map_err(|errno| LaunchError::sight("/dev", errno))
}
