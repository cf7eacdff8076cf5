//! The side that the job sees: which certificate a target presents.

use super::authority::Authority;
use super::files::{self, Stamp};
use super::mint::Minter;
use super::{ALPN, TlsError, provider};
use rustls::ServerConfig;
use rustls::server::{NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use std::collections::HashMap;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

/// As many configurations are kept; the one due first makes room.
const KEPT: usize = 1024;
/// Files are looked at anew so often, and a configuration made of them lives so long.
const FILES_FOR: Duration = Duration::from_secs(3600);

/// What a client that asks for TLS gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ClientMode {
    /// TLS is declined.
    Off,
    /// TLS where the client asks for it.
    #[default]
    Accept,
    /// A client without TLS is refused.
    Require,
}

/// Where the certificate that a target presents comes from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum CertificateSource {
    /// The owner's own chain and key.
    Files {
        /// PEM, the server's certificate first.
        cert: PathBuf,
        /// PEM.
        key: PathBuf,
    },
    /// Minted under an intermediate of the owner's.
    Issuer {
        /// PEM, the intermediate first, then what leads to the root.
        cert: PathBuf,
        /// PEM.
        key: PathBuf,
    },
    /// Minted under weir's own CA.
    #[default]
    Own,
}

/// The job's side of a target's TLS.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct ClientTls {
    /// Whether there is TLS.
    pub mode: ClientMode,
    /// With which certificate.
    pub source: CertificateSource,
}

/// What a minted certificate is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ServerNames {
    names: Vec<String>,
    ip: IpAddr,
}

/// Makes and keeps the configurations that jobs' TLS is accepted with.
pub struct ServerSide {
    authority: Arc<Authority>,
    kept: Mutex<HashMap<Key, Kept>>,
}

type Key = (CertificateSource, ServerNames, Option<(Stamp, Stamp)>);

struct Kept {
    config: Arc<ServerConfig>,
    until: SystemTime,
}

impl ServerSide {
    /// A server side that mints under `authority` where a target names no certificate.
    #[must_use]
    pub fn new(authority: Arc<Authority>) -> Self {
        Self { authority, kept: Mutex::default() }
    }

    /// The configuration to accept TLS with. A minted certificate is for the target's `names` as
    /// configured, never for one that a client claims, and for the address that the job dialled.
    /// Files that have changed are read again.
    ///
    /// # Errors
    /// When a file is missing, unfit or exposed, or a name can't stand in a certificate.
    pub fn config_for<N>(&self, source: &CertificateSource, names: N, ip: IpAddr) -> Result<Arc<ServerConfig>, TlsError>
    where
        N: IntoIterator,
        N::Item: Into<String>,
    {
        let names = ServerNames { names: names.into_iter().map(Into::into).collect(), ip: ip.to_canonical() };
        let key = (source.clone(), fitting(source, &names), stamps(source)?);
        let now = SystemTime::now();
        if let Some(config) = self.find(&key, now) {
            return Ok(config);
        }
        let (certified, until) = self.certify(source, &names, now)?;
        let config = configuration(certified)?;
        self.keep(key, Kept { config: Arc::clone(&config), until }, now);
        Ok(config)
    }

    fn certify(
        &self,
        source: &CertificateSource,
        names: &ServerNames,
        now: SystemTime,
    ) -> Result<(Arc<CertifiedKey>, SystemTime), TlsError> {
        match source {
            CertificateSource::Files { cert, key } => {
                let certified = CertifiedKey::from_der(files::certificates(cert)?, files::private_key(key)?, &provider())
                    .map_err(|e| {
                        files::content(key, format!("does not fit the certificate in {} ({e}): give the pair", cert.display()))
                    })?;
                Ok((Arc::new(certified), now + FILES_FOR))
            }
            CertificateSource::Issuer { cert, key } => Minter::open(cert, key)?.mint(&names.names, names.ip),
            CertificateSource::Own => self.authority.minter.mint(&names.names, names.ip),
        }
    }

    fn find(&self, key: &Key, now: SystemTime) -> Option<Arc<ServerConfig>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(key).filter(|k| k.until > now).map(|k| Arc::clone(&k.config))
    }

    fn keep(&self, key: Key, new: Kept, now: SystemTime) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= KEPT {
            kept.retain(|_, k| k.until > now);
        }
        if kept.len() >= KEPT
            && let Some(first) = kept.iter().min_by_key(|(_, k)| k.until).map(|(key, _)| key.clone())
        {
            kept.remove(&first);
        }
        kept.insert(key, new);
    }
}

/// A certificate from files is the same for every name.
fn fitting(source: &CertificateSource, names: &ServerNames) -> ServerNames {
    match source {
        CertificateSource::Files { .. } => ServerNames { names: Vec::new(), ip: IpAddr::from([0; 4]) },
        CertificateSource::Issuer { .. } | CertificateSource::Own => names.clone(),
    }
}

fn stamps(source: &CertificateSource) -> Result<Option<(Stamp, Stamp)>, TlsError> {
    match source {
        CertificateSource::Files { cert, key } | CertificateSource::Issuer { cert, key } => {
            Ok(Some((files::stamp(cert)?, files::stamp(key)?)))
        }
        CertificateSource::Own => Ok(None),
    }
}

fn configuration(certified: Arc<CertifiedKey>) -> Result<Arc<ServerConfig>, TlsError> {
    let resolver: Arc<dyn ResolvesServerCert> = Arc::new(SingleCertAndKey::from(certified));
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_cert_resolver(resolver);
    config.alpn_protocols = vec![ALPN.to_vec()];
    // As Postgres does: a session is never resumed, so each is accepted under the settings of now.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    Ok(Arc::new(config))
}
