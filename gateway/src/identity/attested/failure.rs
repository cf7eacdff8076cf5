//! Why an identity could not be attested, by whose fault.

use gateway_core::model::principal::FailureKind;

/// What went wrong on the way from the job's token to an attested identity.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// The job looks like one of the issuer's and shows no token.
    #[error("{0}")]
    Absent(String),
    /// The issuer, or a store of ours, could not be asked.
    #[error("{0}")]
    Unavailable(String),
    /// The token is not what it has to be.
    #[error("{0}")]
    Invalid(String),
    /// The token is another job's.
    #[error("{0}")]
    Borrowed(String),
}

impl Failure {
    pub(super) const fn kind(&self) -> FailureKind {
        match self {
            Self::Absent(_) => FailureKind::Absent,
            Self::Unavailable(_) => FailureKind::Unavailable,
            Self::Invalid(_) => FailureKind::Invalid,
            Self::Borrowed(_) => FailureKind::Borrowed,
        }
    }

    pub(super) fn invalid(what: impl Into<String>) -> Self {
        Self::Invalid(what.into())
    }

    pub(super) fn unavailable(what: impl Into<String>) -> Self {
        Self::Unavailable(what.into())
    }
}
