//! Refusing a call: counted, and with the errno that tells the job what happened.

use crate::maps::REFUSALS;
use crate::settings::HAS_RETVAL;
use aya_ebpf::helpers::generated::bpf_set_retval;

/// Let the call through, as the kernel reads a cgroup program's verdict.
pub const PROCEED: i32 = 1;

/// `EPERM`: what a firewall answers to a datagram.
pub const EPERM: i32 = 1;
/// `EACCES`: the job may not.
pub const EACCES: i32 = 13;
/// `EPROTONOSUPPORT`: try another kind of socket (Go falls back from MPTCP to TCP on it).
pub const EPROTONOSUPPORT: i32 = 93;
/// `EADDRINUSE`: another has it.
pub const EADDRINUSE: i32 = 98;
/// `ENETUNREACH`: no such network here.
pub const ENETUNREACH: i32 = 101;
/// `ECONNREFUSED`: nobody answers there.
pub const ECONNREFUSED: i32 = 111;

/// Counts the refusal, sets the errno and gives the verdict.
#[inline(always)]
pub fn refuse(reason: u32, errno: i32) -> i32 {
    count(reason);
    if HAS_RETVAL.load() != 0 {
        // SAFETY: any negative errno is a legal value.
        unsafe { bpf_set_retval(-errno) };
    }
    0
}

/// Counts the refusal alone, where the hook can't refuse by itself.
#[inline(always)]
pub fn count(reason: u32) {
    if let Some(counter) = REFUSALS.get_ptr_mut(reason) {
        // SAFETY: the slot is this CPU's own.
        unsafe { *counter += 1 };
    }
}
