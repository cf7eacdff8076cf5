//! How `object_store` reaches a server: by weir's own HTTP, with the one TLS backend.

use crate::https::{Client, Url};
use async_trait::async_trait;
use http_body_util::BodyExt as _;
use object_store::ClientOptions;
use object_store::client::{
    HttpClient, HttpConnector, HttpError, HttpErrorKind, HttpRequest, HttpResponse, HttpResponseBody, HttpService,
};
use std::path::PathBuf;
use std::time::Duration;

/// Longer than any sink's own `timeout_seconds`.
const PATIENCE: Duration = Duration::from_secs(150);
/// Of an answer: none that is asked for has more.
const ANSWER_BYTES: usize = 1 << 20;

/// Connects, and trusts these CAs or the system's.
#[derive(Clone, Debug)]
pub(super) struct Way {
    ca: Option<PathBuf>,
}

impl Way {
    pub(super) const fn new(ca: Option<PathBuf>) -> Self {
        Self { ca }
    }

    /// What asks, on a connection of its own.
    pub(super) fn service(&self) -> Service {
        Service(Client::keeping(self.ca.clone(), PATIENCE))
    }
}

impl HttpConnector for Way {
    fn connect(&self, _options: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.service()))
    }
}

/// What asks.
#[derive(Debug)]
pub(super) struct Service(Client);

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
struct Unanswered(String);

#[async_trait]
impl HttpService for Service {
    async fn call(&self, request: HttpRequest) -> Result<HttpResponse, HttpError> {
        let failed = |kind| move |why: String| HttpError::new(kind, Unanswered(why));
        let (parts, body) = request.into_parts();
        let address = parts.uri.to_string();
        let url = Url::read_local(&address).or_else(|_| Url::read_metadata(&address));
        let url = url.map_err(|unfit| failed(HttpErrorKind::Connect)(format!("the address can't be asked: {unfit}")))?;
        let body = body.collect().await?.to_bytes().to_vec();
        let answer = self.0.ask(&url, hyper::Request::from_parts(parts, body), ANSWER_BYTES).await;
        let (parts, body) = answer.map_err(failed(HttpErrorKind::Interrupted))?.into_parts();
        Ok(HttpResponse::from_parts(parts, HttpResponseBody::from(bytes::Bytes::from(body))))
    }
}
