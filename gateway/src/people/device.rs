//! Signing in without a browser of one's own: the device flow (RFC 8628), which ends in a token of the API's.

use super::error::{SignInError, foreign};
use super::provider::not_given;
use super::{People, random};
use crate::control::{CommandError, TokenOf, issue};
use crate::credential::fingerprint;
use openidconnect::DeviceAuthorizationUrl;
use openidconnect::core::CoreDeviceAuthorizationResponse;
use serde::Serialize;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The longest that somebody may take, whatever the provider says.
const PATIENCE: Duration = Duration::from_secs(900);
/// So many may be under way.
const MOST: usize = 100;

/// Those that are under way, by the hash of their handle.
#[derive(Default)]
pub(super) struct Devices(Mutex<HashMap<String, Device>>);

/// One of them.
struct Device {
    since: Instant,
    /// What was given in the end, or why nothing was.
    done: Option<Result<Given, String>>,
}

/// What was given in the end.
#[derive(Clone)]
struct Given {
    token: String,
    person: String,
    until: gateway_core::model::time::Timestamp,
}

/// A sign-in that somebody has to go on with elsewhere.
#[derive(Clone, Debug, Serialize)]
#[expect(missing_docs, reason = "the fields are the API's and are documented there")]
pub struct DeviceBegun {
    pub handle: String,
    pub user_code: String,
    pub verification_uri: String,
    pub verification_uri_complete: Option<String>,
    pub expires_in: u64,
}

/// What has become of it.
#[derive(Clone, Serialize)]
#[serde(tag = "state", rename_all = "lowercase")]
pub enum DeviceAnswer {
    /// Nobody has signed in yet.
    Waiting,
    /// Somebody has.
    Done {
        /// Shown this once.
        token: String,
        /// Who.
        person: String,
        /// When it ends.
        until: gateway_core::model::time::Timestamp,
    },
    /// They were not let in, or took too long.
    Failed {
        /// Why.
        why: String,
    },
}

impl People {
    /// Begins one, and follows it until somebody has signed in or its time is over.
    ///
    /// # Errors
    /// Where there is no provider, it knows no such thing, or too many are under way.
    pub async fn begin_device(self: &Arc<Self>) -> Result<DeviceBegun, SignInError> {
        let provider = self.provider()?;
        let metadata = provider.metadata().await?;
        let place = metadata.additional_metadata().device_authorization_endpoint.clone();
        let place = place
            .ok_or_else(|| SignInError::Unavailable("it knows no device flow (`device_authorization_endpoint`)".to_owned()))?;
        let place = DeviceAuthorizationUrl::new(place).map_err(|error| SignInError::Unavailable(error.to_string()))?;
        let client = provider.client(&metadata)?.set_device_authorization_url(place);
        let request = client.exchange_device_code().add_scopes(provider.scopes());
        let begun: CoreDeviceAuthorizationResponse = request.request_async(&provider.http).await.map_err(not_given)?;
        let handle = random()?;
        self.devices.begin(fingerprint(&handle))?;
        let life = begun.expires_in().min(PATIENCE);
        let shown = DeviceBegun {
            handle: handle.clone(),
            user_code: foreign(begun.user_code().secret()),
            verification_uri: foreign(begun.verification_uri().as_str()),
            verification_uri_complete: begun.verification_uri_complete().map(|uri| foreign(uri.secret())),
            expires_in: life.as_secs(),
        };
        let people = Arc::clone(self);
        tokio::spawn(async move {
            let done = people.follow_device(&begun, life).await;
            people.devices.end(&fingerprint(&handle), done.map_err(|error| error.to_string()));
        });
        Ok(shown)
    }

    /// What has become of the one with this handle. What was given is given once.
    #[must_use]
    pub fn device(&self, handle: &str) -> Option<DeviceAnswer> {
        self.devices.answer(&fingerprint(handle))
    }

    async fn follow_device(&self, begun: &CoreDeviceAuthorizationResponse, life: Duration) -> Result<Given, SignInError> {
        let provider = self.provider()?;
        let client = provider.client(&*provider.metadata().await?)?;
        let request = client.exchange_device_access_token(begun);
        let tokens = request.request_async(&provider.http, tokio::time::sleep, Some(life)).await.map_err(|error| {
            SignInError::Declined(foreign(&match error {
                openidconnect::RequestTokenError::ServerResponse(said) => said.error().to_string(),
                openidconnect::RequestTokenError::Request(error) => error.to_string(),
                openidconnect::RequestTokenError::Parse(error, _) => error.to_string(),
                openidconnect::RequestTokenError::Other(what) => what,
            }))
        })?;
        let known = self.admitted(provider.person(&tokens, None).await, &provider.settings.issuer).await?;
        let seconds = self.console.session.as_secs();
        let person = known.name.clone();
        let of = TokenOf { person: known.name, groups: known.groups, by_root: false, roles: None };
        let (token, text) = self
            .written(move |ledger| Ok(ledger.change(|change| issue(change, "weir login", of, seconds))))
            .await?
            .map_err(|error: CommandError| SignInError::Setup(error.to_string()))?;
        Ok(Given { token: text, person, until: token.until })
    }
}

impl Devices {
    fn begin(&self, handle: String) -> Result<(), SignInError> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.retain(|_, device| device.since.elapsed() < PATIENCE + Duration::from_secs(60));
        if all.len() >= MOST {
            return Err(SignInError::Busy);
        }
        all.insert(handle, Device { since: Instant::now(), done: None });
        Ok(())
    }

    fn end(&self, handle: &str, done: Result<Given, String>) {
        if let Some(device) = self.0.lock().unwrap_or_else(PoisonError::into_inner).get_mut(handle) {
            device.done = Some(done);
        }
    }

    fn answer(&self, handle: &str) -> Option<DeviceAnswer> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(done) = all.get(handle)?.done.clone() else { return Some(DeviceAnswer::Waiting) };
        all.remove(handle);
        Some(match done {
            Ok(Given { token, person, until }) => DeviceAnswer::Done { token, person, until },
            Err(why) => DeviceAnswer::Failed { why },
        })
    }
}
