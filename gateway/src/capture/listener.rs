//! The gateway's own sockets in one network namespace: marked, and deaf to everything but the loopback device.

use super::disguise::DisguiseRoute;
use super::sys;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, SockaddrIn6, SockaddrStorage};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};
use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr, TcpListener, UdpSocket};
use std::os::fd::{AsFd, AsRawFd as _};

/// Connections that wait for the accept loop. The kernel cuts it at `net.core.somaxconn`.
const BACKLOG: i32 = 16_384;
/// How often a port is tried that TCP and UDP both have free.
const TRIES: usize = 64;
/// The loopback device has this number in every network namespace.
const LOOPBACK_INDEX: u32 = 1;

/// The `SO_MARK` by which the kernel side knows the gateway's sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark(pub(super) u32);

/// What the gateway has open in one network namespace.
#[derive(Debug)]
pub struct Listeners {
    /// For connects, both families. Non-blocking.
    pub tcp: TcpListener,
    /// For datagrams, both families, at the same port. Non-blocking, with `IPV6_RECVPKTINFO`, which
    /// tells of both families (see [`receive`]):
    /// the address that a datagram came to is its flow's token, and the answer's source.
    pub udp: UdpSocket,
    /// The port of both.
    pub port: u16,
    /// The network namespace.
    pub netns_cookie: u64,
    /// What routes the IPv6 disguise in it, as long as this lives.
    pub route: Option<DisguiseRoute>,
}

impl Listeners {
    /// Opens them in this thread's network namespace.
    ///
    /// # Errors
    /// Where sockets can't be had, or may not be marked (it takes `CAP_NET_ADMIN`).
    pub fn open(mark: Mark) -> io::Result<Self> {
        let mut tries = 0;
        let (tcp, udp, port) = loop {
            let tcp = socket(Type::STREAM, Protocol::TCP, mark)?;
            tcp.bind(&any(0))?;
            let port = tcp.local_addr()?.as_socket().map_or(0, |address| address.port());
            let udp = socket(Type::DGRAM, Protocol::UDP, mark)?;
            match udp.bind(&any(port)) {
                Ok(()) => break (tcp, udp, port),
                Err(error) if error.kind() == io::ErrorKind::AddrInUse && tries < TRIES => tries += 1,
                Err(error) => return Err(error),
            }
        };
        set(&udp, libc::IPPROTO_IPV6, libc::IPV6_RECVPKTINFO, &1_i32)?;
        // An answer's source is a token, which is routed here and is no address of this host's.
        set(&udp, libc::IPPROTO_IPV6, libc::IPV6_FREEBIND, &1_i32)?;
        tcp.listen(BACKLOG)?;
        let netns_cookie = sys::netns_cookie(tcp.as_fd())?;
        let route = DisguiseRoute::add()
            .inspect_err(|error| tracing::warn!(%error, "no IPv6 disguise: IPv6 connects of jobs are refused"))
            .ok();
        Ok(Self { tcp: tcp.into(), udp: udp.into(), port, netns_cookie, route })
    }
}

/// A datagram that has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Received {
    /// How many bytes of the buffer it fills.
    pub length: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// The address that it was sent to: the token of its flow.
    pub token: IpAddr,
}

/// Takes the next datagram of a gateway's socket.
///
/// # Errors
/// As recvmsg(2); `WouldBlock` where none is there.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<Received> {
    let mut parts = [io::IoSliceMut::new(buffer)];
    let mut control = nix::cmsg_space!(libc::in6_pktinfo, libc::in_pktinfo);
    let flags = nix::sys::socket::MsgFlags::empty();
    let message = nix::sys::socket::recvmsg::<SockaddrStorage>(socket.as_raw_fd(), &mut parts, Some(&mut control), flags)?;
    let (length, from) = (message.bytes, message.address.as_ref().and_then(SockaddrStorage::as_sockaddr_in6));
    let token = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::Ipv6PacketInfo(info) => Some(Ipv6Addr::from(info.ipi6_addr.s6_addr).to_canonical()),
        _ => None,
    });
    let (from, token) = from.zip(token).ok_or(io::ErrorKind::InvalidData)?;
    Ok(Received { length, from: SocketAddr::new(from.ip().to_canonical(), from.port()), token })
}

/// Answers a datagram, as from the address that it was sent to.
///
/// # Errors
/// As sendmsg(2).
pub fn answer(socket: &UdpSocket, received: &Received, bytes: &[u8]) -> io::Result<()> {
    let mapped = |address: IpAddr| match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped(),
        IpAddr::V6(v6) => v6,
    };
    let info = libc::in6_pktinfo { ipi6_addr: libc::in6_addr { s6_addr: mapped(received.token).octets() }, ipi6_ifindex: 0 };
    let to = SockaddrIn6::from(std::net::SocketAddrV6::new(mapped(received.from.ip()), received.from.port(), 0, 0));
    let (parts, control) = ([io::IoSlice::new(bytes)], [ControlMessage::Ipv6PacketInfo(&info)]);
    nix::sys::socket::sendmsg(socket.as_raw_fd(), &parts, &control, nix::sys::socket::MsgFlags::empty(), Some(&to))?;
    Ok(())
}

fn any(port: u16) -> SockAddr {
    SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)).into()
}

/// A socket for both families that is marked, and that no packet reaches but by the loopback device.
/// It is not bound to the device: the kernel side's look-up would not find it.
fn socket(kind: Type, protocol: Protocol, mark: Mark) -> io::Result<Socket> {
    let socket = Socket::new(Domain::IPV6, kind, Some(protocol))?;
    socket.set_only_v6(false)?;
    socket.set_nonblocking(true)?;
    socket.set_mark(mark.0)?;
    only_loopback(&socket)?;
    Ok(socket)
}

/// A socket filter (socket(7), `SO_ATTACH_FILTER`): what came by another device is dropped.
fn only_loopback(socket: &Socket) -> io::Result<()> {
    const ARRIVED_BY: u32 = (libc::SKF_AD_OFF + libc::SKF_AD_IFINDEX) as u32;
    let instruction = |code: u32, jt, jf, k| libc::sock_filter { code: code as u16, jt, jf, k };
    let mut program = [
        instruction(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, ARRIVED_BY),
        instruction(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 1, LOOPBACK_INDEX),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
        instruction(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
    ];
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &filter)
}

fn set<T>(socket: &Socket, level: libc::c_int, name: libc::c_int, value: &T) -> io::Result<()> {
    // SAFETY: the kernel reads `size_of::<T>()` bytes of a live value, and what a filter points to lives as long.
    let done = unsafe {
        libc::setsockopt(socket.as_raw_fd(), level, name, (&raw const *value).cast(), size_of::<T>() as libc::socklen_t)
    };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}
