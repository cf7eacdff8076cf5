//! `getpeername` and `getsockname`: the job sees the connection that it asked for.

use crate::address::{Address, MAPPED, read_v4, read_v6, words, write_port, write_v4, write_v6};
use crate::datagram;
use crate::maps::{SOURCES, socket_state};
use crate::refuse::PROCEED;
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use core::ptr::read_volatile;
use gateway_common::{STAGE_IDLE, STAGE_PASSED, SocketState};

const LOOPBACK_V6: Address = [0, 0, 0, 1_u32.to_be()];

#[cgroup_sock_addr(getpeername4)]
pub fn weir_getpeername4(ctx: SockAddrContext) -> i32 {
    let (address, port) = datagram::original(&ctx, read_v4(&ctx));
    if port != 0 {
        write_v4(&ctx, address[3]);
        write_port(&ctx, port);
    } else if let Some(state) = intercepted(&ctx) {
        write_v4(&ctx, original(state)[3]);
        write_port(&ctx, state.record.original_port);
    }
    PROCEED
}

#[cgroup_sock_addr(getpeername6)]
pub fn weir_getpeername6(ctx: SockAddrContext) -> i32 {
    let (address, port) = datagram::original(&ctx, read_v6(&ctx));
    if port != 0 {
        write_v6(&ctx, address);
        write_port(&ctx, port);
    } else if let Some(state) = intercepted(&ctx) {
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
    (!matches!(state.stage, STAGE_IDLE | STAGE_PASSED)).then_some(state)
}

#[inline(always)]
const fn original(state: &SocketState) -> Address {
    words(state.record.original_address)
}

#[inline(always)]
fn source_v4() -> Option<u32> {
    let address = u32::from_ne_bytes(SOURCES.get(0)?.v4);
    (address != 0).then_some(address)
}

#[inline(always)]
fn source_v6() -> Option<Address> {
    let address = words(SOURCES.get(0)?.v6);
    (address[0] != 0).then_some(address)
}

#[inline(always)]
const fn is_loopback_v4(address: u32) -> bool {
    u32::from_be(address) >> 24 == 127
}
