//! Appends to the log of sessions opened and closed; other gateways may append to it as well.

use super::{EvidenceError, files};
use gateway_core::record::heads::{Head, Heads};
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// The log, shared within this process.
pub(super) struct SharedHeads {
    log: Mutex<HeadsLog>,
    /// For syncing without holding the lock.
    file: Arc<File>,
}

impl SharedHeads {
    pub(super) fn new(log: HeadsLog) -> Self {
        let file = Arc::clone(&log.file);
        Self { log: Mutex::new(log), file }
    }

    /// Runs `work` while no other thread and no other gateway appends.
    pub(super) fn locked<T>(&self, work: impl FnOnce(&mut HeadsLog) -> Result<T, EvidenceError>) -> Result<T, EvidenceError> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).locked(work)
    }

    /// Brings what was appended to the disk.
    pub(super) fn sync(&self) -> std::io::Result<()> {
        self.file.sync_data()
    }
}

/// The log as one gateway has read it so far.
pub(super) struct HeadsLog {
    file: Arc<File>,
    path: PathBuf,
    seen: Heads,
}

impl HeadsLog {
    /// Opens the log, made where it is missing, and reads it.
    pub(super) fn open(state_dir: &Path) -> Result<Self, EvidenceError> {
        let path = files::heads_log(state_dir);
        let options = &mut OpenOptions::new();
        let file = options.read(true).append(true).create(true).mode(0o600).open(&path);
        let file = Arc::new(file.map_err(EvidenceError::io("open", &path))?);
        Ok(Self { file, path, seen: Heads::default() })
    }

    /// Holds the log's lock, knows all that is in it, and runs `work`.
    pub(super) fn locked<T>(&mut self, work: impl FnOnce(&mut Self) -> Result<T, EvidenceError>) -> Result<T, EvidenceError> {
        self.file.lock().map_err(EvidenceError::io("lock", &self.path))?;
        let result = self.catch_up().and_then(|()| work(self));
        self.file.unlock().map_err(EvidenceError::io("unlock", &self.path))?;
        result
    }

    /// Appends, all or nothing. Only within [`Self::locked`].
    pub(super) fn append(&mut self, heads: &[Head]) -> Result<(), EvidenceError> {
        let mut lines = Vec::new();
        let mut end = self.seen.end;
        for head in heads {
            end.append(head, &mut lines);
        }
        let length = self.seen.whole as u64;
        if let Err(error) = (&*self.file).write_all(&lines) {
            // What was written of them would be a torn line for the next one to cut off.
            self.file.set_len(length).map_err(EvidenceError::io("shorten", &self.path))?;
            return Err(EvidenceError::io("append to", &self.path)(error));
        }
        self.seen.end = end;
        self.seen.whole += lines.len();
        Ok(())
    }

    /// All entries so far. Kept only until the first [`Self::forget`].
    pub(super) fn entries(&self) -> &[Head] {
        &self.seen.entries
    }

    /// Drops what was read: from here on only the log's end matters.
    pub(super) fn forget(&mut self) {
        self.seen.entries = Vec::new();
        self.seen.problems = Vec::new();
    }

    /// Reads what others appended, and cuts off a line that a crash left torn.
    fn catch_up(&mut self) -> Result<(), EvidenceError> {
        let length = self.file.metadata().map_err(EvidenceError::io("look at", &self.path))?.len();
        let whole = self.seen.whole as u64;
        if length == whole {
            return Ok(());
        }
        let mut added = Vec::new();
        let from = SeekFrom::Start(whole.min(length));
        let mut file = &*self.file;
        file.seek(from).and_then(|_| file.read_to_end(&mut added)).map_err(EvidenceError::io("read", &self.path))?;
        self.seen.extend(&added);
        if length > self.seen.whole as u64 {
            tracing::warn!(path = %self.path.display(), "the heads log ended within a line, which is cut off");
            self.file.set_len(self.seen.whole as u64).map_err(EvidenceError::io("shorten", &self.path))?;
        }
        for problem in self.seen.problems.drain(..) {
            tracing::error!(path = %self.path.display(), %problem, "the heads log is not as it was written: `weir audit verify`");
        }
        Ok(())
    }
}
