//! What a job does to its own network namespace to get past the gateway.

use crate::bench::Bench;
use nix::fcntl::{Flock, FlockArg};
use nix::sched::{CloneFlags, setns};
use std::fs::{self, File};
use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::Command;
use weir::capture::{FLAG_LISTEN_ON_LOOPBACK, JobTag, Listeners, cgroup_id};

/// A network namespace with a cable to this one, in which `127.0.0.0/8` leads out by that cable.
struct Ground {
    name: String,
    /// Its addresses stand in the host's own table: one at a time.
    _alone: Flock<File>,
}

impl Ground {
    fn new() -> Self {
        let lock = File::create(std::env::temp_dir().join("weir-test-leak.lock")).unwrap();
        let alone = Flock::lock(lock, FlockArg::LockExclusive).map_err(|(_, errno)| errno).unwrap();
        let ground = Self { name: format!("weirl{}", std::process::id()), _alone: alone };
        let name = &ground.name;
        shell(&format!(
            "ip netns add {name} && ip link add {name}a type veth peer name {name}b netns {name} &&
             sysctl -qw net.ipv6.conf.{name}a.disable_ipv6=1 && ip netns exec {name} sysctl -qw net.ipv6.conf.{name}b.disable_ipv6=1 &&
             ip addr add 198.51.100.1/30 dev {name}a && ip link set {name}a up && ip -n {name} link set lo up &&
             ip -n {name} addr add 198.51.100.2/30 dev {name}b && ip -n {name} link set {name}b up &&
             ip -n {name} route del local 127.0.0.0/8 dev lo table local && ip -n {name} route add 127.0.0.0/8 via 198.51.100.1"
        ));
        ground
    }

    fn path(&self) -> PathBuf {
        PathBuf::from("/run/netns").join(&self.name)
    }

    /// A script that goes there and dials.
    fn dial(&self, to: &str) -> String {
        format!(
            "
import ctypes
assert ctypes.CDLL(None).setns(os.open('{}', os.O_RDONLY), 0x40000000) == 0
s = socket.socket(); s.settimeout(0.5)
try: s.connect({to}); print('connected')
except TimeoutError: print('no answer')
except OSError as error: print(errno.errorcode[error.errno])",
            self.path().display()
        )
    }

    /// How many packets have come out of the namespace.
    fn out(&self) -> u64 {
        let counter = format!("/sys/class/net/{}a/statistics/rx_packets", self.name);
        fs::read_to_string(counter).unwrap().trim().parse().unwrap()
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        let name = &self.name;
        let gone =
            Command::new("sh").args(["-c", &format!("ip netns del {name}; ip link del {name}a 2>/dev/null; true")]).status();
        assert!(gone.is_ok() || std::thread::panicking());
    }
}

fn shell(script: &str) {
    let output = Command::new("sh").args(["-ec", script]).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[test]
fn routes_of_its_own_lead_a_job_nowhere() {
    let bench = Bench::new();
    let ground = Ground::new();
    let (path, mark) = (ground.path(), bench.capture.mark());
    // A namespace is a thread's, so another one opens the gateway's listener in it.
    let listeners = std::thread::spawn(move || {
        setns(File::open(path).unwrap(), CloneFlags::CLONE_NEWNET).unwrap();
        Listeners::open(mark).unwrap()
    });
    let listeners = listeners.join().unwrap();
    assert_ne!(listeners.netns_cookie, bench.netns_cookie);
    let dial = |to: &str| ground.dial(to);
    assert_eq!(bench.python("job", &dial("('192.0.2.1', 80)")), "ECONNREFUSED");
    assert_eq!(bench.refused("no_listener"), 1);
    bench.capture.add_listener(listeners.netns_cookie, listeners.port).unwrap();
    let before = ground.out();
    // The hook sends it to the disguise, and the job's own route would lead that out.
    assert_eq!(bench.python("job", &dial("('192.0.2.1', 80)")), "no answer");
    assert_eq!(ground.out(), before, "nothing has left");
    assert!(bench.refused("leak") > 0);
    // The way is open, as someone outside every job shows.
    assert_eq!(bench.python("other", &dial("('127.128.7.7', 80)")), "no answer");
    assert!(ground.out() > before);
}

#[test]
fn a_job_that_listens_for_itself_alone_is_not_reached_from_outside() {
    let bench = Bench::new();
    let ground = Ground::new();
    let script = "
l = socket.socket(); l.bind(('0.0.0.0', 0)); l.listen(); l.settimeout(10)
print(l.getsockname()[1]); sys.stdout.flush()
inside = dial(socket.AF_INET, ('127.0.0.1', l.getsockname()[1])); l.accept()
sys.stdin.read()";
    for (flags, expected) in [(0, "connected"), (FLAG_LISTEN_ON_LOOPBACK, "no answer")] {
        let job = JobTag { flags, ..JobTag::of_run(bench.run.number()) };
        bench.capture.add_job(cgroup_id(&bench.top.join("job")).unwrap(), job).unwrap();
        let mut listening = bench.spawn("job", script);
        let mut port = String::new();
        BufReader::new(listening.stdout.as_mut().unwrap()).read_line(&mut port).unwrap();
        let said = bench.python("other", &ground.dial(&format!("('198.51.100.1', {})", port.trim())));
        assert_eq!(said, expected);
        drop(listening.stdin.take());
        assert!(listening.wait().unwrap().success(), "what the job says to itself it hears");
    }
    assert!(bench.refused("leak") > 0);
}
