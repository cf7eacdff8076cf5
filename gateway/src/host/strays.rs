//! Processes of a private gateway's job that were moved out of its cgroup: brought back, or ended.
//!
//! A private gateway is attached at its job's cgroup alone, so whoever is elsewhere is not caught. A container runtime
//! as root has systemd make a cgroup of its own for each container (`machine.slice`), and a login its session's.

use super::diary::Diary;
use crate::capture::{Events, KernelEvent, cgroup_path};
use crate::session::context::Shared;
use anyhow::Result;
use gateway_core::model::ids::RunId;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// How often it is looked whether the gateway ends.
const EVERY: Duration = Duration::from_millis(250);
/// How often what is left in the other cgroup is looked for: a process may have children meanwhile.
const ROUNDS: usize = 100;
/// How many findings a job makes by this.
const TOLD_MAX: usize = 100;

/// The thread that does it.
pub struct Strays {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Strays {
    /// Starts it for the job in the cgroup `job`; does nothing where the kernel side's events are read already.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(shared: Arc<Shared>, diary: Arc<Diary>, job: PathBuf) -> Result<Option<Self>> {
        let Some(events) = shared.capture.events() else { return Ok(None) };
        let (stop, stopped) = mpsc::channel();
        let mut keeper = Keeper { shared, diary, job, told: 0 };
        let work = move || keeper.keep(events, &stopped);
        let thread = std::thread::Builder::new().name("weir-strays".to_owned()).spawn(work)?;
        Ok(Some(Self { stop, thread }))
    }

    /// Ends it.
    pub fn end(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the thread that brings processes back into the job has panicked");
        }
    }
}

struct Keeper {
    shared: Arc<Shared>,
    diary: Arc<Diary>,
    job: PathBuf,
    told: usize,
}

impl Keeper {
    fn keep(&mut self, mut events: Events, stopped: &mpsc::Receiver<()>) {
        while stopped.try_recv() != Err(mpsc::TryRecvError::Disconnected) {
            if let Some(KernelEvent::TaskLeft { cgroup, job, pid }) = events.wait(EVERY) {
                let outcome = self.bring_back(cgroup, job.run, pid);
                self.tell(cgroup, RunId::from_number(job.run), pid, outcome);
            }
        }
    }

    /// Brings back the process, and what it has begun in the other cgroup.
    fn bring_back(&self, cgroup: u64, run: u64, pid: u32) -> &'static str {
        // It is gone with all that was in it, or was moved on, which is told again.
        let Some(elsewhere) = cgroup_path(cgroup) else { return "gone already" };
        let mut outcome = "gone already";
        for _ in 0..ROUNDS {
            let all = fs::read_to_string(elsewhere.join("cgroup.procs")).unwrap_or_default();
            let all = all.lines().filter_map(|line| line.parse::<u32>().ok());
            let strays: Vec<u32> = all.filter(|&other| other == pid || self.shared.capture.run_of(other) == Some(run)).collect();
            if strays.is_empty() {
                return outcome;
            }
            outcome = if strays.into_iter().all(|stray| move_to(&self.job, stray)) { "brought back" } else { "ended" };
        }
        outcome
    }

    fn tell(&mut self, cgroup: u64, run: RunId, pid: u32, outcome: &str) {
        self.told += 1;
        if self.told <= TOLD_MAX {
            let body = json!({ "alert": "medium", "of": run, "pid": pid, "cgroup_id": cgroup, "done": outcome });
            self.diary.finding("left_its_job", body);
        }
    }
}

/// Moves the process there; one that can't be is ended, which is `false`.
fn move_to(job: &Path, pid: u32) -> bool {
    let Err(error) = fs::write(job.join("cgroup.procs"), pid.to_string()) else { return true };
    if error.raw_os_error() == Some(libc::ESRCH) {
        return true;
    }
    tracing::warn!(%error, pid, "a process that left its job can't be brought back, and is ended");
    // Where that fails it has ended meanwhile.
    let _ended = kill(Pid::from_raw(pid.cast_signed()), Signal::SIGKILL).is_ok();
    false
}
