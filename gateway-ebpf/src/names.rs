//! `getpeername` and `getsockname`: the job sees the connection that it asked for.

use crate::maps::{SOURCES, socket_state};
use crate::refuse::PROCEED;
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use core::mem::transmute;
use core::ptr::{read_volatile, write_volatile};
use gateway_common::{STAGE_IDLE, SocketState};

const MAPPED: u32 = 0xffff_u32.to_be();
const LOOPBACK_V6: [u32; 4] = [0, 0, 0, 1_u32.to_be()];

#[cgroup_sock_addr(getpeername4)]
pub fn weir_getpeername4(ctx: SockAddrContext) -> i32 {
    if let Some(state) = intercepted(&ctx) {
        write_v4(&ctx, original(state)[3]);
        write_port(&ctx, state.record.original_port);
    }
    PROCEED
}

#[cgroup_sock_addr(getpeername6)]
pub fn weir_getpeername6(ctx: SockAddrContext) -> i32 {
    if let Some(state) = intercepted(&ctx) {
        write_v6(&ctx, original(state));
        write_port(&ctx, state.record.original_port);
    }
    PROCEED
}

#[cgroup_sock_addr(getsockname4)]
pub fn weir_getsockname4(ctx: SockAddrContext) -> i32 {
    // SAFETY: a plain field of the context.
    let local = unsafe { read_volatile(&raw const (*ctx.sock_addr).user_ip4) };
    if let Some(state) = intercepted(&ctx)
        && is_loopback_v4(local)
        && !is_loopback_v4(original(state)[3])
        && let Some(source) = source_v4()
    {
        write_v4(&ctx, source);
    }
    PROCEED
}

#[cgroup_sock_addr(getsockname6)]
pub fn weir_getsockname6(ctx: SockAddrContext) -> i32 {
    let Some(state) = intercepted(&ctx) else {
        return PROCEED;
    };
    let (local, meant) = (read_v6(&ctx), original(state));
    if local == LOOPBACK_V6 && meant != LOOPBACK_V6 {
        if let Some(source) = source_v6() {
            write_v6(&ctx, source);
        }
    } else if local[2] == MAPPED
        && is_loopback_v4(local[3])
        && !is_loopback_v4(meant[3])
        && let Some(source) = source_v4()
    {
        write_v6(&ctx, [0, 0, MAPPED, source]);
    }
    PROCEED
}

/// The state of a socket whose connect was rewritten.
#[inline(always)]
fn intercepted<'a>(ctx: &SockAddrContext) -> Option<&'a SocketState> {
    // SAFETY: `ctx.sk` of a `cgroup_sock_addr` program is always there.
    let state = unsafe { socket_state(read_volatile(&raw const (*ctx.sock_addr).__bindgen_anon_1.sk).cast())? };
    (state.stage != STAGE_IDLE).then_some(state)
}

#[inline(always)]
fn original(state: &SocketState) -> [u32; 4] {
    // SAFETY: plain integers of one size.
    unsafe { transmute::<[u8; 16], [u32; 4]>(state.record.original_address) }
}

#[inline(always)]
fn source_v4() -> Option<u32> {
    let address = u32::from_ne_bytes(SOURCES.get(0)?.v4);
    (address != 0).then_some(address)
}

#[inline(always)]
fn source_v6() -> Option<[u32; 4]> {
    // SAFETY: plain integers of one size.
    let address = unsafe { transmute::<[u8; 16], [u32; 4]>(SOURCES.get(0)?.v6) };
    (address[0] != 0).then_some(address)
}

#[inline(always)]
const fn is_loopback_v4(address: u32) -> bool {
    u32::from_be(address) >> 24 == 127
}

#[inline(always)]
fn read_v6(ctx: &SockAddrContext) -> [u32; 4] {
    // SAFETY: plain fields of the context; one load each.
    unsafe {
        [
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[0]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[1]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[2]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[3]),
        ]
    }
}

#[inline(always)]
fn write_v4(ctx: &SockAddrContext, address: u32) {
    // SAFETY: the name is the hook's to write.
    unsafe { write_volatile(&raw mut (*ctx.sock_addr).user_ip4, address) };
}

#[inline(always)]
fn write_v6(ctx: &SockAddrContext, address: [u32; 4]) {
    // SAFETY: the name is the hook's to write; one store each.
    unsafe {
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[0], address[0]);
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[1], address[1]);
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[2], address[2]);
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[3], address[3]);
    }
}

#[inline(always)]
fn write_port(ctx: &SockAddrContext, port: u16) {
    // SAFETY: the name is the hook's to write.
    unsafe { write_volatile(&raw mut (*ctx.sock_addr).user_port, u32::from(port.to_be())) };
}
