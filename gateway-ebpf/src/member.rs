//! Tracepoints of tasks: a process stays a job's when it is moved out of the job's cgroup, and so do its children.

use crate::event;
use crate::gateway;
use crate::group;
use crate::job;
use crate::maps::MEMBERS;
use crate::settings::{SIGNAL_LIVE, TASK_PID, TASK_SIGNAL, TASK_TGID};
use crate::task::field;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use core::ffi::c_void;
use gateway_common::{EventKind, JobTag};

/// Arguments: parent, child. The parent calls.
#[raw_tracepoint(tracepoint = "sched_process_fork")]
pub fn weir_member_fork(ctx: RawTracePointContext) -> i32 {
    let child = ctx.arg::<*const c_void>(1) as u64;
    let tgid = number(child, TASK_TGID.load());
    // A thread is its process's.
    if tgid == 0 || number(child, TASK_PID.load()) != tgid {
        return 0;
    }
    let job = job::of_task_cgroup();
    remember(tgid, if job.is_none() { of_process() } else { job });
    0
}

/// Argument: the task. The last thread of a process takes the entry with it: the first one may end before, or by
/// another's exec, which goes on under its number.
#[raw_tracepoint(tracepoint = "sched_process_exit")]
pub fn weir_member_exit(ctx: RawTracePointContext) -> i32 {
    let task = ctx.arg::<*const c_void>(0) as u64;
    let live = field::<u64>(task, TASK_SIGNAL.load()).and_then(|signal| field::<i32>(signal, SIGNAL_LIVE.load()));
    if live == Some(0) {
        let _gone = MEMBERS.remove(number(task, TASK_TGID.load()));
    }
    0
}

/// Arguments: the cgroup that it is in now, its path, the task, whether all its threads. The mover calls.
#[raw_tracepoint(tracepoint = "cgroup_attach_task")]
pub fn weir_cgroup_attach_task(ctx: RawTracePointContext) -> i32 {
    let (group, task) = (ctx.arg::<*const c_void>(0) as u64, ctx.arg::<*const c_void>(2) as u64);
    if !group::is_unified(group) {
        return 0;
    }
    let tgid = number(task, TASK_TGID.load());
    let to = group::job_of(group);
    if !to.is_none() {
        remember(tgid, to);
        return 0;
    }
    // SAFETY: the value is copied before anything can change the map.
    let from = unsafe { MEMBERS.get(tgid) }.map_or(JobTag::NONE, |job| *job);
    if from.is_none() {
        return 0;
    }
    // The gateway may let a process go; nobody else may.
    if gateway::is_calling() {
        let _gone = MEMBERS.remove(tgid);
        return 0;
    }
    let mut event = event::of_task(EventKind::TaskLeft, from);
    event.cgroup = group::id(group);
    event.tgid = tgid;
    event::tell(&event);
    0
}

/// The job that the calling process was in, wherever it is now.
#[inline(always)]
pub fn of_process() -> JobTag {
    let tgid = (bpf_get_current_pid_tgid() >> 32) as u32;
    // SAFETY: the value is copied before anything can change the map.
    unsafe { MEMBERS.get(tgid) }.map_or(JobTag::NONE, |job| *job)
}

#[inline(always)]
fn remember(tgid: u32, job: JobTag) {
    if !job.is_none() && MEMBERS.insert(&tgid, &job, 0).is_err() {
        // Where it goes is not followed then; that it is in the job is seen by its cgroup as ever.
        event::lost();
    }
}

#[inline(always)]
fn number(task: u64, offset: u32) -> u32 {
    field(task, offset).unwrap_or(0)
}
