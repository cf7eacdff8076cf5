//! The client's first packets and the way to the server.

use super::*;

const SSL: &[u8] = &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f];
const GSS: &[u8] = &[0, 0, 0, 8, 4, 0xd2, 0x16, 0x30];

fn ann() -> Vec<u8> {
    startup(0, &[("user", "ann")])
}

#[test]
fn encryption_that_is_not_offered_is_declined_and_the_session_goes_on() {
    let mut script = Script::new(settings());
    script.client(GSS).client(SSL);
    assert_eq!(script.to_client, b"NN");
    script.client(startup(0, &[("user", "ann"), ("application_name", "psql")]));
    assert_eq!(script.events, ["dial ann/ann/psql", "Credential"]);
    let sent = startup(0, &[("user", "owner"), ("database", "ann"), ("application_name", &format!("psql {TAG}"))]);
    assert_eq!(script.to_server, sent);
}

#[test]
fn each_encryption_is_asked_for_at_most_once() {
    for request in [GSS, SSL] {
        let mut script = Script::new(settings());
        script.client(request).client(request);
        assert!(script.error.is_some() && script.client_has("C08P01"));
        assert_eq!(script.events.last().unwrap(), "Close(Violation)");
    }
}

#[test]
fn tls_starts_on_request_or_at_once_and_hides_no_plain_text() {
    let on = || Settings { client_tls: true, ..settings() };
    let mut script = Script::new(on());
    script.client(SSL);
    assert_eq!((script.to_client.as_slice(), script.events.as_slice()), (&b"S"[..], &["StartTls(Client)".to_owned()][..]));
    script.client(ann());
    assert!(script.has_event("dial ann"));
    script = Script::new(on());
    script.client([SSL, &ann()].concat());
    assert!(script.error.is_some() && script.has_event("Close(Violation)") && !script.to_client.starts_with(b"S"));

    script = Script::new(on());
    script.client.extend(b"\x16\x03\x01");
    script.session.receive(Side::Client, &mut script.client, &mut script.output).unwrap();
    assert_eq!(script.output.events, [Event::StartTls(Side::Client)]);
    assert_eq!(script.client.as_slice(), b"\x16\x03\x01", "the handshake's bytes are the TLS layer's");
    script = Script::new(settings());
    script.client(b"\x16\x03\x01");
    assert!(script.error.is_some() && script.to_client.is_empty());
}

#[test]
fn plain_clients_are_refused_where_tls_is_required() {
    let mut script = Script::new(Settings { client_tls: true, require_client_tls: true, ..settings() });
    script.client(ann());
    assert!(script.client_has("C28000") && script.events == ["Close(Refused)"]);
}

#[test]
fn a_cancel_request_is_handed_on_and_ends_the_connection() {
    for length in [4usize, 32, 256] {
        let mut script = Script::new(settings());
        let mut bytes = (12 + length as u32).to_be_bytes().to_vec();
        bytes.extend_from_slice(&[4, 0xd2, 0x16, 0x2e, 0, 0, 0, 9]);
        bytes.extend(std::iter::repeat_n(b'k', length));
        script.client(bytes);
        assert_eq!(script.events, [format!("cancel 9 {}", "k".repeat(length)), "Close(Answered)".to_owned()]);
    }
}

#[test]
fn what_is_no_start_up_packet_is_refused() {
    let long = startup(0, &[("user", "a"), ("options", &"x".repeat(10_000))]);
    for (wrong, code) in [
        (b"GET / HTTP/1.1\r\n\r\n".to_vec(), "C08P01"),
        (long, "C08P01"),
        (vec![0, 0, 0, 9, 0, 2, 0, 0, 0], "C0A000"),
        (startup(0, &[("user", "a"), ("replication", "database")]), "C0A000"),
        (startup(0, &[("database", "a")]), "C28000"),
    ] {
        let mut script = Script::new(settings());
        script.client(wrong);
        assert!(script.client_has(code) && script.has_event("Close"), "{:?}", script.seen);
        assert!(script.to_server.is_empty() && !script.has_event("dial"));
    }
}

#[test]
fn a_server_out_of_reach_is_the_protocols_own_error() {
    let mut script = Script::new(settings());
    script.dial = Some("connection refused".to_owned());
    script.client(ann());
    assert!(script.client_has("C57P03\0Mweir could not reach the server: connection refused"));
    assert_eq!(script.events.last().unwrap(), "Close(ServerEnded)");
}

#[test]
fn the_server_is_asked_for_tls_and_its_answer_is_one_byte() {
    let with = |server_tls| {
        let mut script = Script::new(Settings { server_tls, ..settings() });
        script.client(ann());
        assert_eq!(script.to_server, SSL);
        script.to_server.clear();
        script
    };
    let mut script = with(ServerTls::Require);
    script.server(b"S");
    assert!(script.has_event("StartTls(Server)") && script.to_server.starts_with(&[0, 0, 0]));
    script = with(ServerTls::Prefer);
    script.server(b"N");
    assert!(!script.has_event("StartTls") && script.to_server.starts_with(&[0, 0, 0]));
    script = with(ServerTls::Require);
    script.server(b"N");
    assert!(script.client_has("C08001") && script.events.last().unwrap() == "Close(Refused)");
    for wrong in [&b"SX"[..], b"NX", b"E", b"H"] {
        script = with(ServerTls::Prefer);
        script.server(wrong);
        assert!(script.error.is_some() && script.has_event("Violation") && script.to_server.is_empty());
    }
}

#[test]
fn a_server_that_hangs_up_early_is_told() {
    let mut script = Script::new(settings());
    script.client(ann());
    let result = script.session.end(Side::Server, &mut script.output);
    script.collect(result);
    assert!(script.client_has("C08006") && script.events.last().unwrap() == "Close(ServerEnded)");
}
