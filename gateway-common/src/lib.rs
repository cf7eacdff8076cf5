//! The plain records that weir's kernel programs write and its user space reads.
#![no_std]

mod event;
mod job;
mod namespace;
mod refusal;
mod target;

pub use event::{EVENT_PATH_MAX, EVENTS_A_SECOND, Event, EventKind, PathEvent, Told};
pub use job::{FLAG_LISTEN_ON_LOOPBACK, JobTag, RULE_PATTERN_MAX, RULES_MAX, Rule};
pub use namespace::{NAMESPACE_RING, NamespaceEvent};
pub use refusal::Refusal;
pub use target::{TARGET_CLOSED, TARGET_PASS_WHEN_DOWN, TARGETS_MAX, TargetKey};

/// The version of everything in this crate that is kept in the kernel from one gateway to the next.
pub const LAYOUT: u32 = 4;

/// Who connected, and to where: taken in the connect hook, while the caller waits.
///
/// Addresses are in network order, IPv4 as `::ffff:a.b.c.d`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectRecord {
    /// The client's socket, as `SO_COOKIE` and `sock_diag` give it.
    pub cookie: u64,
    /// The network namespace of the client's socket.
    pub netns_cookie: u64,
    /// The cgroup of the task that connected.
    pub task_cgroup: u64,
    /// The cgroup in which the socket was made.
    pub socket_cgroup: u64,
    /// When the task's group leader started, in nanoseconds since boot.
    pub started_boottime_ns: u64,
    /// When the connect was seen, in nanoseconds since boot.
    pub seen_boottime_ns: u64,
    /// The job.
    pub job: JobTag,
    /// The inode of the program that the process ran, at the connect; 0 where it can't be read.
    pub executable_inode: u64,
    /// Where the job meant to go.
    pub original_address: [u8; 16],
    /// The process (its group leader's id) in the initial pid namespace.
    pub tgid: u32,
    /// The thread that called.
    pub tid: u32,
    /// The real user id at the connect.
    pub uid: u32,
    /// The real group id at the connect.
    pub gid: u32,
    /// The file-system user id with which the socket was made: what `sock_diag` shows.
    pub socket_uid: u32,
    /// The address family that the job used: `AF_INET` or `AF_INET6`.
    pub family: u16,
    /// The port that the job meant, in host order.
    pub original_port: u16,
    /// The device of the executable's file system, as the kernel numbers it (major << 20 | minor).
    pub executable_device: u32,
    /// Always zero.
    pub padding: u32,
}

/// A UDP flow: where a datagram of a job to a disguise address was meant to go, and who sent the first.
pub type DatagramRecord = ConnectRecord;

/// A UDP flow, by its disguise address.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowKey {
    /// The disguise address that the job's datagrams were sent to, IPv4 as v4-mapped.
    pub token: [u8; 16],
    /// The network namespace of the job's socket.
    pub netns_cookie: u64,
}

/// What two gateways that follow one another must agree on.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KernelSettings {
    /// [`LAYOUT`] of the gateway that made the maps.
    pub layout: u32,
    /// The `SO_MARK` of the gateway's own sockets.
    pub mark: u32,
    /// The cgroup at which the programs are attached.
    pub attached_at: u64,
    /// How many entries `TARGETS` has: 0 spares the look-up.
    pub targets: u32,
    /// How many entries `UIDS` has: 0 spares the look-up.
    pub uids: u32,
}

/// The connection that a record belongs to, as both of its ends name it.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ConnectionKey {
    /// The client's address, IPv4 as v4-mapped.
    pub client_address: [u8; 16],
    /// The rewritten destination, IPv4 as v4-mapped.
    pub disguised_address: [u8; 16],
    /// The network namespace of the client's socket.
    pub netns_cookie: u64,
    /// The client's port, in host order.
    pub client_port: u16,
    /// The gateway's port, in host order.
    pub gateway_port: u16,
    /// Always zero: the kernel compares keys byte by byte.
    pub padding: u32,
}

/// What weir keeps with each socket of a job, for as long as the socket lives.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default)]
pub struct SocketState {
    /// The cgroup of the task that made the socket.
    pub creator_cgroup: u64,
    /// The job that this task was in.
    pub creator_job: JobTag,
    /// The file-system user id of the task that made the socket.
    pub creator_uid: u32,
    /// How far the socket's connection has come: the `STAGE_` constants.
    pub stage: u32,
    /// Under which key the record was, or will be, published.
    pub key: ConnectionKey,
    /// The last intercepted connect.
    pub record: ConnectRecord,
    /// The disguise addresses of the socket's UDP flows, all zeros where there is none.
    pub tokens: [[u8; 16]; TOKENS_MAX],
    /// Which token is the next to be replaced.
    pub next_token: u32,
    /// 1 once the socket is counted among its job's open ones.
    pub counted: u32,
}

/// How many UDP destinations a socket is followed to at once: a resolver asks up to three servers.
pub const TOKENS_MAX: usize = 4;

/// The addresses from which this host would have dialled, shown by `getsockname`.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SourceAddresses {
    /// The IPv4 one in network order, or zeros where there is none.
    pub v4: [u8; 4],
    /// Always zero.
    pub padding: u32,
    /// The IPv6 one in network order, or zeros where there is none.
    pub v6: [u8; 16],
}

/// Nothing was intercepted on the socket.
pub const STAGE_IDLE: u32 = 0;
/// The destination was rewritten.
pub const STAGE_REWRITTEN: u32 = 1;
/// The record is published.
pub const STAGE_PUBLISHED: u32 = 2;
/// The connection stands: the gateway will accept it and take the record.
pub const STAGE_ESTABLISHED: u32 = 3;
/// The gateway was down, and the destination's configuration lets it pass then.
pub const STAGE_PASSED: u32 = 4;

/// How many jobs may run at once.
pub const JOBS_MAX: usize = 16_384;
/// How many connections may wait for the gateway to accept them.
pub const RECORDS_MAX: usize = 32_768;
/// How many intercepted sockets one job may have open: no job can fill the records of all.
pub const JOB_OPEN_MAX: i64 = RECORDS_MAX as i64 / 2;
/// How many UDP flows there may be.
pub const FLOWS_MAX: usize = 32_768;
/// How many gateways may share the maps: one, and during a take-over two.
pub const GATEWAYS_MAX: usize = 8;
/// How many network namespaces may have a listener.
pub const LISTENERS_MAX: usize = 4_096;
/// How many users may be jobs.
pub const UIDS_MAX: usize = 4_096;
/// How many processes of jobs are known by number at once.
pub const MEMBERS_MAX: usize = 16_384;
/// The size of the ring of events, in bytes.
pub const EVENTS_BYTES: usize = 1 << 20;
/// In how many nanoseconds a process's start is counted, as in `/proc/PID/stat`.
pub const TICK_NS: u64 = 10_000_000;
/// The deepest level at which a job's cgroup is found, the root being level 0.
pub const CGROUP_LEVELS_MAX: i32 = 24;
/// A heartbeat older than this means that the gateway hangs.
pub const HEARTBEAT_STALE_NS: u64 = 3_000_000_000;

/// The disguise's IPv4 network, 127.128.0.0/12, in host order.
pub const DISGUISE_V4: u32 = 0x7f80_0000;
/// The host part of [`DISGUISE_V4`].
pub const DISGUISE_V4_HOST: u32 = 0x000f_ffff;
/// The disguise's IPv6 network: a unique local /64 that is routed to `lo` while weir runs.
pub const DISGUISE_V6: [u8; 8] = [0xfd, 0x77, 0x65, 0x69, 0x72, 0x00, 0x00, 0x00];

const _: () = assert!(size_of::<ConnectRecord>() == 120);
const _: () = assert!(size_of::<ConnectionKey>() == 48);
const _: () = assert!(size_of::<SocketState>() == 272);
const _: () = assert!(size_of::<FlowKey>() == 24);
const _: () = assert!(size_of::<KernelSettings>() == 24);
const _: () = assert!(size_of::<SourceAddresses>() == 24);
const _: () = assert!(align_of::<SocketState>() == 8);

#[cfg(feature = "user")]
mod user {
    #![expect(unsafe_code, reason = "aya reads plain records as bytes")]
    use super::{ConnectRecord, ConnectionKey, FlowKey, JobTag, KernelSettings, Rule, SourceAddresses, TargetKey};

    // SAFETY: `repr(C)`, integers only, no padding (the asserts above), every bit pattern valid.
    unsafe impl aya::Pod for ConnectRecord {}
    // SAFETY: as above.
    unsafe impl aya::Pod for ConnectionKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for SourceAddresses {}
    // SAFETY: as above.
    unsafe impl aya::Pod for FlowKey {}
    // SAFETY: as above.
    unsafe impl aya::Pod for JobTag {}
    // SAFETY: as above.
    unsafe impl aya::Pod for KernelSettings {}
    // SAFETY: as above.
    unsafe impl aya::Pod for Rule {}
    // SAFETY: as above.
    unsafe impl aya::Pod for TargetKey {}
}
