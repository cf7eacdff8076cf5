//! Whether the calling task is in a job, and in which.

use crate::maps::JOBS;
use aya_ebpf::helpers::generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id};
use gateway_common::{CGROUP_LEVELS_MAX, JobTag};

/// The job that the calling task is in: its own cgroup's, else the highest ancestor's.
#[inline(always)]
pub fn of_task() -> JobTag {
    let own = of_cgroup(task_cgroup());
    if !own.is_none() {
        return own;
    }
    for level in 1..CGROUP_LEVELS_MAX {
        // SAFETY: a level below the task's own gives 0.
        let ancestor = unsafe { bpf_get_current_ancestor_cgroup_id(level) };
        if ancestor == 0 {
            break;
        }
        let job = of_cgroup(ancestor);
        if !job.is_none() {
            return job;
        }
    }
    JobTag::NONE
}

/// The id of the calling task's cgroup.
#[inline(always)]
pub fn task_cgroup() -> u64 {
    // SAFETY: no argument, no state.
    unsafe { bpf_get_current_cgroup_id() }
}

/// The job that this very cgroup is.
#[inline(always)]
fn of_cgroup(id: u64) -> JobTag {
    // SAFETY: the value is copied before anything can change the map.
    // An option of a structure would carry bytes that were never written, which the verifier refuses.
    unsafe { JOBS.get(id) }.map_or(JobTag::NONE, |job| *job)
}
