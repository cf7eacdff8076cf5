//! What is kept of a session: frames, the chain that joins them, and how both are checked.
//!
//! The format, byte by byte, stands in `docs/evidence.md`.

pub mod block;
pub mod body;
pub mod chain;
pub mod frame;
pub mod log;
pub mod read;
pub mod redact;
pub mod seal;
pub mod verify;

pub use chain::Hash;
pub use frame::{FrameBuffer, FrameKind};
