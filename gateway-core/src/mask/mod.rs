//! How a value is hidden: transforms of a value's bytes, for each type that the server brings, as text and binary.

mod transform;

pub use transform::{DatePart, Key, Transform};
