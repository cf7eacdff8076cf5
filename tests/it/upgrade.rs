//! One daemon takes over from another: nothing that jobs do fails, and what is left at the deadline ends with its reason.

use serde_json::Value;
use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::process::{Child, Stdio};
use weir_tests::{Daemon, Outcome, Postgres, Weir, wait_until};

fn start(mut command: std::process::Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("sh starts")
}

fn outcome(child: Child) -> Outcome {
    child.wait_with_output().expect("it is ours").into()
}

/// Starts another daemon that takes over, and gives the one before.
fn take_over(daemon: &mut Daemon) -> Child {
    let next = daemon.serve(&["--take-over"]);
    daemon.replace(next).expect("one ran before")
}

#[track_caller]
fn ended_well(mut before: Child, daemon: &Daemon) {
    let status = wait_until("the daemon before to end", 60, || before.try_wait().expect("it is ours"));
    assert_eq!(status.code(), Some(0), "{}", daemon.log());
}

#[test]
fn pgbench_at_load_fails_in_no_transaction_through_three_take_overs() {
    let server = Postgres::start();
    let mut daemon = Daemon::start(Weir::for_server(&server), "drain_seconds = 120");
    outcome(start(daemon.job(&["pgbench", "-i", "-q", "-s", "4"]))).expect_success();
    let select = daemon.weir.script("select.sql", "SELECT abalance FROM pgbench_accounts WHERE aid = 1;\n");
    let kept = start(daemon.job(&["pgbench", "-n", "-c", "4", "-j", "2", "-T", "15"]));
    let churned =
        start(daemon.job(&["pgbench", "-n", "-C", "-c", "4", "-j", "2", "-T", "15", "-f", select.to_str().expect("UTF-8")]));
    let sessions = |daemon: &Daemon| daemon.weir.sessions().len();
    let mut before = Vec::new();
    for _ in 0..3 {
        // Each generation has some of the load.
        let had = sessions(&daemon);
        wait_until("further connections", 60, || (sessions(&daemon) > had + 20).then_some(()));
        before.push(take_over(&mut daemon));
    }
    let had = sessions(&daemon);
    wait_until("connections at the last one", 60, || (sessions(&daemon) > had + 5).then_some(()));
    for bench in [kept, churned] {
        let told = outcome(bench);
        assert_eq!(told.status, Some(0), "{told:?}\n{}", daemon.log());
        assert!(told.stdout.contains("number of failed transactions: 0 (0.000%)"), "{told:?}");
    }
    for before in before {
        ended_well(before, &daemon);
    }
    daemon.weir.cli(&["audit", "verify"]).expect_success();
}

#[test]
fn what_is_left_at_the_deadline_ends_with_its_reason() {
    let server = Postgres::start();
    let mut daemon = Daemon::start(Weir::for_server(&server), "drain_seconds = 1");
    let busy = start(daemon.job(&["psql", "-X", "-c", "SELECT pg_sleep(600)"]));
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let before = take_over(&mut daemon);
    assert_eq!(outcome(busy).status, Some(2), "{}", daemon.log());
    ended_well(before, &daemon);
    let sessions = daemon.weir.sessions();
    let session = sessions[0]["session"].as_str().expect("an id");
    let shown = daemon.weir.cli(&["session", "show", session, "--format", "json"]).expect_success();
    let shown: Value = serde_json::from_str(&shown.stdout).expect("JSON");
    assert_eq!(shown["ended"]["kill"]["order"]["reason"], "taken over, drain time over", "{}", shown["ended"]);
    assert!(daemon.log().contains("taken over by another daemon"), "{}", daemon.log());
}

const QUOTA: &str = r#"
@id("allow-all") permit (principal, action, resource);
@id("quota") forbid (principal, action == Action::"read", resource) when { context.run.statements > 5 };
"#;

#[test]
fn jobs_and_running_totals_go_on_at_the_next() {
    let server = Postgres::start();
    let mut daemon = Daemon::start(Weir::for_server(&server).policy(QUOTA), "");
    let place = daemon.weir.directory().display().to_string();
    let ask = r#"psql -X -A -t -c "SELECT 1 FROM pg_class LIMIT 1" -c "SELECT 2 FROM pg_class LIMIT 1" -c "SELECT 3 FROM pg_class LIMIT 1""#;
    let script = format!("{ask}; : > {place}/ready; while [ ! -e {place}/go ]; do sleep 0.02; done; {ask}");
    let job = start(daemon.job(&["sh", "-c", &script]));
    wait_until("the first statements", 30, || daemon.weir.directory().join("ready").exists().then_some(()));
    let list = |daemon: &Daemon| {
        let listed = daemon.ask(&["job", "list", "--format", "json"]).expect_success();
        serde_json::from_str::<Value>(&listed.stdout).expect("JSON")[0]["run"].clone()
    };
    let run = list(&daemon);
    let before = take_over(&mut daemon);
    assert_eq!(list(&daemon), run);
    ended_well(before, &daemon);
    std::fs::write(daemon.weir.directory().join("go"), "").expect("our own directory");
    let told = outcome(job);
    assert!(told.stderr.contains("policy quota"), "{told:?}\n{}", daemon.log());
    let refused = told.stdout.lines().count();
    assert!((4..6).contains(&refused), "three before, two or so after: {told:?}");
}

#[test]
fn a_take_over_that_comes_to_nothing_leaves_the_daemon_as_it_was() {
    let server = Postgres::start();
    let daemon = Daemon::start(Weir::for_server(&server), "");
    let psql = ["psql", "-X", "-A", "-t", "-c", "SELECT 42"];
    let answered = || assert_eq!(outcome(start(daemon.job(&psql))).expect_success().stdout, "42\n");
    // One that goes away after each of its steps.
    for steps in [
        &[r#"{"Hello":{"conversation":1,"version":"x","pid":1}}"#][..],
        &[r#"{"Hello":{"conversation":1,"version":"x","pid":1}}"#, "\"Ready\""],
    ] {
        let mut path = daemon.socket().into_os_string();
        path.push(".handover");
        let mut stream = UnixStream::connect(path).expect("the daemon may be followed");
        for step in steps {
            stream.write_all(&u32::try_from(step.len()).expect("it is short").to_le_bytes()).expect("it listens");
            stream.write_all(step.as_bytes()).expect("it listens");
        }
        stream.shutdown(std::net::Shutdown::Write).expect("it is open");
        let mut heard = Vec::new();
        stream.read_to_end(&mut heard).expect("it says something");
        drop(stream);
        assert!(String::from_utf8_lossy(&heard).contains("Offer"));
        answered();
    }
    // One that can't start.
    let policy = daemon.weir.directory().join("policy.d/bad.cedar");
    std::fs::write(&policy, "permit (principal, action == Action::\"conect\", resource);\n").expect("our own directory");
    let failed = daemon.serve_command(&["--take-over"]).status().expect("weir starts");
    assert_eq!(failed.code(), Some(1));
    answered();
    assert!(daemon.log().contains("nobody has taken over"), "{}", daemon.log());
}

#[test]
fn where_no_daemon_runs_there_is_nothing_to_take_over() {
    let server = Postgres::start();
    let daemon = Daemon::prepare(Weir::for_server(&server), "");
    let failed = daemon.serve_command(&["--take-over"]).status().expect("weir starts");
    assert_eq!(failed.code(), Some(1));
    assert!(daemon.log().contains("no daemon that could be followed"), "{}", daemon.log());
}

/// A daemon that `weir upgrade` has started, which is no child of the test's: ended with it.
struct Upgraded<'d> {
    pid: u32,
    daemon: &'d Daemon,
}

impl Upgraded<'_> {
    fn end(&self) {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.pid).expect("a pid fits"));
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
    }
}

impl Drop for Upgraded<'_> {
    fn drop(&mut self) {
        self.end();
        wait_until("it to end", 30, || (!self.daemon.socket().exists() && !self.daemon.pins().exists()).then_some(()));
    }
}

/// `weir upgrade --config FILE`, as one calls it in a shell: what it prints is read to its end.
fn upgrade(daemon: &Daemon, config: &std::path::Path) -> Outcome {
    let mut upgrade = std::process::Command::new(weir_tests::binary());
    upgrade.args(["upgrade", "--config"]).arg(config).stdin(Stdio::null());
    // What the next daemon logs goes where this one's errors go, and on after its end.
    let log = std::fs::File::create(daemon.weir.directory().join("upgrade.log")).expect("our own directory");
    upgrade.stdout(Stdio::piped()).stderr(log);
    let child = upgrade.spawn().expect("weir starts");
    let mut told: Outcome = child.wait_with_output().expect("it is ours").into();
    told.stderr = std::fs::read_to_string(daemon.weir.directory().join("upgrade.log")).expect("our own file");
    told
}

/// The process that answers at the daemon's socket.
fn serving(daemon: &Daemon) -> u32 {
    let mut curl = std::process::Command::new("curl");
    curl.arg("-s").arg("--unix-socket").arg(daemon.socket()).arg("http://weir/healthz");
    let told: Outcome = curl.output().expect("curl starts").into();
    let health: Value = serde_json::from_str(&told.stdout).expect("JSON");
    health["pid"].as_u64().and_then(|pid| u32::try_from(pid).ok()).expect("a process")
}

#[test]
fn weir_upgrade_has_another_daemon_serve_and_fails_nobody() {
    let server = Postgres::start();
    let mut daemon = Daemon::start(Weir::for_server(&server), "drain_seconds = 60");
    let first = daemon.pid();
    let slow = start(daemon.job(&["psql", "-X", "-A", "-t", "-c", "SELECT pg_sleep(4), 'kept'"]));
    wait_until("the query to run", 20, || (server.active() == 1).then_some(()));
    let told = upgrade(&daemon, &daemon.weir.config()).expect_success();
    let words: Vec<&str> = told.stdout.split_whitespace().collect();
    let ["process", next, "of", "version", version, "serves;", "the", "one", "before", "drains"] = words[..] else {
        panic!("{told:?}")
    };
    let next: u32 = next.parse().expect("a process");
    assert_ne!(next, first);
    assert_eq!((serving(&daemon), version), (next, env!("CARGO_PKG_VERSION")));
    assert!(std::path::Path::new(&format!("/proc/{first}")).exists(), "the one before still has a session");
    let asked = outcome(start(daemon.job(&["psql", "-X", "-A", "-t", "-c", "SELECT 42"]))).expect_success();
    assert_eq!(asked.stdout, "42\n");
    assert!(outcome(slow).expect_success().stdout.contains("kept"), "its session was served to its end");
    assert_eq!(daemon.wait(), Some(0), "{}", daemon.log());
    let upgraded = Upgraded { pid: next, daemon: &daemon };
    let sessions = daemon.weir.sessions();
    assert_eq!(sessions.iter().filter(|session| session["target"] == "db").count(), 2, "{sessions:?}");
    daemon.weir.cli(&["audit", "verify"]).expect_success();
    drop(upgraded);
}

#[test]
fn weir_upgrade_that_can_not_start_the_next_one_leaves_the_first_as_it_was() {
    let server = Postgres::start();
    let mut daemon = Daemon::start(Weir::for_server(&server), "");
    let asked = |daemon: &Daemon| outcome(start(daemon.job(&["psql", "-X", "-A", "-t", "-c", "SELECT 42"])));
    let good = std::fs::read_to_string(daemon.weir.config()).expect("our own file");
    let bad = daemon.weir.directory().join("bad.toml");
    // Its file is none; then it is one whose policies can't be read: only the next daemon finds that out.
    let policies = daemon.weir.directory().join("policy.d/test.cedar");
    for (config, policy, words) in [
        (format!("{good}\nnonsense = 1\n"), "permit (principal, action, resource);", "nonsense"),
        (good.clone(), "permit (principal, action, resourze);", "the one that ran goes on"),
    ] {
        std::fs::write(&bad, config).expect("our own file");
        std::fs::write(&policies, policy).expect("our own file");
        let told = upgrade(&daemon, &bad);
        assert_eq!((told.status, told.stdout.as_str()), (Some(1), ""), "{told:?}");
        assert!(told.stderr.contains(words), "{told:?}");
        assert_eq!(serving(&daemon), daemon.pid());
        assert_eq!(asked(&daemon).expect_success().stdout, "42\n");
    }
    daemon.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(daemon.wait(), Some(0), "{}", daemon.log());
    let nobody = upgrade(&daemon, &daemon.weir.config());
    assert_eq!(nobody.status, Some(1), "{nobody:?}");
    assert!(nobody.stderr.contains("no daemon answers"), "{nobody:?}");
}
