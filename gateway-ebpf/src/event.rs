//! Telling user space what happens, as long as the ring has room.

use crate::job;
use crate::maps::{EVENTS, EVENTS_LOST};
use crate::task;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use gateway_common::{Event, EventKind, JobTag};

/// An event of now, about the calling task.
#[inline(always)]
pub fn of_task(kind: EventKind, job: JobTag) -> Event {
    let ids = bpf_get_current_pid_tgid();
    Event {
        kind: kind as u32,
        // SAFETY: no argument, no state.
        at_boottime_ns: unsafe { bpf_ktime_get_boot_ns() },
        cgroup: job::task_cgroup(),
        started_boottime_ns: task::started_boottime_ns(),
        job,
        tgid: (ids >> 32) as u32,
        tid: ids as u32,
        uid: bpf_get_current_uid_gid() as u32,
        ..Event::default()
    }
}

/// Hands the event over, or counts it as lost.
#[inline(always)]
pub fn tell(event: &Event) {
    if EVENTS.output_untyped::<Event>(event, 0).is_err() {
        lost();
    }
}

/// Counts an event for which there was no room.
#[inline(always)]
pub fn lost() {
    if let Some(counter) = EVENTS_LOST.get_ptr_mut(0) {
        // SAFETY: the slot is this CPU's own.
        unsafe { *counter += 1 };
    }
}
