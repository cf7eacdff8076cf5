//! `weir run` is a launcher like any other: the job's user, its exit status, the signal that ended it.

use weir_tests::{Postgres, Weir, wait_until};

const OWN: &str = r#"{ client = "require", upstream = "disable" }"#;

#[test]
fn a_job_of_another_user_trusts_weir_and_is_known_as_that_user() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).tls(OWN).variable("PGSSLMODE", "verify-full").build();
    let outcome = weir.run_with(&["--uid", "nobody"], &["sh", "-c", "id -un; psql -X -A -t -c 'SELECT 42'"]).expect_success();
    assert_eq!(outcome.stdout, "nobody\n42\n");
    let sessions = weir.sessions();
    assert_eq!(sessions.len(), 1);
    let session = sessions[0]["session"].as_str().expect("an id");
    let shown = weir.cli(&["session", "show", session, "--format", "json"]).expect_success();
    let nobody = nix::unistd::User::from_name("nobody").expect("a user database").expect("Debian's user nobody");
    assert!(shown.stdout.contains(&format!("\"uid\": {}", nobody.uid)), "{}", shown.stdout);
}

#[test]
fn a_user_that_is_not_there_is_an_error_and_the_job_does_not_run() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let outcome = weir.run_with(&["--uid", "no-such-user"], &["echo", "the job ran"]);
    assert_eq!((outcome.status, outcome.stdout.as_str()), (Some(1), ""));
    assert!(outcome.stderr.contains("no-such-user"), "{}", outcome.stderr);
}

#[track_caller]
fn check_status(script: &str, status: i32) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    assert_eq!(weir.run(&["sh", "-c", script]).status, Some(status), "{script}");
}

#[test]
fn the_job_s_exit_status_is_weir_s() {
    check_status("exit 0", 0);
    check_status("exit 7", 7);
    check_status("exit 255", 255);
}

#[test]
fn a_job_that_a_signal_ended_is_128_and_the_signal() {
    check_status("kill -KILL $$", 128 + 9);
    check_status("kill -TERM $$", 128 + 15);
    check_status("kill -SEGV $$", 128 + 11);
}

#[test]
fn a_signal_to_weir_reaches_the_job() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let ready = weir.directory().join("ready");
    let script = format!("trap 'exit 9' TERM; : > {}; while :; do sleep 0.05; done", ready.display());
    let job = weir.start(&["sh", "-c", &script]);
    wait_until("the job's trap to be set", 20, || ready.exists().then_some(()));
    job.signal(nix::sys::signal::Signal::SIGTERM);
    assert_eq!(job.wait().status, Some(9));
}

#[test]
fn a_live_session_is_watched_to_its_end() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let go = weir.directory().join("go");
    let wait = format!("\\! while [ ! -e {} ]; do sleep 0.05; done", go.display());
    let job = weir.start(&["psql", "-X", "-c", "SELECT 'before it was watched'", "-c", &wait, "-c", "SELECT 'while watched'"]);
    let session = weir.live_session();
    let mut watch = weir.start_cli(&["session", "watch", &session]);
    assert!(watch.lives(), "it ended before the session did");
    std::fs::write(&go, "").expect("our own directory");
    job.wait().expect_success();
    let watched = watch.wait().expect_success().stdout;
    let before = watched.find("before it was watched").expect("what was there already is shown");
    let during = watched.find("while watched").expect("what came is shown");
    assert!(before < during, "{watched}");
}

#[test]
fn a_job_can_not_dial_the_gateway_s_own_port() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let (script, port) = (weir.script("dial.py", DIAL), weir.directory().join("port"));
    let job = weir.start(&["python3", script.to_str().expect("a UTF-8 path"), port.to_str().expect("a UTF-8 path")]);
    // The job itself does not see the gateway's process.
    let found = wait_until("the gateway to listen", 20, || listens_on(job.pid()));
    let written = weir.script("written", &found.to_string());
    std::fs::rename(written, port).expect("our own directory");
    let outcome = job.wait().expect_success();
    assert_eq!(outcome.stdout, "127.0.0.1 refused\n::1 refused\n127.128.0.1 refused\n");
    assert_eq!(weir.sessions().len(), 0, "the gateway was reached");
}

/// The one port that a process listens on.
fn listens_on(pid: u32) -> Option<u16> {
    let descriptors = std::fs::read_dir(format!("/proc/{pid}/fd")).ok()?;
    let links = descriptors.flatten().filter_map(|entry| std::fs::read_link(entry.path()).ok());
    let sockets: Vec<_> = links.map(|link| link.to_string_lossy().into_owned()).collect();
    let text = std::fs::read_to_string(format!("/proc/{pid}/net/tcp6")).ok()?;
    let rows = text.lines().skip(1).map(|line| line.split_whitespace().collect::<Vec<_>>());
    let mut own = rows.filter(|row| row[3] == "0A" && sockets.contains(&format!("socket:[{}]", row[9])));
    u16::from_str_radix(own.next()?[1].rsplit(':').next()?, 16).ok()
}

/// Waits to be told a port, and dials it at each loopback address.
const DIAL: &str = r#"
import os, socket, sys, time
while not os.path.exists(sys.argv[1]):
    time.sleep(0.02)
port = int(open(sys.argv[1]).read())
for address in ("127.0.0.1", "::1", "127.128.0.1"):
    try:
        socket.create_connection((address, port), timeout=20).close()
        print(address, "connected")
    except ConnectionRefusedError:
        print(address, "refused")
"#;
