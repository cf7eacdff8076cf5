//! The transparency log of this state directory: who opened, grew and closed which record, under which policy and key, signed
//! so that whoever has a checkpoint from outside finds a host that was rewritten.
//!
//! The layout is C2SP's tlog-tiles, so that others' tools read it; `docs/log.md` has it byte by byte. Several gateways share it.

mod beside;
mod checkpoint;
mod error;
mod files;
mod journal;
mod problem;
mod prove;
mod read;
mod rotate;
mod shared;
mod signer;
mod standing;
mod state;
mod trust;
mod verify;
mod witness;

pub use beside::beside;
pub use error::LogError;
pub use problem::Problem;
pub use prove::prove;
pub use read::{Reading, covered, read_log};
pub use shared::{Entries, Log};
pub use signer::{KeyReference, Signer, SignerError, public_beside};
pub use standing::{Standing, Witnessed};
pub use state::Locked;
pub use verify::{LogVerification, verify_log};
pub use witness::{Cosigned, Witness, WitnessError};

#[cfg(test)]
mod tests;
