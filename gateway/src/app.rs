//! The composition root: the only file that knows every part; how they start and how they stop.

use crate::accept::{self, Workers};
use crate::api;
use crate::capture::{self, Capture, CaptureSettings};
use crate::config::Config;
use crate::credential::Credentials;
use crate::evidence::Store;
use crate::identity::Resolver;
use crate::session::live::{KillOrder, Live};
use crate::tls::{Authority, ServerSide, TrustBundle};
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use gateway_core::model::ids::RunId;
use gateway_core::policy::PolicySet;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long sessions that were ended by force may take to say so.
const AFTER_FORCE: Duration = Duration::from_secs(15);

/// What all sessions share. Policy alone changes, and as a whole.
pub struct Shared {
    /// The configuration as used.
    pub config: Config,
    /// The policy set in force.
    pub policy: ArcSwap<PolicySet>,
    /// The kernel side.
    pub capture: Capture,
    /// Who a process is.
    pub resolver: Resolver,
    /// The live sessions.
    pub live: Live,
    /// The records.
    pub store: Store,
    /// TLS towards jobs.
    pub server_side: ServerSide,
    /// The targets' credentials.
    pub credentials: Credentials,
    /// Sessions begun.
    pub begun: AtomicU64,
    /// Sessions refused at the door.
    pub refused: AtomicU64,
}

impl Shared {
    /// Reads the policy directory again. A bad set leaves the one in force.
    pub fn reload_policy(&self) -> std::result::Result<String, String> {
        let set = load_policy(&self.config.policy.dir).map_err(|error| format!("{error:#}"))?;
        let hash = set.hash().to_owned();
        self.policy.store(Arc::new(set));
        tracing::info!(policy = hash, "the policy set was replaced");
        Ok(hash)
    }
}

/// What a gateway is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The cgroup whose sockets are hooked.
    pub attach: PathBuf,
}

/// A running gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    accepting: Option<Thread>,
    controlling: Option<Thread>,
    socket: PathBuf,
    trust: Option<Trust>,
}

/// What a job needs to trust weir's certificates, where the job's user can read it; removed when dropped.
struct Trust {
    bundle: TrustBundle,
    directory: PathBuf,
}

impl Trust {
    fn give(authority: &Authority) -> Result<Self> {
        let directory = Path::new("/run/weir").join(format!("trust-{}", std::process::id()));
        let mut bundle = TrustBundle::write_for(&directory, authority, &|name| std::env::var_os(name))?;
        // A trust store for Java costs a JVM's start: only for jobs that look like needing it.
        if std::env::var_os("JAVA_HOME").is_some() {
            bundle.add_java()?;
        }
        Ok(Self { bundle, directory })
    }
}

impl Drop for Trust {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_dir_all(&self.directory) {
            tracing::warn!(%error, path = %self.directory.display(), "cannot remove the job's trust store");
        }
    }
}

/// A thread with a runtime, and the means to end it.
struct Thread {
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Gateway {
    /// Starts every part, the kernel's last: nothing is redirected before someone listens.
    pub fn start(start: Start) -> Result<Self> {
        let Start { config, attach } = start;
        let policy = load_policy(&config.policy.dir)?;
        let store = Store::open(&config.state_dir, config.record.evidence())?;
        let authority = Arc::new(Authority::open(&config.state_dir)?);
        for target in config.targets.iter() {
            target.upstream.check().with_context(|| format!("target {}", target.name))?;
        }
        let trust = config.targets.iter().any(|target| target.uses_own_authority()).then(|| Trust::give(&authority)).transpose()?;
        let listener = accept::listen().context("cannot listen on the loopback device")?;
        let gateway_port = listener.local_addr()?.port();
        let capture = Capture::attach(&CaptureSettings { attach, gateway_port, kernel_log: config.capture_kernel_log })?;
        let shared = Arc::new(Shared {
            resolver: Resolver::new(&config),
            server_side: ServerSide::new(authority),
            credentials: Credentials::default(),
            live: Live::default(),
            policy: ArcSwap::from_pointee(policy),
            begun: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            capture,
            store,
            config,
        });
        let workers = Arc::new(Workers::start(worker_count(), &shared)?);
        let accepting = {
            let (shared, workers) = (Arc::clone(&shared), Arc::clone(&workers));
            thread("weir-accept", async move {
                if let Err(error) = accept::accept(listener, shared, workers).await {
                    tracing::error!(%error, "the accept loop has stopped");
                }
            })?
        };
        let socket = api::socket_path(&shared.config.state_dir, std::process::id());
        let controlling = {
            let shared = Arc::clone(&shared);
            let path = socket.clone();
            thread("weir-control", async move {
                match api::bind(&path) {
                    Ok(listener) => api::serve(listener, shared).await,
                    Err(error) => tracing::error!(%error, path = %path.display(), "no control socket: sessions can't be killed by command"),
                }
            })?
        };
        Ok(Self { shared, workers, accepting: Some(accepting), controlling: Some(controlling), socket, trust })
    }

    /// Makes everything in the cgroup part of `run`.
    pub fn add_job(&self, cgroup: &Path, run: RunId) -> Result<()> {
        let id = capture::cgroup_id(cgroup).with_context(|| format!("cannot read the id of {}", cgroup.display()))?;
        self.shared.capture.add_job(id, run)?;
        Ok(())
    }

    /// Variables that the job gets on top of its own: its run, and where trust is to be found.
    pub fn job_environment(&self, run: RunId) -> Vec<(String, String)> {
        let mut variables = self.trust.as_ref().map(|trust| trust.bundle.environment()).unwrap_or_default();
        variables.push(("WEIR_RUN".to_owned(), run.to_string()));
        variables
    }

    /// One line on what is in force.
    pub fn describe(&self) -> String {
        format!(
            "{} mode, {} policies, {} targets; scope: the job's own cgroup",
            self.shared.config.policy.mode,
            self.shared.policy.load().len(),
            self.shared.config.targets.len()
        )
    }

    /// Accepts nothing more, lets sessions end within `drain`, then ends them. Says what was done.
    pub fn stop(mut self, drain: Duration) -> String {
        if let Some(accepting) = self.accepting.take() {
            accepting.end();
        }
        wait_until(drain, || self.shared.live.count() == 0);
        for session in self.shared.live.all() {
            session.kill(KillOrder { by: "weir".to_owned(), reason: "the gateway stopped".to_owned() });
        }
        wait_until(AFTER_FORCE, || self.shared.live.count() == 0);
        if let Some(controlling) = self.controlling.take() {
            controlling.end();
        }
        // It may be gone where the control thread never came up.
        let _removed = std::fs::remove_file(&self.socket).is_ok();
        if let Ok(workers) = Arc::try_unwrap(self.workers) {
            workers.join();
        }
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        format!("{} sessions, {} refused", count(&self.shared.begun), count(&self.shared.refused))
    }
}

/// Reads, parses and checks a policy directory.
pub fn load_policy(dir: &Path) -> Result<PolicySet> {
    let mut sources = Vec::new();
    if dir.as_os_str().is_empty() {
        return PolicySet::load(sources).map_err(problems);
    }
    let entries = std::fs::read_dir(dir).with_context(|| format!("cannot read the policy directory {}", dir.display()))?;
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cedar") {
            let text = std::fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))?;
            sources.push((path.display().to_string(), text));
        }
    }
    sources.sort();
    PolicySet::load(sources).map_err(problems)
}

fn problems(problems: Vec<gateway_core::policy::PolicyProblem>) -> anyhow::Error {
    let lines: Vec<_> = problems.iter().map(ToString::to_string).collect();
    anyhow::anyhow!("the policy set has {} problems:\n  {}", lines.len(), lines.join("\n  "))
}

/// Random bits for ids.
pub fn random() -> u32 {
    getrandom::u32().unwrap_or_else(|_unavailable| {
        // Ids need to differ, not to be secret.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        u32::try_from(NEXT.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff).unwrap_or_default()
    })
}

fn worker_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

fn thread(name: &str, work: impl Future<Output = ()> + Send + 'static) -> Result<Thread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(async {
            tokio::select! { _ = stopped => {}, () = work => {} }
        });
    })?;
    Ok(Thread { stop, handle })
}

impl Thread {
    fn end(self) {
        // It may have ended by itself.
        let _told = self.stop.send(()).is_ok();
        if self.handle.join().is_err() {
            tracing::error!("a control thread has panicked");
        }
    }
}

fn wait_until(patience: Duration, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() && start.elapsed() < patience {
        std::thread::sleep(Duration::from_millis(2));
    }
}
