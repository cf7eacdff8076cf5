//! `weir classify`: looks at a database through the target's own catalog credential, and proposes classes.
//!
//! `sample` reads names, types, constraints and a few rows; `evidence` says what speaks for a kind of value; `propose` makes
//! classes of that; `write` has them as configuration. No value that was read is kept, printed or written.

mod evidence;
mod propose;
mod sample;
mod write;

pub use propose::{Proposal, propose};
pub use sample::{ClassifyError, Column, look};
pub use write::toml;
