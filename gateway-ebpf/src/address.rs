//! Addresses as the hooks handle them: four words in network order, IPv4 as v4-mapped.

use crate::settings::HAS_IPV6;
use aya_ebpf::helpers::generated::bpf_get_prandom_u32;
use aya_ebpf::programs::SockAddrContext;
use core::mem::transmute;
use core::ptr::{read_volatile, write_volatile};
use gateway_common::{DISGUISE_V4, DISGUISE_V4_HOST, DISGUISE_V6};

/// The third word of a v4-mapped IPv6 address, as it lies in memory.
pub const MAPPED: u32 = 0xffff_u32.to_be();

/// An address; IPv4 as v4-mapped.
pub type Address = [u32; 4];

/// The IPv4 destination of the context.
#[inline(always)]
pub fn read_v4(ctx: &SockAddrContext) -> Address {
    // SAFETY: a plain field of the context.
    [0, 0, MAPPED, unsafe { read_volatile(&raw const (*ctx.sock_addr).user_ip4) }]
}

/// The IPv6 address of the context.
#[inline(always)]
pub fn read_v6(ctx: &SockAddrContext) -> Address {
    // SAFETY: plain fields of the context; one load each.
    unsafe {
        [
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[0]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[1]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[2]),
            read_volatile(&raw const (*ctx.sock_addr).user_ip6[3]),
        ]
    }
}

/// The port of the context, in host order.
#[inline(always)]
pub fn read_port(ctx: &SockAddrContext) -> u16 {
    // SAFETY: a plain field of the context.
    u16::from_be(unsafe { read_volatile(&raw const (*ctx.sock_addr).user_port) } as u16)
}

/// Replaces the context's IPv4 address.
#[inline(always)]
pub fn write_v4(ctx: &SockAddrContext, address: u32) {
    // SAFETY: the address is the hook's to write.
    unsafe { write_volatile(&raw mut (*ctx.sock_addr).user_ip4, address) };
}

/// Replaces the context's IPv6 address.
#[inline(always)]
pub fn write_v6(ctx: &SockAddrContext, address: Address) {
    // SAFETY: the address is the hook's to write; one store each.
    unsafe {
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[0], address[0]);
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[1], address[1]);
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[2], address[2]);
        write_volatile(&raw mut (*ctx.sock_addr).user_ip6[3], address[3]);
    }
}

/// Replaces the context's port, given in host order.
#[inline(always)]
pub fn write_port(ctx: &SockAddrContext, port: u16) {
    // SAFETY: the port is the hook's to write.
    unsafe { write_volatile(&raw mut (*ctx.sock_addr).user_port, u32::from(port.to_be())) };
}

/// A random address of the disguise, so that connects from one bound port don't collide.
#[inline(always)]
pub fn disguise(v4: bool) -> Address {
    if v4 {
        return [0, 0, MAPPED, (DISGUISE_V4 | random() & DISGUISE_V4_HOST).to_be()];
    }
    let [first, second] = disguise_v6();
    [first, second, random(), random()]
}

/// Whether this host has a disguise for the address's family.
#[inline(always)]
pub fn has_disguise(address: Address) -> bool {
    is_v4(address) || HAS_IPV6.load() != 0
}

/// Whether it is one of the disguise's.
#[inline(always)]
pub fn is_disguise(address: Address) -> bool {
    if is_v4(address) {
        return u32::from_be(address[3]) & !DISGUISE_V4_HOST == DISGUISE_V4;
    }
    let [first, second] = disguise_v6();
    address[0] == first && address[1] == second
}

/// Whether it means this host by the loopback device: 127/8, `::1`, and the unspecified ones.
#[inline(always)]
pub fn is_loopback(address: Address) -> bool {
    if is_v4(address) {
        let v4 = u32::from_be(address[3]);
        return v4 >> 24 == 127 || v4 == 0;
    }
    address[0] == 0 && address[1] == 0 && address[2] == 0 && u32::from_be(address[3]) <= 1
}

/// Whether it is link-local IPv6, fe80::/10.
#[inline(always)]
pub const fn is_link_local(address: Address) -> bool {
    u32::from_be(address[0]) >> 22 == 0xfe80_0000 >> 22
}

/// Whether it is IPv4, v4-mapped.
#[inline(always)]
pub const fn is_v4(address: Address) -> bool {
    address[0] == 0 && address[1] == 0 && address[2] == MAPPED
}

/// The same in bytes.
#[inline(always)]
pub const fn bytes(address: Address) -> [u8; 16] {
    // SAFETY: plain integers of one size.
    unsafe { transmute::<Address, [u8; 16]>(address) }
}

/// The same in words.
#[inline(always)]
pub const fn words(address: [u8; 16]) -> Address {
    // SAFETY: plain integers of one size.
    unsafe { transmute::<[u8; 16], Address>(address) }
}

#[inline(always)]
const fn disguise_v6() -> [u32; 2] {
    let [a, b, c, d, e, f, g, h] = DISGUISE_V6;
    [u32::from_ne_bytes([a, b, c, d]), u32::from_ne_bytes([e, f, g, h])]
}

#[inline(always)]
fn random() -> u32 {
    // SAFETY: no argument, no state.
    unsafe { bpf_get_prandom_u32() }
}
