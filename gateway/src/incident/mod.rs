//! What can be said of a target after something has happened: who was there, what they saw and changed, where else they went,
//! who has the same login, and when nobody was watching.

mod gaps;
mod html;
mod page;
mod proof;
pub mod reconcile;
mod report;

pub use gaps::{Cause, Gap, Gaps, gaps};
pub use html::html;
pub use page::{gaps_text, text};
pub use report::{Elsewhere, Exposure, Incident, IncidentRun, Object, Scope, Sibling, report};

use crate::evidence::EvidenceError;
use crate::index::IndexError;

/// Why nothing can be said.
#[derive(Debug, thiserror::Error)]
pub enum IncidentError {
    /// There is no index.
    #[error("the records are not indexed yet: ask again in a while, or weir audit reindex")]
    NoIndex,
    /// It can't be read.
    #[error(transparent)]
    Index(#[from] IndexError),
    /// The records can't.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
}
