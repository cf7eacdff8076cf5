//! Why a notifier could not be told: in words that hold no secret.

use crate::credential::{self, CredentialError, Source};
use std::fmt;
use std::time::Duration;

/// Why it failed, and what to do where that is known.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{why}")]
pub struct Failure {
    why: String,
    /// How long the other side wants to be left alone.
    pub wait: Option<Duration>,
}

impl Failure {
    /// A failure in these words.
    pub(super) fn new(why: impl fmt::Display) -> Self {
        Self { why: why.to_string(), wait: None }
    }

    /// The same, cut, and without what these sources hold: whoever answers may have sent it back.
    pub(super) fn without(mut self, secrets: &[&Source]) -> Self {
        self.why = credential::without(self.why, secrets);
        self
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        Self::new(error)
    }
}
