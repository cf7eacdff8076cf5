//! What the kernel side tells as it happens, read from its ring.

use super::CaptureError;
use aya::maps::{MapData, RingBuf};
use gateway_common::{Event, EventKind, JobTag, PathEvent, Refusal};
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

/// Something that happened in the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum KernelEvent {
    /// A new cgroup became a job by a rule.
    JobMade {
        /// The cgroup.
        cgroup: u64,
        /// Its job.
        job: JobTag,
        /// Its path from the root of the hierarchy, cut at 256 bytes.
        path: String,
    },
    /// A job's cgroup is gone, and the job with it.
    JobGone {
        /// The cgroup.
        cgroup: u64,
        /// Its job.
        job: JobTag,
    },
    /// A process was moved out of a job, and not by the gateway. It, and what descends from it, is refused from then on,
    /// with the sockets of before and with new ones.
    TaskLeft {
        /// The cgroup that it is in now.
        cgroup: u64,
        /// The job that it left.
        job: JobTag,
        /// The process that was moved.
        pid: u32,
    },
    /// A call was refused.
    Refused(Call, Refusal),
    /// A connect went past a gateway that was down, as its target's configuration says.
    Passed(Call),
}

/// Who called, and for what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Call {
    /// The caller's job, or nothing where it is in none.
    pub job: Option<JobTag>,
    /// The caller's cgroup.
    pub cgroup: u64,
    /// The network namespace of its socket; 0 where it is not known.
    pub netns_cookie: u64,
    /// The process.
    pub pid: u32,
    /// When it started, in nanoseconds since boot.
    pub started_boottime_ns: u64,
    /// Its real user id.
    pub uid: u32,
    /// The destination.
    pub to: SocketAddr,
    /// `IPPROTO_TCP` or `IPPROTO_UDP`; 0 where there is none.
    pub protocol: u16,
    /// When, in nanoseconds since boot.
    pub at_boottime_ns: u64,
}

/// The reading end of the kernel side's ring.
pub struct Events {
    ring: RingBuf<MapData>,
}

impl Events {
    pub(super) fn of(map: MapData) -> Result<Self, CaptureError> {
        let ring = RingBuf::try_from(aya::maps::Map::RingBuf(map));
        ring.map(|ring| Self { ring }).map_err(|_| CaptureError::Object("EVENTS"))
    }

    /// The next event, or nothing where none waits. What this weir does not know is skipped.
    pub fn poll(&mut self) -> Option<KernelEvent> {
        loop {
            let item = self.ring.next()?;
            if let Some(event) = parse(&item) {
                return Some(event);
            }
        }
    }

    /// Waits for the next event, for so long at most.
    pub fn wait(&mut self, patience: Duration) -> Option<KernelEvent> {
        let deadline = std::time::Instant::now() + patience;
        loop {
            if let Some(event) = self.poll() {
                return Some(event);
            }
            let left = deadline.checked_duration_since(std::time::Instant::now())?;
            let timeout = nix::poll::PollTimeout::try_from(left).unwrap_or(nix::poll::PollTimeout::MAX);
            let mut wait = [nix::poll::PollFd::new(self.as_fd(), nix::poll::PollFlags::POLLIN)];
            if nix::poll::poll(&mut wait, timeout).is_err() {
                return None;
            }
        }
    }
}

impl AsFd for Events {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.ring.as_fd()
    }
}

fn parse(bytes: &[u8]) -> Option<KernelEvent> {
    let event = read::<Event>(bytes)?;
    let (cgroup, job, pid) = (event.cgroup, event.job, event.tgid);
    Some(match EventKind::of_number(event.kind)? {
        EventKind::JobMade => {
            let whole = read::<PathEvent>(bytes)?;
            let path = whole.path.get(..usize::try_from(whole.length).ok()?)?;
            KernelEvent::JobMade { cgroup, job, path: String::from_utf8_lossy(path).into_owned() }
        }
        EventKind::JobGone => KernelEvent::JobGone { cgroup, job },
        EventKind::TaskLeft => KernelEvent::TaskLeft { cgroup, job, pid },
        EventKind::Refused => KernelEvent::Refused(call(&event), Refusal::of_number(event.reason)?),
        EventKind::Passed => KernelEvent::Passed(call(&event)),
    })
}

fn call(event: &Event) -> Call {
    let to = Ipv6Addr::from(event.address);
    let to = to.to_ipv4_mapped().map_or(IpAddr::V6(to), IpAddr::V4);
    Call {
        job: (event.job.run != 0).then_some(event.job),
        cgroup: event.cgroup,
        netns_cookie: event.netns_cookie,
        pid: event.tgid,
        started_boottime_ns: event.started_boottime_ns,
        uid: event.uid,
        to: SocketAddr::new(to, event.port),
        protocol: event.protocol,
        at_boottime_ns: event.at_boottime_ns,
    }
}

/// A record at the front of `bytes`; nothing where they are too few.
fn read<T: Plain>(bytes: &[u8]) -> Option<T> {
    let bytes = bytes.get(..size_of::<T>())?;
    // SAFETY: as many bytes as `T` has, and any bytes make one.
    Some(unsafe { bytes.as_ptr().cast::<T>().read_unaligned() })
}

/// Records that any bytes make.
///
/// # Safety
/// `repr(C)`, integers and arrays of them only.
unsafe trait Plain: Copy {}
// SAFETY: integers and arrays of them.
unsafe impl Plain for Event {}
// SAFETY: as above.
unsafe impl Plain for PathEvent {}
