//! The real `weir` binary with a configuration and a policy of the test's own.

use crate::wire::{Script, Step, Transcript};
use crate::{Postgres, wait_until};
use serde_json::Value;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use tempfile::TempDir;

/// A configuration in a temporary directory, and the binary that reads it.
#[derive(Debug)]
pub struct Weir {
    directory: TempDir,
    environment: Vec<(String, String)>,
}

/// How to configure it.
#[derive(Clone, Debug)]
pub struct WeirBuilder {
    mode: &'static str,
    policy: String,
    tls: String,
    credential: Option<String>,
    extra: String,
    target: String,
    state_dir: Option<PathBuf>,
    environment: Vec<(String, String)>,
    password: String,
}

/// What a command did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Its exit status; none where a signal ended it.
    pub status: Option<i32>,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error, weir's own lines included.
    pub stderr: String,
}

/// A job that runs under weir; ended with its gateway when dropped.
#[derive(Debug)]
pub struct Job {
    child: Option<Child>,
}

impl Weir {
    /// The target `db` at `server`, injecting the real password; everything is permitted.
    pub fn for_server(server: &Postgres) -> WeirBuilder {
        let environment = [
            ("PGHOST", "127.0.0.1".to_owned()),
            ("PGPORT", server.port.to_string()),
            ("PGUSER", "app".to_owned()),
            ("PGDATABASE", "app".to_owned()),
            ("PGPASSWORD", "a-dummy".to_owned()),
            ("PGSSLMODE", "disable".to_owned()),
            ("PGGSSENCMODE", "disable".to_owned()),
        ];
        WeirBuilder {
            mode: "enforce",
            policy: r#"@id("allow-all") permit (principal, action, resource);"#.to_owned(),
            tls: r#"{ client = "off", upstream = "disable" }"#.to_owned(),
            credential: None,
            extra: String::new(),
            target: format!(r#"match = ["127.0.0.1:{0}", "[::1]:{0}"]"#, server.port),
            state_dir: None,
            environment: environment.map(|(name, value)| (name.to_owned(), value)).into(),
            password: server.app_password.clone(),
        }
    }

    /// No target but those of `toml`; everything is permitted.
    pub fn with(toml: &str) -> WeirBuilder {
        WeirBuilder {
            mode: "enforce",
            policy: r#"@id("allow-all") permit (principal, action, resource);"#.to_owned(),
            tls: String::new(),
            credential: None,
            extra: toml.to_owned(),
            target: String::new(),
            state_dir: None,
            environment: Vec::new(),
            password: String::new(),
        }
    }

    /// Runs `command` as a job to its end.
    pub fn run(&self, command: &[&str]) -> Outcome {
        self.job_command(command).output().expect("weir starts").into()
    }

    /// Runs `command` as a job to its end, with further options of `weir run`.
    pub fn run_with(&self, options: &[&str], command: &[&str]) -> Outcome {
        self.command(options, command).output().expect("weir starts").into()
    }

    /// Starts `command` as a job.
    pub fn start(&self, command: &[&str]) -> Job {
        self.start_with(&[], command)
    }

    /// Starts `command` as a job, with further options of `weir run`.
    pub fn start_with(&self, options: &[&str], command: &[&str]) -> Job {
        let mut weir = self.command(options, command);
        weir.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Job { child: Some(weir.spawn().expect("weir starts")) }
    }

    /// Runs `weir arguments… --config F`.
    pub fn cli(&self, arguments: &[&str]) -> Outcome {
        self.bare(&[arguments, &["--config", self.config().to_str().expect("a UTF-8 path")]].concat())
    }

    /// The same by somebody who logged in as this user, and is root now.
    pub fn cli_as(&self, login: &str, arguments: &[&str]) -> Outcome {
        let uid = nix::unistd::User::from_name(login).expect("users can be read").expect("Debian has it").uid;
        let script = format!("echo {uid} >/proc/self/loginuid && exec \"$@\"");
        let config = self.config();
        let mut shell = Command::new("sh");
        shell.args(["-c", &script, "sh"]).arg(binary()).args(arguments).arg("--config").arg(config);
        shell.output().expect("a shell starts").into()
    }

    /// Runs `weir arguments…`.
    pub fn bare(&self, arguments: &[&str]) -> Outcome {
        Command::new(binary()).args(arguments).output().expect("weir starts").into()
    }

    /// All sessions, as `weir session list --format json` has them, without the gateways' own records.
    pub fn sessions(&self) -> Vec<Value> {
        self.records().into_iter().filter(|record| record["target"] != "weir").collect()
    }

    /// All that `weir session list --format json` has.
    pub fn records(&self) -> Vec<Value> {
        let listed = self.cli(&["session", "list", "--format", "json"]);
        assert_eq!(listed.status, Some(0), "{}", listed.stderr);
        match serde_json::from_str(&listed.stdout).expect("the list is JSON") {
            Value::Array(sessions) => sessions,
            other => panic!("the list is no array: {other}"),
        }
    }

    /// The id of the one session that has not ended, once there is one.
    pub fn live_session(&self) -> String {
        wait_until("a live session", 20, || {
            let live: Vec<_> = self.sessions().into_iter().filter(|session| session["state"] == "live").collect();
            (live.len() == 1).then(|| live[0]["session"].as_str().expect("an id is text").to_owned())
        })
    }

    /// Waits until any session is live.
    pub fn live_job(&self) {
        let live = |session: &Value| session["state"] == "live";
        wait_until("a live session", 20, || self.sessions().iter().any(live).then_some(()));
    }

    /// A file of this name in weir's directory, executable, with this text.
    pub fn script(&self, name: &str, text: &str) -> PathBuf {
        let path = self.directory.path().join(name);
        fs::write(&path, text).expect("our own directory");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("our own file");
        path
    }

    /// A variable of the job's environment, as the builder has it.
    pub fn variable(&self, name: &str) -> &str {
        let found = self.environment.iter().rev().find(|(known, _)| known == name);
        found.map_or_else(|| panic!("the job has no variable {name}"), |(_, value)| value)
    }

    /// Its configuration.
    pub fn config(&self) -> PathBuf {
        self.directory.path().join("weir.toml")
    }

    /// Its directory; the records are in `state` below it.
    pub fn directory(&self) -> &Path {
        self.directory.path()
    }

    /// The variables that its jobs have.
    pub fn environment(&self) -> Vec<(String, String)> {
        self.environment.clone()
    }

    /// Starts `weir arguments… --config F`, to be waited for.
    pub fn start_cli(&self, arguments: &[&str]) -> Job {
        let mut weir = Command::new(binary());
        weir.args(arguments).arg("--config").arg(self.config());
        weir.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        Job { child: Some(weir.spawn().expect("weir starts")) }
    }

    /// Plays `script` as a job. What came back, and the job's own outcome.
    pub fn wire(&self, script: &Script) -> (Transcript, Outcome) {
        let outcome = self.run(&self.wire_command(script).each_ref().map(String::as_str));
        (Transcript::read(&outcome.stdout), outcome)
    }

    /// Plays `script` as a job; `at_pause` runs each time that the script pauses.
    pub fn wire_with_pauses(&self, script: &Script, mut at_pause: impl FnMut(&Self)) -> (Transcript, Outcome) {
        let job = self.start(&self.wire_command(script).each_ref().map(String::as_str));
        let paused = self.directory.path().join("paused");
        for _ in script.steps.iter().filter(|step| matches!(step, Step::Pause)) {
            wait_until("the script to pause", 30, || paused.exists().then_some(()));
            fs::remove_file(&paused).expect("our own file");
            at_pause(self);
            fs::write(self.directory.path().join("go"), "").expect("our own directory");
        }
        let outcome = job.wait();
        (Transcript::read(&outcome.stdout), outcome)
    }

    /// The command that plays `script`.
    fn wire_command(&self, script: &Script) -> [String; 2] {
        let file = self.directory.path().join("script.wire");
        fs::write(&file, script.encode()).expect("our own directory");
        [program("weir-wire"), file].map(|path| path.to_str().expect("a UTF-8 path").to_owned())
    }

    /// Sets the policy to another text, in force when this returns.
    pub fn reload(&self, cedar: &str) {
        fs::write(self.directory.path().join("policy.d/test.cedar"), cedar).expect("our own directory");
        self.cli(&["policy", "reload"]).expect_success();
    }

    fn job_command(&self, command: &[&str]) -> Command {
        self.command(&[], command)
    }

    /// `weir run options… -- command…`, not yet started.
    pub fn command(&self, options: &[&str], command: &[&str]) -> Command {
        let mut weir = Command::new(binary());
        weir.envs(self.environment.iter().cloned()).arg("run").arg("--config").arg(self.config());
        weir.args(options).arg("--").args(command);
        weir
    }
}

impl WeirBuilder {
    /// `observe` or `enforce`.
    #[must_use]
    pub const fn mode(mut self, mode: &'static str) -> Self {
        self.mode = mode;
        self
    }

    /// The policy's text instead of one that permits everything that is understood.
    #[must_use]
    pub fn policy(mut self, cedar: &str) -> Self {
        cedar.clone_into(&mut self.policy);
        self
    }

    /// The target's `tls` table.
    #[must_use]
    pub fn tls(mut self, table: &str) -> Self {
        table.clone_into(&mut self.tls);
        self
    }

    /// The job's own credential goes to the server.
    #[must_use]
    pub fn passthrough(mut self) -> Self {
        self.credential = Some("\"passthrough\"".to_owned());
        self
    }

    /// The credential in `file`, for what the gateway asks beside a session.
    #[must_use]
    pub fn catalog(self, file: &Path) -> Self {
        self.target_line(&format!(r#"catalog = {{ inject = "file:{}" }}"#, file.display()))
    }

    /// The target's addresses, as a line `match = […]`.
    #[must_use]
    pub fn target(mut self, line: &str) -> Self {
        line.clone_into(&mut self.target);
        self
    }

    /// Another line of the target.
    #[must_use]
    pub fn target_line(mut self, line: &str) -> Self {
        self.target.push('\n');
        self.target.push_str(line);
        self
    }

    /// Where records are kept, instead of `state` in weir's directory.
    #[must_use]
    pub fn state_dir(mut self, path: &Path) -> Self {
        self.state_dir = Some(path.to_owned());
        self
    }

    /// Further text at the configuration's end.
    #[must_use]
    pub fn extra(mut self, toml: &str) -> Self {
        self.extra.push_str(toml);
        self
    }

    /// A variable in the job's environment.
    #[must_use]
    pub fn variable(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Writes it all.
    pub fn build(self) -> Weir {
        let directory = tempfile::Builder::new().prefix("weir-it-").tempdir().expect("a temporary directory");
        let place = directory.path();
        let secret = place.join("app.secret");
        fs::write(&secret, &self.password).expect("our own directory");
        fs::set_permissions(&secret, fs::Permissions::from_mode(0o600)).expect("our own file");
        fs::create_dir(place.join("policy.d")).expect("our own directory");
        fs::write(place.join("policy.d/test.cedar"), &self.policy).expect("our own directory");
        let inject = format!(r#"{{ inject = "file:{}", user = "app" }}"#, secret.display());
        let credential = self.credential.unwrap_or(inject);
        let state = self.state_dir.unwrap_or_else(|| place.join("state"));
        let target = if self.target.is_empty() {
            String::new()
        } else {
            format!(
                "[[target]]\nname = \"db\"\nenvironment = \"test\"\n{}\nprotocol = \"postgres\"\ntls = {}\ncredential = {credential}\n",
                self.target, self.tls
            )
        };
        let config = format!(
            "trust_domain = \"acme.example\"\nstate_dir = \"{state}\"\n\n\
             [policy]\ndir = \"{place}/policy.d\"\nmode = \"{mode}\"\n\n\
             {target}\n{extra}\n",
            state = state.display(),
            place = place.display(),
            mode = self.mode,
            extra = self.extra,
        );
        fs::write(place.join("weir.toml"), config).expect("our own directory");
        Weir { directory, environment: self.environment }
    }
}

impl Outcome {
    /// Fails the test unless the exit status was 0.
    #[track_caller]
    pub fn expect_success(self) -> Self {
        assert_eq!(self.status, Some(0), "stdout: {}\nstderr: {}", self.stdout, self.stderr);
        self
    }
}

impl From<Output> for Outcome {
    fn from(output: Output) -> Self {
        Self {
            status: output.status.code(),
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }
}

impl Job {
    /// The pid of `weir run`.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// Waits for its end.
    pub fn wait(mut self) -> Outcome {
        let child = self.child.take().expect("only waiting takes the child");
        child.wait_with_output().expect("the child is ours").into()
    }

    /// Whether it has not ended yet.
    pub fn lives(&mut self) -> bool {
        self.child.as_mut().is_some_and(|child| child.try_wait().is_ok_and(|status| status.is_none()))
    }

    /// Sends `signal` to `weir run`.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).expect("a pid fits"));
        nix::sys::signal::kill(pid, signal).expect("the child is not reaped yet");
    }
}

impl Drop for Job {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // SIGTERM, so that the gateway takes its hooks and cgroups with it.
            if let Ok(pid) = i32::try_from(child.id()) {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).ok();
            }
            child.wait().ok();
        }
    }
}

/// `weir` beside this program, or the one that WEIR_BINARY names.
pub fn binary() -> PathBuf {
    std::env::var_os("WEIR_BINARY").map_or_else(|| program("weir"), PathBuf::from)
}

/// A program of the workspace, which cargo has built beside this one: `target/<profile>` has
/// programs, `deps` below it the tests.
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("/proc is mounted");
    let found = own.ancestors().skip(1).take(2).map(|place| place.join(name)).find(|program| program.is_file());
    found.unwrap_or_else(|| panic!("{name} is not beside {}: `cargo build --workspace` makes it", own.display()))
}
