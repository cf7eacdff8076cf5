//! The composition root: the only file that knows every part; how they start and how they stop.

mod containers;
mod daemon;
mod diary;
mod heir;
mod memory;
mod rules;
mod stop;
mod trust;
mod web;
mod witnesses;

pub use containers::Containers;
pub use daemon::{Daemon, End};

use crate::accept::{self, Workers};
use crate::api;
use crate::capture::{self, Capture, CaptureSettings, JobTag, Listeners, NamespaceSide};
use crate::catalog::Catalogs;
use crate::config::{Config, load_policy};
use crate::control::{Desk, Scribe, apply_changes, sample};
use crate::credential::Credentials;
use crate::detection::Detector;
use crate::evidence::{Store, Subscriber, keep_policy, now};
use crate::host::{Diary, Jobs, Patrol, Strays, canary_cgroup};
use crate::identity::{Claimant, Resolver};
use crate::index::Indexer;
use crate::ledger::{Follower, Ledger};
use crate::masking::Masking;
use crate::names::Names;
use crate::netns::{DOORS_MAX, Standing, Visitor, Watch};
use crate::notify::{self, Courier};
use crate::parse_pool::ParsePool;
use crate::retention::Pass;
use crate::session::canary::CanaryDoor;
use crate::session::chart::Chart;
use crate::session::context::{self, Shared};
use crate::session::datagrams;
use crate::session::live::Live;
use crate::session::shadow::Shadow;
use crate::session::totals::Totals;
use crate::sink::{Feed, Sinks};
use crate::telemetry::{count, host_name};
use crate::tls::{Authority, ServerSide};
use anyhow::{Context as _, Result};
use arc_swap::ArcSwap;
use containers::ContainerSocket;
use gateway_core::model::ids::RunId;
use gateway_core::record::log::Entry;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use trust::Trust;
use witnesses::Asked;

/// How long what a thread has left to others may take once it has ended.
const LEFT: Duration = Duration::from_secs(10);

/// What a gateway is started with.
pub struct Start {
    /// The configuration.
    pub config: Config,
    /// The cgroup whose sockets are hooked.
    pub attach: PathBuf,
    /// Where the kernel side is kept beyond this process.
    pub pins: PathBuf,
    /// The host's jobs and the daemon's name, where this gateway is the daemon; one job's own gateway has none.
    pub host: Option<(Arc<Jobs>, String)>,
    /// The sockets of the gateway before this one, which still runs, and since when it counts running totals.
    pub inherited: Option<(Listeners, Duration)>,
}

/// A running gateway.
pub struct Gateway {
    shared: Arc<Shared>,
    workers: Arc<Workers>,
    listeners: Listeners,
    accepting: Option<Thread>,
    controlling: Option<Thread>,
    /// Where there is anybody to be notified.
    notifying: Option<Thread>,
    witnessing: Option<Thread>,
    /// Where anything is looked for.
    detecting: Option<Thread>,
    /// Set to have its rules read again.
    reload_rules: Arc<AtomicBool>,
    /// Where there is anywhere for events to go.
    sinks: Option<Sinks>,
    /// Keeps the index of the records, where it can.
    indexing: Option<Indexer>,
    /// Where records are not kept for ever.
    retention: Option<Pass>,
    socket: PathBuf,
    trust: Option<Trust>,
    answering: Option<Thread>,
    run: OnceLock<RunId>,
    diary: Arc<Diary>,
    patrol: Option<Patrol>,
    /// The cgroup of its canaries.
    canaries: PathBuf,
    /// The notices of network namespaces, while nobody watches.
    side: Option<NamespaceSide>,
    /// Doors that are open while nobody watches them.
    standing: Vec<Standing>,
    watch: Option<Watch>,
    containers: Option<ContainerSocket>,
    strays: Option<Strays>,
}

/// A thread with a runtime, and the means to end it.
struct Thread {
    stop: oneshot::Sender<()>,
    handle: JoinHandle<()>,
}

impl Gateway {
    /// Starts every part, and lets jobs connect once all are there.
    ///
    /// # Errors
    /// Where a part can't start, or the canary does not come out.
    pub fn start(start: Start) -> Result<Self> {
        let mut gateway = Self::prepare(start)?;
        match gateway.open() {
            Ok(()) => Ok(gateway),
            Err(error) => {
                gateway.stop(Duration::ZERO);
                Err(error)
            }
        }
    }

    /// Starts every part but the accept loop: connects wait.
    fn prepare(start: Start) -> Result<Self> {
        let Start { config, attach, pins, host, inherited } = start;
        let (policy, texts) = load_policy(&config.policy.dir)?;
        // It has no effect, so that a bad one keeps nobody from starting.
        let (shadow, no_shadow) = match Shadow::read(config.policy.shadow.as_deref()) {
            Ok(shadow) => (shadow, None),
            Err(why) => (None, Some(why)),
        };
        keep_policy(&config.state_dir, policy.hash(), &texts.policies)?;
        let rules = config.detection.as_ref().map(|detection| detection.rules().map(|rules| (detection.clone(), rules)));
        let rules = rules.transpose()?;
        let ears: Vec<_> = rules.iter().map(|_| Detector::reader()).collect();
        let sinks = match config.sinks.is_empty() && ears.is_empty() {
            true => None,
            // Before anything is recorded: who is new begins with that.
            false => Some(Sinks::start(&config.state_dir, config.spool, &config.sinks, ears)?),
        };
        let name = host_name();
        let feed = sinks.as_ref().map(|sinks| Feed::new(Arc::clone(sinks.spool()), &config.state_dir, &name));
        let subscriber = feed.map(|feed| Arc::new(feed) as Arc<dyn Subscriber>);
        let store = Store::open_for(&config.state_dir, config.evidence(&name, capture::clock()), subscriber)?;
        store.enter(&Entry::Policy { at: now().0, hash: policy.hash().to_owned() })?;
        let authority = Arc::new(Authority::open(&config.state_dir)?);
        for target in config.targets.iter() {
            target.upstream.check().with_context(|| format!("target {}", target.name))?;
        }
        let own_name = host.as_ref().map_or_else(|| std::process::id().to_string(), |(_, name)| name.clone());
        let own_authority = config.targets.iter().any(|target| target.uses_own_authority());
        let trust = own_authority.then(|| Trust::give(&authority, &own_name)).transpose()?;
        let settings = CaptureSettings {
            attach: attach.clone(),
            at_root: host.is_some(),
            pins: Some(pins),
            kernel_log: config.capture_kernel_log,
            doors: true,
        };
        let age = inherited.as_ref().map_or(Duration::ZERO, |(_, age)| *age);
        let capture = if inherited.is_some() { Capture::adopt(&settings)? } else { Capture::attach(&settings)? };
        let listeners = match inherited {
            Some((listeners, _)) => listeners,
            None => Listeners::open(capture.mark()).context("cannot listen on the loopback device")?,
        };
        capture.add_listener(listeners.netns_cookie, listeners.port)?;
        let visitor = Visitor::start().context("cannot start the thread that makes sockets in jobs' network namespaces")?;
        let side = capture.namespaces().context("jobs' network namespaces are watched already")?;
        let parse_pool = ParsePool::start(worker_count(), config.limits.statement_bytes);
        let parse_pool = parse_pool.context("cannot start the threads that read statements")?;
        let credentials = Credentials::default();
        let ledger = Arc::new(Ledger::open(&config.state_dir)?);
        let follower = Follower::start(Arc::clone(&ledger)).context("cannot start the thread that follows the ledger")?;
        let shared = Arc::new(Shared {
            doors: Arc::default(),
            visitor,
            resolver: Resolver::new(&config),
            server_side: ServerSide::new(authority),
            masking: Arc::new(Masking::open(&config, &credentials)?),
            credentials,
            names: Names::new(config.names.clone(), config.targets.clone()),
            live: Live::default(),
            ledger,
            follower,
            parse_pool: Arc::new(parse_pool),
            catalogs: Catalogs::default(),
            chart: Chart::default(),
            totals: Totals::aged(age),
            canary: CanaryDoor::default(),
            policy: ArcSwap::from_pointee(policy),
            shadow: Shadow::new(shadow),
            begun: AtomicU64::new(0),
            refused: AtomicU64::new(0),
            capture,
            store,
            config,
        });
        let workers = Arc::new(Workers::start(worker_count(), &shared)?);
        let socket = api::socket_path(&shared.config.state_dir, std::process::id());
        let environment = trust.iter().flat_map(Trust::environment).collect();
        let desk = match host {
            Some((jobs, _)) => Desk::with_jobs(Arc::clone(&shared), jobs, environment),
            None => Desk::new(Arc::clone(&shared)),
        };
        let diary = Arc::new(diary::of(&shared));
        if let Some(why) = no_shadow {
            diary.finding("shadow", serde_json::json!({ "error": why }));
        }
        let couriers = notify::begin(&shared.ledger, &diary, &shared.config.notifiers)?;
        // Apart from the control side: who is slow to be told slows nobody who decides.
        let notifying = match couriers.is_empty() {
            true => None,
            false => Some(thread("weir-notify", |stopped| Courier::all(couriers, stopped))?),
        };
        let witnesses = shared.config.transparency.witnesses.iter();
        let witnesses = witnesses.map(|witness| Asked::new(witness, shared.store.log(), Arc::clone(&diary)));
        let witnesses = witnesses.collect::<Result<Vec<_>, _>>()?;
        let witnessing = match witnesses.is_empty() {
            true => None,
            false => Some(thread("weir-witness", |stopped| witnesses::all(witnesses, stopped))?),
        };
        let reload_rules = Arc::new(AtomicBool::new(false));
        let detecting = rules.zip(sinks.as_ref()).map(|(rules, sinks)| {
            let (spool, diary, reload) = (Arc::clone(sinks.spool()), Arc::clone(&diary), Arc::clone(&reload_rules));
            let detector = Detector::new(rules, spool, desk.clone(), diary, reload);
            thread("weir-detection", |stopped| detector.run(stopped))
        });
        let detecting = detecting.transpose()?;
        let controlling = control(desk, socket.clone(), Arc::clone(&diary))?;
        let canaries = canary_cgroup(&attach, &own_name);
        let indexing = Indexer::start(&shared.config.state_dir).context("cannot start the thread that keeps the index")?;
        let pass = |keep| {
            let state_dir = shared.config.state_dir.clone();
            Pass::start(shared.store.clone(), Arc::clone(&shared.ledger), state_dir, keep)
        };
        let retention = shared.config.record.keep.map(pass).transpose();
        let retention = retention.context("cannot start the thread that removes records")?;
        Ok(Self {
            shared,
            workers,
            listeners,
            accepting: None,
            controlling: Some(controlling),
            notifying,
            witnessing,
            detecting,
            reload_rules,
            sinks,
            indexing: Some(indexing),
            retention,
            socket,
            trust,
            answering: None,
            run: OnceLock::new(),
            diary,
            patrol: None,
            canaries,
            side: Some(side),
            standing: Vec::new(),
            watch: None,
            containers: None,
            strays: None,
        })
    }

    /// Lets jobs connect, and goes on only if a canary comes out.
    fn open(&mut self) -> Result<()> {
        let listener = self.listeners.tcp.try_clone().context("cannot share the listener")?;
        let side = self.side.take().context("jobs' network namespaces can't be watched any more")?;
        let (open, opened) = mpsc::channel(DOORS_MAX);
        let standing = std::mem::take(&mut self.standing);
        let watch = Watch::start(side, standing, Arc::clone(&self.shared.doors), self.shared.capture.mark(), open);
        self.watch = Some(watch.context("cannot watch jobs' network namespaces")?);
        let (shared, workers) = (Arc::clone(&self.shared), Arc::clone(&self.workers));
        self.accepting = Some(thread("weir-accept", |stopped| async move {
            tokio::select! {
                _ = stopped => {}
                Err(error) = accept::accept(listener, opened, shared, workers) => {
                    tracing::error!(%error, "the accept loop has stopped");
                }
            }
        })?);
        let questions = self.listeners.udp.try_clone().context("cannot share the socket for questions")?;
        let (shared, netns_cookie) = (Arc::clone(&self.shared), self.listeners.netns_cookie);
        self.answering = Some(thread("weir-names", move |stopped| async move {
            tokio::select! {
                _ = stopped => {}
                Err(error) = datagrams::serve(shared, questions, netns_cookie) => {
                    tracing::error!(%error, "questions in datagrams are not answered any more");
                }
            }
        })?);
        if self.shared.config.host.canary {
            self.patrol = Some(Patrol::start(self.canaries.clone(), &self.shared, &self.diary)?);
        }
        memory::give_back();
        Ok(())
    }

    /// Accepts nothing for now: connects wait in the listeners' queues, and so does who comes to another network namespace.
    fn pause(&mut self) {
        if let Some(patrol) = self.patrol.take() {
            patrol.end();
        }
        // Before the accept loop: a door that nobody takes would be refused rather than wait.
        if let Some((side, standing)) = self.watch.take().and_then(Watch::pause) {
            (self.side, self.standing) = (Some(side), standing);
        }
        if let Some(accepting) = self.accepting.take() {
            accepting.end();
        }
        if let Some(answering) = self.answering.take() {
            answering.end();
        }
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

    /// Makes everything in the cgroup part of `run`, to stay there.
    pub fn add_job(&mut self, cgroup: &Path, run: RunId) -> Result<()> {
        let id = capture::cgroup_id(cgroup).with_context(|| format!("cannot read the id of {}", cgroup.display()))?;
        let job = JobTag { flags: capture::FLAG_LISTEN_ON_LOOPBACK, ..JobTag::of_run(run.number()) };
        self.shared.capture.add_job(id, job)?;
        let _first = self.run.set(run).is_ok();
        self.strays = Strays::start(Arc::clone(&self.shared), Arc::clone(&self.diary), cgroup.to_owned())?;
        Ok(())
    }

    /// Gives the job in `cgroup` a container socket, whose containers are its children.
    pub fn give_containers(&mut self, asked: Containers, run: RunId, cgroup: &Path) -> Result<()> {
        let mount = capture::cgroup2_mount()?;
        self.containers = Some(ContainerSocket::open(asked, run.to_string(), cgroup, &mount, Arc::clone(&self.diary))?);
        Ok(())
    }

    /// Variables by which a job finds whom to trust.
    fn trust_environment(&self) -> Vec<(String, String)> {
        self.trust.as_ref().map(Trust::environment).unwrap_or_default()
    }

    /// Variables that the job gets on top of its own: its run, and where trust is to be found.
    pub fn job_environment(&self, run: RunId) -> Vec<(String, String)> {
        let mut variables = self.trust_environment();
        variables.extend(self.containers.as_ref().map(ContainerSocket::variable));
        variables.push(("WEIR_RUN".to_owned(), run.to_string()));
        variables
    }

    /// The variables that hold the targets' secrets.
    #[must_use]
    pub fn secret_variables(&self) -> Vec<String> {
        self.shared.config.secret_variables()
    }

    /// The gateway's own files and folders, which a job has no business with.
    #[must_use]
    pub fn private_files(&self) -> Vec<PathBuf> {
        self.shared.config.private_files()
    }

    /// Where the job finds what [`Self::job_environment`] names.
    #[must_use]
    pub fn job_files(&self) -> Vec<PathBuf> {
        self.trust.iter().map(|trust| trust.directory().to_owned()).collect()
    }

    /// One line on what is in force.
    pub fn describe(&self) -> String {
        format!(
            "{} mode, {}, {}",
            self.shared.config.policy.mode,
            count(self.shared.policy.load().len(), "policy", "policies"),
            count(self.shared.config.targets.len(), "target", "targets")
        )
    }
}

/// The thread that answers at the gateway's own control socket, applies what comes into force, and writes down what people did.
fn control(desk: Desk, path: PathBuf, diary: Arc<Diary>) -> Result<Thread> {
    thread("weir-control", |stopped| async move {
        let shared = Arc::clone(desk.shared());
        let scribe = Scribe::new(Arc::clone(&shared.ledger), diary);
        let (stop_applying, applied) = oneshot::channel();
        let (stop_writing, written) = oneshot::channel();
        let (stop_sampling, sampled) = oneshot::channel();
        let sampling = tokio::spawn(sample(Arc::clone(&shared), sampled));
        let applying = tokio::spawn(apply_changes(shared, applied));
        let writing = tokio::spawn(scribe.run(written));
        match api::bind(&path) {
            Ok(listener) => api::serve(listener, desk, stopped).await,
            Err(error) => {
                tracing::error!(%error, path = %path.display(), "no control socket: sessions can't be killed by command");
                // The rest goes on until the gateway stops.
                let _told = stopped.await.is_ok();
            }
        }
        drop((stop_applying, stop_writing, stop_sampling));
        for task in [applying, writing, sampling] {
            if let Err(error) = task.await {
                tracing::error!(%error, "a task of the control thread has panicked");
            }
        }
    })
}

fn worker_count() -> usize {
    std::thread::available_parallelism().map_or(1, std::num::NonZero::get)
}

/// Starts a thread that does `work` until it is told to stop, and winds it up itself.
fn thread<W: Future<Output = ()> + Send + 'static>(name: &str, work: impl FnOnce(oneshot::Receiver<()>) -> W) -> Result<Thread> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (stop, stopped) = oneshot::channel();
    let work = work(stopped);
    let handle = std::thread::Builder::new().name(name.to_owned()).spawn(move || {
        runtime.block_on(work);
        // What it has left to other threads, such as the look-up of a name, may take for ever.
        runtime.shutdown_timeout(LEFT);
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
