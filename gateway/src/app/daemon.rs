//! The daemon: one gateway for all jobs of a host, its socket for everyone, and its life until a signal or an heir ends it.

use super::heir::{self, Inheritance};
use super::web::Web;
use super::{Gateway, Start, Thread, thread};
use crate::api;
use crate::capture::{self, Events, Listeners, PINS};
use crate::config::Config;
use crate::control::Desk;
use crate::host::{Conversation, Jobs, Lock, Message, Sweeper, listen, notify, unexpected};
use crate::session::totals::Snapshot;
use crate::telemetry::count;
use anyhow::{Context as _, Result};
use nix::sys::signal::{SigSet, Signal};
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// A running daemon.
pub struct Daemon {
    gateway: Gateway,
    jobs: Arc<Jobs>,
    /// Kept beside the thread that serves it: an heir gets the same, and so nobody finds it closed.
    socket: UnixListener,
    serving: Option<Serving>,
    /// Where people come in from elsewhere.
    web: Option<Web>,
    /// What the kernel side tells, while nobody listens to it.
    events: Option<Events>,
    path: PathBuf,
    drain: Duration,
    wakes: mpsc::Receiver<Wake>,
    // The last thing to go: whoever gets it may rely on all else being gone.
    lock: Lock,
}

/// What goes on only while this daemon is the one.
struct Serving {
    public: Thread,
    web: Option<Thread>,
    sweeper: Sweeper,
}

/// What ends a wait.
enum Wake {
    Signal(Signal),
    Heir(UnixStream),
}

/// How a daemon's life ends.
pub enum End {
    /// In order.
    Stopped(String),
    /// Another has taken over, and what was left here is over.
    TakenOver(String),
}

impl Daemon {
    /// Starts every part; nothing is intercepted before someone listens, and nobody is told of it before it works.
    ///
    /// # Errors
    /// Where another daemon of this name runs, or any part can't start.
    pub fn start(config: Config) -> Result<Self> {
        let signals = hold_signals()?;
        let lock = Lock::take(&config.state_dir.join(format!("{}.lock", config.host.name)))?;
        let path = config.host.socket.clone();
        let (start, jobs) = plan(config, None)?;
        let mut gateway = Gateway::prepare(start)?;
        let web = match Web::open(&gateway.shared) {
            Ok(web) => web,
            Err(error) => {
                gateway.stop(Duration::ZERO);
                return Err(error);
            }
        };
        let begun = super::rules::find_jobs(&gateway, &jobs).and_then(|()| gateway.open());
        if let Err(error) = begun {
            gateway.stop(Duration::ZERO);
            return Err(error);
        }
        let socket = api::bind_for_all(&path);
        let socket = socket.with_context(|| format!("cannot listen at {}", path.display()))?;
        Self::complete(gateway, jobs, socket, web, lock, signals)
    }

    /// Takes over from the daemon that runs: its sockets, its programs' links, its jobs and totals.
    ///
    /// # Errors
    /// Where none runs, or any part can't start: the running one goes on then.
    pub fn take_over(config: Config) -> Result<Self> {
        let signals = hold_signals()?;
        let path = config.host.socket.clone();
        let conversation = Conversation::begin(&path)
            .with_context(|| format!("no daemon that could be followed answers at {}", path.display()))?;
        let Inheritance { lock, socket, listeners, jobs: offered, age } = heir::accept(&conversation)?;
        let (start, jobs) = plan(config, Some((listeners, Duration::from_secs(age))))?;
        jobs.take_over(offered);
        let mut gateway = Gateway::prepare(start)?;
        let totals = match heir::succeed(&conversation, &mut gateway, &jobs) {
            Ok(totals) => totals,
            Err(error) => {
                gateway.give_up();
                return Err(error.context("nothing was taken over, the running daemon goes on"));
            }
        };
        let lock = Lock::given(lock).context("the lock can't be signed")?;
        // The one before has closed it only now.
        let web = Web::open_after(&gateway.shared);
        let daemon = Self::complete(gateway, jobs, socket, web, lock, signals)?;
        heir::hear_totals(conversation, Arc::clone(&daemon.gateway.shared), totals)?;
        Ok(daemon)
    }

    fn complete(
        gateway: Gateway,
        jobs: Arc<Jobs>,
        socket: UnixListener,
        web: Option<Web>,
        lock: Lock,
        signals: SigSet,
    ) -> Result<Self> {
        let (path, drain) = (gateway.shared.config.host.socket.clone(), gateway.shared.config.host.drain);
        let heirs = listen(&path).with_context(|| format!("cannot listen beside {}", path.display()))?;
        let wakes = wait_for_wakes(signals, heirs)?;
        let events = gateway.shared.capture.events();
        let mut daemon = Self { gateway, jobs, socket, serving: None, web, events, path, drain, wakes, lock };
        daemon.serve()?;
        Ok(daemon)
    }

    /// What is in force, in one line.
    #[must_use]
    pub fn describe(&self) -> String {
        format!("{}; jobs at {}", self.gateway.describe(), self.path.display())
    }

    /// Goes on until a signal asks for an orderly end, or another has taken over. SIGHUP has the policies read again, and the rules of detection.
    ///
    /// # Errors
    /// Where nothing can wake it any more.
    pub fn run(mut self) -> Result<End> {
        // The main process may be another than the one that the service manager started.
        tell(&format!("MAINPID={}\nREADY=1", std::process::id()));
        loop {
            match self.wakes.recv().context("the threads that wait for signals are gone")? {
                Wake::Signal(Signal::SIGHUP) => {
                    self.gateway.reload_rules.store(true, Ordering::Relaxed);
                    if let Err(error) = self.gateway.shared.reload_policy() {
                        tracing::error!(error, "the policy stays as it was");
                    }
                }
                Wake::Signal(_) => break,
                Wake::Heir(stream) => match self.hand_over(stream) {
                    Ok(conversation) => return Ok(End::TakenOver(self.retire(&conversation))),
                    Err(error) => {
                        tracing::error!(%error, "nobody has taken over, this daemon goes on");
                        if let Err(error) = self.resume() {
                            // Its jobs stay refused.
                            self.gateway.give_up();
                            return Err(error.context("this daemon can't go on"));
                        }
                    }
                },
            }
        }
        tell("STOPPING=1");
        self.rest();
        // They would be another's where one had taken over.
        for path in [self.path.clone(), crate::host::handover_path(&self.path)] {
            let _removed = std::fs::remove_file(path).is_ok();
        }
        // A job that lives on is not let go: it is refused until a daemon runs again.
        let alive = self.jobs.all().iter().filter(|job| !self.jobs.processes(job).is_empty()).count();
        if alive == 0 {
            return Ok(End::Stopped(self.gateway.stop(self.drain)));
        }
        let left = count(alive, "job lives on and is", "jobs live on and are");
        let summary = self.gateway.stop_closed(self.drain);
        Ok(End::Stopped(format!("{summary}; {left} refused until a daemon runs here again, or `weir serve --clear` ends them")))
    }

    /// Hands over, up to the point at which the other one serves.
    fn hand_over(&mut self, stream: UnixStream) -> io::Result<Conversation> {
        let (conversation, pid) = Conversation::take_up(stream)?;
        heir::offer(&conversation, &self.gateway, &self.jobs, self.lock.as_fd(), &self.socket)?;
        self.rest();
        self.gateway.pause();
        heir::give(&conversation, &self.gateway, &self.jobs)?;
        match conversation.hear()?.0 {
            Message::Serving => {
                tracing::info!(pid, "another daemon has taken over");
                Ok(conversation)
            }
            other => Err(unexpected(&other)),
        }
    }

    /// Ends what is left here, within the time that it has, and says what it goes on counting.
    fn retire(self, conversation: &Conversation) -> String {
        let shared = Arc::clone(&self.gateway.shared);
        let count = move || {
            let totals: Snapshot = shared.totals.snapshot();
            // An heir that is gone needs none; what it was told before stands.
            let _told = conversation.say(&Message::Counted { totals }, &[]).is_ok();
        };
        self.gateway.retire(self.drain, count)
    }

    fn serve(&mut self) -> Result<()> {
        let listener = self.socket.try_clone()?;
        let (shared, jobs) = (Arc::clone(&self.gateway.shared), Arc::clone(&self.jobs));
        let desk = Desk::with_jobs(Arc::clone(&shared), Arc::clone(&jobs), self.gateway.trust_environment());
        // After a take-over that came to nothing it has to be opened again.
        let web = self.web.take().or_else(|| Web::open_after(&shared)).map(|web| web.serve(desk.clone())).transpose()?;
        let public = thread("weir-jobs", |stopped| async move {
            match tokio::net::UnixListener::from_std(listener) {
                Ok(listener) => api::serve(listener, desk, stopped).await,
                Err(error) => tracing::error!(%error, "no jobs can be begun"),
            }
        })?;
        let sweeper = Sweeper::start(shared, jobs, Arc::clone(&self.gateway.diary), self.events.take())?;
        self.serving = Some(Serving { public, web, sweeper });
        Ok(())
    }

    /// Stops what two daemons can't both do.
    fn rest(&mut self) {
        if let Some(Serving { public, web, sweeper }) = self.serving.take() {
            if let Some(web) = web {
                web.end();
            }
            public.end();
            self.events = sweeper.end();
        }
    }

    /// Goes on after a take-over that came to nothing, at whatever point.
    fn resume(&mut self) -> Result<()> {
        if self.serving.is_none() {
            self.lock.sign().context("the lock can't be signed again")?;
            // The other one may have told its own already.
            super::rules::tell(&self.gateway, &self.jobs)?;
            self.gateway.open()?;
            self.serve()?;
        }
        Ok(())
    }
}

/// What the daemon's gateway is started with.
fn plan(config: Config, inherited: Option<(Listeners, Duration)>) -> Result<(Start, Arc<Jobs>)> {
    let attach = match &config.host.attach {
        Some(attach) => attach.clone(),
        None => capture::cgroup2_mount()?,
    };
    let jobs = Arc::new(Jobs::new(&attach).with_context(|| format!("cannot attach at {}", attach.display()))?);
    let name = config.host.name.clone();
    let pins = Path::new(PINS).join(&name);
    Ok((Start { config, attach, pins, host: Some((Arc::clone(&jobs), name)), inherited }, jobs))
}

/// Keeps signals from ending the process. Before its first thread, so that every one leaves them to the one that waits.
fn hold_signals() -> Result<SigSet> {
    let signals: SigSet = [Signal::SIGTERM, Signal::SIGINT, Signal::SIGHUP].into_iter().collect();
    signals.thread_block().context("cannot hold signals back")?;
    Ok(signals)
}

/// Two threads that wait, each for its kind; they end with the process.
fn wait_for_wakes(signals: SigSet, heirs: UnixListener) -> Result<mpsc::Receiver<Wake>> {
    let (wake, wakes) = mpsc::channel();
    let signalled = wake.clone();
    std::thread::Builder::new().name("weir-signals".to_owned()).spawn(move || {
        while let Ok(signal) = signals.wait() {
            if signalled.send(Wake::Signal(signal)).is_err() {
                return;
            }
        }
    })?;
    std::thread::Builder::new().name("weir-heirs".to_owned()).spawn(move || {
        for stream in heirs.incoming() {
            let Ok(stream) = stream else { continue };
            if wake.send(Wake::Heir(stream)).is_err() {
                return;
            }
        }
    })?;
    Ok(wakes)
}

fn tell(state: &str) {
    if let Err(error) = notify(state) {
        tracing::warn!(%error, state, "the service manager could not be told");
    }
}
