//! Whether the calling task is in a job, and in which.

use crate::maps::{JOBS, OPEN, SETTINGS, UIDS};
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::helpers::generated::{bpf_get_current_ancestor_cgroup_id, bpf_get_current_cgroup_id};
use core::arch::asm;
use core::ptr::read_volatile;
use gateway_common::{CGROUP_LEVELS_MAX, JOB_OPEN_MAX, JobTag};

/// The job that the calling task is in: its own cgroup's, else the highest ancestor's, else its user's.
#[inline(always)]
pub fn of_task() -> JobTag {
    let job = of_task_cgroup();
    if !job.is_none() || SETTINGS.get(0).is_none_or(|settings| settings.uids == 0) {
        return job;
    }
    // SAFETY: the value is copied before anything can change the map.
    unsafe { UIDS.get(bpf_get_current_uid_gid() as u32) }.map_or(JobTag::NONE, |job| *job)
}

/// Counts one more open socket of the job. False where it has as many as it may.
#[inline(always)]
pub fn open_one(run: u64) -> bool {
    let Some(counter) = OPEN.get_ptr_mut(run) else {
        return OPEN.insert(&run, &1, 0).is_ok();
    };
    // SAFETY: a value of the map.
    if unsafe { read_volatile(counter) } >= JOB_OPEN_MAX {
        return false;
    }
    add(counter, 1);
    true
}

/// Counts one less.
#[inline(always)]
pub fn close_one(run: u64) {
    if let Some(counter) = OPEN.get_ptr_mut(run) {
        add(counter, -1);
    }
}

/// Adds at once, whatever other processors add: `core` has no atomic addition for this machine.
#[inline(always)]
fn add(counter: *mut i64, what: i64) {
    // SAFETY: an 8-aligned value of the map, changed by this instruction alone.
    unsafe { asm!("lock *(u64 *)({counter} + 0) += {what}", counter = in(reg) counter, what = in(reg) what) };
}

/// The job that the calling task's cgroup is in.
#[inline(always)]
pub fn of_task_cgroup() -> JobTag {
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
pub fn of_cgroup(id: u64) -> JobTag {
    // SAFETY: the value is copied before anything can change the map.
    // An option of a structure would carry bytes that were never written, which the verifier refuses.
    unsafe { JOBS.get(id) }.map_or(JobTag::NONE, |job| *job)
}
