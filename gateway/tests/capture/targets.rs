//! Destinations that the kernel side treats apart.

use crate::bench::Bench;
use std::net::TcpListener;
use std::time::Duration;
use weir::capture::{KernelEvent, KernelTarget, Refusal};

const PATIENCE: Duration = Duration::from_secs(10);

fn target(address: &str, prefix: u8, port: Option<u16>) -> KernelTarget {
    KernelTarget { address: address.parse().unwrap(), prefix, port, is_closed: false, passes_when_down: false }
}

#[test]
fn a_closed_target_is_for_jobs_alone() {
    let bench = Bench::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let closed = |of: KernelTarget| KernelTarget { is_closed: true, ..of };
    let dial = format!("print(attempt(lambda: dial(socket.AF_INET, ('127.0.0.1', {port}))))");
    let mapped = dial.replace("socket.AF_INET, ('127.0.0.1'", "socket.AF_INET6, ('::ffff:127.0.0.1'");
    let mut events = bench.capture.events().unwrap();
    bench.capture.set_targets(&[closed(target("127.0.0.0", 8, Some(port)))]).unwrap();
    for script in [&dial, &mapped] {
        assert_eq!(bench.python("other", script), "EACCES");
        let event = events.wait(PATIENCE);
        let Some(KernelEvent::Refused(call, Refusal::ClosedTarget)) = event else { panic!("{event:?}") };
        assert_eq!((call.job, call.to, call.uid), (None, server.local_addr().unwrap(), 0));
    }
    assert_eq!(bench.python("job", &dial), "ok");
    bench.arrives(&format!("127.0.0.1:{port}"));
    // Another port of the same host, another host, and every port.
    bench.capture.set_targets(&[closed(target("127.0.0.1", 32, Some(port ^ 1))), closed(target("127.0.0.2", 32, None))]).unwrap();
    assert_eq!(bench.python("other", &dial), "ok");
    bench.capture.set_targets(&[closed(target("127.0.0.1", 32, None))]).unwrap();
    assert_eq!(bench.python("other", &dial), "EACCES");
    // The gateway itself may.
    assert!(std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
    bench.capture.set_targets(&[]).unwrap();
    assert_eq!(bench.python("other", &dial), "ok");
    assert_eq!(bench.refused("closed_target"), 3);
}

#[test]
fn a_target_that_passes_when_the_gateway_is_down_does_so_then_alone_and_is_told() {
    let bench = Bench::new();
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = server.local_addr().unwrap().port();
    let passes = KernelTarget { passes_when_down: true, ..target("127.0.0.1", 32, Some(port)) };
    bench.capture.set_targets(&[passes]).unwrap();
    let mut events = bench.capture.events().unwrap();
    let dial = format!(
        "print(attempt(lambda: dial(socket.AF_INET, ('127.0.0.1', {port}))), attempt(lambda: dial(socket.AF_INET, ('192.0.2.1', {port}))))"
    );
    assert_eq!(bench.python("job", &dial), "ok ok");
    bench.arrives(&format!("127.0.0.1:{port}"));
    bench.arrives(&format!("192.0.2.1:{port}"));
    bench.capture.remove_listener(bench.netns_cookie);
    assert_eq!(bench.python("job", &dial), "ok ECONNREFUSED");
    let event = events.wait(PATIENCE);
    let Some(KernelEvent::Passed(call)) = event else { panic!("{event:?}") };
    assert_eq!((call.to, call.job.map(|job| job.run)), (server.local_addr().unwrap(), Some(bench.run.number())));
    assert!(server.accept().is_ok());
}
