//! One exact look-up of the client's socket over `NETLINK_SOCK_DIAG` (sock_diag(7)).

use crate::capture::netlink::{self, Netlink};
use std::cell::RefCell;
use std::io;
use std::net::{IpAddr, SocketAddr};

const SOCK_DIAG_BY_FAMILY: u16 = 20;
const FIN_WAIT2: u8 = 5;
const TIME_WAIT: u8 = 6;
/// The length of `struct inet_diag_msg`.
const MESSAGE: usize = 72;

/// What the kernel shows of a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ClientSocket {
    pub(super) state: u8,
    pub(super) cookie: u64,
    pub(super) uid: u32,
    pub(super) inode: u32,
    pub(super) cgroup: Option<u64>,
}

impl ClientSocket {
    /// Whether only the connection's name is left of it: closed by the client, not yet by the gateway.
    pub(super) const fn is_closing(&self) -> bool {
        matches!(self.state, FIN_WAIT2 | TIME_WAIT) && self.inode == 0
    }

    /// Whether a file still holds it; older kernels show uid 0 without one.
    pub(super) const fn has_owner(&self) -> bool {
        self.inode != 0
    }
}

thread_local! {
    static DIAG: RefCell<Option<Netlink>> = const { RefCell::new(None) };
}

/// Opens this thread's socket for look-ups, so that it has all that it will hold before its first connection comes.
pub(super) fn open() -> io::Result<()> {
    let diag = Netlink::open(libc::NETLINK_SOCK_DIAG)?;
    DIAG.set(Some(diag));
    Ok(())
}

/// The socket whose own end is `client` and whose peer is `gateway`, in this thread's network namespace.
pub(super) fn find(client: SocketAddr, gateway: SocketAddr) -> io::Result<Option<ClientSocket>> {
    DIAG.with_borrow_mut(|slot| {
        let mut diag = match slot.take() {
            Some(diag) => diag,
            None => Netlink::open(libc::NETLINK_SOCK_DIAG)?,
        };
        // After a failure the next look-up starts on a new socket.
        let found = find_by(&mut diag, client, gateway)?;
        *slot = Some(diag);
        Ok(found)
    })
}

/// As [`find`], in the network namespace of `diag`.
pub(super) fn find_by(diag: &mut Netlink, client: SocketAddr, gateway: SocketAddr) -> io::Result<Option<ClientSocket>> {
    let mut answer = [0_u8; 1024];
    match diag.request(SOCK_DIAG_BY_FAMILY, 0, &request(client, gateway), &mut answer) {
        Ok(payload) => Ok(Some(parse(payload).ok_or(io::ErrorKind::InvalidData)?)),
        Err(error) if error.raw_os_error() == Some(libc::ENOENT) => Ok(None),
        Err(error) => Err(error),
    }
}

/// `struct inet_diag_req_v2`.
fn request(client: SocketAddr, gateway: SocketAddr) -> [u8; 56] {
    let mut request = [0_u8; 56];
    request[0] = if client.is_ipv4() { libc::AF_INET } else { libc::AF_INET6 } as u8;
    request[1] = libc::IPPROTO_TCP as u8;
    request[4..8].fill(0xff);
    request[8..10].copy_from_slice(&client.port().to_be_bytes());
    request[10..12].copy_from_slice(&gateway.port().to_be_bytes());
    put(&mut request[12..28], client.ip());
    put(&mut request[28..44], gateway.ip());
    // Any cookie: it is compared afterwards.
    request[48..56].fill(0xff);
    request
}

fn put(to: &mut [u8], address: IpAddr) {
    match address {
        IpAddr::V4(v4) => to[..4].copy_from_slice(&v4.octets()),
        IpAddr::V6(v6) => to.copy_from_slice(&v6.octets()),
    }
}

/// `struct inet_diag_msg` and the attributes behind it.
fn parse(payload: &[u8]) -> Option<ClientSocket> {
    let (message, attributes) = payload.split_at_checked(MESSAGE)?;
    let word = |at: usize| Some(u32::from_ne_bytes(message.get(at..at + 4)?.try_into().ok()?));
    let cookie = u64::from(word(44)?) | u64::from(word(48)?) << 32;
    Some(ClientSocket { state: message[1], cookie, uid: word(64)?, inode: word(68)?, cgroup: netlink::socket_cgroup(attributes) })
}
