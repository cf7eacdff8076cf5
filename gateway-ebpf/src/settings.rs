//! What user space decides before the programs are loaded. Constants to the verifier.

use aya_ebpf::Global;

/// The process whose sockets are never touched: the gateway.
#[unsafe(no_mangle)]
pub static GATEWAY_TGID: Global<u32> = Global::new(0);
/// Where the gateway listens, in host order.
#[unsafe(no_mangle)]
pub static GATEWAY_PORT: Global<u16> = Global::new(0);
/// Whether `bpf_set_retval` exists here (5.18). Without it every refusal is EPERM.
#[unsafe(no_mangle)]
pub static HAS_RETVAL: Global<u8> = Global::new(0);
/// Whether the IPv6 disguise is routed to `lo`.
#[unsafe(no_mangle)]
pub static HAS_IPV6: Global<u8> = Global::new(0);

/// Offset of `task_struct.group_leader`.
#[unsafe(no_mangle)]
pub static TASK_GROUP_LEADER: Global<u32> = Global::new(0);
/// Offset of `task_struct.start_boottime`.
#[unsafe(no_mangle)]
pub static TASK_START_BOOTTIME: Global<u32> = Global::new(0);
/// Offset of `task_struct.cred`.
#[unsafe(no_mangle)]
pub static TASK_CRED: Global<u32> = Global::new(0);
/// Offset of `cred.fsuid`.
#[unsafe(no_mangle)]
pub static CRED_FSUID: Global<u32> = Global::new(0);
