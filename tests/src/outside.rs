//! Daemons of a host that run commands for whoever asks: real ones (at, cron, sshd), in namespaces of the test's own.
//!
//! Their spools and their numbers in `/run` are at paths that were compiled in: a mount namespace gives each test its own.

use crate::bypass::{World, enter};
use crate::wait_until;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;
use tempfile::TempDir;

/// Where the destinations are: TEST-NET-2, at the far end of a link of the test's own.
pub const FAR: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
/// The port of the one that is a target, closed to who is outside.
pub const CLOSED: u16 = 5432;
/// The port of the one that is none.
pub const OPEN: u16 = 5433;
/// Where the test's own sshd listens, in its own network namespace.
const SSH: u16 = 2222;

/// Dials both destinations, says who it is, and writes what became of each: `EACCES arrived`.
const DIAL: &str = r#"
import errno, os, socket, sys
name, out = sys.argv[1], sys.argv[2]
def dial(port):
    try:
        with socket.create_connection(("198.51.100.1", port), 10) as stream:
            stream.sendall(name.encode())
            return "arrived" if stream.recv(2) == b"ok" else "closed"
    except OSError as error:
        return errno.errorcode.get(error.errno, str(error))
told = f"{dial(5432)} {dial(5433)}"
with open(out + ".new", "w") as file:
    file.write(told)
os.rename(out + ".new", out)
"#;

/// What the thread that makes it, and all that it starts from then on, has for a host. Ended when dropped.
#[derive(Debug)]
pub struct Outside {
    daemons: Vec<Child>,
    directory: TempDir,
    arrived: Arc<Mutex<Vec<(u16, String)>>>,
    end: Arc<AtomicBool>,
    listener: Option<JoinHandle<()>>,
    _world: World,
}

impl Outside {
    /// Makes it. Needs root.
    ///
    /// # Panics
    /// Where the machine lacks what it takes.
    #[must_use]
    pub fn create() -> Self {
        let directory = tempfile::Builder::new().prefix("weir-out-").tempdir().expect("a temporary directory");
        let everyone = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        fs::set_permissions(directory.path(), everyone).expect("our own directory");
        fs::write(directory.path().join("dial.py"), DIAL).expect("our own directory");
        let world = World::create();
        let (arrived, end) = (Arc::default(), Arc::default());
        let listener = listen(world.out(), &arrived, &end);
        enter(&world.job()).expect("the namespace is there");
        own_spools();
        let outside = Self { daemons: Vec::new(), directory, arrived, end, listener: Some(listener), _world: world };
        outside.make_keys();
        outside
    }

    /// Starts at, cron and sshd in the cgroup `place`.
    ///
    /// # Panics
    /// Where they are not installed.
    pub fn start_daemons(&mut self, place: &Path) {
        let configuration = self.file("sshd.conf");
        for line in [
            &["atd", "-f", "-l", "1000", "-b", "1"][..],
            &["cron", "-f"],
            &["/usr/sbin/sshd", "-D", "-e", "-f", configuration.to_str().expect("UTF-8")],
        ] {
            let mut daemon = Command::new("sh");
            daemon.args(["-c", r#"echo 0 > "$0/cgroup.procs" && exec "$@""#]).arg(place).args(line);
            daemon.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            self.daemons.push(daemon.spawn().expect("a shell is there"));
        }
        wait_until("sshd to listen", 20, || TcpStream::connect((Ipv4Addr::LOCALHOST, SSH)).ok());
        wait_until("atd and cron to have begun", 20, || {
            ["/run/atd.pid", "/run/crond.pid"].iter().all(|pid| Path::new(pid).exists()).then_some(())
        });
    }

    /// Lets this thread's containers have networks of their own making: cgroup v2 alone, and nothing of the machine's own.
    ///
    /// # Panics
    /// Where the machine lacks what it takes.
    pub fn with_containers(&self) {
        let script = "set -e; umount --lazy --recursive /sys/fs/cgroup; mount -t cgroup2 none /sys/fs/cgroup
            mkdir -p /var/lib/cni /etc/cni/net.d
            for place in /var/lib/cni /etc/cni/net.d; do mount -t tmpfs -o mode=755 weir-outside $place; done";
        let done = Command::new("sh").args(["-c", script]).output().expect("a shell is there");
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    }

    /// A shell's line that dials both destinations as `name`; see [`Outside::told`].
    #[must_use]
    pub fn dial(&self, name: &str) -> String {
        format!("/usr/bin/python3 {} {name} {}", self.file("dial.py").display(), self.file(name).display())
    }

    /// A shell's line that has `at` run `line`.
    #[must_use]
    pub fn by_at(line: &str) -> String {
        format!("echo '{line}' | at now")
    }

    /// A shell's line that has cron run `line`, each minute.
    #[must_use]
    pub fn by_cron(line: &str) -> String {
        format!("echo '* * * * * {line}' | crontab -")
    }

    /// A shell's line that has sshd run `line`.
    #[must_use]
    pub fn by_ssh(&self, line: &str) -> String {
        let key = self.file("key");
        format!(
            "ssh -F none -i {} -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile=/dev/null \
             -o ConnectTimeout=10 -p {SSH} root@127.0.0.1 '{line}'",
            key.display()
        )
    }

    /// Where sshd listens.
    #[must_use]
    pub fn ssh_address() -> SocketAddr {
        (Ipv4Addr::LOCALHOST, SSH).into()
    }

    /// What became of the two connects that were made as `name`, once both have been tried.
    #[must_use]
    pub fn told(&self, name: &str, seconds: u64) -> String {
        wait_until(&format!("what {name} runs to have dialled"), seconds, || fs::read_to_string(self.file(name)).ok())
    }

    /// Who arrived at `port`.
    #[must_use]
    pub fn arrived(&self, port: u16) -> Vec<String> {
        let arrived = self.arrived.lock().expect("no thread panics with it");
        arrived.iter().filter(|(at, _)| *at == port).map(|(_, name)| name.clone()).collect()
    }

    /// A file of this name in a directory of the test's own, which everyone may write to.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn make_keys(&self) {
        for name in ["key", "host"] {
            let made = Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(self.file(name)).status();
            assert!(made.is_ok_and(|status| status.success()), "ssh-keygen is there");
        }
        let configuration = format!(
            "Port {SSH}\nListenAddress 127.0.0.1\nHostKey {0}/host\nAuthorizedKeysFile {0}/key.pub\nStrictModes no\nUsePAM no\n\
             PermitRootLogin yes\nPidFile none\n",
            self.directory.path().display()
        );
        fs::write(self.file("sshd.conf"), configuration).expect("our own directory");
    }
}

impl Drop for Outside {
    fn drop(&mut self) {
        for daemon in &mut self.daemons {
            daemon.kill().ok();
            daemon.wait().ok();
        }
        self.end.store(true, Ordering::Relaxed);
        self.listener.take().map(JoinHandle::join);
    }
}

/// Gives this thread a mount namespace with spools and a `/run` of its own, and no crontab but those that tests make.
fn own_spools() {
    nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).expect("root may");
    let script = "set -e; mount --make-rprivate /
        mount -t tmpfs -o mode=755 weir-outside /run; mkdir /run/sshd /run/lock /run/netns
        mount -t tmpfs -o mode=755 weir-outside /var/spool/cron
        install -d -o daemon -g daemon -m 1770 /var/spool/cron/atjobs /var/spool/cron/atspool
        install -o daemon -g daemon -m 600 /dev/null /var/spool/cron/atjobs/.SEQ
        install -d -o root -g crontab -m 1730 /var/spool/cron/crontabs
        mount -t tmpfs -o mode=755 weir-outside /etc/cron.d
        touch /run/crontab; mount --bind /run/crontab /etc/crontab
        # cron takes a table for unchanged that is of the same second.
        touch -d 2020-01-01 /etc/crontab /etc/cron.d /var/spool/cron/crontabs";
    let done = Command::new("sh").args(["-c", script]).output().expect("a shell is there");
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}

/// Answers at both destinations, and notes who came.
fn listen(namespace: PathBuf, arrived: &Arc<Mutex<Vec<(u16, String)>>>, end: &Arc<AtomicBool>) -> JoinHandle<()> {
    let (arrived, end) = (Arc::clone(arrived), Arc::clone(end));
    let (ready, is_ready) = std::sync::mpsc::channel();
    let thread = std::thread::spawn(move || {
        enter(&namespace).expect("the namespace is there");
        let listeners = [CLOSED, OPEN].map(|port| {
            let listener = TcpListener::bind((FAR, port)).expect("nobody else is in this namespace");
            listener.set_nonblocking(true).expect("a socket can be made non-blocking");
            (port, listener)
        });
        ready.send(()).ok();
        while !end.load(Ordering::Relaxed) {
            for (port, listener) in &listeners {
                if let Ok((client, _)) = listener.accept() {
                    arrived.lock().expect("no thread panics with it").push((*port, name_of(client)));
                }
            }
            std::thread::sleep(Duration::from_millis(10));
        }
    });
    is_ready.recv().expect("it listens");
    thread
}

/// What a client says that it is, in one breath.
fn name_of(mut client: TcpStream) -> String {
    client.set_nonblocking(false).ok();
    client.set_read_timeout(Some(Duration::from_secs(5))).ok();
    let mut bytes = [0; 64];
    let length = client.read(&mut bytes).unwrap_or(0);
    client.write_all(b"ok").ok();
    String::from_utf8_lossy(&bytes[..length]).trim().to_owned()
}
