//! Who calls a hook, and with whose socket: what every decision begins with.

use crate::address::{Address, bytes, read_port};
use crate::event;
use crate::gateway;
use crate::job;
use crate::maps::socket_state;
use crate::member;
use crate::refuse::{EACCES, refuse};
use crate::task;
use aya_ebpf::EbpfContext;
use aya_ebpf::helpers::bpf_get_current_pid_tgid;
use aya_ebpf::helpers::bpf_get_current_uid_gid;
use aya_ebpf::helpers::generated::{bpf_get_netns_cookie, bpf_get_socket_cookie};
use aya_ebpf::programs::SockAddrContext;
use aya_log_ebpf::debug;
use core::ptr::read_volatile;
use gateway_common::{EventKind, JobTag, Refusal, SocketState};

/// Who calls. Every field is always written: the verifier refuses to copy the unused part of an enum.
pub struct Caller<'a> {
    /// Whether the hook has nothing to do: the gateway itself calls, or someone in no job with a socket of no job's.
    pub is_free: bool,
    /// Whether it is the gateway.
    pub is_gateway: bool,
    /// The calling task's job.
    pub job: JobTag,
    /// What is kept with the socket, where the job made it; a socket from elsewhere is not a job's to use.
    pub state: Option<&'a mut SocketState>,
}

/// What becomes of a call.
pub struct Verdict {
    /// One of `UNTOUCHED`, `REWRITTEN` and `REFUSED`.
    pub what: u32,
    pub to: Address,
    pub port: u32,
    pub reason: u32,
    pub errno: i32,
}

pub const UNTOUCHED: u32 = 0;
pub const REWRITTEN: u32 = 1;
pub const REFUSED: u32 = 2;

impl Verdict {
    /// Let it be.
    #[inline(always)]
    pub const fn untouched() -> Self {
        Self { what: UNTOUCHED, to: [0; 4], port: 0, reason: 0, errno: 0 }
    }

    /// Send it there.
    #[inline(always)]
    pub const fn rewritten(to: Address, port: u16) -> Self {
        Self { what: REWRITTEN, to, port: port as u32, reason: 0, errno: 0 }
    }

    /// Refuse it, with this for the caller to see.
    #[inline(always)]
    pub const fn refused(reason: Refusal, errno: i32) -> Self {
        Self { what: REFUSED, to: [0; 4], port: 0, reason: reason as u32, errno }
    }

    /// What a socket from elsewhere is refused with.
    #[inline(always)]
    pub const fn mismatch() -> Self {
        Self::refused(Refusal::ForeignSocket, EACCES)
    }
}

/// Finds out who calls. The task's job decides, and the socket's must be the same.
#[inline(always)]
pub fn of<'a>(ctx: &SockAddrContext) -> Caller<'a> {
    if gateway::is_calling() {
        return Caller { is_free: true, is_gateway: true, job: JobTag::NONE, state: None };
    }
    let job = job::of_task();
    // SAFETY: `ctx.sk` of a `cgroup_sock_addr` program is always there.
    let state = unsafe { socket_state(read_volatile(&raw const (*ctx.sock_addr).__bindgen_anon_1.sk).cast()) };
    // Who has left a job by its cgroup is in none, and is not free.
    let is_free = state.is_none() && job.is_none() && member::of_process().is_none();
    let state = state.filter(|state| state.creator_job.run == job.run);
    Caller { is_free, is_gateway: false, job, state }
}

/// Counts the socket among its job's open ones, the first time.
#[inline(always)]
pub fn count(state: &mut SocketState, job: JobTag) -> bool {
    if state.counted == 0 {
        if !job::open_one(job.run) {
            return false;
        }
        state.counted = 1;
    }
    true
}

/// Writes down who is calling. The caller waits, so it can't be gone.
#[inline(always)]
pub fn describe(ctx: &SockAddrContext, state: &mut SocketState, job: JobTag, now: u64) {
    let ids = bpf_get_current_pid_tgid();
    let owner = bpf_get_current_uid_gid();
    let record = &mut state.record;
    // SAFETY: both helpers accept this context.
    unsafe {
        record.cookie = bpf_get_socket_cookie(ctx.as_ptr());
        record.netns_cookie = bpf_get_netns_cookie(ctx.as_ptr());
    }
    record.task_cgroup = job::task_cgroup();
    record.socket_cgroup = state.creator_cgroup;
    record.started_boottime_ns = task::started_boottime_ns();
    record.seen_boottime_ns = now;
    record.job = job;
    (record.executable_inode, record.executable_device) = task::executable();
    record.tgid = (ids >> 32) as u32;
    record.tid = ids as u32;
    record.uid = owner as u32;
    record.gid = (owner >> 32) as u32;
    record.socket_uid = state.creator_uid;
}

/// Tells what became of a call to `to`.
#[inline(always)]
pub fn tell(ctx: &SockAddrContext, kind: EventKind, reason: u32, job: JobTag, to: Address) {
    let mut event = event::of_task(kind, job);
    event.reason = reason;
    // SAFETY: the helper accepts this context.
    event.netns_cookie = unsafe { bpf_get_netns_cookie(ctx.as_ptr()) };
    event.address = bytes(to);
    event.port = read_port(ctx);
    event.protocol = protocol(ctx);
    match kind {
        EventKind::Refused => event::tell_some(&event),
        // Each connect past the gateway is to be known.
        _ => event::tell(&event),
    }
}

/// Refuses, and tells so.
#[inline(always)]
pub fn refused(ctx: &SockAddrContext, to: Address, job: JobTag, verdict: &Verdict) -> i32 {
    debug!(ctx, "refused: call of process {}, reason {}, errno {}", ctx.tgid(), verdict.reason, verdict.errno);
    tell(ctx, EventKind::Refused, verdict.reason, job, to);
    refuse(verdict.reason, verdict.errno)
}

/// The protocol of the context's socket.
#[inline(always)]
pub fn protocol(ctx: &SockAddrContext) -> u16 {
    // SAFETY: a plain field of the context.
    unsafe { read_volatile(&raw const (*ctx.sock_addr).protocol) as u16 }
}
