//! Reads one process from `/proc`.

use crate::origin::Executable;
use nix::fcntl::{OFlag, OpenHow, ResolveFlag, openat2};
use nix::sys::statfs::{BTRFS_SUPER_MAGIC, OVERLAYFS_SUPER_MAGIC, fstatfs};
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// `/proc` counts in hundredths of a second on every architecture (`USER_HZ`).
const TICK_NS: u64 = 10_000_000;
const LONGEST_TEXT: u64 = 4 << 20;
/// Bytes that most texts fit into.
const TEXT: usize = 4096;
const FARTHEST_PARENT: usize = 16;

/// A process by its id: what it shows is its own only while its start time is the expected one.
pub(super) struct Live {
    pub(super) pid: u32,
    folder: PathBuf,
}

/// What `/proc/PID/stat` says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stat {
    pub(super) command: String,
    pub(super) parent: u32,
    pub(super) started_ticks: u64,
}

/// An open file and the path that the kernel gives it.
pub(super) struct Opened {
    pub(super) file: File,
    pub(super) path: String,
    /// Whether it still has a name.
    pub(super) linked: bool,
    /// Whether the gateway, opening the same path, finds the very same file.
    pub(super) confirmed: bool,
}

impl Live {
    pub(super) fn new(pid: u32) -> Self {
        Self { pid, folder: PathBuf::from(format!("/proc/{pid}")) }
    }

    /// Whether the process that started at this time since boot still has this id.
    pub(super) fn started_at(&self, boottime_ns: u64) -> bool {
        self.stat().is_ok_and(|stat| stat.started_ticks.abs_diff(boottime_ns / TICK_NS) <= 1)
    }

    pub(super) fn stat(&self) -> io::Result<Stat> {
        let text = self.text("stat")?;
        stat(&String::from_utf8_lossy(&text)).ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))
    }

    pub(super) fn cgroup(&self) -> io::Result<Option<String>> {
        let text = self.text("cgroup")?;
        Ok(super::cgroup::unified(&String::from_utf8_lossy(&text)).map(str::to_owned))
    }

    /// The user that logged in; none where nobody has, as with what the service manager starts.
    pub(super) fn login(&self) -> io::Result<Option<u32>> {
        let text = self.text("loginuid")?;
        let uid = String::from_utf8_lossy(&text).trim().parse().ok();
        Ok(uid.filter(|uid| *uid != u32::MAX))
    }

    pub(super) fn environ(&self) -> io::Result<Vec<u8>> {
        self.text("environ")
    }

    pub(super) fn arguments(&self) -> io::Result<Vec<Vec<u8>>> {
        let text = self.text("cmdline")?;
        let text = text.strip_suffix(&[0]).unwrap_or(&text);
        Ok(text.split(|byte| *byte == 0).map(<[u8]>::to_vec).collect())
    }

    pub(super) fn executable_path(&self) -> io::Result<String> {
        Ok(fs::read_link(self.folder.join("exe"))?.to_string_lossy().into_owned())
    }

    pub(super) fn executable(&self) -> io::Result<Opened> {
        let path = self.executable_path()?;
        opened(File::open(self.folder.join("exe"))?, path)
    }

    /// The working directory, and whether the gateway finds the same one at that path.
    pub(super) fn directory(&self) -> io::Result<(String, bool)> {
        let link = self.folder.join("cwd");
        let path = fs::read_link(&link)?;
        let confirmed = same(fs::metadata(&link).as_ref().ok(), fs::metadata(&path).as_ref().ok());
        Ok((path.to_string_lossy().into_owned(), confirmed))
    }

    /// A regular file as the process itself would find it, or none where there isn't one.
    pub(super) fn file(&self, path: &[u8]) -> io::Result<Option<Opened>> {
        let root = File::open(self.folder.join("root"))?;
        let path = Path::new(std::ffi::OsStr::from_bytes(path));
        // Within the process's own root: an absolute link of a container must not lead to the host's files.
        // Opened as a path first: opening a device or a pipe in earnest would act on it.
        let how = OpenHow::new()
            .flags(OFlag::O_PATH | OFlag::O_CLOEXEC)
            .resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let Ok(found) = openat2(&root, &self.within_root(path)?, how) else { return Ok(None) };
        let found = File::from(found);
        if !found.metadata()?.is_file() {
            return Ok(None);
        }
        let own = PathBuf::from(format!("/proc/self/fd/{}", found.as_raw_fd()));
        let name = fs::read_link(&own)?.to_string_lossy().into_owned();
        opened(File::open(&own)?, name).map(Some)
    }

    /// The parents, nearest first.
    pub(super) fn parents(&self) -> Vec<(Self, Stat)> {
        let mut parents: Vec<(Self, Stat)> = Vec::new();
        let Ok(mut child) = self.stat() else { return parents };
        while parents.len() < FARTHEST_PARENT && child.parent != 0 {
            let parent = Self::new(child.parent);
            // One that started after its child has only inherited the id.
            let Some(stat) = parent.stat().ok().filter(|stat| stat.started_ticks <= child.started_ticks) else { break };
            parents.push((parent, stat.clone()));
            child = stat;
        }
        parents
    }

    fn within_root(&self, path: &Path) -> io::Result<PathBuf> {
        if path.is_absolute() {
            return Ok(path.to_owned());
        }
        let directory = fs::read_link(self.folder.join("cwd"))?;
        let root = fs::read_link(self.folder.join("root"))?;
        Ok(Path::new("/").join(directory.strip_prefix(&root).unwrap_or(&directory)).join(path))
    }

    fn text(&self, name: &str) -> io::Result<Vec<u8>> {
        // The kernel makes most of these texts at once, and is asked for a few bytes at a time where there is no room.
        let mut text = Vec::with_capacity(TEXT);
        File::open(self.folder.join(name))?.take(LONGEST_TEXT).read_to_end(&mut text)?;
        Ok(text)
    }
}

impl Opened {
    /// Whether it is this file.
    pub(super) fn is(&self, other: Executable) -> bool {
        // These give a file another device by `stat` than the kernel knows it by.
        let renumbers = |kind| kind == OVERLAYFS_SUPER_MAGIC || kind == BTRFS_SUPER_MAGIC;
        let device =
            |found: u64| found == other.device || fstatfs(&self.file).is_ok_and(|system| renumbers(system.filesystem_type()));
        self.file.metadata().is_ok_and(|found| found.ino() == other.inode && device(found.dev()))
    }
}

fn opened(file: File, path: String) -> io::Result<Opened> {
    let metadata = file.metadata()?;
    let linked = metadata.nlink() > 0;
    let path = path.strip_suffix(" (deleted)").filter(|_| !linked).map_or_else(|| path.clone(), str::to_owned);
    let confirmed = same(Some(&metadata), fs::metadata(&path).as_ref().ok());
    Ok(Opened { file, path, linked, confirmed })
}

fn same(one: Option<&fs::Metadata>, other: Option<&fs::Metadata>) -> bool {
    one.zip(other).is_some_and(|(one, other)| (one.dev(), one.ino()) == (other.dev(), other.ino()))
}

/// Parses a `stat` line, as proc_pid_stat(5) has it; the command may hold blanks and brackets.
fn stat(text: &str) -> Option<Stat> {
    let (before, after) = text.rsplit_once(')')?;
    let command = before.split_once('(')?.1.to_owned();
    let mut fields = after.split_whitespace().skip(1);
    let parent = fields.next()?.parse().ok()?;
    let started_ticks = fields.nth(17)?.parse().ok()?;
    Some(Stat { command, parent, started_ticks })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_with_brackets_confuses_nothing() {
        let line = "42 (a) R 1 (b c) S 7 42 42 0 -1 4194304 1 0 0 0 0 0 0 0 20 0 1 0 12345 1000 1";
        assert_eq!(stat(line), Some(Stat { command: "a) R 1 (b c".to_owned(), parent: 7, started_ticks: 12345 }));
        assert_eq!(stat("42 (a"), None);
        assert_eq!(stat("42 (a) S 7"), None);
    }

    #[test]
    fn a_pipe_or_a_folder_is_no_file() {
        let own = Live::new(std::process::id());
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();
        assert!(own.file(pipe.as_os_str().as_bytes()).unwrap().is_none());
        assert!(own.file(b"/etc").unwrap().is_none());
        assert!(own.file(b"/nowhere").unwrap().is_none());
        assert!(own.file(b"/etc/passwd").unwrap().unwrap().confirmed);
    }
}
