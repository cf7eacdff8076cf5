//! Policy over the past: recorded decisions, made again with another set.
//!
//! `past` walks through the records; `again` decides; `compare` says what would change; `suggest` writes the least policy
//! that what was seen needs; `readiness` says since when enforcing would have refused nothing; `in_force` which set
//! decided at a moment. Nothing is kept of a record but counts and examples: the memory that it takes is bounded.

mod again;
mod compare;
mod in_force;
mod past;
mod readiness;
mod suggest;

pub use again::Judge;
pub use compare::{Change, Comparison, Group, Kind, compare};
pub use in_force::{Found, InForceError, in_force};
pub use past::{Asked, Filter, Item, Past, Progress, Session, Walked, walk};
pub use readiness::{Difference, Line, Readiness, ShadowLine, readiness};
pub use suggest::{SuggestError, Suggestion, suggest};

#[cfg(test)]
mod tests;
