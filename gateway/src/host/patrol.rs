//! Sends canaries, at the start and each minute, and records each that did not come out.

use super::canary::Canary;
use super::diary::Diary;
use crate::session::canary::CanaryState;
use crate::session::context::Shared;
use anyhow::{Result, bail};
use serde_json::json;
use std::path::PathBuf;
use std::sync::{Arc, mpsc};
use std::thread::JoinHandle;
use std::time::Duration;

/// Between two canaries.
const EVERY: Duration = Duration::from_secs(60);

/// The thread that sends canaries.
pub struct Patrol {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

impl Patrol {
    /// Sends the first canary from the job `cgroup`, and goes on only if it came out.
    ///
    /// # Errors
    /// Where it did not: jobs would not be intercepted.
    pub fn start(cgroup: PathBuf, shared: &Arc<Shared>, diary: &Arc<Diary>) -> Result<Self> {
        let canary = Canary::hatch(cgroup, &shared.capture, &shared.canary)?;
        let state = canary.fly();
        shared.canary.note(state.clone());
        if let CanaryState::Failed { why } = state {
            canary.end(&shared.capture);
            bail!("the canary failed, so nothing is started: {why}");
        }
        let (stop, stopped) = mpsc::channel();
        let (shared, diary) = (Arc::clone(shared), Arc::clone(diary));
        let patrol = move || {
            while stopped.recv_timeout(EVERY) == Err(mpsc::RecvTimeoutError::Timeout) {
                let state = canary.fly();
                shared.canary.note(state.clone());
                if let CanaryState::Failed { why } = state {
                    diary.finding("canary", json!({ "alert": "high", "why": why }));
                }
            }
            canary.end(&shared.capture);
        };
        let thread = std::thread::Builder::new().name("weir-canary".to_owned()).spawn(patrol)?;
        Ok(Self { stop, thread })
    }

    /// Sends no more.
    pub fn end(self) {
        drop(self.stop);
        if self.thread.join().is_err() {
            tracing::error!("the canary's thread has panicked");
        }
    }
}
