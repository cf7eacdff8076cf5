//! How the log stands: how far it goes, how far its key has signed it, and how far each witness has.

use super::error::LogError;
use super::shared::Log;
use gateway_core::record::log::{SignedCheckpoint, VerifierKey};

/// How it stands.
#[derive(Debug)]
pub struct Standing {
    /// How many entries it has.
    pub size: u64,
    /// The key that signs it now.
    pub key: VerifierKey,
    /// The last checkpoint; none before the first one is signed.
    pub checkpoint: Option<SignedCheckpoint>,
    /// What each of the witnesses that were asked for has signed last, in their order.
    pub witnessed: Vec<Option<Witnessed>>,
}

/// What a witness has signed last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Witnessed {
    /// How many entries that covers.
    pub size: u64,
    /// When, in seconds since 1970, as the witness says.
    pub at: Option<u64>,
}

impl Log {
    /// How it stands, and with the witnesses of these keys. A signature that is not theirs is none.
    ///
    /// # Errors
    /// Where it can't be read, or is damaged.
    pub fn standing(&self, witnesses: &[VerifierKey]) -> Result<Standing, LogError> {
        let key = self.current_signer()?.verifier().clone();
        let witnessed = witnesses.iter().map(|witness| self.signed_by(witness)).collect::<Result<_, _>>()?;
        let checkpoint = self.checkpoint()?;
        Ok(Standing { size: self.size()?, key, checkpoint, witnessed })
    }

    fn signed_by(&self, witness: &VerifierKey) -> Result<Option<Witnessed>, LogError> {
        let Some(signed) = self.witnessed(witness)? else { return Ok(None) };
        let by = signed.note().verify(std::slice::from_ref(witness)).ok();
        let time = by.and_then(|by| by.first().map(|by| by.time));
        Ok(time.map(|at| Witnessed { size: signed.checkpoint().size, at }))
    }
}
