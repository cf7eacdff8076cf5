//! A record's frames as people and machines read them: made safe to print, or as JSON.

mod frame;
pub mod postgres;
pub mod text;

pub use frame::{Formats, frame, no_end, statement_name};
