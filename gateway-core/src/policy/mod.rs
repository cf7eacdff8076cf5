//! Every decision is made here: Cedar policies over facts, pure.
//!
//! Only [`PolicySet::decide`] and [`PolicySet::decide_operation`] make a [`Decision`], and only a
//! decision makes a [`Permit`]: what needs one can't be reached undecided. An error in any policy is a denial, since Cedar would
//! skip that policy, and a skipped `forbid` allows.

mod annotation;
pub mod basis;
mod bounds;
pub mod cases;
mod decide;
mod entities;
mod fuzz;
mod names;
mod operation;
mod reads;
mod rule;
mod set;
mod slice;
mod thresholds;

pub use annotation::{Alert, OnDeny, RecordLevel};
pub use bounds::{DEPTH, FILE_BYTES, OPERATORS, POLICIES, SET_BYTES};
pub use decide::{ConnectRequest, Decision, Known, Permit, ResolveRequest};
pub use entities::Asker;
pub use fuzz::fuzz_entry;
pub use names::entity as resource_id;
pub use operation::{OperationRequest, Running, Totals};
pub use set::{Entry, PolicyProblem, PolicySet};
pub use thresholds::Stretch;

use std::fmt;

/// The schema that every policy is checked against, in Cedar's own notation.
#[must_use]
pub const fn schema_text() -> &'static str {
    include_str!("schema.cedarschema")
}

/// Whether a denial refuses.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Mode {
    /// Nothing is refused; what would be is marked.
    #[default]
    Observe,
    /// A denial refuses.
    Enforce,
    /// Somebody broke the glass: a denial refuses nothing and is marked, and what is masked stays so.
    BreakGlass,
}

impl Mode {
    /// Its name, as configuration and records write it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Enforce => "enforce",
            Self::BreakGlass => "break-glass",
        }
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests;
