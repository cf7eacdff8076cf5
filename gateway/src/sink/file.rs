//! `kind = "file"`: JSON lines in a file, which is rotated by its size.

use super::Entry;
use super::failure::Failure;
use super::format::Format;
use super::kind::Limits;
use crate::config::Table;
use crate::credential::Source;
use std::fs::{self, File as Handle, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Its settings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct File {
    /// The file that is written to.
    pub path: PathBuf,
    /// Bytes after which it is rotated.
    pub rotate_bytes: u64,
    /// How many old ones are kept: `path.1` is the newest of them.
    pub keep: u32,
}

/// The file, open.
pub(super) struct FileLink {
    settings: File,
    open: Option<Open>,
}

struct Open {
    handle: Handle,
    length: u64,
}

impl File {
    /// What it tells where nothing is said.
    pub(super) const FORMAT: Format = Format::Ocsf;

    pub(super) fn read(table: &mut Table<'_, '_>, directory: &Path) -> Option<Self> {
        let path = table.text("path").map(|path| directory.join(path.get_ref()));
        let path = table.required("path", path, "the file to write to: path = \"/var/log/weir/events.jsonl\"");
        let rotate_bytes = table.number::<u64>("rotate_mib", 1, 1 << 20).unwrap_or(100) << 20;
        let keep = table.number("keep", 0, 1000).unwrap_or(10);
        Some(Self { path: path?, rotate_bytes, keep })
    }

    pub(super) const fn limits(&self) -> Limits {
        Limits { entries: 2000, bytes: 4 << 20, linger: Duration::ZERO }
    }

    pub(super) fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// What jobs don't see: its folder, where that is for its owner alone, for rotated files are there as well; else the file.
    pub(super) fn hidden(&self) -> PathBuf {
        let of_owner = |folder: &&Path| fs::metadata(folder).is_ok_and(|about| about.mode() & 0o077 == 0);
        self.path.parent().filter(of_owner).unwrap_or(&self.path).to_owned()
    }

    pub(super) const fn secrets(&self) -> Vec<&Source> {
        Vec::new()
    }

    pub(super) async fn link(&self) -> Result<FileLink, Failure> {
        Ok(FileLink { settings: self.clone(), open: None })
    }
}

impl FileLink {
    pub(super) async fn send(&mut self, batch: &[Entry<'_>]) -> Result<(), Failure> {
        let mut lines = Vec::new();
        for entry in batch {
            lines.extend_from_slice(entry.numbered().as_bytes());
            lines.push(b'\n');
        }
        let (settings, open) = (self.settings.clone(), self.open.take());
        // A file system may hang: away from what other sinks wait for.
        let written = tokio::task::spawn_blocking(move || write(&settings, open, &lines)).await;
        let written = written.map_err(Failure::again)?;
        let place = self.settings.path.display();
        self.open = Some(written.map_err(|error| Failure::again(format!("{place} can't be written: {error}")))?);
        Ok(())
    }
}

/// Appends lines and brings them to the disk.
fn write(settings: &File, open: Option<Open>, lines: &[u8]) -> io::Result<Open> {
    let mut open = match open.filter(|open| is_still(&settings.path, &open.handle)) {
        Some(open) => open,
        None => opened(&settings.path)?,
    };
    if open.length > 0 && open.length + lines.len() as u64 > settings.rotate_bytes {
        rotate(settings)?;
        open = opened(&settings.path)?;
    }
    if let Err(error) = open.handle.write_all(lines) {
        // Half a line would spoil the next one.
        open.handle.set_len(open.length)?;
        return Err(error);
    }
    open.length += lines.len() as u64;
    open.handle.sync_data()?;
    Ok(open)
}

/// Whether the path still leads to what is open: others may rotate it, too.
fn is_still(path: &Path, handle: &Handle) -> bool {
    let of = |about: fs::Metadata| (about.dev(), about.ino());
    matches!((fs::metadata(path).map(of), handle.metadata().map(of)), (Ok(there), Ok(open)) if there == open)
}

fn opened(path: &Path) -> io::Result<Open> {
    let mut handle = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = handle.metadata()?.len();
    if length > 0 && !ends_a_line(&handle, length)? {
        // A crash has left half a line; what it was is sent again.
        handle.write_all(b"\n")?;
        return Ok(Open { length: length + 1, handle });
    }
    Ok(Open { handle, length })
}

fn ends_a_line(handle: &Handle, length: u64) -> io::Result<bool> {
    use std::os::unix::fs::FileExt as _;
    let mut last = [0];
    handle.read_exact_at(&mut last, length - 1)?;
    Ok(last == *b"\n")
}

/// `path` becomes `path.1`, that `path.2`, and so on; what is behind the last one that is kept goes.
fn rotate(settings: &File) -> io::Result<()> {
    let numbered = |number: u32| {
        let mut name = settings.path.clone().into_os_string();
        name.push(format!(".{number}"));
        PathBuf::from(name)
    };
    let gone = |result: io::Result<()>| match result {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        Ok(()) | Err(_) => Ok(()),
    };
    if settings.keep == 0 {
        return gone(fs::remove_file(&settings.path));
    }
    for number in (1..settings.keep).rev() {
        gone(fs::rename(numbered(number), numbered(number + 1)))?;
    }
    gone(fs::rename(&settings.path, numbered(1)))
}

#[cfg(test)]
mod tests {
    use super::super::tests::entry;
    use super::*;
    use std::os::unix::fs::PermissionsExt as _;

    fn lines(path: &Path) -> Vec<u64> {
        let text = fs::read_to_string(path).unwrap_or_default();
        let number = |line: &str| serde_json::from_str::<serde_json::Value>(line).ok()?.pointer("/weir/number")?.as_u64();
        text.lines().map(|line| number(line).unwrap_or_default()).collect()
    }

    #[tokio::test]
    async fn a_file_is_appended_to_rotated_and_nobody_elses() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("events.jsonl");
        let one = entry(1, "{}").numbered().len() as u64 + 1;
        let settings = File { path: path.clone(), rotate_bytes: 3 * one, keep: 2 };
        let mut link = settings.link().await.unwrap();
        for number in 1..=9 {
            link.send(&[Entry { again: false, ..entry(number, "{}") }]).await.unwrap();
        }
        let old = |number: u32| folder.path().join(format!("events.jsonl.{number}"));
        assert_eq!((lines(&path), lines(&old(1)), lines(&old(2))), (vec![7, 8, 9], vec![4, 5, 6], vec![1, 2, 3]));
        link.send(&[entry(1, "{}"), entry(2, "{}")]).await.unwrap();
        assert_eq!((lines(&old(2)), fs::read_dir(folder.path()).unwrap().count()), (vec![4, 5, 6], 3), "the oldest is gone");
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // Somebody else moves it; a crash leaves half a line.
        fs::rename(&path, folder.path().join("moved")).unwrap();
        fs::write(&path, "{\"torn\":").unwrap();
        link.send(&[entry(3, "{}")]).await.unwrap();
        assert_eq!(lines(&path), [0, 3]);
    }

    #[tokio::test]
    async fn what_can_t_be_written_says_so() {
        let settings = File { path: PathBuf::from("/nonexistent/events"), rotate_bytes: 1, keep: 0 };
        let failure = settings.link().await.unwrap().send(&[entry(1, "{}")]).await.unwrap_err();
        assert!(failure.to_string().contains("/nonexistent/events"), "{failure}");
    }
}
