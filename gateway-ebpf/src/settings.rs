//! What user space decides before the programs are loaded. Constants to the verifier.

use aya_ebpf::Global;

/// The `SO_MARK` of the gateway's sockets: who does not have it is not the gateway.
#[unsafe(no_mangle)]
pub static GATEWAY_MARK: Global<u32> = Global::new(0);
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
/// Offset of `task_struct.mm`.
#[unsafe(no_mangle)]
pub static TASK_MM: Global<u32> = Global::new(0);
/// Offset of `mm_struct.exe_file`.
#[unsafe(no_mangle)]
pub static MM_EXE_FILE: Global<u32> = Global::new(0);
/// Offset of `file.f_inode`.
#[unsafe(no_mangle)]
pub static FILE_INODE: Global<u32> = Global::new(0);
/// Offset of `inode.i_ino`.
#[unsafe(no_mangle)]
pub static INODE_NUMBER: Global<u32> = Global::new(0);
/// Offset of `inode.i_sb`.
#[unsafe(no_mangle)]
pub static INODE_SUPER: Global<u32> = Global::new(0);
/// Offset of `super_block.s_dev`.
#[unsafe(no_mangle)]
pub static SUPER_DEVICE: Global<u32> = Global::new(0);
/// Offset of `cgroup.kn`.
#[unsafe(no_mangle)]
pub static CGROUP_NODE: Global<u32> = Global::new(0);
/// Offset of `cgroup.root`.
#[unsafe(no_mangle)]
pub static CGROUP_ROOT: Global<u32> = Global::new(0);
/// Offset of `cgroup.self`.
#[unsafe(no_mangle)]
pub static CGROUP_SELF: Global<u32> = Global::new(0);
/// Offset of `cgroup_subsys_state.parent`.
#[unsafe(no_mangle)]
pub static CSS_PARENT: Global<u32> = Global::new(0);
/// Offset of `cgroup_subsys_state.cgroup`.
#[unsafe(no_mangle)]
pub static CSS_CGROUP: Global<u32> = Global::new(0);
/// Offset of `kernfs_node.id`.
#[unsafe(no_mangle)]
pub static NODE_ID: Global<u32> = Global::new(0);
/// Offset of `cgroup_root.hierarchy_id`.
#[unsafe(no_mangle)]
pub static ROOT_HIERARCHY: Global<u32> = Global::new(0);
/// Offset of `task_struct.pid`.
#[unsafe(no_mangle)]
pub static TASK_PID: Global<u32> = Global::new(0);
/// Offset of `task_struct.tgid`.
#[unsafe(no_mangle)]
pub static TASK_TGID: Global<u32> = Global::new(0);
/// Offset of `task_struct.signal`.
#[unsafe(no_mangle)]
pub static TASK_SIGNAL: Global<u32> = Global::new(0);
/// Offset of `signal_struct.live`.
#[unsafe(no_mangle)]
pub static SIGNAL_LIVE: Global<u32> = Global::new(0);
/// Offset of `task_struct.nsproxy`.
#[unsafe(no_mangle)]
pub static TASK_NSPROXY: Global<u32> = Global::new(0);
/// Offset of `nsproxy.net_ns`.
#[unsafe(no_mangle)]
pub static NSPROXY_NET: Global<u32> = Global::new(0);
/// Offset of `net.net_cookie`.
#[unsafe(no_mangle)]
pub static NET_COOKIE: Global<u32> = Global::new(0);
/// The network namespace of the gateway itself. Nobody is stopped there: no door is ever opened in it.
#[unsafe(no_mangle)]
pub static HOME_NETNS: Global<u64> = Global::new(0);
/// Whether a socket's maker can be stopped here (`bpf_send_signal` in `cgroup/sock_create`).
#[unsafe(no_mangle)]
pub static STOPS: Global<u8> = Global::new(0);
