//! The gateway's sockets in one network namespace, and what makes its loopback device carry them.

use super::visit::{Namespace, visit};
use crate::capture::netlink::Netlink;
use crate::capture::{DisguiseRoute, Listeners, Mark};
use std::io;
use std::net::{TcpListener, UdpSocket};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::{Arc, Mutex};

const RTM_NEWLINK: u16 = 16;
/// The loopback device's number in every network namespace: the kernel makes it first.
const LOOPBACK: i32 = 1;

/// An open door: a network namespace in which the gateway listens.
pub struct Door {
    namespace: Arc<Namespace>,
    cookie: u64,
    port: u16,
    // Kept beside those that serve them: between two that do, and for an heir, what waits in their queues stays.
    tcp: TcpListener,
    udp: UdpSocket,
    diagnosis: Mutex<Netlink>,
    // A namespace with a name outlives its processes, and is not to keep the route.
    _route: Option<DisguiseRoute>,
}

impl std::fmt::Debug for Door {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Door").field("cookie", &self.cookie).field("port", &self.port).finish_non_exhaustive()
    }
}

impl Door {
    /// Opens one in `there`.
    ///
    /// The loopback device is brought up if nobody has yet: without it nothing that was rewritten arrives.
    ///
    /// # Errors
    /// Where the namespace can't be entered, or has no room for the sockets.
    pub(super) fn open(home: &Namespace, there: Namespace, mark: Mark) -> io::Result<Self> {
        let (listeners, diagnosis) = visit(home, &there, || {
            bring_up_loopback()?;
            Ok((Listeners::open(mark)?, Netlink::open(libc::NETLINK_SOCK_DIAG)?))
        })?;
        let Listeners { tcp, udp, port, netns_cookie, route } = listeners;
        let (namespace, diagnosis) = (Arc::new(there), Mutex::new(diagnosis));
        Ok(Self { namespace, cookie: netns_cookie, port, tcp, udp, diagnosis, _route: route })
    }

    /// One that another gateway has opened, whose sockets these are: they stay, and so does who waits in their queues.
    ///
    /// # Errors
    /// Where the namespace can't be entered.
    pub(super) fn inherit(home: &Namespace, there: Namespace, sockets: Sockets) -> io::Result<Self> {
        let Sockets { cookie, port, tcp, udp } = sockets;
        // What is of this process alone: it does not go with the other gateway.
        let (diagnosis, route) = visit(home, &there, || {
            let route = DisguiseRoute::add().inspect_err(|error| {
                tracing::warn!(%error, netns_cookie = cookie, "no IPv6 disguise in a job's network namespace");
            });
            Ok((Netlink::open(libc::NETLINK_SOCK_DIAG)?, route.ok()))
        })?;
        let (namespace, diagnosis) = (Arc::new(there), Mutex::new(diagnosis));
        Ok(Self { namespace, cookie, port, tcp, udp, diagnosis, _route: route })
    }

    /// The sockets once more, to be served.
    ///
    /// # Errors
    /// Where there are no descriptors left.
    pub(super) fn sockets(&self) -> io::Result<Sockets> {
        let (tcp, udp) = (self.tcp.try_clone()?, self.udp.try_clone()?);
        Ok(Sockets { cookie: self.cookie, port: self.port, tcp, udp })
    }

    /// The sockets, to be handed over.
    pub(super) fn descriptors(&self) -> [BorrowedFd<'_>; 2] {
        [self.tcp.as_fd(), self.udp.as_fd()]
    }

    /// The kernel's cookie of the namespace.
    #[must_use]
    pub const fn cookie(&self) -> u64 {
        self.cookie
    }

    /// The port of both sockets.
    #[must_use]
    pub const fn port(&self) -> u16 {
        self.port
    }

    /// The namespace, to dial in.
    #[must_use]
    pub const fn namespace(&self) -> &Arc<Namespace> {
        &self.namespace
    }

    /// For look-ups of sockets in the namespace.
    pub(crate) const fn diagnosis(&self) -> &Mutex<Netlink> {
        &self.diagnosis
    }
}

/// A door's sockets, and what the kernel side knows them by.
pub(super) struct Sockets {
    pub(super) cookie: u64,
    pub(super) port: u16,
    pub(super) tcp: TcpListener,
    pub(super) udp: UdpSocket,
}

/// Sets `IFF_UP` on the loopback device (rtnetlink(7)); it may be up already.
fn bring_up_loopback() -> io::Result<()> {
    let up = libc::IFF_UP.cast_unsigned();
    let mut payload = Vec::with_capacity(16);
    // struct ifinfomsg: family, padding, type, index, flags, change mask.
    payload.extend([libc::AF_UNSPEC as u8, 0, 0, 0]);
    payload.extend(LOOPBACK.to_ne_bytes());
    payload.extend(up.to_ne_bytes());
    payload.extend(up.to_ne_bytes());
    let mut answer = [0_u8; 1024];
    Netlink::open(libc::NETLINK_ROUTE)?.request(RTM_NEWLINK, libc::NLM_F_ACK as u16, &payload, &mut answer).map(drop)
}
