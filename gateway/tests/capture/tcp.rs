//! TCP connects: which are caught, what the job sees of it, and what is refused.

use crate::bench::Bench;
use std::path::PathBuf;
use weir::capture::{Capture, CaptureError, CaptureSettings, cgroup_id, cgroup2_mount};
use weir::origin::OriginError;

/// Connects by `IORING_OP_CONNECT` and prints the result.
const IO_URING: &str = r#"
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>
int main(void) {
    struct io_uring_params p; memset(&p, 0, sizeof p);
    int ring = syscall(SYS_io_uring_setup, 4, &p);
    if (ring < 0) return 2;
    int rw = PROT_READ | PROT_WRITE;
    char *sq = mmap(0, p.sq_off.array + p.sq_entries * 4, rw, MAP_SHARED, ring, IORING_OFF_SQ_RING);
    char *cq = mmap(0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe), rw, MAP_SHARED, ring, IORING_OFF_CQ_RING);
    struct io_uring_sqe *sqe = mmap(0, p.sq_entries * sizeof *sqe, rw, MAP_SHARED, ring, IORING_OFF_SQES);
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(7000) };
    inet_pton(AF_INET, "192.0.2.33", &to.sin_addr);
    sqe->opcode = IORING_OP_CONNECT; sqe->fd = socket(AF_INET, SOCK_STREAM, 0);
    sqe->addr = (unsigned long)&to; sqe->off = sizeof to;
    *(unsigned *)(sq + p.sq_off.array) = 0;
    __atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
    if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) < 0) return 3;
    struct io_uring_cqe *cqe = (void *)(cq + p.cq_off.cqes);
    printf("%d\n", cqe->res); fflush(stdout);
    usleep(200000);
    return 0;
}
"#;

#[test]
fn every_address_family_is_caught_and_keeps_its_disguise() {
    let bench = Bench::new();
    for (family, dialled, original) in [
        ("AF_INET", "('192.0.2.1', 5432)", "192.0.2.1:5432"),
        ("AF_INET", "('127.0.0.1', 5432)", "127.0.0.1:5432"),
        ("AF_INET6", "('2001:db8::1', 5432)", "[2001:db8::1]:5432"),
        ("AF_INET6", "('::1', 5432)", "[::1]:5432"),
        ("AF_INET6", "('::ffff:192.0.2.1', 5432)", "[::ffff:192.0.2.1]:5432"),
    ] {
        let peer = bench.python("job", &format!("print(dial(socket.{family}, {dialled}).getpeername()[:2] == {dialled})"));
        assert_eq!(peer, "True", "{dialled}");
        bench.arrives(original);
    }
    bench.python("job/inner", "dial(socket.AF_INET, ('198.51.100.7', 80))");
    let origin = bench.arrives("198.51.100.7:80");
    assert_eq!(origin.cgroup_id, cgroup_id(&bench.top.join("job/inner")).unwrap());
}

#[test]
fn getsockname_does_not_show_loopback_for_a_remote_destination() {
    let bench = Bench::new();
    let shown = bench.python("job", "print(dial(socket.AF_INET, ('198.51.100.7', 80)).getsockname()[0].startswith('127.'))");
    let has_address = std::net::UdpSocket::bind("0.0.0.0:0").and_then(|socket| socket.connect("192.0.2.1:9"));
    assert_eq!(shown, if has_address.is_ok() { "False" } else { "True" });
}

#[test]
fn a_non_blocking_connect_is_caught() {
    let bench = Bench::new();
    let script = "
import select
s = socket.socket(); s.setblocking(False)
first = s.connect_ex(('192.0.2.9', 6000))
select.select([], [s], [], 10)
print(first in (0, errno.EINPROGRESS), s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), s.getpeername())";
    assert_eq!(bench.python("job", script), "True 0 ('192.0.2.9', 6000)");
    bench.arrives("192.0.2.9:6000");
}

#[test]
fn one_source_port_serves_two_destinations() {
    let bench = Bench::new();
    let script = "
held, bound = [], 0
for address in ('192.0.2.1', '198.51.100.1', '2001:db8::1', '2001:db8::2'):
    v6 = ':' in address
    s = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(('::1' if v6 else '127.0.0.1', bound)); bound = s.getsockname()[1]
    s.connect((address, 5432)); held.append(s)
print(len(held))";
    assert_eq!(bench.python("job", script), "4");
    let expected = ["192.0.2.1:5432", "198.51.100.1:5432", "[2001:db8::1]:5432", "[2001:db8::2]:5432"];
    let ports: Vec<u16> = expected.iter().map(|original| bench.arrives(original).client.0.port()).collect();
    assert!(ports.iter().all(|port| *port == ports[0]), "{ports:?}");
}

#[test]
fn refusals_say_why_in_errno() {
    let bench = Bench::new();
    let script = "
print(attempt(lambda: dial(socket.AF_INET, ('127.0.0.1', port))),
      attempt(lambda: dial(socket.AF_INET, ('127.129.1.1', 9))),
      attempt(lambda: dial(socket.AF_INET6, ('::1', port))),
      attempt(lambda: early.connect(('192.0.2.1', 80))),
      attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)),
      attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)),
      attempt(lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)))";
    let expected = "ECONNREFUSED ECONNREFUSED ECONNREFUSED EACCES EACCES EPROTONOSUPPORT ok";
    assert_eq!(bench.python("job", script), expected);
    assert_eq!((bench.refused("direct_to_gateway"), bench.refused("foreign_socket")), (3, 1));
    assert_eq!(bench.refused("socket_kind"), 2);
}

#[test]
fn a_link_local_address_is_refused_and_a_bound_device_does_not_matter() {
    let bench = Bench::new();
    let device = std::fs::read_dir("/sys/class/net").unwrap().flatten().map(|entry| entry.file_name());
    let device = device.into_iter().find(|name| name != "lo").map_or_else(|| "lo".into(), |name| name.into_string().unwrap());
    let script = format!(
        "
s = socket.socket(); s.settimeout(10); s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b'{device}')
print(attempt(lambda: s.connect(('192.0.2.1', 80))), attempt(lambda: dial(socket.AF_INET6, ('fe80::1', 80, 0, 1))))"
    );
    assert_eq!(bench.python("job", &script), "ok ENETUNREACH");
    bench.arrives("192.0.2.1:80");
    assert_eq!(bench.refused("link_local"), 1);
}

#[test]
fn outside_every_job_nothing_is_touched() {
    let bench = Bench::new();
    let script = "
l = socket.socket(); l.bind(('127.0.0.1', 0)); l.listen()
s = dial(socket.AF_INET, l.getsockname())
print(s.getpeername() == l.getsockname(), l.accept()[1] == s.getsockname())";
    assert_eq!(bench.python("other", script), "True True");
    bench.python("other", "dial(socket.AF_INET, ('127.0.0.1', port))");
    assert!(matches!(bench.arrival(), Err(OriginError::NotCaptured { .. })));
}

#[test]
fn an_io_uring_connect_is_caught() {
    let disabled = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled").unwrap_or_else(|_| "2".to_owned());
    if disabled.trim() == "2" {
        eprintln!("not tried: this kernel has no io_uring");
        return;
    }
    let bench = Bench::new();
    let program = bench.compile(IO_URING);
    let script = format!("os.execv('{0}', ['{0}'])", program.path().join("dial").display());
    assert_eq!(bench.python("job", &script), "0");
    bench.arrives("192.0.2.33:7000");
}

#[test]
fn a_stale_heartbeat_refuses() {
    let bench = Bench::new();
    bench.capture.stop_heartbeat();
    let script = "
for _ in range(100):
    seen = attempt(lambda: dial(socket.AF_INET, ('192.0.2.1', 80)).close())
    if seen != 'ok': break
    time.sleep(0.1)
print(seen)";
    assert_eq!(bench.python("job", script), "ECONNREFUSED");
    assert!(bench.refused("stale_heartbeat") >= 1);
}

#[test]
fn the_root_of_all_cgroups_and_other_directories_are_refused() {
    let settings = |attach| CaptureSettings { attach, ..CaptureSettings::default() };
    let root = Capture::attach(&settings(cgroup2_mount().unwrap())).err();
    assert!(matches!(root, Some(CaptureError::CgroupRoot(_))), "{root:?}");
    let other = Capture::attach(&settings(PathBuf::from("/tmp"))).err();
    assert!(matches!(other, Some(CaptureError::NotCgroup2(_))), "{other:?}");
}
