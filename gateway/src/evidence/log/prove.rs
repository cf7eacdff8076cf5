//! Proves entries of a log that is only read: without its key, beside whoever writes it.

use super::error::LogError;
use super::files::Files;
use super::state::Locked;
use gateway_core::record::log::{Proof, SignedCheckpoint, tree};
use std::fs::File;
use std::path::Path;

/// The last checkpoint, and for each of these entries the proof that it covers it, as text, with the entry itself in it.
///
/// # Errors
/// Where the log can't be read or is damaged, or the checkpoint does not cover one of them yet.
pub fn prove(state_dir: &Path, entries: &[u64]) -> Result<Vec<String>, LogError> {
    let files = Files::new(state_dir);
    let path = files.lock();
    let lock = File::open(&path).map_err(LogError::io("open", &path))?;
    lock.lock_shared().map_err(LogError::io("lock", &path))?;
    let log = Locked::load(&files)?;
    let checkpoint = files.last_checkpoint()?;
    entries.iter().map(|index| one(&log, checkpoint.as_ref(), *index)).collect()
}

/// The same of one entry of a log that is locked.
pub(super) fn one(log: &Locked, checkpoint: Option<&SignedCheckpoint>, index: u64) -> Result<String, LogError> {
    let size = checkpoint.map_or(0, |signed| signed.checkpoint().size);
    let entry = if index < size { log.bytes_from(index)?.into_iter().next() } else { None };
    let (Some(checkpoint), Some(entry)) = (checkpoint, entry) else { return Err(LogError::NoEntry { index, size }) };
    let hashes = tree::inclusion(index, size, |subtree| log.hash(subtree))?;
    Ok(Proof { extra: Some(entry), index, hashes, checkpoint: checkpoint.clone() }.to_string())
}
