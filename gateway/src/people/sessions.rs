//! Sessions of browsers: an opaque cookie, of which the ledger has the hash; idle and absolute ends.

use super::error::SignInError;
use super::sign_in::Admitted;
use super::{NOTED, People, random};
use crate::control::{Actor, Via};
use crate::credential::fingerprint;
use crate::evidence::now;
use crate::ledger::{Kind, SignIn};
use gateway_core::control::person::Person;
use gateway_core::model::time::Timestamp;
use serde_json::json;
use std::time::Duration;

/// A session's cookie.
#[derive(Clone)]
pub struct Cookie {
    /// What only the browser has.
    pub value: String,
    /// How long it is good at most.
    pub life: Duration,
}

impl std::fmt::Debug for Cookie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Cookie(..)")
    }
}

impl People {
    /// A session of this person, which ends at `end` at the latest; another that the same browser had is over.
    pub(super) async fn open_session(
        &self,
        known: Admitted,
        old: Option<String>,
        end: Option<Timestamp>,
    ) -> Result<Cookie, SignInError> {
        let value = random()?;
        let at = now();
        let left = end.map(|end| Duration::from_nanos(end.0.saturating_sub(at.0)));
        let (sha256, life) = (fingerprint(&value), left.unwrap_or(self.console.session).min(self.console.session));
        let Admitted { name, subject, groups } = known;
        let sign_in = SignIn {
            id: number(&sha256),
            sha256,
            person: name,
            subject,
            groups,
            since: at,
            seen_at: at,
            until: at.after(life),
            idle_seconds: self.console.idle.as_secs(),
        };
        self.written(move |ledger| {
            ledger.change(|change| {
                if let Some(old) = old.map(|old| fingerprint(&old))
                    && let Some(before) = change.find::<SignIn>(number(&old))?.filter(|before| before.sha256 == old)
                {
                    change.remove(&before)?;
                }
                change.put(&sign_in)?;
                let details = json!({ "groups": sign_in.groups, "subject": sign_in.subject, "until": sign_in.until });
                change.tell(Kind::SignedIn, &sign_in.person, &sign_in.person, &details)
            })
        })
        .await?;
        Ok(Cookie { value, life })
    }

    /// Who has this cookie; nobody where its session is over or never was.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub async fn by_cookie(&self, cookie: &str) -> Result<Option<Actor>, SignInError> {
        Ok(self.session(cookie, true).await?.and_then(|sign_in| self.actor(sign_in)))
    }

    /// The same, and it does not count as a use of the session.
    ///
    /// # Errors
    /// Where the ledger can't be read.
    pub async fn still_by_cookie(&self, cookie: &str) -> Result<Option<Actor>, SignInError> {
        Ok(self.session(cookie, false).await?.and_then(|sign_in| self.actor(sign_in)))
    }

    /// Who that is; nobody where they have left.
    fn actor(&self, sign_in: SignIn) -> Option<Actor> {
        let SignIn { person, groups, .. } = sign_in;
        let roles = self.roles(&person, &groups);
        let there = !self.has_left(&person);
        there.then_some(Actor { person: Person { name: person, groups, local_root: false }, via: Via::Web, roles })
    }

    /// Ends the session; where the browser goes then, which is the provider where that wants to sign people out. Nothing where
    /// there is no such session.
    ///
    /// # Errors
    /// Where that can't be written.
    pub async fn sign_out(&self, cookie: &str) -> Result<Option<String>, SignInError> {
        let Some(sign_in) = self.session(cookie, false).await? else { return Ok(None) };
        self.written(move |ledger| {
            ledger.change(|change| {
                change.remove(&sign_in)?;
                change.tell(Kind::SignedOut, &sign_in.person, &sign_in.person, &json!({ "why": "they signed out" }))
            })
        })
        .await?;
        Ok(Some(self.provider_sign_out().await.unwrap_or_else(|| "/".to_owned())))
    }

    /// The session of this cookie; that it was used is noted where it `counts`.
    async fn session(&self, cookie: &str, counts: bool) -> Result<Option<SignIn>, SignInError> {
        // Whatever is longer is none of ours.
        if cookie.len() > 64 {
            return Ok(None);
        }
        let sha256 = fingerprint(cookie);
        self.written(move |ledger| {
            let found = ledger.look(|look| look.find::<SignIn>(number(&sha256)))?;
            let at = now();
            let Some(mut found) = found.filter(|found| found.sha256 == sha256 && found.holds(at)) else { return Ok(None) };
            if counts && found.seen_at.after(NOTED) < at {
                found.seen_at = at;
                ledger.change(|change| {
                    // It may have ended meanwhile, and stays so.
                    if change.find::<SignIn>(found.id)?.is_some() { change.put(&found) } else { Ok(()) }
                })?;
            }
            Ok(Some(found))
        })
        .await
    }

    /// Where a person signs out at the provider (OpenID Connect RP-Initiated Logout 1.0 §2).
    async fn provider_sign_out(&self) -> Option<String> {
        let provider = self.provider.as_ref()?;
        let metadata = provider.metadata().await.ok()?;
        let place = metadata.additional_metadata().end_session_endpoint.as_deref()?;
        let mut place = openidconnect::url::Url::parse(place).ok().filter(|place| provider.http.may_ask(place))?;
        place
            .query_pairs_mut()
            .append_pair("client_id", &provider.settings.client_id)
            .append_pair("post_logout_redirect_uri", &format!("{}/", self.console.url));
        Some(place.into())
    }
}

/// The number that an entry has by its hash.
pub(super) fn number(sha256: &str) -> u64 {
    sha256.get(..16).and_then(|digits| u64::from_str_radix(digits, 16).ok()).unwrap_or_default()
}
