//! Where identities are attacked: a target that only the victim may reach, and jobs that would like to.

use super::Seen;
use crate::cgroup2_mount;
use crate::issuer::Issuer;
use serde_json::Value;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::JoinHandle;
use tempfile::TempDir;

/// The audience of the tokens.
pub const AUDIENCE: &str = "weir.acme.example";

/// A configuration, a target, and an issuer that is believed.
#[derive(Debug)]
pub struct Ground<'i> {
    /// The issuer.
    pub issuer: &'i Issuer,
    directory: TempDir,
    vault: Vault,
}

/// The target: it counts who reaches it.
#[derive(Debug)]
struct Vault {
    port: u16,
    reached: Arc<AtomicUsize>,
    ended: Arc<AtomicBool>,
    server: Option<JoinHandle<()>>,
}

impl Vault {
    fn open() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("bound").port();
        let (reached, ended) = (Arc::<AtomicUsize>::default(), Arc::<AtomicBool>::default());
        let server = std::thread::spawn({
            let (reached, ended) = (Arc::clone(&reached), Arc::clone(&ended));
            move || {
                for stream in listener.incoming() {
                    if ended.load(Ordering::Acquire) {
                        return;
                    }
                    reached.fetch_add(1, Ordering::AcqRel);
                    if let Ok(mut stream) = stream {
                        std::thread::spawn(move || {
                            stream.write_all(b"in").ok();
                            // Open until the other end closes.
                            stream.read_to_end(&mut Vec::new()).ok();
                        });
                    }
                }
            }
        });
        Self { port, reached, ended, server: Some(server) }
    }
}

impl Drop for Vault {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::Release);
        drop(TcpStream::connect(("127.0.0.1", self.port)));
        if let Some(server) = self.server.take() {
            server.join().ok();
        }
    }
}

/// Permits the victims of all attacks by their names alone: no grade is asked for, so a name must not be forgeable.
const POLICY: &str = r#"
@id("gitlab") permit (principal == Workload::"spiffe://acme.example/ci/gitlab/acme/shop", action, resource);
@id("github") permit (principal == Workload::"spiffe://acme.example/ci/github/acme/shop/nightly", action, resource);
@id("pod") permit (principal == Workload::"spiffe://acme.example/ci/cluster/ns/ci/sa/deployer", action, resource);
@id("other") permit (principal == Workload::"spiffe://acme.example/ci/other/a-b", action, resource);
@id("project") permit (principal, action, resource) when { principal has attested && principal.attested.kind == "gitlab" && principal.attested has project_id && principal.attested.project_id == "7" };
@id("named") permit (principal, action, resource) when { principal has name && principal.name == "backup" };
@id("contained") permit (principal, action, resource) when { principal has container };
"#;

impl<'i> Ground<'i> {
    /// A ground whose file also has `workloads`, in which `DIR` is its directory.
    pub fn new(issuer: &'i Issuer, workloads: &str) -> Self {
        let directory = tempfile::Builder::new().prefix("weir-identity-").tempdir().expect("a temporary directory");
        let place = directory.path();
        fs::set_permissions(place, fs::Permissions::from_mode(0o755)).expect("our own directory");
        let vault = Vault::open();
        fs::create_dir(place.join("policy.d")).expect("our own directory");

        fs::write(place.join("policy.d/test.cedar"), POLICY).expect("our own directory");
        let mut config = format!(
            "trust_domain = \"acme.example\"\nstate_dir = \"{0}/state\"\n[policy]\ndir = \"{0}/policy.d\"\nmode = \"enforce\"\n\
             [[target]]\nname = \"vault\"\nmatch = [\"127.0.0.1:{1}\"]\n",
            place.display(),
            vault.port
        );
        let issuers = [
            ("github", "github", "request".to_owned()),
            ("gitlab", "gitlab", "env:WEIR_ID_TOKEN".to_owned()),
            ("cluster", "kubernetes", format!("file:{}/pod-token", place.display())),
            ("other", "oidc", "env:OTHER_TOKEN".to_owned()),
        ];
        for (name, kind, token) in issuers {
            config.push_str(&format!(
                "[[issuer]]\nname = \"{name}\"\nkind = \"{kind}\"\nurl = \"{}\"\naudience = \"{AUDIENCE}\"\nca = \"file:{}\"\ntoken = \"{token}\"\n\
                 request_hosts = [\"127.0.0.1:{}\"]\n",
                issuer.url,
                issuer.ca().display(),
                issuer.port(),
            ));
        }
        config.push_str(&workloads.replace("DIR", place.to_str().expect("a UTF-8 path")));
        fs::write(place.join("weir.toml"), config).expect("our own directory");
        let ground = Self { issuer, directory, vault };
        let port = ground.vault.port;
        ground.script("dial", &format!("#!/bin/bash\nexec 3<>/dev/tcp/127.0.0.1/{port} || exit 3\nhead -c 2 <&3\n"));
        ground
    }

    /// Its directory.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The target's port.
    pub const fn port(&self) -> u16 {
        self.vault.port
    }

    /// How many connections have reached the target.
    pub fn reached(&self) -> usize {
        self.vault.reached.load(Ordering::Acquire)
    }

    /// An executable script in the directory.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).expect("our own directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        path
    }

    /// A directory that everyone can write to.
    pub fn open_directory(&self) -> PathBuf {
        let path = self.directory.path().join("evil");
        fs::create_dir_all(&path).expect("our own directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).expect("our own directory");
        path
    }

    /// `weir run` of a shell's command line, for a user; in it `DIR` is the directory and `DIAL` dials.
    pub fn weir(&self, user: Option<&str>, line: &str) -> Command {
        let mut weir = Command::new(crate::binary());
        weir.args(["run", "--quiet", "--config"]).arg(self.directory.path().join("weir.toml"));
        if let Some(user) = user {
            weir.args(["--uid", user]);
        }
        weir.args(["--", "bash", "-c", &self.line(line)]);
        weir.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").stdin(Stdio::null());
        weir
    }

    /// A command line with its places filled in.
    pub fn line(&self, line: &str) -> String {
        let place = self.directory.path().to_str().expect("a UTF-8 path");
        line.replace("DIAL", &format!("{place}/dial")).replace("DIR", place).replace("PORT", &self.vault.port.to_string())
    }

    /// Runs the job to its end, below a process of its own: another CI job each time.
    pub fn ci_job(&self, variables: &[(&str, &str)], user: Option<&str>, line: &str) -> Seen {
        let before = self.sessions().len();
        let reached = self.reached();
        let weir = self.weir(user, line);
        // The shell has no token, and stays: it stands for the runner's worker.
        let mut runner = Command::new("sh");
        runner.args(["-c", "\"$@\"; exit $?", "runner", "env"]);
        runner.args(variables.iter().map(|(name, value)| format!("{name}={value}")));
        runner.arg(weir.get_program()).args(weir.get_args());
        runner.env_clear().env("PATH", "/usr/bin:/bin:/usr/sbin:/sbin").stdin(Stdio::null());
        let output = runner.output().expect("sh starts");
        self.seen(before, reached, &output)
    }

    /// What came of a command that ran.
    pub fn seen(&self, before: usize, reached: usize, output: &Output) -> Seen {
        let principals = self.sessions().split_off(before);
        Seen {
            reached: self.reached() - reached,
            principals,
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// The principal of every session, oldest first.
    pub fn sessions(&self) -> Vec<Value> {
        let list = self.cli(&["session", "list", "--format", "json"]);
        let Ok(Value::Array(mut sessions)) = serde_json::from_str(&list) else { return Vec::new() };
        sessions.sort_by_key(|session| session["session"].as_str().unwrap_or_default().to_owned());
        let show = |session: &Value| {
            let id = session["session"].as_str().unwrap_or_default();
            let shown: Value = serde_json::from_str(&self.cli(&["session", "show", id, "--format", "json"])).unwrap_or_default();
            shown["opened"]["principal"].clone()
        };
        sessions.iter().map(show).collect()
    }

    fn cli(&self, arguments: &[&str]) -> String {
        let output =
            Command::new(crate::binary()).args(arguments).arg("--config").arg(self.directory.path().join("weir.toml")).output();
        String::from_utf8_lossy(&output.expect("weir starts").stdout).into_owned()
    }
}

/// A folder of cgroup v2 that belongs to a user, or to root, and one of any name in it; both removed with it.
#[derive(Debug)]
pub struct Folder {
    top: PathBuf,
    leaf: PathBuf,
}

impl Folder {
    /// Makes them.
    pub fn create(owner: u32, name: &str) -> Self {
        static MADE: AtomicUsize = AtomicUsize::new(0);
        let number = MADE.fetch_add(1, Ordering::Relaxed);
        let top = cgroup2_mount().join(format!("weir-test-owned-{}-{number}", std::process::id()));
        let leaf = top.join(name);
        fs::create_dir(&top).expect("root may make a cgroup");
        fs::create_dir(&leaf).expect("root may make a cgroup");
        std::os::unix::fs::chown(&top, Some(owner), Some(owner)).expect("root may give it away");
        Self { top, leaf }
    }

    /// The file that takes processes in.
    pub fn procs(&self) -> PathBuf {
        self.leaf.join("cgroup.procs")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        fs::remove_dir(&self.leaf).ok();
        fs::remove_dir(&self.top).ok();
    }
}
