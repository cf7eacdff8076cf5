//! The way to the target: where it is, with which TLS, with whose credential.

use crate::catalog::SideConnection;
use crate::config::TargetSettings;
use crate::credential::Source;
use crate::netns::{Namespace, Visitor};
use crate::session::context::Shared;
use crate::session::live::Session;
use crate::tls::UpstreamTls;
use gateway_core::policy::Permit;
use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::timeout;

/// Silence after which a server is asked whether it is still there.
const KEEPALIVE: Duration = Duration::from_secs(60);

/// How a target is reached beside the session: to cancel, and to end a backend.
pub struct SideAccess {
    /// The target's address.
    pub address: SocketAddr,
    /// Its TLS.
    pub tls: UpstreamTls,
    /// The target's own catalog credential, where one is configured.
    pub catalog: Option<(Source, Option<String>)>,
    /// The database that the session uses.
    pub database: String,
}

impl SideAccess {
    /// Ways to `address` as the target's settings say; in plain text where there are none.
    pub fn new(address: SocketAddr, target: Option<&TargetSettings>) -> Self {
        Self {
            address,
            tls: target.map_or_else(UpstreamTls::disabled, |target| target.upstream.clone()),
            catalog: target.and_then(|target| target.catalog.clone()),
            database: String::new(),
        }
    }

    /// Ends the session's backend by `pg_terminate_backend`.
    pub async fn terminate(&self, shared: &Shared, session: &Session) -> Result<(), String> {
        let keys = session.keys.get().ok_or("the session was not open yet")?;
        match self.open(shared).await?.terminate_backend(keys.pid).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the server found no such backend".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    /// A connection with the target's own catalog credential.
    pub async fn open(&self, shared: &Shared) -> Result<SideConnection, String> {
        let (source, user) = self.catalog.as_ref().ok_or("the target has no catalog credential")?;
        let mut secret = shared.credentials.fetch(source).map_err(|error| error.to_string())?;
        if user.is_some() {
            secret.user.clone_from(user);
        }
        SideConnection::open(self.address, &self.tls, &secret, &self.database).await.map_err(|error| error.to_string())
    }
}

/// From where a session's target is dialled.
///
/// A target that the configuration names is dialled from the host: who may lay out a network namespace could
/// put a server of its own in the target's place, and be given the target's credential. Everything else is
/// dialled where the job is, so that a container's own loopback, networks and peers are what they were.
#[derive(Clone, Debug)]
pub enum Vantage {
    /// The gateway's own network namespace.
    Host,
    /// The one that the job is in.
    Job(Arc<Namespace>),
}

impl Vantage {
    /// Whether an address means the host's: a loopback address in another namespace is that one's own.
    #[must_use]
    pub fn is_host_for(netns: Option<&Arc<Namespace>>, address: SocketAddr) -> bool {
        netns.is_none() || !(address.ip().is_loopback() || address.ip().is_unspecified())
    }

    /// Where to dial from: `netns` is the job's, where it is not the host's.
    #[must_use]
    pub fn of(netns: Option<Arc<Namespace>>, target: Option<&TargetSettings>) -> Self {
        match netns {
            Some(netns) if target.is_none() => Self::Job(netns),
            Some(_) | None => Self::Host,
        }
    }
}

/// Connects to the target, within `patience`. Whoever has no permit can't.
pub async fn connect(
    _permit: &Permit,
    address: SocketAddr,
    patience: Duration,
    vantage: &Vantage,
    visitor: &Visitor,
) -> io::Result<TcpStream> {
    let dial = async {
        match vantage {
            Vantage::Host => TcpStream::connect(address).await,
            Vantage::Job(netns) => {
                let make = move || {
                    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
                    socket.set_nonblocking(true)?;
                    Ok(socket)
                };
                let socket = visitor.visit(Arc::clone(netns), make).await?;
                TcpSocket::from_std_stream(socket.into()).connect(address).await
            }
        }
    };
    let tcp = timeout(patience, dial)
        .await
        .map_err(|_elapsed| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs())))??;
    tcp.set_nodelay(true)?;
    // A server that vanished without a word would hold its session, and the job, for ever.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 6).with_retries(6);
    SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
    Ok(tcp)
}
