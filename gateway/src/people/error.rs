//! Why somebody is not let in, by whose fault.

use crate::ledger::LedgerError;

/// Why somebody is not let in. No text holds a token, a code or a secret.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    /// There is nobody to sign in with.
    #[error(
        "nobody signs in here: the configuration has neither [console.oidc] for this nor [console.saml]. API tokens work: `weir token create`"
    )]
    NoProvider,
    /// The provider can't be asked.
    #[error("the identity provider can't be asked: {0}")]
    Unavailable(String),
    /// Too much waits.
    #[error("too many sign-ins are under way: try again in a minute")]
    Busy,
    /// This sign-in was not begun in this browser, is over, or was used already.
    #[error(
        "this sign-in is not one that this browser has begun, or it took too long, or was used before: begin again at /auth/login"
    )]
    Stale,
    /// The provider has said no.
    #[error("the identity provider let nobody in: {0}")]
    Declined(String),
    /// What the provider sent does not hold.
    #[error("what the identity provider sent can't be believed: {0}")]
    Unbelievable(String),
    /// The person is known, and not let in.
    #[error("{who} is not let in: {why}")]
    Refused {
        /// Who.
        who: String,
        /// Why, and what to configure.
        why: String,
    },
    /// The gateway's own set-up is not fit.
    #[error("sign-in is not set up: {0}")]
    Setup(String),
    /// It could not be written down.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A fault of the gateway's own.
    #[error("the gateway failed at this by a fault of its own; its log says more")]
    Broken,
}

/// What somebody else wrote, for a text of ours: one line, of a bounded length.
pub(super) fn foreign(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).take(200).collect()
}
