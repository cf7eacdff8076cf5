//! Facts of the calling task that no helper gives, read by offsets from the kernel's BTF.

use crate::settings::{
    CRED_FSUID, FILE_INODE, INODE_NUMBER, INODE_SUPER, MM_EXE_FILE, SUPER_DEVICE, TASK_CRED, TASK_GROUP_LEADER, TASK_MM,
    TASK_START_BOOTTIME,
};
use aya_ebpf::helpers::bpf_probe_read_kernel;
use aya_ebpf::helpers::generated::bpf_get_current_task;

/// When the task's group leader started, in nanoseconds since boot; 0 where it can't be read.
#[inline(always)]
pub fn started_boottime_ns() -> u64 {
    field::<u64>(current(), TASK_GROUP_LEADER.load()).and_then(|leader| field(leader, TASK_START_BOOTTIME.load())).unwrap_or(0)
}

/// The user id that a socket made now will belong to; `u32::MAX` where it can't be read.
#[inline(always)]
pub fn fsuid() -> u32 {
    field::<u64>(current(), TASK_CRED.load()).and_then(|cred| field(cred, CRED_FSUID.load())).unwrap_or(u32::MAX)
}

/// The inode and the device of the program that the task runs; zeros where they can't be read.
#[inline(always)]
pub fn executable() -> (u64, u32) {
    let inode = field::<u64>(current(), TASK_MM.load())
        .and_then(|mm| field::<u64>(mm, MM_EXE_FILE.load()))
        .and_then(|file| field::<u64>(file, FILE_INODE.load()));
    let Some(inode) = inode else {
        return (0, 0);
    };
    let device = field::<u64>(inode, INODE_SUPER.load()).and_then(|on| field::<u32>(on, SUPER_DEVICE.load()));
    (field(inode, INODE_NUMBER.load()).unwrap_or(0), device.unwrap_or(0))
}

/// The calling task's own structure.
#[inline(always)]
pub fn current() -> u64 {
    // SAFETY: no argument; the pointer is only ever read through `field`.
    unsafe { bpf_get_current_task() }
}

/// A member of a kernel structure, by its offset; nothing where it can't be read.
#[inline(always)]
pub fn field<T>(structure: u64, offset: u32) -> Option<T> {
    // SAFETY: the helper fails, rather than faults, on a wrong address.
    unsafe { bpf_probe_read_kernel((structure + u64::from(offset)) as *const T) }.ok()
}
