//! UDP of jobs: DNS goes to the gateway and comes back as if from the server that was asked; the rest is refused.

use crate::address::{
    Address, bytes, disguise, has_disguise, is_disguise, is_loopback, is_v4, read_port, read_v4, read_v6, words, write_port,
    write_v4, write_v6,
};
use crate::caller::{self, Caller, REFUSED, REWRITTEN, Verdict};
use crate::connect::{AF_INET, AF_INET6, unbind_device};
use crate::gateway::{self, IPPROTO_UDP};
use crate::maps::{FLOWS, socket_state};
use crate::refuse::{ECONNREFUSED, ENETUNREACH, EPERM, PROCEED};
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::{bpf_get_netns_cookie, bpf_ktime_get_boot_ns};
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use core::ptr::read_volatile;
use gateway_common::{FlowKey, JobTag, Refusal, STAGE_IDLE, SocketState, TOKENS_MAX};

const DNS: u16 = 53;

/// An IPv6 socket that sends to a v4-mapped address is seen here, too.
#[cgroup_sock_addr(sendmsg4)]
pub fn weir_sendmsg4(ctx: SockAddrContext) -> i32 {
    let to = read_v4(&ctx);
    let caller = caller::of(&ctx);
    let job = caller.job;
    let verdict = send(&ctx, AF_INET, to, caller);
    match verdict.what {
        REFUSED => caller::refused(&ctx, to, job, &verdict),
        REWRITTEN => {
            write_v4(&ctx, verdict.to[3]);
            write_port(&ctx, verdict.port as u16);
            PROCEED
        }
        _ => PROCEED,
    }
}

#[cgroup_sock_addr(sendmsg6)]
pub fn weir_sendmsg6(ctx: SockAddrContext) -> i32 {
    let to = read_v6(&ctx);
    let caller = caller::of(&ctx);
    let job = caller.job;
    let verdict = send(&ctx, AF_INET6, to, caller);
    match verdict.what {
        REFUSED => caller::refused(&ctx, to, job, &verdict),
        REWRITTEN => {
            write_v6(&ctx, verdict.to);
            write_port(&ctx, verdict.port as u16);
            PROCEED
        }
        _ => PROCEED,
    }
}

#[cgroup_sock_addr(recvmsg4)]
pub fn weir_recvmsg4(ctx: SockAddrContext) -> i32 {
    let (address, port) = original(&ctx, read_v4(&ctx));
    if port != 0 {
        write_v4(&ctx, address[3]);
        write_port(&ctx, port);
    }
    PROCEED
}

#[cgroup_sock_addr(recvmsg6)]
pub fn weir_recvmsg6(ctx: SockAddrContext) -> i32 {
    let (address, port) = original(&ctx, read_v6(&ctx));
    if port != 0 {
        write_v6(&ctx, address);
        write_port(&ctx, port);
    }
    PROCEED
}

/// Decides on a UDP connect. One that is not DNS may stand, since it only asks for a route and a source address
/// (getaddrinfo(3) sorts by it); what is then sent is refused as it would leave, by `egress`.
#[inline(always)]
pub fn connect(ctx: &SockAddrContext, family: u16, address: Address, job: JobTag, state: &mut SocketState) -> Verdict {
    state.stage = STAGE_IDLE;
    if read_port(ctx) != DNS && !is_loopback(address) && !is_disguise(address) {
        return Verdict::untouched();
    }
    redirect(ctx, family, address, job, state)
}

/// What the gateway's socket is shown as, the server that was asked: port 0 where it is not the gateway's.
#[inline(always)]
pub fn original(ctx: &SockAddrContext, token: Address) -> (Address, u16) {
    const NONE: (Address, u16) = ([0; 4], 0);
    if !is_disguise(token) {
        return NONE;
    }
    // SAFETY: `ctx.sk` of a `cgroup_sock_addr` program is always there.
    if unsafe { socket_state(read_volatile(&raw const (*ctx.sock_addr).__bindgen_anon_1.sk).cast()) }.is_none() {
        return NONE;
    }
    // SAFETY: the values are copied before anything can change the map.
    unsafe { FLOWS.get(key(ctx, token)) }.map_or(NONE, |flow| (words(flow.original_address), flow.original_port))
}

#[inline(always)]
fn send(ctx: &SockAddrContext, family: u16, address: Address, caller: Caller<'_>) -> Verdict {
    if caller.is_free {
        return Verdict::untouched();
    }
    let Some(state) = caller.state else {
        return Verdict::mismatch();
    };
    redirect(ctx, family, address, caller.job, state)
}

/// DNS to the gateway, the job's own sockets to each other, nothing else.
#[inline(always)]
fn redirect(ctx: &SockAddrContext, family: u16, address: Address, job: JobTag, state: &mut SocketState) -> Verdict {
    let port = read_port(ctx);
    if is_disguise(address) {
        // An IPv6 socket that is connected to a v4-mapped address comes by here with each datagram.
        return if is_socket_s_own(state, address) {
            Verdict::untouched()
        } else {
            Verdict::refused(Refusal::DirectToGateway, ECONNREFUSED)
        };
    }
    if gateway::is_own(ctx, IPPROTO_UDP, address, port, job.run) {
        return Verdict::untouched();
    }
    if port != DNS {
        return Verdict::refused(Refusal::Udp, if is_loopback(address) { ECONNREFUSED } else { EPERM });
    }
    // SAFETY: no argument, no state.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    // SAFETY: the helper accepts this context.
    let gateway_port = gateway::port(unsafe { bpf_get_netns_cookie(ctx.as_ptr()) });
    if gateway_port == 0 {
        return Verdict::refused(Refusal::NoListener, ECONNREFUSED);
    }
    if !gateway::is_alive(now) {
        return Verdict::refused(Refusal::StaleHeartbeat, ECONNREFUSED);
    }
    let standing = standing(ctx, state, address);
    if standing != [0; 4] {
        return Verdict::rewritten(standing, gateway_port);
    }
    if !has_disguise(address) {
        return Verdict::refused(Refusal::NoIpv6, ENETUNREACH);
    }
    let token = disguise(is_v4(address));
    if !gateway::listens(ctx, IPPROTO_UDP, token, gateway_port) {
        return Verdict::refused(Refusal::NoGateway, ECONNREFUSED);
    }
    if !caller::count(state, job) {
        return Verdict::refused(Refusal::JobFull, ECONNREFUSED);
    }
    caller::describe(ctx, state, job, now);
    state.record.family = family;
    state.record.original_address = bytes(address);
    state.record.original_port = port;
    if !remember(ctx, state, token) {
        return Verdict::refused(Refusal::RecordsFull, ECONNREFUSED);
    }
    unbind_device(ctx);
    Verdict::rewritten(token, gateway_port)
}

/// The token under which this socket already asks that server; zeros where there is none.
#[inline(always)]
fn standing(ctx: &SockAddrContext, state: &SocketState, address: Address) -> Address {
    let meant = bytes(address);
    for token in state.tokens {
        let token = words(token);
        // SAFETY: the values are read before anything can change the map.
        if let Some(flow) = unsafe { FLOWS.get(key(ctx, token)) }
            && flow.original_address == meant
        {
            return token;
        }
    }
    [0; 4]
}

/// Writes the flow down, in place of the socket's oldest where it has many.
#[inline(always)]
fn remember(ctx: &SockAddrContext, state: &mut SocketState, token: Address) -> bool {
    let place = state.next_token as usize % TOKENS_MAX;
    let Some(slot) = state.tokens.get_mut(place) else {
        return false;
    };
    let _gone = FLOWS.remove(key(ctx, words(*slot)));
    *slot = bytes(token);
    state.next_token = (place as u32 + 1) % TOKENS_MAX as u32;
    FLOWS.insert(key(ctx, token), &state.record, 0).is_ok()
}

#[inline(always)]
fn is_socket_s_own(state: &SocketState, address: Address) -> bool {
    let address = bytes(address);
    state.tokens.iter().any(|token| *token == address)
}

#[inline(always)]
fn key(ctx: &SockAddrContext, token: Address) -> FlowKey {
    // SAFETY: the helper accepts this context.
    FlowKey { token: bytes(token), netns_cookie: unsafe { bpf_get_netns_cookie(ctx.as_ptr()) } }
}
