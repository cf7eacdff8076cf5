//! Sockets of other kinds than TCP and UDP, and what else puts packets on a wire.

use crate::bypass::socket::{call, open, place};
use crate::bypass::{Aim, Case, Done, Failed, FailedAt as _, Played};
use nix::mount::{MsFlags, mount};
use nix::sys::socket::{AddressFamily, LinkAddr, SockFlag, SockType, SockaddrLike as _};
use socket2::{Domain, SockAddr, Type};
use std::net::SocketAddr;
use std::os::fd::AsRawFd as _;

/// UNIX, INET, INET6 and NETLINK.
const USUAL: [i32; 4] = [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6, libc::AF_NETLINK];
const SCTP: i32 = 132;
const DCCP: i32 = 33;
const UDP_LITE: i32 = 136;
const SMC: i32 = 256;
const L2TP: i32 = 115;

pub(super) fn cases() -> Vec<Case> {
    vec![
        Case::job("19a", "SCTP, a stream", |aim| stream(Type::STREAM, SCTP, aim)).kernel_part(),
        Case::job("19b", "SCTP, of packets (SOCK_SEQPACKET)", |aim| stream(Type::SEQPACKET, SCTP, aim)).kernel_part(),
        Case::job("19c", "DCCP", |aim| stream(Type::DCCP, DCCP, aim)).kernel_part(),
        Case::job("19d", "UDP-Lite over IPv4", |aim| datagram(UDP_LITE, aim.to4(), aim)).kernel_part(),
        Case::job("19e", "UDP-Lite over IPv6", |aim| datagram(UDP_LITE, aim.to6(), aim)).kernel_part(),
        Case::job("19f", "SMC, as an IP protocol", |aim| stream(Type::STREAM, SMC, aim)).kernel_part(),
        Case::job("19g", "L2TP over IP", |aim| datagram(L2TP, aim.to4(), aim)).kernel_part(),
        Case::job("19h", "A raw IPv4 socket with a header of its own (IPPROTO_RAW): a UDP packet by hand", raw_udp),
        Case::job("19i", "A raw IPv4 socket of TCP: a SYN by hand", raw_tcp),
        Case::job("19j", "A raw IPv6 socket", raw_v6),
        Case::job("20a", "ICMP echo with a payload, by a ping socket", |aim| {
            ping(Domain::IPV4, libc::IPPROTO_ICMP, 8, (aim.v4(), 0).into(), aim)
        }),
        Case::job("20b", "ICMPv6 echo with a payload, by a ping socket", |aim| {
            ping(Domain::IPV6, libc::IPPROTO_ICMPV6, 128, (aim.v6(), 0).into(), aim)
        }),
        Case::job("20c", "ICMP echo by a raw socket", raw_icmp),
        Case::job("21a", "AF_PACKET: an Ethernet frame by hand", frame),
        Case::job("21b", "AF_PACKET, without its header (SOCK_DGRAM)", packet),
        Case::job("21c", "AF_XDP", |_| family(libc::AF_XDP, libc::SOCK_RAW)),
        Case::job("21d", "AF_ALG", |_| family(libc::AF_ALG, libc::SOCK_SEQPACKET)).kernel_part(),
        Case::job("21e", "Every other address family that there is, of every type", every_family),
        Case::job("21f", "AF_SMC, as a family", |_| family(43, libc::SOCK_STREAM)).kernel_part(),
        Case::job("21g", "A packet socket by io_uring", packet_by_ring),
        Case::job("22a", "AF_VSOCK to the hypervisor: a stream", |_| family(libc::AF_VSOCK, libc::SOCK_STREAM)),
        Case::job("22b", "AF_VSOCK: a datagram or packets", |_| {
            family(libc::AF_VSOCK, libc::SOCK_SEQPACKET).or_else(|_| family(libc::AF_VSOCK, libc::SOCK_DGRAM))
        }),
        Case::job("43a", "The kernel's own sockets: a mount of NFS", |aim| mounts("nfs", &format!("{}:/x", aim.v4()), aim))
            .kernel_part(),
        Case::job("43b", "A mount of CIFS", |aim| mounts("cifs", &format!("//{}/x", aim.v4()), aim)).kernel_part(),
        Case::job("43c", "A mount of 9p over TCP", |aim| mounts("9p", &aim.v4().to_string(), aim)).kernel_part(),
        Case::job("43d", "A network block device", |_| device("/dev/nbd0")).kernel_part(),
        Case::job("45a", "A tunnel device of the job's own (TUN)", |_| tunnel(0x1001)),
        Case::job("15a", "A virtual machine's network device (TAP)", |_| tunnel(0x1002)),
    ]
}

fn stream(kind: Type, protocol: i32, aim: &Aim) -> Played {
    let socket = open(Domain::IPV4, kind, Some(protocol))?;
    crate::bypass::socket::connect_and_tell(&socket, aim.to4(), aim)
}

fn datagram(protocol: i32, to: SocketAddr, aim: &Aim) -> Played {
    let socket = open(Domain::for_address(to), Type::DGRAM, Some(protocol))?;
    socket.send_to(aim.token.as_bytes(), &SockAddr::from(to)).at("sendto")?;
    Ok(Done::Sent)
}

/// An IPv4 header for `protocol` from the job's own address.
fn header(protocol: u8, aim: &Aim, length: usize) -> Vec<u8> {
    let total = u16::try_from(20 + length).unwrap_or(20);
    let mut bytes = vec![0x45, 0];
    bytes.extend(total.to_be_bytes());
    bytes.extend([0, 1, 0, 0, 64, protocol, 0, 0, 192, 0, 2, 2]);
    bytes.extend(aim.v4().octets());
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(0);
    bytes[10..12].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

/// A UDP packet, IPv4 header and all.
fn udp_packet(aim: &Aim) -> Vec<u8> {
    let mut inner = Vec::from(4000_u16.to_be_bytes());
    inner.extend(aim.port().to_be_bytes());
    inner.extend(u16::try_from(8 + aim.token.len()).unwrap_or(8).to_be_bytes());
    inner.extend([0, 0]);
    inner.extend(aim.token.as_bytes());
    let mut bytes = header(17, aim, inner.len());
    bytes.extend(inner);
    bytes
}

fn raw_udp(aim: &Aim) -> Played {
    let socket = open(Domain::IPV4, Type::RAW, Some(libc::IPPROTO_RAW))?;
    socket.send_to(&udp_packet(aim), &SockAddr::from(aim.to4())).at("sendto")?;
    Ok(Done::Sent)
}

fn raw_tcp(aim: &Aim) -> Played {
    let socket = open(Domain::IPV4, Type::RAW, Some(libc::IPPROTO_TCP))?;
    let mut syn = Vec::from(4000_u16.to_be_bytes());
    syn.extend(aim.port().to_be_bytes());
    syn.extend([0, 0, 0, 1, 0, 0, 0, 0, 0x50, 2, 0xff, 0xff, 0, 0, 0, 0]);
    syn.extend(aim.token.as_bytes());
    socket.send_to(&syn, &SockAddr::from(aim.to4())).at("sendto")?;
    Ok(Done::Sent)
}

fn raw_v6(aim: &Aim) -> Played {
    let socket = open(Domain::IPV6, Type::RAW, Some(200))?;
    let to = SocketAddr::from((aim.v6(), 0));
    socket.send_to(aim.token.as_bytes(), &SockAddr::from(to)).at("sendto")?;
    Ok(Done::Sent)
}

fn echo(kind: u8, aim: &Aim) -> Vec<u8> {
    let mut bytes = vec![kind, 0, 0, 0, 0, 7, 0, 1];
    bytes.extend(aim.token.as_bytes());
    if bytes.len() % 2 == 1 {
        bytes.push(0);
    }
    let sum: u32 = bytes.chunks(2).map(|pair| u32::from(u16::from_be_bytes([pair[0], pair[1]]))).sum();
    let folded = (sum & 0xffff) + (sum >> 16);
    let checksum = !u16::try_from((folded & 0xffff) + (folded >> 16)).unwrap_or(0);
    bytes[2..4].copy_from_slice(&checksum.to_be_bytes());
    bytes
}

fn ping(domain: Domain, protocol: i32, kind: u8, to: SocketAddr, aim: &Aim) -> Played {
    let socket = open(domain, Type::DGRAM, Some(protocol))?;
    socket.send_to(&echo(kind, aim), &SockAddr::from(to)).at("sendto")?;
    Ok(Done::Sent)
}

fn raw_icmp(aim: &Aim) -> Played {
    let socket = open(Domain::IPV4, Type::RAW, Some(libc::IPPROTO_ICMP))?;
    socket.send_to(&echo(8, aim), &SockAddr::from(SocketAddr::from((aim.v4(), 0)))).at("sendto")?;
    Ok(Done::Sent)
}

/// Sends `bytes` to the interface's other end by a packet socket.
fn by_packet_socket(kind: SockType, bytes: &[u8], aim: &Aim) -> Played {
    let socket = nix::sys::socket::socket(AddressFamily::Packet, kind, SockFlag::SOCK_CLOEXEC, None).at("socket")?;
    let mut address = [0_u8; 20];
    address[0..2].copy_from_slice(&17_u16.to_ne_bytes());
    address[2..4].copy_from_slice(&0x0800_u16.to_be_bytes());
    address[4..8].copy_from_slice(&aim.place.device_index.to_ne_bytes());
    address[11] = 6;
    address[12..18].copy_from_slice(&aim.place.peer_mac);
    let fd = usize::try_from(socket.as_raw_fd()).unwrap_or(0);
    let length = usize::try_from(LinkAddr::size()).unwrap_or(20);
    call(libc::SYS_sendto, [fd, place(bytes), bytes.len(), 0, place(&address), length]).at("sendto")?;
    Ok(Done::Sent)
}

fn frame(aim: &Aim) -> Played {
    let mut bytes = Vec::from(aim.place.peer_mac);
    bytes.extend([2, 0, 0, 0, 0, 9, 8, 0]);
    bytes.extend(udp_packet(aim));
    by_packet_socket(SockType::Raw, &bytes, aim)
}

fn packet(aim: &Aim) -> Played {
    by_packet_socket(SockType::Datagram, &udp_packet(aim), aim)
}

fn family(family: i32, kind: i32) -> Played {
    open(Domain::from(family), Type::from(kind), None)?;
    Ok(Done::Holds("a socket of that family"))
}

fn every_family(_: &Aim) -> Played {
    let mut refusal = Failed { step: "socket", errno: None };
    for number in (1..64).filter(|number| !USUAL.contains(number)) {
        for kind in [libc::SOCK_STREAM, libc::SOCK_DGRAM, libc::SOCK_RAW, libc::SOCK_SEQPACKET, libc::SOCK_RDM] {
            match family(number, kind) {
                Ok(_) => return Ok(Done::Holds("a socket of a family besides UNIX, INET, INET6 and NETLINK")),
                Err(failed) => refusal = failed,
            }
        }
    }
    Err(refusal)
}

fn packet_by_ring(_: &Aim) -> Played {
    super::ring::makes(libc::AF_PACKET, libc::SOCK_RAW)?;
    Ok(Done::Holds("a packet socket"))
}

fn mounts(kind: &str, source: &str, aim: &Aim) -> Played {
    let place = aim.place.directory.join(format!("mount-{}", aim.number));
    std::fs::create_dir_all(&place).at("mkdir")?;
    let options = format!("addr={},port={},trans=tcp,vers=3,nolock,proto=tcp,soft,timeo=5", aim.v4(), aim.port());
    mount(Some(source), &place, Some(kind), MsFlags::empty(), Some(options.as_str())).at("mount")?;
    nix::mount::umount(&place).at("umount")?;
    Ok(Done::Sent)
}

fn device(path: &str) -> Played {
    std::fs::OpenOptions::new().read(true).write(true).open(path).at("open")?;
    Ok(Done::Holds("the device"))
}

/// A device of this process, by TUNSETIFF.
fn tunnel(flags: u16) -> Played {
    const TUNSETIFF: usize = 0x4004_54ca;
    let device = std::fs::OpenOptions::new().read(true).write(true).open("/dev/net/tun").at("open /dev/net/tun")?;
    let mut request = [0_u8; 40];
    request[16..18].copy_from_slice(&flags.to_ne_bytes());
    let fd = usize::try_from(device.as_raw_fd()).unwrap_or(0);
    call(libc::SYS_ioctl, [fd, TUNSETIFF, place(&request), 0, 0, 0]).at("TUNSETIFF")?;
    Ok(Done::Holds("a network device of its own"))
}
