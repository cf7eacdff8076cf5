//! One issuer: its discovery document and its keys, fetched when needed and kept for a while.

use super::failure::Failure;
use super::fetch::{Fetcher, url};
use super::keys::Keys;
use super::strict;
use super::token::{Expected, Parts, Verified};
use crate::config::IssuerSettings;
use serde_json::Value;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Mutex;

const DISCOVERY_BYTES: usize = 64 << 10;
const KEYS_BYTES: usize = 256 << 10;
/// Keys that are older are fetched again before they are used.
const FRESH: Duration = Duration::from_secs(3600);
/// Keys that can't be fetched again are used for so long after they were fetched.
const USABLE: Duration = Duration::from_secs(12 * 3600);
/// A token with an unknown key makes the keys be fetched again, but not more often than this: jobs choose what is in a token's header.
const BETWEEN_UNKNOWN: Duration = Duration::from_secs(60);
/// An issuer that could not be asked is left alone for so long.
const AFTER_FAILURE: Duration = Duration::from_secs(5);

/// An issuer and what is known of it.
pub(super) struct Issuer {
    pub(super) settings: IssuerSettings,
    pub(super) fetcher: Fetcher,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    keys: Option<(Arc<Keys>, Instant)>,
    /// When an unknown key last made them be fetched.
    unknown: Option<Instant>,
    failed: Option<(String, Instant)>,
}

impl Issuer {
    pub(super) fn new(settings: IssuerSettings) -> Self {
        Self { fetcher: Fetcher::new(settings.ca.clone()), settings, known: Mutex::default() }
    }

    /// Verifies a token against this issuer's keys. `now` in seconds since 1970.
    pub(super) async fn verify(&self, token: &str, now: i64) -> Result<Verified, Failure> {
        let parts = Parts::read(token)?;
        let keys = self.keys_with(&parts.key).await?;
        parts.verify(&keys, &Expected { issuer: &self.settings.url, audience: &self.settings.audience, now })
    }

    /// The keys, fetched again where the wanted one is not among them: it may be new.
    async fn keys_with(&self, wanted: &str) -> Result<Arc<Keys>, Failure> {
        // Held while asking: whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        let now = Instant::now();
        let held = known.keys.clone().map(|(keys, at)| (keys, now.duration_since(at)));
        match held {
            Some((keys, age)) if age < FRESH => {
                if keys.find(wanted).is_some() {
                    return Ok(keys);
                }
                if known.unknown.is_some_and(|at| now.duration_since(at) < BETWEEN_UNKNOWN) {
                    let wait = BETWEEN_UNKNOWN.as_secs();
                    let what = "its key is not among the issuer's, which were fetched again because of such a token";
                    return Err(Failure::invalid(format!("{what} less than {wait} s ago")));
                }
                known.unknown = Some(now);
                self.refresh(&mut known).await
            }
            Some((keys, age)) => {
                let fetched = self.refresh(&mut known).await;
                match fetched {
                    Err(error) if age < USABLE && keys.find(wanted).is_some() => {
                        tracing::warn!(issuer = self.settings.name, %error, "the issuer's keys can't be fetched again: the old ones are used");
                        Ok(keys)
                    }
                    other => other,
                }
            }
            None => self.refresh(&mut known).await,
        }
    }

    async fn refresh(&self, known: &mut Known) -> Result<Arc<Keys>, Failure> {
        if let Some((why, at)) = &known.failed
            && at.elapsed() < AFTER_FAILURE
        {
            return Err(Failure::unavailable(why.clone()));
        }
        match self.fetch().await {
            Ok(keys) => {
                let keys = Arc::new(keys);
                known.keys = Some((Arc::clone(&keys), Instant::now()));
                known.failed = None;
                Ok(keys)
            }
            Err(error) => {
                known.failed = Some((error.to_string(), Instant::now()));
                Err(error)
            }
        }
    }

    /// Reads the discovery document (OpenID Connect Discovery 1.0 §4) and the keys that it points to.
    async fn fetch(&self) -> Result<Keys, Failure> {
        let issuer = &self.settings.url;
        let own = url(issuer)?;
        let place = url(&format!("{}/.well-known/openid-configuration", issuer.trim_end_matches('/')))?;
        let document = self.fetcher.get(&place, None, DISCOVERY_BYTES).await?;
        let unfit = |what: String| Failure::unavailable(format!("the discovery document of {issuer}: {what}"));
        let fields = strict::object(&document).map_err(|error| unfit(error.to_string()))?;
        let text = |name: &str| fields.get(name).and_then(Value::as_str);
        // §4.3: a document that speaks for another issuer is none of this one's.
        if text("issuer") != Some(issuer) {
            return Err(unfit(format!("it is {:?}'s", text("issuer").unwrap_or_default())));
        }
        let keys = match &self.settings.jwks {
            Some(configured) => url(configured)?,
            None => {
                let found = url(text("jwks_uri").ok_or_else(|| unfit("it has no `jwks_uri`".to_owned()))?)?;
                if (found.host(), found.port()) != (own.host(), own.port()) {
                    let where_to = format!("{}:{}", found.host(), found.port());
                    return Err(unfit(format!("its keys are at {where_to}, elsewhere: set `jwks` to allow that")));
                }
                found
            }
        };
        Keys::read(&self.fetcher.get(&keys, None, KEYS_BYTES).await?)
    }
}
