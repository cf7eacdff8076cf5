//! Where the gateway is, and whether it is there.

use crate::address::{Address, MAPPED, is_loopback, is_v4};
use crate::maps::{GATEWAYS, HEARTBEAT, LISTENERS, socket_state};
use crate::settings::GATEWAY_MARK;
use crate::task;
use aya_ebpf::EbpfContext;
use aya_ebpf::bindings::{
    bpf_sock, bpf_sock_tuple, bpf_sock_tuple__bindgen_ty_1, bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1,
    bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2,
};
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_sk_lookup_tcp, bpf_sk_lookup_udp, bpf_sk_release};
use aya_ebpf::programs::SockAddrContext;
use core::ptr::read_volatile;
use gateway_common::{HEARTBEAT_STALE_NS, TICK_NS};

/// The protocols that are followed.
pub const IPPROTO_TCP: u16 = 6;
pub const IPPROTO_UDP: u16 = 17;

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
    let started = unsafe { GATEWAYS.get(tgid) }.map_or(0, |ticks| *ticks);
    started != 0 && task::started_boottime_ns() / TICK_NS == started
}

/// The port of the gateway's listener in the network namespace; 0 where there is none.
#[inline(always)]
pub fn port(netns_cookie: u64) -> u16 {
    // SAFETY: the value is copied before anything can change the map.
    unsafe { LISTENERS.get(netns_cookie) }.map_or(0, |port| *port as u16)
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

/// Whether the socket that would get what is sent to this address is the gateway's: for TCP, its listener.
#[inline(always)]
pub fn listens(ctx: &SockAddrContext, protocol: u16, address: Address, port: u16) -> bool {
    let found = look_up(ctx, protocol, address, port);
    if found.is_null() {
        return false;
    }
    // SAFETY: not null; the fields are the kernel's to lend until the release.
    let (state, mark) = unsafe { (read_volatile(&raw const (*found).state), read_volatile(&raw const (*found).mark)) };
    // SAFETY: looked up above, released once.
    unsafe { bpf_sk_release(found.cast()) };
    mark == GATEWAY_MARK.load() && (protocol == IPPROTO_UDP || state == TCP_LISTEN)
}

/// Whether the socket at the other end was made in the same job, on this host's loopback.
#[inline(always)]
pub fn is_own(ctx: &SockAddrContext, protocol: u16, address: Address, port: u16, run: u64) -> bool {
    if !is_loopback(address) {
        // A wildcard listener of the job's would be found under every address there is.
        return false;
    }
    let found = look_up(ctx, protocol, address, port);
    if found.is_null() {
        return false;
    }
    // SAFETY: a socket that was looked up, not released yet.
    let maker = unsafe { socket_state(found.cast()) }.map_or(0, |state| state.creator_job.run);
    // SAFETY: looked up above, released once.
    unsafe { bpf_sk_release(found.cast()) };
    maker == run
}

/// The socket that would get what is sent to this address, to be released; null where there is none.
#[inline(always)]
fn look_up(ctx: &SockAddrContext, protocol: u16, address: Address, port: u16) -> *mut bpf_sock {
    let (v4, udp) = (is_v4(address), protocol == IPPROTO_UDP);
    let dport = port.to_be();
    // A connected datagram socket takes only what comes from its peer, so that one has to be said.
    let (saddr, sport) = if udp { local(ctx, v4) } else { ([0; 4], 0) };
    let mut tuple = bpf_sock_tuple {
        __bindgen_anon_1: bpf_sock_tuple__bindgen_ty_1 {
            ipv6: bpf_sock_tuple__bindgen_ty_1__bindgen_ty_2 { saddr, daddr: address, sport, dport },
        },
    };
    if v4 {
        tuple.__bindgen_anon_1.ipv4 =
            bpf_sock_tuple__bindgen_ty_1__bindgen_ty_1 { saddr: saddr[3], daddr: address[3], sport, dport };
    }
    let (ctx, tuple) = (ctx.as_ptr(), &raw mut tuple);
    // SAFETY: the tuple is as long as its size says.
    unsafe {
        match (udp, v4) {
            (false, true) => bpf_sk_lookup_tcp(ctx, tuple, TUPLE_V4, OWN_NETNS, 0),
            (false, false) => bpf_sk_lookup_tcp(ctx, tuple, TUPLE_V6, OWN_NETNS, 0),
            (true, true) => bpf_sk_lookup_udp(ctx, tuple, TUPLE_V4, OWN_NETNS, 0),
            (true, false) => bpf_sk_lookup_udp(ctx, tuple, TUPLE_V6, OWN_NETNS, 0),
        }
    }
}

/// Where what this socket sends over loopback comes from, the port in network order.
#[inline(always)]
fn local(ctx: &SockAddrContext, v4: bool) -> (Address, u16) {
    const LOCALHOST_V4: u32 = 0x7f00_0001_u32.to_be();
    const LOCALHOST_V6: Address = [0, 0, 0, 1_u32.to_be()];
    // SAFETY: `ctx.sk` of a `cgroup_sock_addr` program is always there, its fields are the kernel's to lend.
    let (own_v4, own_v6, port) = unsafe {
        let socket = read_volatile(&raw const (*ctx.sock_addr).__bindgen_anon_1.sk);
        (
            read_volatile(&raw const (*socket).src_ip4),
            [
                read_volatile(&raw const (*socket).src_ip6[0]),
                read_volatile(&raw const (*socket).src_ip6[1]),
                read_volatile(&raw const (*socket).src_ip6[2]),
                read_volatile(&raw const (*socket).src_ip6[3]),
            ],
            read_volatile(&raw const (*socket).src_port),
        )
    };
    let address = match (v4, v4 && own_v4 == 0, !v4 && own_v6 == [0; 4]) {
        (true, true, _) => [0, 0, MAPPED, LOCALHOST_V4],
        (true, false, _) => [0, 0, MAPPED, own_v4],
        (false, _, true) => LOCALHOST_V6,
        (false, _, false) => own_v6,
    };
    (address, (port as u16).to_be())
}
