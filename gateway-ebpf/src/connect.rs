//! `connect4` and `connect6`: send a job's TCP connect to the gateway and remember where it meant to go.

use crate::address::{
    Address, bytes, disguise, is_disguise, is_link_local, is_loopback, is_v4, read_port, read_v4, read_v6, write_port,
};
use crate::event;
use crate::gateway;
use crate::job;
use crate::maps::{RECORDS, socket_state};
use crate::refuse::{EACCES, ECONNREFUSED, ENETUNREACH, PROCEED, refuse};
use crate::task;
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie, bpf_ktime_get_boot_ns, bpf_setsockopt};
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use aya_log_ebpf::debug;
use core::ptr::read_volatile;
use gateway_common::{ConnectionKey, EventKind, JobTag, Refusal, STAGE_IDLE, STAGE_PUBLISHED, STAGE_REWRITTEN, SocketState};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const SOCK_STREAM: u32 = 1;
const IPPROTO_TCP: u32 = 6;

#[cgroup_sock_addr(connect4)]
pub fn weir_connect4(ctx: SockAddrContext) -> i32 {
    if !is_tcp(&ctx) {
        return PROCEED;
    }
    let to = read_v4(&ctx);
    match intercept(&ctx, AF_INET, to) {
        Verdict::Untouched => PROCEED,
        Verdict::Refused(why) => refused(&ctx, to, why),
        Verdict::Rewritten(to, port) => {
            crate::address::write_v4(&ctx, to[3]);
            rewritten(&ctx, port)
        }
    }
}

#[cgroup_sock_addr(connect6)]
pub fn weir_connect6(ctx: SockAddrContext) -> i32 {
    if !is_tcp(&ctx) {
        return PROCEED;
    }
    let to = read_v6(&ctx);
    match intercept(&ctx, AF_INET6, to) {
        Verdict::Untouched => PROCEED,
        Verdict::Refused(why) => refused(&ctx, to, why),
        Verdict::Rewritten(to, port) => {
            crate::address::write_v6(&ctx, to);
            rewritten(&ctx, port)
        }
    }
}

/// What becomes of a connect.
enum Verdict {
    Untouched,
    Rewritten(Address, u16),
    Refused(Why),
}

/// Why a call is refused, and what the caller sees.
struct Why {
    reason: Refusal,
    errno: i32,
    job: JobTag,
}

/// Decides on a connect to `address` (IPv4 as v4-mapped), and remembers it when it is rewritten.
#[inline(always)]
fn intercept(ctx: &SockAddrContext, family: u16, address: Address) -> Verdict {
    if gateway::is_calling() {
        return Verdict::Untouched;
    }
    // SAFETY: `ctx.sk` of a `cgroup_sock_addr` program is always there.
    let state = unsafe { socket_state(read_volatile(&raw const (*ctx.sock_addr).__bindgen_anon_1.sk).cast()) };
    let task_job = job::of_task();
    let no = |reason, errno| Verdict::Refused(Why { reason, errno, job: task_job });
    let Some(state) = state else {
        return if task_job.is_none() { Verdict::Untouched } else { no(Refusal::ForeignSocket, EACCES) };
    };
    if state.creator_job.run != task_job.run {
        return no(Refusal::ForeignSocket, EACCES);
    }
    let port = read_port(ctx);
    // SAFETY: the helper accepts this context.
    let netns_cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    let Some(gateway_port) = gateway::port(netns_cookie) else {
        return no(Refusal::NoListener, ECONNREFUSED);
    };
    if is_disguise(address) || port == gateway_port && is_loopback(address) {
        return no(Refusal::DirectToGateway, ECONNREFUSED);
    }
    // Without a device it names no host, and the gateway would dial it over another one.
    if is_link_local(address) {
        return no(Refusal::LinkLocal, ENETUNREACH);
    }
    // SAFETY: no argument, no state.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    if !gateway::is_alive(now) {
        return no(Refusal::StaleHeartbeat, ECONNREFUSED);
    }
    let Some(disguised) = disguise(is_v4(address)) else {
        return no(Refusal::NoIpv6, ENETUNREACH);
    };
    if !gateway::listens(ctx, disguised, gateway_port) {
        return no(Refusal::NoGateway, ECONNREFUSED);
    }
    describe(ctx, state, task_job, now);
    state.record.netns_cookie = netns_cookie;
    state.record.family = family;
    state.record.original_address = bytes(address);
    state.record.original_port = port;
    if !reserve(state, disguised, gateway_port) {
        return no(Refusal::RecordsFull, ECONNREFUSED);
    }
    unbind_device(ctx);
    Verdict::Rewritten(disguised, gateway_port)
}

/// Writes down who is connecting. The caller waits, so it can't be gone.
#[inline(always)]
fn describe(ctx: &SockAddrContext, state: &mut SocketState, tag: JobTag, now: u64) {
    let ids = bpf_get_current_pid_tgid();
    let owner = bpf_get_current_uid_gid();
    // A connect that failed on this socket may have left an entry under the former key.
    if matches!(state.stage, STAGE_REWRITTEN | STAGE_PUBLISHED) {
        let _gone = RECORDS.remove(&state.key);
    }
    let record = &mut state.record;
    // SAFETY: the helper accepts this context.
    record.cookie = unsafe { bpf_get_socket_cookie(ctx.as_ptr()) };
    record.task_cgroup = job::task_cgroup();
    record.socket_cgroup = state.creator_cgroup;
    record.started_boottime_ns = task::started_boottime_ns();
    record.seen_boottime_ns = now;
    record.job = tag;
    (record.executable_inode, record.executable_device) = task::executable();
    record.tgid = (ids >> 32) as u32;
    record.tid = ids as u32;
    record.uid = owner as u32;
    record.gid = (owner >> 32) as u32;
    record.socket_uid = state.creator_uid;
}

/// Takes a place among the records under the socket's cookie, the source port not being known yet.
#[inline(always)]
fn reserve(state: &mut SocketState, disguised: Address, gateway_port: u16) -> bool {
    state.key = ConnectionKey {
        disguised_address: bytes(disguised),
        netns_cookie: state.record.cookie,
        gateway_port,
        ..ConnectionKey::default()
    };
    let reserved = RECORDS.insert(&state.key, &state.record, 0).is_ok();
    state.stage = if reserved { STAGE_REWRITTEN } else { STAGE_IDLE };
    reserved
}

/// A socket that is bound to another device would never reach `lo`.
#[inline(always)]
fn unbind_device(ctx: &SockAddrContext) {
    const SOL_SOCKET: i32 = 1;
    const SO_BINDTOIFINDEX: i32 = 62;
    let mut none = 0_i32;
    // SAFETY: the helper copies the four bytes; a failure leaves the connect to fail by itself.
    unsafe {
        bpf_setsockopt(ctx.as_ptr(), SOL_SOCKET, SO_BINDTOIFINDEX, (&raw mut none).cast(), 4);
    }
}

#[inline(always)]
fn rewritten(ctx: &SockAddrContext, port: u16) -> i32 {
    write_port(ctx, port);
    debug!(ctx, "sent to the gateway: connect of process {}", ctx.tgid());
    PROCEED
}

#[inline(always)]
fn refused(ctx: &SockAddrContext, to: Address, why: Why) -> i32 {
    debug!(ctx, "refused: connect of process {}, reason {}, errno {}", ctx.tgid(), why.reason as u32, why.errno);
    let mut event = event::of_task(EventKind::Refused, why.job);
    event.reason = why.reason as u32;
    // SAFETY: the helper accepts this context.
    event.netns_cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    event.address = bytes(to);
    event.port = read_port(ctx);
    // SAFETY: a plain field of the context.
    event.protocol = unsafe { read_volatile(&raw const (*ctx.sock_addr).protocol) } as u16;
    event::tell(&event);
    refuse(why.reason, why.errno)
}

#[inline(always)]
fn is_tcp(ctx: &SockAddrContext) -> bool {
    // SAFETY: plain fields of the context.
    unsafe {
        read_volatile(&raw const (*ctx.sock_addr).type_) == SOCK_STREAM
            && read_volatile(&raw const (*ctx.sock_addr).protocol) == IPPROTO_TCP
    }
}
