//! `bind4` and `bind6`: the gateway's port is the gateway's, and some jobs listen on loopback alone.

use crate::address::{Address, MAPPED, is_loopback, is_v4, read_port, read_v4, read_v6};
use crate::caller::{self, Verdict};
use crate::gateway::{self, IPPROTO_TCP};
use crate::refuse::{EACCES, EADDRINUSE, PROCEED};
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_get_netns_cookie;
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use gateway_common::{FLAG_LISTEN_ON_LOOPBACK, Refusal};

#[cgroup_sock_addr(bind4)]
pub fn weir_bind4(ctx: SockAddrContext) -> i32 {
    bind(&ctx, read_v4(&ctx))
}

#[cgroup_sock_addr(bind6)]
pub fn weir_bind6(ctx: SockAddrContext) -> i32 {
    bind(&ctx, read_v6(&ctx))
}

#[inline(always)]
fn bind(ctx: &SockAddrContext, address: Address) -> i32 {
    // A socket from elsewhere is refused when it connects; bound it harms nobody.
    let caller = caller::of(ctx);
    if caller.state.is_none() {
        return PROCEED;
    }
    let job = caller.job;
    // SAFETY: the helper accepts this context.
    let netns_cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    let port = read_port(ctx);
    if port != 0 && gateway::port(netns_cookie) == port {
        return caller::refused(ctx, address, job, &Verdict::refused(Refusal::Bind, EADDRINUSE));
    }
    let closed = job.flags & FLAG_LISTEN_ON_LOOPBACK != 0;
    // A datagram socket is bound to send; what it sends beyond loopback is refused anyway.
    if closed && caller::protocol(ctx) == IPPROTO_TCP && !is_this_host_alone(address) {
        return caller::refused(ctx, address, job, &Verdict::refused(Refusal::Bind, EACCES));
    }
    PROCEED
}

/// A loopback address proper: the unspecified one means every address there is.
#[inline(always)]
fn is_this_host_alone(address: Address) -> bool {
    is_loopback(address) && address != [0; 4] && !(is_v4(address) && address == [0, 0, MAPPED, 0])
}
