//! Telling user space what happens, as long as the ring has room.

use crate::job;
use crate::maps::{EVENTS, EVENTS_LOST, TOLD};
use crate::task;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::helpers::generated::bpf_ktime_get_boot_ns;
use gateway_common::{EVENTS_A_SECOND, Event, EventKind, JobTag, Told};

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

/// Hands over an event of which one run could make any number, as long as it has not told enough already: no job
/// fills the ring of all.
#[inline(always)]
pub fn tell_some(event: &Event) {
    if may_tell(event.job.run, event.at_boottime_ns) {
        tell(event);
    } else {
        count(1);
    }
}

#[inline(always)]
fn may_tell(run: u64, now: u64) -> bool {
    let second = now >> 30;
    let Some(told) = TOLD.get_ptr_mut(run) else {
        let _full = TOLD.insert(&run, &Told { second, count: 1 }, 0);
        return true;
    };
    // SAFETY: a value of the map. Two processors may both count as one; the bound is about a second's, not exact.
    unsafe {
        if (*told).second != second {
            *told = Told { second, count: 0 };
        }
        (*told).count += 1;
        (*told).count <= u64::from(EVENTS_A_SECOND)
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
    count(0);
}

#[inline(always)]
fn count(place: u32) {
    if let Some(counter) = EVENTS_LOST.get_ptr_mut(place) {
        // SAFETY: the slot is this CPU's own.
        unsafe { *counter += 1 };
    }
}
