//! The canary: a process of the gateway's own in a job of its own dials an address that nobody has. Only a hook that
//! works has that come out at the gateway's accept loop, from that process and for that address.

use crate::capture::{self, Capture, JobTag};
use crate::session::canary::{Arrival, CanaryDoor, CanaryState};
use crate::session::context::new_run;
use anyhow::{Context as _, Result, anyhow, bail};
use std::fs;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

/// How long a canary may take from its start to the accept loop.
const PATIENCE: Duration = Duration::from_secs(10);
/// How long the canary's own connect may take.
const CONNECT: Duration = Duration::from_secs(8);

/// A canary's job, and where its connections come out.
pub(super) struct Canary {
    cgroup: PathBuf,
    cgroup_id: u64,
    arrivals: mpsc::Receiver<Arrival>,
}

impl Canary {
    /// Makes a job for canaries: the cgroup `cgroup`, which may be there from before.
    ///
    /// # Errors
    /// Where the cgroup can't be made, or be a job.
    pub(super) fn hatch(cgroup: PathBuf, capture: &Capture, door: &CanaryDoor) -> Result<Self> {
        if let Err(error) = fs::create_dir(&cgroup)
            && error.kind() != std::io::ErrorKind::AlreadyExists
        {
            return Err(error).with_context(|| format!("cannot make the canary's cgroup {}", cgroup.display()));
        }
        let cgroup_id = capture::cgroup_id(&cgroup).context("cannot read the id of the canary's cgroup")?;
        let run = new_run();
        let arrivals = door.open(run);
        capture.add_job(cgroup_id, JobTag::of_run(run.number())).context("the canary can't be a job")?;
        Ok(Self { cgroup, cgroup_id, arrivals })
    }

    /// Sends one, and says what became of it.
    pub(super) fn fly(&self) -> CanaryState {
        let begun = Instant::now();
        match self.try_to_fly() {
            Ok(()) => CanaryState::Well { microseconds: u64::try_from(begun.elapsed().as_micros()).unwrap_or(u64::MAX) },
            Err(error) => CanaryState::Failed { why: format!("{error:#}") },
        }
    }

    /// Takes the canary's job off, and its cgroup.
    pub(super) fn end(self, capture: &Capture) {
        capture.remove_job(self.cgroup_id);
        // A canary that hangs keeps it; the next gateway has the same.
        let _removed = fs::remove_dir(&self.cgroup).is_ok();
    }

    fn try_to_fly(&self) -> Result<()> {
        let to = nowhere();
        // What came late of an earlier one is not this one's.
        while self.arrivals.try_recv().is_ok() {}
        // It dials only once its standard input ends, and so not before it is in its job.
        let mut canary = Command::new("/proc/self/exe");
        canary.args(["canary", &to.to_string()]).stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut canary = canary.spawn().context("the canary can't be started")?;
        let flown = self.follow(&mut canary, to);
        let told = end(canary);
        flown.map_err(|error| if told.is_empty() { error } else { error.context(told) })
    }

    fn follow(&self, canary: &mut Child, to: SocketAddr) -> Result<()> {
        let procs = self.cgroup.join("cgroup.procs");
        fs::write(&procs, canary.id().to_string()).context("the canary can't be moved into its job")?;
        drop(canary.stdin.take());
        let deadline = Instant::now() + PATIENCE;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let arrival = self.arrivals.recv_timeout(left);
            let arrival = arrival.map_err(|_late| {
                anyhow!("its connection to {to} did not come out at the gateway: jobs may not be intercepted")
            })?;
            if arrival.original != to {
                continue;
            }
            if (arrival.pid, arrival.cgroup_id) != (canary.id(), self.cgroup_id) {
                let (pid, cgroup) = (arrival.pid, arrival.cgroup_id);
                bail!(
                    "its connection came out as one of process {pid} in cgroup {cgroup}, and it was {} in {}",
                    canary.id(),
                    self.cgroup_id
                );
            }
            return Ok(());
        }
    }
}

/// The canary's own part: waits for its standard input to end, then dials.
///
/// # Errors
/// Where the connect fails: then nobody intercepts it, or refuses it.
pub fn dial(to: SocketAddr) -> std::io::Result<()> {
    std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?;
    TcpStream::connect_timeout(&to, CONNECT).map(drop)
}

/// The cgroup of a gateway's canaries.
#[must_use]
pub fn canary_cgroup(attach: &Path, name: &str) -> PathBuf {
    attach.join(format!("weir-canary-{name}"))
}

/// An address of TEST-NET-1 (RFC 5737), a different one each time: whoever answers there is the gateway.
fn nowhere() -> SocketAddr {
    let random = getrandom::u32().unwrap_or(0x1234_5678).to_ne_bytes();
    let host = random[0].clamp(1, 254);
    let port = u16::from_ne_bytes([random[1], random[2]]).max(1024);
    SocketAddrV4::new(Ipv4Addr::new(192, 0, 2, host), port).into()
}

/// Ends the process, if it has not ended; what it said.
fn end(mut canary: Child) -> String {
    // One that has done its work has nothing left to do.
    let _gone = canary.kill().is_ok();
    canary.wait_with_output().map(|output| String::from_utf8_lossy(&output.stderr).trim().to_owned()).unwrap_or_default()
}
