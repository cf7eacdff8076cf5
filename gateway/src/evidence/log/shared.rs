//! The log, shared within this process and with the other gateways of the state directory.

use super::error::LogError;
use super::files::Files;
use super::signer::Signer;
use super::state::Locked;
use super::{prove, rotate};
use gateway_core::record::log::tile::FULL;
use gateway_core::record::log::{Entry, VerifierKey};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The log of a state directory.
pub struct Log {
    pub(super) files: Files,
    /// Its lock (`flock`) is held by who appends.
    lock: File,
    state: Mutex<Locked>,
    /// The journal, for syncing without the lock.
    journal: Mutex<Arc<File>>,
    pub(super) signer: Mutex<Arc<Signer>>,
}

impl Log {
    /// Opens the log below `state_dir`, and begins it where there is none. It reads the journal, the checkpoint, and one tile a level.
    ///
    /// # Errors
    /// Where it can't be read or made, or is damaged, or its checkpoint is signed by another key.
    pub fn open(state_dir: &Path, signer: Signer) -> Result<Self, LogError> {
        let files = Files::new(state_dir);
        Files::make(files.directory())?;
        let path = files.lock();
        let options = &mut OpenOptions::new();
        let lock =
            options.write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(LogError::io("open", &path))?;
        let held = Held::of(&lock).map_err(LogError::io("lock", &path))?;
        rotate::finish(&files)?;
        let state = Locked::load(&files)?;
        drop(held);
        let journal = Mutex::new(state.journal_file());
        let log = Self { files, lock, state: Mutex::new(state), journal, signer: Mutex::new(Arc::new(signer)) };
        log.check_key()?;
        log.signer().show(state_dir)?;
        Ok(log)
    }

    /// Runs `work` while no other thread and no other gateway appends.
    ///
    /// # Errors
    /// Where the log can't be read or locked, and what `work` says.
    pub fn locked<T, E: From<LogError>>(&self, work: impl FnOnce(&mut Locked) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let _held = Held::of(&self.lock).map_err(LogError::io("lock", &self.files.lock()))?;
        let result = state.catch_up().map_err(E::from).and_then(|()| work(&mut state));
        *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = state.journal_file();
        result
    }

    /// Brings what was appended to the disk. It does not take the lock.
    ///
    /// # Errors
    /// Where the system says so.
    pub fn sync(&self) -> Result<(), LogError> {
        let journal = Arc::clone(&self.journal.lock().unwrap_or_else(PoisonError::into_inner));
        journal.sync_data().map_err(LogError::io("sync", &self.files.journal()))
    }

    /// How many entries the log has.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn size(&self) -> Result<u64, LogError> {
        self.locked(|log| Ok(log.size()))
    }

    /// Whether there may be entries that no checkpoint covers.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn is_behind(&self) -> Result<bool, LogError> {
        self.locked(|log| Ok(log.covered < log.size()))
    }

    /// The key that checks its checkpoints.
    #[must_use]
    pub fn verifier(&self) -> VerifierKey {
        self.signer().verifier().clone()
    }

    /// One entry.
    ///
    /// # Errors
    /// Where there is none of this number, or it can't be read.
    pub fn entry(&self, index: u64) -> Result<Entry, LogError> {
        let (bytes, size) = self.locked(|log| Ok::<_, LogError>((log.bytes_from(index)?.into_iter().next(), log.size())))?;
        Ok(Entry::parse(&bytes.ok_or(LogError::NoEntry { index, size })?)?)
    }

    /// All entries from `from` on, as many as there are when their turn comes.
    #[must_use]
    pub const fn entries(&self, from: u64) -> Entries<'_> {
        Entries { log: self, next: from, read: Vec::new(), failed: false }
    }

    /// The entries, a bundle at a time, the last bundle first: for who looks back from the log's end.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn bundles_back(&self) -> Result<impl Iterator<Item = Result<Vec<Entry>, LogError>> + '_, LogError> {
        let bundle =
            |index: u64| self.entries(index * FULL).take(FULL as usize).map(|entry| entry.map(|(_, entry)| entry)).collect();
        Ok((0..self.size()?.div_ceil(FULL)).rev().map(bundle))
    }

    /// The proof that entry `index` is covered by the last checkpoint, as text; the entry itself is in it.
    ///
    /// # Errors
    /// Where no checkpoint covers it yet, or a tile can't be read.
    pub fn prove(&self, index: u64) -> Result<String, LogError> {
        self.locked(|log| {
            let checkpoint = log.files.last_checkpoint()?;
            prove::one(log, checkpoint.as_ref(), index)
        })
    }

    pub(super) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.signer.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The lock, until it is dropped.
struct Held<'a>(&'a File);

impl<'a> Held<'a> {
    fn of(file: &'a File) -> std::io::Result<Self> {
        file.lock().map(|()| Self(file))
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        let _unlocked = self.0.unlock().is_ok();
    }
}

/// Entries with their numbers, a bundle read at a time.
pub struct Entries<'a> {
    log: &'a Log,
    next: u64,
    /// What was read, the next one last.
    read: Vec<Vec<u8>>,
    /// What can't be read is told once.
    failed: bool,
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, Entry), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.is_empty() && !self.failed {
            match self.log.locked(|log| log.bytes_from(self.next)) {
                Ok(read) => self.read = read,
                Err(error) => {
                    self.failed = true;
                    return Some(Err(error));
                }
            }
            self.read.reverse();
        }
        let bytes = self.read.pop()?;
        let index = self.next;
        self.next += 1;
        Some(Entry::parse(&bytes).map(|entry| (index, entry)).map_err(LogError::from))
    }
}
