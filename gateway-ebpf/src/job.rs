//! Whether the calling task is in a job, and in which.

use crate::maps::JOBS;
use crate::settings::GATEWAY_TGID;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id};
use gateway_common::CGROUP_LEVELS_MAX;

/// Whether the gateway itself is calling.
#[inline(always)]
pub fn is_gateway() -> bool {
    (bpf_get_current_pid_tgid() >> 32) as u32 == GATEWAY_TGID.load()
}

/// The tag of the job that the calling task is in: its own cgroup's, else the highest ancestor's.
#[inline(always)]
pub fn of_task() -> Option<u64> {
    if let Some(tag) = of_cgroup(task_cgroup()) {
        return Some(tag);
    }
    for level in 1..CGROUP_LEVELS_MAX {
        // SAFETY: a level below the task's own gives 0.
        let ancestor = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
        if ancestor == 0 {
            break;
        }
        if let Some(tag) = of_cgroup(ancestor) {
            return Some(tag);
        }
    }
    None
}

/// The id of the calling task's cgroup.
#[inline(always)]
pub fn task_cgroup() -> u64 {
    // SAFETY: no argument, no state.
    unsafe { bpf_get_current_cgroup_id() }
}

#[inline(always)]
fn of_cgroup(id: u64) -> Option<u64> {
    // SAFETY: the value is copied before anything can change the map.
    unsafe { JOBS.get(id).copied() }
}
