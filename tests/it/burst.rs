//! Many connects at once: each is answered, and none is lost from the records.

use weir_tests::{Postgres, Weir, python};

/// The suite's burst; the one of 10 000 connects is a matter of minutes.
const CONNECTS: usize = 1000;

#[test]
fn a_burst_of_connects_is_answered_whole() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("burst.py", BURST);
    let outcome =
        weir.run(&[python().to_str().expect("UTF-8"), script.to_str().expect("UTF-8"), &CONNECTS.to_string()]).expect_success();
    assert_eq!(outcome.stdout.trim(), format!("answered {CONNECTS}"));
    weir.run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
}

/// Asks each connection for TLS, which is answered by one byte without a server.
const BURST: &str = r#"
import os, resource, socket, struct, sys
count = int(sys.argv[1])
hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, count + 100), hard))
address = (os.environ["PGHOST"], int(os.environ["PGPORT"]))
open_ones = [socket.create_connection(address, timeout=60) for _ in range(count)]
for s in open_ones:
    s.sendall(struct.pack("!II", 8, 80877103))
print("answered", sum(s.recv(1) in (b"N", b"S") for s in open_ones))
"#;
