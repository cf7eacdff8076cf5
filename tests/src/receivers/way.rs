//! The way to a server whose memory is all that it has: it is the way that is killed. Every connection is cut where it is, so that what the
//! server has taken may have lost its answer.

use super::http::listen;
use crate::CertificateAuthority;
use crate::receiver::config;
use std::fmt;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;

/// A port that leads to another.
pub(super) struct Way {
    /// By which the server is reached.
    pub(super) port: u16,
    behind: u16,
    tls: Option<TlsAcceptor>,
    open: Option<Runtime>,
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Way({} to {})", self.port, self.behind)
    }
}

impl Way {
    /// A way to this port of 127.0.0.1, at any of its own; by TLS, where an authority is given.
    pub(super) fn to(behind: u16, authority: Option<&CertificateAuthority>) -> Self {
        let tls = authority.map(|authority| TlsAcceptor::from(config(authority)));
        let mut way = Self { port: 0, behind, tls, open: None };
        way.open();
        way
    }

    /// Leads there again.
    pub(super) fn open(&mut self) {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().expect("threads");
        let listener = listen(self.port);
        self.port = listener.local_addr().expect("a bound socket has an address").port();
        let (behind, tls) = (self.behind, self.tls.clone());
        runtime.spawn(async move {
            let listener = TcpListener::from_std(listener).expect("it does not block");
            while let Ok((from, _)) = listener.accept().await {
                let tls = tls.clone();
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => lead(tls.accept(from).await.ok()?, behind).await,
                        None => lead(from, behind).await,
                    }
                });
            }
        });
        self.open = Some(runtime);
    }

    /// Cuts it.
    pub(super) fn cut(&mut self) {
        if let Some(open) = self.open.take() {
            open.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

async fn lead(mut from: impl AsyncRead + AsyncWrite + Unpin, behind: u16) -> Option<()> {
    let mut to = TcpStream::connect(("127.0.0.1", behind)).await.ok()?;
    copy_bidirectional(&mut from, &mut to).await.ok().map(drop)
}

impl Drop for Way {
    fn drop(&mut self) {
        if let Some(open) = self.open.take() {
            // It may be dropped where nothing may wait.
            open.shutdown_background();
        }
    }
}
