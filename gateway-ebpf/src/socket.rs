//! `sock_create` and `sock_release`: which sockets a job may make, who made them, and what they leave.

use crate::gateway;
use crate::job;
use crate::maps::{FLOWS, RECORDS, make_socket_state, socket_state};
use crate::namespaces;
use crate::refuse::{EACCES, EPROTONOSUPPORT, PROCEED, refuse};
use crate::task;
use aya_ebpf::macros::cgroup_sock;
use aya_ebpf::programs::SockContext;
use gateway_common::{FlowKey, Refusal, STAGE_PUBLISHED, STAGE_REWRITTEN};

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
        (SOCK_STREAM, _) => return refuse(Refusal::SocketKind as u32, EPROTONOSUPPORT),
        _ => return refuse(Refusal::SocketKind as u32, EACCES),
    }
    // SAFETY: the context of a `cgroup_sock` program is its socket.
    let Some(state) = (unsafe { make_socket_state(ctx.sock.cast()) }) else {
        return refuse(Refusal::NoMemory as u32, EACCES);
    };
    state.creator_cgroup = job::task_cgroup();
    state.creator_job = tag;
    state.creator_uid = task::fsuid();
    namespaces::notice_socket(&ctx);
    PROCEED
}

/// A connection that never stood has nobody to take its record, and flows end with their socket.
#[cgroup_sock(sock_release)]
pub fn weir_sock_release(ctx: SockContext) -> i32 {
    // SAFETY: as above.
    let Some(state) = (unsafe { socket_state(ctx.sock.cast()) }) else {
        return PROCEED;
    };
    if matches!(state.stage, STAGE_REWRITTEN | STAGE_PUBLISHED) {
        // Already taken is as good.
        let _gone = RECORDS.remove(&state.key);
    }
    if state.counted != 0 {
        job::close_one(state.creator_job.run);
        state.counted = 0;
        for token in state.tokens {
            let _gone = FLOWS.remove(FlowKey { token, netns_cookie: state.record.netns_cookie });
        }
    }
    PROCEED
}
