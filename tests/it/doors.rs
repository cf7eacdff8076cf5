//! Jobs in network namespaces of their own, and the names that jobs know, when their daemon is followed, stopped or killed.

use nix::sys::signal::Signal;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use weir_tests::{Daemon, NameServer, Networks, Outcome, Postgres, Web, Weir, WeirBuilder, binary, wait_until};

/// In a network namespace of its own: makes a socket before, and connects it after, the file `go` is there; then makes
/// another. The server answers an SSLRequest with one byte.
const TWO_SOCKETS: &str = r#"
import os, socket, sys, time
address, port, place = sys.argv[1], int(sys.argv[2]), sys.argv[3]
def ask(s):
    s.settimeout(20); s.connect((address, port)); s.sendall(bytes([0, 0, 0, 8, 4, 210, 22, 47])); return s.recv(1).decode()
print(ask(socket.socket()))
early = socket.socket()
open(place + "/ready", "w")
while not os.path.exists(place + "/go"): time.sleep(0.02)
print(ask(early)); print(ask(socket.socket()))
"#;

/// Goes to a new network namespace and makes a socket there, again and again; counts in a file how often it was let to.
const NAMESPACES: &str = r#"
import ctypes, os, socket, sys, time
count = 0
while True:
    child = os.fork()
    if child == 0:
        ctypes.CDLL(None).unshare(0x40000000)
        try: socket.socket().connect(("192.0.2.1", 7))
        except OSError: pass
        os._exit(0)
    os.waitpid(child, 0)
    count += 1
    with open(sys.argv[1] + "/count.new", "w") as file: file.write(str(count))
    os.rename(sys.argv[1] + "/count.new", sys.argv[1] + "/count")
    time.sleep(0.01)
"#;

/// A Postgres on every address of the host, and a target at the host's address towards `networks`.
fn with_target(networks: &Networks) -> (Postgres, WeirBuilder) {
    let server = Postgres::builder().setting("listen_addresses = '*'").start();
    let target = format!(r#"match = ["{}:{}"]"#, networks.host_address, server.port);
    let weir = Weir::for_server(&server).target(&target).variable("PGHOST", &networks.host_address);
    (server, weir)
}

fn start(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts")
}

fn outcome(child: Child) -> Outcome {
    child.wait_with_output().expect("it is ours").into()
}

/// Runs `command` as a job until it has made the file `ready`.
fn until_ready(daemon: &Daemon, command: &[&str]) -> Child {
    let job = start(daemon.job(command));
    wait_until("the job to be ready", 30, || place(daemon).join("ready").exists().then_some(()));
    job
}

fn take_over(daemon: &mut Daemon) {
    let next = daemon.serve(&["--take-over"]);
    let mut before = daemon.replace(next).expect("one ran before");
    wait_until("the daemon before to end", 60, || before.try_wait().expect("it is ours"));
}

/// A take-over that fails at its last step, with the next one's programs behind the links: in a network namespace of its
/// own it gets no canary through.
fn fail_to_take_over(daemon: &mut Daemon) {
    let mut next = Command::new("unshare");
    next.arg("--net").arg(binary()).args(["serve", "--take-over", "--config"]).arg(daemon.weir.config());
    let failed = next.stdin(Stdio::null()).output().expect("weir starts");
    let told = String::from_utf8_lossy(&failed.stderr).into_owned();
    assert!(failed.status.code() == Some(1) && told.contains("the canary failed"), "{told}");
}

fn let_go(daemon: &Daemon) {
    std::fs::write(place(daemon).join("go"), "").expect("our own directory");
}

fn place(daemon: &Daemon) -> PathBuf {
    daemon.weir.directory().to_owned()
}

#[track_caller]
fn check_two_sockets(change: impl FnOnce(&mut Daemon), early: &str) {
    let networks = Networks::create();
    let (server, weir) = with_target(&networks);
    let mut daemon = Daemon::start(weir, "drain_seconds = 5");
    let (port, directory) = (server.port.to_string(), place(&daemon).display().to_string());
    let command = ["unshare", "--net", "python3", "-c", TWO_SOCKETS, &networks.host_address, &port, &directory];
    let job = until_ready(&daemon, &command);
    change(&mut daemon);
    let_go(&daemon);
    let told = outcome(job);
    assert_eq!(told.stdout.lines().collect::<Vec<_>>(), early.split(' ').collect::<Vec<_>>(), "{told:?}\n{}", daemon.log());
    let sessions = daemon.weir.sessions().into_iter().filter(|session| session["target"] == "db").count();
    assert_eq!(sessions, 3, "each is one session's: {}", daemon.log());
}

#[test]
fn a_job_in_a_namespace_of_its_own_goes_on_at_the_next_daemon() {
    check_two_sockets(take_over, "N N N");
}

#[test]
fn a_job_in_a_namespace_of_its_own_goes_on_after_two_take_overs() {
    let twice = |daemon: &mut Daemon| {
        take_over(daemon);
        take_over(daemon);
    };
    check_two_sockets(twice, "N N N");
}

#[test]
fn a_job_in_a_namespace_of_its_own_goes_on_after_a_take_over_that_failed() {
    check_two_sockets(fail_to_take_over, "N N N");
}

/// How often the job of [`NAMESPACES`] has come by.
fn count(daemon: &Daemon) -> u64 {
    let text = std::fs::read_to_string(place(daemon).join("count")).unwrap_or_default();
    text.parse().unwrap_or(0)
}

#[track_caller]
fn goes_on(daemon: &Daemon, job: &mut Child) {
    let before = count(daemon);
    wait_until("the job to go on", 30, || (count(daemon) > before + 5).then_some(()));
    assert!(job.try_wait().expect("it is ours").is_none(), "it runs until it is killed");
}

/// A daemon, and a job that comes to network namespaces all the time.
fn restless() -> (Daemon, Child) {
    let server = Postgres::start();
    let daemon = Daemon::start(Weir::for_server(&server), "");
    let directory = place(&daemon).display().to_string();
    let mut job = start(daemon.job(&["python3", "-c", NAMESPACES, &directory]));
    goes_on(&daemon, &mut job);
    (daemon, job)
}

fn end(mut job: Child) {
    job.kill().expect("it is ours");
    job.wait().expect("it is ours");
}

#[test]
fn nobody_is_left_stopped_by_a_daemon_that_is_stopped() {
    let (mut daemon, mut job) = restless();
    daemon.signal(Signal::SIGTERM);
    assert_eq!(daemon.wait(), Some(0), "{}", daemon.log());
    goes_on(&daemon, &mut job);
    end(job);
}

#[test]
fn nobody_is_left_stopped_by_a_take_over_that_failed() {
    let (mut daemon, mut job) = restless();
    fail_to_take_over(&mut daemon);
    goes_on(&daemon, &mut job);
    end(job);
}

#[test]
fn who_was_stopped_when_the_daemon_was_killed_goes_on_with_the_next() {
    let (mut daemon, mut job) = restless();
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    wait_until("a process to be stopped that nobody opens a door for", 20, || {
        is_one_stopped(&daemon.attach().join("jobs")).then_some(())
    });
    daemon.restart();
    goes_on(&daemon, &mut job);
    end(job);
}

/// Whether a process in the cgroup, or in one below it, is stopped.
fn is_one_stopped(cgroup: &Path) -> bool {
    let processes = std::fs::read_to_string(cgroup.join("cgroup.procs")).unwrap_or_default();
    let state = |pid: &str| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let stopped = |pid: &str| state(pid).rsplit_once(") ").is_some_and(|(_, rest)| rest.starts_with('T'));
    let below = std::fs::read_dir(cgroup).into_iter().flatten().flatten();
    processes.lines().any(stopped) || below.map(|entry| entry.path()).any(|path| path.is_dir() && is_one_stopped(&path))
}

#[test]
fn a_namespace_that_had_a_door_has_one_again_after_a_kill() {
    let networks = Networks::create();
    let (server, weir) = with_target(&networks);
    let mut daemon = Daemon::start(weir, "");
    let (port, directory) = (server.port.to_string(), place(&daemon).display().to_string());
    let command = ["unshare", "--net", "python3", "-c", TWO_SOCKETS, &networks.host_address, &port, &directory];
    // The socket of before finds no door, as its maker is not asked again; what is made from then on does.
    let script = TWO_SOCKETS.replace("print(ask(early));", "early.close();");
    let command = command.map(|word| if word == TWO_SOCKETS { script.as_str() } else { word });
    let job = until_ready(&daemon, &command);
    daemon.signal(Signal::SIGKILL);
    daemon.wait();
    daemon.restart();
    let_go(&daemon);
    let told = outcome(job);
    assert_eq!(told.stdout, "N\nN\n", "{told:?}\n{}", daemon.log());
}

/// What is permitted by name alone.
const BY_NAME: &str = r#"
@id("a") permit (principal, action in [Action::"resolve", Action::"connect"], resource) when { context has host && context.host == "a.test" };
"#;

#[test]
fn names_that_a_job_was_told_are_known_to_the_next_daemon() {
    let (server, web) = (NameServer::start(&["--host-record=a.test,127.0.0.9"]), Web::start(&["127.0.0.9"]));
    let mut daemon = Daemon::start(Weir::with(&server.settings()).policy(BY_NAME), "drain_seconds = 5");
    let directory = place(&daemon).display().to_string();
    let script = format!(
        "dig +tcp +short @192.0.2.53 a.test A; : > {directory}/ready; while [ ! -e {directory}/go ]; do sleep 0.02; done; \
         curl -sS -m 20 --resolve a.test:{0}:127.0.0.9 http://a.test:{0}/",
        web.http
    );
    let job = until_ready(&daemon, &["sh", "-c", &script]);
    take_over(&mut daemon);
    let_go(&daemon);
    let told = outcome(job);
    assert_eq!(told.stdout, "127.0.0.9\nhost=a.test sni=\n", "{told:?}\n{}", daemon.log());
}

#[test]
fn the_record_of_a_run_s_names_ends_with_its_job() {
    let server = NameServer::start(&["--host-record=a.test,127.0.0.9"]);
    let daemon = Daemon::start(Weir::with(&server.settings()).policy(BY_NAME), "");
    outcome(start(daemon.job(&["dig", "+tcp", "+short", "@192.0.2.53", "a.test", "A"]))).expect_success();
    // While the daemon runs on: it forgets the run then, too.
    let ended = wait_until("the record to end", 20, || {
        let id = names_record(&daemon)?;
        let shown = daemon.weir.cli(&["session", "show", &id, "--format", "json"]);
        let shown: Value = serde_json::from_str(&shown.stdout).ok()?;
        shown.get("ended").filter(|ended| !ended.is_null()).cloned()
    });
    assert_eq!(ended["reason"], "the run ended", "{ended}");
}

/// The id of the only record there is: of names, which is no session's and not listed among them.
fn names_record(daemon: &Daemon) -> Option<String> {
    let records = std::fs::read_dir(place(daemon).join("state/sessions")).into_iter().flatten().flatten();
    let mut records = records.filter(|entry| entry.path().extension().is_some_and(|extension| extension == "weir"));
    Some(records.next()?.path().file_stem()?.to_str()?.to_owned())
}
