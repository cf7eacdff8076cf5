//! Loading the kernel object: its constants for this host, its programs, its maps.

use super::CaptureError;
use super::btf::Offsets;
use super::link::{Link, Links};
use super::pins::Pins;
use super::sys;
use aya::maps::Map;
use aya::programs::{Program, ProgramError, ProgramType};
use aya::sys::{BpfHelper, is_helper_supported};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use std::ffi::CStr;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

/// A kernel program and where it goes.
pub(super) struct Hook {
    /// The program's name, and its pin's.
    pub(super) program: &'static str,
    /// What it is for.
    pub(super) feature: &'static str,
    /// Where it is attached.
    pub(super) place: Place,
}

/// Where a program is attached.
#[derive(Clone, Copy)]
pub(super) enum Place {
    /// At the cgroup, by the kernel's `enum bpf_attach_type`.
    Cgroup(u32),
    /// At a tracepoint, which all of the host passes.
    Tracepoint(&'static CStr),
}

impl Hook {
    /// The name of its link in the directory of pins.
    pub(super) const fn pin(&self) -> &'static str {
        self.program
    }
}

/// In the order in which they are attached: a connect is rewritten only once everything that it relies on is there.
pub(super) static HOOKS: [Hook; 21] = [
    hook("weir_sock_release", "clean-up when a socket closes (cgroup/sock_release)", 34),
    hook("weir_sock_ops", "the original destination by source port (sock_ops)", 3),
    hook("weir_getpeername4", "the true peer address, IPv4 (cgroup/getpeername4)", 29),
    hook("weir_getpeername6", "the true peer address, IPv6 (cgroup/getpeername6)", 30),
    hook("weir_getsockname4", "a plausible own address, IPv4 (cgroup/getsockname4)", 31),
    hook("weir_getsockname6", "a plausible own address, IPv6 (cgroup/getsockname6)", 32),
    hook("weir_recvmsg4", "answers as from the server that was asked, IPv4 (cgroup/recvmsg4)", 19),
    hook("weir_recvmsg6", "answers as from the server that was asked, IPv6 (cgroup/recvmsg6)", 20),
    hook("weir_egress", "nothing of a job leaves past the gateway (cgroup_skb/egress)", 1),
    hook("weir_sock_create", "which sockets a job may make (cgroup/sock_create)", 2),
    hook("weir_bind4", "the gateway's port, IPv4 (cgroup/bind4)", 8),
    hook("weir_bind6", "the gateway's port, IPv6 (cgroup/bind6)", 9),
    hook("weir_sendmsg6", "DNS to the gateway and no other UDP, IPv6 (cgroup/sendmsg6)", 15),
    hook("weir_sendmsg4", "DNS to the gateway and no other UDP, IPv4 (cgroup/sendmsg4)", 14),
    hook("weir_connect6", "redirecting connects, IPv6 (cgroup/connect6)", 11),
    hook("weir_connect4", "redirecting connects, IPv4 (cgroup/connect4)", 10),
    tracepoint("weir_member_exit", "processes that have ended (raw tracepoint sched_process_exit)", c"sched_process_exit"),
    tracepoint("weir_member_fork", "a job's processes by descent (raw tracepoint sched_process_fork)", c"sched_process_fork"),
    tracepoint(
        "weir_cgroup_attach_task",
        "a job's processes that are moved out of it (raw tracepoint cgroup_attach_task)",
        c"cgroup_attach_task",
    ),
    tracepoint("weir_cgroup_rmdir", "a job's end with its cgroup (raw tracepoint cgroup_rmdir)", c"cgroup_rmdir"),
    tracepoint("weir_cgroup_mkdir", "jobs by rule before their first process (raw tracepoint cgroup_mkdir)", c"cgroup_mkdir"),
];

const fn hook(program: &'static str, feature: &'static str, attach_type: u32) -> Hook {
    Hook { program, feature, place: Place::Cgroup(attach_type) }
}

const fn tracepoint(program: &'static str, feature: &'static str, name: &'static CStr) -> Hook {
    Hook { program, feature, place: Place::Tracepoint(name) }
}

/// The maps that one gateway hands to the next.
pub(super) const MAPS: [&str; 18] = [
    "GATEWAYS",
    "SETTINGS",
    "LISTENERS",
    "JOBS",
    "UIDS",
    "MEMBERS",
    "RULES",
    "TARGETS",
    "OPEN",
    "FLOWS",
    "RECORDS",
    "HEARTBEAT",
    "SOURCES",
    "REFUSALS",
    "EVENTS",
    "EVENTS_LOST",
    "NAMESPACES",
    "SOCKETS",
];

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/weir-ebpf"));

/// What the kernel side treats as constants.
pub(super) struct Constants {
    pub(super) mark: u32,
    pub(super) has_ipv6: bool,
    pub(super) kernel_log: bool,
    /// Whether someone opens doors in network namespaces, and so continues whom the kernel side stops there.
    pub(super) doors: bool,
    pub(super) offsets: Offsets,
}

/// Loads the object with the maps that are pinned, and makes and pins those that are not; programs are not yet loaded.
pub(super) fn object(constants: &Constants, pins: Option<&Pins>) -> Result<Ebpf, CaptureError> {
    /// aya-log's number of `debug`.
    const DEBUG: u8 = 4;
    let log_level = if constants.kernel_log { DEBUG } else { 0 };
    let has_retval = u8::from(has_retval());
    let has_ipv6 = u8::from(constants.has_ipv6);
    let stops = u8::from(constants.doors && stops());
    let home_netns = home_netns().map_err(|source| CaptureError::Map { what: "this process's own network namespace", source })?;
    let mut loader = EbpfLoader::new();
    if let Some(pins) = pins {
        for name in MAPS {
            loader.map_pin_path(name, pins.path_of(name));
        }
    }
    loader
        .override_global("GATEWAY_MARK", &constants.mark, true)
        .override_global("HAS_RETVAL", &has_retval, true)
        .override_global("HAS_IPV6", &has_ipv6, true)
        .override_global("TASK_GROUP_LEADER", &constants.offsets.task_group_leader, true)
        .override_global("TASK_START_BOOTTIME", &constants.offsets.task_start_boottime, true)
        .override_global("TASK_CRED", &constants.offsets.task_cred, true)
        .override_global("CRED_FSUID", &constants.offsets.cred_fsuid, true)
        .override_global("TASK_MM", &constants.offsets.task_mm, true)
        .override_global("MM_EXE_FILE", &constants.offsets.mm_exe_file, true)
        .override_global("FILE_INODE", &constants.offsets.file_inode, true)
        .override_global("INODE_NUMBER", &constants.offsets.inode_number, true)
        .override_global("INODE_SUPER", &constants.offsets.inode_super, true)
        .override_global("SUPER_DEVICE", &constants.offsets.super_device, true)
        .override_global("CGROUP_NODE", &constants.offsets.cgroup_node, true)
        .override_global("CGROUP_ROOT", &constants.offsets.cgroup_root, true)
        .override_global("CGROUP_SELF", &constants.offsets.cgroup_self, true)
        .override_global("CSS_PARENT", &constants.offsets.css_parent, true)
        .override_global("CSS_CGROUP", &constants.offsets.css_cgroup, true)
        .override_global("NODE_ID", &constants.offsets.node_id, true)
        .override_global("ROOT_HIERARCHY", &constants.offsets.root_hierarchy, true)
        .override_global("TASK_PID", &constants.offsets.task_pid, true)
        .override_global("TASK_TGID", &constants.offsets.task_tgid, true)
        .override_global("TASK_SIGNAL", &constants.offsets.task_signal, true)
        .override_global("SIGNAL_LIVE", &constants.offsets.signal_live, true)
        .override_global("TASK_NSPROXY", &constants.offsets.task_nsproxy, true)
        .override_global("NSPROXY_NET", &constants.offsets.nsproxy_net, true)
        .override_global("NET_COOKIE", &constants.offsets.net_cookie, true)
        .override_global("HOME_NETNS", &home_netns, true)
        .override_global("STOPS", &stops, true)
        .override_global(aya_log::LEVEL, &log_level, false)
        .load(OBJECT)
        .map_err(|error| CaptureError::Load(Box::new(error)))
}

/// The network namespace of this thread, as the kernel side names it.
fn home_netns() -> io::Result<u64> {
    sys::netns_cookie(std::net::UdpSocket::bind((std::net::Ipv4Addr::LOCALHOST, 0))?)
}

/// Whether a refusal can choose its errno (5.18). Without it, every refusal is EPERM.
pub(super) fn has_retval() -> bool {
    is_helper_supported(ProgramType::CgroupSockAddr, BpfHelper::BPF_FUNC_set_retval).unwrap_or(false)
}

/// Whether a process can be stopped as it makes a socket (about 6.16). Without it, a first connect may come before
/// the gateway is in its network namespace, and is refused.
pub(super) fn stops() -> bool {
    is_helper_supported(ProgramType::CgroupSock, BpfHelper::BPF_FUNC_send_signal).unwrap_or(false)
}

/// Loads and attaches what sees tasks come to network namespaces: the whole kernel's, for as long as `object` lives.
/// Without a gateway to open a door they would be of no use, so they are not pinned.
pub(super) fn watch_tasks(object: &mut Ebpf) -> Result<(), CaptureError> {
    for (name, tracepoint) in [("weir_exec", "sched_process_exec"), ("weir_fork", "sched_process_fork")] {
        let failed = |source| CaptureError::Feature {
            feature: "new tasks and programs in network namespaces (raw tracepoints)",
            source: Box::new(source),
        };
        let Program::RawTracePoint(program) = program(object, name)? else { return Err(CaptureError::Object(name)) };
        program.load().map_err(failed)?;
        program.attach(tracepoint).map_err(failed)?;
    }
    Ok(())
}

/// Loads every program.
pub(super) fn programs(object: &mut Ebpf) -> Result<(), CaptureError> {
    HOOKS.iter().try_for_each(|hook| {
        let failed = |source| CaptureError::Feature { feature: hook.feature, source: Box::new(source) };
        load(program(object, hook.program)?).map_err(failed)
    })
}

/// Attaches every program at `cgroup`, in place of what the pins have.
pub(super) fn attach(object: &Ebpf, cgroup: &File, links: &mut Links) -> Result<(), CaptureError> {
    for hook in &HOOKS {
        let program = object.program(hook.program).ok_or(CaptureError::Object(hook.program))?;
        let program = program.fd().map_err(|source| CaptureError::Feature { feature: hook.feature, source: Box::new(source) })?;
        links.add(Link::attach(hook, program.as_fd(), cgroup.as_fd(), links.pins())?);
    }
    links.own();
    Ok(())
}

/// One program by its name.
pub(super) fn program<'a>(object: &'a mut Ebpf, name: &'static str) -> Result<&'a mut Program, CaptureError> {
    object.program_mut(name).ok_or(CaptureError::Object(name))
}

/// Loads one program.
pub(super) fn load(program: &mut Program) -> Result<(), ProgramError> {
    match program {
        Program::CgroupSockAddr(program) => program.load(),
        Program::CgroupSock(program) => program.load(),
        Program::SockOps(program) => program.load(),
        Program::CgroupSkb(program) => program.load(),
        Program::RawTracePoint(program) => program.load(),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// A descriptor of one map, for calls of our own.
pub(super) fn map(object: &Ebpf, name: &'static str) -> Result<OwnedFd, CaptureError> {
    let Some(Map::HashMap(data) | Map::Array(data) | Map::PerCpuArray(data) | Map::LpmTrie(data)) = object.map(name) else {
        return Err(CaptureError::Object(name));
    };
    let descriptor = data.fd().as_fd().try_clone_to_owned();
    descriptor.map_err(|source: io::Error| CaptureError::Map { what: name, source })
}
