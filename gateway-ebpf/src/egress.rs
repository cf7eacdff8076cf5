//! `egress`: what a job's socket sends stays on the loopback device, whatever was done to get it out.
//!
//! It runs behind routing and address translation: a job with a network namespace of its own may have changed both.

use crate::maps::socket_state;
use crate::refuse::count;
use aya_ebpf::helpers::generated::bpf_sk_fullsock;
use aya_ebpf::macros::cgroup_skb;
use aya_ebpf::programs::SkBuffContext;
use core::ptr::read_volatile;
use gateway_common::{FLAG_LISTEN_ON_LOOPBACK, Refusal, STAGE_PASSED};

const LOOPBACK_INDEX: u32 = 1;
const TCP: u32 = 6;
const TCP_LISTEN: u32 = 10;
const PASS: i32 = 1;
const DROP: i32 = 0;

#[cgroup_skb(egress)]
pub fn weir_egress(ctx: SkBuffContext) -> i32 {
    // SAFETY: plain fields of the context.
    let (device, socket) = unsafe {
        let socket = (*ctx.skb.skb).__bindgen_anon_2.sk;
        (read_volatile(&raw const (*ctx.skb.skb).ifindex), socket)
    };
    if device == LOOPBACK_INDEX || socket.is_null() {
        return PASS;
    }
    // SAFETY: not null.
    let socket = unsafe { bpf_sk_fullsock(socket) };
    if socket.is_null() {
        return PASS;
    }
    // SAFETY: a full socket, not null.
    let Some(state) = (unsafe { socket_state(socket.cast()) }) else {
        return PASS;
    };
    // SAFETY: plain fields of the socket.
    let (protocol, at) = unsafe { (read_volatile(&raw const (*socket).protocol), read_volatile(&raw const (*socket).state)) };
    let answers = protocol == TCP && at == TCP_LISTEN && state.creator_job.flags & FLAG_LISTEN_ON_LOOPBACK == 0;
    if answers || state.stage == STAGE_PASSED {
        return PASS;
    }
    count(if protocol == TCP { Refusal::Leak } else { Refusal::Udp } as u32);
    DROP
}
