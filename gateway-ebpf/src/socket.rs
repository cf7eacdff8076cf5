//! `sock_create` and `sock_release`: which sockets a job may make, who made them, and what they leave.

use crate::gateway;
use crate::job;
use crate::maps::{RECORDS, make_socket_state, socket_state};
use crate::refuse::{EACCES, EPROTONOSUPPORT, PROCEED, refuse};
use crate::task;
use aya_ebpf::macros::cgroup_sock;
use aya_ebpf::programs::SockContext;
use gateway_common::{Refusal, STAGE_PUBLISHED, STAGE_REWRITTEN};

const SOCK_STREAM: u32 = 1;
const SOCK_DGRAM: u32 = 2;
const IPPROTO_TCP: u32 = 6;
const IPPROTO_UDP: u32 = 17;

#[cgroup_sock(sock_create)]
pub fn weir_sock_create(ctx: SockContext) -> i32 {
    if gateway::is_calling() {
        return PROCEED;
    }
    let tag = job::of_task();
    if tag.is_none() {
        return PROCEED;
    }
    // SAFETY: the kernel lends the socket for this call.
    let (kind, protocol) = unsafe { ((*ctx.sock).type_, (*ctx.sock).protocol) };
    match (kind, protocol) {
        (SOCK_STREAM, IPPROTO_TCP) | (SOCK_DGRAM, IPPROTO_UDP) => {}
        (SOCK_STREAM, _) => return refuse(Refusal::SocketKind, EPROTONOSUPPORT),
        _ => return refuse(Refusal::SocketKind, EACCES),
    }
    // SAFETY: the context of a `cgroup_sock` program is its socket.
    let Some(state) = (unsafe { make_socket_state(ctx.sock.cast()) }) else {
        return refuse(Refusal::NoMemory, EACCES);
    };
    state.creator_cgroup = job::task_cgroup();
    state.creator_job = tag;
    state.creator_uid = task::fsuid();
    PROCEED
}

/// A connection that never stood has nobody to take its record.
#[cgroup_sock(sock_release)]
pub fn weir_sock_release(ctx: SockContext) -> i32 {
    // SAFETY: as above.
    if let Some(state) = unsafe { socket_state(ctx.sock.cast()) }
        && matches!(state.stage, STAGE_REWRITTEN | STAGE_PUBLISHED)
    {
        // Already taken is as good.
        let _gone = RECORDS.remove(&state.key);
    }
    PROCEED
}
