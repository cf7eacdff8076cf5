//! Recorded sessions, run again on a scratch server: the exact sequence, and where its results differ.
//!
//! [`source`] gives frames, [`assemble`] makes operations of them, [`plan`] says which and whether they can be run,
//! [`run`] sends them in the order in which things happened, [`compare`] says what differs.

mod against;
mod assemble;
mod compare;
mod exact;
mod login;
mod missing;
mod plan;
mod report;
mod run;
mod source;
mod wire;

pub use against::{Against, AgainstError, IDENTITY};
pub use compare::{Difference, RowDifference};
pub use exact::{End, Exact, Expected, Kind, Obstacle, Prepared, Rows};
pub use plan::{Impossible, Plan, PlanError, Planned, Survey};
pub use report::{Differing, Report};
pub use run::{Terms, rerun};
pub use source::Source;
pub use wire::{Wire, WireError};
