//! What people may look at: nothing here changes anything.

mod health;
mod log;
mod policy;
mod records;
mod sample;
mod targets;
mod workloads;

use super::actor::{Actor, On, Role};
use super::incidents::{self, IncidentRequest};
use super::{CommandError, Desk, aside};
use crate::evidence::now;
use crate::incident::Incident;
use crate::index::Index;
use crate::ledger::Event;
use crate::session::context::Shared;
use gateway_core::model::ids::SessionId;
use gateway_core::model::time::Timestamp;
pub use health::{Evidence, HealthReport, Probed};
pub use log::{ShownCheckpoint, ShownLog, ShownWitness};
pub use policy::{CheckedPolicy, PolicyCase, PolicyInForce, PolicyProblemAt, PolicyRow, PolicyVersion, ShownVersion};
pub use records::{CheckedAll, CheckedRecord, Frames, RecordFile, RecordPage, RecordQuery, ShownRecord, Where};
pub use sample::sample;
use serde::Serialize;
use std::path::Path;
use std::sync::{Arc, OnceLock};
pub use targets::ShownTarget;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
pub use workloads::ShownWorkload;

pub use crate::evidence::{PolicyFile, Summary};
pub use crate::session::chart::Sample;

/// What is to be looked at.
#[derive(Clone, Debug)]
pub enum Look {
    /// Which sessions were recorded?
    Records(RecordQuery),
    /// What is this one, in a few words?
    Record(SessionId),
    /// Its frames behind the one of this number, from the first where there is none.
    Frames {
        /// Of which.
        id: SessionId,
        /// Behind which.
        after: Option<u64>,
        /// How many at most.
        most: usize,
    },
    /// Is it as it was written?
    CheckRecord(SessionId),
    /// Are all, and what people decided?
    CheckAll,
    /// Which workloads are configured, live, or were seen lately?
    Workloads,
    /// Which targets are there?
    Targets,
    /// Which policy is in force?
    Policy,
    /// Which were?
    PolicyVersions,
    /// What was the one of this hash?
    PolicyVersion(String),
    /// What would be wrong with these files?
    CheckPolicy(Vec<PolicyFile>),
    /// How is the gateway, tier by tier?
    Health,
    /// How does the transparency log stand?
    Log,
    /// What was done over the last hour?
    Chart,
    /// What is known of a target in a time?
    Incident(IncidentRequest),
    /// What has happened behind the event of this number?
    Events {
        /// Behind which; the last few where it is not said.
        after: Option<u64>,
    },
}

/// What is shown.
#[derive(Clone, Debug, Serialize)]
#[serde(untagged)]
pub enum Shown {
    /// To [`Look::Records`].
    Records(RecordPage),
    /// To [`Look::Record`].
    Record(Box<ShownRecord>),
    /// To [`Look::Frames`].
    Frames(Frames),
    /// To [`Look::CheckRecord`].
    Checked(CheckedRecord),
    /// To [`Look::CheckAll`].
    CheckedAll(CheckedAll),
    /// To [`Look::Workloads`].
    Workloads(Vec<ShownWorkload>),
    /// To [`Look::Targets`].
    Targets(Vec<ShownTarget>),
    /// To [`Look::Policy`].
    Policy(PolicyInForce),
    /// To [`Look::PolicyVersions`].
    PolicyVersions(Vec<PolicyVersion>),
    /// To [`Look::PolicyVersion`].
    PolicyVersion(ShownVersion),
    /// To [`Look::CheckPolicy`].
    CheckedPolicy(CheckedPolicy),
    /// To [`Look::Health`].
    Health(Box<HealthReport>),
    /// To [`Look::Log`].
    Log(ShownLog),
    /// To [`Look::Chart`].
    Chart(Chart),
    /// To [`Look::Incident`].
    Incident(Box<Incident>),
    /// To [`Look::Events`].
    Events(Events),
}

/// What was done over the last hour.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Chart {
    /// Seconds that a sample is for.
    pub step_seconds: u64,
    /// The samples, the oldest first.
    pub samples: Vec<Sample>,
}

/// What has happened.
#[derive(Clone, Debug, Serialize)]
pub struct Events {
    /// Those that may be told.
    pub events: Vec<Event>,
    /// The number of the last one that was looked at.
    pub last: u64,
}

/// What is remembered from one look to the next.
#[derive(Debug)]
pub struct Memory {
    /// When the desk was set up.
    began: Timestamp,
    /// Places for those who listen.
    listeners: Arc<Semaphore>,
    /// Whether the gateway stops answering.
    closing: watch::Sender<bool>,
    records: records::Shelf,
    policies: policy::History,
    index: OnceLock<Index>,
    workloads: workloads::Seen,
    health: health::Probes,
}

/// Events that who listens for the first time hears of those before.
const LAST: u64 = 50;
/// Who may listen at once.
const LISTENERS: usize = 64;

impl Default for Memory {
    fn default() -> Self {
        Self {
            began: now(),
            listeners: Arc::new(Semaphore::new(LISTENERS)),
            closing: watch::Sender::new(false),
            records: records::Shelf::default(),
            policies: policy::History::default(),
            index: OnceLock::new(),
            workloads: workloads::Seen::default(),
            health: health::Probes::default(),
        }
    }
}

impl Memory {
    /// The index of all records.
    pub(super) fn index(&self, state_dir: &Path) -> &Index {
        self.index.get_or_init(|| Index::new(state_dir))
    }
}

impl Desk {
    /// A place to listen at, kept as long as it is used; none where all are taken.
    #[must_use]
    pub fn place_to_listen(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.memory.listeners).try_acquire_owned().ok()
    }

    /// Hears when the gateway stops answering.
    #[must_use]
    pub fn closing(&self) -> watch::Receiver<bool> {
        self.memory.closing.subscribe()
    }

    /// Nobody is told anything any more.
    pub fn close(&self) {
        self.memory.closing.send_replace(true);
    }

    /// The last sample, for who may see how the gateway is.
    #[must_use]
    pub fn last_sample(&self, actor: &Actor) -> Option<Sample> {
        actor.may(Role::Viewer, On::default()).then(|| self.shared.chart.last()).flatten()
    }
}

/// Shows it to `actor`, as far as they may see it.
pub(super) async fn show(shared: &Arc<Shared>, memory: &Arc<Memory>, actor: &Actor, look: Look) -> Result<Shown, CommandError> {
    let (shared, memory, actor) = (Arc::clone(shared), Arc::clone(memory), actor.clone());
    // All of it reads files or takes its time.
    aside(move || shown(&shared, &memory, &actor, look)).await
}

fn shown(shared: &Shared, memory: &Memory, actor: &Actor, look: Look) -> Result<Shown, CommandError> {
    let state_dir = &shared.config.state_dir;
    // What is about everything is for who may see everything.
    let all = |what| actor.must(Role::Viewer, On::default(), what);
    match &look {
        Look::Policy | Look::PolicyVersions | Look::PolicyVersion(_) | Look::CheckPolicy(_) => all("to read the policy")?,
        Look::Log => all("to see how the log stands")?,
        Look::Health | Look::Chart => all("to see how the gateway is")?,
        Look::Records(_)
        | Look::Record(_)
        | Look::Frames { .. }
        | Look::CheckRecord(_)
        | Look::CheckAll
        | Look::Workloads
        | Look::Targets
        | Look::Incident(_)
        | Look::Events { .. } => {}
    }
    Ok(match look {
        Look::Records(query) => {
            Shown::Records(records::list(state_dir, (memory.index(state_dir), &memory.records), actor, &query)?)
        }
        Look::Record(id) => Shown::Record(Box::new(records::one((state_dir, &shared.store), &memory.records, actor, id)?)),
        Look::Frames { id, after, most } => {
            Shown::Frames(records::frames((state_dir, &shared.store), &memory.records, actor, id, after, most)?)
        }
        Look::CheckRecord(id) => Shown::Checked(records::check(state_dir, &memory.records, actor, id)?),
        Look::CheckAll => Shown::CheckedAll(records::check_all(state_dir, actor)?),
        Look::Workloads => Shown::Workloads(workloads::list(shared, &memory.workloads, actor)?),
        Look::Targets => Shown::Targets(targets::list(shared, actor)),
        Look::Policy => Shown::Policy(policy::in_force(shared, &memory.policies)?),
        Look::PolicyVersions => Shown::PolicyVersions(policy::versions(shared, &memory.policies)?),
        Look::PolicyVersion(hash) => Shown::PolicyVersion(policy::version(shared, &memory.policies, &hash)?),
        Look::CheckPolicy(files) => Shown::CheckedPolicy(policy::check(files)),
        Look::Health => Shown::Health(Box::new(health::report(shared, &memory.health, memory.began)?)),
        Look::Log => Shown::Log(log::standing(shared)?),
        Look::Chart => {
            let step_seconds = crate::session::chart::STEP.as_secs();
            Shown::Chart(Chart { step_seconds, samples: shared.chart.samples() })
        }
        Look::Incident(request) => {
            let found = incidents::look((state_dir, memory.index(state_dir)), actor, &request)?;
            shared.store.enter_now(&[incidents::note(actor, &request)])?;
            Shown::Incident(Box::new(found))
        }
        Look::Events { after } => Shown::Events(events(shared, actor, after)?),
    })
}

/// Events that `actor` may hear of: those of what they may see, and all for who may see everything.
fn events(shared: &Shared, actor: &Actor, after: Option<u64>) -> Result<Events, CommandError> {
    let after = match after {
        Some(after) => after,
        None => shared.ledger.last_event()?.saturating_sub(LAST),
    };
    let all = shared.ledger.events_since(after)?;
    let last = all.last().map_or(after, |event| event.number);
    let events = all.into_iter().filter(|event| actor.may(Role::Viewer, on(event))).collect();
    Ok(Events { events, last })
}

/// What an event is about, as far as it says so.
fn on(event: &Event) -> On<'_> {
    let text = |name: &str| event.details.get(name).and_then(serde_json::Value::as_str);
    let workload = text("workload").map(|workload| (workload, text("name")));
    On { target: text("target"), workload }
}
