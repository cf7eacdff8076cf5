//! The corpus: statements as clients send them, each verdict held against what a real server did.
//!
//! `suite` takes down what PostgreSQL's own regression suite sends; `own` has statements of this
//! project. `replay` sends them again to a fresh server and observes the tags, locks and changes;
//! `compare` holds an inspection against that, and `behind` what is asked about the relations of views.

mod behind;
mod capture;
mod compare;
mod observe;
mod own;
mod replay;
mod report;
mod session;
mod suite;

pub use behind::Load;
pub use capture::{Recorded, Sent};
pub use compare::{Finding, Kind};
pub use own::own;
pub use replay::{Sample, replay};
pub use report::Report;
pub use suite::suite;
