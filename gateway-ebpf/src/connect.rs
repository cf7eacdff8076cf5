//! `connect4` and `connect6`: send a job's TCP connect to the gateway and remember where it meant to go.

use crate::address::{
    Address, bytes, disguise, has_disguise, is_disguise, is_link_local, is_loopback, is_v4, read_port, read_v4, read_v6,
    write_port, write_v4, write_v6,
};
use crate::caller::{self, Caller, REFUSED, REWRITTEN, Verdict};
use crate::datagram;
use crate::gateway::{self, IPPROTO_TCP, IPPROTO_UDP};
use crate::maps::RECORDS;
use crate::refuse::{EACCES, ECONNREFUSED, ENETUNREACH, PROCEED};
use crate::target;
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::{bpf_get_netns_cookie, bpf_ktime_get_boot_ns, bpf_setsockopt};
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use aya_log_ebpf::debug;
use gateway_common::{
    ConnectionKey, EventKind, JobTag, Refusal, STAGE_IDLE, STAGE_PASSED, STAGE_PUBLISHED, STAGE_REWRITTEN, SocketState,
    TARGET_CLOSED, TARGET_PASS_WHEN_DOWN,
};

/// The family of an IPv4 socket.
pub const AF_INET: u16 = 2;
/// The family of an IPv6 socket.
pub const AF_INET6: u16 = 10;

#[cgroup_sock_addr(connect4)]
pub fn weir_connect4(ctx: SockAddrContext) -> i32 {
    let (to, caller) = (read_v4(&ctx), caller::of(&ctx));
    let job = caller.job;
    let verdict = decide(&ctx, AF_INET, to, caller);
    match verdict.what {
        REFUSED => caller::refused(&ctx, to, job, &verdict),
        REWRITTEN => {
            write_v4(&ctx, verdict.to[3]);
            rewritten(&ctx, verdict.port)
        }
        _ => PROCEED,
    }
}

#[cgroup_sock_addr(connect6)]
pub fn weir_connect6(ctx: SockAddrContext) -> i32 {
    let (to, caller) = (read_v6(&ctx), caller::of(&ctx));
    let job = caller.job;
    let verdict = decide(&ctx, AF_INET6, to, caller);
    match verdict.what {
        REFUSED => caller::refused(&ctx, to, job, &verdict),
        REWRITTEN => {
            write_v6(&ctx, verdict.to);
            rewritten(&ctx, verdict.port)
        }
        _ => PROCEED,
    }
}

#[inline(always)]
fn decide(ctx: &SockAddrContext, family: u16, address: Address, caller: Caller<'_>) -> Verdict {
    if caller.is_gateway {
        return Verdict::untouched();
    }
    if caller.is_free {
        return outsider(ctx, address);
    }
    let Some(state) = caller.state else {
        return Verdict::mismatch();
    };
    match caller::protocol(ctx) {
        IPPROTO_TCP => intercept(ctx, family, address, caller.job, state),
        IPPROTO_UDP => datagram::connect(ctx, family, address, caller.job, state),
        _ => Verdict::refused(Refusal::SocketKind, EACCES),
    }
}

/// Someone in no job goes where they like, unless the target is for jobs alone.
#[inline(always)]
fn outsider(ctx: &SockAddrContext, address: Address) -> Verdict {
    if target::flags(address, read_port(ctx)) & TARGET_CLOSED != 0 {
        return Verdict::refused(Refusal::ClosedTarget, EACCES);
    }
    Verdict::untouched()
}

/// Decides on a job's connect to `address` (IPv4 as v4-mapped), and remembers it when it is rewritten.
#[inline(always)]
fn intercept(ctx: &SockAddrContext, family: u16, address: Address, job: JobTag, state: &mut SocketState) -> Verdict {
    let port = read_port(ctx);
    // A connect that failed on this socket may have left an entry under the former key.
    if matches!(state.stage, STAGE_REWRITTEN | STAGE_PUBLISHED) {
        let _gone = RECORDS.remove(&state.key);
    }
    state.stage = STAGE_IDLE;
    // SAFETY: the helper accepts this context.
    let netns_cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    let gateway_port = gateway::port(netns_cookie);
    if is_disguise(address) || gateway_port == port && is_loopback(address) {
        return Verdict::refused(Refusal::DirectToGateway, ECONNREFUSED);
    }
    // Without a device it names no host, and the gateway would dial it over another one.
    if is_link_local(address) {
        return Verdict::refused(Refusal::LinkLocal, ENETUNREACH);
    }
    if gateway::is_own(ctx, IPPROTO_TCP, address, port, job.run) {
        return Verdict::untouched();
    }
    if !has_disguise(address) {
        return Verdict::refused(Refusal::NoIpv6, ENETUNREACH);
    }
    // SAFETY: no argument, no state.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    let disguised = disguise(is_v4(address));
    if gateway_port == 0 {
        return down(ctx, state, address, port, job, Refusal::NoListener);
    }
    if !gateway::is_alive(now) {
        return down(ctx, state, address, port, job, Refusal::StaleHeartbeat);
    }
    if !gateway::listens(ctx, IPPROTO_TCP, disguised, gateway_port) {
        return down(ctx, state, address, port, job, Refusal::NoGateway);
    }
    if !caller::count(state, job) {
        return Verdict::refused(Refusal::JobFull, ECONNREFUSED);
    }
    caller::describe(ctx, state, job, now);
    state.record.family = family;
    state.record.original_address = bytes(address);
    state.record.original_port = port;
    if !reserve(state, disguised, gateway_port) {
        return Verdict::refused(Refusal::RecordsFull, ECONNREFUSED);
    }
    unbind_device(ctx);
    Verdict::rewritten(disguised, gateway_port)
}

/// The gateway is down: refused, unless the target is set to be reached without it then.
#[inline(always)]
fn down(ctx: &SockAddrContext, state: &mut SocketState, address: Address, port: u16, job: JobTag, reason: Refusal) -> Verdict {
    if target::flags(address, port) & TARGET_PASS_WHEN_DOWN == 0 {
        return Verdict::refused(reason, ECONNREFUSED);
    }
    caller::tell(ctx, EventKind::Passed, reason as u32, job, address);
    state.stage = STAGE_PASSED;
    Verdict::untouched()
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
pub fn unbind_device(ctx: &SockAddrContext) {
    const SOL_SOCKET: i32 = 1;
    const SO_BINDTOIFINDEX: i32 = 62;
    let mut none = 0_i32;
    // SAFETY: the helper copies the four bytes; a failure leaves the connect to fail by itself.
    unsafe {
        bpf_setsockopt(ctx.as_ptr(), SOL_SOCKET, SO_BINDTOIFINDEX, (&raw mut none).cast(), 4);
    }
}

#[inline(always)]
fn rewritten(ctx: &SockAddrContext, port: u32) -> i32 {
    write_port(ctx, port as u16);
    debug!(ctx, "sent to the gateway: call of process {}", ctx.tgid());
    PROCEED
}
