//! Checkpoints: what is signed of the log, and when it may be.

use super::error::LogError;
use super::files::{Files, step};
use super::shared::Log;
use super::state::Locked;
use gateway_core::record::log::tile::{Kind, Tile};
use gateway_core::record::log::{Checkpoint, SignedCheckpoint};

impl Log {
    /// Signs all that is in the log, and publishes it: all of it is on the disk before that, and the checkpoint that was there
    /// is a prefix of it. None where nothing is new, or another gateway was faster. The lock is not held while it is signed.
    ///
    /// # Errors
    /// Where it can't be written or signed, or the log is not as it was signed before ([`LogError::Damaged`]).
    pub fn checkpoint_now(&self) -> Result<Option<String>, LogError> {
        // Most of it is synced without the lock.
        self.sync()?;
        let signer = self.signer();
        let Some(checkpoint) = self.locked(|log| log.prepare(signer.name()))? else { return Ok(None) };
        let mut signed = SignedCheckpoint::new(checkpoint)?;
        let signature = signer.sign(signed.note().text())?;
        signed.note_mut().attach(signature);
        self.publish(signed)
    }

    /// Puts a checkpoint in place of the one that is there, if it is of a larger log.
    pub(super) fn publish(&self, signed: SignedCheckpoint) -> Result<Option<String>, LogError> {
        let text = signed.to_string();
        let published = self.locked(|log| log.publish(signed.checkpoint(), &text))?;
        Ok(published.then_some(text))
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
        let signer = self.signer();
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
    fn publish(&mut self, checkpoint: &Checkpoint, text: &str) -> Result<bool, LogError> {
        let before = self.files.last_checkpoint()?;
        let before = before.map_or(0, |before| before.checkpoint().size);
        if before >= checkpoint.size {
            return Ok(false);
        }
        // What was signed is what is there: the log only grew since.
        self.check(checkpoint.size, checkpoint.root)?;
        Files::write(&self.files.checkpoint(), text.as_bytes())?;
        step();
        self.prune(&[self.journal.base(), before, checkpoint.size])?;
        Ok(true)
    }

    /// Deletes partial tiles that trees of none of these sizes have.
    fn prune(&self, sizes: &[u64]) -> Result<(), LogError> {
        let entries = sizes.iter().filter_map(|&size| Tile::rightmost(Kind::Entries, size));
        let keep: Vec<Tile> = sizes.iter().flat_map(|&size| Tile::edge(size)).chain(entries).collect();
        for tile in &keep {
            self.files.prune(*tile, &keep)?;
        }
        Ok(())
    }
}
