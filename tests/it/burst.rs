//! Many connects at once: each is answered or cleanly refused, and none is lost from the records.

use weir_tests::{Postgres, Weir, python};

/// A burst within every limit: all of it is answered.
const CONNECTS: usize = 1000;
/// A burst that meets limits: what is not answered is refused.
const MANY: usize = 10_000;

#[test]
fn a_burst_of_connects_is_answered_whole() {
    let (answered, refused) = check(CONNECTS);
    assert_eq!((answered, refused), (CONNECTS, 0));
}

#[test]
fn ten_thousand_connects_are_answered_or_refused() {
    let (answered, refused) = check(MANY);
    assert_eq!(answered + refused, MANY, "some had no answer: {answered} answered, {refused} refused");
    assert!(answered > MANY / 2, "{answered} answered, {refused} refused");
}

/// A burst, and the gateway after it; how many were answered and refused.
#[track_caller]
fn check(count: usize) -> (usize, usize) {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("burst.py", BURST);
    let (python, script) = (python().to_str().expect("UTF-8"), script.to_str().expect("UTF-8"));
    // In one run, so that psql comes to the gateway that has seen the burst.
    // The burst's last sessions may still be ending, and count against the limit until they have.
    let command = r#""$0" "$1" "$2" && for try in $(seq 100); do
        psql -X -A -t -c "SELECT 'after the burst'" 2>/dev/null && exit; sleep 0.1; done; exit 9"#;
    let outcome = weir.run(&["sh", "-c", command, python, script, &count.to_string()]).expect_success();
    let mut lines = outcome.stdout.lines();
    let counts: Vec<usize> = lines.next().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
    assert_eq!(lines.next(), Some("after the burst"), "{}{}", outcome.stdout, outcome.stderr);
    assert_eq!(counts.len(), 2, "{}", outcome.stdout);
    weir.cli(&["audit", "verify"]).expect_success();
    (counts[0], counts[1])
}

/// Connects all at once, asks each connection for TLS, which is answered by one byte without a
/// server, and keeps all open to the end. Prints how many were answered and how many refused.
const BURST: &str = r#"
import os, resource, selectors, socket, struct, sys, time
count = int(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
address = (os.environ["PGHOST"], int(os.environ["PGPORT"]))
request = struct.pack("!II", 8, 80877103)
selector = selectors.EpollSelector()
answered = refused = 0
kept = []
for _ in range(count):
    s = socket.socket()
    s.setblocking(False)
    kept.append(s)
    try:
        s.connect(address)
    except BlockingIOError:
        pass
    except OSError:
        refused += 1
        continue
    selector.register(s, selectors.EVENT_WRITE)
deadline = time.monotonic() + 50
while selector.get_map() and time.monotonic() < deadline:
    for key, ready in selector.select(1):
        s = key.fileobj
        try:
            if ready & selectors.EVENT_WRITE:
                s.send(request)
                selector.modify(s, selectors.EVENT_READ)
                continue
            if s.recv(1) in (b"N", b"S"):
                answered += 1
            else:
                refused += 1
        except BlockingIOError:
            continue
        except OSError:
            refused += 1
        selector.unregister(s)
print(answered, refused)
"#;
