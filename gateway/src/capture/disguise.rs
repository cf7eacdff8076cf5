//! The IPv6 disguise: a /64 of our own, routed to `lo` while this gateway runs.

use super::netlink::Netlink;
use gateway_common::DISGUISE_V6;
use std::io;
use std::net::Ipv6Addr;
use std::sync::{Mutex, PoisonError};

const RTM_NEWROUTE: u16 = 24;
const RTM_DELROUTE: u16 = 25;
const RTA_DST: u16 = 1;
const RTA_OIF: u16 = 4;
const RTA_PRIORITY: u16 = 6;
const RTA_PREFSRC: u16 = 7;

/// The route. Its metric is this gateway's own, so that several gateways have one each.
pub struct DisguiseRoute {
    metric: u32,
    // Of the network namespace that the route is in, wherever this is dropped.
    netlink: Mutex<Netlink>,
}

impl DisguiseRoute {
    /// Adds the route, or says why this host can't have it (IPv6 is off, say).
    ///
    /// # Errors
    /// Where the route can't be added.
    pub fn add() -> io::Result<Self> {
        let flags = libc::NLM_F_ACK | libc::NLM_F_CREATE | libc::NLM_F_EXCL;
        let mut netlink = Netlink::open(libc::NETLINK_ROUTE)?;
        for metric in metrics(std::process::id()) {
            match change(&mut netlink, RTM_NEWROUTE, flags as u16, metric) {
                // Another capture of this process has it, or one that had its number left it.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
                Ok(()) => return Ok(Self { metric, netlink: Mutex::new(netlink) }),
            }
        }
        Err(io::ErrorKind::AlreadyExists.into())
    }
}

impl std::fmt::Debug for DisguiseRoute {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DisguiseRoute").field("metric", &self.metric).finish_non_exhaustive()
    }
}

impl Drop for DisguiseRoute {
    fn drop(&mut self) {
        let netlink = self.netlink.get_mut().unwrap_or_else(PoisonError::into_inner);
        if let Err(error) = change(netlink, RTM_DELROUTE, libc::NLM_F_ACK as u16, self.metric) {
            tracing::warn!(%error, "the IPv6 disguise's route on lo could not be removed");
        }
    }
}

/// Removes the routes that a gateway left which was killed; says how many there were.
pub(super) fn remove_left(pid: u32) -> usize {
    let Ok(mut netlink) = Netlink::open(libc::NETLINK_ROUTE) else { return 0 };
    let removed = metrics(pid).map(|metric| change(&mut netlink, RTM_DELROUTE, libc::NLM_F_ACK as u16, metric));
    removed.take_while(Result::is_ok).count()
}

/// A process's own metrics: 22 bits of its number, then one for each of its captures.
fn metrics(pid: u32) -> impl Iterator<Item = u32> {
    (0..512).map(move |number| 1 << 31 | (pid & 0x3f_ffff) << 9 | number)
}

fn change(netlink: &mut Netlink, kind: u16, flags: u16, metric: u32) -> io::Result<()> {
    // SAFETY: a constant, nul-terminated name.
    let lo = unsafe { libc::if_nametoindex(c"lo".as_ptr()) };
    if lo == 0 {
        return Err(io::Error::last_os_error());
    }
    let mut prefix = [0_u8; 16];
    prefix[..8].copy_from_slice(&DISGUISE_V6);
    let mut payload = Vec::with_capacity(96);
    // struct rtmsg: family, dst_len, src_len, tos, table, protocol (static), scope (host), type, flags.
    payload.extend([libc::AF_INET6 as u8, 64, 0, 0, libc::RT_TABLE_LOCAL, 4, libc::RT_SCOPE_HOST, libc::RTN_LOCAL, 0, 0, 0, 0]);
    attribute(&mut payload, RTA_DST, &prefix);
    attribute(&mut payload, RTA_OIF, &lo.to_ne_bytes());
    attribute(&mut payload, RTA_PRIORITY, &metric.to_ne_bytes());
    attribute(&mut payload, RTA_PREFSRC, &Ipv6Addr::LOCALHOST.octets());
    let mut answer = [0_u8; 1024];
    netlink.request(kind, flags, &payload, &mut answer).map(drop)
}

/// Appends a `struct rtattr`; every value here is a multiple of four bytes.
fn attribute(to: &mut Vec<u8>, kind: u16, value: &[u8]) {
    to.extend((4 + value.len() as u16).to_ne_bytes());
    to.extend(kind.to_ne_bytes());
    to.extend(value);
}
