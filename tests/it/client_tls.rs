//! The job's side of TLS: whose certificate it sees, direct TLS, and what is refused there.

use weir_tests::{CertificateAuthority, Outcome, Postgres, Weir, python, python_with_psycopg};

const OWN: &str = r#"{ client = "require", upstream = "disable" }"#;

fn text(path: &std::path::Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// psql with sslmode=verify-full that trusts `root`, at a gateway whose target has this `tls`.
fn verify_full(tls: &str, root: &str) -> Outcome {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).tls(tls).build();
    let connection = format!("sslmode=verify-full sslrootcert={root}");
    weir.run(&["psql", "-X", "-A", "-t", "-c", "SELECT 'verified'", &connection])
}

#[track_caller]
fn check_certificate(tls: &str, authority: &CertificateAuthority) {
    let good = verify_full(tls, text(&authority.root())).expect_success();
    assert_eq!(good.stdout.trim(), "verified");
    let other = CertificateAuthority::create();
    let wrong = verify_full(tls, text(&other.root()));
    assert_eq!(wrong.status, Some(2), "another root was good enough");
    assert!(wrong.stderr.contains("certificate verify failed"), "{}", wrong.stderr);
}

#[test]
fn the_owner_s_own_certificate_is_verified_in_full() {
    let authority = CertificateAuthority::create();
    let (cert, key) = authority.server();
    let tls = r#"{ client = "require", upstream = "disable", client_cert = "CERT", client_key = "KEY" }"#;
    check_certificate(&tls.replace("CERT", text(&cert)).replace("KEY", text(&key)), &authority);
}

#[test]
fn a_certificate_under_the_owner_s_intermediate_is_verified_in_full() {
    let authority = CertificateAuthority::create();
    let (cert, key) = authority.intermediate();
    let tls = r#"{ client = "require", upstream = "disable", client_issuer_cert = "CERT", client_issuer_key = "KEY" }"#;
    check_certificate(&tls.replace("CERT", text(&cert)).replace("KEY", text(&key)), &authority);
}

#[test]
fn weir_s_own_certificate_is_verified_in_full_by_an_unchanged_job() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).tls(OWN).variable("PGSSLMODE", "verify-full").build();
    weir.run(&["psql", "-X", "-c", "SELECT 1"]).expect_success();
    assert_eq!(weir.sessions().len(), 1, "it went through the gateway");
}

/// psycopg's libpq is one that knows sslnegotiation and require_auth.
fn psycopg(tls: &str, connection: &str) -> Outcome {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).tls(tls).build();
    let script = weir.script("connect.py", CONNECT);
    weir.run(&[text(python_with_psycopg()), text(&script), connection])
}

#[test]
fn direct_tls_is_served() {
    let outcome = psycopg(OWN, "sslmode=verify-full sslnegotiation=direct").expect_success();
    assert_eq!(outcome.stdout.trim(), "connected");
}

#[test]
fn a_client_that_insists_on_scram_gets_its_library_s_own_error() {
    let outcome = psycopg(OWN, "sslmode=verify-full require_auth=scram-sha-256");
    assert_eq!(outcome.status, Some(1), "{}", outcome.stdout);
    assert!(outcome.stderr.contains(r#"authentication method requirement "scram-sha-256" failed"#), "{}", outcome.stderr);
}

#[test]
fn a_client_that_insists_on_channel_binding_gets_its_library_s_own_error() {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).tls(OWN).build();
    let outcome = weir.run(&["psql", "-X", "-c", "SELECT 1", "sslmode=verify-full channel_binding=require"]);
    assert_eq!(outcome.status, Some(2), "{}", outcome.stdout);
    let own = "channel binding required, but server authenticated client without channel binding";
    assert!(outcome.stderr.contains(own), "{}", outcome.stderr);
}

/// What a raw client of `script` says that it was answered.
fn raw(script: &str) -> String {
    let server = Postgres::start();
    let weir = Weir::for_server(&server).tls(OWN).build();
    let script = weir.script("raw.py", &format!("{RAW}{script}"));
    let answer = weir.run(&[text(python()), text(&script)]).expect_success().stdout;
    weir.run(&["psql", "-X", "-c", "SELECT 1", "sslmode=require"]).expect_success();
    let opened = server.sql("SELECT count(*) FROM pg_stat_activity WHERE usename = 'app'");
    assert_eq!(opened, "0");
    answer
}

#[test]
fn direct_tls_without_alpn_is_refused_and_with_it_is_served() {
    assert_eq!(raw("direct(['postgresql'])").trim(), "authenticated");
    assert_eq!(raw("direct([])").trim(), "refused");
    assert_eq!(raw("direct(['http/1.1'])").trim(), "refused");
}

#[test]
fn plain_text_behind_a_request_for_tls_is_refused() {
    assert_eq!(raw("pipelined()").trim(), "refused");
}

const CONNECT: &str = r#"
import psycopg, sys
try:
    with psycopg.connect(sys.argv[1]) as c:
        c.execute("SELECT 1")
except psycopg.OperationalError as error:
    sys.exit(str(error))
print("connected")
"#;

const RAW: &str = r#"
import os, socket, ssl, struct

body = struct.pack("!I", 196608) + b"user\0app\0database\0app\0\0"
startup = struct.pack("!I", len(body) + 4) + body
request = struct.pack("!II", 8, 80877103)

def connect():
    return socket.create_connection((os.environ["PGHOST"], int(os.environ["PGPORT"])), timeout=20)

def tell(s):
    try:
        first = s.recv(1)
    except OSError:
        first = b""
    print("authenticated" if first == b"R" else "refused" if first in (b"", b"E") else first)

def direct(protocols):
    context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
    if protocols:
        context.set_alpn_protocols(protocols)
    try:
        with connect() as plain, context.wrap_socket(plain, server_hostname="127.0.0.1") as s:
            s.sendall(startup)
            tell(s)
    except OSError:
        print("refused")

def pipelined():
    with connect() as s:
        s.sendall(request + startup)
        first = s.recv(1)
        if first == b"S":
            tell(s)
        else:
            print("refused" if first in (b"", b"E") else first)

"#;
