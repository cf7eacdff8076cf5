//! One HTTPS GET to an issuer: verified, not redirected, bounded in bytes and in time.

use super::failure::Failure;
use crate::tls::https_config;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Bytes;
use hyper::header::{ACCEPT, AUTHORIZATION, HOST, USER_AGENT};
use hyper::{Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// How long one request may take, from the name's look-up to the last byte.
const PATIENCE: Duration = Duration::from_secs(5);
const MOST_HEADERS: usize = 64;
const HEADER_BYTES: usize = 64 << 10;

/// An `https` address without user, and with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Url(Uri);

impl Url {
    /// Reads an address.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let unfit = |why: &str| Failure::unavailable(format!("{text:?} can't be asked: {why}"));
        let uri: Uri = text.parse().map_err(|_| unfit("it is no address"))?;
        if uri.scheme_str() != Some("https") {
            return Err(unfit("only https:// is"));
        }
        let authority = uri.authority().ok_or_else(|| unfit("it has no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(unfit("its host has a user, or is none"));
        }
        Ok(Self(uri))
    }

    /// Its host, in lower case and without brackets.
    pub(super) fn host(&self) -> String {
        let host = self.0.host().unwrap_or_default().to_ascii_lowercase();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host).to_owned()
    }

    /// Its port.
    pub(super) fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or(443)
    }

    fn path(&self) -> &str {
        self.0.path_and_query().map_or("/", |path| path.as_str())
    }
}

/// What asks an issuer.
#[derive(Debug, Default)]
pub(super) struct Fetcher {
    ca: Option<PathBuf>,
    tls: OnceLock<Arc<ClientConfig>>,
}

impl Fetcher {
    /// Trusts the CAs of this file, or the system's.
    pub(super) fn new(ca: Option<PathBuf>) -> Self {
        Self { ca, tls: OnceLock::new() }
    }

    /// Gets at most `limit` bytes of JSON.
    pub(super) async fn get(&self, url: &Url, bearer: Option<&str>, limit: usize) -> Result<Bytes, Failure> {
        let place = format!("https://{}:{}", url.host(), url.port());
        match tokio::time::timeout(PATIENCE, self.ask(url, bearer, limit)).await {
            Ok(Ok(body)) => Ok(body),
            Ok(Err(why)) => Err(Failure::unavailable(format!("{place}: {why}"))),
            Err(_elapsed) => Err(Failure::unavailable(format!("{place} did not answer within {} s", PATIENCE.as_secs()))),
        }
    }

    async fn ask(&self, url: &Url, bearer: Option<&str>, limit: usize) -> Result<Bytes, String> {
        let host = url.host();
        let tls = self.config()?;
        let tcp = TcpStream::connect((host.as_str(), url.port())).await.map_err(|error| error.to_string())?;
        let name = ServerName::try_from(host).map_err(|_| "its host can't stand in a certificate".to_owned())?;
        let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(|error| format!("TLS: {error}"))?;
        let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
            .max_headers(MOST_HEADERS)
            .max_buf_size(HEADER_BYTES)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| error.to_string())?;
        let request = request(url, bearer)?;
        let exchange = async move {
            let response = sender.send_request(request).await.map_err(|error| error.to_string())?;
            match response.status() {
                StatusCode::OK => {}
                status if status.is_redirection() => return Err(format!("it redirects ({status}), and no redirect is followed")),
                status => return Err(format!("it answered {status}")),
            }
            let body = Limited::new(response.into_body(), limit).collect().await;
            body.map(|body| body.to_bytes()).map_err(|error| format!("its answer (at most {limit} bytes): {error}"))
        };
        tokio::pin!(exchange);
        tokio::select! {
            biased;
            answer = &mut exchange => answer,
            // The connection ends before the body is read where the server closes it: what came is there.
            _ended = connection => exchange.await,
        }
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = https_config(self.ca.as_deref()).map_err(|error| error.to_string())?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

fn request(url: &Url, bearer: Option<&str>) -> Result<Request<Empty<Bytes>>, String> {
    let host = url.0.authority().map_or("", |authority| authority.as_str());
    let mut request = Request::get(url.path())
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("weir/", env!("CARGO_PKG_VERSION")));
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    request.body(Empty::new()).map_err(|_| "the request can't be written".to_owned())
}

#[cfg(test)]
mod tests {
    use super::Url;

    #[test]
    fn only_https_without_a_user_is_asked() {
        let url = Url::read("https://Token.Example:8443/a?b=c").unwrap();
        assert_eq!((url.host().as_str(), url.port(), url.path()), ("token.example", 8443, "/a?b=c"));
        assert_eq!(Url::read("https://[::1]/x").unwrap().host(), "::1");
        assert_eq!(Url::read("https://a.example").unwrap().path(), "/");
        for bad in [
            "http://a.example/",
            "https://u@a.example/",
            "https://a.example@b.example/",
            "ftp://a/",
            "/etc/passwd",
            "",
            "file:///etc/passwd",
        ] {
            assert!(Url::read(bad).is_err(), "{bad}");
        }
    }
}
