//! `openidconnect`'s types as they are used here, and the client that its requests go out by.

use crate::https::{Client as Https, Url};
use openidconnect::core::{
    CoreAuthDisplay, CoreAuthPrompt, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreErrorResponseType, CoreGenderClaim,
    CoreGrantType, CoreJsonWebKey, CoreJweContentEncryptionAlgorithm, CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm,
    CoreResponseMode, CoreResponseType, CoreRevocableToken, CoreRevocationErrorResponse, CoreSubjectIdentifierType,
    CoreTokenIntrospectionResponse, CoreTokenType,
};
use openidconnect::{
    AdditionalClaims, AdditionalProviderMetadata, AsyncHttpClient, Client, EmptyExtraTokenFields, EndpointMaybeSet,
    EndpointNotSet, EndpointSet, HttpRequest, HttpResponse, IdToken, IdTokenFields, ProviderMetadata, StandardErrorResponse,
    StandardTokenResponse,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::path::PathBuf;
use std::pin::Pin;
use std::time::Duration;

/// How long the provider may take to answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer of a provider's is longer: key sets are the longest.
const LARGEST: usize = 512 << 10;

/// What else a provider's document says.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Further {
    #[serde(default)]
    pub(super) end_session_endpoint: Option<String>,
    #[serde(default)]
    pub(super) device_authorization_endpoint: Option<String>,
}

/// The claims that the standard does not name.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Others {
    #[serde(flatten)]
    claims: Map<String, Value>,
}

impl AdditionalProviderMetadata for Further {}
impl AdditionalClaims for Others {}

pub(super) type Metadata = ProviderMetadata<
    Further,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

pub(super) type Identity = IdToken<Others, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>;

pub(super) type Tokens = StandardTokenResponse<
    IdTokenFields<Others, EmptyExtraTokenFields, CoreGenderClaim, CoreJweContentEncryptionAlgorithm, CoreJwsSigningAlgorithm>,
    CoreTokenType,
>;

/// A client of which the provider's document has said where to sign in and where to get tokens.
pub(super) type Relying = Client<
    Others,
    CoreAuthDisplay,
    CoreGenderClaim,
    CoreJweContentEncryptionAlgorithm,
    CoreJsonWebKey,
    CoreAuthPrompt,
    StandardErrorResponse<CoreErrorResponseType>,
    Tokens,
    CoreTokenIntrospectionResponse,
    CoreRevocableToken,
    CoreRevocationErrorResponse,
    EndpointSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointNotSet,
    EndpointSet,
    EndpointMaybeSet,
>;

/// Asks the provider, and nobody else whatever its documents say.
#[derive(Debug)]
pub(super) struct Http {
    client: Https,
    origins: Vec<String>,
}

/// Why the provider could not be asked.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(super) struct Unanswered(String);

impl Http {
    /// Asks these origins alone, and trusts the CAs of this file, or the system's.
    pub(super) const fn new(origins: Vec<String>, ca: Option<PathBuf>) -> Self {
        Self { client: Https::new(ca, PATIENCE), origins }
    }

    /// Whether what is at this address may be asked, and a browser be sent there.
    pub(super) fn may_ask(&self, address: &openidconnect::url::Url) -> bool {
        self.origins.contains(&address.origin().ascii_serialization())
    }

    pub(super) async fn ask(&self, request: HttpRequest) -> Result<HttpResponse, Unanswered> {
        let address = request.uri().to_string();
        let parsed =
            openidconnect::url::Url::parse(&address).map_err(|_| Unanswered("its document names no address".to_owned()))?;
        if !self.may_ask(&parsed) {
            let origin = parsed.origin().ascii_serialization();
            let what = "its document names another origin than its own";
            return Err(Unanswered(format!("{what}: {origin}. Where that is right, add it to [console.oidc] origins")));
        }
        // As it is parsed, so that both readings are the same.
        let url = Url::read(parsed.as_str()).map_err(|why| Unanswered(format!("{parsed} can't be asked: {why}")))?;
        self.client.ask(&url, request, LARGEST).await.map_err(Unanswered)
    }
}

impl<'c> AsyncHttpClient<'c> for Http {
    type Error = Unanswered;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Unanswered>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.ask(request))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn nobody_but_the_provider_is_asked() {
        let http = Http::new(vec!["https://login.acme.example".to_owned()], None);
        for elsewhere in [
            "https://169.254.169.254/latest/meta-data",
            "http://login.acme.example/",
            "https://login.acme.example:8443/",
            "https://login.acme.example@evil.example/",
            "https://login.acme.example.evil.example/",
        ] {
            let request = openidconnect::http::Request::get(elsewhere).body(Vec::new()).unwrap();
            let error = http.ask(request).await.unwrap_err().to_string();
            assert!(error.contains("another origin"), "{elsewhere}: {error}");
        }
    }
}
