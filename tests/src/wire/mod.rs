//! A Postgres client that sends exactly the bytes that a test names, and says exactly what came back.

mod connection;
pub mod message;
mod script;
mod transcript;

pub use connection::{Connection, Received};
pub use script::{Script, Step, play};
pub use transcript::{Refusal, Transcript};
