//! Where the gateway is, and whether it is there.

use crate::address::{Address, is_v4};
use crate::maps::{GATEWAYS, HEARTBEAT, LISTENERS};
use crate::settings::GATEWAY_MARK;
use crate::task;
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{
    bpf_sock, bpf_sock_tuple, bpf_sock_tuple__bindgen_ty_1, bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1,
    bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2,
};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_sk_lookup_tcp, bpf_sk_release};
use aya_ebpf::programs::SockAddrContext;
use core::ptr::read_volatile;
use gateway_common::{HEARTBEAT_STALE_NS, TICK_NS};

const TCP_LISTEN: u32 = 10;
const TUPLE_V4: u32 = 12;
const TUPLE_V6: u32 = 36;
/// Look in the socket's own network namespace.
const OWN_NETNS: u64 = u64::MAX;

/// Whether a gateway itself is calling: its number, and its start, since numbers come again.
#[inline(always)]
pub fn is_calling() -> bool {
    let tgid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the value is copied before anything can change the map.
    let started = unsafe { GATEWAYS.get(tgid).copied() };
    started.is_some_and(|ticks| task::started_boottime_ns() / TICK_NS == ticks)
}

/// The port of the gateway's listener in the network namespace.
#[inline(always)]
pub fn port(netns_cookie: u64) -> Option<u16> {
    // SAFETY: the value is copied before anything can change the map.
    unsafe { LISTENERS.get(netns_cookie).copied() }.map(|port| port as u16)
}

/// Whether a gateway has stamped its heartbeat lately.
#[inline(always)]
pub fn is_alive(now: u64) -> bool {
    HEARTBEAT.get(0).is_some_and(|stamp| {
        // SAFETY: user space writes it while this reads.
        let stamp = unsafe { read_volatile(stamp) };
        now < stamp.saturating_add(HEARTBEAT_STALE_NS)
    })
}

/// Whether the socket that would get a connect to this address is a listener of the gateway's.
#[inline(always)]
pub fn listens(ctx: &SockAddrContext, address: Address, port: u16) -> bool {
    let found = look_up(ctx, address, port);
    if found.is_null() {
        return false;
    }
    // SAFETY: not null; the fields are the kernel's to lend until the release.
    let (state, mark) = unsafe { (read_volatile(&raw const (*found).state), read_volatile(&raw const (*found).mark)) };
    // SAFETY: looked up above, released once.
    unsafe { bpf_sk_release(found.cast()) };
    state == TCP_LISTEN && mark == GATEWAY_MARK.load()
}

/// The socket that would get a connect to this address, to be released; null where there is none.
#[inline(always)]
pub fn look_up(ctx: &SockAddrContext, address: Address, port: u16) -> *mut bpf_sock {
    let port = port.to_be();
    let mut tuple = bpf_sock_tuple {
        __bindgen_anon_1: bpf_sock_tuple__bindgen_ty_1 {
            ipv6: bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2 { saddr: [0; 4], daddr: address, sport: 0, dport: port },
        },
    };
    if is_v4(address) {
        tuple.__bindgen_anon_1.ipv4 =
            bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1 { saddr: 0, daddr: address[3], sport: 0, dport: port };
        // SAFETY: the tuple is as long as its size says.
        return unsafe { bpf_sk_lookup_tcp(ctx.as_ptr(), &raw mut tuple, TUPLE_V4, OWN_NETNS, 0) };
    }
    // SAFETY: as above.
    unsafe { bpf_sk_lookup_tcp(ctx.as_ptr(), &raw mut tuple, TUPLE_V6, OWN_NETNS, 0) }
}
