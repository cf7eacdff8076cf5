//! The certificate that people's browsers see; a renewed one is taken up by itself.

use super::files::{self, Stamp};
use super::{TlsError, provider};
use rustls::ServerConfig;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

/// A chain and a key in files.
pub struct WebCertificate {
    certificate: PathBuf,
    key: PathBuf,
    kept: Mutex<Kept>,
}

struct Kept {
    stamps: (Stamp, Stamp),
    config: Arc<ServerConfig>,
}

impl WebCertificate {
    /// Reads them.
    ///
    /// # Errors
    /// When a file is missing, unfit or exposed, or they don't belong together.
    pub fn open(certificate: PathBuf, key: PathBuf) -> Result<Self, TlsError> {
        let kept = Kept { stamps: stamps(&certificate, &key)?, config: configuration(&certificate, &key)? };
        Ok(Self { certificate, key, kept: Mutex::new(kept) })
    }

    /// The configuration to accept a connection with: of the files as they are now, or as they were when they were last fit.
    #[must_use]
    pub fn config(&self) -> Arc<ServerConfig> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        match stamps(&self.certificate, &self.key) {
            Ok(now) if now != kept.stamps => {
                match configuration(&self.certificate, &self.key) {
                    Ok(config) => kept.config = config,
                    Err(error) => tracing::error!(%error, "the console's new certificate can't be used, the old one is"),
                }
                kept.stamps = now;
            }
            Ok(_same) => {}
            Err(error) => tracing::error!(%error, "the console's certificate can't be looked at"),
        }
        Arc::clone(&kept.config)
    }
}

fn stamps(certificate: &Path, key: &Path) -> Result<(Stamp, Stamp), TlsError> {
    Ok((files::stamp(certificate)?, files::stamp(key)?))
}

fn configuration(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let pair = (files::certificates(certificate)?, files::private_key(key)?);
    let mut config = ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(pair.0, pair.1)
        .map_err(|error| {
            files::content(key, format!("does not fit the certificate in {} ({error}): give the pair", certificate.display()))
        })?;
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
