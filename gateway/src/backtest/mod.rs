//! Policy over the past: recorded decisions, made again with another set.
//!
//! `past` walks through the records; `again` decides; `compare` says what would change; `suggest` writes the least policy
//! that what was seen needs; `readiness` says since when enforcing would have refused nothing. Nothing is kept of a record but counts and examples: the memory that it takes is bounded.

mod again;
mod compare;
mod past;
mod readiness;
mod suggest;

pub use again::Judge;
pub use compare::{Change, Comparison, Group, Kind, compare};
pub use past::{Asked, Filter, Item, Past, Progress, Session, Walked, walk};
pub use readiness::{Difference, Line, Readiness, ShadowLine, readiness};
pub use suggest::{SuggestError, Suggestion, suggest};

#[cfg(test)]
mod tests;
