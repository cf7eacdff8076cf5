//! Jobs with network namespaces of their own: what they dial is caught there, and dialled from where it means what it did.

use std::io::Write as _;
use std::net::TcpListener;
use weir_tests::{Networks, Outcome, Postgres, Weir, free_port, wait_until};

/// As root in the job: making namespaces takes privileges.
const HOST: [&str; 2] = ["--privileges", "host"];

/// A Postgres on every address of the host, and its gateway with a target at the host's address towards `networks`.
fn with_target(networks: &Networks) -> (Postgres, Weir) {
    let server = Postgres::builder().setting("listen_addresses = '*'").start();
    let target = format!(r#"match = ["{}:{}"]"#, networks.host_address, server.port);
    let weir = Weir::for_server(&server).target(&target).variable("PGHOST", &networks.host_address).build();
    (server, weir)
}

#[track_caller]
fn check_the_target_is_reached(command: &[&str]) {
    let networks = Networks::create();
    let (_server, weir) = with_target(&networks);
    let command: Vec<String> = command.iter().map(|word| word.replace("NEAR", &networks.near)).collect();
    let command: Vec<&str> = command.iter().map(String::as_str).chain(["psql", "-XAtc", "SELECT 42"]).collect();
    let outcome = weir.run_with(&HOST, &command).expect_success();
    assert_eq!(outcome.stdout.trim(), "42");
    let sessions = weir.sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["target"], "db", "{sessions:?}");
    assert!(outcome.stderr.contains(sessions[0]["run"].as_str().expect("an id")), "it is the run's own: {}", outcome.stderr);
}

#[test]
fn a_target_is_reached_from_a_namespace_without_any_route() {
    check_the_target_is_reached(&["unshare", "--net"]);
}

#[test]
fn a_target_is_reached_from_a_namespace_with_a_name() {
    check_the_target_is_reached(&["ip", "netns", "exec", "NEAR"]);
}

#[test]
fn a_target_is_reached_from_a_namespace_in_a_namespace() {
    check_the_target_is_reached(&["unshare", "--net", "unshare", "--net"]);
}

#[test]
fn what_no_target_names_is_dialled_where_the_job_is() {
    let networks = Networks::create();
    let (_server, weir) = with_target(&networks);
    let address = networks.far_address.clone();
    let mut far = std::process::Command::new("ip")
        .args(["netns", "exec", &networks.far, "python3", "-c", ANSWER, &address])
        .spawn()
        .expect("python is there");
    let dialled: Outcome =
        weir.run_with(&HOST, &["ip", "netns", "exec", &networks.near, "python3", "-c", DIAL, &address, "7001"]);
    far.kill().expect("ours");
    far.wait().expect("ours");
    assert_eq!(dialled.clone().expect_success().stdout.trim(), "from afar", "{}", dialled.stderr);
    let sessions = weir.sessions();
    assert_eq!(sessions.len(), 1, "{sessions:?}");
    assert_eq!(sessions[0]["target"], format!("{address}:7001").as_str());
}

#[test]
fn another_namespace_s_loopback_is_not_the_host_s() {
    let networks = Networks::create();
    let server = Postgres::start();
    // The host's own loopback address is a target; in another namespace it is another place.
    let weir = Weir::for_server(&server).build();
    let host_port = free_port();
    let listener = TcpListener::bind(("127.0.0.1", host_port)).expect("a free port");
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            stream.and_then(|mut stream| stream.write_all(b"the host")).ok();
        }
    });
    for port in [server.port, host_port] {
        let arguments = ["unshare", "--net", "python3", "-c", DIAL, "127.0.0.1", &port.to_string()];
        let outcome = weir.run_with(&HOST, &arguments);
        assert_ne!(outcome.status, Some(0), "the host answered a job in another namespace: {}", outcome.stdout);
    }
    let local = format!(
        "python3 -c '{ANSWER}' 127.0.0.1 & for i in 1 2 3 4 5 6 7 8 9; do python3 -c '{DIAL}' 127.0.0.1 7001 && break; sleep 0.3; done; kill $!"
    );
    let outcome = weir.run_with(&HOST, &["unshare", "--net", "sh", "-c", &local]);
    assert!(outcome.stdout.contains("from afar"), "its own loopback answers: {} {}", outcome.stdout, outcome.stderr);
    drop(networks);
}

#[test]
fn a_namespace_goes_when_its_last_process_has_ended() {
    let networks = Networks::create();
    let (_server, weir) = with_target(&networks);
    let ready = weir.directory().join("ready");
    let go = weir.directory().join("go");
    // One end of a link goes with its namespace, and the other end with it.
    let script = format!(
        "ip link add weirgone0 type veth peer name weirgone1; unshare --net sh -c 'echo $$ > {ready}.pid; while [ ! -e {go} ]; do sleep 0.05; done; psql -XAtc \"SELECT 1\"' & \
         while [ ! -s {ready}.pid ]; do sleep 0.05; done; ip link set weirgone1 netns $(cat {ready}.pid); : > {go}; wait; : > {ready}; while ip link show weirgone0 >/dev/null 2>&1; do sleep 0.05; done",
        ready = ready.display(),
        go = go.display()
    );
    let job = weir.start_with(&HOST, &["timeout", "60", "sh", "-c", &script]);
    wait_until("the namespace's process to end", 60, || ready.exists().then_some(()));
    assert_eq!(job.wait().status, Some(0), "the gateway kept the namespace");
}

/// Answers one client after the other with a word, on port 7001 of the address that it is given.
const ANSWER: &str = r#"
import socket, sys
l = socket.socket(); l.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1); l.bind((sys.argv[1], 7001)); l.listen()
while True:
    s, _ = l.accept(); s.sendall(b"from afar"); s.close()
"#;

/// Dials address and port until somebody answers, for ten seconds, and prints the answer.
const DIAL: &str = r#"
import socket, sys, time
for attempt in range(20):
    try:
        s = socket.create_connection((sys.argv[1], int(sys.argv[2])), timeout=10); text = s.recv(100).decode()
        if text: print(text); sys.exit(0)
    except OSError as error: last = error
    time.sleep(0.1)
sys.exit("nobody answered")
"#;
