//! Peers that do not speak the protocol, or stop halfway: an error and an end, never a hang.

use std::io::Write as _;
use std::net::TcpListener;
use weir_tests::{Postgres, Weir, python, wait_until};

#[test]
fn a_client_that_sends_garbage_is_ended_and_the_server_never_sees_it() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).build();
    let script = weir.script("garbage.py", GARBAGE);
    let outcome = weir.run(&[python().to_str().expect("UTF-8"), script.to_str().expect("UTF-8")]).expect_success();
    assert_eq!(outcome.stdout.trim(), "ended");
    weir.run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
}

#[test]
fn a_half_open_client_meets_the_deadline() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).extra("[limits]\nstartup_seconds = 1\n").build();
    let script = weir.script("half.py", HALF_OPEN);
    let outcome = weir.run(&[python().to_str().expect("UTF-8"), script.to_str().expect("UTF-8")]).expect_success();
    assert_eq!(outcome.stdout.trim(), "ended");
}

#[test]
fn a_server_that_sends_garbage_is_a_clear_error() {
    let server = Postgres::start();
    server.crash();
    let weir = Weir::for_server(&server).build();
    let listener = wait_until("the server's port", 10, || TcpListener::bind(("127.0.0.1", server.port)).ok());
    let job = weir.start(&["psql", "-X", "-c", "SELECT 1"]);
    let (mut stream, _) = listener.accept().expect("the gateway dials");
    stream.write_all(&[0xff; 4096]).expect("the gateway reads");
    let outcome = job.wait();
    assert_eq!(outcome.status, Some(2), "{}", outcome.stderr);
    assert_eq!(weir.sessions().len(), 1, "it went through the gateway");
}

const GARBAGE: &str = r#"
import os, socket
address = (os.environ["PGHOST"], int(os.environ["PGPORT"]))
for junk in (b"\x00\x00\x00\x03", b"\x7f\xff\xff\xff" + b"A" * 100, b"GET / HTTP/1.1\r\n\r\n", b"\x16\x03\x01" + b"\xff" * 200):
    with socket.create_connection(address, timeout=20) as s:
        s.sendall(junk)
        try:
            s.shutdown(socket.SHUT_WR)
            while s.recv(4096):
                pass
        except ConnectionError:
            pass
print("ended")
"#;

const HALF_OPEN: &str = r#"
import os, socket
with socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"])), timeout=20) as s:
    s.sendall(b"\x00\x00")
    try:
        while s.recv(4096):
            pass
    except ConnectionError:
        pass
print("ended")
"#;
