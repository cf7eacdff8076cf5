//! TLS on both sides of a session, and what makes a job trust the gateway's own certificates.

pub mod authority;
pub mod doctor;
pub mod end_point;
mod files;
mod mint;
pub mod prefixed;
pub mod server;
pub mod stream;
pub mod trust;
pub mod upstream;
mod verify;
mod web;

pub use authority::Authority;
pub use doctor::{TrustFinding, doctor_tls};
pub use end_point::end_point;
pub use prefixed::Prefixed;
pub use server::{CertificateSource, ClientMode, ClientTls, ServerSide};
pub use stream::{accept, connect, peer_end_point, spoke_postgresql};
pub use trust::TrustBundle;
pub use upstream::{UpstreamMode, UpstreamTls, client_config, https_config};
pub use web::WebCertificate;

use rustls::crypto::CryptoProvider;
use std::path::PathBuf;
use std::sync::Arc;

/// ALPN's name for Postgres (`sslnegotiation=direct` requires it, `PostgreSQL` docs 55.2.11).
pub const ALPN: &[u8] = b"postgresql";

/// What can be wrong with TLS: each text says where, and what to do.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file could not be read or written.
    #[error("{what} {}: {source}", path.display())]
    File {
        /// What was done to it.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why it failed.
        source: std::io::Error,
    },
    /// A file was read and is not what it should be.
    #[error("{}: {problem}", path.display())]
    Content {
        /// The file.
        path: PathBuf,
        /// What is wrong with it and what to do.
        problem: String,
    },
    /// A private key that others than its owner can read.
    #[error("{}: this private key can be read by everyone (mode {mode:04o}): run chmod o-rwx on it", path.display())]
    Exposed {
        /// The key.
        path: PathBuf,
        /// Its permission bits.
        mode: u32,
    },
    /// The machine has no certificate to trust a server by.
    #[error(
        "no trusted root certificate was found on this machine: install ca-certificates, or set tls.ca to the server's CA file"
    )]
    NoRoots,
    /// `tls.name` or a target's name can't stand in a certificate.
    #[error("{name:?} is neither a host name nor an IP address: correct tls.name")]
    Name {
        /// The name as configured.
        name: String,
    },
    /// A certificate could not be made.
    #[error("making a certificate for {name}: {reason}")]
    Mint {
        /// Whose.
        name: String,
        /// Why not.
        reason: String,
    },
    /// rustls refused a configuration.
    #[error("setting up TLS: {0}")]
    Setup(#[from] rustls::Error),
    /// The server's certificate or handshake was refused by us, or ours by it.
    #[error("TLS with the server {name}: {reason}")]
    Server {
        /// The name that it was checked against.
        name: String,
        /// Why, and what to do.
        reason: String,
    },
    /// The client ended the handshake.
    #[error("TLS with the client: {0}")]
    Client(String),
    /// A handshake took too long.
    #[error("TLS with {side}: no handshake within {seconds} s")]
    Deadline {
        /// With whom.
        side: &'static str,
        /// The limit.
        seconds: u64,
    },
    /// A job's trust store could not be made.
    #[error("making a trust store for Java: {0}")]
    Java(String),
    /// The system gave no randomness.
    #[error("the system's random source failed: {0}")]
    Random(String),
}

/// The one cryptography provider, passed explicitly everywhere.
fn provider() -> Arc<CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}
