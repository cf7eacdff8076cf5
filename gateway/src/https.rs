//! HTTP with a server by its certificate: verified, not redirected, bounded in bytes and in time; one exchange, or many on a connection
//! that is kept.

use crate::tls::https_config;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::header::{HOST, HeaderValue, USER_AGENT};
use hyper::{Request, Response, Uri};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::Mutex;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const MOST_HEADERS: usize = 64;
const HEADER_BYTES: usize = 64 << 10;

/// An `https` address without user, and with a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Url(Uri);

impl Url {
    /// Reads an address.
    ///
    /// # Errors
    /// Where it is none that can be asked: why not. Nothing of the text is in that.
    pub fn read(text: &str) -> Result<Self, Unfit> {
        let url = Self::read_any(text)?;
        if url.is_plain() { Err(Unfit("only https:// is")) } else { Ok(url) }
    }

    /// The same, and `http` on the loopback device.
    ///
    /// # Errors
    /// Where it is none that can be asked: why not. Nothing of the text is in that.
    pub fn read_local(text: &str) -> Result<Self, Unfit> {
        let url = Self::read_any(text)?;
        let fits = !url.is_plain() || is_this_host(&url.host());
        if fits { Ok(url) } else { Err(Unfit("only https:// is, and http:// on 127.0.0.1 or localhost")) }
    }

    /// `http` at the link-local address at which a cloud's platform tells its machine, container or pod who that is: no wire has it.
    ///
    /// # Errors
    /// Where it is none.
    pub fn read_metadata(text: &str) -> Result<Self, Unfit> {
        let url = Self::read_any(text)?;
        if url.is_metadata() { Ok(url) } else { Err(Unfit("only http:// to a link-local address is")) }
    }

    fn read_any(text: &str) -> Result<Self, Unfit> {
        let uri: Uri = text.parse().map_err(|_| Unfit("it is no address"))?;
        if !matches!(uri.scheme_str(), Some("https" | "http")) {
            return Err(Unfit("only https:// is"));
        }
        let authority = uri.authority().ok_or(Unfit("it has no host"))?;
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(Unfit("its host has a user, or is none"));
        }
        Ok(Self(uri))
    }

    /// Its host, with the port where one is written: what is no secret of an address whose path is one.
    #[must_use]
    pub fn place(&self) -> String {
        let host = self.host();
        self.0.port_u16().map_or_else(|| host.clone(), |port| format!("{host}:{port}"))
    }

    /// Its host, in lower case and without brackets.
    #[must_use]
    pub fn host(&self) -> String {
        let host = self.0.host().unwrap_or_default().to_ascii_lowercase();
        host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&host).to_owned()
    }

    /// Its port.
    #[must_use]
    pub fn port(&self) -> u16 {
        self.0.port_u16().unwrap_or_else(|| if self.is_plain() { 80 } else { 443 })
    }

    /// Its path, with what is behind it.
    #[must_use]
    pub fn path(&self) -> &str {
        self.0.path_and_query().map_or("/", |path| path.as_str())
    }

    /// Scheme, host and port.
    fn server(&self) -> String {
        let scheme = if self.is_plain() { "http" } else { "https" };
        format!("{scheme}://{}:{}", self.host(), self.port())
    }

    fn authority(&self) -> &str {
        self.0.authority().map_or("", |authority| authority.as_str())
    }

    /// 169.254.0.0/16, and the addresses below fd00:ec2:: that Amazon uses for the same.
    fn is_metadata(&self) -> bool {
        let near = match self.host().parse() {
            Ok(IpAddr::V4(ip)) => ip.is_link_local(),
            Ok(IpAddr::V6(ip)) => ip.segments().starts_with(&[0xfd00, 0xec2, 0, 0]),
            Err(_) => false,
        };
        near && self.is_plain()
    }

    fn is_plain(&self) -> bool {
        self.0.scheme_str() == Some("http")
    }
}

/// Why an address can't be asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Unfit(&'static str);

/// Whether a name or address is of this host alone.
#[must_use]
pub fn is_this_host(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|ip| ip.to_canonical().is_loopback())
}

/// What asks.
#[derive(Debug)]
pub struct Client {
    ca: Option<PathBuf>,
    tls: OnceLock<Arc<ClientConfig>>,
    patience: Duration,
    /// The connection that is kept, where one is: to this scheme, host and port.
    kept: Option<Mutex<Option<(String, Sender)>>>,
}

type Sender = SendRequest<Full<Bytes>>;

impl Client {
    /// Trusts the CAs of this file, or the system's, and waits for so long from the name's look-up to the last byte.
    #[must_use]
    pub const fn new(ca: Option<PathBuf>, patience: Duration) -> Self {
        Self { ca, tls: OnceLock::new(), patience, kept: None }
    }

    /// The same; what [`Self::ask`] opens is kept for the next request to the same server, and one request goes at a time.
    #[must_use]
    pub const fn keeping(ca: Option<PathBuf>, patience: Duration) -> Self {
        Self { ca, tls: OnceLock::new(), patience, kept: Some(Mutex::const_new(None)) }
    }

    /// Sends `request` to `url`, whatever address it has itself; the answer has at most `most` bytes, whatever its status.
    ///
    /// # Errors
    /// Where there is none, or it is no answer: why. Nothing of the request is in the text.
    pub async fn ask(&self, url: &Url, request: Request<Vec<u8>>, most: usize) -> Result<Response<Vec<u8>>, String> {
        match &self.kept {
            Some(kept) => Box::pin(self.in_time(url, self.on_kept(kept, url, request, most))).await,
            None => self.exchange(url, request, |answer| whole(answer, most)).await,
        }
    }

    /// The same; what comes back is what `read` makes of the answer, of which it may leave the body.
    ///
    /// # Errors
    /// Where there is none, or `read` says so.
    pub async fn exchange<T, R: Future<Output = Result<T, String>>>(
        &self,
        url: &Url,
        request: Request<Vec<u8>>,
        read: impl FnOnce(Response<Incoming>) -> R,
    ) -> Result<T, String> {
        Box::pin(self.in_time(url, self.connected(url, request, read))).await
    }

    async fn in_time<T>(&self, url: &Url, exchange: impl Future<Output = Result<T, String>>) -> Result<T, String> {
        let place = url.server();
        match tokio::time::timeout(self.patience, exchange).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(why)) => Err(format!("{place}: {why}")),
            Err(_elapsed) => Err(format!("{place} did not answer within {} s", self.patience.as_secs())),
        }
    }

    async fn on_kept(
        &self,
        kept: &Mutex<Option<(String, Sender)>>,
        url: &Url,
        request: Request<Vec<u8>>,
        most: usize,
    ) -> Result<Response<Vec<u8>>, String> {
        let server = url.server();
        let mut request = addressed(url, request)?;
        let mut slot = kept.lock().await;
        // Taken out, so that one whose answer was not read whole is not used again, whatever ends this.
        if let Some((_, mut sender)) = slot.take().filter(|(to, _)| *to == server)
            && sender.ready().await.is_ok()
        {
            match sender.try_send_request(request).await {
                Ok(answer) => {
                    let answer = whole(direct(answer)?, most).await?;
                    *slot = Some((server, sender));
                    return Ok(answer);
                }
                // The server had closed it, and has seen nothing of the request.
                Err(mut failed) => match failed.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(failed.into_error().to_string()),
                },
            }
        }
        let mut sender = self.open(url).await?;
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        let answer = whole(direct(answer)?, most).await?;
        *slot = Some((server, sender));
        Ok(answer)
    }

    async fn open(&self, url: &Url) -> Result<Sender, String> {
        let tcp = tcp(url).await?;
        if url.is_plain() { begin(tcp).await } else { begin(self.tls(url, tcp).await?).await }
    }

    async fn connected<T, R: Future<Output = Result<T, String>>>(
        &self,
        url: &Url,
        request: Request<Vec<u8>>,
        read: impl FnOnce(Response<Incoming>) -> R,
    ) -> Result<T, String> {
        let request = addressed(url, request)?;
        let tcp = tcp(url).await?;
        if url.is_plain() { over(tcp, request, read).await } else { over(self.tls(url, tcp).await?, request, read).await }
    }

    async fn tls(&self, url: &Url, tcp: TcpStream) -> Result<TlsStream<TcpStream>, String> {
        let name = ServerName::try_from(url.host()).map_err(|_| "its host can't stand in a certificate".to_owned())?;
        let connector = TlsConnector::from(self.config()?);
        connector.connect(name, tcp).await.map_err(|error| format!("TLS: {error}"))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, String> {
        if let Some(config) = self.tls.get() {
            return Ok(Arc::clone(config));
        }
        let config = https_config(self.ca.as_deref()).map_err(|error| error.to_string())?;
        Ok(Arc::clone(self.tls.get_or_init(|| config)))
    }
}

/// Connected; `http://` only to this host itself, or to what tells it who it is.
async fn tcp(url: &Url) -> Result<TcpStream, String> {
    let tcp = TcpStream::connect((url.host().as_str(), url.port())).await.map_err(|error| error.to_string())?;
    if url.is_plain() && !url.is_metadata() && !tcp.peer_addr().is_ok_and(|peer| peer.ip().to_canonical().is_loopback()) {
        return Err("http:// is for this host itself, and this is another: use https://".to_owned());
    }
    Ok(tcp)
}

fn http() -> Builder {
    let mut builder = Builder::new();
    builder.max_headers(MOST_HEADERS).max_buf_size(HEADER_BYTES);
    builder
}

/// A connection that goes on until its sender is dropped or the server closes it.
async fn begin(stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static) -> Result<Sender, String> {
    let (sender, connection) = http().handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    tokio::spawn(async move { connection.await.is_ok() });
    Ok(sender)
}

async fn over<T, R: Future<Output = Result<T, String>>>(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
    read: impl FnOnce(Response<Incoming>) -> R,
) -> Result<T, String> {
    let (mut sender, connection) = http().handshake(TokioIo::new(stream)).await.map_err(|error| error.to_string())?;
    let exchange = async move {
        let answer = sender.send_request(request).await.map_err(|error| error.to_string())?;
        read(direct(answer)?).await
    };
    tokio::pin!(exchange);
    tokio::select! {
        biased;
        answer = &mut exchange => answer,
        // The connection ends before the body is read where the server closes it: what came is there.
        _ended = connection => exchange.await,
    }
}

fn direct(answer: Response<Incoming>) -> Result<Response<Incoming>, String> {
    if answer.status().is_redirection() {
        return Err(format!("it redirects ({}), and no redirect is followed: give the address itself", answer.status()));
    }
    Ok(answer)
}

async fn whole(answer: Response<Incoming>, most: usize) -> Result<Response<Vec<u8>>, String> {
    let (parts, body) = answer.into_parts();
    let body = Limited::new(body, most).collect().await;
    let body = body.map_err(|error| format!("its answer (at most {most} bytes): {error}"))?;
    Ok(Response::from_parts(parts, body.to_bytes().to_vec()))
}

/// The request as it is sent on a connection of its own.
fn addressed(url: &Url, request: Request<Vec<u8>>) -> Result<Request<Full<Bytes>>, String> {
    let (mut parts, body) = request.into_parts();
    let unfit = || "the request can't be written".to_owned();
    parts.uri = url.path().parse().map_err(|_| unfit())?;
    parts.headers.insert(HOST, HeaderValue::from_str(url.authority()).map_err(|_| unfit())?);
    parts.headers.insert(USER_AGENT, HeaderValue::from_static(concat!("weir/", env!("CARGO_PKG_VERSION"))));
    Ok(Request::from_parts(parts, Full::new(Bytes::from(body))))
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
            assert!(Url::read(bad).is_err() && Url::read_local(bad).is_err(), "{bad}");
        }
        for local in ["http://127.0.0.1:8080/x", "http://localhost/", "http://[::1]:1/", "https://a.example/"] {
            assert!(Url::read_local(local).is_ok(), "{local}");
        }
        assert_eq!(Url::read_local("http://localhost/").unwrap().port(), 80);
        assert!(Url::read("http://localhost/").is_err());
        for near in ["http://169.254.169.254/latest/api/token", "http://169.254.170.2/x", "http://[fd00:ec2::254]/"] {
            assert!(Url::read_metadata(near).is_ok() && Url::read_local(near).is_err(), "{near}");
        }
        for far in [
            "http://169.253.1.1/",
            "http://metadata.example/",
            "https://169.254.169.254/",
            "http://127.0.0.1/",
            "http://10.0.0.1/",
        ] {
            assert!(Url::read_metadata(far).is_err(), "{far}");
        }
    }
}
