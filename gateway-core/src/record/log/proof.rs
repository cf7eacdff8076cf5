//! Proofs that an entry is in the log, for whoever has the log's public key and nothing else (c2sp.org/tlog-proof).

use super::checkpoint::{CheckpointError, SignedCheckpoint};
use super::key::VerifierKey;
use super::note::{MAX_NOTE, Signed};
use super::text;
use super::tree::{self, MOST_HASHES, TreeError};
use crate::record::chain::Hash;
use std::fmt;

const FIRST_LINE: &str = "c2sp.org/tlog-proof@v1";

/// A proof that an entry is in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What else is said; nobody signed it. weir puts the entry itself there.
    pub extra: Option<Vec<u8>>,
    /// Which entry, from 0.
    pub index: u64,
    /// The hashes from the leaf's sibling to the root's child.
    pub hashes: Vec<Hash>,
    /// What the log signed.
    pub checkpoint: SignedCheckpoint,
}

/// Why a proof proves nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ProofError {
    /// It has another form.
    #[error(
        "it is no proof: its first line should be `{FIRST_LINE}`, then `index N`, hashes in base 64, an empty line, a checkpoint"
    )]
    Form,
    /// Its checkpoint.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Its hashes.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

impl Proof {
    /// Reads a proof.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, ProofError> {
        if bytes.len() > 2 * MAX_NOTE {
            return Err(ProofError::Form);
        }
        let whole = std::str::from_utf8(bytes).map_err(|_| ProofError::Form)?;
        let (head, checkpoint) = whole.split_once("\n\n").ok_or(ProofError::Form)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(FIRST_LINE) {
            return Err(ProofError::Form);
        }
        let extra = lines
            .next_if(|line| line.starts_with("extra "))
            .map(|line| line.get(6..).and_then(text::bytes).ok_or(ProofError::Form));
        let index = lines.next().and_then(|line| text::number(line.strip_prefix("index ")?)).ok_or(ProofError::Form)?;
        let mut hashes = Vec::new();
        for line in lines {
            if hashes.len() >= MOST_HASHES {
                return Err(ProofError::Form);
            }
            hashes.push(text::read_hash(line).ok_or(ProofError::Form)?);
        }
        Ok(Self { extra: extra.transpose()?, index, hashes, checkpoint: SignedCheckpoint::parse(checkpoint.as_bytes())? })
    }

    /// Whether it proves that `entry` is in the log `origin`, of which one of `keys` signed the checkpoint. Says who signed.
    ///
    /// # Errors
    /// Where it doesn't: why.
    pub fn verify(&self, entry: &[u8], origin: &str, keys: &[VerifierKey]) -> Result<Vec<Signed>, ProofError> {
        let signed = self.checkpoint.verify(origin, keys)?;
        let checkpoint = self.checkpoint.checkpoint();
        tree::verify_inclusion(tree::leaf_hash(entry), self.index, checkpoint.size, &self.hashes, checkpoint.root)?;
        Ok(signed)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{FIRST_LINE}")?;
        if let Some(extra) = &self.extra {
            writeln!(f, "extra {}", text::encode(extra))?;
        }
        writeln!(f, "index {}", self.index)?;
        self.hashes.iter().try_for_each(|&hash| writeln!(f, "{}", text::hash(hash)))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::Checkpoint;
    use super::super::key::SigningKey;
    use super::*;
    use zeroize::Zeroizing;

    fn made() -> (Proof, VerifierKey) {
        let key = SigningKey::from_seed("log", &Zeroizing::new([1; 32])).unwrap();
        let (left, right) = (tree::leaf_hash(b"left"), tree::leaf_hash(b"right"));
        let root = tree::node_hash(left, right);
        let checkpoint = Checkpoint { origin: "log".into(), size: 2, root, extensions: Vec::new() };
        let mut checkpoint = SignedCheckpoint::new(checkpoint).unwrap();
        checkpoint.note_mut().sign(&key);
        (Proof { extra: Some(b"right".to_vec()), index: 1, hashes: vec![left], checkpoint }, key.verifier().clone())
    }

    #[test]
    fn a_proof_reads_back_and_proves_its_entry_alone() {
        let (proof, key) = made();
        let again = Proof::parse(proof.to_string().as_bytes()).unwrap();
        assert_eq!(again, proof);
        let keys = [key];
        assert!(again.verify(b"right", "log", &keys).is_ok());
        assert_eq!(again.verify(b"left", "log", &keys), Err(ProofError::Tree(TreeError::Root)));
        assert!(matches!(again.verify(b"right", "other", &keys), Err(ProofError::Checkpoint(CheckpointError::Origin { .. }))));
        assert!(matches!(again.verify(b"right", "log", &[]), Err(ProofError::Checkpoint(CheckpointError::Note(_)))));
        let other = Proof { index: 2, ..proof };
        assert!(matches!(other.verify(b"right", "log", &keys), Err(ProofError::Tree(TreeError::Outside { .. }))));
    }

    #[test]
    fn what_is_no_proof_is_refused() {
        let (proof, _) = made();
        let good = proof.to_string();
        for (from, to) in [
            ("proof@v1", "proof@v2"),
            ("extra ", "Extra "),
            ("extra ", "extra !"),
            ("index 1", "index 01"),
            ("index 1", "index -1"),
            ("index 1\n", ""),
            ("index 1\n", "index 1\n\n"),
            ("=\n\n", "\n\n"),
            ("\n\nlog", "\nlog"),
        ] {
            let wrong = good.replacen(from, to, 1);
            assert_ne!(wrong, good);
            assert!(Proof::parse(wrong.as_bytes()).is_err(), "{wrong}");
        }
        let deep = Proof { hashes: vec![Hash::default(); MOST_HASHES + 1], ..proof };
        assert_eq!(Proof::parse(deep.to_string().as_bytes()), Err(ProofError::Form));
    }
}
