//! Checkpoints (c2sp.org/tlog-checkpoint): what is signed of a log.

use super::key::VerifierKey;
use super::note::{Note, NoteError, Signed};
use super::text;
use crate::record::chain::Hash;
use std::fmt;

/// A log's size and root hash.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Checkpoint {
    /// Which log it is of.
    pub origin: String,
    /// How many entries the tree has.
    pub size: u64,
    /// The tree's root hash.
    pub root: Hash,
    /// Further lines, which are kept as they are.
    pub extensions: Vec<String>,
}

/// A checkpoint with its signatures, none of them checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedCheckpoint {
    note: Note,
    checkpoint: Checkpoint,
}

/// Why a checkpoint is none, or is not to be believed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CheckpointError {
    /// It is no signed note, or not by whom it should be.
    #[error("the checkpoint is not to be believed: {0}")]
    Note(#[from] NoteError),
    /// The note's text is no checkpoint.
    #[error("it is no checkpoint: the lines should be a name, a number, and a hash in base 64")]
    Form,
    /// It is another log's.
    #[error("it is a checkpoint of the log {found:?}, and one of {expected:?} is wanted")]
    Origin {
        /// The log that was asked for.
        expected: String,
        /// The log that it is of.
        found: String,
    },
}

impl Checkpoint {
    /// Reads a note's text.
    ///
    /// # Errors
    /// Where it is no checkpoint.
    pub fn parse(text: &str) -> Result<Self, CheckpointError> {
        let mut lines = text.strip_suffix('\n').ok_or(CheckpointError::Form)?.split('\n');
        let mut line = || lines.next().filter(|line| !line.is_empty()).ok_or(CheckpointError::Form);
        let origin = line()?.to_owned();
        let size = text::number(line()?).ok_or(CheckpointError::Form)?;
        let root = text::read_hash(line()?).ok_or(CheckpointError::Form)?;
        let extensions: Vec<String> = lines.map(str::to_owned).collect();
        let fits = extensions.iter().all(|line| !line.is_empty());
        if fits { Ok(Self { origin, size, root, extensions }) } else { Err(CheckpointError::Form) }
    }
}

/// The note's text.
impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}\n{}\n{}", self.origin, self.size, text::hash(self.root))?;
        self.extensions.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl SignedCheckpoint {
    /// A checkpoint that nobody signed yet.
    ///
    /// # Errors
    /// Where it can't be written as a note.
    pub fn new(checkpoint: Checkpoint) -> Result<Self, CheckpointError> {
        let note = Note::new(checkpoint.to_string())?;
        if Checkpoint::parse(note.text())? == checkpoint { Ok(Self { note, checkpoint }) } else { Err(CheckpointError::Form) }
    }

    /// Reads a checkpoint with its signatures.
    ///
    /// # Errors
    /// Where it is none.
    pub fn parse(bytes: &[u8]) -> Result<Self, CheckpointError> {
        let note = Note::parse(bytes)?;
        let checkpoint = Checkpoint::parse(note.text())?;
        Ok(Self { note, checkpoint })
    }

    /// What it says. It is to be believed once [`Self::verify`] said so.
    #[must_use]
    pub const fn checkpoint(&self) -> &Checkpoint {
        &self.checkpoint
    }

    /// The note.
    #[must_use]
    pub const fn note(&self) -> &Note {
        &self.note
    }

    /// The note, for signatures to be added.
    pub const fn note_mut(&mut self) -> &mut Note {
        &mut self.note
    }

    /// Who of `keys` signed it, if it is of the log `origin`.
    ///
    /// # Errors
    /// Where none did, one of the signatures is forged, or it is of another log.
    pub fn verify(&self, origin: &str, keys: &[VerifierKey]) -> Result<Vec<Signed>, CheckpointError> {
        if self.checkpoint.origin != origin {
            return Err(CheckpointError::Origin { expected: origin.to_owned(), found: self.checkpoint.origin.clone() });
        }
        Ok(self.note.verify(keys)?)
    }
}

impl fmt::Display for SignedCheckpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.note, f)
    }
}

#[cfg(test)]
mod tests {
    use super::super::key::SigningKey;
    use super::*;
    use zeroize::Zeroizing;

    #[test]
    fn the_specifications_example_reads_back() {
        let text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n";
        let checkpoint = Checkpoint::parse(text).unwrap();
        assert_eq!((checkpoint.size, checkpoint.to_string().as_str()), (20_852_163, text));
        let lines = "— example.com/behind-the-sofa Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n\
                     — witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJsX3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n";
        let signed = SignedCheckpoint::parse(format!("{text}\n{lines}").as_bytes()).unwrap();
        assert_eq!(signed.checkpoint(), &checkpoint);
        assert_eq!(signed.note().signatures()[1].bytes.get(..8), Some(1_679_315_147u64.to_be_bytes().as_slice()));
        let more = Checkpoint::parse(&format!("{text}time 5\nmore\n")).unwrap();
        assert_eq!((more.extensions.len(), more.to_string()), (2, format!("{text}time 5\nmore\n")));
    }

    #[test]
    fn what_is_no_checkpoint_is_refused() {
        let hash = text::hash(Hash::default());
        assert!(Checkpoint::parse(&format!("a\n0\n{hash}\n")).is_ok());
        for wrong in [
            String::new(),
            "\n".into(),
            "a\n".into(),
            "a\n1\n".into(),
            format!("\n1\n{hash}\n"),
            format!("a\n01\n{hash}\n"),
            format!("a\n-1\n{hash}\n"),
            format!("a\n1\n{hash}"),
            format!("a\n1\n{hash} \n"),
            format!("a\n1\n{}\n", hash.trim_end_matches('=')),
            format!("a\n1\n{hash}\n\n"),
            format!("a\n1\n{hash}\n\nx\n"),
            format!("a\n9223372036854775808\n{hash}\n"),
        ] {
            assert_eq!(Checkpoint::parse(&wrong), Err(CheckpointError::Form), "{wrong:?}");
        }
    }

    #[test]
    fn it_is_believed_of_its_own_log_alone() {
        let key = SigningKey::from_seed("a", &Zeroizing::new([1; 32])).unwrap();
        let made = |origin: &str| Checkpoint { origin: origin.into(), size: 1, root: Hash::default(), extensions: Vec::new() };
        let mut signed = SignedCheckpoint::new(made("a")).unwrap();
        signed.note_mut().sign(&key);
        let keys = [key.verifier().clone()];
        assert!(signed.verify("a", &keys).is_ok());
        assert!(matches!(signed.verify("b", &keys), Err(CheckpointError::Origin { .. })));
        for wrong in ["", "a\nb", "a\tb"] {
            assert!(SignedCheckpoint::new(made(wrong)).is_err(), "{wrong:?}");
        }
    }
}
