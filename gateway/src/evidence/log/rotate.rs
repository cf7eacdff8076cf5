//! The key is replaced: an entry says so, and the checkpoint that covers it is signed by the old key and the new one.

use super::error::LogError;
use super::files::{Files, step};
use super::shared::Log;
use super::signer::{KeyReference, Signer};
use gateway_core::record::log::{Entry, SignedCheckpoint, VerifierKey};
use std::sync::{Arc, PoisonError};

impl Log {
    /// Replaces the key by that of `reference`; of the file that the key is in now a new key is made. `at` is now, in nanoseconds
    /// since 1970. Says the checkpoint that both signed. The lock is held all the while.
    ///
    /// # Errors
    /// Where the new key can't be used, is the old one, or has another name; and what [`Log::checkpoint_now`] says.
    pub fn rotate(&self, reference: &KeyReference, at: u64, why: &str) -> Result<String, LogError> {
        let old = self.current_signer()?;
        let (text, new) = self.locked(|log| {
            let next = old.next(reference)?;
            let (before, after) = (old.verifier(), next.verifier());
            if before == after {
                return Err(LogError::Rotation("the new key is the old one".to_owned()));
            }
            if before.name() != after.name() {
                return Err(LogError::Rotation(format!("its name is {}, and the log's is {}", after.name(), before.name())));
            }
            log.append(&[Entry::Key { at, old: before.clone(), new: after.clone(), why: why.to_owned() }])?;
            let nothing = || LogError::Rotation("the log has not grown by it".to_owned());
            let mut signed = SignedCheckpoint::new(log.prepare(before.name())?.ok_or_else(nothing)?)?;
            // The old key first: who reads it later tells them apart by that.
            for signer in [&old, &next] {
                let signature = signer.sign(signed.note().text())?;
                signed.note_mut().attach(signature);
            }
            let text = signed.to_string();
            let path = log.files.rotations().join(signed.checkpoint().size.to_string());
            // From here on the new key is the one: a gateway that finds this goes on from it.
            Files::write(&path, text.as_bytes())?;
            log.publish(&signed)?;
            Ok((text, next.adopted(&log.files)?))
        })?;
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::new(new);
        Ok(text)
    }

    /// The key that signs now: another gateway may have replaced it in its file.
    pub(super) fn current_signer(&self) -> Result<Arc<Signer>, LogError> {
        let signer = self.signer();
        if !is_replaced(&self.files, signer.verifier())? {
            return Ok(signer);
        }
        let fresh = Arc::new(signer.reopened(&self.files)?);
        if is_replaced(&self.files, fresh.verifier())? {
            return Err(LogError::Replaced { key: fresh.verifier().to_string() });
        }
        *self.signer.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&fresh);
        Ok(fresh)
    }
}

/// Finishes what a gateway that was killed while it replaced the key has left: its checkpoint is published. The lock is held.
pub(super) fn finish(files: &Files) -> Result<(), LogError> {
    let Some(rotation) = files.last_rotation()? else { return Ok(()) };
    let published = files.last_checkpoint()?.map_or(0, |signed| signed.checkpoint().size);
    if rotation.checkpoint().size > published {
        Files::write(&files.checkpoint(), rotation.to_string().as_bytes())?;
        step();
    }
    Ok(())
}

/// Whether another key took this one's place.
pub(super) fn is_replaced(files: &Files, key: &VerifierKey) -> Result<bool, LogError> {
    let rotation = files.last_rotation()?;
    Ok(rotation.is_some_and(|rotation| !is_signed_by(&rotation, key, 1)))
}

/// Whether signature `place` of a checkpoint names this key, and is its.
pub(super) fn is_signed_by(signed: &SignedCheckpoint, key: &VerifierKey, place: usize) -> bool {
    let signature = signed.note().signatures().get(place);
    signature.is_some_and(|signature| {
        (signature.name.as_str(), signature.id) == (key.name(), key.id()) && signature.check(key, signed.note().text()).is_some()
    })
}
