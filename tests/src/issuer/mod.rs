//! An issuer of job tokens over TLS, honest or hostile as a test wants it.

mod forged;
mod signer;

pub use forged::forged;
pub use signer::{Signer, encode, hs256};

use crate::CertificateAuthority;
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The path of the discovery document.
pub const DISCOVERY: &str = "/.well-known/openid-configuration";
/// The path of the keys.
pub const KEYS: &str = "/keys";
/// The path where GitHub's runner lets a job ask for a token.
pub const REQUEST: &str = "/request";

/// A running issuer, stopped with it.
#[derive(Debug)]
pub struct Issuer {
    /// Its `iss`.
    pub url: String,
    authority: CertificateAuthority,
    state: Arc<State>,
    server: Option<JoinHandle<()>>,
    port: u16,
}

/// What a path is answered with.
#[derive(Clone, Debug)]
pub enum Answer {
    /// 200 with this text.
    Text(String),
    /// This status and no more.
    Status(u16),
    /// 302 to there.
    Redirect(String),
    /// 200 and so many bytes of a JSON text that never ends.
    Huge(usize),
    /// A header line for so long.
    LongHeader(usize),
    /// A byte a second.
    Dribble,
    /// Nothing, for so long.
    Silence(Duration),
    /// A token for the audience that is asked for, where the bearer is this one.
    Mint {
        /// The right to ask.
        bearer: String,
        /// The claims, `aud`, `jti` and times apart.
        claims: Value,
    },
}

#[derive(Debug)]
struct State {
    answers: Mutex<BTreeMap<String, Answer>>,
    signer: Mutex<Arc<Signer>>,
    asked: Mutex<Vec<String>>,
    url: String,
    ended: AtomicBool,
}

impl Issuer {
    /// An honest one, with one RSA key.
    pub fn start() -> Self {
        let authority = CertificateAuthority::create();
        let (chain, key) = authority.server();
        let chain: Vec<_> = CertificateDer::pem_file_iter(chain).expect("openssl has made it").flatten().collect();
        let key = PrivateKeyDer::from_pem_file(key).expect("openssl has made it");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
        let config = Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("a pair"));
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let url = format!("https://127.0.0.1:{port}");
        let signer = Arc::new(Signer::rsa("key-1"));
        let answers = BTreeMap::from([
            (DISCOVERY.to_owned(), Answer::Text(discovery(&url).to_string())),
            (KEYS.to_owned(), Answer::Text(json!({ "keys": [signer.jwk()] }).to_string())),
        ]);
        let state = Arc::new(State {
            answers: Mutex::new(answers),
            signer: Mutex::new(signer),
            asked: Mutex::default(),
            url: url.clone(),
            ended: AtomicBool::new(false),
        });
        let server = std::thread::spawn({
            let state = Arc::clone(&state);
            move || serve(&listener, &state, &config)
        });
        Self { url, authority, state, server: Some(server), port }
    }

    /// The CA that its certificate comes from.
    pub fn ca(&self) -> PathBuf {
        self.authority.root()
    }

    /// Its port.
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The key that signs.
    pub fn signer(&self) -> Arc<Signer> {
        Arc::clone(&lock(&self.state.signer))
    }

    /// Answers a path otherwise.
    pub fn answer(&self, path: &str, answer: Answer) {
        lock(&self.state.answers).insert(path.to_owned(), answer);
    }

    /// Signs with this key from now on, and publishes it alone.
    pub fn rotate(&self, signer: Signer) {
        self.answer(KEYS, Answer::Text(json!({ "keys": [signer.jwk()] }).to_string()));
        *lock(&self.state.signer) = Arc::new(signer);
    }

    /// The paths that were asked for, in order.
    pub fn asked(&self) -> Vec<String> {
        lock(&self.state.asked).clone()
    }

    /// The claims of a token that is good for ten minutes.
    pub fn claims(&self, audience: &str, more: &Value) -> Value {
        claims(&self.url, audience, more)
    }

    /// A good token.
    pub fn token(&self, audience: &str, more: &Value) -> String {
        self.signer().token(&self.claims(audience, more))
    }
}

impl Drop for Issuer {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        // Wakes the accept.
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(server) = self.server.take() {
            server.join().ok();
        }
    }
}

/// An honest discovery document.
pub fn discovery(url: &str) -> Value {
    json!({ "issuer": url, "jwks_uri": format!("{url}{KEYS}"), "id_token_signing_alg_values_supported": ["RS256"] })
}

/// Seconds since 1970.
pub fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock");
    i64::try_from(since.as_secs()).expect("a time")
}

fn claims(url: &str, audience: &str, more: &Value) -> Value {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let now = now();
    let id = format!("{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
    let mut claims =
        json!({ "iss": url, "aud": audience, "sub": "job", "iat": now, "nbf": now - 5, "exp": now + 600, "jti": id });
    if let Some(more) = more.as_object() {
        for (name, value) in more {
            claims[name] = value.clone();
        }
    }
    claims
}

fn serve(listener: &TcpListener, state: &Arc<State>, config: &Arc<ServerConfig>) {
    for stream in listener.incoming() {
        if state.ended.load(Ordering::Acquire) {
            return;
        }
        let (state, config) = (Arc::clone(state), Arc::clone(config));
        if let Ok(stream) = stream {
            // A client that breaks off is a case of its own, not a failure.
            std::thread::spawn(move || exchange(stream, &state, config).ok());
        }
    }
}

fn exchange(tcp: TcpStream, state: &State, config: Arc<ServerConfig>) -> std::io::Result<()> {
    tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
    let connection = ServerConnection::new(config).map_err(std::io::Error::other)?;
    let mut stream = BufReader::new(StreamOwned::new(connection, tcp));
    let mut first = String::new();
    (&mut stream).take(64 << 10).read_line(&mut first)?;
    let target = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let (mut bearer, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        (&mut stream).take(64 << 10).read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("content-length")
        {
            length = value.trim().parse().unwrap_or(0);
        }
        if let Some((name, value)) = line.split_once(':')
            && name.eq_ignore_ascii_case("authorization")
        {
            bearer = value.trim().strip_prefix("Bearer ").unwrap_or_default().to_owned();
        }
    }
    // What is posted is nothing to it; unread it would break the connection.
    std::io::copy(&mut (&mut stream).take(length), &mut std::io::sink())?;
    let (path, query) = target.split_once('?').unwrap_or((&target, ""));
    lock(&state.asked).push(path.to_owned());
    let answer = lock(&state.answers).get(path).cloned().unwrap_or(Answer::Status(404));
    let out = stream.get_mut();
    match answer {
        Answer::Text(text) => ok(out, &text)?,
        Answer::Status(status) => write!(out, "HTTP/1.1 {status} No\r\ncontent-length: 0\r\n\r\n")?,
        Answer::Redirect(place) => write!(out, "HTTP/1.1 302 Found\r\nlocation: {place}\r\ncontent-length: 0\r\n\r\n")?,
        Answer::Huge(bytes) => {
            write!(out, "HTTP/1.1 200 OK\r\n\r\n{{\"a\":\"")?;
            for _ in 0..bytes / 1024 {
                out.write_all(&[b'a'; 1024])?;
            }
        }
        Answer::LongHeader(bytes) => {
            write!(out, "HTTP/1.1 200 OK\r\nx: ")?;
            for _ in 0..bytes / 1024 {
                out.write_all(&[b'a'; 1024])?;
            }
        }
        Answer::Dribble => {
            write!(out, "HTTP/1.1 200 OK\r\n\r\n")?;
            for _ in 0..20 {
                out.write_all(b"{")?;
                out.flush()?;
                std::thread::sleep(Duration::from_secs(1));
            }
        }
        Answer::Silence(time) => std::thread::sleep(time),
        Answer::Mint { bearer: wanted, claims: more } if bearer == wanted => {
            let audience = query.split('&').find_map(|pair| pair.strip_prefix("audience=")).unwrap_or_default();
            let token = lock(&state.signer).token(&claims(&state.url, audience, &more));
            ok(out, &json!({ "count": 1, "value": token }).to_string())?;
        }
        Answer::Mint { .. } => write!(out, "HTTP/1.1 401 No\r\ncontent-length: 0\r\n\r\n")?,
    }
    out.conn.send_close_notify();
    out.flush()
}

fn ok(out: &mut impl Write, text: &str) -> std::io::Result<()> {
    write!(out, "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{text}", text.len())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
