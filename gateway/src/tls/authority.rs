//! weir's own CA: made once for a state directory, kept there, and read again ever after.

use super::mint::{Minter, set_period};
use super::{TlsError, files};
use nix::fcntl::{Flock, FlockArg};
use rcgen::{BasicConstraints, CertificateParams, DistinguishedName, DnType, IsCa, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;
use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

const LIFETIME: Duration = Duration::from_secs(3653 * 24 * 3600);

/// weir's own CA, ready to mint.
pub struct Authority {
    pub(super) minter: Minter,
    certificate: PathBuf,
}

impl Authority {
    /// Opens `<state_dir>/tls/ca.pem` and `ca.key`, making them (P-256, ten years) where they are
    /// not yet. Two gateways that start at once get the same one.
    ///
    /// # Errors
    /// When the files can't be read or made, don't belong together, are exposed or have expired.
    pub fn open(state_dir: &Path) -> Result<Self, TlsError> {
        let dir = state_dir.join("tls");
        make_directory(&dir)?;
        let _held = lock(&dir.join("lock"))?;
        let (certificate, key) = (dir.join("ca.pem"), dir.join("ca.key"));
        if !certificate.exists() {
            // A key without a certificate is what a crash left of an earlier attempt: nobody has
            // seen a certificate of it.
            make(&certificate, &key)?;
        } else if !key.exists() {
            return Err(files::content(
                &key,
                format!(
                    "missing, but its certificate {} is there: restore the key, or remove the certificate to have a new CA made (jobs that trust the old one must then be started again)",
                    certificate.display()
                ),
            ));
        }
        Ok(Self { minter: Minter::open(&certificate, &key)?, certificate })
    }

    /// The CA's certificate, for trust stores.
    #[must_use]
    pub const fn certificate(&self) -> &CertificateDer<'static> {
        self.minter.certificate()
    }

    /// Where the certificate is kept.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.certificate
    }
}

fn make(certificate: &Path, key: &Path) -> Result<(), TlsError> {
    let failed = |e: rcgen::Error| TlsError::Mint { name: "weir's own CA".to_owned(), reason: e.to_string() };
    let pair = KeyPair::generate().map_err(failed)?;
    let made = parameters()?.self_signed(&pair).map_err(failed)?;
    files::replace(key, zeroize::Zeroizing::new(pair.serialize_pem()).as_bytes(), 0o600)?;
    // The certificate comes last: it says that the pair is complete.
    files::replace(certificate, made.pem().as_bytes(), 0o644)
}

fn parameters() -> Result<CertificateParams, TlsError> {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    // Two hosts' CAs must not share a name: a client that trusts both would try the wrong key.
    let mut random = [0u8; 4];
    getrandom::fill(&mut random).map_err(|e| TlsError::Random(e.to_string()))?;
    params.distinguished_name.push(DnType::CommonName, format!("weir gateway CA {:08x}", u32::from_be_bytes(random)));
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    let now = SystemTime::now();
    set_period(&mut params, now - Duration::from_secs(24 * 3600), now + LIFETIME);
    Ok(params)
}

fn make_directory(dir: &Path) -> Result<(), TlsError> {
    let failed = |source| TlsError::File { what: "making the directory", path: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(failed)?;
    std::fs::set_permissions(dir, Permissions::from_mode(0o700)).map_err(failed)
}

fn lock(path: &Path) -> Result<Flock<File>, TlsError> {
    let failed = |source| TlsError::File { what: "locking", path: path.to_owned(), source };
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path).map_err(failed)?;
    Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, errno)| failed(errno.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::MetadataExt;

    #[test]
    fn gateways_that_start_at_once_share_one_ca() {
        let dir = tempfile::tempdir().unwrap();
        let all: Vec<_> = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..8).map(|_| scope.spawn(|| Authority::open(dir.path()).unwrap().certificate().to_vec())).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect()
        });
        assert!(all.iter().all(|certificate| *certificate == all[0]));
        let mode = |name: &str| std::fs::metadata(dir.path().join(name)).unwrap().mode() & 0o777;
        assert_eq!((mode("tls"), mode("tls/ca.key")), (0o700, 0o600));
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        drop(Authority::open(one.path()).unwrap());
        drop(Authority::open(other.path()).unwrap());
        let says = |what: &str| {
            let error = Authority::open(one.path()).map(|_| ()).unwrap_err().to_string();
            assert!(error.contains(what), "{error}");
        };
        let key = one.path().join("tls/ca.key");
        std::fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
        says("chmod");
        std::fs::copy(other.path().join("tls/ca.key"), &key).unwrap();
        std::fs::set_permissions(&key, Permissions::from_mode(0o600)).unwrap();
        says("not the key of");
        std::fs::remove_file(&key).unwrap();
        says("restore the key");
    }
}
