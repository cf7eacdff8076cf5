//! What a job needs to trust the gateway's certificates: a bundle, and the variables that name it.

use super::{Authority, TlsError, files};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls_pki_types::CertificateDer;
use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

pub(super) mod java;

/// Variables that name a PEM file of trusted roots, by who reads them.
const VARIABLES: [&str; 12] = [
    "SSL_CERT_FILE",                    // OpenSSL, Go, Ruby, Python's ssl, rustls-native-certs
    "NODE_EXTRA_CA_CERTS",              // Node
    "REQUESTS_CA_BUNDLE",               // Python's requests
    "CURL_CA_BUNDLE",                   // curl, requests
    "PIP_CERT",                         // pip
    "GIT_SSL_CAINFO",                   // git
    "AWS_CA_BUNDLE",                    // the AWS command line and SDKs
    "CARGO_HTTP_CAINFO",                // cargo
    "DENO_CERT",                        // Deno
    "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", // gRPC's C core
    "NIX_SSL_CERT_FILE",                // Nix
    "BUNDLE_SSL_CA_CERT",               // Ruby's bundler
];

/// The same for Postgres clients (libpq, asyncpg, pgx, lib/pq, sqlx, Npgsql). Theirs is a file of its own: they
/// trust no system roots by themselves, and libpq reads the whole file at each connect, which takes
/// 20 ms for the 140 roots of a Debian.
const POSTGRES: &str = "PGSSLROOTCERT";

/// The trust material of one run, in a directory that the job can read.
#[derive(Debug)]
pub struct TrustBundle {
    pem: PathBuf,
    postgres: PathBuf,
    java: Option<PathBuf>,
    java_options: Option<String>,
    system_roots: bool,
    skipped: Vec<PathBuf>,
}

impl TrustBundle {
    /// Writes `ca-bundle.pem` (the machine's roots and weir's CA) into `dir`, for a job that names
    /// no roots of its own.
    ///
    /// # Errors
    /// When the directory or the file can't be written.
    pub fn write(dir: &Path, authority: &Authority) -> Result<Self, TlsError> {
        Self::write_for(dir, authority, &|_| None)
    }

    /// The same for a job with an environment: the roots that its own variables name, and its
    /// `~/.postgresql/root.crt`, go into the bundle too, because the bundle takes their place.
    ///
    /// # Errors
    /// When the directory or the file can't be written.
    pub fn write_for(dir: &Path, authority: &Authority, variable: &dyn Fn(&str) -> Option<OsString>) -> Result<Self, TlsError> {
        DirBuilder::new().recursive(true).mode(0o755).create(dir).map_err(|source| TlsError::File {
            what: "making the directory",
            path: dir.to_owned(),
            source,
        })?;
        let system_roots = variable(POSTGRES).is_some_and(|value| value == "system");
        let mut certificates = rustls_native_certs::load_native_certs().certs;
        let mut postgres_roots = if system_roots { certificates.clone() } else { Vec::new() };
        let mut skipped = Vec::new();
        for path in named_by(variable) {
            match files::certificates(&path) {
                Ok(more) => certificates.extend(more),
                Err(_) => skipped.push(path),
            }
        }
        if let Some(path) = named_by_postgres(variable) {
            match files::certificates(&path) {
                Ok(more) => {
                    certificates.extend(more.iter().cloned());
                    postgres_roots.extend(more);
                }
                Err(_) => skipped.push(path),
            }
        }
        postgres_roots.push(authority.certificate().clone());
        certificates.push(authority.certificate().clone());
        let pem = dir.join("ca-bundle.pem");
        files::replace(&pem, bundle(&certificates).as_bytes(), 0o644)?;
        let postgres = dir.join("postgres-roots.pem");
        files::replace(&postgres, bundle(&postgres_roots).as_bytes(), 0o644)?;
        let text = |name| variable(name).and_then(|value| value.into_string().ok());
        Ok(Self {
            pem,
            postgres,
            java: None,
            java_options: text("JAVA_TOOL_OPTIONS"),
            system_roots: system_roots && variable("PGSSLMODE").is_none(),
            skipped,
        })
    }

    /// Adds a Java trust store, where a JDK's `keytool` is on this process's PATH and the job names
    /// no store itself. It starts a JVM, so it takes about a second: for jobs that run Java.
    ///
    /// # Errors
    /// When `keytool` is there and fails.
    pub fn add_java(&mut self) -> Result<(), TlsError> {
        let own = self.java_options.as_deref().is_some_and(|o| o.contains("javax.net.ssl.trustStore"));
        if own {
            return Ok(());
        }
        if let Some(keytool) = java::keytool() {
            self.java = Some(java::store(&keytool, &self.pem)?);
        }
        Ok(())
    }

    /// The bundle's file.
    #[must_use]
    pub fn pem(&self) -> &Path {
        &self.pem
    }

    /// The Java trust store, where there is one.
    #[must_use]
    pub fn java(&self) -> Option<&Path> {
        self.java.as_deref()
    }

    /// Files that the job's variables name and that hold no readable certificates.
    #[must_use]
    pub fn skipped(&self) -> &[PathBuf] {
        &self.skipped
    }

    /// What to set in the job's environment; each replaces the job's own value.
    #[must_use]
    pub fn environment(&self) -> Vec<(String, String)> {
        let pem = self.pem.display().to_string();
        let mut all: Vec<_> = VARIABLES.iter().map(|name| ((*name).to_owned(), pem.clone())).collect();
        all.push((POSTGRES.to_owned(), self.postgres.display().to_string()));
        if self.system_roots {
            // `PGSSLROOTCERT=system` made libpq verify in full; a file alone would not.
            all.push(("PGSSLMODE".to_owned(), "verify-full".to_owned()));
        }
        if let Some(store) = &self.java {
            let option =
                format!("-Djavax.net.ssl.trustStore={} -Djavax.net.ssl.trustStorePassword={}", store.display(), java::PASSWORD);
            let options = self.java_options.as_ref().map_or_else(|| option.clone(), |own| format!("{own} {option}"));
            all.push(("JAVA_TOOL_OPTIONS".to_owned(), options));
        }
        all
    }
}

fn named_by(variable: &dyn Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> =
        VARIABLES.iter().filter_map(|name| variable(name)).filter(|value| !value.is_empty()).map(PathBuf::from).collect();
    paths.sort();
    paths.dedup();
    paths
}

/// The file that libpq would read: it looks into the home only while the variable is unset.
fn named_by_postgres(variable: &dyn Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    match variable(POSTGRES) {
        Some(value) if value.is_empty() || value == "system" => None,
        Some(value) => Some(PathBuf::from(value)),
        None => Some(Path::new(&variable("HOME")?).join(".postgresql/root.crt")).filter(|root| root.exists()),
    }
}

fn bundle(certificates: &[CertificateDer<'_>]) -> String {
    let mut seen = HashSet::new();
    let mut text = String::new();
    for certificate in certificates.iter().filter(|certificate| seen.insert(certificate.to_vec())) {
        text.push_str(&pem(certificate));
    }
    text
}

/// A certificate as text (RFC 7468 §5.1).
fn pem(certificate: &CertificateDer<'_>) -> String {
    let encoded = STANDARD.encode(certificate);
    let mut text = String::from("-----BEGIN CERTIFICATE-----\n");
    let mut rest = encoded.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END CERTIFICATE-----\n");
    text
}
