//! What is kept of a session: frames, the chain that joins them, and how both are checked.

pub mod frame;

pub use frame::{FrameBuffer, FrameKind};
