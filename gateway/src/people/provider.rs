//! The identity provider: its document and keys, fetched when needed and kept for a while, and what it signed.

use super::claims;
use super::error::{SignInError, foreign};
use super::flow::{Http, Identity, Metadata, Others, Relying, Tokens};
use crate::config::OidcSettings;
use crate::credential;
use chrono::{DateTime, Utc};
use openidconnect::core::{
    CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim, CoreJsonWebKey, CoreJwsSigningAlgorithm,
};
use openidconnect::{
    AuthType, ClaimsVerificationError, Client, ClientId, ClientSecret, DiscoveryError, IdTokenClaims, IdTokenVerifier, IssuerUrl,
    Nonce, OAuth2TokenResponse as _, RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, StandardErrorResponse,
    TokenResponse as _,
};
use serde_json::{Map, Value};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};
use tokio::sync::Mutex;

/// A document and keys that are older are fetched again before they are used.
const FRESH: Duration = Duration::from_secs(3600);
/// Those that can't be fetched again are used for so long.
const USABLE: Duration = Duration::from_secs(12 * 3600);
/// An unknown key makes them be fetched again, but not more often than this.
const BETWEEN_UNKNOWN: Duration = Duration::from_secs(60);
/// A provider that could not be asked is left alone for so long.
const AFTER_FAILURE: Duration = Duration::from_secs(5);
/// How far the provider's clock and ours may be apart.
const SKEW: Duration = Duration::from_secs(60);
/// What was signed longer ago than this is not of this sign-in.
const OLDEST: Duration = Duration::from_secs(600);

/// Signatures that are taken. None is symmetric: who verifies could forge.
const ALGORITHMS: [CoreJwsSigningAlgorithm; 9] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
    CoreJwsSigningAlgorithm::EdDsa,
];

type TokenError = RequestTokenError<super::flow::Unanswered, StandardErrorResponse<CoreErrorResponseType>>;

/// The provider and what is known of it.
pub(super) struct Provider {
    pub(super) settings: OidcSettings,
    pub(super) http: Http,
    redirect: String,
    known: Mutex<Known>,
}

#[derive(Default)]
struct Known {
    metadata: Option<(Arc<Metadata>, Instant)>,
    /// When an unknown key last made it be fetched.
    unknown: Option<Instant>,
    failed: Option<(String, Instant)>,
}

impl Provider {
    pub(super) fn new(settings: OidcSettings, own_url: &str) -> Self {
        let http = Http::new(settings.origins.clone(), settings.ca.clone());
        Self { http, redirect: format!("{own_url}/auth/callback"), settings, known: Mutex::default() }
    }

    /// Its document, with its keys.
    pub(super) async fn metadata(&self) -> Result<Arc<Metadata>, SignInError> {
        // Held while asking: whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        let held = known.metadata.clone().map(|(metadata, since)| (metadata, since.elapsed()));
        match held {
            Some((metadata, age)) if age < FRESH => Ok(metadata),
            Some((metadata, age)) => match self.refresh(&mut known).await {
                Err(error) if age < USABLE => {
                    tracing::warn!(%error, "the identity provider's keys can't be fetched again: the old ones are used");
                    Ok(metadata)
                }
                other => other,
            },
            None => self.refresh(&mut known).await,
        }
    }

    /// The same, fetched again because of a key that is not known: it may be new.
    async fn metadata_again(&self) -> Result<Arc<Metadata>, SignInError> {
        let mut known = self.known.lock().await;
        if known.unknown.is_some_and(|at| at.elapsed() < BETWEEN_UNKNOWN) {
            let wait = BETWEEN_UNKNOWN.as_secs();
            let what = "its key is not among the provider's, which were fetched again for that";
            return Err(SignInError::Unbelievable(format!("{what} less than {wait} s ago")));
        }
        known.unknown = Some(Instant::now());
        self.refresh(&mut known).await
    }

    async fn refresh(&self, known: &mut Known) -> Result<Arc<Metadata>, SignInError> {
        if let Some((why, at)) = &known.failed
            && at.elapsed() < AFTER_FAILURE
        {
            return Err(SignInError::Unavailable(why.clone()));
        }
        match self.fetch().await {
            Ok(metadata) => {
                let metadata = Arc::new(metadata);
                (known.metadata, known.failed) = (Some((Arc::clone(&metadata), Instant::now())), None);
                Ok(metadata)
            }
            Err(why) => {
                known.failed = Some((why.clone(), Instant::now()));
                Err(SignInError::Unavailable(why))
            }
        }
    }

    async fn fetch(&self) -> Result<Metadata, String> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone()).map_err(|error| error.to_string())?;
        let metadata = Metadata::discover_async(issuer, &self.http).await.map_err(|error| match error {
            DiscoveryError::Request(error) => error.to_string(),
            DiscoveryError::Response(status, _, what) => format!("its document: it answered {status}: {}", foreign(&what)),
            other => format!("its document: {}", foreign(&other.to_string())),
        })?;
        if !self.http.may_ask(metadata.authorization_endpoint().url()) {
            let origin = metadata.authorization_endpoint().url().origin().ascii_serialization();
            return Err(format!("it has people sign in at {origin}: where that is right, add it to [console.oidc] origins"));
        }
        Ok(metadata)
    }

    /// weir as the provider's client.
    pub(super) fn client(&self, metadata: &Metadata) -> Result<Relying, SignInError> {
        let secret = self.settings.client_secret.as_ref().map(credential::fetch).transpose();
        let secret = secret.map_err(|error| SignInError::Setup(error.to_string()))?;
        let secret = secret.map(|secret| ClientSecret::new(secret.password.to_string()));
        let setup = |error: &dyn std::fmt::Display| SignInError::Setup(error.to_string());
        let token = metadata.token_endpoint().cloned();
        let token = token.ok_or_else(|| SignInError::Unavailable("its document names no token endpoint".to_owned()))?;
        let redirect = RedirectUrl::new(self.redirect.clone()).map_err(|error| setup(&error))?;
        let client = Client::from_provider_metadata(metadata.clone(), ClientId::new(self.settings.client_id.clone()), secret);
        let posts = metadata.token_endpoint_auth_methods_supported().is_some_and(|methods| {
            !methods.contains(&CoreClientAuthMethod::ClientSecretBasic)
                && methods.contains(&CoreClientAuthMethod::ClientSecretPost)
        });
        let way = if posts { AuthType::RequestBody } else { AuthType::BasicAuth };
        Ok(client.set_redirect_uri(redirect).set_token_uri(token).set_auth_type(way))
    }

    /// The scopes beside `openid`.
    pub(super) fn scopes(&self) -> impl Iterator<Item = Scope> + '_ {
        // To be asked again whether somebody is known takes a token that outlives their being there (OpenID Connect Core §11).
        let offline = self.settings.check.map(|_| "offline_access".to_owned());
        let missing = offline.filter(|scope| !self.settings.scopes.contains(scope));
        self.settings.scopes.iter().cloned().chain(missing).map(Scope::new)
    }

    /// Who it is that the provider gave these tokens for.
    pub(super) async fn person(&self, tokens: &Tokens, nonce: Option<&Nonce>) -> Result<claims::Known, SignInError> {
        let token = tokens.id_token().ok_or_else(|| SignInError::Unbelievable("there is no id_token in it".to_owned()))?;
        let mut claims = self.verified(token, nonce).await?;
        if !claims::are_complete(&claims, &self.settings) {
            self.ask_more(tokens, &mut claims).await?;
        }
        claims::read(&claims, &self.settings)
    }

    /// The claims of a token that is the provider's, for weir, and of this sign-in.
    async fn verified(&self, token: &Identity, nonce: Option<&Nonce>) -> Result<Map<String, Value>, SignInError> {
        let metadata = self.metadata().await?;
        let unknown = ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey);
        match self.verify(&self.client(&metadata)?, token, nonce) {
            Err(Unverified::Library(error)) if error == unknown => {
                let metadata = self.metadata_again().await?;
                self.verify(&self.client(&metadata)?, token, nonce)
            }
            other => other,
        }
        .map_err(|why| SignInError::Unbelievable(why.to_string()))
    }

    fn verify(&self, client: &Relying, token: &Identity, nonce: Option<&Nonce>) -> Result<Map<String, Value>, Unverified> {
        let now = DateTime::<Utc>::from(SystemTime::now());
        let (early, late) = (now - SKEW, now + SKEW);
        let verifier: IdTokenVerifier<'_, CoreJsonWebKey> =
            client.id_token_verifier().set_allowed_algs(ALGORITHMS).set_time_fn(move || early).set_issue_time_verifier_fn(
                move |issued| {
                    let fits = issued <= late && issued >= now - OLDEST;
                    if fits { Ok(()) } else { Err(format!("it was issued at {issued}, and now is {now}: compare the clocks")) }
                },
            );
        let claims: &IdTokenClaims<Others, CoreGenderClaim> = match nonce {
            Some(nonce) => token.claims(&verifier, nonce),
            // The device flow has none: what proves that it is this sign-in's is the device code.
            None => token.claims(&verifier, |_: Option<&Nonce>| Ok(())),
        }
        .map_err(Unverified::Library)?;
        // OpenID Connect Core §3.1.3.7, 5: the library leaves that to its callers.
        if claims.authorized_party().is_some_and(|party| **party != self.settings.client_id) {
            return Err(Unverified::Other("it was issued to another (`azp`)"));
        }
        let Ok(Value::Object(claims)) = serde_json::to_value(claims) else {
            return Err(Unverified::Other("its claims are none"));
        };
        let begins = claims.get("nbf").and_then(Value::as_f64);
        if begins.is_some_and(|begins| begins > late.timestamp() as f64) {
            return Err(Unverified::Other("it is not good yet (`nbf`)"));
        }
        Ok(claims)
    }

    /// Asks for the claims that the token has left out (OpenID Connect Core §5.3).
    async fn ask_more(&self, tokens: &Tokens, claims: &mut Map<String, Value>) -> Result<(), SignInError> {
        let metadata = self.metadata().await?;
        let Some(place) = metadata.userinfo_endpoint() else { return Ok(()) };
        let unfit = || SignInError::Unavailable("its userinfo endpoint can't be asked".to_owned());
        let request = openidconnect::http::Request::get(place.url().as_str())
            .header("authorization", format!("Bearer {}", tokens.access_token().secret()))
            .header("accept", "application/json")
            .body(Vec::new())
            .map_err(|_| unfit())?;
        let answer = self.http.ask(request).await.map_err(|error| SignInError::Unavailable(error.to_string()))?;
        let told: Option<Map<String, Value>> = serde_json::from_slice(answer.body()).ok();
        let Some(told) = told.filter(|_| answer.status().is_success()) else {
            let status = answer.status();
            return Err(SignInError::Unavailable(format!("its userinfo endpoint answered {status}, and no JSON object")));
        };
        // §5.3.2: an answer about somebody else must not be used.
        if told.get("sub") != claims.get("sub") {
            return Err(SignInError::Unbelievable("its userinfo endpoint speaks of somebody else".to_owned()));
        }
        for (name, value) in told {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }
}

/// Why a token is not believed.
#[derive(Debug, thiserror::Error)]
enum Unverified {
    #[error("the id_token: {0}")]
    Library(ClaimsVerificationError),
    #[error("the id_token: {0}")]
    Other(&'static str),
}

/// Why the provider gave no tokens.
pub(super) fn not_given(error: TokenError) -> SignInError {
    match error {
        RequestTokenError::ServerResponse(said) => {
            let why = said.error_description().map_or_else(String::new, |why| format!(" ({})", foreign(why)));
            SignInError::Declined(format!("{}{why}", foreign(said.error().as_ref())))
        }
        RequestTokenError::Request(error) => SignInError::Unavailable(error.to_string()),
        // What could not be read may hold tokens.
        RequestTokenError::Parse(error, _) => SignInError::Unbelievable(foreign(&error.to_string())),
        RequestTokenError::Other(what) => SignInError::Unbelievable(foreign(&what)),
    }
}
