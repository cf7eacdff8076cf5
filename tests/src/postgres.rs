//! A real Postgres server in a temporary directory, on a free port.

use crate::{free_port, wait_until};
use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use tempfile::TempDir;

/// Debian's Postgres 15.
const DEBIAN_BIN: &str = "/usr/lib/postgresql/15/bin";

/// A running server, stopped when dropped. Its superuser is `postgres`, its role for jobs `app`.
#[derive(Debug)]
pub struct Postgres {
    directory: TempDir,
    bin: PathBuf,
    /// The port on 127.0.0.1 (and on ::1, where IPv6 is there).
    pub port: u16,
    /// The superuser's password.
    pub superuser_password: String,
    /// The password of the role `app`.
    pub app_password: String,
}

/// What the server speaks on its TCP port.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Tls {
    /// Plain text only.
    Off,
    /// TLS with a certificate for `db.test` from a CA of the test's own, plain text too.
    On,
    /// The same; plain text is refused.
    Required,
}

/// How to start one.
#[derive(Clone, Debug)]
pub struct PostgresBuilder {
    bin: PathBuf,
    method: String,
    tls: Tls,
    settings: Vec<String>,
}

impl Postgres {
    /// Debian's 15 with SCRAM and without TLS.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Debian's 15, to be set up further.
    pub fn builder() -> PostgresBuilder {
        PostgresBuilder {
            bin: PathBuf::from(DEBIAN_BIN),
            method: "scram-sha-256".to_owned(),
            tls: Tls::Off,
            settings: Vec::new(),
        }
    }

    /// Postgres 18 as npm brings it, to be set up further.
    pub fn builder_18() -> PostgresBuilder {
        PostgresBuilder { bin: crate::clients::postgres_18(), ..Self::builder() }
    }

    /// Runs `sql` as the superuser over the server's own socket, past any gateway. Rows as `a|b`.
    pub fn sql(&self, sql: &str) -> String {
        let output = self.psql("postgres").args(["-c", sql]).output().expect("psql starts");
        assert!(output.status.success(), "{sql}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("the answer is UTF-8").trim_end().to_owned()
    }

    /// psql as the superuser on `database`, over the server's own socket.
    pub fn psql(&self, database: &str) -> Command {
        let mut command = Command::new("psql");
        command
            .env("PGPASSWORD", &self.superuser_password)
            .args(["-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database])
            .arg("-h")
            .arg(self.directory.path())
            .args(["-p", &self.port.to_string()]);
        command
    }

    /// How many backends of the role `app` run a statement.
    pub fn active(&self) -> usize {
        let count = self.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app' AND state = 'active'");
        count.parse().expect("count() is a number")
    }

    /// The CA that signed the server's certificate.
    pub fn ca(&self) -> PathBuf {
        self.directory.path().join("ca.pem")
    }

    /// A file with the superuser's credential, as a target's `catalog` names it.
    pub fn superuser_secret(&self) -> PathBuf {
        let file = self.directory.path().join("superuser.secret");
        let url = format!("postgres://postgres:{}@db.test", self.superuser_password);
        fs::write(&file, url).expect("our own directory");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).expect("our own file");
        file
    }

    /// Ends the server at once, without a goodbye to its clients.
    pub fn crash(&self) {
        self.control(&["-m", "immediate", "stop"]);
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    fn control(&self, arguments: &[&str]) -> Output {
        let mut command = as_postgres(&self.bin.join("pg_ctl"));
        command.arg("-D").arg(self.data()).arg("-w").args(arguments).output().expect("pg_ctl starts")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if self.data().join("postmaster.pid").exists() {
            self.control(&["-m", "immediate", "stop"]);
        }
    }
}

impl PostgresBuilder {
    /// The method in pg_hba.conf for TCP: `trust`, `password`, `md5`, `scram-sha-256`, `reject`.
    #[must_use]
    pub fn method(mut self, method: &str) -> Self {
        method.clone_into(&mut self.method);
        self
    }

    /// What the server speaks.
    #[must_use]
    pub const fn tls(mut self, tls: Tls) -> Self {
        self.tls = tls;
        self
    }

    /// A line of postgresql.conf.
    #[must_use]
    pub fn setting(mut self, line: &str) -> Self {
        self.settings.push(line.to_owned());
        self
    }

    /// Starts it. Needs root, who then lets the user `postgres` run it.
    pub fn start(self) -> Postgres {
        let directory = tempfile::Builder::new().prefix("weir-pg-").tempdir().expect("a temporary directory");
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("our own directory");
        let server = Postgres {
            directory,
            bin: self.bin.clone(),
            port: free_port(),
            superuser_password: "super-secret-of-the-test".to_owned(),
            app_password: "real-secret-of-the-target".to_owned(),
        };
        self.initialise(&server);
        let log = server.data().join("server.log");
        let started = server.control(&["-t", "60", "-l", log.to_str().expect("a UTF-8 path"), "start"]);
        assert!(started.status.success(), "{}", fs::read_to_string(&log).unwrap_or_default());
        wait_until("Postgres to answer", 30, || {
            server.psql("postgres").args(["-c", "SELECT 1"]).output().ok().filter(|o| o.status.success())
        });
        let encryption = if self.method == "md5" { "md5" } else { "scram-sha-256" };
        server
            .sql(&format!("SET password_encryption = '{encryption}'; CREATE ROLE app LOGIN PASSWORD '{}'", server.app_password));
        server.sql("CREATE DATABASE app OWNER app");
        server
    }

    fn initialise(&self, server: &Postgres) {
        let password_file = server.directory.path().join("password");
        fs::write(&password_file, &server.superuser_password).expect("our own directory");
        own(server.directory.path());
        own(&password_file);
        let mut initdb = as_postgres(&self.bin.join("initdb"));
        initdb.args([
            "-U",
            "postgres",
            "--auth",
            "scram-sha-256",
            "--no-sync",
            "--encoding",
            "UTF8",
            "--locale",
            "C",
            "--pwfile",
        ]);
        let output = initdb.arg(&password_file).arg("-D").arg(server.data()).output().expect("initdb starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        self.configure(server);
    }

    fn configure(&self, server: &Postgres) {
        let mut lines = vec![
            format!("port = {}", server.port),
            "listen_addresses = '127.0.0.1, ::1'".to_owned(),
            format!("unix_socket_directories = '{}'", server.directory.path().display()),
            "fsync = off".to_owned(),
            "max_connections = 100".to_owned(),
        ];
        if self.tls != Tls::Off {
            make_certificates(server.directory.path());
            lines.push("ssl = on".to_owned());
            lines.push(format!("ssl_cert_file = '{}'", server.directory.path().join("server.pem").display()));
            lines.push(format!("ssl_key_file = '{}'", server.directory.path().join("server.key").display()));
        }
        lines.extend(self.settings.iter().cloned());
        append(&server.data().join("postgresql.conf"), &lines.join("\n"));
        let kind = if self.tls == Tls::Required { "hostssl" } else { "host" };
        let rules = format!("local all postgres scram-sha-256\n{kind} all all all {}\n", self.method);
        fs::write(server.data().join("pg_hba.conf"), rules).expect("the data directory is there");
    }
}

/// A CA and a certificate for `db.test` and the loopback addresses.
fn make_certificates(directory: &Path) {
    let path = |name: &str| directory.join(name).into_os_string();
    let openssl = |arguments: &[&OsStr]| {
        let output = Command::new("openssl").args(arguments).output().expect("openssl starts");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    };
    let extensions = directory.join("extensions");
    fs::write(&extensions, "subjectAltName=DNS:db.test,IP:127.0.0.1,IP:::1\nbasicConstraints=CA:FALSE\n")
        .expect("our own directory");
    let text = OsStr::new;
    let key = ["req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout"].map(text);
    let (ca_key, ca, server_key, request, server) =
        (path("ca.key"), path("ca.pem"), path("server.key"), path("server.csr"), path("server.pem"));
    let ca_rest = [&ca_key, text("-x509"), text("-days"), text("2"), text("-subj"), text("/CN=weir test CA"), text("-out"), &ca];
    openssl(&[&key[..], &ca_rest[..]].concat());
    openssl(&[&key[..], &[&server_key, text("-subj"), text("/CN=db.test"), text("-out"), &request][..]].concat());
    let sign = ["x509", "-req", "-days", "2", "-CAcreateserial", "-in"].map(text);
    let rest =
        [&request, text("-CA"), &ca, text("-CAkey"), &ca_key, text("-extfile"), extensions.as_os_str(), text("-out"), &server];
    openssl(&[&sign[..], &rest[..]].concat());
    own(Path::new(&server_key));
    own(Path::new(&server));
}

fn append(file: &Path, text: &str) {
    let before = fs::read_to_string(file).expect("initdb has made it");
    fs::write(file, format!("{before}\n{text}\n")).expect("root may write it");
}

fn own(path: &Path) {
    let user = nix::unistd::User::from_name("postgres").expect("a user database").expect("Debian's user postgres");
    nix::unistd::chown(path, Some(user.uid), Some(user.gid)).expect("root may give a file away");
}

fn as_postgres(program: &Path) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "postgres", "--regid", "postgres", "--init-groups"]).arg(program);
    command.current_dir("/").stdin(Stdio::null()).env_remove("PGPASSWORD");
    command
}
