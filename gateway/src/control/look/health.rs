//! How the gateway is: what intercepts, what the kernel gives, and where it writes.

use super::super::{CommandError, Health, health};
use crate::capture::{self, Tier};
use crate::evidence::files;
use crate::session::context::Shared;
use gateway_core::model::time::Timestamp;
use serde::Serialize;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long what the kernel gives is remembered: it is found out by trying.
const REMEMBERED: Duration = Duration::from_secs(300);

/// How the gateway is.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct HealthReport {
    /// Whether jobs can rely on it.
    pub well: bool,
    /// Its host's name.
    pub host: String,
    /// Since when it answers.
    pub started: Timestamp,
    /// What it is, and whether it was seen to intercept.
    #[serde(flatten)]
    pub health: Health,
    /// What the kernel and the host give, each tried.
    pub probes: Vec<Probed>,
    /// Where records are written.
    pub evidence: Evidence,
    /// Events of what people decided.
    pub events: u64,
}

/// Something that was tried.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Probed {
    /// What.
    pub feature: &'static str,
    /// `core`: nothing is intercepted without it; or `optional`.
    pub tier: &'static str,
    /// Whether it is there.
    pub available: bool,
    /// Why not and what follows, or what it is good for.
    pub why: String,
}

/// Where records are written.
#[derive(Clone, Debug, Serialize, utoipa::ToSchema)]
pub struct Evidence {
    /// How many there are.
    pub records: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Bytes that are free on their file system.
    pub free_bytes: u64,
    /// What becomes of a session that can't be recorded: `stop` or `continue`.
    pub on_failure: &'static str,
}

/// What was tried, and when.
#[derive(Debug, Default)]
pub(super) struct Probes(Mutex<Option<(Instant, Vec<Probed>)>>);

pub(super) fn report(shared: &Shared, probes: &Probes, started: Timestamp) -> Result<HealthReport, CommandError> {
    let health = health(shared);
    let state_dir = &shared.config.state_dir;
    Ok(HealthReport {
        well: health.is_well(),
        host: shared.resolver.host().to_owned(),
        started,
        health,
        probes: probes.look(),
        evidence: evidence(state_dir, shared.config.record.on_failure.name())?,
        events: shared.ledger.last_event()?,
    })
}

impl Probes {
    fn look(&self) -> Vec<Probed> {
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match known.as_ref().filter(|(at, _)| at.elapsed() < REMEMBERED) {
            Some((_, probes)) => probes.clone(),
            None => {
                let probes: Vec<_> = capture::probe().into_iter().map(probed).collect();
                *known = Some((Instant::now(), probes.clone()));
                probes
            }
        }
    }
}

fn probed(probe: capture::Probe) -> Probed {
    let tier = if probe.tier == Tier::Core { "core" } else { "optional" };
    Probed { feature: probe.feature, tier, available: probe.available, why: probe.why }
}

fn evidence(state_dir: &Path, on_failure: &'static str) -> Result<Evidence, CommandError> {
    let (mut records, mut bytes) = (0, 0);
    for (path, name) in files::all(state_dir)? {
        records += u64::from(name.is_some_and(|(_, segment)| segment == 0));
        // One that has gone meanwhile has none.
        bytes += path.metadata().map_or(0, |about| about.len());
    }
    let free_bytes = nix::sys::statvfs::statvfs(state_dir).map_or(0, |about| about.blocks_available() * about.fragment_size());
    Ok(Evidence { records, bytes, free_bytes, on_failure })
}
