//! The side that the server sees: by what its certificate is trusted, and under which name.

use super::verify::{AnyCertificate, AnyName};
use super::{ALPN, TlsError, files, provider};
use rustls::client::danger::ServerCertVerifier;
use rustls::client::{Resumption, WebPkiServerVerifier};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// libpq's `sslmode`, without the ones that make no sense for a gateway.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum UpstreamMode {
    /// No TLS.
    Disable,
    /// TLS where the server has it, to whoever answers.
    Prefer,
    /// TLS, to whoever answers.
    Require,
    /// TLS, to a server whose certificate a trusted CA signed.
    VerifyCa,
    /// The same, and the certificate names the server.
    #[default]
    VerifyFull,
}

impl UpstreamMode {
    /// Its name, as the configuration has it.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Disable => "disable",
            Self::Prefer => "prefer",
            Self::Require => "require",
            Self::VerifyCa => "verify-ca",
            Self::VerifyFull => "verify-full",
        }
    }
}

/// The server's side of a target's TLS. Clones share what was read of the files, so that a session
/// reads none: a new configuration makes a new one.
#[derive(Clone, Debug, Default)]
pub struct UpstreamTls {
    /// How the server is verified.
    pub mode: UpstreamMode,
    /// The CAs to trust instead of the machine's own.
    pub ca: Option<PathBuf>,
    /// The name that the certificate must have; the dialled address where there is none.
    pub name: Option<String>,
    ready: Arc<OnceLock<Arc<ClientConfig>>>,
}

impl UpstreamTls {
    /// TLS as a target's settings say.
    #[must_use]
    pub fn new(mode: UpstreamMode, ca: Option<PathBuf>, name: Option<String>) -> Self {
        Self { mode, ca, name, ready: Arc::default() }
    }

    /// No TLS.
    #[must_use]
    pub fn disabled() -> Self {
        Self::new(UpstreamMode::Disable, None, None)
    }

    /// Whether TLS is asked for.
    #[must_use]
    pub const fn wanted(&self) -> bool {
        !matches!(self.mode, UpstreamMode::Disable)
    }

    /// Whether a server without TLS is refused.
    #[must_use]
    pub const fn required(&self) -> bool {
        !matches!(self.mode, UpstreamMode::Disable | UpstreamMode::Prefer)
    }

    /// Reads the CA file and checks the name: for `weir config check`, and before the first session.
    ///
    /// # Errors
    /// When the CA file can't be used, the machine has no roots, or the name is none.
    pub fn check(&self) -> Result<(), TlsError> {
        self.verified_name([0; 4].into())?;
        if self.wanted() {
            self.config()?;
        }
        Ok(())
    }

    /// What to connect with. The first call reads files.
    ///
    /// # Errors
    /// When the CA file can't be used or the machine has no roots.
    pub fn config(&self) -> Result<Arc<ClientConfig>, TlsError> {
        if let Some(config) = self.ready.get() {
            return Ok(Arc::clone(config));
        }
        let config = upstream_config(self)?;
        Ok(Arc::clone(self.ready.get_or_init(|| config)))
    }

    /// The name to verify: as configured, else the dialled address.
    ///
    /// # Errors
    /// When the configured name is neither a host name nor an address.
    pub fn verified_name(&self, dialled: IpAddr) -> Result<ServerName<'static>, TlsError> {
        match &self.name {
            Some(name) => ServerName::try_from(name.clone()).map_err(|_| TlsError::Name { name: name.clone() }),
            None => Ok(ServerName::IpAddress(dialled.to_canonical().into())),
        }
    }
}

/// The configuration to connect with: `disable` is taken as `require`, for it says only whether.
///
/// # Errors
/// When the CA file can't be used or the machine has no roots.
pub fn upstream_config(settings: &UpstreamTls) -> Result<Arc<ClientConfig>, TlsError> {
    let provider = provider();
    let verifier: Arc<dyn ServerCertVerifier> = match settings.mode {
        UpstreamMode::Disable | UpstreamMode::Prefer | UpstreamMode::Require => {
            Arc::new(AnyCertificate(provider.signature_verification_algorithms))
        }
        UpstreamMode::VerifyCa => Arc::new(AnyName(chain_verifier(settings.ca.as_deref())?)),
        UpstreamMode::VerifyFull => chain_verifier(settings.ca.as_deref())?,
    };
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(verifier)
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN.to_vec()];
    // A resumed session would bring no certificate to bind SCRAM to.
    config.resumption = Resumption::disabled();
    Ok(Arc::new(config))
}

/// The configuration to ask an HTTPS server with, whose certificate has to be right.
///
/// # Errors
/// When the CA file can't be used or the machine has no roots.
pub fn https_config(ca: Option<&Path>) -> Result<Arc<ClientConfig>, TlsError> {
    let mut config = client_config(ca, None)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

/// The configuration to connect to any server with, whose certificate has to be right, and to which `own` is shown: the files of
/// a chain and of its key.
///
/// # Errors
/// When a file can't be used or the machine has no roots.
pub fn client_config(ca: Option<&Path>, own: Option<(&Path, &Path)>) -> Result<ClientConfig, TlsError> {
    let builder = ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(chain_verifier(ca)?);
    let Some((certificate, key)) = own else { return Ok(builder.with_no_client_auth()) };
    let (chain, private) = (files::certificates(certificate)?, files::private_key(key)?);
    builder.with_client_auth_cert(chain, private).map_err(|error| {
        files::content(key, format!("does not fit the certificate in {} ({error}): give the pair", certificate.display()))
    })
}

fn chain_verifier(ca: Option<&Path>) -> Result<Arc<WebPkiServerVerifier>, TlsError> {
    let roots = match ca {
        Some(path) => roots_of(path)?,
        None => native_roots()?,
    };
    WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider())
        .build()
        .map_err(|e| TlsError::Setup(rustls::Error::General(e.to_string())))
}

fn roots_of(path: &Path) -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    for certificate in files::certificates(path)? {
        roots.add(certificate).map_err(|e| files::content(path, format!("holds a certificate that can't be a root ({e})")))?;
    }
    Ok(roots)
}

fn native_roots() -> Result<RootCertStore, TlsError> {
    let mut roots = RootCertStore::empty();
    // Some machines carry a root or two that webpki does not read: the others count.
    let (added, _) = roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if added == 0 {
        return Err(TlsError::NoRoots);
    }
    Ok(roots)
}
