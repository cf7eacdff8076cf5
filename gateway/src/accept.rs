//! The one accept loop: takes redirected connections and gives each to the least loaded worker.

use crate::netns::Opened;
use crate::origin;
use crate::session::context::Shared;
use crate::session::{datagrams, gather, open};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;

/// Connections that wait for one worker to pick them up.
const HANDED_OVER: usize = 1024;
/// Open files that are not a session's.
const FILES_OF_OUR_OWN: usize = 256;
/// Stack of a worker, in bytes: statements of some hundred words are read on it. What is not used takes no memory.
const STACK: usize = 16 << 20;
/// Refusals for each line of the log.
const REFUSALS_A_LINE: u64 = 1000;
/// How long the loop rests where the process is out of descriptors.
const BREATH: Duration = Duration::from_millis(20);

/// The data plane's threads, each with a runtime of its own.
pub struct Workers {
    workers: Vec<Worker>,
    threads: Vec<JoinHandle<()>>,
}

struct Worker {
    connections: mpsc::Sender<(std::net::TcpStream, Load)>,
    load: Arc<AtomicUsize>,
}

/// A session's weight on its worker, lifted when dropped.
pub struct Load(Arc<AtomicUsize>);

impl Drop for Load {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Workers {
    /// Starts `count` workers.
    pub fn start(count: usize, shared: &Arc<Shared>) -> io::Result<Self> {
        let mut workers = Vec::with_capacity(count);
        let mut threads = Vec::with_capacity(count);
        for number in 0..count {
            let (connections, arriving) = mpsc::channel(HANDED_OVER);
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            let shared = Arc::clone(shared);
            let thread = std::thread::Builder::new()
                .name(format!("weir-data-{number}"))
                .stack_size(STACK)
                .spawn(move || runtime.block_on(work(shared, arriving)))?;
            workers.push(Worker { connections, load: Arc::default() });
            threads.push(thread);
        }
        Ok(Self { workers, threads })
    }

    /// Ends the workers once no session is left on them.
    pub fn join(self) {
        drop(self.workers);
        for thread in self.threads {
            if thread.join().is_err() {
                tracing::error!("a data-plane worker has panicked");
            }
        }
    }

    /// How many sessions there are, or will be once their worker has picked them up.
    fn load(&self) -> usize {
        self.workers.iter().map(|worker| worker.load.load(Ordering::Relaxed)).sum()
    }

    async fn hand_over(&self, tcp: std::net::TcpStream) {
        let Some(worker) = self.workers.iter().min_by_key(|worker| worker.load.load(Ordering::Relaxed)) else { return };
        worker.load.fetch_add(1, Ordering::Relaxed);
        let load = Load(Arc::clone(&worker.load));
        if worker.connections.send((tcp, load)).await.is_err() {
            tracing::error!("a data-plane worker is gone: the connection is dropped");
        }
    }
}

async fn work(shared: Arc<Shared>, mut arriving: mpsc::Receiver<(std::net::TcpStream, Load)>) {
    if let Err(error) = origin::prepare() {
        tracing::warn!(%error, "clients can't be looked up yet; each connection tries again");
    }
    match gather::start() {
        Some(sender) => drop(tokio::spawn(sender)),
        None => tracing::info!("the kernel has no io_uring for this process: each session writes for itself"),
    }
    let mut sessions = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            connection = arriving.recv() => match connection {
                Some((tcp, load)) => {
                    let shared = Arc::clone(&shared);
                    sessions.spawn(async move {
                        match TcpStream::from_std(tcp) {
                            Ok(tcp) => open::session(&shared, tcp).await,
                            Err(error) => tracing::error!(%error, "a connection can't be watched"),
                        }
                        drop(load);
                    });
                }
                None => break,
            },
            Some(ended) = sessions.join_next() => report(ended),
        }
    }
    while let Some(ended) = sessions.join_next().await {
        report(ended);
    }
}

fn report(ended: Result<(), tokio::task::JoinError>) {
    if let Err(error) = ended {
        tracing::error!(%error, "a session's task ended by a fault of ours; its connections are closed");
    }
}

/// As many sessions as are configured, or as there are open files for: each takes one for the job
/// and one for its record. One that finds none left for its server tells its job so.
fn most_sessions(configured: usize) -> usize {
    let files = nix::sys::resource::getrlimit(nix::sys::resource::Resource::RLIMIT_NOFILE).map_or(0, |(soft, _)| soft);
    let files = usize::try_from(files).unwrap_or(usize::MAX);
    configured.min(files.saturating_sub(FILES_OF_OUR_OWN) / 2).max(1)
}

/// Accepts until the surrounding task is aborted: at the host's listener, and at each door that is opened until it closes.
pub async fn accept(
    listener: std::net::TcpListener,
    mut opened: mpsc::Receiver<Opened>,
    shared: Arc<Shared>,
    workers: Arc<Workers>,
) -> io::Result<()> {
    let mut doors = tokio::task::JoinSet::new();
    let at_home = accept_at(listener, Arc::clone(&shared), Arc::clone(&workers));
    tokio::pin!(at_home);
    loop {
        tokio::select! {
            ended = &mut at_home => return ended,
            Some(door) = opened.recv() => {
                let (shared, workers) = (Arc::clone(&shared), Arc::clone(&workers));
                doors.spawn(accept_until_closed(door, shared, workers));
            }
            Some(ended) = doors.join_next(), if !doors.is_empty() => report(ended),
        }
    }
}

async fn accept_until_closed(door: Opened, shared: Arc<Shared>, workers: Arc<Workers>) {
    let Opened { netns_cookie, tcp, udp, mut closed, after: _ } = door;
    tokio::select! {
        // Nothing is ever sent: it ends when the sender is dropped.
        _ = closed.changed() => {}
        ended = datagrams::serve(Arc::clone(&shared), udp, netns_cookie) => {
            if let Err(error) = ended {
                tracing::error!(%error, netns_cookie, "questions of a job's network namespace are not answered any more");
            }
        }
        ended = accept_at(tcp, shared, workers) => {
            if let Err(error) = ended {
                tracing::error!(%error, netns_cookie, "the accept loop of a job's network namespace has stopped");
            }
        }
    }
}

async fn accept_at(listener: std::net::TcpListener, shared: Arc<Shared>, workers: Arc<Workers>) -> io::Result<()> {
    let listener = TcpListener::from_std(listener)?;
    let limit = most_sessions(shared.config.limits.max_sessions);
    loop {
        match listener.accept().await {
            Ok((tcp, _)) if workers.load() < limit => workers.hand_over(tcp.into_std()?).await,
            Ok((tcp, _)) => {
                let refused = shared.refused.fetch_add(1, Ordering::Relaxed);
                if refused.is_multiple_of(REFUSALS_A_LINE) {
                    tracing::warn!(limit, refused, "refused: as many sessions as limits.max_sessions and the open files allow");
                }
                open::reset(&tcp);
            }
            Err(error) => {
                tracing::error!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATH).await;
            }
        }
    }
}
