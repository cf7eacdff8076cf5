//! A company's own certificate authority, as openssl makes one: a root, an intermediate, a server.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use tempfile::TempDir;

/// The files of one authority, removed with it. All names are for `db.test` and 127.0.0.1.
#[derive(Debug)]
pub struct CertificateAuthority(TempDir);

impl CertificateAuthority {
    /// Makes a root, an intermediate below it, and a server's certificate below that.
    pub fn create() -> Self {
        let directory = tempfile::Builder::new().prefix("weir-ca-").tempdir().expect("a temporary directory");
        let place = directory.path();
        let ca = "basicConstraints=critical,CA:TRUE\nkeyUsage=critical,keyCertSign,cRLSign\n";
        fs::write(place.join("ca.ext"), ca).expect("our own directory");
        let server = "basicConstraints=critical,CA:FALSE\nsubjectAltName=DNS:db.test,IP:127.0.0.1\n";
        fs::write(place.join("server.ext"), server).expect("our own directory");
        for (name, kind) in [("root", "ca"), ("intermediate", "ca"), ("server", "server")] {
            let request = format!(
                "req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -subj /CN=test-{name} -out {name}.csr"
            );
            openssl(place, &request);
            let issuer = match name {
                "root" => "-signkey root.key",
                "intermediate" => "-CA root.pem -CAkey root.key -CAcreateserial",
                _ => "-CA intermediate.pem -CAkey intermediate.key -CAcreateserial",
            };
            openssl(place, &format!("x509 -req -days 2 -in {name}.csr {issuer} -extfile {kind}.ext -out {name}.pem"));
        }
        let chain = ["server.pem", "intermediate.pem"].map(|file| fs::read(place.join(file)).expect("openssl has made it"));
        fs::write(place.join("server-chain.pem"), chain.concat()).expect("our own directory");
        Self(directory)
    }

    /// The root's certificate: what clients trust.
    pub fn root(&self) -> PathBuf {
        self.0.path().join("root.pem")
    }

    /// The server's certificate with the intermediate, and its key.
    pub fn server(&self) -> (PathBuf, PathBuf) {
        (self.0.path().join("server-chain.pem"), self.0.path().join("server.key"))
    }

    /// The intermediate's certificate and key.
    pub fn intermediate(&self) -> (PathBuf, PathBuf) {
        (self.0.path().join("intermediate.pem"), self.0.path().join("intermediate.key"))
    }
}

fn openssl(directory: &Path, arguments: &str) {
    let output = Command::new("openssl").args(arguments.split(' ')).current_dir(directory).output().expect("openssl starts");
    assert!(output.status.success(), "openssl {arguments}: {}", String::from_utf8_lossy(&output.stderr));
}
