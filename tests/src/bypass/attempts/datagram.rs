//! UDP, in every way in which a datagram is sent.

use super::tcp::set;
use crate::bypass::socket::{call, place, raw_address, udp};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use nix::sys::socket::{MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg};
use socket2::{MaybeUninitSlice, SockAddr, Socket};
use std::io::{IoSlice, Seek as _, Write as _};
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, SocketAddrV6};
use std::os::fd::AsRawFd as _;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("23a", "UDP sendto over IPv4", |aim| send_to(aim.to4(), aim)),
        Case::job("23b", "UDP sendto over IPv6", |aim| send_to(aim.to6(), aim)),
        Case::job("23c", "UDP sendto a v4-mapped address", |aim| send_to(aim.to_mapped(), aim)),
        Case::job("23d", "UDP connect and send over IPv4", |aim| send(aim.to4(), aim)),
        Case::job("23e", "UDP connect and send over IPv6", |aim| send(aim.to6(), aim)),
        Case::job("23f", "UDP connect and send to a v4-mapped address", |aim| send(aim.to_mapped(), aim)),
        Case::job("23g", "QUIC's port: UDP to 443", |aim| send_to(aim.to4_port(443), aim)),
        Case::job("23h", "SQL Browser's port: UDP to 1434", |aim| send_to(aim.to4_port(1434), aim)),
        Case::job("23i", "UDP to a broadcast address of the link", broadcast),
        Case::job("23j", "UDP to an IPv4 multicast group", |aim| send_to(([224, 0, 0, 251], aim.port()).into(), aim)),
        Case::job("23k", "UDP to an IPv6 multicast group of the link", multicast_v6),
        Case::job("23l", "UDP by the link-local address", |aim| send_to(aim.to_link_local(), aim)),
        Case::job("23m", "UDP to a neighbour on the link", |aim| send_to(([192, 0, 2, 1], aim.port()).into(), aim)),
        Case::job("26i", "A service of the host on 127.0.0.1, by UDP", |aim| send_to(aim.to_loopback(), aim)),
        Case::job("26j", "The same on ::1, connected", |aim| send((Ipv6Addr::LOCALHOST, aim.port()).into(), aim)),
        Case::job("26k", "The same by 0.0.0.0", |aim| send_to((Ipv4Addr::UNSPECIFIED, aim.port()).into(), aim)),
        Case::job("26l", "The same by the host's own IPv4 address", |aim| send_to(([192, 0, 2, 2], aim.port()).into(), aim)),
        Case::job("33d", "UDP on a socket that is bound to the uplink (SO_BINDTODEVICE)", on_device),
        Case::job("33e", "UDP with the interface in a control message (IP_PKTINFO)", packet_info),
        Case::job("47a", "sendmmsg: several datagrams, each with a destination of its own", many),
        Case::job("47b", "splice from a pipe into a connected UDP socket", splice),
        Case::job("47c", "sendfile into a connected UDP socket", send_file),
        Case::job("47d", "MSG_ZEROCOPY on UDP", zero_copy),
        Case::job("47e", "sendmsg elsewhere from a UDP socket that is connected to a name server", elsewhere),
        Case::job("47f", "UDP segmentation offload: one call, several datagrams", segmented),
        Case::job("47g", "A datagram that was begun with MSG_MORE and ended by a second call", corked),
    ]
}

fn send_to(to: SocketAddr, aim: &Aim) -> Played {
    udp(to)?.send_to(aim.token.as_bytes(), &SockAddr::from(to)).at("sendto")?;
    Ok(Done::Sent)
}

fn connected(to: SocketAddr) -> Result<Socket, Failed> {
    let socket = udp(to)?;
    socket.connect(&SockAddr::from(to)).at("connect")?;
    Ok(socket)
}

fn send(to: SocketAddr, aim: &Aim) -> Played {
    connected(to)?.send(aim.token.as_bytes()).at("send")?;
    Ok(Done::Sent)
}

fn broadcast(aim: &Aim) -> Played {
    let to = SocketAddr::from(([192, 0, 2, 255], aim.port()));
    let socket = udp(to)?;
    socket.set_broadcast(true).at("SO_BROADCAST")?;
    socket.send_to(aim.token.as_bytes(), &SockAddr::from(to)).at("sendto")?;
    Ok(Done::Sent)
}

fn multicast_v6(aim: &Aim) -> Played {
    let group = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
    send_to(SocketAddrV6::new(group, aim.port(), 0, aim.place.device_index).into(), aim)
}

fn on_device(aim: &Aim) -> Played {
    let socket = udp(aim.to4())?;
    socket.bind_device(Some(aim.place.device.as_bytes())).at("SO_BINDTODEVICE")?;
    socket.send_to(aim.token.as_bytes(), &SockAddr::from(aim.to4())).at("sendto")?;
    Ok(Done::Sent)
}

fn packet_info(aim: &Aim) -> Played {
    let socket = udp(aim.to4())?;
    let info = libc::in_pktinfo {
        ipi_ifindex: i32::try_from(aim.place.device_index).unwrap_or(0),
        ipi_spec_dst: libc::in_addr { s_addr: 0 },
        ipi_addr: libc::in_addr { s_addr: 0 },
    };
    let to = SockaddrStorage::from(aim.to4());
    let control = [nix::sys::socket::ControlMessage::Ipv4PacketInfo(&info)];
    let parts = [IoSlice::new(aim.token.as_bytes())];
    nix::sys::socket::sendmsg(socket.as_raw_fd(), &parts, &control, MsgFlags::empty(), Some(&to)).at("sendmsg")?;
    Ok(Done::Sent)
}

fn many(aim: &Aim) -> Played {
    let socket = udp(aim.to4())?;
    let mut headers = MultiHeaders::preallocate(2, None);
    let parts = [[IoSlice::new(aim.token.as_bytes())], [IoSlice::new(aim.token.as_bytes())]];
    let to = [Some(SockaddrStorage::from(aim.to4_port(53))), Some(SockaddrStorage::from(aim.to4()))];
    let sent = sendmmsg(socket.as_raw_fd(), &mut headers, &parts, to, [], MsgFlags::empty()).at("sendmmsg")?.count();
    if sent == 0 { Err(Failed { step: "sendmmsg", errno: None }) } else { Ok(Done::Sent) }
}

fn splice(aim: &Aim) -> Played {
    let socket = connected(aim.to4())?;
    let (read, write) = nix::unistd::pipe().at("pipe")?;
    nix::unistd::write(&write, aim.token.as_bytes()).at("write")?;
    let fd = |raw: i32| usize::try_from(raw).unwrap_or(0);
    call(libc::SYS_splice, [fd(read.as_raw_fd()), 0, fd(socket.as_raw_fd()), 0, aim.token.len(), 0]).at("splice")?;
    Ok(Done::Sent)
}

fn send_file(aim: &Aim) -> Played {
    let socket = connected(aim.to4())?;
    let mut file = tempfile::tempfile().at("a file")?;
    file.write_all(aim.token.as_bytes()).at("write")?;
    file.rewind().at("lseek")?;
    let fd = |raw: i32| usize::try_from(raw).unwrap_or(0);
    call(libc::SYS_sendfile, [fd(socket.as_raw_fd()), fd(file.as_raw_fd()), 0, aim.token.len(), 0, 0]).at("sendfile")?;
    Ok(Done::Sent)
}

fn zero_copy(aim: &Aim) -> Played {
    let socket = udp(aim.to4())?;
    set(&socket, libc::SOL_SOCKET, libc::SO_ZEROCOPY, &1_i32.to_ne_bytes())?;
    socket.send_to_with_flags(aim.token.as_bytes(), &SockAddr::from(aim.to4()), libc::MSG_ZEROCOPY).at("sendto")?;
    Ok(Done::Sent)
}

fn elsewhere(aim: &Aim) -> Played {
    let socket = connected(aim.to4_port(53))?;
    socket.send_to(aim.token.as_bytes(), &SockAddr::from(aim.to4())).at("sendto")?;
    Ok(Done::Sent)
}

fn segmented(aim: &Aim) -> Played {
    let socket = udp(aim.to4())?;
    let size = i32::try_from(aim.token.len()).unwrap_or(20);
    set(&socket, libc::SOL_UDP, libc::UDP_SEGMENT, &size.to_ne_bytes())?;
    socket.send_to(aim.token.repeat(3).as_bytes(), &SockAddr::from(aim.to4())).at("sendto")?;
    Ok(Done::Sent)
}

fn corked(aim: &Aim) -> Played {
    let socket = udp(aim.to4())?;
    let more = libc::MSG_MORE;
    socket.send_to_with_flags(b"", &SockAddr::from(aim.to4()), more).at("sendto with MSG_MORE")?;
    let (address, length) = raw_address(aim.to4());
    let fd = usize::try_from(socket.as_raw_fd()).unwrap_or(0);
    let token = aim.token.as_bytes();
    let arguments = [fd, place(token), token.len(), 0, address.as_ptr().expose_provenance(), length];
    call(libc::SYS_sendto, arguments).at("sendto")?;
    let mut answer = [std::mem::MaybeUninit::uninit(); 8];
    drop(socket.recv_vectored(&mut [MaybeUninitSlice::new(&mut answer)]));
    Ok(Done::Sent)
}
