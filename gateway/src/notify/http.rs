//! One POST to where people want to hear: verified, not redirected, bounded in bytes; in time by whoever asks.

use super::failure::{Failure, foreign};
use crate::tls::https_config;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Body, Bytes};
use hyper::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use hyper::{Request, Response, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

const MOST_HEADERS: usize = 64;
const HEADER_BYTES: usize = 64 << 10;
/// Of an answer's body, which is looked at only where it says what went wrong.
const ANSWER_BYTES: usize = 4 << 10;

/// An address to post to: `https`, or `http` on this host itself.
pub(super) struct Address(Uri);

impl Address {
    /// Reads one. No part of it is in the error: the whole is a secret.
    pub(super) fn read(text: &str) -> Result<Self, Failure> {
        let unfit = |why: &str| Failure::new(format!("the address can't be posted to: {why}"));
        let uri: Uri = text.trim().parse().map_err(|_| unfit("it is none"))?;
        let authority = uri.authority().ok_or_else(|| unfit("it has no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(unfit("its host has a user, or is none"));
        }
        let address = Self(uri);
        match address.0.scheme_str() {
            Some("https") => Ok(address),
            Some("http") if address.is_this_host() => Ok(address),
            _ => Err(unfit("only https:// is, and http:// on 127.0.0.1 or localhost")),
        }
    }

    /// Where it is, without what makes it a secret.
    pub(super) fn place(&self) -> String {
        let host = self.host();
        self.0.port_u16().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    fn host(&self) -> String {
        let host = self.0.host().unwrap_or_default().to_ascii_lowercase();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host).to_owned()
    }

    fn is_plain(&self) -> bool {
        self.0.scheme_str() == Some("http")
    }

    fn is_this_host(&self) -> bool {
        is_this_host(&self.host())
    }

    fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or_else(|| if self.is_plain() { 80 } else { 443 })
    }
}

/// Whether a name or address is of this host alone.
pub(super) fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// Posts JSON; 2xx is good.
pub(super) async fn post(
    address: &Address,
    ca: Option<&Path>,
    headers: &[(&'static str, String)],
    body: Vec<u8>,
) -> Result<(), Failure> {
    let place = address.place();
    let failed = |why: &dyn std::fmt::Display| Failure::new(format!("{place}: {why}"));
    let host = address.host();
    let tcp = TcpStream::connect((host.as_str(), address.port())).await.map_err(|error| failed(&error))?;
    let mut request = Request::post(address.0.path_and_query().map_or("/", |path| path.as_str()))
        .header(HOST, address.0.authority().map_or("", |authority| authority.as_str()))
        .header(CONTENT_TYPE, "application/json")
        .header(USER_AGENT, concat!("weir/", env!("CARGO_PKG_VERSION")));
    for (name, value) in headers {
        request = request.header(*name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|_| failed(&"the request can't be written"))?;
    if address.is_plain() {
        if !tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback()) {
            return Err(failed(&"http:// is for this host itself, and this is another: use https://"));
        }
        return exchange(tcp, request, &place).await;
    }
    let tls = https_config(ca).map_err(|error| failed(&error))?;
    let name = ServerName::try_from(host).map_err(|_| failed(&"its host can't stand in a certificate"))?;
    let stream = TlsConnector::from(tls).connect(name, tcp).await.map_err(|error| failed(&format!("TLS: {error}")))?;
    exchange(stream, request, &place).await
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    place: &str,
) -> Result<(), Failure> {
    let failed = |why: &dyn std::fmt::Display| Failure::new(format!("{place}: {why}"));
    let (mut sender, connection) = hyper::client::conn::http1::Builder::new()
        .max_headers(MOST_HEADERS)
        .max_buf_size(HEADER_BYTES)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| failed(&error))?;
    let exchange = async move {
        let response = sender.send_request(request).await.map_err(|error| failed(&error))?;
        judge(response, place).await
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // The connection ends before the answer is looked at where the server closes it: what came is there.
        _ended = connection => exchange.await,
    }
}

async fn judge(response: Response<impl Body<Data = Bytes, Error = hyper::Error>>, place: &str) -> Result<(), Failure> {
    let status = response.status();
    if status.is_success() {
        return Ok(());
    }
    if status.is_redirection() {
        return Err(Failure::new(format!("{place} redirects ({status}), and no redirect is followed: give the address itself")));
    }
    let wait = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    let body = Limited::new(response.into_body(), ANSWER_BYTES).collect().await;
    let said = body.map(|body| foreign(&String::from_utf8_lossy(&body.to_bytes()))).unwrap_or_default();
    let said = if said.is_empty() { said } else { format!(": {said}") };
    let wait = wait.filter(|_| matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE));
    let mut failure = Failure::new(format!("{place} answered {status}{said}"));
    failure.wait = wait.map(Duration::from_secs);
    Err(failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_is_posted_to_and_http_on_this_host() {
        for (good, place) in [
            ("https://hooks.slack.example/services/T/B/x", "hooks.slack.example"),
            ("https://A.example:8443/x\n", "a.example:8443"),
            ("http://127.0.0.1:80/", "127.0.0.1:80"),
            ("http://[::1]/", "::1"),
            ("http://localhost/x", "localhost"),
        ] {
            assert_eq!(Address::read(good).map(|address| address.place()), Ok(place.to_owned()), "{good}");
        }
        for bad in
            ["http://a.example/hunter2", "https://u:hunter2@a.example/", "hunter2", "ftp://hunter2/", "http://127.0.0.1.hunter2/"]
        {
            let Err(failure) = Address::read(bad) else { panic!("{bad}") };
            assert!(!failure.to_string().contains("hunter2"), "{failure}");
        }
    }
}
