//! The log, shared within this process and with the other gateways of the state directory.

use super::error::LogError;
use super::files::Files;
use super::signer::Signer;
use super::state::Locked;
use gateway_core::record::log::tree;
use gateway_core::record::log::{Entry, Proof, VerifierKey};
use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

/// The log of a state directory.
pub struct Log {
    pub(super) files: Files,
    /// Its lock (`flock`) is held by who appends.
    lock: File,
    /// None after an error: it is read again.
    state: Mutex<Option<Locked>>,
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
        lock.lock().map_err(LogError::io("lock", &path))?;
        let state = Locked::load(&files);
        lock.unlock().map_err(LogError::io("unlock", &path))?;
        let state = state?;
        let journal = Mutex::new(state.journal_file());
        let log = Self { files, lock, state: Mutex::new(Some(state)), journal, signer: Mutex::new(Arc::new(signer)) };
        log.check_key()?;
        Ok(log)
    }

    /// Runs `work` while no other thread and no other gateway appends.
    ///
    /// # Errors
    /// Where the log can't be read or locked, and what `work` says.
    pub fn locked<T, E: From<LogError>>(&self, work: impl FnOnce(&mut Locked) -> Result<T, E>) -> Result<T, E> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let path = self.files.lock();
        self.lock.lock().map_err(LogError::io("lock", &path))?;
        let result = self.current(&mut state).map_err(E::from).and_then(work);
        if let Some(state) = state.as_ref() {
            *self.journal.lock().unwrap_or_else(PoisonError::into_inner) = state.journal_file();
        }
        self.lock.unlock().map_err(LogError::io("unlock", &path))?;
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
        Entries { log: self, next: from, read: Vec::new() }
    }

    /// The proof that entry `index` is covered by the last checkpoint, as text; the entry itself is in it.
    ///
    /// # Errors
    /// Where no checkpoint covers it yet, or a tile can't be read.
    pub fn prove(&self, index: u64) -> Result<String, LogError> {
        self.locked(|log| {
            let checkpoint = log.files.last_checkpoint()?;
            let size = checkpoint.as_ref().map_or(0, |signed| signed.checkpoint().size);
            let entry = if index < size { log.bytes_from(index)?.into_iter().next() } else { None };
            let (Some(checkpoint), Some(entry)) = (checkpoint, entry) else { return Err(LogError::NoEntry { index, size }) };
            let hashes = tree::inclusion(index, size, |subtree| log.hash(subtree))?;
            Ok(Proof { extra: Some(entry), index, hashes, checkpoint }.to_string())
        })
    }

    pub(super) fn signer(&self) -> Arc<Signer> {
        Arc::clone(&self.signer.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The state, which knows all that is in the log now.
    fn current<'a>(&self, state: &'a mut Option<Locked>) -> Result<&'a mut Locked, LogError> {
        let mut known = match state.take() {
            Some(known) => known,
            None => Locked::load(&self.files)?,
        };
        // Where this fails it is read again the next time.
        known.catch_up()?;
        Ok(state.insert(known))
    }
}

/// Entries with their numbers, a bundle read at a time.
pub struct Entries<'a> {
    log: &'a Log,
    next: u64,
    /// What was read, the next one last.
    read: Vec<Vec<u8>>,
}

impl Iterator for Entries<'_> {
    type Item = Result<(u64, Entry), LogError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.read.is_empty() {
            match self.log.locked(|log| log.bytes_from(self.next)) {
                Ok(read) => self.read = read,
                Err(error) => return Some(Err(error)),
            }
            self.read.reverse();
        }
        let bytes = self.read.pop()?;
        let index = self.next;
        self.next += 1;
        Some(Entry::parse(&bytes).map(|entry| (index, entry)).map_err(LogError::from))
    }
}
