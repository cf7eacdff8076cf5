//! Tells user space of each network namespace that a job's task comes to, before its first connect there.
//!
//! New tasks and new programs are seen early, while a container is still being set up. A socket is the last
//! moment: a task that makes one where the gateway does not listen yet is stopped until it does.

use crate::gateway;
use crate::job;
use crate::settings::{HOME_NETNS, NET_COOKIE, NSPROXY_NET, STOPS, TASK_NSPROXY, TASK_PID, TASK_TGID};
use crate::task;
use aya_ebpf::EbpfContext;
use aya_ebpf::btf_maps::RingBuf;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_netns_cookie, bpf_ktime_get_boot_ns, bpf_send_signal};
use aya_ebpf::macros::{btf_map, raw_tracepoint};
use aya_ebpf::programs::{RawTracePointContext, SockContext};
use gateway_common::{NAMESPACE_RING, NamespaceEvent};

const SIGSTOP: u32 = 19;

/// Notices for the thread that opens doors, in a ring of their own: a process may be waiting for it.
#[btf_map]
static NAMESPACES: RingBuf<NamespaceEvent, NAMESPACE_RING> = RingBuf::new();

/// A task of a job begins another program, perhaps in a namespace that was made for it.
#[raw_tracepoint(tracepoint = "sched_process_exec")]
pub fn weir_exec(_ctx: RawTracePointContext) -> i32 {
    if !job::of_task().is_none() {
        let ids = bpf_get_current_pid_tgid();
        notice_task(task::current(), (ids >> 32) as u32, ids as u32);
    }
    0
}

/// A task of a job has a child, which does not run yet.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn weir_fork(ctx: RawTracePointContext) -> i32 {
    if !job::of_task().is_none() {
        let child = ctx.arg::<u64>(1);
        let number = |offset| task::field::<u32>(child, offset).unwrap_or(0);
        notice_task(child, number(TASK_TGID.load()), number(TASK_PID.load()));
    }
    0
}

/// A task of a job makes a socket.
#[inline(always)]
pub fn notice_socket(ctx: &SockContext) {
    // SAFETY: the helper accepts this context.
    let cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    // A gateway that has left has no listener at home either: who comes then is refused, not kept waiting.
    if cookie == HOME_NETNS.load() || gateway::port(cookie) != 0 {
        return;
    }
    let now = now();
    // Whoever is stopped must be continued by someone.
    let stop = STOPS.load() != 0 && gateway::is_alive(now);
    let ids = bpf_get_current_pid_tgid();
    if tell(cookie, (ids >> 32) as u32, ids as u32, now, stop) && stop {
        // SAFETY: the signal is sent to the calling process, which takes it on its way back to user space.
        unsafe { bpf_send_signal(SIGSTOP) };
    }
}

#[inline(always)]
fn notice_task(task: u64, tgid: u32, tid: u32) {
    let cookie = task::field::<u64>(task, TASK_NSPROXY.load())
        .and_then(|all| task::field::<u64>(all, NSPROXY_NET.load()))
        .and_then(|net| task::field::<u64>(net, NET_COOKIE.load()));
    if let Some(cookie) = cookie
        && gateway::port(cookie) == 0
    {
        tell(cookie, tgid, tid, now(), false);
    }
}

/// Whether there was room to say so. What is lost here is seen again at the next socket.
#[inline(always)]
fn tell(netns_cookie: u64, tgid: u32, tid: u32, seen_boottime_ns: u64, stop: bool) -> bool {
    let event = NamespaceEvent { netns_cookie, seen_boottime_ns, tgid, tid, stopped: u32::from(stop), padding: 0 };
    NAMESPACES.output(event, 0).is_ok()
}

#[inline(always)]
fn now() -> u64 {
    // SAFETY: no argument, no state.
    unsafe { bpf_ktime_get_boot_ns() }
}
