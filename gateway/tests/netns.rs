//! Jobs in network namespaces of their own: the first connect there is caught as any other. Needs root.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]
#![expect(clippy::print_stderr, reason = "the figures are what one reads")]

use gateway_core::model::ids::RunId;
use std::io::Write as _;
use std::net::SocketAddr;
use std::os::fd::AsFd as _;
use std::path::Path;
use std::process::Command;
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use weir::capture::{Capture, CaptureSettings, JobTag, Listeners, cgroup_id};
use weir::netns::{Doors, Opened, Watch};
use weir::origin::{self, Origin, OriginError};
use weir_tests::Cgroup;

/// A gateway that takes records at every door and lets connections be.
struct Bench {
    watch: Option<Watch>,
    capture: Arc<Capture>,
    doors: Arc<Doors>,
    arrivals: Receiver<Result<Origin, OriginError>>,
    delays: Arc<Mutex<Vec<Duration>>>,
    run: RunId,
    home: Option<Listeners>,
    top: Cgroup,
}

impl Bench {
    fn new() -> Self {
        assert!(nix::unistd::geteuid().is_root(), "this test loads kernel programs: run it as root");
        let top = Cgroup::create();
        std::fs::create_dir(top.path().join("job")).unwrap();
        let settings = CaptureSettings { attach: top.path().to_owned(), doors: true, ..CaptureSettings::default() };
        let capture = Arc::new(Capture::attach(&settings).unwrap());
        let home = Listeners::open(capture.mark()).unwrap();
        capture.add_listener(home.netns_cookie, home.port).unwrap();
        let run = RunId::from_number(4712);
        capture.add_job(cgroup_id(&top.path().join("job")).unwrap(), JobTag::of_run(run.number())).unwrap();
        let doors = Arc::new(Doors::default());
        let (open, mut opened) = tokio::sync::mpsc::channel::<Opened>(64);
        let side = capture.namespaces().unwrap();
        let watch = Watch::start(side, Vec::new(), Arc::clone(&doors), capture.mark(), open).unwrap();
        let (report, arrivals) = mpsc::channel();
        let delays = Arc::new(Mutex::new(Vec::new()));
        let (shared, kept, delayed) = (Arc::clone(&capture), Arc::clone(&doors), Arc::clone(&delays));
        // Ends when the watch has: nobody sends any more.
        std::thread::spawn(move || {
            while let Some(door) = opened.blocking_recv() {
                delayed.lock().unwrap().push(door.after);
                let (shared, doors, report) = (Arc::clone(&shared), Arc::clone(&kept), report.clone());
                std::thread::spawn(move || serve(&door, &shared, &doors, &report));
            }
        });
        Self { watch: Some(watch), capture, doors, arrivals, delays, run, home: Some(home), top }
    }

    /// Runs a program in the job.
    fn job(&self, command: &[&str]) -> String {
        let output = Command::new("sh")
            .args(["-c", r#"echo 0 > "$0/job/cgroup.procs" && exec "$@""#])
            .arg(self.top.path())
            .args(command)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}\n{:?}", String::from_utf8_lossy(&output.stderr), self.capture.refusals());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    fn arrives(&self, original: &str) -> Origin {
        let origin = self.arrivals.recv_timeout(Duration::from_secs(10)).unwrap().unwrap();
        assert_eq!(origin.original.0, original.parse::<SocketAddr>().unwrap());
        assert_eq!(origin.run, self.run);
        origin
    }

    fn refused(&self, reason: &str) -> u64 {
        self.capture.refusals().iter().find(|(name, _)| *name == reason).unwrap().1
    }

    fn wait_for_doors(&self, count: usize) {
        let start = Instant::now();
        while self.doors.count() != count {
            assert!(start.elapsed() < Duration::from_secs(20), "{} doors are open, not {count}", self.doors.count());
            std::thread::yield_now();
        }
    }
}

/// Accepts, without blocking for ever, until the door closes.
fn serve(door: &Opened, capture: &Capture, doors: &Doors, report: &mpsc::Sender<Result<Origin, OriginError>>) {
    while door.closed.has_changed().is_ok() {
        match door.tcp.accept() {
            Ok((mut stream, _)) => {
                // A test that has failed takes none any more.
                let _taken = report.send(origin::resolve(stream.as_fd(), capture, doors)).is_ok();
                // The client waits for it, so that its socket is there to be looked up.
                stream.write_all(b".").unwrap();
            }
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => std::thread::sleep(Duration::from_millis(1)),
            Err(error) => panic!("{error}"),
        }
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        drop(self.watch.take());
        self.capture.leave();
        drop(self.home.take());
        let job = self.top.path().join("job");
        let start = Instant::now();
        while std::fs::remove_dir(&job).is_err() && start.elapsed() < Duration::from_secs(5) {
            std::thread::yield_now();
        }
    }
}

/// Goes to a new network namespace and connects there at once, in one program; then ends.
const UNSHARE_AND_DIAL: &str = r#"
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
int main(int count, char **words) {
    if (count > 2 && unshare(CLONE_NEWNET)) return 2;
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(5432) };
    inet_pton(AF_INET, words[1], &to.sin_addr);
    int s = socket(AF_INET, SOCK_STREAM, 0);
    if (connect(s, (void *)&to, sizeof to)) { printf("%s\n", strerror(errno)); return 1; }
    struct sockaddr_in peer; socklen_t size = sizeof peer;
    getpeername(s, (void *)&peer, &size);
    char text[64]; puts(inet_ntop(AF_INET, &peer.sin_addr, text, sizeof text));
    fflush(stdout);
    char byte; read(s, &byte, 1);
    return 0;
}
"#;

fn compile(directory: &Path) -> String {
    let (source, program) = (directory.join("dial.c"), directory.join("dial"));
    std::fs::write(&source, UNSHARE_AND_DIAL).unwrap();
    let done = Command::new("cc").arg("-o").arg(&program).arg(&source).status().unwrap();
    assert!(done.success(), "cc could not compile the client");
    program.to_str().unwrap().to_owned()
}

/// Runs `count` clients, each in a network namespace of its own, and checks that each first connect arrives.
fn check_first_connects(count: usize, unshares_itself: bool) {
    let bench = Bench::new();
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path());
    for number in 0..count {
        let address = format!("192.0.2.{}", number % 250 + 1);
        let command: &[&str] = match unshares_itself {
            true => &[&program, &address, "unshare"],
            false => &["unshare", "--net", &program, &address],
        };
        assert_eq!(bench.job(command), address);
        let origin = bench.arrives(&format!("{address}:5432"));
        assert_ne!(
            Some(origin.netns_cookie),
            bench.home.as_ref().map(|home| home.netns_cookie),
            "it came by the host's listener"
        );
    }
    assert_eq!(bench.refused("no_listener"), 0, "a first connect came before its door");
    bench.wait_for_doors(0);
    let mut delays = bench.delays.lock().unwrap().clone();
    delays.sort_unstable();
    assert_eq!(delays.len(), count);
    eprintln!("doors: {count}, median {:?}, longest {:?}", delays[count / 2], delays[count - 1]);
    assert!(delays[count / 2] < Duration::from_millis(500), "half of the doors took {:?} and more", delays[count / 2]);
}

#[test]
fn a_program_in_a_new_network_namespace_is_caught_from_its_first_connect() {
    check_first_connects(60, false);
}

#[test]
fn a_process_that_leaves_for_a_new_network_namespace_is_caught_from_its_first_connect() {
    check_first_connects(60, true);
}

#[test]
fn ipv6_and_loopback_are_caught_in_a_new_network_namespace() {
    let bench = Bench::new();
    for (family, address, original) in [
        ("AF_INET6", "('2001:db8::1', 443)", "[2001:db8::1]:443"),
        ("AF_INET", "('127.0.0.1', 443)", "127.0.0.1:443"),
        ("AF_INET6", "('::1', 443)", "[::1]:443"),
        ("AF_INET6", "('::ffff:192.0.2.7', 443)", "[::ffff:192.0.2.7]:443"),
    ] {
        let script =
            format!("import socket; s = socket.socket(socket.{family}); s.connect({address}); print(s.recv(1).decode())");
        assert_eq!(bench.job(&["unshare", "--net", "python3", "-c", &script]), ".", "{address}");
        bench.arrives(original);
    }
}

#[test]
fn a_namespace_inside_a_namespace_has_a_door_of_its_own() {
    let bench = Bench::new();
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path());
    let script = format!("{program} 192.0.2.1 && exec unshare --net {program} 192.0.2.2");
    bench.job(&["unshare", "--net", "sh", "-c", &script]);
    let (outer, inner) = (bench.arrives("192.0.2.1:5432"), bench.arrives("192.0.2.2:5432"));
    assert_ne!(outer.netns_cookie, inner.netns_cookie);
    bench.wait_for_doors(0);
}

#[test]
fn a_stopped_process_goes_on_and_an_ended_gateway_stops_nobody() {
    let bench = Bench::new();
    let directory = tempfile::tempdir().unwrap();
    let program = compile(directory.path());
    bench.capture.stop_heartbeat();
    // Nobody is stopped for a gateway that may not be there to continue them; the connect is refused.
    let start = Instant::now();
    loop {
        let output = Command::new("sh")
            .args(["-c", r#"echo 0 > "$0/job/cgroup.procs" && exec timeout 20 "$1" 192.0.2.1 unshare"#])
            .arg(bench.top.path())
            .arg(&program)
            .output()
            .unwrap();
        if String::from_utf8_lossy(&output.stdout).contains("refused") {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "it is not refused without a heartbeat: {output:?}");
    }
    assert!(bench.refused("stale_heartbeat") + bench.refused("no_listener") > 0);
}
