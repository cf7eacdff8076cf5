//! Appends to a log without its key, beside whoever writes it: for commands that read a store's files themselves.

use super::error::LogError;
use super::files::Files;
use super::rotate;
use super::state::Locked;
use gateway_core::record::log::Entry;
use gateway_core::record::log::tile::FULL;
use std::fs::OpenOptions;
use std::path::Path;

/// Bundles that are looked back through for what was entered lately: 4 096 entries.
const LOOKED_AT: usize = 16;

/// Runs `work` while nobody appends, and brings what it appended to the disk. Who signs next, a gateway that runs or one that
/// starts, covers it.
///
/// # Errors
/// Where there is no log, or it can't be read, locked or written; and what `work` says.
pub fn beside<T>(state_dir: &Path, work: impl FnOnce(&mut Locked) -> Result<T, LogError>) -> Result<T, LogError> {
    let files = Files::new(state_dir);
    let path = files.lock();
    // Not made where it is missing: a log is begun by who has its key.
    let lock = OpenOptions::new().write(true).open(&path).map_err(LogError::io("open", &path))?;
    lock.lock().map_err(LogError::io("lock", &path))?;
    rotate::finish(&files)?;
    let mut log = Locked::load(&files)?;
    let done = work(&mut log)?;
    let journal = files.journal();
    log.journal_file().sync_data().map_err(LogError::io("sync", &journal))?;
    Ok(done)
}

impl Locked {
    /// What was entered from entry `index` on. What can't be read is left out.
    ///
    /// # Errors
    /// Where a bundle can't be read.
    pub fn since(&self, mut index: u64) -> Result<Vec<Entry>, LogError> {
        let mut found = Vec::new();
        while index < self.size() {
            let entries = self.bytes_from(index)?;
            index += entries.len().max(1) as u64;
            found.extend(entries.into_iter().filter_map(|bytes| Entry::parse(&bytes).ok()));
        }
        Ok(found)
    }

    /// What was entered since, as far back as 4 096 entries. What can't be read is left out.
    ///
    /// # Errors
    /// Where a bundle can't be read.
    pub fn lately(&self, since: u64) -> Result<Vec<Entry>, LogError> {
        let mut found = Vec::new();
        for bundle in (0..self.size().div_ceil(FULL)).rev().take(LOOKED_AT) {
            let entries = self.bytes_from(bundle * FULL)?.into_iter().filter_map(|bytes| Entry::parse(&bytes).ok());
            let before = found.len();
            found.extend(entries.filter(|entry| entry.at() >= since));
            if found.len() == before {
                break;
            }
        }
        Ok(found)
    }
}
