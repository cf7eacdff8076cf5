//! A program of its own: ends a job's process that has io_uring make a socket which seccomp would refuse.
//!
//! `IORING_OP_SOCKET` makes sockets without a system call for each, and `cgroup/sock_create` runs for internet
//! families alone. The tracepoint comes after the request was read and before it is carried out; it can't refuse, so it kills.
#![no_std]
#![no_main]
#![allow(unsafe_code, reason = "kernel contexts are raw pointers")]

use aya_ebpf::Global;
use aya_ebpf::btf_maps::{HashMap, PerCpuArray};
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id, bpf_send_signal};
use aya_ebpf::macros::{btf_map, btf_tracepoint};
use aya_ebpf::programs::BtfTracePointContext;
use gateway_common::CGROUP_LEVELS_MAX;

const OP_SOCKET: u8 = 45;
const SIGKILL: u32 = 9;
/// UNIX, INET, INET6, NETLINK: what the launcher's seccomp filter lets through.
const FAMILIES: [u32; 4] = [1, 2, 10, 16];

/// Offset of `io_kiocb.opcode`.
#[unsafe(no_mangle)]
pub static REQUEST_OPCODE: Global<u32> = Global::new(0);
/// Offset of `io_socket.domain`; the command's own data are at the request's beginning.
#[unsafe(no_mangle)]
pub static SOCKET_DOMAIN: Global<u32> = Global::new(0);

/// The cgroups whose processes are watched.
#[btf_map]
pub static WATCHED: HashMap<u64, u64, 64> = HashMap::new();
/// How often a process was ended.
#[btf_map]
pub static KILLED: PerCpuArray<u64, 1> = PerCpuArray::new();

#[btf_tracepoint(function = "io_uring_submit_req")]
pub fn weir_uring_submit(ctx: BtfTracePointContext) -> i32 {
    let request = ctx.arg::<u64>(0);
    if field::<u8>(request, REQUEST_OPCODE.load()) != Some(OP_SOCKET) {
        return 0;
    }
    let family = field::<u32>(request, SOCKET_DOMAIN.load());
    let known = family.is_some_and(|family| FAMILIES.iter().any(|known| *known == family));
    if known || !watched() {
        return 0;
    }
    // SAFETY: a plain signal to the calling process.
    unsafe { bpf_send_signal(SIGKILL) };
    if let Some(count) = KILLED.get_ptr_mut(0) {
        // SAFETY: the slot is this CPU's own.
        unsafe { *count += 1 };
    }
    0
}

#[inline(always)]
fn watched() -> bool {
    // SAFETY: no argument, no state.
    let mut id = unsafe { bpf_get_current_cgroup_id() };
    let mut level = 1;
    loop {
        // SAFETY: the value is only looked at.
        if unsafe { WATCHED.get(id) }.is_some() {
            return true;
        }
        if level >= CGROUP_LEVELS_MAX {
            return false;
        }
        // SAFETY: a level below the task's own gives 0.
        id = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
        if id == 0 {
            return false;
        }
        level += 1;
    }
}

#[inline(always)]
fn field<T>(structure: u64, offset: u32) -> Option<T> {
    // SAFETY: the helper fails, rather than faults, on a wrong address.
    unsafe { bpf_probe_read_kernel((structure + u64::from(offset)) as *const T) }.ok()
}

/// The helpers that need it are open to GPL-compatible programs alone.
#[unsafe(no_mangle)]
#[unsafe(link_section = "license")]
static LICENSE: [u8; 13] = *b"Dual MIT/GPL\0";

#[cfg(not(test))]
#[panic_handler]
fn panic(_info: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
