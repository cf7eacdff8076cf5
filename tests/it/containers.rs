//! Containers that a job starts: caught from their first connect, as part of the job's run, whoever starts them.

use std::process::Command;
use weir_tests::containers::{Engine, IMAGE, Store, with_own_cgroups};
use weir_tests::{Cgroup, Daemon, Networks, Outcome, Postgres, Weir, binary, debian_root};

/// As root in the job: making containers takes privileges.
const HOST: [&str; 2] = ["--privileges", "host"];
/// Limits that the machine's root may set.
const LIMITS: [&str; 4] = ["--ulimit", "nofile=1024:1024", "--ulimit", "nproc=2000:2000"];

struct Bench {
    networks: Networks,
    _server: Postgres,
    weir: Weir,
    store: Store,
}

impl Bench {
    fn new() -> Self {
        let networks = Networks::create();
        let server = Postgres::builder().setting("listen_addresses = '*'").start();
        let target = format!(r#"match = ["{}:{}"]"#, networks.host_address, server.port);
        let weir = Weir::for_server(&server).target(&target).variable("PGHOST", &networks.host_address).build();
        Self { networks, _server: server, weir, store: Store::create() }
    }

    /// `podman options… run arguments…` in the job, with the job's cgroup as the hierarchy's root.
    fn podman(&self, options: &[&str], arguments: &[&str]) -> Outcome {
        let line = self.store.podman_line();
        let configuration = format!("CONTAINERS_CONF={}", self.store.configuration().display());
        let mut command = vec!["env", &configuration, "podman"];
        command.extend(line.iter().map(String::as_str));
        command.extend(options);
        command.extend(["run", "--rm"]);
        command.extend(LIMITS);
        command.extend(arguments);
        let words = with_own_cgroups(None, &command);
        self.weir.run_with(&HOST, &words.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The options that give a container psql's variables.
    fn variables(&self) -> Vec<String> {
        variables()
    }

    /// Runs psql in a Debian of debootstrap's and checks that it was caught; gives the one session.
    #[track_caller]
    fn check_psql(&self, options: &[&str], arguments: &[&str]) -> serde_json::Value {
        let variables = self.variables();
        let root = debian_root().to_str().expect("UTF-8");
        let mut words: Vec<&str> = arguments.to_vec();
        words.extend(variables.iter().map(String::as_str));
        words.extend(["--rootfs", root, "/usr/bin/psql", "-XAtc", "SELECT 42"]);
        let outcome = self.podman(options, &words).expect_success();
        assert_eq!(outcome.stdout.trim(), "42");
        self.one_session(&outcome)
    }

    #[track_caller]
    fn one_session(&self, outcome: &Outcome) -> serde_json::Value {
        let sessions = self.weir.sessions();
        assert_eq!(sessions.len(), 1, "{sessions:?}");
        assert_eq!(sessions[0]["target"], "db", "{sessions:?}");
        let run = sessions[0]["run"].as_str().expect("an id");
        assert!(outcome.stderr.contains(run), "the container is not the run's: {}", outcome.stderr);
        let id = sessions[0]["session"].as_str().expect("an id");
        let shown = self.weir.cli(&["session", "show", id, "--format", "json"]).expect_success();
        serde_json::from_str(&shown.stdout).expect("it is JSON")
    }
}

fn variables() -> Vec<String> {
    ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSSLMODE", "PGGSSENCMODE"]
        .map(|name| format!("--env={name}"))
        .into()
}

/// Under the host's daemon: the job begins by `weir job begin`, as a runner's does, and starts the container itself.
#[test]
fn containers_of_a_daemon_s_job_are_its_run_s_and_caught() {
    let networks = Networks::create();
    let server = Postgres::builder().setting("listen_addresses = '*'").start();
    let target = format!(r#"match = ["{}:{}"]"#, networks.host_address, server.port);
    let weir = Weir::for_server(&server).target(&target).variable("PGHOST", &networks.host_address);
    let daemon = Daemon::start(weir, "");
    let store = Store::create();
    let (line, configuration) = (store.podman_line(), format!("CONTAINERS_CONF={}", store.configuration().display()));
    let own = variables();
    for (runtime, cgroups) in [("crun", "--cgroups=disabled"), ("runc", "--cgroups=no-conmon")] {
        let mut command = vec!["env", &configuration, "podman"];
        command.extend(line.iter().map(String::as_str));
        command.extend(["--runtime", runtime, "run", "--rm", cgroups, "--pids-limit=-1", "--network", "none"]);
        command.extend(LIMITS);
        command.extend(own.iter().map(String::as_str));
        command.extend(["--rootfs", debian_root().to_str().expect("UTF-8"), "/usr/bin/psql", "-XAtc", "SELECT 42"]);
        let words = with_own_cgroups(None, &command);
        let script = r#""$WEIR" job begin --socket "$SOCKET" --format json || exit 1; exec "$@""#;
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let before = daemon.weir.sessions().len();
        let ran = daemon.shell(script, &words).stdin(std::process::Stdio::null()).output().expect("sh starts");
        let ran = Outcome::from(ran).expect_success();
        let (begun, answer) = ran.stdout.split_once('\n').expect("two lines");
        let begun: serde_json::Value = serde_json::from_str(begun).expect("JSON");
        assert_eq!(answer.trim(), "42", "{runtime}: {ran:?}");
        let sessions = daemon.weir.sessions();
        let [session] = &sessions[before..] else { panic!("{runtime}: {sessions:?}") };
        assert_eq!((&session["target"], &session["run"]), (&"db".into(), &begun["run"]), "{runtime}");
    }
}

#[test]
fn podman_with_runc_is_caught_with_its_container_s_id() {
    let bench = Bench::new();
    let shown = bench.check_psql(&["--runtime", "runc"], &["--cgroups=no-conmon", "--pids-limit=-1", "--network", "none"]);
    check_has_a_container_s_id(&shown);
}

#[test]
fn podman_with_crun_is_caught_without_cgroups_of_its_own() {
    Bench::new().check_psql(&["--runtime", "crun"], &["--cgroups=disabled", "--network", "none"]);
}

#[test]
fn podman_on_the_host_s_network_is_caught() {
    Bench::new().check_psql(&["--runtime", "crun"], &["--cgroups=disabled", "--network", "host"]);
}

#[test]
fn podman_behind_slirp4netns_is_caught() {
    Bench::new().check_psql(&["--runtime", "crun"], &["--cgroups=disabled", "--network", "slirp4netns"]);
}

#[test]
fn a_small_container_s_first_connect_is_caught() {
    let bench = Bench::new();
    let script = format!("echo | nc -w 5 {} {}", bench.networks.host_address, bench.weir.variable("PGPORT"));
    let outcome =
        bench.podman(&["--runtime", "crun"], &["--cgroups=disabled", "--network", "none", IMAGE, "/bin/sh", "-c", &script]);
    // Postgres says nothing to a client that sends an empty line; the connection is what counts.
    bench.one_session(&outcome);
}

#[test]
fn an_engine_s_containers_are_the_run_s_and_caught() {
    let bench = Bench::new();
    let top = Cgroup::create();
    let engine = Engine::start(top.path());
    let script = format!("echo | nc -w 5 {} {}", bench.networks.host_address, bench.weir.variable("PGPORT"));
    let job = ["docker", "run", "--rm", "--network", "none", IMAGE, "/bin/sh", "-c", &script];
    let outcome: Outcome = Command::new("sh")
        .args(["-c", r#"echo 0 > "$0/cgroup.procs" && exec "$@""#])
        .arg(top.path())
        .arg(binary())
        .args(["run", "--config"])
        .arg(bench.weir.config())
        .args(["--containers", "adopt", "--containers-engine"])
        .arg(engine.socket())
        .args(HOST)
        .arg("--")
        .args(job)
        .output()
        .expect("a shell is there")
        .into();
    let shown = bench.one_session(&outcome.expect_success());
    check_has_a_container_s_id(&shown);
    drop(engine);
}

/// The cgroup's folder has it. As a name it does not count below a job of root's, which could have made that folder itself.
fn check_has_a_container_s_id(shown: &serde_json::Value) {
    let process = &shown["opened"]["principal"]["process"];
    let cgroup = process["cgroup"].as_str().unwrap_or_default();
    let id = cgroup.split('/').find_map(|folder| folder.strip_prefix("libpod-")).and_then(|id| id.get(..64));
    assert!(id.is_some_and(|id| id.bytes().all(|byte| byte.is_ascii_hexdigit())), "no container id: {process}");
    assert!(process["container"].is_null(), "a job of root's names its own container: {process}");
}

#[track_caller]
fn check_plain_runtime(runtime: &str, options: &[&str]) {
    let bench = Bench::new();
    let bundle = bench.store.path().join("bundle");
    std::fs::create_dir(&bundle).expect("our own directory");
    let variables: Vec<String> = ["PGHOST", "PGPORT", "PGUSER", "PGDATABASE", "PGPASSWORD", "PGSSLMODE", "PGGSSENCMODE"]
        .iter()
        .map(|name| format!("{name}={}", bench.weir.variable(name)))
        .chain(["PATH=/usr/bin:/bin".to_owned()])
        .collect();
    std::fs::write(bundle.join("config.json"), specification(&variables).to_string()).expect("our own directory");
    let mut command = vec![runtime];
    command.extend(options);
    let place = bundle.to_str().expect("UTF-8");
    let name = format!("weir-test-{}", std::process::id());
    command.extend(["run", "--bundle", place, &name]);
    let words = with_own_cgroups(None, &command);
    let outcome = bench.weir.run_with(&HOST, &words.iter().map(String::as_str).collect::<Vec<_>>()).expect_success();
    assert_eq!(outcome.stdout.trim(), "42");
    bench.one_session(&outcome);
}

/// A container of the runtime specification 1.0: all namespaces of its own, the root read-only.
fn specification(variables: &[String]) -> serde_json::Value {
    serde_json::json!({
        "ociVersion": "1.0.0",
        "process": {
            "terminal": false,
            "user": {"uid": 0, "gid": 0},
            "args": ["psql", "-XAtc", "SELECT 42"],
            "env": variables,
            "cwd": "/",
            "noNewPrivileges": true,
        },
        "root": {"path": debian_root(), "readonly": true},
        "mounts": [
            {"destination": "/proc", "type": "proc", "source": "proc"},
            {"destination": "/dev", "type": "tmpfs", "source": "tmpfs", "options": ["nosuid", "mode=755", "size=65536k"]},
            {"destination": "/tmp", "type": "tmpfs", "source": "tmpfs"},
        ],
        "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]},
    })
}

#[test]
fn crun_with_a_root_of_debootstrap_s_is_caught() {
    check_plain_runtime("crun", &["--cgroup-manager=disabled"]);
}

#[test]
fn runc_with_a_root_of_debootstrap_s_is_caught() {
    check_plain_runtime("runc", &[]);
}
