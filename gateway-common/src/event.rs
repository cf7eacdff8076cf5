//! What the kernel side tells user space as it happens.

use crate::JobTag;

/// Kinds of events, by number.
#[repr(u32)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventKind {
    /// A new cgroup became a job by a rule; a [`PathEvent`].
    JobMade = 1,
    /// A job's cgroup is gone.
    JobGone = 2,
    /// A task was moved out of a job.
    TaskLeft = 3,
    /// A call was refused.
    Refused = 4,
    /// A job's connect went past a gateway that was down, as the target's configuration says.
    Passed = 5,
}

impl EventKind {
    /// The kind whose number this is.
    #[must_use]
    pub const fn of_number(number: u32) -> Option<Self> {
        Some(match number {
            1 => Self::JobMade,
            2 => Self::JobGone,
            3 => Self::TaskLeft,
            4 => Self::Refused,
            5 => Self::Passed,
            _ => return None,
        })
    }
}

/// One event. What does not apply to its kind is zero.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Event {
    /// The kind's number.
    pub kind: u32,
    /// Why it was refused: the number of a [`crate::Refusal`].
    pub reason: u32,
    /// When, in nanoseconds since boot.
    pub at_boottime_ns: u64,
    /// The cgroup that it is about.
    pub cgroup: u64,
    /// The network namespace of the socket.
    pub netns_cookie: u64,
    /// When the process started, in nanoseconds since boot.
    pub started_boottime_ns: u64,
    /// The job, run 0 where it is none.
    pub job: JobTag,
    /// The destination, IPv4 as v4-mapped.
    pub address: [u8; 16],
    /// The process.
    pub tgid: u32,
    /// The thread.
    pub tid: u32,
    /// The real user id.
    pub uid: u32,
    /// The destination's port, in host order.
    pub port: u16,
    /// `IPPROTO_TCP` or `IPPROTO_UDP`.
    pub protocol: u16,
}

/// How many refusals of one run, or of all outsiders together, are told in about a second; the rest is counted.
pub const EVENTS_A_SECOND: u32 = 256;

/// How many events of a run were told in which second.
#[repr(C)]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Seconds of 2^30 ns since boot.
    pub second: u64,
    /// How many.
    pub count: u64,
}

/// The longest path that an event carries, in bytes.
pub const EVENT_PATH_MAX: usize = 256;

/// An event about a path, which is cut at [`EVENT_PATH_MAX`].
#[repr(C)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PathEvent {
    /// The event.
    pub event: Event,
    /// How many bytes the path has.
    pub length: u64,
    /// The path.
    pub path: [u8; EVENT_PATH_MAX],
}

const _: () = assert!(size_of::<Event>() == 88);
const _: () = assert!(size_of::<PathEvent>() == 352);
