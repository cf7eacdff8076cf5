//! Reading certificates and keys, with a ceiling on size and a look at who else can read a key.

use super::TlsError;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;
use zeroize::Zeroizing;

/// More than any system's whole set of roots, with room.
const CEILING: u64 = 16 << 20;

/// Every certificate of a PEM file, in its order; at least one.
pub(super) fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(path)?.1;
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let certificates = certificates.map_err(|e| content(path, format!("not readable as PEM certificates ({e})")))?;
    if certificates.is_empty() {
        return Err(content(path, "holds no PEM certificate (-----BEGIN CERTIFICATE-----)".to_owned()));
    }
    Ok(certificates)
}

/// The text of a private key that only its owner, and perhaps a group, can read.
pub(super) fn private_key_pem(path: &Path) -> Result<Zeroizing<String>, TlsError> {
    let (mode, bytes) = read(path)?;
    if mode & 0o007 != 0 {
        return Err(TlsError::Exposed { path: path.to_owned(), mode });
    }
    let text = std::str::from_utf8(&bytes).map_err(|_| content(path, "not a PEM private key".to_owned()))?;
    if text.contains("ENCRYPTED") {
        return Err(content(
            path,
            "the private key is encrypted: give one without a passphrase, for example by openssl pkey".to_owned(),
        ));
    }
    Ok(Zeroizing::new(text.to_owned()))
}

/// A private key in whichever of the PEM forms it comes.
pub(super) fn private_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let text = private_key_pem(path)?;
    PrivateKeyDer::from_pem_slice(text.as_bytes())
        .map_err(|_| content(path, "holds no PEM private key (-----BEGIN PRIVATE KEY-----)".to_owned()))
}

/// What changes when a file is replaced or rewritten.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Stamp(u64, u64, i64, i64, u64);

/// The stamp of a file as it is now.
pub(super) fn stamp(path: &Path) -> Result<Stamp, TlsError> {
    let m = std::fs::metadata(path).map_err(|source| reading(path, source))?;
    Ok(Stamp(m.dev(), m.ino(), m.mtime(), m.mtime_nsec(), m.size()))
}

/// Writes a whole file, or leaves what was there.
pub(super) fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<(), TlsError> {
    let failed = |source| TlsError::File { what: "writing", path: path.to_owned(), source };
    crate::durable::replace(path, bytes, mode).map_err(failed)
}

pub(super) fn content(path: &Path, problem: String) -> TlsError {
    TlsError::Content { path: path.to_owned(), problem }
}

/// Mode and bytes of a regular file. It is opened without blocking, because a job may name it.
fn read(path: &Path) -> Result<(u32, Zeroizing<Vec<u8>>), TlsError> {
    let failed = |source| reading(path, source);
    let file: File = OpenOptions::new().read(true).custom_flags(libc::O_NONBLOCK | libc::O_CLOEXEC).open(path).map_err(failed)?;
    let metadata = file.metadata().map_err(failed)?;
    if !metadata.is_file() {
        return Err(content(path, "not a regular file".to_owned()));
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(CEILING + 1).read_to_end(&mut bytes).map_err(failed)?;
    if bytes.len() as u64 > CEILING {
        return Err(content(path, "larger than 16 MiB".to_owned()));
    }
    Ok((metadata.mode() & 0o7777, bytes))
}

fn reading(path: &Path, source: io::Error) -> TlsError {
    TlsError::File { what: "reading", path: path.to_owned(), source }
}
