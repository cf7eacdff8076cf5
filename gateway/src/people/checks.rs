//! Whether people who are signed in are still known to their provider, asked of it at an interval: for providers that keep no directory here.
//!
//! What is asked with, a refresh token, is in memory alone. A provider that can't be asked has said nothing.

use super::People;
use super::error::SignInError;
use super::sign_in::Admitted;
use crate::control::Desk;
use crate::ledger::{How, Kind, LedgerError, SignIn};
use gateway_core::directory::folded;
use openidconnect::core::CoreErrorResponseType;
use openidconnect::{OAuth2TokenResponse as _, RefreshToken, RequestTokenError};
use serde_json::json;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Sessions that are checked at most; others are not.
const MOST: usize = 10_000;
/// How often it is looked whether any is due, at least.
const LOOK: Duration = Duration::from_secs(30);

/// What the sessions that are to be checked are checked with, by the hash of their cookie.
#[derive(Default)]
pub(super) struct Checks(Mutex<HashMap<String, Kept>>);

#[derive(Clone)]
struct Kept {
    person: String,
    token: RefreshToken,
    /// When it was asked last.
    at: Instant,
}

/// What a provider says of somebody.
enum Said {
    /// They are known; from now on it is asked with this.
    Known(Option<RefreshToken>),
    /// It does not know them any more.
    Refused,
    /// Nothing.
    Nothing(String),
}

impl People {
    /// Has a session checked, where that is wanted and the provider has given what it takes.
    pub(super) fn keep_checking(&self, sha256: String, person: &str, token: Option<&RefreshToken>) {
        if self.interval().is_none() {
            return;
        }
        let Some(token) = token.cloned() else {
            tracing::warn!("the identity provider gives no refresh token: let it, or take [console.oidc] check out");
            return;
        };
        let kept = Kept { person: person.to_owned(), token, at: Instant::now() };
        let mut all = self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        if all.len() < MOST {
            all.insert(sha256, kept);
        }
    }

    /// Checks whoever is due, for ever.
    pub async fn check(self: Arc<Self>, desk: Desk) {
        let Some(interval) = self.interval() else { return };
        loop {
            tokio::time::sleep(LOOK.min(interval / 4)).await;
            for (sha256, kept) in self.due(interval) {
                self.check_one(&desk, sha256, kept).await;
            }
        }
    }

    async fn check_one(&self, desk: &Desk, sha256: String, kept: Kept) {
        let session = super::sessions::number(&sha256);
        let looked = self.written(move |ledger| ledger.look(|look| look.find::<SignIn>(session))).await;
        if matches!(&looked, Ok(found) if found.as_ref().is_none_or(|found| found.sha256 != sha256)) {
            // It is over, and with it what it was checked with.
            return;
        }
        let Kept { person, token, .. } = kept;
        let token = match self.ask_provider(&token).await {
            Said::Known(fresh) => fresh.unwrap_or(token),
            Said::Nothing(why) => {
                tracing::debug!(why, "the identity provider has not said whether somebody is known");
                token
            }
            Said::Refused => {
                let issuer = self.provider.as_ref().map(|provider| provider.settings.issuer.clone()).unwrap_or_default();
                if let Err(error) = desk.refused_by_provider(&person, &issuer).await {
                    tracing::error!(%error, "that somebody has left can't be written down");
                    return self.put_back(sha256, Kept { person, token, at: Instant::now() });
                }
                return;
            }
        };
        self.put_back(sha256, Kept { person, token, at: Instant::now() });
    }

    async fn ask_provider(&self, token: &RefreshToken) -> Said {
        let nothing = |error: &dyn std::fmt::Display| Said::Nothing(error.to_string());
        let asked = async {
            let provider = self.provider()?;
            let client = provider.client(&*provider.metadata().await?)?;
            Ok::<_, SignInError>(client.exchange_refresh_token(token).request_async(&provider.http).await)
        };
        match asked.await {
            Err(error) => nothing(&error),
            Ok(Ok(tokens)) => Said::Known(tokens.refresh_token().cloned()),
            // RFC 6749 §5.2: what was given to somebody is good no more.
            Ok(Err(RequestTokenError::ServerResponse(said))) if *said.error() == CoreErrorResponseType::InvalidGrant => {
                Said::Refused
            }
            Ok(Err(error)) => nothing(&super::provider::not_given(error)),
        }
    }

    /// Takes out whoever is due: what is being asked with is asked with once.
    fn due(&self, interval: Duration) -> Vec<(String, Kept)> {
        let mut all = self.checks.0.lock().unwrap_or_else(PoisonError::into_inner);
        let due: Vec<_> =
            all.iter().filter(|(_, kept)| kept.at.elapsed() >= interval).map(|(sha256, _)| sha256.clone()).collect();
        due.into_iter().filter_map(|sha256| all.remove_entry(&sha256)).collect()
    }

    fn put_back(&self, sha256: String, kept: Kept) {
        self.checks.0.lock().unwrap_or_else(PoisonError::into_inner).insert(sha256, kept);
    }

    fn interval(&self) -> Option<Duration> {
        self.provider.as_ref()?.settings.check
    }

    /// Somebody has signed in whom the provider had refused: it knows them again. Whether they have left by anybody else's word.
    pub(super) async fn returned(&self, admitted: &Admitted) -> Result<(), SignInError> {
        let refused = self.left(&admitted.name).is_some_and(|departure| departure.how == How::Refused);
        if !refused {
            return Ok(());
        }
        let (name, issuer) = (admitted.name.clone(), self.provider()?.settings.issuer.clone());
        self.written(move |ledger| {
            ledger.change(|change| {
                if change.is_there(&[folded(&name)].into())? {
                    change.tell(
                        Kind::PersonReactivated,
                        &issuer,
                        &name,
                        &json!({ "why": "the identity provider knows them again" }),
                    )?;
                }
                Ok::<_, LedgerError>(())
            })
        })
        .await
    }
}
