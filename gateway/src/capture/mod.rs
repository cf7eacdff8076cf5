//! Catches a job's connects in the kernel, and hands over who made them and where they meant to go.

#![allow(unsafe_code, reason = "bpf(2) and netlink are spoken in plain structures")]

mod attach;
mod btf;
mod cgroup;
mod clock;
mod disguise;
mod error;
mod events;
mod heartbeat;
mod kernel_log;
mod link;
mod listener;
mod load;
mod namespaces;
pub(crate) mod netlink;
mod pins;
mod probe;
pub(crate) mod process;
mod rules;
mod sweep;
pub(crate) mod sys;

pub(crate) use btf::{kernel_types, member_offsets};
pub use cgroup::{cgroup_id, cgroup_path, cgroup2_mount, is_hybrid};
pub use clock::clock;
pub use disguise::DisguiseRoute;
pub use error::CaptureError;
pub use events::{Call, Events, KernelEvent};
pub use gateway_common::{ConnectRecord, DatagramRecord, FLAG_LISTEN_ON_LOOPBACK, JobTag, NamespaceEvent, Refusal};
pub use listener::{Listeners, Mark, Received, answer, receive};
pub use namespaces::NamespaceSide;
pub use pins::{PINS, private_pins};
pub use probe::{Probe, Tier, probe};
pub use rules::{KernelRule, KernelTarget};
pub use sweep::{Swept, gateway_of, sweep, sweep_in, sweep_named};

use aya::Ebpf;
use aya::maps::PerCpuArray;
use gateway_common::{ConnectionKey, FlowKey};
use heartbeat::Heartbeat;
use kernel_log::KernelLog;
use link::Links;
use rules::Tables;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

/// Where and how to catch.
#[derive(Clone, Debug, Default)]
pub struct CaptureSettings {
    /// The cgroup at which the programs are attached: every job's cgroup is below it.
    pub attach: PathBuf,
    /// Whether that may be the root of all cgroups.
    pub at_root: bool,
    /// The directory of a bpffs in which links and maps outlive the gateway, so that its end leaves connects refused.
    pub pins: Option<PathBuf>,
    /// Whether the kernel side's debug messages are read into the log.
    pub kernel_log: bool,
    /// Whether the caller listens in each network namespace that it is told of: a job is made to wait for it there.
    pub doors: bool,
}

/// The kernel side, attached until this is dropped, or handed over.
pub struct Capture {
    links: Mutex<Option<Links>>,
    mark: Mark,
    gateways: OwnedFd,
    listeners: OwnedFd,
    jobs: OwnedFd,
    records: OwnedFd,
    flows: OwnedFd,
    open: OwnedFd,
    tables: Tables,
    heartbeat: Heartbeat,
    _log: Option<KernelLog>,
    object: Ebpf,
    events: Mutex<Option<Events>>,
    namespaces: Mutex<Option<NamespaceSide>>,
}

/// Removes the routes that a gateway of this process id left which was killed; says how many there were.
#[must_use]
pub fn remove_left_routes(pid: u32) -> usize {
    disguise::remove_left(pid)
}

impl Capture {
    /// What the gateway's listeners are marked with.
    #[must_use]
    pub const fn mark(&self) -> Mark {
        self.mark
    }

    /// Lets the jobs of a network namespace connect: the gateway listens there, at this port.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn add_listener(&self, netns_cookie: u64, port: u16) -> Result<(), CaptureError> {
        write(&self.listeners, "the list of listeners", &netns_cookie, &u32::from(port))
    }

    /// Refuses the connects of a network namespace from here on.
    pub fn remove_listener(&self, netns_cookie: u64) {
        if let Err(error) = sys::remove(self.listeners.as_fd(), &netns_cookie) {
            tracing::error!(%error, netns_cookie, "the listener could not be taken off the kernel side's list");
        }
    }

    /// Makes the cgroup, and all below it, a job: what is made in it from now on belongs to the run.
    ///
    /// # Errors
    /// Where as many jobs run as can be followed.
    pub fn add_job(&self, cgroup_id: u64, job: JobTag) -> Result<(), CaptureError> {
        sys::update(self.jobs.as_fd(), &cgroup_id, &job).map_err(|source| match source.raw_os_error() {
            Some(libc::E2BIG) => CaptureError::JobsFull,
            _ => CaptureError::Map { what: "the list of jobs", source },
        })
    }

    /// Ends a job. A socket that it leaves behind can't be connected any more.
    pub fn remove_job(&self, cgroup_id: u64) {
        match sys::take::<u64, JobTag>(self.jobs.as_fd(), &cgroup_id) {
            Ok(Some(job)) => self.forget_run(job.run),
            // The kernel ends a job by itself when its cgroup goes.
            Ok(None) => {}
            Err(error) => tracing::error!(%error, cgroup_id, "the job could not be taken off the kernel side's list"),
        }
    }

    /// Makes everything of a user a job, where no cgroup says otherwise.
    ///
    /// # Errors
    /// Where there are too many.
    pub fn add_uid(&self, uid: u32, job: JobTag) -> Result<(), CaptureError> {
        self.tables.add_uid(uid, job)
    }

    /// Every user that is a job: those of an earlier gateway, too.
    ///
    /// # Errors
    /// Where the list can't be read.
    pub fn uids(&self) -> Result<Vec<(u32, JobTag)>, CaptureError> {
        self.tables.uids()
    }

    /// Makes the user's processes no job any more.
    ///
    /// # Errors
    /// Where the list can't be written.
    pub fn remove_uid(&self, uid: u32) -> Result<(), CaptureError> {
        self.tables.remove_uid(uid)
    }

    /// Sets the rules by which a new cgroup becomes a job, in place of those before. The kernel makes the job, and
    /// its run's number, before the cgroup has a process, and tells it ([`KernelEvent::JobMade`]). Of several the first
    /// counts; a cgroup below a job is that job's. Jobs that there are stay.
    ///
    /// # Errors
    /// Where there are more than 64.
    pub fn set_rules(&self, rules: &[KernelRule]) -> Result<(), CaptureError> {
        self.tables.set_rules(rules)
    }

    /// Sets the destinations that the kernel side treats apart, in place of those before. The most specific counts, and
    /// one with a port before one without.
    ///
    /// # Errors
    /// Where there are more than 4 096.
    pub fn set_targets(&self, targets: &[KernelTarget]) -> Result<(), CaptureError> {
        self.tables.set_targets(targets)
    }

    /// Forgets how many sockets of a run are open: the run has ended, or begins to be counted anew.
    pub fn forget_run(&self, run: u64) {
        if let Err(error) = sys::remove(self.open.as_fd(), &run) {
            tracing::error!(%error, run, "the run's count of open sockets could not be removed");
        }
    }

    /// Every job that there is, by its cgroup: those of an earlier gateway, too.
    ///
    /// # Errors
    /// Where the list can't be read.
    pub fn jobs(&self) -> Result<Vec<(u64, JobTag)>, CaptureError> {
        sys::entries(self.jobs.as_fd()).map_err(|source| CaptureError::Map { what: "the list of jobs", source })
    }

    /// Takes the record of an accepted connection, once: a second call finds nothing.
    ///
    /// `client` and `local` are the connection's two ends as the gateway sees them.
    ///
    /// # Errors
    /// Where the records can't be read.
    pub fn take(&self, client: SocketAddr, local: SocketAddr, netns_cookie: u64) -> Result<Option<ConnectRecord>, CaptureError> {
        let key = ConnectionKey {
            client_address: octets(client.ip()),
            disguised_address: octets(local.ip()),
            netns_cookie,
            client_port: client.port(),
            gateway_port: local.port(),
            padding: 0,
        };
        sys::take(self.records.as_fd(), &key).map_err(|source| CaptureError::Map { what: "the connect records", source })
    }

    /// Where the datagrams to `token` were meant to go, and who sent the first of them. It stays as long as the
    /// job's socket is open.
    ///
    /// # Errors
    /// Where the flows can't be read.
    pub fn flow(&self, token: IpAddr, netns_cookie: u64) -> Result<Option<DatagramRecord>, CaptureError> {
        let key = FlowKey { token: octets(token), netns_cookie };
        sys::lookup(self.flows.as_fd(), &key).map_err(|source| CaptureError::Map { what: "the UDP flows", source })
    }

    /// The reading end of what the kernel side tells: for the first caller alone.
    pub fn events(&self) -> Option<Events> {
        self.events.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// The notices of network namespaces that jobs come to: for the first caller alone.
    pub fn namespaces(&self) -> Option<NamespaceSide> {
        self.namespaces.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// How many events were lost since the ring was made. Any is an alarm: someone may have flooded it.
    #[must_use]
    pub fn events_lost(&self) -> u64 {
        self.counter("EVENTS_LOST", 0)
    }

    /// The run of whose job a process was last, wherever it is now.
    #[must_use]
    pub fn run_of(&self, pid: u32) -> Option<u64> {
        let members = load::map(&self.object, "MEMBERS").ok()?;
        let job = sys::lookup::<u32, JobTag>(members.as_fd(), &pid).ok()??;
        Some(job.run).filter(|run| *run != 0)
    }

    /// How many refusals were counted and not told, since their run, or all outsiders, had told 256 in that second. It
    /// keeps a job from hiding what others do by filling the ring.
    #[must_use]
    pub fn events_held(&self) -> u64 {
        self.counter("EVENTS_LOST", 1)
    }

    /// How many calls were refused in the kernel, by reason.
    #[must_use]
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        Refusal::ALL.into_iter().map(|reason| (reason.name(), self.counter("REFUSALS", reason as u32))).collect()
    }

    fn counter(&self, map: &str, index: u32) -> u64 {
        let counters = self.object.map(map).and_then(|map| PerCpuArray::<_, u64>::try_from(map).ok());
        counters.and_then(|counters| counters.get(&index, 0).ok()).map_or(0, |all| all.iter().sum())
    }

    /// Lets the heartbeat go stale: three seconds later every new connect of a job is refused.
    /// For a gateway that is about to end, and that must not let connects wait unanswered.
    pub fn stop_heartbeat(&self) {
        self.heartbeat.stop();
    }

    /// Has every new connect of a job refused from here on. Nobody is stopped any more to wait for a door: who was, is
    /// told of by the [`NamespaceSide`] once this has returned. For a gateway that ends and has no heir.
    pub fn refuse_connects(&self) {
        self.heartbeat.withdraw();
    }

    /// Takes the programs off, then the pins away. Dropping does the same.
    pub fn leave(&self) {
        self.heartbeat.stop();
        drop(self.take_links());
    }

    /// Leaves programs and pins to the gateway that has adopted them. This one stays exempt until it is dropped.
    ///
    /// Its [`Events`] are to be dropped first: both would read from one ring.
    pub fn hand_over(&self) {
        self.heartbeat.stop();
        if let Some(links) = self.take_links() {
            links.keep();
        }
    }

    fn take_links(&self) -> Option<Links> {
        self.links.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        self.leave();
        if let Err(error) = sys::remove(self.gateways.as_fd(), &std::process::id()) {
            tracing::error!(%error, "this gateway could not be taken off the kernel side's list");
        }
    }
}

fn write<K: aya::Pod, V: aya::Pod>(map: &OwnedFd, what: &'static str, key: &K, value: &V) -> Result<(), CaptureError> {
    sys::update(map.as_fd(), key, value).map_err(|source| CaptureError::Map { what, source })
}

/// An address as the kernel side writes it: IPv4 as v4-mapped.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}
