//! `bind4` and `bind6`: the gateway's port is the gateway's.

use crate::address::{Address, read_port, read_v4, read_v6};
use crate::caller::{self, Verdict};
use crate::gateway;
use crate::refuse::{EADDRINUSE, PROCEED};
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::generated::bpf_get_netns_cookie;
use aya_ebpf::macros::cgroup_sock_addr;
use aya_ebpf::programs::SockAddrContext;
use gateway_common::Refusal;

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
    // SAFETY: the helper accepts this context.
    let netns_cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    let port = read_port(ctx);
    if port != 0 && gateway::port(netns_cookie) == port {
        return caller::refused(ctx, address, caller.job, &Verdict::refused(Refusal::Bind, EADDRINUSE));
    }
    PROCEED
}
