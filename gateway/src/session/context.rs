//! What all sessions of a gateway share, and the ids that they get.

use crate::capture::Capture;
use crate::catalog::Catalogs;
use crate::config::{Config, TargetSettings, load_policy};
use crate::credential::Credentials;
use crate::evidence::{Store, keep_policy, now};
use crate::identity::Resolver;
use crate::ledger::{Follower, Ledger};
use crate::masking::Masking;
use crate::names::Names;
use crate::netns::{Doors, Visitor};
use crate::parse_pool::ParsePool;
use crate::session::canary::CanaryDoor;
use crate::session::chart::Chart;
use crate::session::judge::judge_again;
use crate::session::live::Live;
use crate::session::totals::Totals;
use crate::tls::ServerSide;
use arc_swap::ArcSwap;
use gateway_core::model::ids::{HoldId, RunId, SessionId};
use gateway_core::model::target::Target;
use gateway_core::policy::PolicySet;
use gateway_core::record::log::Entry;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What all sessions share. Policy alone changes, and as a whole.
pub struct Shared {
    /// The configuration as used.
    pub config: Config,
    /// The policy set in force.
    pub policy: ArcSwap<PolicySet>,
    /// The kernel side.
    pub capture: Capture,
    /// The network namespaces of jobs in which the gateway listens.
    pub doors: Arc<Doors>,
    /// Makes sockets in them.
    pub visitor: Visitor,
    /// Who a process is.
    pub resolver: Resolver,
    /// The resolver of jobs.
    pub names: Names,
    /// The live sessions.
    pub live: Live,
    /// What people have decided.
    pub ledger: Arc<Ledger>,
    /// Follows what other gateways write there.
    pub follower: Follower,
    /// The records.
    pub store: Store,
    /// TLS towards jobs.
    pub server_side: ServerSide,
    /// The targets' credentials.
    pub credentials: Credentials,
    /// Where statements are read.
    pub parse_pool: Arc<ParsePool>,
    /// What is known of the targets' databases.
    pub catalogs: Catalogs,
    /// What is masked.
    pub masking: Arc<Masking>,
    /// What was done over the last hour.
    pub chart: Chart,
    /// Running totals.
    pub totals: Totals,
    /// Where canaries come out.
    pub canary: CanaryDoor,
    /// Sessions begun.
    pub begun: AtomicU64,
    /// Sessions refused at the door.
    pub refused: AtomicU64,
}

impl Shared {
    /// The settings of a target that is configured.
    pub fn settings(&self, target: &Target) -> Option<&TargetSettings> {
        self.config.targets.named(&target.name).filter(|_| target.configured)
    }

    /// Reads the policy directory again and judges every live session anew. A bad set leaves the one in force.
    pub fn reload_policy(&self) -> Result<String, String> {
        let (set, texts) = load_policy(&self.config.policy.dir).map_err(|error| format!("{error:#}"))?;
        let hash = set.hash().to_owned();
        // What decides is kept before it decides.
        keep_policy(&self.config.state_dir, &hash, &texts.policies).map_err(|error| error.to_string())?;
        self.store.enter(&Entry::Policy { at: now().0, hash: hash.clone() }).map_err(|error| error.to_string())?;
        self.policy.store(Arc::new(set));
        let ended = judge_again(self);
        tracing::info!(policy = hash, ended, "the policy set was replaced");
        Ok(hash)
    }
}

/// A new session's id.
pub fn new_session() -> SessionId {
    SessionId::new(now(), random())
}

/// A new run's id.
pub fn new_run() -> RunId {
    RunId::new(now(), random())
}

/// A new hold's id.
pub fn new_hold() -> HoldId {
    HoldId::new(now(), random())
}

/// Random bits for ids.
pub fn random() -> u32 {
    getrandom::u32().unwrap_or_else(|_unavailable| {
        // Ids need to differ, not to be secret.
        static NEXT: AtomicU64 = AtomicU64::new(0);
        u32::try_from(NEXT.fetch_add(1, Ordering::Relaxed) & 0xffff_ffff).unwrap_or_default()
    })
}
