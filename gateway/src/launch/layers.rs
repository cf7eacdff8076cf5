//! A confined job's view of the host's files: a layer over each file system, which takes what root inside writes.
//!
//! Root outside runs programs, timers and start-up files that root inside could write. So what a confined job writes
//! to the host's own folders goes to a layer that is thrown away with it; the folders in which jobs work are let through.
//! Unix sockets don't work through a layer: those below `/run`, `/var` and `/tmp` lead nowhere, masked or not.

use super::masks::{RUN, mount_point};
use super::mounts::{self, Mount};
use super::plan::Plan;
use super::{LaunchError, Result};
use nix::mount::{MntFlags, MsFlags, umount2};
use std::io::Write as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

/// Folders of the root that are the host's own. All others are let through, as jobs' working places.
///
/// Everyone reaches `/tmp`: a set-uid program that root inside left there would make anyone root outside.
const SYSTEM: [&str; 16] = [
    "/usr", "/etc", "/var", "/opt", "/root", "/boot", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/srv", "/home",
    "/run", "/tmp",
];
/// Folders that are never let through by being the working directory.
const NEVER: [&str; 10] = ["/usr", "/etc", "/boot", "/run", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];
/// The kernel's own, which have a file of their own here.
const KERNEL: [&str; 3] = ["/proc", "/sys", "/dev"];
/// What can be layered over. Everything else is let through as it is.
const LAYERED: [&str; 9] = ["ext2", "ext3", "ext4", "xfs", "btrfs", "f2fs", "zfs", "tmpfs", "overlay"];

/// Makes the layered view, and makes it this process's root. What was there before is out of reach.
pub(super) fn enter(plan: &Plan) -> Result {
    let Some(scratch) = &plan.scratch else { return Ok(()) };
    let root = Path::new(RUN);
    let mounted = mounts::all()?;
    let open = open(plan)?;
    layer(Path::new("/"), root, &scratch.join("0"))?;
    for (number, mount) in mounted.iter().enumerate() {
        let under = |folder: &Path| mount.point.starts_with(folder);
        if mount.point == Path::new("/") || KERNEL.iter().map(Path::new).any(under) || open.iter().any(|open| under(open)) {
            continue;
        }
        carry_over(mount, root, &scratch.join((number + 1).to_string()))?;
    }
    for folder in KERNEL.iter().map(Path::new).chain(open.iter().map(PathBuf::as_path)) {
        let to = inside(root, folder);
        if let Ok(metadata) = folder.metadata() {
            mount_point(&to, metadata.is_dir()).map_err(|error| LaunchError::sight(folder, error))?;
            mounts::bind(folder, &to)?;
        }
    }
    let failed = |errno| LaunchError::sight("/", errno);
    std::env::set_current_dir(root).map_err(|error| LaunchError::sight("/", error))?;
    nix::unistd::pivot_root(".", ".").map_err(failed)?;
    umount2(".", MntFlags::MNT_DETACH).map_err(failed)?;
    std::env::set_current_dir("/").map_err(|error| LaunchError::sight("/", error))
}

/// Folders (and sockets that are allowed) in which the job meets the host's own files.
fn open(plan: &Plan) -> Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir("/").map_err(|error| LaunchError::sight("/", error))?;
    let folders = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir())).map(|entry| entry.path());
    let others = folders.filter(|path| ![&SYSTEM[..], &KERNEL[..]].concat().iter().any(|system| path == Path::new(system)));
    let home =
        plan.user.as_ref().map(|user| user.home.clone()).filter(|home| is_working_place(home) && !home.starts_with("/root"));
    let directory = Some(plan.directory.clone()).filter(|directory| is_working_place(directory));
    let all = others.chain(home).chain(directory);
    let all = all.chain(plan.kept.iter().cloned()).chain(plan.allowed.sockets.iter().cloned());
    let mut all: Vec<_> = all.filter_map(|path| path.canonicalize().ok()).filter(|path| path != Path::new("/")).collect();
    all.sort();
    // One that is below another comes with it.
    let mut open: Vec<PathBuf> = Vec::new();
    for path in all {
        if !open.iter().any(|above| path.starts_with(above)) {
            open.push(path);
        }
    }
    Ok(open)
}

/// Whether a folder below the host's own may be let through.
pub(super) fn is_working_place(path: &Path) -> bool {
    let system = SYSTEM.iter().chain(&["/"]).any(|system| path == Path::new(system));
    let never =
        NEVER.iter().any(|never| path.starts_with(never)) || path.starts_with("/var/spool") || path.starts_with("/var/lib/dpkg");
    !system && !never
}

/// Shows a mount of the host at the same place below `root`.
fn carry_over(mount: &Mount, root: &Path, scratch: &Path) -> Result {
    let to = inside(root, &mount.point);
    // Something else is mounted over it, or over what it is in.
    let (Ok(from), Ok(there)) = (mount.point.metadata(), to.metadata()) else { return Ok(()) };
    if from.is_dir() != there.is_dir() {
        return Ok(());
    }
    let own = SYSTEM.iter().any(|system| mount.point.starts_with(system));
    if own && from.is_dir() && LAYERED.contains(&mount.kind.as_str()) {
        return layer(&mount.point, &to, scratch);
    }
    mounts::bind_alone(&mount.point, &to)
}

/// Mounts a layer over `from` at `to`: on disk where the state directory can have one, else in memory.
fn layer(from: &Path, to: &Path, scratch: &Path) -> Result {
    let make = |scratch: &Path| -> Result {
        let (upper, work) = (scratch.join("upper"), scratch.join("work"));
        for folder in [&upper, &work] {
            mount_point(folder, true).map_err(|error| LaunchError::sight(folder, error))?;
        }
        // What is thrown away need not be on the disk.
        let options = format!("lowerdir={},upperdir={},workdir={},volatile", escaped(from), escaped(&upper), escaped(&work));
        mounts::make("overlay", to, MsFlags::empty(), &options)
    };
    let Err(error) = make(scratch) else { return Ok(()) };
    let said =
        format!("weir: what the job writes to {} is kept in memory, not in {} ({error})", from.display(), scratch.display());
    mount_point(scratch, true).map_err(|error| LaunchError::sight(scratch, error))?;
    mounts::make("tmpfs", scratch, MsFlags::MS_NODEV, "mode=0700")?;
    make(scratch)?;
    // A closed standard error must not end the job.
    let _said = writeln!(std::io::stderr(), "{said}").is_ok();
    Ok(())
}

fn inside(root: &Path, path: &Path) -> PathBuf {
    root.join(path.strip_prefix("/").unwrap_or(path))
}

/// Colons part layers, commas options.
fn escaped(path: &Path) -> String {
    let text = String::from_utf8_lossy(path.as_os_str().as_bytes()).into_owned();
    text.replace('\\', "\\\\").replace(':', "\\:").replace(',', "\\,")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_s_own_folders_are_no_working_places() {
        for no in [
            "/",
            "/usr",
            "/etc/cron.d",
            "/var",
            "/root",
            "/home",
            "/usr/local/src/x",
            "/run/user/1000",
            "/var/spool/cron",
            "/boot",
            "/tmp",
        ] {
            assert!(!is_working_place(Path::new(no)), "{no}");
        }
        assert!(is_working_place(&Path::new("/home").join("ci")), "a home");
        for yes in ["/var/lib/jenkins/workspace/shop", "/opt/runner/_work", "/root/shop", "/builds", "/tmp/build-7"] {
            assert!(is_working_place(Path::new(yes)), "{yes}");
        }
    }

    #[test]
    fn a_path_can_not_end_an_option() {
        assert_eq!(escaped(Path::new("/a:b,c\\d")), "/a\\:b\\,c\\\\d");
    }
}
