//! Containers without a registry or a daemon of the machine's own: an image made of busybox, and podman's engine.
//!
//! The engine gets a cgroup namespace with cgroup v2 alone, so that it works the same on hybrid hosts.

use crate::{Outcome, wait_until};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// The image that every engine of the tests has.
pub const IMAGE: &str = "localhost/weir-box:latest";

/// What limits a container gets: none that the machine's root may not set.
const CONFIGURATION: &str = r#"
[containers]
pids_limit = 0
default_ulimits = ["nofile=1024:1024", "nproc=2000:2000"]
cgroups = "no-conmon"
[engine]
runtime = "runc"
cgroup_manager = "cgroupfs"
events_logger = "file"
"#;

/// In a mount and a cgroup namespace of its own: the cgroup that it starts in is the hierarchy's root.
const OWN_CGROUPS: &str = r#"
set -e
place=$1; shift
[ -z "$place" ] || echo 0 > "$place/cgroup.procs"
exec unshare --mount --cgroup --propagation private -- sh -c '
  set -e
  umount --lazy --recursive /sys/fs/cgroup
  mount -t cgroup2 none /sys/fs/cgroup
  exec "$@"' sh "$@"
"#;

/// A directory with an image store, and what podman needs to use it.
#[derive(Debug)]
pub struct Store {
    directory: TempDir,
}

impl Store {
    /// Makes one, with [`IMAGE`] in it: busybox and nothing else.
    pub fn create() -> Self {
        let directory = tempfile::Builder::new().prefix("weir-store-").tempdir().expect("a temporary directory");
        let store = Self { directory };
        fs::write(store.path().join("containers.conf"), CONFIGURATION).expect("our own directory");
        let root = store.path().join("box");
        make_root(&root);
        let archive = store.path().join("box.tar");
        let done = Command::new("tar").arg("-C").arg(&root).arg("-cf").arg(&archive).arg(".").status().expect("tar is there");
        assert!(done.success(), "the image's archive could not be made");
        let arguments = ["import", archive.to_str().expect("UTF-8"), IMAGE];
        let imported: Outcome = store.podman(&arguments).output().expect("podman is there").into();
        imported.expect_success();
        store
    }

    /// `podman arguments…` on this store, in whatever cgroup its caller is in.
    pub fn podman(&self, arguments: &[&str]) -> Command {
        let mut podman = Command::new("podman");
        podman.args(self.podman_line()).args(arguments).env("CONTAINERS_CONF", self.configuration());
        podman
    }

    /// The options that name this store to podman.
    pub fn podman_line(&self) -> [String; 4] {
        let place = |name: &str| self.path().join(name).to_str().expect("UTF-8").to_owned();
        ["--root".to_owned(), place("root"), "--runroot".to_owned(), place("run")]
    }

    /// The file that CONTAINERS_CONF is to name.
    pub fn configuration(&self) -> PathBuf {
        self.path().join("containers.conf")
    }

    /// Its directory.
    pub fn path(&self) -> &Path {
        self.directory.path()
    }
}

/// A root file system with busybox as `/bin/sh` and its like, for a plain runtime.
pub fn make_root(root: &Path) {
    for directory in ["bin", "etc", "tmp", "proc", "sys", "dev"] {
        fs::create_dir_all(root.join(directory)).expect("our own directory");
    }
    fs::copy("/usr/bin/busybox", root.join("bin/busybox")).expect("busybox-static is there");
    for name in ["sh", "cat", "echo", "sleep", "nc", "wget", "ip", "id", "ls", "nslookup", "true"] {
        std::os::unix::fs::symlink("busybox", root.join("bin").join(name)).expect("our own directory");
    }
}

/// The words of a shell that runs `command` with `place`, or the cgroup that it is in, as the root of its cgroups.
pub fn with_own_cgroups(place: Option<&Path>, command: &[&str]) -> Vec<String> {
    let mut words = vec!["sh".to_owned(), "-c".to_owned(), OWN_CGROUPS.to_owned(), "sh".to_owned()];
    words.push(place.map(|place| place.to_str().expect("UTF-8").to_owned()).unwrap_or_default());
    words.extend(command.iter().map(|&word| word.to_owned()));
    words
}

/// A container engine that speaks Docker's API, as a daemon does: outside every job. Ended when dropped.
#[derive(Debug)]
pub struct Engine {
    store: Store,
    service: Child,
    place: PathBuf,
}

impl Engine {
    /// Starts one in the cgroup `place`, of the test's own, which becomes the root of its hierarchy: it is emptied at the end.
    pub fn start(place: &Path) -> Self {
        let store = Store::create();
        let socket = format!("unix://{}", store.path().join("engine.sock").display());
        let line = store.podman_line();
        let mut command = vec!["podman"];
        command.extend(line.iter().map(String::as_str));
        command.extend(["system", "service", "--time", "0", &socket]);
        let words = with_own_cgroups(Some(place), &command);
        let (program, arguments) = words.split_first().expect("it has words");
        let log = fs::File::create(store.path().join("engine.log")).expect("our own directory");
        let service = Command::new(program)
            .args(arguments)
            .env("CONTAINERS_CONF", store.configuration())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .expect("a shell is there");
        let engine = Self { store, service, place: place.to_owned() };
        wait_until("the container engine to answer", 60, || {
            engine.docker(&["version"]).output().is_ok_and(|output| output.status.success()).then_some(())
        });
        engine
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.store.path().join("engine.sock")
    }

    /// `docker arguments…`, asking the engine itself.
    pub fn docker(&self, arguments: &[&str]) -> Command {
        docker_at(&self.socket(), arguments)
    }
}

impl Drop for Engine {
    fn drop(&mut self) {
        let all: Outcome = match self.docker(&["ps", "-aq"]).output() {
            Ok(output) => output.into(),
            Err(_) => return,
        };
        for id in all.stdout.split_whitespace() {
            self.docker(&["rm", "-f", id]).output().ok();
        }
        // Its containers' monitors live on for minutes else.
        fs::write(self.place.join("cgroup.kill"), "1").ok();
        self.service.wait().ok();
        for _ in 0..200 {
            let events = fs::read_to_string(self.place.join("cgroup.events")).unwrap_or_default();
            if !events.contains("populated 1") {
                break;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        fs::remove_dir(self.place.join("init")).ok();
    }
}

/// `docker arguments…`, asking who listens at `socket`.
pub fn docker_at(socket: &Path, arguments: &[&str]) -> Command {
    let mut docker = Command::new("docker");
    docker.args(arguments).env("DOCKER_HOST", format!("unix://{}", socket.display())).stdin(Stdio::null());
    docker
}
