//! TCP, in every way in which a connection is opened.

use crate::bypass::socket::{PATIENCE, call, connect_and_tell, open, place, raw_address, tcp, tell};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use socket2::{Domain, SockAddr, Socket, Type};
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd as _, AsRawFd as _};
use std::process::{Command, Stdio};

const IPPROTO_MPTCP: i32 = 262;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("16a", "TCP Fast Open over IPv4: sendto with MSG_FASTOPEN, without a connect", |aim| fast_open(aim.to4(), aim)),
        Case::job("16b", "TCP Fast Open over IPv6", |aim| fast_open(aim.to6(), aim)),
        Case::job("16c", "TCP_FASTOPEN_CONNECT: the connect waits for the first write", fast_open_connect),
        Case::job("17a", "Multipath TCP over IPv4", |aim| mptcp(aim.to4(), aim)),
        Case::job("17b", "Multipath TCP over IPv6", |aim| mptcp(aim.to6(), aim)),
        Case::job("17c", "Multipath TCP to a v4-mapped address", |aim| mptcp(aim.to_mapped(), aim)),
        Case::job("26a", "A service of the host on 127.0.0.1 that forwards", |aim| plain(aim.to_loopback(), aim)),
        Case::job("26b", "The same on ::1", |aim| plain((Ipv6Addr::LOCALHOST, aim.port()).into(), aim)),
        Case::job("26c", "The same on ::ffff:127.0.0.1", |aim| {
            plain((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), aim.port()).into(), aim)
        }),
        Case::job("26d", "The same by 0.0.0.0", |aim| plain((Ipv4Addr::UNSPECIFIED, aim.port()).into(), aim)),
        Case::job("26e", "The same by ::", |aim| plain((Ipv6Addr::UNSPECIFIED, aim.port()).into(), aim)),
        Case::job("26f", "The same by the host's own IPv4 address", |aim| plain(([192, 0, 2, 2], aim.port()).into(), aim)),
        Case::job("26g", "The same by the host's own IPv6 address", |aim| plain((OWN_V6, aim.port()).into(), aim)),
        Case::job("26h", "The same by another address of 127.0.0.0/8", |aim| plain(([127, 9, 8, 7], aim.port()).into(), aim)),
        Case::job("27a", "IPv6 link-local, with its scope", |aim| plain(aim.to_link_local(), aim)),
        Case::job("27b", "IPv6 link-local, bound to the device", link_local_bound),
        Case::job("32a", "bind to the host's own address before the connect", |aim| {
            bound(([192, 0, 2, 2], 0).into(), aim.to4(), aim)
        }),
        Case::job("32b", "The same over IPv6", |aim| bound((OWN_V6, 0).into(), aim.to6(), aim)),
        Case::job("32c", "Two connects from one bound port (SO_REUSEADDR, SO_REUSEPORT)", one_port_twice),
        Case::job("33a", "SO_BINDTODEVICE to the uplink", |aim| on_device(aim.to4(), aim)),
        Case::job("33b", "The same over IPv6", |aim| on_device(aim.to6(), aim)),
        Case::job("33c", "SO_DONTROUTE to a neighbour on the link", dont_route),
        Case::job("44a", "A plain connect over IPv4", |aim| plain(aim.to4(), aim)),
        Case::job("44b", "A plain connect over IPv6", |aim| plain(aim.to6(), aim)),
        Case::job("44c", "A plain connect to a v4-mapped address", |aim| plain(aim.to_mapped(), aim)),
        Case::job("44d", "A non-blocking connect over IPv4", |aim| non_blocking(aim.to4(), aim)),
        Case::job("44e", "A non-blocking connect over IPv6", |aim| non_blocking(aim.to6(), aim)),
        Case::job("44f", "Another program: Python, with LD_PRELOAD and the whole environment cleared", python),
        Case::job("44g", "Another program: bash's /dev/tcp", bash),
        Case::job("51a", "A socket that was intercepted once is disconnected (AF_UNSPEC) and connected again", reconnect),
        Case::job("52a", "Loose source routing (IP_OPTIONS) through a gateway of the job's choice", source_route),
        Case::job("53a", "IP_TRANSPARENT and IP_FREEBIND: bind to an address that is not the host's", foreign_source),
        Case::job("53b", "TCP_REPAIR: a socket that is put into the state ESTABLISHED by hand", repair),
        Case::job("53c", "SO_MARK, which routes by mark", marked),
        Case::job("54a", "Many connects at once, while the first are still open", many_at_once),
    ]
}

const OWN_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 2);

pub(super) fn plain(to: SocketAddr, aim: &Aim) -> Played {
    connect_and_tell(&tcp(to)?, to, aim)
}

fn fast_open(to: SocketAddr, aim: &Aim) -> Played {
    let socket = tcp(to)?;
    let (address, length) = raw_address(to);
    let token = aim.token.as_bytes();
    let flags = usize::try_from(libc::MSG_FASTOPEN).unwrap_or(0);
    let fd = usize::try_from(socket.as_raw_fd()).unwrap_or(0);
    let at = address.as_ptr().expose_provenance();
    call(libc::SYS_sendto, [fd, place(token), token.len(), flags, at, length]).at("sendto with MSG_FASTOPEN")?;
    let mut answer = [0; 16];
    drop((&socket).read(&mut answer));
    Ok(Done::Sent)
}

fn fast_open_connect(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    set(&socket, libc::IPPROTO_TCP, libc::TCP_FASTOPEN_CONNECT, &1_i32.to_ne_bytes())?;
    connect_and_tell(&socket, aim.to4(), aim)
}

fn mptcp(to: SocketAddr, aim: &Aim) -> Played {
    connect_and_tell(&open(Domain::for_address(to), Type::STREAM, Some(IPPROTO_MPTCP))?, to, aim)
}

fn link_local_bound(aim: &Aim) -> Played {
    let socket = tcp(aim.to_link_local())?;
    socket.bind_device(Some(aim.place.device.as_bytes())).at("SO_BINDTODEVICE")?;
    connect_and_tell(&socket, aim.to_link_local(), aim)
}

fn bound(from: SocketAddr, to: SocketAddr, aim: &Aim) -> Played {
    let socket = tcp(to)?;
    socket.bind(&SockAddr::from(from)).at("bind")?;
    connect_and_tell(&socket, to, aim)
}

fn one_port_twice(aim: &Aim) -> Played {
    let reusable = || -> Result<Socket, Failed> {
        let socket = tcp(aim.to4())?;
        socket.set_reuse_address(true).at("SO_REUSEADDR")?;
        socket.set_reuse_port(true).at("SO_REUSEPORT")?;
        Ok(socket)
    };
    let first = reusable()?;
    first.bind(&SockAddr::from(SocketAddr::from(([0, 0, 0, 0], 0)))).at("bind")?;
    let port = first.local_addr().at("getsockname")?.as_socket().map_or(0, |address| address.port());
    first.connect(&SockAddr::from(aim.to4_port(80))).at("connect")?;
    let second = reusable()?;
    second.bind(&SockAddr::from(SocketAddr::from(([0, 0, 0, 0], port)))).at("bind")?;
    connect_and_tell(&second, aim.to4(), aim)
}

fn on_device(to: SocketAddr, aim: &Aim) -> Played {
    let socket = tcp(to)?;
    socket.bind_device(Some(aim.place.device.as_bytes())).at("SO_BINDTODEVICE")?;
    connect_and_tell(&socket, to, aim)
}

fn dont_route(aim: &Aim) -> Played {
    let to = SocketAddr::from(([192, 0, 2, 1], aim.port()));
    let socket = tcp(to)?;
    set(&socket, libc::SOL_SOCKET, libc::SO_DONTROUTE, &1_i32.to_ne_bytes())?;
    connect_and_tell(&socket, to, aim)
}

fn non_blocking(to: SocketAddr, aim: &Aim) -> Played {
    let socket = tcp(to)?;
    socket.connect_timeout(&SockAddr::from(to), PATIENCE).at("connect")?;
    tell(&socket, aim)
}

fn python(aim: &Aim) -> Played {
    let script = "import socket,sys\ns=socket.create_connection((sys.argv[1],int(sys.argv[2])),1.5)\ns.sendall(sys.argv[3].encode())\ns.recv(9)";
    let arguments = [aim.v4().to_string(), aim.port().to_string(), aim.token.clone()];
    program(Command::new("/usr/bin/python3").arg("-c").arg(script).args(arguments).env_clear(), "python3")
}

fn bash(aim: &Aim) -> Played {
    let line = format!(
        "exec 3<>/dev/tcp/{}/{} && printf %s {} >&3 && read -t 1 -n 2 -u 3 answer; true",
        aim.v4(),
        aim.port(),
        aim.token
    );
    program(Command::new("/bin/bash").args(["-c", &line]), "bash")
}

/// Runs a program that tells the token itself.
pub(super) fn program(command: &mut Command, name: &'static str) -> Played {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status().at(name)?;
    // What it met, its exit status does not say; what arrived, the witness does.
    if status.success() { Ok(Done::Sent) } else { Err(Failed { step: name, errno: None }) }
}

fn reconnect(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    socket.connect(&SockAddr::from(aim.to4_port(80))).at("connect")?;
    let unspecified = [0_u8; 16];
    let fd = usize::try_from(socket.as_raw_fd()).unwrap_or(0);
    call(libc::SYS_connect, [fd, place(&unspecified), unspecified.len(), 0, 0, 0]).at("connect to AF_UNSPEC")?;
    connect_and_tell(&socket, aim.to4(), aim)
}

fn source_route(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    let mut options = vec![131, 7, 4];
    options.extend(aim.v4().octets());
    options.push(0);
    set(&socket, libc::IPPROTO_IP, libc::IP_OPTIONS, &options)?;
    connect_and_tell(&socket, SocketAddr::from(([192, 0, 2, 1], aim.port())), aim)
}

fn foreign_source(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    set(&socket, libc::IPPROTO_IP, libc::IP_TRANSPARENT, &1_i32.to_ne_bytes())?;
    socket.bind(&SockAddr::from(SocketAddr::from(([192, 0, 2, 77], 0)))).at("bind")?;
    socket.set_nonblocking(true).at("O_NONBLOCK")?;
    // No answer can come back to that address: the first packet is what counts.
    match socket.connect(&SockAddr::from(aim.to4())) {
        Err(error) if error.raw_os_error() != Some(libc::EINPROGRESS) => Err(error).at("connect"),
        Ok(()) | Err(_) => Ok(Done::Sent),
    }
}

fn repair(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    set(&socket, libc::IPPROTO_TCP, libc::TCP_REPAIR, &1_i32.to_ne_bytes())?;
    socket.bind(&SockAddr::from(SocketAddr::from(([192, 0, 2, 2], 0)))).at("bind")?;
    socket.connect(&SockAddr::from(aim.to4())).at("connect")?;
    // A window to send into, which no answer has told: TCP_REPAIR_WINDOW.
    let window: Vec<u8> = [0_u32, 65_535, 65_535, 65_535, 0].into_iter().flat_map(u32::to_ne_bytes).collect();
    set(&socket, libc::IPPROTO_TCP, 29, &window)?;
    // Off again, without the probe that would tell the destination.
    set(&socket, libc::IPPROTO_TCP, libc::TCP_REPAIR, &(-1_i32).to_ne_bytes())?;
    tell(&socket, aim)
}

fn marked(aim: &Aim) -> Played {
    let socket = tcp(aim.to4())?;
    socket.set_mark(77).at("SO_MARK")?;
    connect_and_tell(&socket, aim.to4(), aim)
}

fn many_at_once(aim: &Aim) -> Played {
    let mut open = Vec::new();
    for _ in 0..200 {
        let socket = tcp(aim.to4())?;
        socket.set_nonblocking(true).at("O_NONBLOCK")?;
        drop(socket.connect(&SockAddr::from(aim.to4())));
        open.push(socket);
    }
    let last = tcp(aim.to4())?;
    let told = connect_and_tell(&last, aim.to4(), aim);
    for mut socket in open {
        drop(socket.write_all(aim.token.as_bytes()));
    }
    told
}

pub(super) fn set(socket: &Socket, level: i32, name: i32, value: &[u8]) -> Result<(), Failed> {
    let number = |number: i32| usize::try_from(number).unwrap_or(0);
    let fd = number(socket.as_fd().as_raw_fd());
    let arguments = [fd, number(level), number(name), place(value), value.len(), 0];
    call(libc::SYS_setsockopt, arguments).at("setsockopt").map(drop)
}
