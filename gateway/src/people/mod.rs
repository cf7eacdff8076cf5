//! Who asks from elsewhere than this host: people who sign in with their identity provider, and tokens of the API's.

mod checks;
mod claims;
mod device;
mod error;
mod flow;
mod pending;
mod provider;
pub(crate) mod saml;
mod sessions;
mod sign_in;
mod tokens;

pub use device::{DeviceAnswer, DeviceBegun};
pub use error::SignInError;
pub use sessions::Cookie;
pub use sign_in::{Arrived, Begun, Callback};

use crate::config::{Config, ConsoleSettings, RoleRule};
use crate::credential;
use crate::ledger::{Departure, Ledger, LedgerError};
use checks::Checks;
use device::Devices;
use gateway_core::control::role::Scoped;
use pending::Pending;
use provider::Provider;
use saml::Saml;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

/// How often it is noted that a session or a token is used.
const NOTED: Duration = Duration::from_secs(60);

/// The people of one daemon.
pub struct People {
    console: ConsoleSettings,
    rules: Vec<RoleRule>,
    ledger: Arc<Ledger>,
    provider: Option<Provider>,
    saml: Option<Saml>,
    pending: Pending<sign_in::Asked>,
    devices: Devices,
    checks: Checks,
}

impl People {
    /// Those whom a configuration with a console lets in. Nobody is asked yet.
    #[must_use]
    pub fn new(config: &Config, ledger: Arc<Ledger>) -> Option<Self> {
        let console = config.console.clone()?;
        let provider = console.oidc.clone().map(|settings| Provider::new(settings, &console.url));
        let saml = console.saml.clone().map(|settings| Saml::new(settings, &console.url));
        let (pending, devices) = (Pending::default(), Devices::default());
        let checks = Checks::default();
        Some(Self { rules: config.roles.clone(), console, ledger, provider, saml, pending, devices, checks })
    }

    /// Where they are.
    #[must_use]
    pub const fn console(&self) -> &ConsoleSettings {
        &self.console
    }

    /// What the person of that name and these groups may.
    fn roles(&self, name: &str, groups: &BTreeSet<String>) -> Vec<Scoped> {
        self.rules.iter().filter(|rule| rule.is_of(name, groups)).map(|rule| rule.scoped.clone()).collect()
    }

    /// Whether whoever is called so has left. Their sessions and tokens have ended with that; of one that begins at that moment nobody
    /// knew then.
    fn has_left(&self, name: &str) -> bool {
        self.left(name).is_some()
    }

    fn left(&self, name: &str) -> Option<Arc<Departure>> {
        self.ledger.in_force().left.find(name).cloned()
    }

    fn provider(&self) -> Result<&Provider, SignInError> {
        self.provider.as_ref().ok_or(SignInError::NoProvider)
    }

    /// Does what waits for the disk, away from the thread that answers.
    async fn written<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Ledger) -> Result<T, LedgerError> + Send + 'static,
    ) -> Result<T, SignInError> {
        let ledger = Arc::clone(&self.ledger);
        match tokio::task::spawn_blocking(move || work(&ledger)).await {
            Ok(done) => Ok(done?),
            Err(error) => {
                tracing::error!(%error, "a look at who asks ended by a fault of ours");
                Err(SignInError::Broken)
            }
        }
    }
}

/// 256 random bits that stand in a cookie, a header or an address as they are.
fn random() -> Result<String, SignInError> {
    credential::random_token().map_err(|error| SignInError::Setup(error.to_string()))
}
