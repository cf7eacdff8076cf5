//! Docker's API through the adopting proxy, with Docker's own client and podman's engine. Needs root, podman and docker-cli.
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use weir::adopt::{AdoptSettings, Adopter};
use weir_tests::containers::{Engine, IMAGE};
use weir_tests::{Cgroup, Outcome, cgroup2_mount};

/// An engine, a job's cgroup, and the proxy between the two.
struct Bench {
    runtime: Option<tokio::runtime::Runtime>,
    refusals: Arc<Mutex<Vec<String>>>,
    socket: PathBuf,
    engine: Option<Engine>,
    directory: tempfile::TempDir,
    top: Cgroup,
}

impl Bench {
    fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this test makes cgroups and containers: run it as root");
        let top = Cgroup::create();
        for part in ["job", "engine"] {
            std::fs::create_dir(top.path().join(part)).unwrap();
        }
        let engine = Engine::start(top.path());
        let directory = tempfile::tempdir().unwrap();
        std::fs::create_dir(directory.path().join("given")).unwrap();
        let socket = directory.path().join("docker.sock");
        let refusals = Arc::new(Mutex::new(Vec::new()));
        let told = Arc::clone(&refusals);
        let cgroup = Path::new("/").join(top.path().strip_prefix(cgroup2_mount()).unwrap()).join("job");
        let settings = AdoptSettings {
            engine: engine.socket(),
            run: "run-of-this-test".to_owned(),
            cgroup,
            binds: vec![directory.path().join("given").canonicalize().unwrap()],
            pull: false,
        };
        let adopter = Adopter::new(settings, Box::new(move |what, why| told.lock().unwrap().push(format!("{what}: {why}"))));
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = {
            let _inside = runtime.enter();
            tokio::net::UnixListener::bind(&socket).unwrap()
        };
        runtime.spawn(Arc::new(adopter).serve(listener));
        Self { runtime: Some(runtime), refusals, socket, engine: Some(engine), directory, top }
    }

    fn engine(&self) -> &Engine {
        self.engine.as_ref().unwrap()
    }

    /// `docker arguments…` in the job's cgroup, with `input`.
    fn docker_with(&self, input: &str, arguments: &[&str]) -> Outcome {
        let mut docker = Command::new("sh")
            .args(["-c", r#"echo 0 > "$0/job/cgroup.procs" && exec timeout 60 docker "$@""#])
            .arg(self.top.path())
            .args(arguments)
            .env("DOCKER_HOST", format!("unix://{}", self.socket.display()))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        docker.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        docker.wait_with_output().unwrap().into()
    }

    fn docker(&self, arguments: &[&str]) -> Outcome {
        self.docker_with("", arguments)
    }

    fn cgroup_of(&self, container: &str) -> String {
        let pid = self.docker(&["inspect", "--format", "{{.State.Pid}}", container]).expect_success().stdout;
        std::fs::read_to_string(format!("/proc/{}/cgroup", pid.trim())).unwrap()
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        // The engine ends its containers before their cgroups go.
        drop(self.engine.take());
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
        remove_below(self.top.path());
    }
}

/// Removes the cgroups below one; what still runs in them keeps them, to be seen.
fn remove_below(path: &Path) {
    for entry in std::fs::read_dir(path).into_iter().flatten().flatten().filter(|entry| entry.path().is_dir()) {
        remove_below(&entry.path());
        std::fs::remove_dir(entry.path()).ok();
    }
}

#[test]
fn a_container_is_the_job_s_child_and_its_streams_pass() {
    let bench = Bench::new();
    let echoed = bench.docker_with("hello\n", &["run", "--rm", "-i", "--network", "none", IMAGE, "/bin/cat"]).expect_success();
    assert_eq!(echoed.stdout, "hello\n");
    bench.docker(&["run", "-d", "--name", "long", "--network", "none", IMAGE, "/bin/sleep", "300"]).expect_success();
    let cgroup = bench.cgroup_of("long");
    let job = bench.top.path().strip_prefix(cgroup2_mount()).unwrap().join("job");
    assert!(cgroup.contains(&format!("0::/{}/", job.display())), "the container is elsewhere: {cgroup}");
    let label = bench.docker(&["inspect", "--format", r#"{{index .Config.Labels "weir.run"}}"#, "long"]).expect_success();
    assert_eq!(label.stdout.trim(), "run-of-this-test");
    let inside = bench.docker(&["exec", "long", "/bin/sh", "-c", "echo inside; exit 3"]);
    assert_eq!((inside.stdout.as_str(), inside.status), ("inside\n", Some(3)));
    bench.docker(&["rm", "-f", "long"]).expect_success();
    assert_eq!(*bench.refusals.lock().unwrap(), Vec::<String>::new());
}

#[test]
fn what_would_leave_the_job_is_refused_and_told() {
    let bench = Bench::new();
    let given = bench.directory.path().join("given");
    let mount = format!("{}:/given", given.canonicalize().unwrap().display());
    bench.docker(&["run", "--rm", "--network", "none", "-v", &mount, IMAGE, "/bin/ls", "/given"]).expect_success();
    for (options, what) in [
        (vec!["--privileged"], "HostConfig.Privileged"),
        (vec!["--network", "host"], "HostConfig.NetworkMode"),
        (vec!["--pid", "host"], "HostConfig.PidMode"),
        (vec!["-v", "/:/host"], "HostConfig.Binds"),
        (vec!["--cap-add", "SYS_ADMIN"], "HostConfig.CapAdd"),
        (vec!["--cgroup-parent", "/"], "HostConfig.CgroupParent"),
        (vec!["--security-opt", "seccomp=unconfined"], "HostConfig.SecurityOpt"),
    ] {
        let arguments = [&["run", "--rm"], options.as_slice(), &[IMAGE, "/bin/true"]].concat();
        let refused = bench.docker(&arguments);
        assert_eq!(refused.status, Some(125), "{what}: {}", refused.stdout);
        assert!(refused.stderr.contains(&format!("weir refused {what}")), "{}", refused.stderr);
        let told = bench.refusals.lock().unwrap().pop();
        assert!(told.as_ref().is_some_and(|told| told.starts_with(what)), "{told:?}");
    }
    let pulled = bench.docker(&["pull", "registry.invalid/image"]);
    assert!(pulled.stderr.contains("outside the job"), "{}", pulled.stderr);
}

#[test]
fn another_s_container_is_not_there_and_another_s_process_gets_nothing() {
    let bench = Bench::new();
    let other = ["run", "-d", "--name", "other", "--network", "none", "--cgroup-parent", "/engine", IMAGE, "/bin/sleep", "300"];
    let made: Outcome = bench.engine().docker(&other).output().unwrap().into();
    made.expect_success();
    let listed = bench.docker(&["ps", "-a", "--format", "{{.Names}}"]).expect_success();
    assert_eq!(listed.stdout, "");
    // Docker's client calls it done where there is nothing to remove.
    bench.docker(&["rm", "-f", "other"]);
    for arguments in [&["exec", "other", "/bin/true"][..], &["stop", "other"], &["logs", "other"], &["inspect", "other"]] {
        let refused = bench.docker(arguments);
        assert_ne!(refused.status, Some(0), "{arguments:?}: {}", refused.stdout);
    }
    let still: Outcome = bench.engine().docker(&["inspect", "--format", "{{.State.Running}}", "other"]).output().unwrap().into();
    assert_eq!(still.stdout.trim(), "true");
    let outside: Outcome = weir_tests::containers::docker_at(&bench.socket, &["ps"]).output().unwrap().into();
    assert_ne!(outside.status, Some(0), "a process outside the job was served: {}", outside.stdout);
}
