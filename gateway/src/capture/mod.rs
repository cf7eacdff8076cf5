//! Catches a job's connects in the kernel, and hands over who made them and where they meant to go.

#![allow(unsafe_code, reason = "bpf(2) and netlink are spoken in plain structures")]

mod btf;
mod cgroup;
mod disguise;
mod error;
mod heartbeat;
mod kernel_log;
mod load;
pub(crate) mod netlink;
mod probe;
pub(crate) mod sys;

pub use cgroup::{cgroup_id, cgroup2_mount};
pub use error::CaptureError;
pub use gateway_common::ConnectRecord;
pub use probe::{Probe, Tier, probe};

use aya::Ebpf;
use aya::maps::PerCpuArray;
use btf::Offsets;
use disguise::DisguiseRoute;
use gateway_common::{ConnectionKey, Refusal};
use gateway_core::model::ids::RunId;
use heartbeat::Heartbeat;
use kernel_log::KernelLog;
use std::fs::File;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd as _, OwnedFd};
use std::path::{Path, PathBuf};

/// Where and how to catch.
#[derive(Clone, Debug)]
pub struct CaptureSettings {
    /// The cgroup at which the programs are attached: every job's cgroup is below it.
    pub attach: PathBuf,
    /// Where the gateway listens, on every address of the host.
    pub gateway_port: u16,
    /// Whether the kernel side's debug messages are read into the log.
    pub kernel_log: bool,
}

/// The kernel side, attached for as long as this lives.
pub struct Capture {
    jobs: OwnedFd,
    records: OwnedFd,
    heartbeat: Heartbeat,
    _log: Option<KernelLog>,
    object: Ebpf,
    // After the programs: no connect is rewritten to a prefix that is gone.
    _route: Option<DisguiseRoute>,
}

/// Removes the routes that a gateway of this process id left which was killed; says how many there were.
#[must_use]
pub fn remove_left_routes(pid: u32) -> usize {
    disguise::remove_left(pid)
}

impl Capture {
    /// Loads the programs, attaches them and starts the heartbeat. This process itself is never caught.
    ///
    /// # Errors
    /// Where the process may not, the place is no cgroup below the root, or the kernel lacks something.
    pub fn attach(settings: &CaptureSettings) -> Result<Self, CaptureError> {
        if !may_load() {
            return Err(CaptureError::NoPrivilege);
        }
        let cgroup = open_cgroup(&settings.attach)?;
        let offsets = Offsets::of_kernel().map_err(CaptureError::Btf)?;
        let route = DisguiseRoute::add()
            .inspect_err(|error| tracing::warn!(%error, "no IPv6 disguise: IPv6 connects of jobs are refused"))
            .ok();
        let mut object = load::object(&load::Constants {
            gateway_tgid: std::process::id(),
            gateway_port: settings.gateway_port,
            has_ipv6: route.is_some(),
            kernel_log: settings.kernel_log,
            offsets,
        })?;
        let log = settings.kernel_log.then(|| KernelLog::start(&mut object)).transpose()?;
        load::programs(&mut object)?;
        let heartbeat = Heartbeat::start(heartbeat::Maps {
            heartbeat: load::map(&object, "HEARTBEAT")?,
            sources: load::map(&object, "SOURCES")?,
            records: load::map(&object, "RECORDS")?,
        })?;
        load::attach(&mut object, &cgroup)?;
        let (jobs, records) = (load::map(&object, "JOBS")?, load::map(&object, "RECORDS")?);
        Ok(Self { jobs, records, heartbeat, _log: log, object, _route: route })
    }

    /// Makes the cgroup, and all below it, a job: what is made in it from now on belongs to `run`.
    ///
    /// # Errors
    /// Where as many jobs run as can be followed.
    pub fn add_job(&self, cgroup_id: u64, run: RunId) -> Result<(), CaptureError> {
        sys::update(self.jobs.as_fd(), &cgroup_id, &run.number()).map_err(|source| match source.raw_os_error() {
            Some(libc::E2BIG) => CaptureError::JobsFull,
            _ => CaptureError::Map { what: "the list of jobs", source },
        })
    }

    /// Ends a job. A socket that it leaves behind can't be connected any more.
    pub fn remove_job(&self, cgroup_id: u64) {
        if let Err(error) = sys::remove(self.jobs.as_fd(), &cgroup_id) {
            tracing::error!(%error, cgroup_id, "the job could not be taken off the kernel side's list");
        }
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

    /// How many calls were refused in the kernel, by reason.
    #[must_use]
    pub fn refusals(&self) -> Vec<(&'static str, u64)> {
        let Some(counters) = self.object.map("REFUSALS").and_then(|map| PerCpuArray::<_, u64>::try_from(map).ok()) else {
            return Vec::new();
        };
        let count = |reason: Refusal| counters.get(&(reason as u32), 0).map_or(0, |all| all.iter().sum());
        Refusal::ALL.into_iter().map(|reason| (reason.name(), count(reason))).collect()
    }

    /// Lets the heartbeat go stale: three seconds later every new connect of a job is refused.
    /// For a gateway that is about to end, and that must not let connects wait unanswered.
    pub fn stop_heartbeat(&self) {
        self.heartbeat.stop();
    }
}

/// Whether this process may load and attach kernel programs.
fn may_load() -> bool {
    const NET_ADMIN: u32 = 12;
    const SYS_ADMIN: u32 = 21;
    const PERFMON: u32 = 38;
    const BPF: u32 = 39;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let effective = status.lines().find_map(|line| line.strip_prefix("CapEff:"));
    let effective = effective.and_then(|hex| u64::from_str_radix(hex.trim(), 16).ok()).unwrap_or(0);
    let has = |capability: u32| effective >> capability & 1 == 1;
    has(NET_ADMIN) && (has(SYS_ADMIN) || has(BPF) && has(PERFMON))
}

fn open_cgroup(path: &Path) -> Result<File, CaptureError> {
    let cannot = |source| CaptureError::Cgroup { path: path.to_owned(), source };
    let canonical = path.canonicalize().map_err(cannot)?;
    if !cgroup::is_cgroup2(&canonical) {
        return Err(CaptureError::NotCgroup2(path.to_owned()));
    }
    // The root alone has no list of its own events.
    if !canonical.join("cgroup.events").exists() {
        return Err(CaptureError::CgroupRoot(path.to_owned()));
    }
    File::open(&canonical).map_err(cannot)
}

/// An address as the kernel side writes it: IPv4 as v4-mapped.
fn octets(address: IpAddr) -> [u8; 16] {
    match address {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().octets(),
        IpAddr::V6(v6) => v6.octets(),
    }
}
