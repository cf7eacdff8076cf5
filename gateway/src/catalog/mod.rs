//! What the gateway asks of a target beside a session: the catalog, the end of a backend, a cancel.

mod cancel;
mod code;
mod columns;
mod estimate;
mod load;
mod side;
mod snapshot;
mod tls;
mod types;

pub use cancel::cancel;
pub use estimate::Held;
pub use side::{BackendState, SideConnection};
pub use snapshot::{Catalogs, Handle, Place};

use crate::credential::CredentialError;
use crate::tls::TlsError;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::time::timeout;

/// What can go wrong on a connection beside a session.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The target was not reached.
    #[error("reaching {address}: {source}")]
    Unreachable {
        /// Where it should be.
        address: SocketAddr,
        /// Why it was not.
        source: std::io::Error,
    },
    /// The target did not answer in time.
    #[error("{address} did not answer within {seconds} s ({what})")]
    Deadline {
        /// Where it is.
        address: SocketAddr,
        /// The limit.
        seconds: u64,
        /// What was asked.
        what: &'static str,
    },
    /// TLS failed.
    #[error("{address}: {source}")]
    Tls {
        /// Where it is.
        address: SocketAddr,
        /// Why.
        source: TlsError,
    },
    /// The target has no TLS and must.
    #[error(
        "{address} has no TLS, which the target's tls.upstream requires: turn ssl on at the server, or set tls.upstream to disable"
    )]
    NoTls {
        /// Where it is.
        address: SocketAddr,
    },
    /// The definitions of its views were not read.
    #[error("{address}: the definitions of its views could not be read by a fault of weir's")]
    Untraced {
        /// Where it is.
        address: SocketAddr,
    },
    /// The target answered something that is not Postgres.
    #[error("{address} does not speak Postgres: it answered the request for TLS with byte 0x{byte:02x}")]
    NotPostgres {
        /// Where it is.
        address: SocketAddr,
        /// The answer.
        byte: u8,
    },
    /// The credential names no user.
    #[error("the catalog credential names no user: write it as postgres://user:password@host")]
    NoUser,
    /// A cancel key that no server gives.
    #[error("a cancel key of {length} bytes: servers give 4 to 256")]
    Key {
        /// Its length.
        length: usize,
    },
    /// The server refused.
    #[error("{address}, {what}: {message}")]
    Server {
        /// Where it is.
        address: SocketAddr,
        /// What was asked.
        what: &'static str,
        /// What it said, and what to do.
        message: String,
    },
    /// The database has more than is kept of a catalog.
    #[error(
        "{address}: the database has more than {most} relations, functions or types: drop what is not needed, or name no catalog credential for this target"
    )]
    TooLarge {
        /// Where it is.
        address: SocketAddr,
        /// The limit.
        most: usize,
    },
    /// The credential can't be had.
    #[error(transparent)]
    Credential(#[from] CredentialError),
    /// What another session was told a moment ago.
    #[error("{0}")]
    Shared(Arc<Self>),
}

/// Dials a target within `patience`.
async fn dial(address: SocketAddr, patience: Duration) -> Result<TcpStream, CatalogError> {
    let unreachable = |source| CatalogError::Unreachable { address, source };
    let tcp = timeout(patience, TcpStream::connect(address))
        .await
        .map_err(|_| late(address, patience, "connecting"))?
        .map_err(unreachable)?;
    tcp.set_nodelay(true).map_err(unreachable)?;
    Ok(tcp)
}

const fn late(address: SocketAddr, patience: Duration, what: &'static str) -> CatalogError {
    CatalogError::Deadline { address, seconds: patience.as_secs(), what }
}
