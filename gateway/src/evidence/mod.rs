//! Evidence: what sessions leave behind on disk, written so that a change of it shows.
//!
//! [`Store`] opens the state directory and owns the one thread that writes; [`Recorder`] is a
//! session's way to it. What the files look like stands in `docs/evidence.md`.

mod doing;
mod error;
pub mod files;
mod index;
mod keeper;
pub mod log;
mod marks;
mod policies;
mod recorder;
mod recover;
mod removal;
mod sealed;
mod store;
mod subscriber;
mod tape;
mod unseal;
mod verify;
mod views;
mod walk;
mod writer;

pub use doing::{Current, Doing};
pub use error::{EvidenceError, Failed};
pub use index::{NOWHERE, State, Summary, index, summary};
pub use policies::{CameIntoForce, KeptPolicy, PolicyFile, PolicyHistory, keep as keep_policy, kept as kept_policy};
pub use recorder::{Closed, Recorder};
pub use recover::Recovered;
pub use removal::{Candidate, Due, Remover, Tombstone, due, tombstone};
pub use sealed::{Opener, Recipients, SealedError};
pub use store::{EvidenceSettings, OnFailure, Store};
pub use subscriber::{Subscriber, Subscription};
pub use unseal::{fits, has_sealed_layer, unseal};
pub use verify::{Trusted, Verification, Verified, verify};
pub use views::{How, View, enter_beside, is_at_rest, view_beside, views};
pub use walk::{Seen, Walk, is_live, last_hash};

use gateway_core::model::time::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// The host's wall clock, as the core takes it.
#[must_use]
pub fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp(u64::try_from(since.as_nanos()).unwrap_or(u64::MAX))
}

/// A time as RFC 3339 in UTC, to the millisecond.
#[must_use]
pub fn utc(time: Timestamp) -> String {
    let nanoseconds = i128::from(time.0);
    jiff::Timestamp::from_nanosecond(nanoseconds).map_or_else(|_| format!("{nanoseconds} ns"), |time| format!("{time:.3}"))
}

#[cfg(test)]
mod tests;
