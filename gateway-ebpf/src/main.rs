//! weir's kernel side: match a job's sockets, remember who dialled what, rewrite, refuse.
//!
//! No identity, no policy, no strings: those are user space's.
#![no_std]
#![feature(asm_experimental_arch)]
#![no_main]
#![allow(unsafe_code, reason = "kernel contexts are raw pointers")]

mod address;
mod bind;
mod caller;
mod connect;
mod datagram;
mod egress;
mod event;
mod gateway;
mod group;
mod job;
mod maps;
mod member;
mod names;
mod namespaces;
mod publish;
mod refuse;
mod settings;
mod socket;
mod target;
mod task;

/// The helpers that need it are open to GPL-compatible programs alone.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
