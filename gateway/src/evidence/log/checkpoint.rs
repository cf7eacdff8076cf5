//! Checkpoints: what is signed of the log, and when it may be.

use super::error::LogError;
use super::files::{Files, step};
use super::shared::Log;
use super::state::Locked;
use gateway_core::record::log::tile::{Kind, Tile};
use gateway_core::record::log::{Checkpoint, Signature, SignedCheckpoint};
use std::collections::BTreeSet;
use std::path::PathBuf;

impl Log {
    /// Signs all that is in the log, and publishes it: all of it is on the disk before that, and the checkpoint that was there
    /// is a prefix of it. None where nothing is new, or another gateway was faster. The lock is not held while it is signed.
    ///
    /// # Errors
    /// Where it can't be written or signed, or the log is not as it was signed before ([`LogError::Damaged`]).
    pub fn checkpoint_now(&self) -> Result<Option<String>, LogError> {
        // Most of it is synced without the lock.
        self.sync()?;
        let signer = self.current_signer()?;
        let Some(checkpoint) = self.locked(|log| log.prepare(signer.name()))? else { return Ok(None) };
        let mut signed = SignedCheckpoint::new(checkpoint)?;
        let signature = signer.sign(signed.note().text())?;
        signed.note_mut().attach(signature);
        self.publish(signed)
    }

    /// Puts a checkpoint in place of the one that is there, if it is of a larger log.
    pub(super) fn publish(&self, signed: SignedCheckpoint) -> Result<Option<String>, LogError> {
        let published = self.locked(|log| log.publish(&signed))?;
        Ok(published.then(|| signed.to_string()))
    }

    /// The last checkpoint, as it was published.
    ///
    /// # Errors
    /// Where it can't be read.
    pub fn checkpoint(&self) -> Result<Option<SignedCheckpoint>, LogError> {
        self.files.last_checkpoint()
    }

    /// The checkpoint that is there must be signed by our key.
    pub(super) fn check_key(&self) -> Result<(), LogError> {
        let Some(signed) = self.files.last_checkpoint()? else { return Ok(()) };
        let signer = self.current_signer()?;
        let other = |why| LogError::OtherKey { path: self.files.checkpoint(), key: signer.verifier().to_string(), why };
        signed.verify(signer.name(), std::slice::from_ref(signer.verifier())).map(drop).map_err(other)
    }
}

impl Locked {
    /// What there is to sign; all that it covers is on the disk.
    pub(super) fn prepare(&mut self, origin: &str) -> Result<Option<Checkpoint>, LogError> {
        let before = self.files.last_checkpoint()?;
        if let Some(before) = &before {
            self.check(before.checkpoint().size, before.checkpoint().root)?;
        }
        if before.map_or(0, |before| before.checkpoint().size) == self.size() {
            return Ok(None);
        }
        self.journal.sync()?;
        self.roll()?;
        self.write_edge()?;
        Ok(Some(Checkpoint { origin: origin.to_owned(), size: self.size(), root: self.edge.root(), extensions: Vec::new() }))
    }

    /// Publishes a checkpoint; says whether it did.
    pub(super) fn publish(&mut self, signed: &SignedCheckpoint) -> Result<bool, LogError> {
        let checkpoint = signed.checkpoint();
        let before = self.files.last_checkpoint()?;
        let before = before.map_or(0, |before| before.checkpoint().size);
        let signed_by = |key: &Signature| signed.note().signatures().iter().any(|by| (&by.name, by.id) == (&key.name, key.id));
        // Another gateway may have replaced the key while this was signed.
        let rotation = self.files.last_rotation()?;
        let replaced = rotation.is_some_and(|rotation| rotation.note().signatures().get(1).is_none_or(|key| !signed_by(key)));
        if before >= checkpoint.size || replaced {
            return Ok(false);
        }
        // What was signed is what is there: the log only grew since.
        self.check(checkpoint.size, checkpoint.root)?;
        Files::write(&self.files.checkpoint(), signed.to_string().as_bytes())?;
        step();
        self.prune(&[self.journal.base(), before, checkpoint.size], checkpoint.size)?;
        Ok(true)
    }

    /// Deletes partial tiles that trees of none of these sizes have. Those of a tree that is larger than `last` are another gateway's, which is signing it.
    fn prune(&self, sizes: &[u64], last: u64) -> Result<(), LogError> {
        let entries = sizes.iter().filter_map(|&size| Tile::rightmost(Kind::Entries, size));
        let keep: BTreeSet<Tile> = sizes.iter().flat_map(|&size| Tile::edge(size)).chain(entries).collect();
        let needed = |tile: Tile| keep.contains(&tile) || tile.needs().is_some_and(|needs| needs > last);
        let directories: BTreeSet<PathBuf> = keep.iter().filter_map(|tile| self.files.among(*tile)).collect();
        directories.iter().try_for_each(|directory| self.files.prune(directory, needed))
    }
}
