//! What a job is told of a request that weir does not pass on: Docker's own error, with words that help.

use serde_json::json;

/// A refused request: what of it, and why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("weir refused {what}: {why}")]
pub(super) struct Refused {
    /// The part of the request.
    pub(super) what: String,
    /// Why it is refused.
    pub(super) why: String,
}

impl Refused {
    pub(super) fn new(what: &str, why: &str) -> Self {
        // A name that a job chose is not repeated at length.
        Self { what: what.chars().take(80).collect(), why: why.to_owned() }
    }

    /// The body of Docker's `ErrorResponse`.
    pub(super) fn body(&self) -> Vec<u8> {
        json!({ "message": self.to_string() }).to_string().into_bytes()
    }
}
