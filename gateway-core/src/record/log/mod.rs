//! The transparency log, pure: what an entry says, the tree over all entries, and what is signed of it.
//!
//! The layout is C2SP's (c2sp.org/tlog-tiles, tlog-checkpoint, signed-note, tlog-proof, tlog-cosignature), the hashing RFC 6962's,
//! so that others' verifiers and witnesses read it. `docs/log.md` has it byte by byte; the files are `gateway/src/evidence/log/`.

pub mod checkpoint;
pub mod edge;
pub mod entry;
pub mod key;
pub mod note;
pub mod proof;
mod text;
pub mod tile;
pub mod tree;

pub use checkpoint::{Checkpoint, CheckpointError, SignedCheckpoint};
pub use edge::Edge;
pub use entry::{Entry, EntryError, Grown};
pub use key::{KeyError, SigningKey, VerifierKey};
pub use note::{Note, NoteError, Signature};
pub use proof::{Proof, ProofError};
