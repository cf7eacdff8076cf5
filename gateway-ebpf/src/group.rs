//! Tracepoints of cgroups: one that matches a rule is a job before its first process; a job ends with its cgroup.

use crate::event;
use crate::job;
use crate::maps::{EVENTS, HEARTBEAT, JOBS, OPEN, PLACES, Places, RULES, SCRATCH, SETTINGS, STEPS};
use crate::settings::{CGROUP_NODE, CGROUP_ROOT, CGROUP_SELF, CSS_CGROUP, CSS_PARENT, NODE_ID, ROOT_HIERARCHY};
use crate::task::field;
use aya_ebpf::helpers::bpf_probe_read_kernel_str_bytes;
use aya_ebpf::helpers::generated::{bpf_for_each_map_elem, bpf_get_prandom_u32, bpf_ktime_get_boot_ns};
use aya_ebpf::macros::raw_tracepoint;
use aya_ebpf::programs::RawTracePointContext;
use core::ffi::{c_long, c_void};
use core::ptr::{read_volatile, write_volatile};
use gateway_common::{CGROUP_LEVELS_MAX, EVENT_PATH_MAX, EventKind, JobTag, PathEvent, RULE_PATTERN_MAX, Rule};

/// Do not replace an entry.
const NO_EXIST: u64 = 1;

#[raw_tracepoint(tracepoint = "cgroup_mkdir")]
pub fn weir_cgroup_mkdir(ctx: RawTracePointContext) -> i32 {
    let (group, path) = (ctx.arg::<*const c_void>(0) as u64, ctx.arg::<*const u8>(1));
    if !is_unified(group) {
        return 0;
    }
    let id = id(group);
    // A cgroup below a job is that job's, whatever its name: a job can't give itself another identity. One that the hooks
    // do not reach would be a job in name alone.
    if id == 0 || !is_free_below_hooks(group) {
        return 0;
    }
    let Some(scratch) = SCRATCH.get_ptr_mut(0) else {
        return 0;
    };
    // SAFETY: this processor's own; a tracepoint's programs are not interrupted by each other.
    let scratch = unsafe { &mut *scratch };
    // SAFETY: the helper fails, rather than faults, on a wrong address.
    let Ok(read) = (unsafe { bpf_probe_read_kernel_str_bytes(path, &mut scratch.path) }) else {
        return 0;
    };
    scratch.length = read.len() as u64;
    let mut found = Found { rule: u64::from(JobTag::NO_RULE), flags: 0 };
    // SAFETY: the callback has the type that the helper calls, and `found` outlives the call.
    unsafe {
        bpf_for_each_map_elem((&raw const RULES).cast_mut().cast(), try_rule as *mut c_void, (&raw mut found).cast(), 0);
    }
    if found.rule == u64::from(JobTag::NO_RULE) {
        return 0;
    }
    let tag = JobTag { run: mint(), rule: found.rule as u32, flags: found.flags as u32 };
    if JOBS.insert(&id, &tag, NO_EXIST).is_err() {
        return 0;
    }
    scratch.event = event::of_task(EventKind::JobMade, tag);
    scratch.event.cgroup = id;
    if EVENTS.output_untyped::<PathEvent>(&*scratch, 0).is_err() {
        event::lost();
    }
    0
}

#[raw_tracepoint(tracepoint = "cgroup_rmdir")]
pub fn weir_cgroup_rmdir(ctx: RawTracePointContext) -> i32 {
    let group = ctx.arg::<*const c_void>(0) as u64;
    if !is_unified(group) {
        return 0;
    }
    let id = id(group);
    let tag = job::of_cgroup(id);
    if tag.is_none() {
        return 0;
    }
    let _gone = JOBS.remove(id);
    let _gone = OPEN.remove(tag.run);
    let mut event = event::of_task(EventKind::JobGone, tag);
    event.cgroup = id;
    event::tell(&event);
    0
}

/// What the rules say of a path.
#[repr(C)]
struct Found {
    rule: u64,
    flags: u64,
}

/// The callback for each rule: 1 ends the search.
extern "C" fn try_rule(_map: *mut c_void, number: *const u32, rule: *const Rule, found: *mut Found) -> c_long {
    // SAFETY: the verifier knows them as a key and a value of RULES, and as what was handed to the helper.
    let (number, rule, found) = unsafe { (*number, &*rule, &mut *found) };
    if rule.length == 0 {
        return 0;
    }
    let Some(places) = PLACES.get_ptr_mut(0) else {
        return 1;
    };
    // SAFETY: this processor's own.
    unsafe { write_volatile(places, Places { rule: number, path: 0, pattern: 0, star: NO_STAR, eaten: 0, outcome: UNDECIDED }) };
    let mut unused = 0_u64;
    // SAFETY: the callback has the type that the helper calls, and what it is handed outlives the call.
    unsafe {
        bpf_for_each_map_elem((&raw const STEPS).cast_mut().cast(), step as *mut c_void, (&raw mut unused).cast(), 0);
    }
    // SAFETY: this processor's own.
    if unsafe { read_volatile(&raw const (*places).outcome) } != MATCHES {
        return 0;
    }
    found.rule = u64::from(number);
    found.flags = u64::from(rule.flags);
    1
}

const NO_STAR: u32 = u32::MAX;
const UNDECIDED: u32 = 0;
const MATCHES: u32 = 1;
const DIFFERS: u32 = 2;

/// One comparison of the path with the rule's pattern, in which `*` stands for any bytes, none included: 1 ends it.
///
/// A callback for each of as many steps, with all it knows in a map, since a loop of that kind is more than
/// the verifier follows.
extern "C" fn step(_map: *mut c_void, _number: *const u32, _value: *const u8, _unused: *mut u64) -> c_long {
    let (Some(places), Some(path)) = (PLACES.get_ptr_mut(0), SCRATCH.get_ptr(0)) else {
        return 1;
    };
    // SAFETY: both are this processor's own.
    let (places, path) = unsafe { (&mut *places, &*path) };
    let Some(rule) = RULES.get(places.rule) else {
        return 1;
    };
    let expected = if places.pattern >= rule.length { 0 } else { byte(&rule.pattern, places.pattern) };
    if u64::from(places.path) >= path.length || places.path as usize >= EVENT_PATH_MAX {
        // The rest of the pattern must be stars.
        if expected != b'*' {
            places.outcome = if places.pattern >= rule.length { MATCHES } else { DIFFERS };
            return 1;
        }
        places.pattern += 1;
    } else if expected == b'*' {
        places.star = places.pattern;
        places.eaten = places.path;
        places.pattern += 1;
    } else if expected != 0 && expected == path_byte(path, places.path) {
        places.path += 1;
        places.pattern += 1;
    } else if places.star == NO_STAR {
        places.outcome = DIFFERS;
        return 1;
    } else {
        places.eaten += 1;
        places.path = places.eaten;
        places.pattern = places.star + 1;
    }
    0
}

#[inline(always)]
fn byte(pattern: &[u8; RULE_PATTERN_MAX], at: u32) -> u8 {
    pattern.get(at as usize).copied().unwrap_or(0)
}

#[inline(always)]
fn path_byte(path: &PathEvent, at: u32) -> u8 {
    path.path.get(at as usize).copied().unwrap_or(0)
}

/// A run's number as user space makes it: the time of day in milliseconds, then 22 random bits.
#[inline(always)]
fn mint() -> u64 {
    let offset = HEARTBEAT.get(1).map_or(0, |offset| *offset);
    // SAFETY: no argument, no state.
    let (now, random) = unsafe { (bpf_ktime_get_boot_ns(), bpf_get_prandom_u32()) };
    (now + offset) / 1_000_000 << 22 | u64::from(random & 0x3f_ffff)
}

/// Whether it is of the one hierarchy of cgroup v2, whose number is 0.
#[inline(always)]
pub fn is_unified(group: u64) -> bool {
    field::<u64>(group, CGROUP_ROOT.load()).and_then(|root| field::<i32>(root, ROOT_HIERARCHY.load())) == Some(0)
}

/// The id of a `struct cgroup`; 0 where it can't be read.
#[inline(always)]
pub fn id(group: u64) -> u64 {
    field::<u64>(group, CGROUP_NODE.load()).and_then(|node| field(node, NODE_ID.load())).unwrap_or(0)
}

/// The job of a cgroup, or of the nearest one above.
#[inline(always)]
pub fn job_of(group: u64) -> JobTag {
    let own = job::of_cgroup(id(group));
    if own.is_none() { of_ancestors(group) } else { own }
}

/// Whether the hooks are at a cgroup above, and no job is between. Deeper than jobs are followed it is neither.
#[inline(always)]
fn is_free_below_hooks(group: u64) -> bool {
    let Some(attached_at) = SETTINGS.get(0).map(|settings| settings.attached_at) else {
        return false;
    };
    let mut group = group;
    for _ in 0..CGROUP_LEVELS_MAX {
        let parent = field::<u64>(group, CGROUP_SELF.load() + CSS_PARENT.load()).unwrap_or(0);
        if parent == 0 {
            return false;
        }
        group = field::<u64>(parent, CSS_CGROUP.load()).unwrap_or(0);
        let id = id(group);
        if !job::of_cgroup(id).is_none() {
            return false;
        }
        if id == attached_at {
            return true;
        }
    }
    false
}

#[inline(always)]
fn of_ancestors(group: u64) -> JobTag {
    let mut group = group;
    for _ in 0..CGROUP_LEVELS_MAX {
        let parent = field::<u64>(group, CGROUP_SELF.load() + CSS_PARENT.load()).unwrap_or(0);
        if parent == 0 {
            break;
        }
        group = field::<u64>(parent, CSS_CGROUP.load()).unwrap_or(0);
        let tag = job::of_cgroup(id(group));
        if !tag.is_none() {
            return tag;
        }
    }
    JobTag::NONE
}
