//! The maps that the kernel side shares with user space, and the storage that sockets carry.

use aya_ebpf::btf_maps::{Array, HashMap, LpmTrie, LruHashMap, PerCpuArray, RingBuf, SkStorage};
use aya_ebpf::helpers::generated::bpf_sk_storage_get;
use aya_ebpf::macros::btf_map;
use core::ffi::c_void;
use core::ptr;
use gateway_common::{
    ConnectRecord, ConnectionKey, DatagramRecord, EVENTS_BYTES, Event, FLOWS_MAX, FlowKey, GATEWAYS_MAX, JOBS_MAX, JobTag,
    KernelSettings, LISTENERS_MAX, MEMBERS_MAX, PathEvent, RECORDS_MAX, RULES_MAX, Refusal, Rule, SocketState, SourceAddresses,
    TARGETS_MAX, Told, UIDS_MAX,
};

/// The gateways: process → when it started, in ticks of `TICK_NS`.
#[btf_map]
pub static GATEWAYS: HashMap<u32, u64, GATEWAYS_MAX> = HashMap::new();

/// What gateways that follow one another must agree on.
#[btf_map]
pub static SETTINGS: Array<KernelSettings, 1> = Array::new();

/// Network namespace → the port at which the gateway listens in it.
#[btf_map]
pub static LISTENERS: HashMap<u64, u32, LISTENERS_MAX> = HashMap::new();

/// cgroup id → the job that it is.
#[btf_map]
pub static JOBS: HashMap<u64, JobTag, JOBS_MAX> = HashMap::new();

/// User → the job that everything of theirs is.
#[btf_map]
pub static UIDS: HashMap<u32, JobTag, UIDS_MAX> = HashMap::new();

/// Process → the job that it, or a process that it descends from, was in last.
#[btf_map]
pub static MEMBERS: HashMap<u32, JobTag, MEMBERS_MAX> = HashMap::new();

/// By which a new cgroup becomes a job; the rest of the places are empty.
#[btf_map]
pub static RULES: Array<Rule, RULES_MAX> = Array::new();

/// Port and address → the `TARGET_` flags. The key is the one of `TargetKey` without its length.
#[btf_map]
pub static TARGETS: LpmTrie<[u8; 20], u32, TARGETS_MAX> = LpmTrie::new();

/// Run → how many intercepted sockets it has open.
#[btf_map]
pub static OPEN: HashMap<u64, i64, JOBS_MAX> = HashMap::new();

/// UDP flows, by the address that the gateway sees.
#[btf_map]
pub static FLOWS: HashMap<FlowKey, DatagramRecord, FLOWS_MAX, NO_PREALLOC> = HashMap::new();

/// Memory is taken when an entry is made. Not for maps of tracepoints, which older kernels warn of.
const NO_PREALLOC: usize = 1;

/// Where a path is put together; a processor's own.
#[btf_map]
pub static SCRATCH: PerCpuArray<PathEvent, 1> = PerCpuArray::new();

/// Where a comparison of a path with a pattern is; a processor's own.
#[btf_map]
pub static PLACES: PerCpuArray<Places, 1> = PerCpuArray::new();

/// The rule, then where it is: in the path, in the pattern, at the last star, and up to where that one has eaten.
#[repr(C)]
pub struct Places {
    pub rule: u32,
    pub path: u32,
    pub pattern: u32,
    pub star: u32,
    pub eaten: u32,
    pub outcome: u32,
}

/// As many entries as one comparison may take steps; a pattern that needs more does not match.
#[btf_map]
pub static STEPS: Array<u8, 640> = Array::new();

/// Connections that the gateway has not taken yet.
///
/// Until its source port is known a connect holds its place under its socket's cookie, so that a
/// full map refuses the connect itself.
#[btf_map]
pub static RECORDS: HashMap<ConnectionKey, ConnectRecord, RECORDS_MAX> = HashMap::new();

/// When the gateway was last seen alive, in nanoseconds since boot; then what to add for the time of day.
#[btf_map]
pub static HEARTBEAT: Array<u64, 2> = Array::new();

/// What `getsockname` shows instead of a loopback address.
#[btf_map]
pub static SOURCES: Array<SourceAddresses, 1> = Array::new();

/// Refusals, counted by reason.
#[btf_map]
pub static REFUSALS: PerCpuArray<u64, { Refusal::ALL.len() }> = PerCpuArray::new();

/// What user space is told as it happens.
#[btf_map]
pub static EVENTS: RingBuf<Event, EVENTS_BYTES> = RingBuf::new();

/// Events for which the ring had no room, then those that were not told because their run had told enough.
#[btf_map]
pub static EVENTS_LOST: PerCpuArray<u64, 2> = PerCpuArray::new();

/// Run, 0 for outsiders → how much it has told lately. What is forgotten may tell anew.
#[btf_map]
pub static TOLD: LruHashMap<u64, Told, 1024> = LruHashMap::new();

/// What is kept with each socket that was made inside a job.
#[btf_map]
static SOCKETS: SkStorage<SocketState> = SkStorage::new();

/// The state of a job's socket, or nothing where the socket was made outside every job.
///
/// # Safety
/// `socket` is what the program type's `bpf_sk_storage_get` accepts: `ctx.sk`, or the context of
/// a `cgroup_sock` program.
#[inline(always)]
pub unsafe fn socket_state<'a>(socket: *mut c_void) -> Option<&'a mut SocketState> {
    // SAFETY: the verifier checks the socket; the storage outlives the program's run.
    unsafe { bpf_sk_storage_get(sockets(), socket, ptr::null_mut(), 0).cast::<SocketState>().as_mut() }
}

/// Makes the state of a new socket, zeroed.
///
/// # Safety
/// As for [`socket_state`].
#[inline(always)]
pub unsafe fn make_socket_state<'a>(socket: *mut c_void) -> Option<&'a mut SocketState> {
    const CREATE: u64 = 1;
    // SAFETY: as for `socket_state`.
    unsafe { bpf_sk_storage_get(sockets(), socket, ptr::null_mut(), CREATE).cast::<SocketState>().as_mut() }
}

#[inline(always)]
fn sockets() -> *mut c_void {
    (&raw const SOCKETS).cast_mut().cast()
}
