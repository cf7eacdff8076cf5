//! The resolver of jobs: it asks on their behalf, remembers what each run was told, and refuses what policy does not let be known.
//!
//! `answer` is the way of one question; `told` what a run knows; `limits` what is taken for a tunnel; `upstream` whom
//! it asks; `ledger` the record; `known` which resolvers of others are known.

mod answer;
pub mod known;
mod ledger;
mod limits;
mod told;
mod upstream;

pub use answer::{Asker, QUESTION_BYTES, Transport};
pub use ledger::Ledger;

use crate::config::{NamesSettings, TargetSettings, Targets};
use crate::evidence::{EvidenceError, Recorder};
use gateway_core::model::ids::{RunId, SessionId};
use gateway_core::model::principal::Principal;
use gateway_core::model::target::{ProtocolName, Target};
use gateway_core::policy::{Decision, Mode};
use limits::Limiter;
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use told::Told;
pub use told::ToldName;
use upstream::Upstreams;

/// Runs whose names are remembered.
const RUNS: usize = 16_384;
/// Names that one gateway hands to the next, of all runs: the latest that were told.
const HANDED_OVER: usize = 100_000;
/// How long a run without questions is remembered where room is needed.
const IDLE: Duration = Duration::from_secs(24 * 3600);

/// Refusals of a run that are told to the job's log before they are told less often,
const TOLD: u64 = 20;
/// and how often they are told after that.
const PAUSE: Duration = Duration::from_secs(1);

/// What the resolver needs of the gateway.
pub trait House: Send + Sync {
    /// Whether this name may be resolved.
    fn decide(&self, principal: &Principal, target: &Target, name: &str, record_type: &str) -> Judged;

    /// Begins the record of a run's names.
    ///
    /// # Errors
    /// Where it can't be written.
    fn begin(&self, run: RunId, principal: &Principal) -> Result<(SessionId, Recorder), EvidenceError>;

    /// A name was refused; `line` is for the job's log, where it is time to tell.
    fn refused(&self, line: Option<&str>);
}

/// A decision on a name, with the mode and the policy set that it was made under.
pub struct Judged {
    /// What the policies say.
    pub decision: Decision,
    /// Whether a denial refuses.
    pub mode: Mode,
    /// The set's hash.
    pub set: String,
    /// Whether the workload's owner is known and has not left.
    pub owner_active: bool,
    /// Whether a grant in force gives it.
    pub granted: bool,
}

/// The resolver of one gateway.
pub struct Names {
    settings: NamesSettings,
    targets: Targets,
    upstreams: Upstreams,
    runs: Mutex<HashMap<RunId, Arc<Run>>>,
}

/// What is known of one run's names.
struct Run {
    state: Mutex<RunState>,
    ledger: tokio::sync::Mutex<Option<Ledger>>,
}

struct RunState {
    told: Told,
    limiter: Limiter,
    used: Instant,
    /// Questions over the limit of questions, for the record.
    flood: u64,
    teller: Teller,
}

/// Says whether it is time to tell the job's log of another refusal.
#[derive(Debug, Default)]
struct Teller {
    told: u64,
    untold: u64,
    last: Option<Instant>,
}

impl Names {
    /// A resolver with these settings; `targets` says which names are configured.
    #[must_use]
    pub fn new(settings: NamesSettings, targets: Targets) -> Self {
        Self { upstreams: Upstreams::new(&settings), settings, targets, runs: Mutex::default() }
    }

    /// The names that `run` was told for this address, the latest first.
    ///
    /// None where a name may not stand for such an address: a job that has its own name point at this host, or
    /// into a private network, gets what is there by its address. A target that is named exactly, and what
    /// `[names] private` lists, may.
    #[must_use]
    pub fn told(&self, run: RunId, ip: IpAddr) -> KnownBy {
        let now = Instant::now();
        let names = self.find(run).map_or_else(Vec::new, |run| run.lock().told.names(ip, now));
        let (names, rebound): (Vec<_>, Vec<_>) = names.into_iter().partition(|name| self.may_stand(name, ip));
        KnownBy { names, rebound }
    }

    /// What all runs were told, for the gateway that takes over: a job need not ask again for what it knows.
    #[must_use]
    pub fn all_told(&self) -> Vec<ToldName> {
        let now = Instant::now();
        let runs: Vec<_> = self.lock().iter().map(|(id, run)| (*id, Arc::clone(run))).collect();
        let mut told: Vec<_> = runs.iter().flat_map(|(id, run)| run.lock().told.all(*id, now).collect::<Vec<_>>()).collect();
        if told.len() > HANDED_OVER {
            tracing::warn!(names = told.len(), HANDED_OVER, "jobs have to ask again for the names that they asked for first");
        }
        told.sort_by_key(|name| name.age_ms);
        told.truncate(HANDED_OVER);
        told
    }

    /// Remembers what the gateway before this one has told.
    pub fn restore(&self, told: Vec<ToldName>) {
        let now = Instant::now();
        for ToldName { run, ip, name, left_ms, age_ms } in told {
            // Nothing is remembered for longer than it would be here.
            let until = now + Duration::from_millis(left_ms).min(self.settings.remember);
            let at = now.checked_sub(Duration::from_millis(age_ms)).unwrap_or(now);
            match self.run(run) {
                Some(run) => run.lock().told.tell(&name, ip, at, until),
                None => return,
            }
        }
    }

    /// Forgets a run, and ends the record of its names.
    pub async fn end(&self, run: RunId) {
        let found = self.lock().remove(&run);
        if let Some(run) = found
            && let Some(ledger) = run.ledger.lock().await.take()
        {
            ledger.close("the run ended").await;
        }
    }

    /// Ends all records.
    pub async fn stop(&self) {
        let runs: Vec<_> = self.lock().drain().map(|(_, run)| run).collect();
        for run in runs {
            if let Some(ledger) = run.ledger.lock().await.take() {
                ledger.close("the gateway stopped").await;
            }
        }
    }

    /// The target that a name is: a configured one, on whichever port, or the name itself.
    fn target(&self, name: &str) -> Target {
        self.targets.named_by(name).map_or_else(
            || Target { name: name.to_owned(), environment: None, protocol: ProtocolName::Opaque, configured: false },
            TargetSettings::describe,
        )
    }

    fn may_stand(&self, name: &str, ip: IpAddr) -> bool {
        match told::scope(ip) {
            told::Scope::Public => true,
            told::Scope::Private => {
                self.targets.names_exactly(name) || self.settings.private.iter().any(|pattern| pattern.matches(name))
            }
            told::Scope::Loopback => self.settings.private.iter().any(|pattern| pattern.matches(name)),
            told::Scope::Never => false,
        }
    }

    fn find(&self, run: RunId) -> Option<Arc<Run>> {
        self.lock().get(&run).cloned()
    }

    /// The run's entry, made where there is room.
    fn run(&self, id: RunId) -> Option<Arc<Run>> {
        let mut runs = self.lock();
        if let Some(run) = runs.get(&id) {
            return Some(Arc::clone(run));
        }
        if runs.len() >= RUNS {
            runs.retain(|_, run| Arc::strong_count(run) > 1 || run.lock().used.elapsed() < IDLE);
            if runs.len() >= RUNS {
                return None;
            }
        }
        let state = RunState {
            told: Told::default(),
            limiter: Limiter::default(),
            used: Instant::now(),
            flood: 0,
            teller: Teller::default(),
        };
        let run = Arc::new(Run { state: Mutex::new(state), ledger: tokio::sync::Mutex::default() });
        runs.insert(id, Arc::clone(&run));
        Some(run)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<RunId, Arc<Run>>> {
        self.runs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Teller {
    /// Whether to tell now, and of how many that were not told before.
    fn turn(&mut self, now: Instant) -> Option<u64> {
        if self.told >= TOLD && self.last.is_some_and(|last| now - last < PAUSE) {
            self.untold += 1;
            return None;
        }
        self.told += 1;
        self.last = Some(now);
        Some(std::mem::take(&mut self.untold))
    }
}

impl Run {
    fn lock(&self) -> std::sync::MutexGuard<'_, RunState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What a run knows an address by.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KnownBy {
    /// Names that count, the latest first.
    pub names: Vec<String>,
    /// Names that it was told for the address, and that may not stand for such a one.
    pub rebound: Vec<String>,
}
