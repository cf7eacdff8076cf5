//! `weir serve` in a cgroup of the test's own, and jobs that begin at it.

use crate::{Cgroup, Outcome, Weir, WeirBuilder, binary};
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;
use tempfile::TempDir;

/// How long a daemon may take to be ready.
const READY: Duration = Duration::from_secs(30);

/// A running daemon, ended in order when dropped.
#[derive(Debug)]
pub struct Daemon {
    /// Its configuration.
    pub weir: Weir,
    child: Option<Child>,
    log: PathBuf,
    place: Place,
}

/// What a daemon is reached by; it stays when the daemon goes.
#[derive(Debug)]
struct Place {
    folder: TempDir,
    // After the child: a cgroup goes once nothing is in it.
    cgroup: Cgroup,
}

impl Daemon {
    /// Starts one, whose `[host]` has these further lines, and waits until it says that it is ready.
    pub fn start(builder: WeirBuilder, host: &str) -> Self {
        let mut daemon = Self::prepare(builder, host);
        daemon.restart();
        daemon
    }

    /// All but the daemon itself.
    pub fn prepare(builder: WeirBuilder, host: &str) -> Self {
        let place = Place {
            folder: tempfile::Builder::new().prefix("weir-host-").tempdir().expect("a temporary directory"),
            cgroup: Cgroup::create(),
        };
        fs::create_dir(place.cgroup.path().join("jobs")).expect("our own cgroup");
        // Everyone may reach the socket.
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(place.folder.path(), everyone).expect("our own directory");
        let name = place.cgroup.path().file_name().and_then(|name| name.to_str()).expect("we named it").to_owned();
        let host = format!(
            "\n[host]\nname = \"{name}\"\nattach = \"{}\"\nsocket = \"{}/host.sock\"\n{host}\n",
            place.cgroup.path().display(),
            place.folder.path().display()
        );
        let weir = builder.extra(&host).build();
        let log = weir.directory().join("serve.log");
        Self { weir, child: None, log, place }
    }

    /// Starts the daemon (again) and waits until it is ready.
    pub fn restart(&mut self) {
        let child = self.serve(&[]);
        self.child = Some(child);
    }

    /// Starts `weir serve` with further arguments and waits for its READY.
    pub fn serve(&self, arguments: &[&str]) -> Child {
        let path = self.place.folder.path().join("notify");
        fs::remove_file(&path).ok();
        let notified = UnixDatagram::bind(&path).expect("our own directory");
        notified.set_read_timeout(Some(READY)).expect("a timeout is not zero");
        let child = self.serve_command(arguments).env("NOTIFY_SOCKET", &path).spawn().expect("weir starts");
        let mut told = [0; 64];
        let length = notified.recv(&mut told).unwrap_or_else(|error| panic!("not ready: {error}\n{}", self.log()));
        let told = String::from_utf8_lossy(&told[..length]).into_owned();
        assert!(told.contains("READY=1"), "{told}\n{}", self.log());
        child
    }

    /// `weir serve` with this configuration; its log goes to a file.
    pub fn serve_command(&self, arguments: &[&str]) -> Command {
        let log = fs::OpenOptions::new().append(true).create(true).open(&self.log).expect("our own directory");
        let mut command = Command::new(binary());
        command.args(["serve", "--config"]).arg(self.weir.config()).args(arguments);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
        command
    }

    /// What its daemons have said.
    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// The daemon's socket.
    pub fn socket(&self) -> PathBuf {
        self.place.folder.path().join("host.sock")
    }

    /// The cgroup at which it is attached.
    pub fn attach(&self) -> &Path {
        self.place.cgroup.path()
    }

    /// Where its links and maps are pinned.
    pub fn pins(&self) -> PathBuf {
        Path::new("/sys/fs/bpf/weir").join(self.attach().file_name().expect("we named it"))
    }

    /// The daemon's own process.
    pub fn pid(&self) -> u32 {
        self.child.as_ref().map_or(0, Child::id)
    }

    /// `weir arguments… --socket S`.
    pub fn ask(&self, arguments: &[&str]) -> Outcome {
        let socket = self.socket();
        self.weir.bare(&[arguments, &["--socket", socket.to_str().expect("a UTF-8 path")]].concat())
    }

    /// A shell below the attached cgroup that becomes a job, then `command`; not yet started.
    pub fn job(&self, command: &[&str]) -> Command {
        self.shell(r#""$WEIR" job begin --quiet --socket "$SOCKET" || exit 1; exec "$@""#, command)
    }

    /// A shell below the attached cgroup that runs `script` with these arguments; not yet started.
    pub fn shell(&self, script: &str, arguments: &[&str]) -> Command {
        let mut shell = Command::new("sh");
        let script = format!("echo $$ > \"$JOBS/cgroup.procs\" || exit 99; {script}");
        shell.args(["-c", &script, "sh"]).args(arguments);
        shell.env("WEIR", binary()).env("SOCKET", self.socket()).env("JOBS", self.attach().join("jobs"));
        shell.envs(self.weir.environment());
        shell
    }

    /// Sends `signal` to the daemon.
    pub fn signal(&self, signal: nix::sys::signal::Signal) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid()).expect("a pid fits"));
        nix::sys::signal::kill(pid, signal).expect("the daemon is not reaped yet");
    }

    /// Takes another process as the daemon; gives the one before.
    pub fn replace(&mut self, child: Child) -> Option<Child> {
        self.child.replace(child)
    }

    /// Waits for the daemon's end; its exit status.
    pub fn wait(&mut self) -> Option<i32> {
        let mut child = self.child.take().expect("a daemon runs");
        child.wait().expect("the daemon is ours").code()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // First its jobs: with one that lives it would leave its hooks.
        remove_below(&self.attach().join("jobs"));
        if let Some(child) = &mut self.child {
            if let (Ok(None), Ok(pid)) = (child.try_wait(), i32::try_from(child.id())) {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), nix::sys::signal::Signal::SIGTERM).ok();
            }
            child.wait().ok();
        }
        remove_below(self.attach());
        // Of one that was killed, or left hooks for its jobs. Nothing is there as a rule.
        if self.pins().exists() {
            let cleared = Command::new(binary()).args(["serve", "--clear", "--config"]).arg(self.weir.config()).output();
            let done = cleared.is_ok_and(|output| output.status.success());
            if !done && !std::thread::panicking() {
                panic!("{} is left\n{}", self.pins().display(), self.log());
            }
        }
    }
}

/// Removes the cgroups below `directory`, with what still runs in them.
fn remove_below(directory: &Path) {
    for entry in fs::read_dir(directory).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        fs::write(entry.path().join("cgroup.kill"), "1").ok();
        remove_below(&entry.path());
        for _ in 0..100 {
            if fs::remove_dir(entry.path()).is_ok() {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    }
}
