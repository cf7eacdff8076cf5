//! `connect4` and `connect6`: send a job's TCP connect to the gateway and remember where it meant to go.

use crate::job;
use crate::maps::{HEARTBEAT, RECORDS, socket_state};
use crate::refuse::{EACCES, ECONNREFUSED, ENETUNREACH, PROCEED, refuse};
use crate::settings::{GATEWAY_PORT, HAS_IPV6};
use crate::task;
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::helpers::generated::{
    bpf_get_netns_cookie, bpf_get_prandom_u32, bpf_get_socket_cookie, bpf_ktime_get_boot_ns, bpf_setsockopt,
};
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use aya_log_ebpf::debug;
use core::mem::transmute;
use core::ptr::{read_volatile, write_volatile};
use gateway_common::{
    ConnectionKey, DISGUISE_V4, DISGUISE_V4_HOST, DISGUISE_V6, HEARTBEAT_STALE_NS, Refusal, STAGE_PUBLISHED, STAGE_REWRITTEN,
    SocketState,
};

const AF_INET: u16 = 2;
const AF_INET6: u16 = 10;
const SOCK_STREAM: u32 = 1;
const IPPROTO_TCP: u32 = 6;
/// The third word of a v4-mapped IPv6 address, as it lies in memory.
const MAPPED: u32 = 0xffff_u32.to_be();

#[cgroup_sock_addr(connect4)]
pub fn weir_connect4(ctx: SockAddrContext) -> i32 {
    if !is_tcp(&ctx) {
        return PROCEED;
    }
    // SAFETY: a plain field of the context.
    let address = unsafe { read_volatile(&raw const (*ctx.sock_addr).user_ip4) };
    match intercept(&ctx, AF_INET, [0, 0, MAPPED, address]) {
        Verdict::Untouched => PROCEED,
        Verdict::Refused(reason, errno) => refused(&ctx, reason, errno),
        Verdict::Rewritten(to) => {
            // SAFETY: the context's destination is the hook's to write.
            unsafe { write_volatile(&raw mut (*ctx.sock_addr).user_ip4, to[3]) };
            rewrite_port(&ctx)
        }
    }
}

#[cgroup_sock_addr(connect6)]
pub fn weir_connect6(ctx: SockAddrContext) -> i32 {
    if !is_tcp(&ctx) {
        return PROCEED;
    }
    // SAFETY: plain fields of the context; one load each.
    let address = unsafe {
        [
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[0]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[1]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[2]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[3]),
        ]
    };
    match intercept(&ctx, AF_INET6, address) {
        Verdict::Untouched => PROCEED,
        Verdict::Refused(reason, errno) => refused(&ctx, reason, errno),
        Verdict::Rewritten(to) => {
            // SAFETY: the context's destination is the hook's to write.
            unsafe {
                write_volatile(&raw mut (*ctx.sock_addr).user_ip6[0], to[0]);
                write_volatile(&raw mut (*ctx.sock_addr).user_ip6[1], to[1]);
                write_volatile(&raw mut (*ctx.sock_addr).user_ip6[2], to[2]);
                write_volatile(&raw mut (*ctx.sock_addr).user_ip6[3], to[3]);
            }
            rewrite_port(&ctx)
        }
    }
}

/// What becomes of a connect.
enum Verdict {
    Untouched,
    Rewritten([u32; 4]),
    Refused(Refusal, i32),
}

/// Decides on a connect to `address` (IPv4 as v4-mapped), and remembers it when it is rewritten.
#[inline(always)]
fn intercept(ctx: &SockAddrContext, family: u16, address: [u32; 4]) -> Verdict {
    if job::is_gateway() {
        return Verdict::Untouched;
    }
    // SAFETY: `ctx.sk` of a `cgroup_sock_addr` program is always there.
    let state = unsafe { socket_state(read_volatile(&raw const (*ctx.sock_addr).__bindgen_anon_1.sk).cast()) };
    let (tag, state) = match (job::of_task(), state) {
        (None, None) => return Verdict::Untouched,
        (Some(tag), Some(state)) if tag == state.creator_job => (tag, state),
        _ => return Verdict::Refused(Refusal::ForeignSocket, EACCES),
    };
    // SAFETY: a plain field of the context.
    let port = u16::from_be(unsafe { read_volatile(&raw const (*ctx.sock_addr).user_port) } as u16);
    if is_gateways(address, port) {
        return Verdict::Refused(Refusal::DirectToGateway, ECONNREFUSED);
    }
    // SAFETY: no argument, no state.
    let now = unsafe { bpf_ktime_get_boot_ns() };
    if !is_alive(now) {
        return Verdict::Refused(Refusal::StaleHeartbeat, ECONNREFUSED);
    }
    let Some(disguised) = disguise(is_v4(address)) else {
        return Verdict::Refused(Refusal::NoIpv6, ENETUNREACH);
    };
    describe(ctx, state, tag, now);
    state.record.family = family;
    // SAFETY: plain integers of one size.
    state.record.original_address = unsafe { transmute::<[u32; 4], [u8; 16]>(address) };
    state.record.original_port = port;
    if !reserve(state, disguised) {
        return Verdict::Refused(Refusal::RecordsFull, ECONNREFUSED);
    }
    unbind_device(ctx);
    Verdict::Rewritten(disguised)
}

/// Writes down who is connecting. The caller waits, so it can't be gone.
#[inline(always)]
fn describe(ctx: &SockAddrContext, state: &mut SocketState, tag: u64, now: u64) {
    let ids = bpf_get_current_pid_tgid();
    let owner = bpf_get_current_uid_gid();
    // A connect that failed on this socket may have left an entry under the former key.
    if matches!(state.stage, STAGE_REWRITTEN | STAGE_PUBLISHED) {
        let _gone = RECORDS.remove(&state.key);
    }
    let record = &mut state.record;
    // SAFETY: both helpers accept this context.
    unsafe {
        record.cookie = bpf_get_socket_cookie(ctx.as_ptr());
        record.netns_cookie = bpf_get_netns_cookie(ctx.as_ptr());
    }
    record.task_cgroup = job::task_cgroup();
    record.socket_cgroup = state.creator_cgroup;
    record.started_boottime_ns = task::started_boottime_ns();
    record.seen_boottime_ns = now;
    record.job = tag;
    record.tgid = (ids >> 32) as u32;
    record.tid = ids as u32;
    record.uid = owner as u32;
    record.gid = (owner >> 32) as u32;
    record.socket_uid = state.creator_uid;
}

/// Takes a place among the records under the socket's cookie, the source port not being known yet.
#[inline(always)]
fn reserve(state: &mut SocketState, disguised: [u32; 4]) -> bool {
    state.key = ConnectionKey {
        // SAFETY: plain integers of one size.
        disguised_address: unsafe { transmute::<[u32; 4], [u8; 16]>(disguised) },
        netns_cookie: state.record.cookie,
        gateway_port: GATEWAY_PORT.load(),
        ..ConnectionKey::default()
    };
    let reserved = RECORDS.insert(&state.key, &state.record, 0).is_ok();
    state.stage = if reserved { STAGE_REWRITTEN } else { 0 };
    reserved
}

/// A random address of the disguise, so that connects from one bound port don't collide.
#[inline(always)]
fn disguise(v4: bool) -> Option<[u32; 4]> {
    if v4 {
        return Some([0, 0, MAPPED, (DISGUISE_V4 | random() & DISGUISE_V4_HOST).to_be()]);
    }
    if HAS_IPV6.load() == 0 {
        return None;
    }
    let [first, second] = disguise_v6();
    Some([first, second, random(), random()])
}

/// Whether a job may not dial this: the disguise, or the gateway's own port on this host.
#[inline(always)]
fn is_gateways(address: [u32; 4], port: u16) -> bool {
    let gateways_port = port == GATEWAY_PORT.load();
    if is_v4(address) {
        let v4 = u32::from_be(address[3]);
        return v4 & !DISGUISE_V4_HOST == DISGUISE_V4 || gateways_port && (v4 >> 24 == 127 || v4 == 0);
    }
    let [first, second] = disguise_v6();
    let here = address[0] == 0 && address[1] == 0 && address[2] == 0 && u32::from_be(address[3]) <= 1;
    address[0] == first && address[1] == second || gateways_port && here
}

#[inline(always)]
const fn is_v4(address: [u32; 4]) -> bool {
    address[0] == 0 && address[1] == 0 && address[2] == MAPPED
}

#[inline(always)]
const fn disguise_v6() -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = DISGUISE_V6;
    [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])]
}

#[inline(always)]
fn is_alive(now: u64) -> bool {
    HEARTBEAT.get(0).is_some_and(|stamp| {
        // SAFETY: user space writes it while this reads.
        let stamp = unsafe { read_volatile(stamp) };
        now < stamp.saturating_add(HEARTBEAT_STALE_NS)
    })
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
fn rewrite_port(ctx: &SockAddrContext) -> i32 {
    let port = u32::from(GATEWAY_PORT.load().to_be());
    // SAFETY: the context's destination is the hook's to write.
    unsafe { write_volatile(&raw mut (*ctx.sock_addr).user_port, port) };
    debug!(ctx, "sent to the gateway: connect of process {}", ctx.tgid());
    PROCEED
}

#[inline(always)]
fn refused(ctx: &SockAddrContext, reason: Refusal, errno: i32) -> i32 {
    debug!(ctx, "refused: connect of process {}, reason {}, errno {}", ctx.tgid(), reason as u32, errno);
    refuse(reason, errno)
}

#[inline(always)]
fn is_tcp(ctx: &SockAddrContext) -> bool {
    // SAFETY: plain fields of the context.
    unsafe {
        read_volatile(&raw const (*ctx.sock_addr).type_) == SOCK_STREAM
            && read_volatile(&raw const (*ctx.sock_addr).protocol) == IPPROTO_TCP
    }
}

#[inline(always)]
fn random() -> u32 {
    // SAFETY: no argument, no state.
    unsafe { bpf_get_prandom_u32() }
}
