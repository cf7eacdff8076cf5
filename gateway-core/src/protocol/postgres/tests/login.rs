//! Logging in at the server, with the credential and with the client's own.

use super::super::scram;
use super::*;

const GREETING: &str = "server_version\x0017\0";

fn begun(change: impl FnOnce(&mut Settings), minor: u16) -> Script {
    let mut settings = settings();
    change(&mut settings);
    let mut script = Script::new(settings);
    script.client(startup(minor, &[("user", "ann"), ("database", "shop")]));
    script.seen = Seen::default();
    script
}

fn greeting(secret: &[u8]) -> Vec<u8> {
    let key = m(b'K', [&[0, 0, 0x30, 0x39][..], secret].concat());
    [auth(0, b""), m(b'S', GREETING), key, ready(b'I')].concat()
}

#[test]
fn a_trusting_server_needs_nothing_and_the_client_gets_our_secret() {
    let mut script = begun(|_| {}, 0);
    script.server(greeting(b"keys"));
    assert_eq!(script.to_client, greeting(b"wwww"));
    assert_eq!(script.events, ["opened 12345 keys wwww"]);
    assert!(script.to_server.is_empty());
    let mut script = begun(|_| {}, 2);
    script.server(greeting(&[b'k'; 100]));
    assert_eq!(script.to_client, greeting(&[b'w'; 32]));
}

#[test]
fn passwords_in_clear_and_md5() {
    let mut script = begun(|_| {}, 0);
    script.server(auth(3, b""));
    assert_eq!(script.to_server, m(b'p', "secret\0"));
    script.server(greeting(b"keys"));
    assert!(script.has_event("opened") && script.to_client == greeting(b"wwww"));

    let mut script = begun(|_| {}, 0);
    script.server(auth(5, &[1, 2, 3, 4]));
    let expected = scram::md5_password(b"owner", "secret", &[1, 2, 3, 4]);
    assert_eq!(script.to_server, m(b'p', format!("{}\0", *expected)));
}

fn conversation(mechanisms: &[u8], end_point: Option<Vec<u8>>) -> Script {
    let mut script = begun(|settings| settings.server_tls = ServerTls::Require, 0);
    script.end_point = end_point;
    script.salted = scram::salted("pencil", &[91, 109, 153, 104, 157, 18, 53, 142, 236, 75, 20, 18, 54, 250, 108, 160], 4096);
    script.server(b"S");
    script.seen = Seen::default();
    script.server(auth(10, mechanisms));
    script
}

/// The RFC's exchange with the user left out, as PostgreSQL's clients leave it out.
fn challenge() -> Vec<u8> {
    auth(11, b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096")
}

#[test]
fn scram_is_spoken_to_the_end_and_the_server_has_to_prove_itself() {
    let mut script = conversation(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", None);
    assert_eq!(script.to_server, m(b'p', b"SCRAM-SHA-256\0\0\0\0\x1cn,,n=,r=rOprNGfwEbeRWgbNEkqO"));
    script.server(challenge());
    assert!(script.has_event("salt"));
    assert!(String::from_utf8_lossy(&script.to_server).contains("c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDp"));
    script.server(auth(12, b"v=AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="));
    assert!(script.error.is_some() && script.has_event("Violation"));
    assert!(!script.client_has("pencil") && !script.client_has("secret"));

    let mut script = conversation(b"SCRAM-SHA-256\0\0", None);
    script.server(challenge()).server(auth(0, b""));
    assert!(script.error.is_some(), "AuthenticationOk without the server's signature");
}

#[test]
fn the_tls_session_is_bound_where_both_can() {
    let script = conversation(b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0", Some(vec![1, 2, 3]));
    let sent = String::from_utf8_lossy(&script.to_server).into_owned();
    assert!(sent.contains("SCRAM-SHA-256-PLUS") && sent.contains("p=tls-server-end-point,,n=,"));
    let script = conversation(b"SCRAM-SHA-256\0\0", Some(vec![1, 2, 3]));
    assert!(String::from_utf8_lossy(&script.to_server).contains("y,,n=,"));
}

#[test]
fn logins_that_are_not_spoken_are_refused() {
    for method in [2u32, 6, 7, 9, 99] {
        let mut script = begun(|_| {}, 0);
        script.server(auth(method, b""));
        assert!(script.client_has("C28000") && script.has_event("Close(Refused)"), "{method}");
    }
    let script = conversation(b"SCRAM-SHA-512\0\0", None);
    assert!(script.client_has("C28000"));
}

#[test]
fn the_servers_own_refusal_is_passed_on() {
    let mut script = begun(|_| {}, 0);
    let refusal = error("FATAL", "28P01", "password authentication failed for user \"owner\"");
    script.server([auth(3, b""), refusal.clone()].concat());
    assert_eq!(script.to_client, refusal);
    assert_eq!(script.events, ["Close(ServerEnded)"]);
}

#[test]
fn a_login_passes_through_without_channel_binding() {
    let mut script = begun(|settings| settings.passthrough = true, 0);
    script.server(auth(10, b"SCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"));
    assert_eq!(script.to_client, auth(10, b"SCRAM-SHA-256\0\0"));
    script.passes(Side::Client, &m(b'p', "SCRAM-SHA-256\0\0\0\0\x04n,,x"));
    assert!(!script.session.wants(Side::Client));
    script.passes(Side::Server, &auth(11, b"r=x"));
    script.passes(Side::Client, &m(b'p', "c=x"));
    script.passes(Side::Server, &auth(12, b"v=x"));
    script.to_client.clear();
    script.server(greeting(b"keys"));
    assert_eq!(script.to_client, greeting(b"wwww"));
    assert!(script.has_event("opened 12345"));
    script.passes(Side::Client, &query("select 1"));
}

#[test]
fn a_newer_client_is_told_what_it_gets() {
    let newest = |minor: u32| m(b'v', [&(3u32 << 16 | minor).to_be_bytes()[..], &[0; 4]].concat());
    let mut script = begun(|_| {}, 9999);
    script.server(greeting(&[b'k'; 32]));
    assert_eq!(script.to_client, [newest(2), greeting(&[b'w'; 32])].concat());
    let mut script = begun(|_| {}, 2);
    script.server([newest(0), greeting(b"keys")].concat());
    assert_eq!(script.to_client, [newest(0), greeting(b"wwww")].concat());

    let mut script = Script::new(settings());
    script.client(startup(0, &[("user", "ann"), ("_pq_.future", "1")]));
    assert!(!String::from_utf8_lossy(&script.to_server).contains("_pq_"));
    script.server(greeting(b"keys"));
    let told = m(b'v', b"\0\x03\0\0\0\0\0\x01_pq_.future\0");
    assert!(script.to_client.starts_with(&told));
}

#[test]
fn a_greeting_before_the_login_is_a_violation() {
    for early in [ready(b'I'), m(b'K', b"\0\0\0\x01keys"), m(b'S', GREETING), row("x"), auth(11, b"r=")] {
        let mut script = begun(|_| {}, 0);
        script.server(early);
        assert!(script.error.is_some() && !script.has_event("opened"));
    }
}
