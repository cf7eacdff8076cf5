//! The threads that bring events to the sinks, apart from everything else: who is slow to take them slows nobody.

use super::deliver::deliver;
use super::settings::SinkSettings;
use super::spool::{Spool, SpoolError, SpoolSettings};
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::runtime::{Builder, Runtime};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Threads for all sinks together.
const THREADS: usize = 2;
/// How often the spool is seen to, and while somebody waits for room in it.
const KEEP: Duration = Duration::from_secs(1);
const KEEP_WHILE_FULL: Duration = Duration::from_millis(100);
/// How long what is under way may take once the gateway stops: what is left then is the next gateway's.
const FAREWELL: Duration = Duration::from_secs(3);

/// All sinks of a gateway, at work.
pub struct Sinks {
    spool: Arc<Spool>,
    stop: watch::Sender<bool>,
    thread: JoinHandle<()>,
}

/// They can't be.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// For the spool.
    #[error(transparent)]
    Spool(#[from] SpoolError),
    /// For want of threads.
    #[error(
        "cannot start the threads that bring events to the sinks: {0}; look at the limit on threads (RLIMIT_NPROC, TasksMax=)"
    )]
    Thread(#[from] io::Error),
}

impl Sinks {
    /// Opens the spool and begins to deliver.
    ///
    /// # Errors
    /// Where the spool can't be opened, or a thread not be started.
    pub fn start(state_dir: &Path, settings: SpoolSettings, sinks: &[SinkSettings]) -> Result<Self, StartError> {
        let spool = Arc::new(Spool::open(state_dir, settings, sinks.iter().map(SinkSettings::reader).collect())?);
        let runtime = Builder::new_multi_thread().worker_threads(THREADS).thread_name("weir-sink").enable_all().build()?;
        let (stop, stopping) = watch::channel(false);
        let (sinks, shared) = (sinks.to_vec(), Arc::clone(&spool));
        let thread =
            thread::Builder::new().name("weir-sinks".to_owned()).spawn(move || all(runtime, &shared, sinks, stopping))?;
        Ok(Self { spool, stop, thread })
    }

    /// What events are appended to.
    #[must_use]
    pub const fn spool(&self) -> &Arc<Spool> {
        &self.spool
    }

    /// Delivers what takes no time, and ends.
    pub fn stop(self) {
        self.stop.send_replace(true);
        if self.thread.join().is_err() {
            tracing::error!("the thread of the sinks has panicked");
        }
    }
}

fn all(runtime: Runtime, spool: &Arc<Spool>, sinks: Vec<SinkSettings>, mut stopping: watch::Receiver<bool>) {
    runtime.block_on(async {
        let mut tasks = JoinSet::new();
        for sink in sinks {
            tasks.spawn(deliver(Arc::clone(spool), Arc::new(sink), stopping.clone()));
        }
        let keeper = tokio::spawn(keep(Arc::clone(spool)));
        // A dropped sender means the same as a message.
        let _told = stopping.wait_for(|stop| *stop).await.is_ok();
        let over = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(FAREWELL, over).await.is_err() {
            tracing::warn!("a sink does not take what waits for it: the next gateway goes on with it");
        }
        keeper.abort();
    });
    // What a hung file system holds is left to it.
    runtime.shutdown_timeout(FAREWELL);
    if let Err(error) = spool.keep() {
        tracing::error!(%error, "the spool can't be synced");
    }
}

/// Sees to the spool until it is dropped.
async fn keep(spool: Arc<Spool>) {
    loop {
        let shared = Arc::clone(&spool);
        let kept = tokio::task::spawn_blocking(move || shared.keep()).await;
        if let Ok(Err(error)) = kept {
            tracing::error!(%error, "the spool can't be kept");
        }
        tokio::time::sleep(if spool.is_full() { KEEP_WHILE_FULL } else { KEEP }).await;
    }
}
