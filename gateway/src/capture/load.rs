//! Loading the kernel object: its constants for this host, its programs, its maps.

use super::CaptureError;
use super::btf::Offsets;
use aya::maps::Map;
use aya::programs::{CgroupAttachMode, Program, ProgramError, ProgramType};
use aya::sys::{BpfHelper, is_helper_supported};
use aya::{Ebpf, EbpfLoader, include_bytes_aligned};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};

/// The kernel programs by name and by what each is for, in the order in which they are attached:
/// a connect is rewritten only once everything that it relies on is there.
pub(super) const PROGRAMS: [(&str, &str); 9] = [
    ("weir_sock_release", "clean-up when a socket closes (cgroup/sock_release)"),
    ("weir_sock_ops", "the original destination by source port (sock_ops)"),
    ("weir_getpeername4", "the true peer address, IPv4 (cgroup/getpeername4)"),
    ("weir_getpeername6", "the true peer address, IPv6 (cgroup/getpeername6)"),
    ("weir_getsockname4", "a plausible own address, IPv4 (cgroup/getsockname4)"),
    ("weir_getsockname6", "a plausible own address, IPv6 (cgroup/getsockname6)"),
    ("weir_sock_create", "which sockets a job may make (cgroup/sock_create)"),
    ("weir_connect6", "redirecting connects, IPv6 (cgroup/connect6)"),
    ("weir_connect4", "redirecting connects, IPv4 (cgroup/connect4)"),
];

static OBJECT: &[u8] = include_bytes_aligned!(concat!(env!("OUT_DIR"), "/weir-ebpf"));

/// What the kernel side treats as constants.
pub(super) struct Constants {
    pub(super) gateway_tgid: u32,
    pub(super) gateway_port: u16,
    pub(super) has_ipv6: bool,
    pub(super) kernel_log: bool,
    pub(super) offsets: Offsets,
}

/// Loads the object and makes its maps; programs are not yet loaded.
pub(super) fn object(constants: &Constants) -> Result<Ebpf, CaptureError> {
    /// aya-log's number of `debug`.
    const DEBUG: u8 = 4;
    let log_level = if constants.kernel_log { DEBUG } else { 0 };
    let has_retval = u8::from(has_retval());
    let has_ipv6 = u8::from(constants.has_ipv6);
    EbpfLoader::new()
        .override_global("GATEWAY_TGID", &constants.gateway_tgid, true)
        .override_global("GATEWAY_PORT", &constants.gateway_port, true)
        .override_global("HAS_RETVAL", &has_retval, true)
        .override_global("HAS_IPV6", &has_ipv6, true)
        .override_global("TASK_GROUP_LEADER", &constants.offsets.task_group_leader, true)
        .override_global("TASK_START_BOOTTIME", &constants.offsets.task_start_boottime, true)
        .override_global("TASK_CRED", &constants.offsets.task_cred, true)
        .override_global("CRED_FSUID", &constants.offsets.cred_fsuid, true)
        .override_global(aya_log::LEVEL, &log_level, false)
        .load(OBJECT)
        .map_err(|error| CaptureError::Load(Box::new(error)))
}

/// Whether a refusal can choose its errno (5.18). Without it, every refusal is EPERM.
pub(super) fn has_retval() -> bool {
    is_helper_supported(ProgramType::CgroupSockAddr, BpfHelper::BPF_FUNC_set_retval).unwrap_or(false)
}

/// Loads every program.
pub(super) fn programs(object: &mut Ebpf) -> Result<(), CaptureError> {
    PROGRAMS.iter().try_for_each(|&(name, feature)| {
        load(program(object, name)?).map_err(|source| CaptureError::Feature { feature, source: Box::new(source) })
    })
}

/// Attaches every program at `cgroup`; the links live as long as `object`.
pub(super) fn attach(object: &mut Ebpf, cgroup: &File) -> Result<(), CaptureError> {
    PROGRAMS.iter().try_for_each(|&(name, feature)| {
        attach_one(program(object, name)?, cgroup).map_err(|source| CaptureError::Feature { feature, source: Box::new(source) })
    })
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
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}

/// A descriptor of one map, for calls of our own.
pub(super) fn map(object: &Ebpf, name: &'static str) -> Result<OwnedFd, CaptureError> {
    let Some(Map::HashMap(data) | Map::Array(data) | Map::PerCpuArray(data)) = object.map(name) else {
        return Err(CaptureError::Object(name));
    };
    let descriptor = data.fd().as_fd().try_clone_to_owned();
    descriptor.map_err(|source: io::Error| CaptureError::Map { what: name, source })
}

fn attach_one(program: &mut Program, cgroup: &File) -> Result<(), ProgramError> {
    // Links are multi-program by themselves; the kernel refuses the other modes with EINVAL.
    let mode = CgroupAttachMode::Single;
    match program {
        Program::CgroupSockAddr(program) => program.attach(cgroup, mode).map(drop),
        Program::CgroupSock(program) => program.attach(cgroup, mode).map(drop),
        Program::SockOps(program) => program.attach(cgroup, mode).map(drop),
        _ => Err(ProgramError::UnexpectedProgramType),
    }
}
