//! Which keys a log's checkpoints are believed by: those that were given, and those that one of them handed over to.

use super::error::LogError;
use super::files::{self, Files};
use super::problem::Problem;
use gateway_core::record::chain::Hash;
use gateway_core::record::log::note::MAX_NOTE;
use gateway_core::record::log::{SignedCheckpoint, VerifierKey};
use std::collections::BTreeMap;

/// The keys.
pub(super) struct Trust {
    keys: Vec<VerifierKey>,
    /// The checkpoints at which the key was replaced: of each size one, signed by both keys.
    rotations: BTreeMap<u64, SignedCheckpoint>,
    /// The key that signs now, where one of the keys was replaced.
    last: Option<VerifierKey>,
}

impl Trust {
    pub(super) fn read(files: &Files, keys: &[VerifierKey]) -> Result<Self, LogError> {
        let mut rotations = BTreeMap::new();
        for path in files::list(&files.rotations())?.unwrap_or_default() {
            let bytes = files::read(&path, MAX_NOTE as u64)?.unwrap_or_default();
            // What is none proves nothing, and is not needed for anything else.
            if let Ok(signed) = SignedCheckpoint::parse(&bytes) {
                rotations.insert(signed.checkpoint().size, signed);
            }
        }
        Ok(Self { keys: keys.to_vec(), rotations, last: None })
    }

    /// The sizes at which keys were replaced.
    pub(super) fn sizes(&self) -> impl Iterator<Item = u64> + '_ {
        self.rotations.keys().copied()
    }

    /// Goes through the entries that replace a key, each with its number, and believes those whose checkpoint both keys signed and
    /// whose tree is the log's.
    pub(super) fn hand_over(&mut self, handed: &[(u64, VerifierKey, VerifierKey)], roots: &BTreeMap<u64, Hash>) -> Vec<Problem> {
        let mut problems = Vec::new();
        for (index, old, new) in handed {
            let Some((size, signed)) = self.rotations.range(index + 1..).next() else { continue };
            let by_both = [old, new].into_iter().all(|key| signed.note().verify(std::slice::from_ref(key)).is_ok());
            if !by_both {
                continue;
            }
            if roots.get(size) != Some(&signed.checkpoint().root) {
                problems.push(Problem::RolledBack { size: *size });
            } else if self.keys.contains(old) || self.keys.contains(new) {
                self.keys.extend([old, new].into_iter().filter(|key| !self.keys.contains(key)).cloned().collect::<Vec<_>>());
                self.last = Some(new.clone());
            }
        }
        problems
    }

    /// Whether the log's own checkpoint is signed by the key that signs now.
    pub(super) fn verify_last(&self, signed: &SignedCheckpoint) -> Result<(), String> {
        let last = self.last.as_ref().map_or(self.keys.as_slice(), std::slice::from_ref);
        verify(signed, last)
    }

    /// Whether it is one of the keys.
    pub(super) fn believes(&self, key: &VerifierKey) -> bool {
        self.keys.contains(key)
    }

    /// Whether a checkpoint is signed by any of the keys.
    pub(super) fn verify(&self, signed: &SignedCheckpoint) -> Result<(), String> {
        verify(signed, &self.keys)
    }
}

fn verify(signed: &SignedCheckpoint, keys: &[VerifierKey]) -> Result<(), String> {
    let by = signed.note().verify(keys).map_err(|why| why.to_string())?;
    let origin = &signed.checkpoint().origin;
    let fits = by.iter().any(|by| by.key.name() == origin);
    if fits { Ok(()) } else { Err(format!("its key signs for another log than {origin}")) }
}
