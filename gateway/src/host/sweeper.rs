//! The daemon's housekeeping: jobs that are over go, and what the kernel side tells becomes jobs and findings.

use super::diary::Diary;
use super::jobs::Jobs;
use super::refusals::{self, Refusals};
use super::rules;
use crate::capture::{Events, KernelEvent};
use crate::identity::Claimant;
use crate::session::canary::CanaryState;
use crate::session::context::Shared;
use anyhow::Result;
use gateway_core::model::ids::RunId;
use serde_json::json;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::runtime::Runtime;
use tokio::task::JoinSet;

/// How often jobs are looked after.
const EVERY: Duration = Duration::from_secs(1);
/// How often the gateway's own record says that it is there, and how the last canary was.
const ALIVE: Duration = Duration::from_secs(60);

/// The thread that does it. It gives back where it has read from.
pub struct Sweeper {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<Option<Events>>,
}

impl Sweeper {
    /// Starts it; without `events` the kernel side is not listened to.
    ///
    /// # Errors
    /// Where no thread can be started.
    pub fn start(shared: Arc<Shared>, jobs: Arc<Jobs>, diary: Arc<Diary>, events: Option<Events>) -> Result<Self> {
        let (stop, stopped) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().build()?;
        let mut keeper = Keeper { shared, jobs, diary, refusals: Refusals::default(), lost: 0, runtime };
        keeper.lost = keeper.shared.capture.events_lost();
        let work = move || keeper.keep(events, &stopped);
        let thread = std::thread::Builder::new().name("weir-sweep".to_owned()).spawn(work)?;
        Ok(Self { stop, thread })
    }

    /// Ends it.
    pub fn end(self) -> Option<Events> {
        drop(self.stop);
        self.thread.join().unwrap_or_else(|_panic| {
            tracing::error!("the thread that looks after jobs has panicked");
            None
        })
    }
}

struct Keeper {
    shared: Arc<Shared>,
    jobs: Arc<Jobs>,
    diary: Arc<Diary>,
    refusals: Refusals,
    lost: u64,
    /// For what has to be waited for. It has no driver, and so no descriptors.
    runtime: Runtime,
}

impl Keeper {
    fn keep(&mut self, mut events: Option<Events>, stopped: &mpsc::Receiver<()>) -> Option<Events> {
        let mut swept = Instant::now();
        let mut told = swept;
        self.is_alive("started");
        loop {
            let patience = EVERY.saturating_sub(swept.elapsed());
            let over = match &mut events {
                Some(events) => {
                    if let Some(event) = events.wait(patience) {
                        self.heard(event);
                    }
                    stopped.try_recv() == Err(mpsc::TryRecvError::Disconnected)
                }
                None => stopped.recv_timeout(patience) == Err(mpsc::RecvTimeoutError::Disconnected),
            };
            if over {
                self.is_alive("stopped");
                return events;
            }
            if told.elapsed() >= ALIVE {
                told = Instant::now();
                self.is_alive("goes on");
            }
            if swept.elapsed() >= EVERY {
                swept = Instant::now();
                self.sweep();
            }
        }
    }

    /// The proof of life of which `weir audit gaps` finds the lack.
    fn is_alive(&self, event: &str) {
        let (canary, why) = match self.shared.canary.state() {
            CanaryState::Off => ("off", None),
            CanaryState::Well { .. } => ("well", None),
            CanaryState::Failed { why } => ("failed", Some(why)),
        };
        self.diary.note(&json!({ "what": "alive", "event": event, "canary": canary, "why": why }));
    }

    fn sweep(&mut self) {
        if let Err(error) = rules::find(&self.shared, &self.jobs) {
            tracing::error!(%error, "a cgroup that a rule matches can't be made a job");
        }
        let over = self.jobs.sweep(&self.shared);
        // All at once: each waits until its record is on the disk.
        let mut ending = JoinSet::new();
        for run in over.into_iter().map(|job| job.run) {
            let shared = Arc::clone(&self.shared);
            ending.spawn_on(async move { shared.names.end(run).await }, self.runtime.handle());
        }
        self.runtime.block_on(ending.join_all());
        for again in self.refusals.over() {
            self.diary.finding("refused_again", again);
        }
        let lost = self.shared.capture.events_lost();
        if lost > self.lost {
            self.diary.finding("events_lost", json!({ "alert": "medium", "lost": lost - self.lost }));
            self.lost = lost;
        }
    }

    fn heard(&mut self, event: KernelEvent) {
        match event {
            KernelEvent::JobMade { cgroup, job, path } => {
                let rule = rules::rule_at(&self.shared.config.jobs, job.rule).unwrap_or(usize::MAX);
                let name = self.shared.config.jobs.get(rule).map_or("a rule that is gone", |rule| rule.name.as_str());
                let run = RunId::from_number(job.run);
                self.shared.resolver.claim(run, Claimant::Cgroup { id: cgroup });
                let _job = self.jobs.found(run, rule, name, &path, cgroup);
            }
            // The table's own sweep finds that the cgroup is gone.
            KernelEvent::JobGone { .. } => {}
            KernelEvent::TaskLeft { cgroup, job, pid } => {
                let of = RunId::from_number(job.run);
                self.diary.finding("left_its_job", json!({ "alert": "high", "of": of, "pid": pid, "cgroup_id": cgroup }));
            }
            KernelEvent::Refused(call, reason) => {
                if let Some(told) = self.refusals.note(&call, reason) {
                    self.diary.finding("refused", told);
                }
            }
            KernelEvent::Passed(call) => {
                let mut told = refusals::told(&call, "on_gateway_down");
                told["alert"] = "high".into();
                self.diary.finding("passed_while_down", told);
            }
        }
    }
}
