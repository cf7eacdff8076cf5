//! Why a batch was not taken, or not all of it.

use crate::credential::{self, CredentialError, Source};
use std::fmt;
use std::time::Duration;

/// What a receiver said, or that it said nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Failure {
    /// It is tried again: of the batch, the first `taken` entries were taken for certain.
    #[error("{why}")]
    Again {
        /// So many from the front need not be sent again.
        taken: usize,
        /// What went wrong, without any secret.
        why: String,
        /// How long the receiver wishes to be left alone.
        wait: Option<Duration>,
    },
    /// One entry will never be taken: it is set aside with the reason. Those before it were taken.
    #[error("entry {index} was refused: {why}")]
    Refused {
        /// Which of the batch, from 0.
        index: usize,
        /// What the receiver said, without any secret.
        why: String,
    },
}

impl Failure {
    /// None of the batch was taken, or nobody knows: it is tried again.
    pub(super) fn again(why: impl fmt::Display) -> Self {
        Self::Again { taken: 0, why: why.to_string(), wait: None }
    }

    /// The same, cut, and without what these sources hold: whoever answers may have sent it back.
    pub(super) fn without(self, secrets: &[&Source]) -> Self {
        match self {
            Self::Again { taken, why, wait } => Self::Again { taken, why: credential::without(why, secrets), wait },
            Self::Refused { index, why } => Self::Refused { index, why: credential::without(why, secrets) },
        }
    }
}

impl From<CredentialError> for Failure {
    fn from(error: CredentialError) -> Self {
        Self::again(error)
    }
}
