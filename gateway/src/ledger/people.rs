//! Who is signed in, and with which tokens the API may be asked: of what is secret only the hash is kept.

use super::binding::Binding;
use super::entry::{Answer, Entry};
use super::event::Kind;
use super::{Change, LedgerError};
use gateway_core::control::role::Scoped;
use gateway_core::model::ids::TokenId;
use gateway_core::model::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::json;
use std::collections::BTreeSet;

/// A person's session in a browser. What is over is removed: events tell of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignIn {
    /// The first bits of [`Self::sha256`].
    pub id: u64,
    /// SHA-256 of the cookie, in hex.
    pub sha256: String,
    /// The person's name.
    pub person: String,
    /// Who that is to their identity provider.
    pub subject: String,
    /// Their groups, as the identity provider said at sign-in.
    pub groups: BTreeSet<String>,
    /// When they signed in.
    pub since: Timestamp,
    /// When they were last seen, to the minute.
    pub seen_at: Timestamp,
    /// When the session ends, whatever happens in it.
    pub until: Timestamp,
    /// How long it may be idle, in seconds.
    pub idle_seconds: u64,
}

/// A token with which the API may be asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Token {
    /// Its id, which is a part of it and no secret.
    pub id: TokenId,
    /// What it is for.
    pub name: String,
    /// SHA-256 of its secret part, in hex.
    pub sha256: String,
    /// Who made it, and acts by it.
    pub person: String,
    /// Their groups when it was made.
    pub groups: BTreeSet<String>,
    /// Whether that was root of the host.
    pub by_root: bool,
    /// What may be done with it; what its person may where there is none.
    pub roles: Option<Vec<Scoped>>,
    /// When it was made.
    pub made_at: Timestamp,
    /// When it ends.
    pub until: Timestamp,
    /// When it was last used, to the minute.
    pub seen_at: Option<Timestamp>,
    /// Who revoked it.
    pub revoked: Option<Answer>,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

impl SignIn {
    /// Whether it is good at this moment.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        let idle = at.0.saturating_sub(self.seen_at.0);
        at < self.until && idle < self.idle_seconds.saturating_mul(1_000_000_000)
    }
}

impl Token {
    /// Whether it is good at this moment.
    #[must_use]
    pub fn holds(&self, at: Timestamp) -> bool {
        self.ended_at.is_none() && at < self.until
    }
}

impl Entry for SignIn {
    const TABLE: &'static str = "sign_in";
    const IN_FORCE: bool = false;

    fn number(&self) -> u64 {
        self.id
    }

    fn is_open(&self) -> bool {
        true
    }
}

impl Entry for Token {
    const TABLE: &'static str = "token";
    // What its person does at a shell counts as long as it is good.
    const IN_FORCE: bool = true;

    fn number(&self) -> u64 {
        self.id.number()
    }

    fn is_open(&self) -> bool {
        self.ended_at.is_none()
    }
}

impl Change<'_> {
    /// Whether a sign-in or a token is over, and nobody has said so.
    pub(super) fn anybody_is_over(&self) -> Result<bool, LedgerError> {
        let at = self.at;
        let sign_ins = self.open::<SignIn>()?.iter().any(|sign_in| !sign_in.holds(at));
        Ok(sign_ins || self.open::<Token>()?.iter().any(|token| !token.holds(at)))
    }

    /// Ends the sign-ins and tokens whose time is over.
    pub(super) fn end_people(&mut self) -> Result<(), LedgerError> {
        let at = self.at;
        for sign_in in self.open::<SignIn>()?.into_iter().filter(|sign_in| !sign_in.holds(at)) {
            self.remove(&sign_in)?;
            self.tell(Kind::SignedOut, &sign_in.person, &sign_in.person, &json!({ "why": "its time was over" }))?;
        }
        for mut token in self.open::<Token>()?.into_iter().filter(|token| !token.holds(at)) {
            token.ended_at = Some(at);
            self.put(&token)?;
            self.tell(Kind::TokenEnded, "weir", &token.id.to_string(), &json!({ "name": token.name, "person": token.person }))?;
        }
        for binding in self.open::<Binding>()?.into_iter().filter(|binding| binding.until <= at) {
            self.remove(&binding)?;
        }
        Ok(())
    }
}
