//! weir's pure core: bytes and values in, values out.
//!
//! Nothing here opens a socket or a file, starts a thread, reads a clock or draws a random
//! number: what time it is and what is random are arguments. `xtask tidy` keeps it so.

pub mod buffer;
pub mod control;
pub mod detect;
pub mod directory;
pub mod event;
pub mod finding;
pub mod hex;
pub mod inspect;
pub mod mask;
pub mod model;
pub mod policy;
pub mod protocol;
pub mod record;
pub mod saml;
