//! A real Postgres with TLS for one test, and certificates of any kind to give it.
#![allow(dead_code, reason = "each test file uses its own part")]
#![allow(unreachable_pub, missing_docs, reason = "a module of each test file")]
#![allow(clippy::unwrap_used, clippy::panic, clippy::expect_used, reason = "a test fails by panicking")]

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SignatureAlgorithm, date_time_ymd,
};
use std::fs::Permissions;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The password of every role that the tests make.
pub const PASSWORD: &str = "pässword of the test";

/// A role that needs no password, once a test has made it.
pub const OPEN: &str = "open";

/// A CA for one test.
pub struct TestCa {
    issuer: Issuer<'static, KeyPair>,
    /// Its certificate.
    pub pem: String,
    /// Its key.
    pub key: String,
}

/// A server's certificate, as PEM.
pub struct Leaf {
    pub pem: String,
    pub key: String,
    pub der: Vec<u8>,
}

impl TestCa {
    pub fn new(name: &str, algorithm: &'static SignatureAlgorithm) -> Self {
        let key = KeyPair::generate_for(algorithm).unwrap();
        let params = ca(name);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, key: key.serialize_pem(), issuer: Issuer::new(params, key) }
    }

    /// An intermediate below this one.
    pub fn intermediate(&self, name: &str) -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = ca(name);
        params.use_authority_key_identifier_extension = true;
        let pem = params.signed_by(&key, &self.issuer).unwrap().pem();
        Self { pem, key: key.serialize_pem(), issuer: Issuer::new(params, key) }
    }

    /// The CA's own certificate in a server's place, as `openssl req -x509` makes one.
    pub fn as_leaf(&self) -> Leaf {
        use rustls_pki_types::{CertificateDer, pem::PemObject};
        let der = CertificateDer::from_pem_slice(self.pem.as_bytes()).unwrap().to_vec();
        Leaf { pem: self.pem.clone(), key: self.key.clone(), der }
    }

    /// A server's certificate for `names`, valid until the end of `year`.
    pub fn leaf(&self, names: &[&str], year: i32) -> Leaf {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(names.iter().map(|n| (*n).to_owned()).collect::<Vec<_>>()).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.not_after = date_time_ymd(year, 12, 31);
        let made = params.signed_by(&key, &self.issuer).unwrap();
        Leaf { pem: made.pem(), key: key.serialize_pem(), der: made.der().to_vec() }
    }
}

fn ca(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    params
}

/// A file with `mode` in `dir`.
pub fn file(dir: &Path, name: &str, text: &str, mode: u32) -> PathBuf {
    let path = dir.join(name);
    std::fs::write(&path, text).unwrap();
    std::fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path
}

/// A Postgres 15 of this test's own; stopped by its process id.
pub struct Postgres {
    dir: TempDir,
    server: Option<Child>,
    /// Where it listens.
    pub address: SocketAddr,
}

impl Postgres {
    /// Makes a cluster whose superuser is `postgres`, and starts it with `leaf`, or without TLS.
    pub fn start(leaf: Option<&Leaf>) -> Self {
        let dir = tempfile::Builder::new().prefix("weir-pg-").tempdir().unwrap();
        let password = file(dir.path(), "password", PASSWORD, 0o600);
        owned(dir.path());
        owned(&password);
        let made = as_postgres("initdb")
            .args(["--no-sync", "--encoding=UTF8", "--locale=C", "--username=postgres", "--auth=scram-sha-256", "--pwfile"])
            .arg(&password)
            .arg("-D")
            .arg(dir.path().join("data"))
            .output()
            .unwrap();
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let rules = dir.path().join("data/pg_hba.conf");
        let rest = std::fs::read_to_string(&rules).unwrap();
        std::fs::write(&rules, format!("host all {OPEN} 127.0.0.1/32 trust\n{rest}")).unwrap();
        let mut postgres = Self { dir, server: None, address: ([127, 0, 0, 1], free_port()).into() };
        postgres.present(leaf);
        postgres
    }

    /// Starts it again with another certificate.
    pub fn present(&mut self, leaf: Option<&Leaf>) {
        self.stop();
        let path = self.dir.path();
        if let Some(leaf) = leaf {
            owned(&file(path, "server.pem", &leaf.pem, 0o644));
            owned(&file(path, "server.key", &leaf.key, 0o600));
        }
        let set = |name: &str, value: &str| format!("{name}={value}");
        let log = std::fs::OpenOptions::new().create(true).append(true).open(path.join("log")).unwrap();
        let server = as_postgres("postgres")
            .arg("-D")
            .arg(path.join("data"))
            .arg("-p")
            .arg(self.address.port().to_string())
            .args(["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", "shared_buffers=16MB"])
            .args(["-c", &set("unix_socket_directories", &path.display().to_string())])
            .args(["-c", &set("ssl", if leaf.is_some() { "on" } else { "off" })])
            .args(["-c", &set("ssl_cert_file", &path.join("server.pem").display().to_string())])
            .args(["-c", &set("ssl_key_file", &path.join("server.key").display().to_string())])
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        self.server = Some(server);
        self.wait();
    }

    /// `host:port` for a URL or psql.
    pub fn conninfo(&self, more: &str) -> String {
        format!("host=127.0.0.1 port={} dbname=postgres user=postgres {more}", self.address.port())
    }

    /// Runs SQL by psql as the superuser, and gives its output.
    pub fn psql(&self, sql: &str) -> String {
        let out = Command::new("psql")
            .args(["-XAtq", "-v", "ON_ERROR_STOP=1", "-c", sql, &self.conninfo("")])
            .env("PGPASSWORD", PASSWORD)
            .output()
            .unwrap();
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        String::from_utf8(out.stdout).unwrap().trim().to_owned()
    }

    /// Starts SQL by psql and leaves it running.
    pub fn psql_in_background(&self, sql: &str) -> Child {
        Command::new("psql")
            .args(["-XAtq", "-c", sql, &self.conninfo("application_name=background")])
            .env("PGPASSWORD", PASSWORD)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap()
    }

    fn wait(&mut self) {
        let started = Instant::now();
        loop {
            let ready = Command::new("/usr/lib/postgresql/15/bin/pg_isready")
                .args(["-q", "-h", "127.0.0.1", "-p", &self.address.port().to_string()])
                .status()
                .unwrap();
            if ready.success() && TcpStream::connect(self.address).is_ok() {
                return;
            }
            let log = || std::fs::read_to_string(self.dir.path().join("log")).unwrap_or_default();
            assert!(started.elapsed() < Duration::from_secs(30), "Postgres did not start: {}", log());
            if let Some(status) = self.server.as_mut().unwrap().try_wait().unwrap() {
                panic!("Postgres ended with {status}: {}", log());
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    fn stop(&mut self) {
        if let Some(mut server) = self.server.take() {
            let pid = nix::unistd::Pid::from_raw(server.id().cast_signed());
            nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).unwrap();
            server.wait().unwrap();
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A Postgres program that runs as `postgres`, for the server refuses root. `setpriv` becomes it,
/// so that the child is the program itself.
fn as_postgres(program: &str) -> Command {
    let path = Path::new("/usr/lib/postgresql/15/bin").join(program);
    let mut command = if nix::unistd::geteuid().is_root() {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=postgres", "--regid=postgres", "--init-groups", "--"]).arg(path);
        command
    } else {
        Command::new(path)
    };
    command.current_dir("/").env_remove("PGDATA");
    command
}

fn owned(path: &Path) {
    if nix::unistd::geteuid().is_root() {
        let user = nix::unistd::User::from_name("postgres").unwrap().unwrap();
        nix::unistd::chown(path, Some(user.uid), Some(user.gid)).unwrap();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}
