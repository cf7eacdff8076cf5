//! The gateway itself: its port, its records, its end, and what comes in from outside.

use super::tcp::plain;
use crate::bypass::socket::{PATIENCE, connect_and_tell, tcp, udp};
use crate::bypass::witness::INBOUND;
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played, Scene};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsFd as _;
use std::process::{Command, Stdio};

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("28a", "Straight to the gateway's port on 127.0.0.1", |aim| at_gateway(Ipv4Addr::LOCALHOST.into(), aim))
            .at_weir(),
        Case::job("28b", "The same at an address of the disguise", |aim| at_gateway([127, 128, 0, 5].into(), aim)).at_weir(),
        Case::job("28c", "The same on ::1", |aim| at_gateway(Ipv6Addr::LOCALHOST.into(), aim)).at_weir(),
        Case::job("28d", "The same by the host's own address", |aim| at_gateway([192, 0, 2, 2].into(), aim)).at_weir(),
        Case::job("28e", "The same by a v4-mapped address", |aim| at_gateway(Ipv4Addr::LOCALHOST.to_ipv6_mapped().into(), aim))
            .at_weir(),
        Case::job("29a", "A source port used again at once, while its former connection is not taken yet", port_again),
        Case::job("30a", "The same source port from two network namespaces", two_namespaces),
        Case::job("31a", "Connects that nobody waits for fill the table of records, then one more", fill),
        Case::job("34a", "Inbound: the job listens, who is outside dials in by TCP", |aim| {
            listen(aim, INBOUND + u16::from(aim.number))
        }),
        Case::job("34b", "Inbound: who is outside asks by UDP, and the job answers", answer),
        Case::job("35a", "The process is gone, and its number may be another's, before the gateway looks", gone),
        Case::job("42a", "A flood of refused attempts, to hide one connect among them", flood),
        Case::alone(Scene::Stopped, "40a", "The gateway is stopped (SIGSTOP), then a connect", |aim| plain(aim.to4(), aim)),
        Case::alone(
            Scene::Killed,
            "40b",
            "The gateway is killed (SIGKILL); a process that the job left behind connects",
            |aim| plain(aim.to4(), aim),
        ),
        Case::alone(Scene::Killed, "40c", "The same over IPv6", |aim| plain(aim.to6(), aim)),
        Case::alone(Scene::Killed, "40d", "The same by UDP", |aim| {
            udp(aim.to4())?.send_to(aim.token.as_bytes(), &SockAddr::from(aim.to4())).at("sendto")?;
            Ok(Done::Sent)
        }),
        Case::job("46a", "A proxy that is allowed: HTTP CONNECT through it", |aim| {
            let socket = tcp(aim.to4())?;
            socket.connect(&SockAddr::from(aim.to4_port(80))).at("connect")?;
            (&socket).write_all(format!("CONNECT {} HTTP/1.1\r\n\r\n", aim.token).as_bytes()).at("send")?;
            drop((&socket).read(&mut [0; 16]));
            Ok(Done::Sent)
        }),
        Case::alone(
            Scene::Killed,
            "48a",
            "The gateway's port is squatted after its end: other connects of the job would land there",
            squat,
        ),
        Case::job("48b", "A more specific address at the gateway's port, beside it", beside).at_weir(),
        Case::alone(Scene::Killed, "49a", "Between two gateways: a connect while the hooks have none", |aim| {
            (0..20).try_fold(Done::Sent, |_, _| plain(aim.to4(), aim))
        }),
    ]
}

fn at_gateway(address: std::net::IpAddr, aim: &Aim) -> Played {
    plain(SocketAddr::new(address, aim.place.gateway_port), aim)
}

fn port_again(aim: &Aim) -> Played {
    let mut last = Err(Failed { step: "connect", errno: None });
    for _ in 0..20 {
        let first = tcp(aim.to4())?;
        first.set_reuse_address(true).at("SO_REUSEADDR")?;
        first.bind(&SockAddr::from(SocketAddr::from(([0, 0, 0, 0], 41_111)))).at("bind")?;
        first.set_linger(Some(std::time::Duration::ZERO)).at("SO_LINGER")?;
        first.set_nonblocking(true).at("O_NONBLOCK")?;
        drop(first.connect(&SockAddr::from(aim.to4_port(80))));
        drop(first);
        let second = tcp(aim.to4())?;
        second.set_reuse_address(true).at("SO_REUSEADDR")?;
        second.set_linger(Some(std::time::Duration::ZERO)).at("SO_LINGER")?;
        second.bind(&SockAddr::from(SocketAddr::from(([0, 0, 0, 0], 41_111)))).at("bind")?;
        last = connect_and_tell(&second, aim.to4(), aim);
    }
    last
}

fn two_namespaces(aim: &Aim) -> Played {
    let own = tcp(aim.to4())?;
    own.set_reuse_address(true).at("SO_REUSEADDR")?;
    own.bind(&SockAddr::from(SocketAddr::from(([0, 0, 0, 0], 41_222)))).at("bind")?;
    let line = "import socket\ns=socket.socket()\ns.bind(('0.0.0.0',41222))\ns.settimeout(1)\ntry: s.connect(('198.51.100.1',80))\nexcept OSError: pass";
    let mut other = Command::new("unshare");
    other.args(["--user", "--map-root-user", "--net", "python3", "-c", line]);
    // Where it may not have a namespace, its own connect is all there is.
    drop(other.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status());
    connect_and_tell(&own, aim.to4(), aim)
}

fn fill(aim: &Aim) -> Played {
    let mut waiting = Vec::new();
    for at in 0..800_u16 {
        let Ok(socket) = tcp(aim.to4()) else { break };
        socket.set_nonblocking(true).at("O_NONBLOCK")?;
        drop(socket.connect(&SockAddr::from(aim.to4_port(5000 + at))));
        waiting.push(socket);
    }
    let played = plain(aim.to4(), aim);
    drop(waiting);
    played
}

fn listen(aim: &Aim, port: u16) -> Played {
    let listener = Socket::new(Domain::IPV6, Type::STREAM, None).at("socket")?;
    listener.set_reuse_address(true).at("SO_REUSEADDR")?;
    listener.bind(&SockAddr::from(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))).at("bind")?;
    listener.listen(8).at("listen")?;
    let mut ready = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
    if poll(&mut ready, PollTimeout::from(2000_u16)).at("poll")? == 0 {
        return Err(Failed { step: "nobody came in", errno: None });
    }
    let (mut client, _) = listener.accept().at("accept")?;
    client.write_all(aim.token.as_bytes()).at("send")?;
    Ok(Done::Sent)
}

fn answer(aim: &Aim) -> Played {
    let socket = Socket::new(Domain::IPV4, Type::DGRAM, None).at("socket")?;
    let port = INBOUND + u16::from(aim.number);
    socket.bind(&SockAddr::from(SocketAddr::from(([0, 0, 0, 0], port)))).at("bind")?;
    socket.set_read_timeout(Some(PATIENCE)).at("setsockopt")?;
    let (_, from) = socket.recv_from(&mut [std::mem::MaybeUninit::uninit(); 32]).at("nobody asked: recvfrom")?;
    socket.send_to(aim.token.as_bytes(), &from).at("sendto")?;
    Ok(Done::Sent)
}

/// A child connects without waiting, and is gone; the next ones may have its number.
fn gone(aim: &Aim) -> Played {
    let line = "import os,socket,sys\ns=socket.socket()\ns.setblocking(False)\ns.connect_ex((sys.argv[1],int(sys.argv[2])))\nos._exit(0)";
    let arguments = [aim.v4().to_string(), aim.port().to_string()];
    for _ in 0..3 {
        super::tcp::program(Command::new("/usr/bin/python3").arg("-c").arg(line).args(&arguments), "python3")?;
        for _ in 0..5 {
            drop(Command::new("true").status());
        }
    }
    Ok(Done::Sent)
}

fn flood(aim: &Aim) -> Played {
    for at in 0..3000_u16 {
        if let Ok(socket) = udp(aim.to4()) {
            drop(socket.send_to(b"flood", &SockAddr::from(SocketAddr::from(([203, 0, 113, 9], 1000 + at)))));
        }
    }
    plain(aim.to4(), aim)
}

/// Listens where the gateway did, everywhere that it can, and looks whether a connect of the job lands there.
fn squat(aim: &Aim) -> Played {
    let port = aim.place.gateway_port;
    let mut squatters = Vec::new();
    for (domain, address) in [
        (Domain::IPV4, SocketAddr::from(([0, 0, 0, 0], port))),
        (Domain::IPV6, SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))),
        (Domain::IPV4, SocketAddr::from(([127, 0, 0, 1], port))),
    ] {
        let Ok(socket) = Socket::new(domain, Type::STREAM, None) else { continue };
        drop(socket.set_reuse_address(true));
        drop(socket.set_only_v6(domain == Domain::IPV6));
        if socket.bind(&SockAddr::from(address)).is_ok() && socket.listen(16).is_ok() {
            drop(socket.set_nonblocking(true));
            squatters.push(socket);
        }
    }
    let played = plain(aim.to4(), aim);
    if squatters.iter().any(|squatter| squatter.accept().is_ok()) {
        return Ok(Done::Holds("a connection that was another's"));
    }
    played
}

/// Next to a gateway that is well.
fn beside(aim: &Aim) -> Played {
    let port = aim.place.gateway_port;
    let mut bound = None;
    for host in 1..=3 {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).at("socket")?;
        socket.set_reuse_address(true).at("SO_REUSEADDR")?;
        socket.set_reuse_port(true).at("SO_REUSEPORT")?;
        let address = SockAddr::from(SocketAddr::from(([127, 128, 0, host], port)));
        bound = Some(socket.bind(&address).at("bind").and_then(|()| socket.listen(1).at("listen")));
    }
    match bound {
        Some(Err(failed)) => Err(failed),
        Some(Ok(())) | None => Ok(Done::Holds("an address of the disguise at the gateway's port")),
    }
}
