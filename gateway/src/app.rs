//! The composition root: the only file that knows every part; how they start and how they stop.

use crate::accept::{self, Workers};
use crate::api;
use crate::capture::{self, Capture, CaptureSettings, JobTag, Listeners};
use crate::catalog::Catalogs;
use crate::config::{Config, load_policy};
use crate::control::Desk;
use crate::credential::{Credentials, Source};
use crate::evidence::Store;
use crate::identity::{Claimant, Resolver};
use crate::names::Names;
use crate::parse_pool::ParsePool;
use crate::session::context::{self, Shared};
use crate::session::live::{KillOrder, Live};
use crate::session::totals::Totals;
use crate::session::{datagrams, kernel};
use crate::telemetry::count;
use crate::tls::{Authority, ServerSide, TrustBundle};
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use gateway_core::model::ids::RunId;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long sessions that were ended by force may take to say so.
const AFTER_FORCE: Duration = Duration::from_secs(15);

/// What a gateway is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The cgroup whose sockets are hooked.
    pub attach: PathBuf,
    /// Where the kernel side is kept beyond this process.
    pub pins: PathBuf,
}

/// A running gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    accepting: Option<Thread>,
    controlling: Option<Thread>,
    socket: PathBuf,
    trust: Option<Trust>,
    answering: Option<Thread>,
    // It goes after the programs.
    _route: Option<capture::DisguiseRoute>,
    run: OnceLock<RunId>,
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
        let Start { config, attach, pins } = start;
        let policy = load_policy(&config.policy.dir)?;
        let store = Store::open(&config.state_dir, config.record.evidence())?;
        let authority = Arc::new(Authority::open(&config.state_dir)?);
        for target in config.targets.iter() {
            target.upstream.check().with_context(|| format!("target {}", target.name))?;
        }
        let trust =
            config.targets.iter().any(|target| target.uses_own_authority()).then(|| Trust::give(&authority)).transpose()?;
        let kernel_log = config.capture_kernel_log;
        let capture = Capture::attach(&CaptureSettings { attach, at_root: false, pins: Some(pins), kernel_log })?;
        let listeners = Listeners::open(capture.mark()).context("cannot listen on the loopback device")?;
        capture.add_listener(listeners.netns_cookie, listeners.port)?;
        let parse_pool = ParsePool::start(worker_count(), config.limits.statement_bytes);
        let parse_pool = parse_pool.context("cannot start the threads that read statements")?;
        let shared = Arc::new(Shared {
            resolver: Resolver::new(&config),
            server_side: ServerSide::new(authority),
            credentials: Credentials::default(),
            names: Names::new(config.names.clone(), config.targets.clone()),
            live: Live::default(),
            parse_pool: Arc::new(parse_pool),
            catalogs: Catalogs::default(),
            totals: Totals::default(),
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
            thread("weir-accept", |stopped| async move {
                tokio::select! {
                    _ = stopped => {}
                    Err(error) = accept::accept(listeners.tcp, shared, workers) => {
                        tracing::error!(%error, "the accept loop has stopped");
                    }
                }
            })?
        };
        let answering = {
            let (shared, netns_cookie) = (Arc::clone(&shared), listeners.netns_cookie);
            thread("weir-names", move |stopped| async move {
                tokio::select! {
                    _ = stopped => {}
                    Err(error) = datagrams::serve(shared, listeners.udp, netns_cookie) => {
                        tracing::error!(%error, "questions in datagrams are not answered any more");
                    }
                }
            })?
        };
        let socket = api::socket_path(&shared.config.state_dir, std::process::id());
        let controlling = {
            let shared = Arc::clone(&shared);
            let path = socket.clone();
            thread("weir-control", |stopped| async move {
                match api::bind(&path) {
                    Ok(listener) => api::serve(listener, Desk::new(shared), stopped).await,
                    Err(error) => {
                        tracing::error!(%error, path = %path.display(), "no control socket: sessions can't be killed by command")
                    }
                }
            })?
        };
        Ok(Self {
            shared,
            workers,
            accepting: Some(accepting),
            controlling: Some(controlling),
            socket,
            trust,
            answering: Some(answering),
            _route: listeners.route,
            run: OnceLock::new(),
        })
    }

    /// Names an execution that is about to begin.
    #[must_use]
    pub fn new_run() -> RunId {
        context::new_run()
    }

    /// Lets this process's own environment and files show the run's token.
    pub fn attest_by_own_environment(&self, run: RunId) {
        self.shared.resolver.claim(run, Claimant::Launcher);
    }

    /// Makes everything in the cgroup part of `run`.
    pub fn add_job(&self, cgroup: &Path, run: RunId) -> Result<()> {
        let id = capture::cgroup_id(cgroup).with_context(|| format!("cannot read the id of {}", cgroup.display()))?;
        let job = JobTag { flags: capture::FLAG_LISTEN_ON_LOOPBACK, ..JobTag::of_run(run.number()) };
        self.shared.capture.add_job(id, job)?;
        let _first = self.run.set(run).is_ok();
        Ok(())
    }

    /// Variables that the job gets on top of its own: its run, and where trust is to be found.
    pub fn job_environment(&self, run: RunId) -> Vec<(String, String)> {
        let mut variables = self.trust.as_ref().map(|trust| trust.bundle.environment()).unwrap_or_default();
        variables.push(("WEIR_RUN".to_owned(), run.to_string()));
        variables
    }

    /// The variables that hold the targets' secrets.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        let targets = self.shared.config.targets.iter();
        let sources = targets.flat_map(|target| target.credential.iter().chain(&target.catalog));
        sources
            .filter_map(|(source, _)| match source {
                Source::Env(name) => Some(name.clone()),
                Source::File(_) => None,
            })
            .collect()
    }

    /// One line on what is in force.
    pub fn describe(&self) -> String {
        format!(
            "{} mode, {}, {}; scope: the job's own cgroup",
            self.shared.config.policy.mode,
            count(self.shared.policy.load().len(), "policy", "policies"),
            count(self.shared.config.targets.len(), "target", "targets")
        )
    }

    /// Ends the records of names, and writes what the kernel side refused.
    fn record_the_end(&self) {
        let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return tracing::error!(%error, "the records of names can't be ended"),
        };
        runtime.block_on(async {
            self.shared.names.stop().await;
            // A private gateway has one run: what was refused, was refused to it.
            let run = self.run.get().copied();
            if let Some(run) = run
                && let Err(error) = kernel::record(&self.shared, run).await
            {
                tracing::error!(%error, "what the kernel side refused can't be recorded");
            }
        });
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
        if let Some(answering) = self.answering.take() {
            answering.end();
        }
        self.record_the_end();
        if let Some(controlling) = self.controlling.take() {
            controlling.end();
        }
        // It may be gone where the control thread never came up.
        let _removed = std::fs::remove_file(&self.socket).is_ok();
        if let Ok(workers) = Arc::try_unwrap(self.workers) {
            workers.join();
        }
        let reached = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let statements = match self.shared.totals.statements_refused() {
            0 => String::new(),
            refused => format!(", {} refused", count(refused, "statement", "statements")),
        };
        let sessions = count(reached(&self.shared.begun), "session", "sessions");
        format!("{sessions}, {} refused{statements}", reached(&self.shared.refused))
    }
}

fn worker_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Starts a thread that does `work` until it is told to stop, and winds it up itself.
fn thread<W: Future<Output = ()> + Send + 'static>(name: &str, work: impl FnOnce(oneshot::Receiver<()>) -> W) -> Result<Thread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let work = work(stopped);
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || runtime.block_on(work))?;
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
