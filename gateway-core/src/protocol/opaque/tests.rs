//! Tests of opaque sessions: what first bytes say, however they are cut, and what goes on when.

use super::*;
use proptest::prelude::*;

/// A ClientHello's handshake message with these extensions.
fn message(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    let mut body = vec![3, 3];
    body.extend([7; 32]);
    body.extend([0, 0, 2, 0x13, 1, 1, 0]);
    let mut list = Vec::new();
    for (kind, data) in extensions {
        list.extend(kind.to_be_bytes());
        list.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        list.extend(data);
    }
    body.extend(u16::try_from(list.len()).unwrap().to_be_bytes());
    body.extend(list);
    let length = u32::try_from(body.len()).unwrap().to_be_bytes();
    [&[1], &length[1..], &body].concat()
}

/// The message in records of so many bytes.
fn records(message: &[u8], size: usize) -> Vec<u8> {
    let record = |part: &[u8]| [&[22, 3, 1][..], &u16::try_from(part.len()).unwrap().to_be_bytes(), part].concat();
    message.chunks(size).flat_map(record).collect()
}

fn sni(name: &str) -> (u16, Vec<u8>) {
    let length = u16::try_from(name.len()).unwrap();
    (0, [&(length + 3).to_be_bytes()[..], &[0], &length.to_be_bytes(), name.as_bytes()].concat())
}

fn tls(extensions: &[(u16, Vec<u8>)]) -> Vec<u8> {
    records(&message(extensions), 1 << 14)
}

fn heard(first: &[u8]) -> Hello {
    match hello::hear(first, true) {
        Heard::Hello(hello) => hello,
        other => panic!("{first:?}: {other:?}"),
    }
}

/// What the first bytes say: what is spoken, which host is meant, and whether that can be told.
#[track_caller]
fn check(first: &[u8], speaks: Speaks, host: Option<&str>, unreadable: bool) {
    let hello = heard(first);
    let named = hello.sni.as_deref().or(hello.http_host.as_deref());
    assert_eq!((hello.speaks, named, hello.unreadable), (speaks, host, unreadable), "{}", first.escape_ascii());
}

#[test]
fn a_client_hello_names_its_server() {
    let alpn = (16, b"\x00\x0c\x02h2\x08http/1.1".to_vec());
    let hello = heard(&tls(&[sni("Api.Acme.Example."), alpn.clone(), (0xfe0d, vec![0; 8])]));
    assert_eq!((hello.sni.as_deref(), hello.ech), (Some("api.acme.example"), true));
    assert_eq!(hello.alpn, ["h2", "http/1.1"]);
    check(&tls(&[]), Speaks::Tls, None, false);
    check(&tls(&[alpn]), Speaks::Tls, None, false);
    for bad in [
        tls(&[sni("a.example"), sni("b.example")]),
        tls(&[sni("")]),
        tls(&[sni("a b")]),
        tls(&[(0, vec![0, 5, 0, 0, 9, b'a'])]),
        b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00".to_vec(),
        b"\x16\x03\x01\x00\x00".to_vec(),
        b"\x16\x03\x01\x00\x04\x01\xff\xff\xff".to_vec(),
        [records(&message(&[sni("a.example")])[..9], 9), b"\x15\x03\x03\x00\x02\x01\x00".to_vec()].concat(),
        tls(&[sni("a.example")])[..40].to_vec(),
    ] {
        check(&bad, Speaks::Tls, None, true);
    }
}

#[test]
fn a_request_names_its_host() {
    for (first, host) in [
        ("GET / HTTP/1.1\r\nHost: a.example\r\n\r\n", Some("a.example")),
        ("GET / HTTP/1.1\nhOST:A.Example.:8080\n\nbody", Some("a.example")),
        ("POST /x HTTP/1.0\r\nAccept: */*\r\n\r\n", None),
        ("GET http://b.example/x HTTP/1.1\r\nHost: b.example:80\r\n\r\n", Some("b.example")),
        ("CONNECT c.example:443 HTTP/1.1\r\n\r\n", Some("c.example")),
        ("GET / HTTP/1.1\r\nHost: [2001:DB8::1]:80\r\n\r\n", Some("2001:db8::1")),
        ("M-SEARCH * HTTP/1.1\r\nHost: 192.0.2.1\r\n\r\n", Some("192.0.2.1")),
    ] {
        check(first.as_bytes(), Speaks::Http, host, false);
    }
    for first in [
        "GET / HTTP/1.1\r\nHost: a.example\r\nHost: b.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : a.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\n Host: b.example\r\n\r\n",
        "GET http://b.example/ HTTP/1.1\r\nHost: a.example\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example, b.example\r\n\r\n",
        "GET / HTTP/1.1\r\nno colon\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: a.example\r\n",
        "GET /a b HTTP/1.1\r\nHost: a.example\r\n\r\n",
    ] {
        check(first.as_bytes(), Speaks::Http, None, true);
    }
}

#[test]
fn other_protocols_are_told_apart() {
    check(b"SSH-2.0-OpenSSH_9.2\r\n", Speaks::Ssh, None, false);
    check(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Speaks::Http2, None, false);
    for first in
        [&b"EHLO me\r\n"[..], b"PING\r\n", b"\x00\x00\x00\x08\x04\xd2\x16\x2f", b"*1\r\n", b"\x16\x05", b"GE", b"S", b"\x16"]
    {
        check(first, Speaks::Unknown, None, false);
    }
    for open in [&b"GE"[..], b"S", b"\x16", b"GET / HTTP/1.1", b"PRI * H", b"\x16\x03\x01", b"GET / HTTP/1.1\r\nHost: a"] {
        assert_eq!(hello::hear(open, false), Heard::More, "{}", open.escape_ascii());
    }
    assert_eq!(hello::hear(b"", true), Heard::Nothing);
}

#[test]
fn what_is_too_long_is_not_waited_for() {
    let head = [b"GET / HTTP/1.1\r\nX: ".to_vec(), vec![b'a'; HELLO_BYTES]].concat();
    check(&head, Speaks::Http, None, true);
    assert!(matches!(hello::hear(&head, false), Heard::Hello(_)));
    check(&vec![b'A'; HELLO_BYTES], Speaks::Unknown, None, false);
}

#[test]
fn the_server_speaks_first_and_the_client_waits_for_an_answer() {
    let (mut session, mut output, mut input) = (Session::new(), Output::default(), Buffer::new());
    session.start(&mut output);
    assert!(matches!(output.events.as_slice(), [Event::Dial { .. }]));
    assert!(!session.wants(Side::Client) && !session.wants(Side::Server));
    session.answer(Answer::Dialled { client_secret: [0; 32] }, &mut output).unwrap();
    input.extend(b"220 welcome\r\n");
    session.receive(Side::Server, &mut input, &mut output).unwrap();
    assert_eq!(output.to_client.as_slice(), b"220 welcome\r\n");
    input.extend(b"EHLO");
    session.receive(Side::Client, &mut input, &mut output).unwrap();
    assert!(matches!(output.events.as_slice(), [Event::Dial { .. }, Event::HelloBegun]) && session.wants(Side::Client));
    input.extend(b" me\r\n");
    session.receive(Side::Client, &mut input, &mut output).unwrap();
    assert!(matches!(output.events.last(), Some(Event::Hello(hello)) if hello.speaks == Speaks::Unknown));
    assert!(output.to_server.is_empty() && !session.wants(Side::Client) && session.wants(Side::Server));
    session.answer(Answer::Greeted(Ok(())), &mut output).unwrap();
    session.receive(Side::Client, &mut input, &mut output).unwrap();
    assert_eq!(output.to_server.as_slice(), b"EHLO me\r\n");
    session.end(Side::Client, &mut output).unwrap();
    assert!(session.wants(Side::Server));
    session.end(Side::Server, &mut output).unwrap();
    assert_eq!(output.events.last(), Some(&Event::Close(CloseReason::ServerEnded)));
}

#[test]
fn a_refusal_is_in_the_client_s_own_protocol() {
    let refusal = Refusal {
        code: "42501",
        message: "weir refused a.example".to_owned(),
        detail: "policy p".to_owned(),
        hint: "weir why".to_owned(),
        position: None,
    };
    for (first, begins) in [
        (tls(&[sni("a.example")]), &b"\x15\x03\x03\x00\x02\x02\x31"[..]),
        (b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(), b"HTTP/1.1 403 Forbidden\r\n"),
        (b"SSH-2.0-x\r\n".to_vec(), b""),
    ] {
        let (mut session, mut output, mut input) = (Session::new(), Output::default(), Buffer::new());
        session.answer(Answer::Dialled { client_secret: [0; 32] }, &mut output).unwrap();
        input.extend(&first);
        session.receive(Side::Client, &mut input, &mut output).unwrap();
        session.answer(Answer::Greeted(Err(Box::new(refusal.clone()))), &mut output).unwrap();
        assert!(output.to_client.as_slice().starts_with(begins) && output.to_server.is_empty());
        assert_eq!(output.events.last(), Some(&Event::Close(CloseReason::Refused)));
        assert!(!session.wants(Side::Client) && !session.wants(Side::Server));
    }
}

proptest! {
    /// Over records of any size a ClientHello says the same, and in pieces of any size too.
    #[test]
    fn records_and_segments_make_no_difference(size in 1usize..300, host in "[a-z]{1,20}\\.example", cut in 1usize..400) {
        let whole = tls(&[sni(&host), (16, b"\x00\x03\x02h2".to_vec())]);
        let cut_up = records(&message(&[sni(&host), (16, b"\x00\x03\x02h2".to_vec())]), size);
        prop_assert_eq!(heard(&whole), heard(&cut_up));
        let cut = cut.min(cut_up.len() - 1);
        prop_assert_eq!(hello::hear(&cut_up[..cut], false), Heard::More);
    }

    #[test]
    fn whatever_the_bytes_and_their_chunks_they_say_the_same(bytes in prop::collection::vec(any::<u8>(), 0..600)) {
        fuzz_entry(&bytes);
    }

    #[test]
    fn whatever_is_changed_in_good_first_bytes_they_say_the_same(
        which in 0usize..4, place in 0usize..200, byte in any::<u8>(), sizes in prop::collection::vec(any::<u8>(), 1..400),
    ) {
        let mut first = match which {
            0 => tls(&[sni("a.example"), (16, b"\x00\x03\x02h2".to_vec()), (0xfe0d, vec![1; 9])]),
            1 => records(&message(&[sni("a.example")]), 11),
            2 => b"GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n".to_vec(),
            _ => b"CONNECT a.example:443 HTTP/1.1\r\nHost: a.example\r\n\r\n".to_vec(),
        };
        if let Some(changed) = first.get_mut(place) {
            *changed = byte;
        }
        let mut pieces = Vec::new();
        let mut sizes = sizes.iter().cycle();
        let mut rest = first.as_slice();
        while !rest.is_empty() {
            let size = sizes.next().unwrap();
            let length = usize::from(size >> 1) % 7 + 1;
            let (piece, behind) = rest.split_at(length.min(rest.len()));
            pieces.push(u8::try_from((length - 1) << 1).unwrap());
            pieces.extend(piece);
            rest = behind;
        }
        fuzz_entry(&pieces);
    }
}
