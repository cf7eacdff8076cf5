//! `sock_ops`: puts a connect's record where the gateway finds it, before the SYN leaves.

use crate::maps::{RECORDS, socket_state};
use crate::refuse::count;
use aya_ebpf::macros::sock_ops;
use aya_ebpf::programs::SockOpsContext;
use core::ptr::read_volatile;
use gateway_common::{Refusal, STAGE_ESTABLISHED, STAGE_PUBLISHED, STAGE_REWRITTEN, SocketState};

const TCP_CONNECT: u32 = 3;
const ACTIVE_ESTABLISHED: u32 = 4;

#[sock_ops]
pub fn weir_sock_ops(ctx: SockOpsContext) -> u32 {
    let op = ctx.op();
    if op != TCP_CONNECT && op != ACTIVE_ESTABLISHED {
        return 0;
    }
    // SAFETY: a plain field of the context.
    let socket = unsafe { read_volatile(&raw const (*ctx.ops).__bindgen_anon_2.sk) };
    if socket.is_null() {
        return 0;
    }
    // SAFETY: `ctx.sk`, not null.
    let Some(state) = (unsafe { socket_state(socket.cast()) }) else {
        return 0;
    };
    match (op, state.stage) {
        (TCP_CONNECT, STAGE_REWRITTEN) => publish(&ctx, state),
        (ACTIVE_ESTABLISHED, STAGE_PUBLISHED) => state.stage = STAGE_ESTABLISHED,
        _ => {}
    }
    0
}

/// Moves the record from the socket's cookie to the connection's two ends.
#[inline(always)]
fn publish(ctx: &SockOpsContext, state: &mut SocketState) {
    // Removing first frees the place that the insertion then takes.
    let _gone = RECORDS.remove(&state.key);
    let v6 = state.key.disguised_address[0] != 0;
    // Both are read whatever the family: the verifier refuses one load from a chosen place of the context.
    let (as_v4, as_v6) = (local_v4(ctx), local_v6(ctx));
    let client = if v6 { as_v6 } else { [0, 0, 0xffff_u32.to_be(), as_v4] };
    // SAFETY: plain integers of one size.
    state.key.client_address = unsafe { core::mem::transmute::<[u32; 4], [u8; 16]>(client) };
    state.key.client_port = ctx.local_port() as u16;
    state.key.netns_cookie = state.record.netns_cookie;
    match RECORDS.insert(&state.key, &state.record, 0) {
        Ok(()) => state.stage = STAGE_PUBLISHED,
        // Without a record the gateway closes the connection.
        Err(_) => count(Refusal::RecordsFull as u32),
    }
}

#[inline(always)]
fn local_v4(ctx: &SockOpsContext) -> u32 {
    // SAFETY: a plain field of the context; volatile, since each field is one load to the kernel.
    unsafe { read_volatile(&raw const (*ctx.ops).local_ip4) }
}

#[inline(always)]
fn local_v6(ctx: &SockOpsContext) -> [u32; 4] {
    // SAFETY: as above.
    unsafe {
        [
            read_volatile(&raw const (*ctx.ops).local_ip6[0]),
            read_volatile(&raw const (*ctx.ops).local_ip6[1]),
            read_volatile(&raw const (*ctx.ops).local_ip6[2]),
            read_volatile(&raw const (*ctx.ops).local_ip6[3]),
        ]
    }
}
