//! The way to the target: where it is, with which TLS, with whose credential.

use crate::catalog::SideConnection;
use crate::config::TargetSettings;
use crate::credential::Source;
use crate::session::context::Shared;
use crate::session::live::Session;
use crate::tls::UpstreamTls;
use gateway_core::policy::Permit;
use socket2::{SockRef, TcpKeepalive};
use std::io;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::TcpStream;
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
        let (source, user) = self.catalog.as_ref().ok_or("the target has no catalog credential")?;
        let mut secret = shared.credentials.fetch(source).map_err(|error| error.to_string())?;
        if user.is_some() {
            secret.user.clone_from(user);
        }
        let side =
            SideConnection::open(self.address, &self.tls, &secret, &self.database).await.map_err(|error| error.to_string())?;
        match side.terminate_backend(keys.pid).await {
            Ok(true) => Ok(()),
            Ok(false) => Err("the server found no such backend".to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }
}

/// Connects to the target, within `patience`. Whoever has no permit can't.
pub async fn connect(_permit: &Permit, address: SocketAddr, patience: Duration) -> io::Result<TcpStream> {
    let tcp = timeout(patience, TcpStream::connect(address))
        .await
        .map_err(|_elapsed| io::Error::new(io::ErrorKind::TimedOut, format!("no answer within {} s", patience.as_secs())))??;
    tcp.set_nodelay(true)?;
    // A server that vanished without a word would hold its session, and the job, for ever.
    let keepalive = TcpKeepalive::new().with_time(KEEPALIVE).with_interval(KEEPALIVE / 6).with_retries(6);
    SockRef::from(&tcp).set_tcp_keepalive(&keepalive)?;
    Ok(tcp)
}
