//! Where notices arrive: an HTTP server in the test's own process, which keeps what it was told, and may be slow, rude or gone.

use crate::{CertificateAuthority, wait_until};
use rustls::{ServerConfig, ServerConnection, StreamOwned};
use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use serde_json::Value;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

/// One request.
#[derive(Clone, Debug)]
pub struct Heard {
    /// When it was there as a whole.
    pub at: SystemTime,
    /// What was asked for.
    pub path: String,
    /// In their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

impl Heard {
    /// A header.
    pub fn header(&self, name: &str) -> &str {
        self.headers.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// The body.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).expect("the body is JSON")
    }
}

/// How it answers.
#[derive(Clone, Debug, Default)]
pub struct Manner {
    /// After so long.
    pub after: Duration,
    /// With this instead of `200 OK`: a status line's end, and headers behind it.
    pub status: Option<String>,
    /// This body.
    pub body: String,
}

/// A running receiver, ended when dropped.
#[derive(Debug)]
pub struct Receiver {
    /// Its port on 127.0.0.1.
    pub port: u16,
    state: Arc<State>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Debug)]
struct State {
    heard: Mutex<Vec<Heard>>,
    manner: Manner,
    tls: Option<Arc<ServerConfig>>,
    ended: AtomicBool,
}

impl Receiver {
    /// One that says yes at once.
    pub fn start() -> Self {
        Self::with(0, Manner::default(), None)
    }

    /// One at this port, or any with 0, that answers so; with TLS where an authority is given.
    pub fn with(port: u16, manner: Manner, authority: Option<&CertificateAuthority>) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", port)).expect("the port is free");
        let port = listener.local_addr().expect("a bound socket has an address").port();
        let state = State { heard: Mutex::default(), manner, tls: authority.map(config), ended: AtomicBool::new(false) };
        let state = Arc::new(state);
        let serving = Arc::clone(&state);
        let thread = std::thread::spawn(move || serve(&listener, &serving));
        Self { port, state, thread: Some(thread) }
    }

    /// All that it was told so far.
    pub fn heard(&self) -> Vec<Heard> {
        self.state.heard.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Ends it: what it was told, with what it was answering when it was to end.
    pub fn end(self) -> Vec<Heard> {
        let state = Arc::clone(&self.state);
        drop(self);
        // Each exchange that goes on has the state as well.
        wait_until("the last exchange to be over", 30, || (Arc::strong_count(&state) == 1).then_some(()));
        let mut heard = state.heard.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut heard)
    }

    /// What came of this event.
    pub fn of(&self, event: &str) -> Vec<Heard> {
        self.heard().into_iter().filter(|heard| heard.header("weir-event") == event).collect()
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.state.ended.store(true, Ordering::Release);
        // So that it looks.
        TcpStream::connect(("127.0.0.1", self.port)).ok();
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
    }
}

/// What a server of this authority's certificate serves with.
pub(crate) fn config(authority: &CertificateAuthority) -> Arc<ServerConfig> {
    let (chain, key) = authority.server();
    let chain: Vec<_> = CertificateDer::pem_file_iter(chain).expect("openssl has made it").flatten().collect();
    let key = PrivateKeyDer::from_pem_file(key).expect("openssl has made it");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().expect("versions");
    Arc::new(config.with_no_client_auth().with_single_cert(chain, key).expect("a pair"))
}

fn serve(listener: &TcpListener, state: &Arc<State>) {
    for stream in listener.incoming() {
        if state.ended.load(Ordering::Acquire) {
            return;
        }
        let state = Arc::clone(state);
        if let Ok(tcp) = stream {
            // A client that breaks off is a case of its own, not a failure.
            std::thread::spawn(move || {
                tcp.set_read_timeout(Some(Duration::from_secs(20)))?;
                match &state.tls {
                    Some(config) => {
                        let connection = ServerConnection::new(Arc::clone(config)).map_err(std::io::Error::other)?;
                        exchange(StreamOwned::new(connection, tcp), &state)
                    }
                    None => exchange(tcp, &state),
                }
            });
        }
    }
}

fn exchange(stream: impl Read + Write, state: &State) -> std::io::Result<()> {
    let mut stream = BufReader::new(stream);
    let mut first = String::new();
    (&mut stream).take(64 << 10).read_line(&mut first)?;
    let path = first.split(' ').nth(1).unwrap_or_default().to_owned();
    let mut headers = Vec::new();
    loop {
        let mut line = String::new();
        (&mut stream).take(64 << 10).read_line(&mut line)?;
        if line.trim().is_empty() {
            break;
        }
        let (name, value) = line.split_once(':').ok_or(std::io::ErrorKind::InvalidData)?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let length = headers.iter().find(|(name, _)| name == "content-length").and_then(|(_, value)| value.parse().ok());
    let mut body = vec![0; length.ok_or(std::io::ErrorKind::InvalidData)?];
    stream.read_exact(&mut body)?;
    let heard = Heard { at: SystemTime::now(), path, headers, body };
    state.heard.lock().unwrap_or_else(PoisonError::into_inner).push(heard);
    let Manner { after, status, body } = &state.manner;
    std::thread::sleep(*after);
    let status = status.as_deref().unwrap_or("200 OK");
    write!(stream.get_mut(), "HTTP/1.1 {status}\r\ncontent-length: {}\r\n\r\n{body}", body.len())?;
    stream.get_mut().flush()
}
